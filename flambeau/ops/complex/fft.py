"""The functions of ``torch.fft``: discrete Fourier transforms of real and complex tensors in any number of dimensions.

Every function takes ``n`` (or ``s``): lengths to which the input is cut, or filled with zeros, before it is transformed; ``dim``;
and ``norm``, one of ``"backward"`` (the default: the inverse is scaled by one over the number of elements), ``"ortho"`` and
``"forward"``. Integers are transformed as the default dtype; half types are refused (``RuntimeError``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ...core.tensor import Tensor
from ...graph.dtypes import TYPE_NAMES, complex64, complex128, float32, float64, get_default_dtype
from .. import creation, joining, ranges
from ..creation import finished
from ..operation import DECLARED, Dims, operation, titled
from .calls import complex_operation
from .fourier import half_of_transform, real_of_half, transformed
from .parts import as_complex, made
from .tensor import ComplexTensor, axis_of

_F = TypeVar("_F", bound=Callable[..., Any])

Lengths = Any
"""One integer, several, or None for those of the input."""


def transform(out: bool | str = True) -> Callable[[_F], _F]:
    """Decorator: a function is exported by ``torch.fft`` alone, and takes complex numbers as it takes real ones."""

    def declare(function: _F) -> _F:
        name = function.__name__
        return operation(only=f"fft.{name}", out=out)(complex_operation(f"fft_{name}")(function))

    return declare


# --- lengths and axes -------------------------------------------------------------------------------------------------


def _plan(input: Tensor, s: Lengths, dim: Any) -> tuple[list[int], list[int]]:
    """Axes, counted from the first, and the length of each."""
    s = (s,) if isinstance(s, int) else s
    if s is not None and len(s) > input.ndim and dim is None:
        raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {input.ndim} dimensions.")
    if dim is None:
        axes = list(range(0 if s is None else input.ndim - len(s), input.ndim))
    else:
        axes = [_axis(input, axis) for axis in ((dim,) if isinstance(dim, int) else dim)]
    if len(set(axes)) < len(axes):
        raise RuntimeError("FFT dims must be unique")
    lengths = [-1] * len(axes) if s is None else list(s)
    if len(lengths) != len(axes):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    return axes, [input.shape[axis] if length == -1 else length for axis, length in zip(axes, lengths)]


def _axis(input: Tensor, dim: int) -> int:
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return axis_of(input, dim)


def _fitted(x: Any, axes: Sequence[int], lengths: Sequence[int]) -> Any:
    """``x`` cut or filled with zeros to these lengths."""
    for axis, length in zip(axes, lengths):
        if length < 1:
            raise RuntimeError(f"Invalid number of data points ({length}) specified")
        extent = x.shape[axis]
        if extent > length:
            x = x.narrow(axis, 0, length)
        elif extent < length:
            shape = (*x.shape[:axis], length - extent, *x.shape[axis + 1 :])
            x = joining.cat([x, creation.zeros(*shape, dtype=x.dtype)], axis) if not isinstance(x, ComplexTensor) else made(
                *[joining.cat([part, part.new_zeros(shape)], axis) for part in (x.real, x.imag)]
            )
    return x


def _numbers(input: Tensor) -> Tensor:
    """Real numbers of the dtype in which they are transformed, or complex ones."""
    d = input.dtype
    if d.category < 2:
        return input.to(get_default_dtype())  # type: ignore[no-any-return]
    if d not in (float32, float64, complex64, complex128):
        raise RuntimeError(f"Unsupported dtype {TYPE_NAMES[d]}")
    return input


# --- complex transforms -----------------------------------------------------------------------------------------------


def _complex_transform(input: Tensor, s: Lengths, dim: Any, norm: str | None, forward: bool) -> Tensor:
    axes, lengths = _plan(input, s, dim)
    return transformed(as_complex(_fitted(_numbers(input), axes, lengths)), axes, forward, norm)


def _half_of_transform(name: str, input: Tensor, s: Lengths, dim: Any, norm: str | None) -> ComplexTensor:
    if isinstance(input, ComplexTensor):
        raise RuntimeError(f"{name} expects a real input tensor, but got {TYPE_NAMES[input.dtype]}")
    axes, lengths = _plan(input, s, dim)
    if not axes:
        raise RuntimeError(f"{name} must transform at least one axis")
    return half_of_transform(_fitted(_numbers(input), axes, lengths), axes, norm)


def _real_of_half(name: str, input: Any, s: Lengths, dim: Any, norm: str | None) -> Tensor:
    axes, lengths = _plan(input, s, dim)
    if not axes:
        raise RuntimeError(f"{name} must transform at least one axis")
    given = list(s)[-1] if isinstance(s, (tuple, list)) and s else -1
    length = 2 * (input.shape[axes[-1]] - 1) if given == -1 else lengths[-1]
    if length < 1:
        raise RuntimeError(f"Invalid number of data points ({length}) specified")
    half = _fitted(as_complex(_numbers(input)), axes, [*lengths[:-1], length // 2 + 1])
    return real_of_half(half, axes, length, norm)


# --- in one dimension -------------------------------------------------------------------------------------------------


def _one(n: int | None) -> Lengths:
    return None if n is None else (n,)


@transform()
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The transform along one dimension: ``X[k] = sum(x[j] * exp(-2i pi j k / n))``."""
    return _complex_transform(input, _one(n), dim, norm, True)


@transform()
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of :func:`fft`."""
    return _complex_transform(input, _one(n), dim, norm, False)


@transform()
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The first ``n // 2 + 1`` elements of the transform of real numbers; the others are conjugates of these."""
    return _half_of_transform("rfft", input, _one(n), dim, norm)


@transform(out="real")
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of :func:`rfft`: ``n`` real numbers, by default ``2 * (m - 1)`` of ``m`` given."""
    return _real_of_half("irfft", input, _one(n), dim, norm)


@transform(out="real")
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The transform, which is real, of numbers whose other half are conjugates of those given."""
    return _real_of_half("hfft", as_complex(_numbers(input)).conj(), _one(n), dim, _opposite(norm))


@transform()
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of :func:`hfft`."""
    return _half_of_transform("ihfft", input, _one(n), dim, _opposite(norm)).conj().resolve_conj()


def _opposite(norm: str | None) -> str | None:
    return {None: "forward", "backward": "forward", "forward": "backward"}.get(norm, norm)


# --- in several dimensions --------------------------------------------------------------------------------------------


@transform()
def fftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: str | None = None) -> Tensor:
    """The transform along several dimensions, all by default."""
    return _complex_transform(input, s, dim, norm, True)


@transform()
def ifftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: str | None = None) -> Tensor:
    """The inverse of :func:`fftn`."""
    return _complex_transform(input, s, dim, norm, False)


@transform()
def rfftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: str | None = None) -> Tensor:
    """:func:`rfft` along the last of the dimensions, :func:`fft` along the others."""
    return _half_of_transform("rfftn", input, s, dim, norm)


@transform(out="real")
def irfftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: str | None = None) -> Tensor:
    """The inverse of :func:`rfftn`."""
    return _real_of_half("irfftn", input, s, dim, norm)


@transform(out="real")
def hfftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: str | None = None) -> Tensor:
    """:func:`hfft` along the last of the dimensions, :func:`fft` along the others."""
    return _real_of_half("hfftn", as_complex(_numbers(input)).conj(), s, dim, _opposite(norm))


@transform()
def ihfftn(input: Tensor, s: Lengths = None, dim: Dims = None, norm: str | None = None) -> Tensor:
    """The inverse of :func:`hfftn`."""
    return _half_of_transform("ihfftn", input, s, dim, _opposite(norm)).conj().resolve_conj()


def _of_two(name: str, function: Callable[..., Tensor]) -> None:
    def of_two(input: Tensor, s: Lengths = None, dim: Dims = (-2, -1), norm: str | None = None) -> Tensor:
        return function(input, s, dim, norm)

    meaning = f":func:`{function.__name__}` along two dimensions, the last two by default."
    transform(DECLARED[function].out)(titled(of_two, name, meaning))


for _name, _function in {"fft": fftn, "ifft": ifftn, "rfft": rfftn, "irfft": irfftn, "hfft": hfftn, "ihfft": ihfftn}.items():
    _of_two(f"{_name}2", _function)


# --- frequencies ------------------------------------------------------------------------------------------------------


@transform(out="resized")
def fftfreq(
    n: int, d: float = 1.0, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The frequencies of the elements of :func:`fft`, in cycles per unit of the spacing ``d``."""
    found = _floating("fftfreq", dtype)
    return finished(ifftshift(ranges.arange(-(n // 2), (n + 1) // 2, dtype=found)) / (n * d), requires_grad, device)


@transform(out="resized")
def rfftfreq(
    n: int, d: float = 1.0, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The frequencies of the elements of :func:`rfft`, in cycles per unit of the spacing ``d``."""
    return finished(ranges.arange(0, n // 2 + 1, dtype=_floating("rfftfreq", dtype)) / (n * d), requires_grad, device)


def _floating(name: str, d: Any) -> Any:
    d = d or get_default_dtype()
    if d.category < 2:
        raise RuntimeError(f"{name} requires a floating point or complex dtype")
    return d


def _shifted(input: Tensor, dim: Any, back: bool) -> Tensor:
    dims = list(range(input.ndim)) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    dims = [_axis(input, axis) for axis in dims]
    shifts = [(input.shape[axis] + back) // 2 for axis in dims]
    return input.roll(shifts, dims) if dims else input.clone()  # type: ignore[no-any-return]


@transform(out=False)
def fftshift(input: Tensor, dim: Dims = None) -> Tensor:
    """The elements in another order: that of frequency zero in the middle."""
    return _shifted(input, dim, False)


@transform(out=False)
def ifftshift(input: Tensor, dim: Dims = None) -> Tensor:
    """The inverse of :func:`fftshift`."""
    return _shifted(input, dim, True)


