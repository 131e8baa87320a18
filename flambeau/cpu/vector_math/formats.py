"""The two formats that the functions compute in, and steps that many of them take.

Comparisons are false for NaN. ``minimum(c, x)`` and ``maximum(c, x)`` return ``x`` when ``x`` is NaN, so a clamp passes NaN
on, which ``llvm.minnum`` would not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..values import Number, Value, fma, where

BITS = {"float": 32, "double": 64}
MANTISSA_BITS = {"float": 23, "double": 52}
EXPONENT_BIAS = {"float": 127, "double": 1023}
SMALLEST_NORMAL = {"float": 2.0**-126, "double": 2.0**-1022}
INFINITY = float("inf")
NAN = float("nan")


def minimum(bound: Value | Number, x: Value) -> Value:
    """The smaller one, or ``x`` where ``x`` is NaN."""
    return where(x > bound, bound, x)


def maximum(bound: Value | Number, x: Value) -> Value:
    """The larger one, or ``x`` where ``x`` is NaN."""
    return where(x < bound, bound, x)


def polynomial(x: Value, coefficients: Sequence[float]) -> Value:
    """``c0 + c1 x + c2 x² + …`` by Horner's rule, one fused multiply-add a coefficient."""
    result = x.constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = fma(x, result, coefficient)
    return result


@contextmanager
def rarely(mask: Value) -> Iterator[None]:
    """Run the block's instructions only if the mask is set in some lane. What it computes must be selected by lane
    afterwards, so that no lane's result depends on its neighbours."""
    with mask.builder.when(mask.any()):
        yield
