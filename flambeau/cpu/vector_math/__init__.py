"""Flambeau's own elementary functions, as LLVM IR on vectors or scalars of float or double.

:data:`FUNCTIONS` maps each name to a :class:`Function` whose ``emit(b, type, lanes, x)`` (or ``emit(b, type, lanes, x,
y)``) appends the function's instructions to a builder and returns the name of the result. ``type`` is ``"float"`` or
``"double"``, the operands are SSA values of that type with that many lanes. A lane's result depends on that lane's
operands alone: neither the number of lanes nor their company changes a bit of it.

Functions of float are within 2 ulp of the true value and functions of double within 4, for all arguments, subnormal
numbers, infinities, NaN and signed zeros included; the exceptions are ``lgamma`` and ``digamma`` next to their negative
roots. No library function is called, no fast-math flag is used, and no instruction is poison for any argument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..ir import Builder
from . import (
    division,
    error_function,
    exponential,
    gamma,
    hyperbolic,
    inverse_trigonometric,
    logarithm,
    power,
    rounding,
    trigonometric,
)
from .values import Value


@dataclass(frozen=True, slots=True)
class Function:
    """An elementary function of ``arity`` operands, defined on values."""

    name: str
    arity: int
    definition: Callable[..., Value]

    def emit(self, b: Builder, type: str, lanes: int, *operands: str) -> str:
        """Append the function of SSA values with ``lanes`` lanes of ``type``; returns the result's name."""
        assert len(operands) == self.arity
        return self.definition(*(Value(b, type, lanes, operand) for operand in operands)).name


_UNARY = (
    exponential.exp,
    exponential.exp2,
    exponential.expm1,
    exponential.sigmoid,
    logarithm.log,
    logarithm.log2,
    logarithm.log10,
    logarithm.log1p,
    trigonometric.sin,
    trigonometric.cos,
    trigonometric.tan,
    inverse_trigonometric.asin,
    inverse_trigonometric.acos,
    inverse_trigonometric.atan,
    hyperbolic.sinh,
    hyperbolic.cosh,
    hyperbolic.tanh,
    hyperbolic.asinh,
    hyperbolic.acosh,
    hyperbolic.atanh,
    error_function.erf,
    error_function.erfc,
    error_function.erfcx,
    error_function.erfinv,
    gamma.lgamma,
    gamma.digamma,
    rounding.sqrt,
    rounding.rsqrt,
    rounding.reciprocal,
    rounding.round,
    rounding.trunc,
    rounding.floor,
    rounding.ceil,
    rounding.sign,
)
_BINARY = (
    inverse_trigonometric.atan2,
    power.pow,
    division.fmod,
    division.remainder,
    division.floor_divide,
    rounding.copysign,
    rounding.nextafter,
)

FUNCTIONS: dict[str, Function] = {
    definition.__name__: Function(definition.__name__, arity, definition)
    for arity, definitions in ((1, _UNARY), (2, _BINARY))
    for definition in definitions
}
