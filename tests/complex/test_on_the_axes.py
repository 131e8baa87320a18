"""Derivatives of complex functions at real and at imaginary numbers, where a function of the parts may have a kink."""

from __future__ import annotations

from typing import Any

import pytest
from oracle import agree

POINTS = [0.5, -0.5, 0.5j, -0.5j, 2.0, -2.0, 2j, -2j, complex(0.5, -0.0), complex(-0.5, -0.0), complex(-0.0, 0.5), 1 - 1j]
FUNCTIONS = (
    "exp exp2 expm1 log log2 log10 log1p sqrt rsqrt sigmoid sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh "
    "reciprocal square sinc sgn angle abs"
).split()


@pytest.mark.parametrize("d", ["complex64", "complex128"])
def test_derivatives(d: str) -> None:
    def program(T: Any) -> Any:
        found = {}
        for name in FUNCTIONS:
            x = T.tensor(POINTS, dtype=getattr(T, d), requires_grad=True)
            y = getattr(T, name)(x)
            weights = (1, 1j) if y.is_complex() else (1,)
            found[name] = y, [T.autograd.grad(y, x, T.full_like(y, w), retain_graph=True) for w in weights]
        for power in (1.5, -0.7, 3, 0.5 + 1j):
            x = T.tensor(POINTS, dtype=getattr(T, d), requires_grad=True)
            found[power] = T.autograd.grad((x**power).abs().sum(), x)
        return found

    agree(program, 1e-5 if d == "complex64" else 1e-9)


def test_second_derivatives_and_ends() -> None:
    def program(T: Any) -> Any:
        found = []
        for name in ("exp", "sqrt", "asin", "acos", "asinh", "acosh", "atanh", "log1p"):
            x = T.tensor(POINTS, dtype=T.complex128, requires_grad=True)
            (slope,) = T.autograd.grad(getattr(T, name)(x).sum().abs(), x, create_graph=True)
            found.append((slope, T.autograd.grad(slope.abs().sum(), x)))
        return found, T.asin(T.tensor([1 + 0j, -1 + 0j])), T.acos(T.tensor([1 + 0j, -1 + 0j]))

    agree(program, 1e-9)
