"""Half types beside numbers of other types: Python's, and tensors without axes. Which are rounded, and when, is PyTorch's."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

NUMBERS = (70000.0, 65519.0, 1e-8, 3.1415926, 1 / 3, 1e39, -2.00048828125)
"""Beyond the range of float16 and just within, below it, between its numbers; beyond the range of float32."""
KINDS = ("number", "int64", "float32", "float64", "float16", "bfloat16")
OPERATIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    **{name: lambda _, a, b, name=name: getattr(operator, name)(a, b)
       for name in ("add", "sub", "mul", "floordiv", "mod", "eq", "lt", "ge")},
    **{name: lambda library, a, b, name=name: getattr(library, name)(a, b)
       for name in ("div", "true_divide", "floor_divide", "fmod", "remainder")},
    "trunc": lambda library, a, b: library.div(a, b, rounding_mode="trunc"),
    "mul_": lambda _, a, b: a.clone().mul_(b), "div_": lambda _, a, b: a.clone().div_(b),
    "add_": lambda _, a, b: a.clone().add_(b),
    "where": lambda library, a, b: library.where(a > 0, a, b),
}  # fmt: skip
OF_TENSORS: dict[str, Callable[[Any, Any, Any], Any]] = {
    **{name: lambda library, a, b, name=name: getattr(library, name)(a, b)
       for name in ("maximum", "fmin", "hypot", "atan2", "copysign", "logaddexp", "pow")},
    "lerp": lambda library, a, b: library.lerp(a, a * 2, b),
    "addcmul": lambda library, a, b: library.addcmul(a, a, b),
}  # fmt: skip


def value_of(library: Any, kind: str, number: float) -> Any:
    if kind == "number":
        return number
    return library.tensor(int(min(number, 1e9)) if kind == "int64" else number, dtype=getattr(library, kind))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", [*OPERATIONS, *OF_TENSORS])
def test_what_is_rounded(name: str, dtype: str) -> None:
    function = OPERATIONS.get(name) or OF_TENSORS[name]
    for kind in KINDS if name in OPERATIONS else KINDS[2:4] if name in ("lerp", "addcmul") else KINDS[2:]:
        for number in NUMBERS:
            if kind == "int64":
                number = max(abs(number), 1.0)  # no division by zero
            results = [
                function(library, library.tensor([0.5, 1.0, 2.0, -3.0, 1e-4], dtype=getattr(library, dtype)),
                         value_of(library, kind, number))
                for library in (flambeau, torch)
            ]  # fmt: skip
            mine, theirs = results[0], results[1]
            assert str(mine.dtype) == str(theirs.dtype)
            np.testing.assert_array_equal(
                mine.double().numpy(), theirs.double().numpy(), f"{name} of {dtype} and {kind} {number}"
            )


def test_numbers_that_half_types_do_not_hold() -> None:
    for library in (flambeau, torch):
        for name, half in (("Half", library.float16), ("BFloat16", library.bfloat16)):
            x = library.ones(2, dtype=half)
            for call in (lambda x: x**1e39, lambda x: x.clone().fill_(1e39), lambda x: x.masked_fill(x > 0, 1e39)):
                with pytest.raises(RuntimeError, match=f"value cannot be converted to type c10::{name} without overflow"):
                    call(x)
