"""New axes in an index: where they lie in memory is PyTorch's, whether there is a history or not, and what is written there."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import flambeau

INDICES = [
    "None, 1", "..., None, 1", "1:, None, 1", "1, None, 1:", ":, None, None, 1", "1, None", "None, 1, None, :, None",
    "1, 1, None", "1, 1, 1, None", "1, ..., None, 0", "None, i", "0, None, i", ":, None, i", "i, None, 1", "None, True, 1",
    "::2, None, 1:, 0",
]  # fmt: skip
TENSORS = ["x", "x.mT", "x.permute(2, 0, 1)", "x[1:]", "x[:, :2]"]


@pytest.mark.parametrize("tracked", [False, True])
@pytest.mark.parametrize("index", INDICES)
def test_strides(index: str, tracked: bool) -> None:
    for tensor in TENSORS:
        found = []
        for T in (flambeau, torch):
            x = T.arange(24.0).view(4, 3, 2).requires_grad_(tracked)
            names: dict[str, Any] = {"x": x, "i": T.tensor([0, 1])}
            try:
                result = eval(f"{tensor}[{index}]", names)
            except IndexError as error:
                found.append([str(error)])
                continue
            if tracked:
                (result * result).sum().backward()
            gradient = x.grad.tolist() if tracked else None
            found.append([tuple(result.shape), result.stride(), result.storage_offset(), result.tolist(), gradient])
        assert found[0] == found[1], tensor


VALUES = ["1", "2.5", "T.tensor(3)", "T.arange(2.0)", "T.ones(1, 3, 2)", "T.ones(2, requires_grad=True)"]


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("index", ["True", "False"])
def test_writing_where_a_truth_value_says(index: str, value: str) -> None:
    """``x[True]`` is what ``x[None]`` is, so that anything is converted; ``x[False]`` is nothing, and has no history."""
    found = []
    for T in (flambeau, torch):
        x = T.zeros(3, 2)
        exec(f"x[{index}] = {value}", {"x": x, "T": T})
        found.append((x.tolist(), x.requires_grad))
    assert found[0] == found[1]
