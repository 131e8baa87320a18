"""The functions of ``torch.fft``: discrete Fourier transforms of real and complex tensors in any number of dimensions.

Every function takes ``n`` (or ``s``): lengths to which the input is cut, or filled with zeros, before it is transformed; ``dim``;
and ``norm``, one of ``"backward"`` (the default: the inverse is scaled by one over the number of elements), ``"ortho"`` and
``"forward"``. float16 and integers are transformed as float32, as are bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import get_default_dtype
from .. import creation, joining, ranges
from .fourier import transformed
from .parts import as_complex, made
from .tensor import ComplexTensor, axis_of

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift", "ihfft",
    "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip

_Lengths = Sequence[int] | None


# --- lengths and axes -------------------------------------------------------------------------------------------------


def _plan(input: Tensor, s: _Lengths, dim: Any) -> tuple[list[int], list[int]]:
    """Axes, counted from the first, and the length of each, -1 for that of the input."""
    if dim is None:
        axes = list(range(input.ndim)) if s is None else list(range(input.ndim - len(s), input.ndim))
    else:
        axes = [axis_of(input, axis) for axis in ((dim,) if isinstance(dim, int) else dim)]
    if len(set(axes)) < len(axes):
        raise RuntimeError("FFT dims must be unique")
    lengths = [-1] * len(axes) if s is None else list(s)
    if len(lengths) != len(axes):
        raise RuntimeError("When given, dim and shape arguments must have the same length")
    return axes, [input.shape[axis] if length == -1 else length for axis, length in zip(axes, lengths)]


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
    if isinstance(input, ComplexTensor) or input.dtype.kind == "float" and input.dtype.itemsize > 2:
        return input
    return input.to(get_default_dtype() if input.dtype.kind != "float" else get_default_dtype())  # type: ignore[no-any-return]


# --- complex transforms -----------------------------------------------------------------------------------------------


def _complex_transform(input: Tensor, s: _Lengths, dim: Any, norm: str | None, forward: bool) -> Tensor:
    axes, lengths = _plan(input, s, dim)
    return transformed(as_complex(_fitted(_numbers(input), axes, lengths)), axes, forward, norm)


def _real_only(name: str, input: Tensor) -> None:
    if isinstance(input, ComplexTensor):
        raise RuntimeError(f"{name} expects a real input tensor, but got {input.dtype}")


def _half_of_transform(input: Tensor, s: _Lengths, dim: Any, norm: str | None, forward: bool = True) -> Tensor:
    """The transform of real numbers: along the last axis, the half of which the rest is the conjugate."""
    axes, lengths = _plan(input, s, dim)
    if not axes:
        raise RuntimeError("rfftn must transform at least one axis")
    whole = transformed(as_complex(_fitted(_numbers(input), axes, lengths)), axes, forward, norm)
    return whole.narrow(axes[-1], 0, lengths[-1] // 2 + 1)


def _real_of_half(input: Tensor, s: _Lengths, dim: Any, norm: str | None, forward: bool = False) -> Tensor:
    """What has this half of a transform along the last axis: each number, but for the first and the one in the middle, stands
    for its conjugate as well."""
    axes, lengths = _plan(input, s, dim)
    if not axes:
        raise RuntimeError("irfftn must transform at least one axis")
    last = axes[-1]
    length = 2 * (input.shape[last] - 1) if s is None or list(s)[-1] == -1 else lengths[-1]
    if length < 1:
        raise RuntimeError(f"Invalid number of data points ({length}) specified")
    half = length // 2 + 1
    x: Any = as_complex(_fitted(_numbers(input), axes, [*lengths[:-1], half]))
    weights = x.real.new_ones(half)
    weights[1 : (length + 1) // 2] = 2.0
    x = x * weights.reshape(-1, *[1] * (x.ndim - 1 - last))
    whole = _fitted(x, [last], [length])
    return transformed(whole, axes, forward, norm).real  # type: ignore[no-any-return]


# --- in one dimension -------------------------------------------------------------------------------------------------


def _one(n: int | None) -> _Lengths:
    return None if n is None else (n,)


def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The transform along one dimension: ``X[k] = sum(x[j] * exp(-2i pi j k / n))``."""
    return _given(_complex_transform(input, _one(n), dim, norm, True), out)


def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of :func:`fft`."""
    return _given(_complex_transform(input, _one(n), dim, norm, False), out)


def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The first ``n // 2 + 1`` elements of the transform of real numbers; the others are conjugates of these."""
    _real_only("rfft", input)
    return _given(_half_of_transform(input, _one(n), dim, norm), out)


def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of :func:`rfft`: ``n`` real numbers, by default ``2 * (m - 1)`` of ``m`` given."""
    return _given(_real_of_half(input, _one(n), dim, norm), out)


def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The transform, which is real, of numbers whose other half are conjugates of those given."""
    return _given(_real_of_half(as_complex(_numbers(input)).conj(), _one(n), dim, _opposite(norm)), out)


def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of :func:`hfft`."""
    _real_only("ihfft", input)
    return _given(_half_of_transform(input, _one(n), dim, _opposite(norm)).conj().resolve_conj(), out)


def _opposite(norm: str | None) -> str | None:
    return {None: "forward", "backward": "forward", "forward": "backward"}.get(norm, norm)


# --- in several dimensions --------------------------------------------------------------------------------------------


def fftn(input: Tensor, s: _Lengths = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The transform along several dimensions, all by default."""
    return _given(_complex_transform(input, s, dim, norm, True), out)


def ifftn(input: Tensor, s: _Lengths = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of :func:`fftn`."""
    return _given(_complex_transform(input, s, dim, norm, False), out)


def rfftn(input: Tensor, s: _Lengths = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """:func:`rfft` along the last of the dimensions, :func:`fft` along the others."""
    _real_only("rfftn", input)
    return _given(_half_of_transform(input, s, dim, norm), out)


def irfftn(input: Tensor, s: _Lengths = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of :func:`rfftn`."""
    return _given(_real_of_half(input, s, dim, norm), out)


def hfftn(input: Tensor, s: _Lengths = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """:func:`hfft` along the last of the dimensions, :func:`fft` along the others."""
    return _given(_real_of_half(as_complex(_numbers(input)).conj(), s, dim, _opposite(norm)), out)


def ihfftn(input: Tensor, s: _Lengths = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of :func:`hfftn`."""
    _real_only("ihfftn", input)
    return _given(_half_of_transform(input, s, dim, _opposite(norm)).conj().resolve_conj(), out)


def _of_two(name: str, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def transform(
        input: Tensor, s: _Lengths = None, dim: Any = (-2, -1), norm: str | None = None, *, out: Any = None
    ) -> Tensor:
        return function(input, s, dim, norm, out=out)

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f":func:`{function.__name__}` along two dimensions, the last two by default."
    return transform


fft2, ifft2, rfft2 = _of_two("fft2", fftn), _of_two("ifft2", ifftn), _of_two("rfft2", rfftn)
irfft2, hfft2, ihfft2 = _of_two("irfft2", irfftn), _of_two("hfft2", hfftn), _of_two("ihfft2", ihfftn)


def _given(result: Any, out: Any) -> Any:
    if out is None:
        return result
    if out.shape != result.shape:
        out.resize_(result.shape)
    return out.copy_(result)


# --- frequencies ------------------------------------------------------------------------------------------------------


def fftfreq(n: int, d: float = 1.0, **options: Any) -> Tensor:
    """The frequencies of the elements of :func:`fft`, in cycles per unit of the spacing ``d``."""
    return ifftshift(ranges.arange(-(n // 2), (n + 1) // 2, **_floating(options))) / (n * d)


def rfftfreq(n: int, d: float = 1.0, **options: Any) -> Tensor:
    """The frequencies of the elements of :func:`rfft`, in cycles per unit of the spacing ``d``."""
    return ranges.arange(0, n // 2 + 1, **_floating(options)) / (n * d)  # type: ignore[no-any-return]


def _floating(options: dict[str, Any]) -> dict[str, Any]:
    options.pop("out", None)
    return {**options, "dtype": options.get("dtype") or get_default_dtype()}


def _shifted(input: Tensor, dim: Any, back: bool) -> Tensor:
    dims = list(range(input.ndim)) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    shifts = [(input.shape[axis] + back) // 2 for axis in dims]
    return input.roll(shifts, dims) if dims else input.clone()  # type: ignore[no-any-return]


def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The elements in another order: that of frequency zero in the middle."""
    return _shifted(input, dim, False)


def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The inverse of :func:`fftshift`."""
    return _shifted(input, dim, True)


