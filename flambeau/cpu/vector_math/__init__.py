"""Flambeau's own elementary functions, on vectors or single values of float or double.

:data:`FUNCTIONS` has each by its name: a Python function that writes the instructions and returns the result. A lane's result
depends on that lane's operands alone: neither the number of lanes nor their company changes a bit of it.

Functions of float are within 2 ulp of the true value and functions of double within 4, for all arguments, subnormal
numbers, infinities, NaN and signed zeros included; the exceptions are ``lgamma`` and ``digamma`` next to their negative
roots. No library function is called, no fast-math flag is used, and no instruction is poison for any argument.
"""

from __future__ import annotations

from collections.abc import Callable

from ..values import Value
from . import error_function, exponential, gamma, hyperbolic, logarithm, power, rounding, trigonometric

_EXPORTED = {
    exponential: "exp exp2 expm1 sigmoid",
    logarithm: "log log2 log10 log1p",
    trigonometric: "sin cos tan asin acos atan atan2",
    hyperbolic: "sinh cosh tanh asinh acosh atanh",
    error_function: "erf erfc erfcx erfinv",
    gamma: "lgamma digamma",
    power: "pow",
    rounding: "sqrt rsqrt reciprocal round trunc floor ceil sign copysign nextafter fmod remainder floor_divide",
}

FUNCTIONS: dict[str, Callable[..., Value]] = {
    name: getattr(module, name) for module, names in _EXPORTED.items() for name in names.split()
}
"""The functions, of one operand or of two."""
