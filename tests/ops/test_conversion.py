"""Conversions between all dtypes, of numbers that the target cannot hold too: as PyTorch's on x86."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import flambeau

FLOATS = ["float64", "float32", "float16", "bfloat16"]
WHOLE = ["int64", "int32", "int16", "int8", "uint8", "bool"]
EDGES = [2.0**k for k in (7, 8, 15, 16, 31, 32, 33, 62, 63, 64)]
NUMBERS = [
    *(sign * (edge + by) for edge in EDGES for by in (-1.0, -0.5, 0.0, 0.5, 1.0) for sign in (1, -1)),
    *(0.0, -0.0, 0.5, -0.5, 0.999, -1.5, 2.5, 1e10, -1e10, 1e20, -1e20, 1e30, 12884901999.0),
    *(float("inf"), -float("inf"), float("nan")),
]


@pytest.mark.parametrize("source", FLOATS)
def test_floats_to_integers(source: str) -> None:
    theirs = torch.tensor(NUMBERS, dtype=torch.float64).to(getattr(torch, source))
    ours = flambeau.tensor(NUMBERS, dtype=flambeau.float64).to(getattr(flambeau, source))
    for target in WHOLE:
        expected = theirs.to(getattr(torch, target)).numpy()
        for given in (ours, flambeau.stack([ours, ours], 1)[:, 0]):
            np.testing.assert_array_equal(given.to(getattr(flambeau, target)).numpy(), expected, f"{source} to {target}")


def test_fused_with_what_is_around_it() -> None:
    numbers = np.array(NUMBERS, dtype=np.float32)
    with np.errstate(all="ignore"):
        expected = (torch.tensor(numbers) * 2).to(torch.int32) + 1
    for _ in range(3):
        result = (flambeau.tensor(numbers) * 2).to(flambeau.int32) + 1
        np.testing.assert_array_equal(result.numpy(), expected.numpy())


@pytest.mark.parametrize("source, target", list(itertools.product(WHOLE, [*WHOLE, *FLOATS])))
def test_integers_to_everything(source: str, target: str) -> None:
    numbers = np.array([0, 1, -1, 127, 128, 255, 256, -129, 40000, -40000, 2**31 - 1, -(2**31), 2**40 + 3, 2**63 - 1])
    theirs = torch.tensor(numbers).to(getattr(torch, source)).to(getattr(torch, target))
    ours = flambeau.tensor(numbers).to(getattr(flambeau, source)).to(getattr(flambeau, target))
    np.testing.assert_array_equal(ours.double().numpy(), theirs.double().numpy())
