"""The way to complex numbers (:mod:`flambeau.ops.complex`), which are loaded with the first: functions that make them, and calls
that operations have failed with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import dtype
from .dispatch import FURTHER
from .operation import operation, titled


def _of_complex_numbers(
    name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """The result of a call with complex numbers, or ``NotImplemented``."""
    if not any(map(_may_be_complex, (*arguments, *keywords.values()))):
        return NotImplemented
    from .complex import complex_call

    return complex_call(name, call, arguments, keywords)


def _may_be_complex(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_may_be_complex, value))
    d = getattr(value, "dtype", value)
    return isinstance(value, complex) or d is complex or getattr(d, "kind", "") in ("c", "complex")


FURTHER.append(_of_complex_numbers)


@operation(only="complex", method=False)
def complex_of(real: Tensor, imag: Tensor) -> Any:
    """The complex numbers with these real and imaginary parts, which have one floating-point dtype (``RuntimeError``)."""
    from .complex import making

    return making.complex_of(real, imag)


@operation(method=False)
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


def _complex_method(name: str, d: dtype) -> None:
    def convert(self: Tensor) -> Any:
        from .complex import making

        return making.converted_complex(self, d)

    operation(function=False)(titled(convert, name, f"The tensor as {d.name}."))


for _name, _dtype in {"cfloat": dtypes.complex64, "cdouble": dtypes.complex128, "chalf": dtypes.complex32}.items():
    _complex_method(_name, _dtype)
