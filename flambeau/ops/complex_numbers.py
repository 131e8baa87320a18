"""The way to complex numbers (:mod:`flambeau.ops.complex`), which are loaded with the first: functions that make them, and calls
that operations have failed with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import dtype
from .calls import KINDS, from_a_mode
from .dispatch import FURTHER
from .operation import operation, titled


def _of_complex_numbers(
    name: str, call: Callable[..., Any] | None, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """The result of a call with complex numbers, or ``NotImplemented``."""
    if not any(map(_may_be_complex, (*arguments, *keywords.values()))):
        return NotImplemented
    from .complex import complex_call

    if complex_call in KINDS and call is not None and from_a_mode():  # it has had its say
        return NotImplemented
    return complex_call(name, call, arguments, keywords)


def _may_be_complex(value: Any, depth: int = 0) -> bool:
    if isinstance(value, (list, tuple)):
        return depth < 64 and any([_may_be_complex(member, depth + 1) for member in value])
    d = getattr(value, "dtype", value)
    kind = getattr(d, "kind", "")
    # What has attributes of every name, and is compared to something else than a truth, is no number.
    return isinstance(value, complex) or d is complex or isinstance(kind, str) and kind in ("c", "complex")


FURTHER.append(_of_complex_numbers)


@operation(only="complex", method=False, out="exact")
def complex_of(real: Tensor, imag: Tensor) -> Any:
    """The complex numbers with these real and imaginary parts, which have one floating-point dtype (``RuntimeError``)."""
    from .complex import making

    return making.complex_of(real, imag)


@operation(method=False, out="exact")
def polar(abs: Tensor, angle: Tensor) -> Any:
    """The complex numbers with these absolute values and angles, of one floating-point dtype (``RuntimeError``)."""
    from .complex import making

    return making.polar(abs, angle)


@operation(method=False)
def view_as_complex(input: Tensor) -> Any:
    """Pairs in the last axis, of two elements next to each other, as complex numbers in the same memory."""
    from .complex import making

    return making.view_as_complex(input)


@operation(method=False)
def view_as_real(input: Tensor) -> Tensor:
    """Complex numbers as pairs in the same memory. ``RuntimeError`` for real ones."""
    raise RuntimeError("view_as_real is only supported for complex tensors")


@operation(only="linalg.eig", method=False, out=True)
def eig(A: Tensor) -> Any:
    """Eigenvalues and eigenvectors of square matrices, which are complex. They have no gradient."""
    from .complex import factorizations

    return factorizations.eig(A)


@operation(only="linalg.eigvals", method=False, out=True)
def eigvals(A: Tensor) -> Any:
    """Eigenvalues of square matrices, which are complex. They have no gradient."""
    from .complex import factorizations

    return factorizations.eigvals(A)


@operation()
def stft(
    input: Tensor, n_fft: int, hop_length: Any = None, win_length: Any = None, window: Any = None, center: bool = True,
    pad_mode: str = "reflect", normalized: bool = False, onesided: Any = None, return_complex: Any = None,
    align_to_window: Any = None,
) -> Any:  # fmt: skip
    """The Fourier transforms of overlapping frames of signals (time) or (batch, time): (…, frequencies, frames), complex.

    Each frame has ``n_fft`` elements, begins ``hop_length`` (a quarter of that) after the one before, and is multiplied by the
    ``window`` (ones) of ``win_length`` elements in its middle. With ``center`` frame number t is around element t · hop_length.
    """
    from .complex import frames

    return frames.stft(
        input, n_fft, hop_length, win_length, window, center, pad_mode, normalized, onesided, return_complex
    )


@operation()
def istft(
    input: Any, n_fft: int, hop_length: Any = None, win_length: Any = None, window: Any = None, center: bool = True,
    normalized: bool = False, onesided: Any = None, length: Any = None, return_complex: bool = False,
) -> Any:  # fmt: skip
    """The signal that :func:`stft` was taken of, by overlapping and adding (Griffin and Lim 1984)."""
    from .complex import frames

    return frames.istft(input, n_fft, hop_length, win_length, window, center, normalized, onesided, length, return_complex)


def _complex_method(name: str, d: dtype) -> None:
    def convert(self: Tensor, *, memory_format: Any = None) -> Any:
        from .complex import making

        return making.converted_complex(self, d)

    operation(function=False)(titled(convert, name, f"The tensor as {d.name}."))


for _name, _dtype in {"cfloat": dtypes.complex64, "cdouble": dtypes.complex128, "chalf": dtypes.complex32}.items():
    _complex_method(_name, _dtype)
