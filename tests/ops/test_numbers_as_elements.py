"""Python numbers that become elements of tensors: cut, rounded or refused as in PyTorch, by whatever way they come."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch

import flambeau

NUMBERS = [
    0, 0.5, 1.5, -1, 300, 300.5, 65520.0, -1e9, 1e39, 3.396e38, 1e300, float("inf"), float("nan"), 2**40, 2**63, True,
]  # fmt: skip
DTYPES = "int8 uint8 int64 bool float16 bfloat16 float32 float64".split()
WAYS: dict[str, Any] = {
    "masked_fill": lambda T, x, v: x.masked_fill(T.tensor([True, False]), v),
    "masked_fill_": lambda T, x, v: x.masked_fill_(T.tensor([True, False]), v),
    "index": lambda T, x, v: x.__setitem__(0, v) or x,
    "mask": lambda T, x, v: x.__setitem__(T.tensor([True, False]), v) or x,
    "fill_": lambda T, x, v: x.fill_(v),
    "index_fill": lambda T, x, v: x.index_fill(0, T.tensor([0]), v),
    "new_full": lambda T, x, v: x.new_full((3,), v),
    "full": lambda T, x, v: T.full((3,), v, dtype=x.dtype),
    "full_like": lambda T, x, v: T.full_like(x, v),
    "fill_ of one": lambda T, x, v: x[:1].fill_(v),
    "full of one": lambda T, x, v: T.full((1, 1), v, dtype=x.dtype),
    "full_like of one": lambda T, x, v: T.full_like(x[0], v),
    "clamp_min": lambda T, x, v: x.clamp_min(v) if x.dtype != T.bool or v is not True else x,
    "clamp_max": lambda T, x, v: x.clamp(max=v) if x.dtype != T.bool or v is not True else x,
    "clamp beside a fraction": lambda T, x, v: x.clamp(v, 2.5),
    "clamp beside a negative integer": lambda T, x, v: x.clamp(-2, v),
    "scalar_tensor": lambda T, x, v: T.scalar_tensor(v, dtype=x.dtype),
}


def given(lib: ModuleType, way: Any, dtype: str, number: Any) -> str:
    try:
        return str(way(lib, lib.ones(2, dtype=getattr(lib, dtype)), number).tolist())
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_as_pytorch(way: Any) -> None:
    for dtype in DTYPES:
        for number in NUMBERS:
            assert given(flambeau, way, dtype, number) == given(torch, way, dtype, number), (dtype, number)


@pytest.mark.parametrize("d", ["float16", "bfloat16", "float32", "float64"])
def test_factors_of_sums(d: str) -> None:
    """A factor becomes a number of the result's dtype, and must be one."""
    for alpha in (70000, 65504, -7e4, 1e39, 1e300, float("inf"), 2):
        for name in ("add", "sub", "rsub"):
            found = []
            for library in (torch, flambeau):
                x = library.tensor([1e4, 2.0], dtype=getattr(library, d))
                try:
                    found.append(getattr(library, name)(x, x, alpha=alpha).double().tolist())
                except RuntimeError as error:
                    found.append(str(error))
            assert found[0] == found[1]
