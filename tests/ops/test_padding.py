"""Padding against PyTorch where the operations' table does not look: the layout of what is cropped or left as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import flambeau

VIEWS = {
    "plain": lambda x: x,
    "permuted": lambda x: x.permute(2, 0, 1),
    "every second": lambda x: x[:, ::2],
    "transposed": lambda x: x.transpose(0, 1),
}


@pytest.mark.parametrize("amounts", [(0, 0), (0, 0, 0, 0), (-1, 0), (-1, -1), (1, 0), (1, -1)])
@pytest.mark.parametrize("name", VIEWS)
def test_layout_and_gradient(name: str, amounts: tuple[int, ...]) -> None:
    def padded(T: Any) -> tuple[Any, Any, Any]:
        x = T.arange(24.0).reshape(2, 3, 4).clone().requires_grad_()
        y = T.nn.functional.pad(VIEWS[name](x), amounts)
        (gradient,) = T.autograd.grad((y * y).sum(), x)
        return y.detach().numpy(), y.stride(), gradient.numpy()

    ours, theirs = padded(flambeau), padded(torch)
    np.testing.assert_array_equal(ours[0], theirs[0])
    assert ours[1] == theirs[1]
    np.testing.assert_array_equal(ours[2], theirs[2])


@pytest.mark.parametrize("amounts", [(1, -1), (-1, 2), (3, 3), (-1, -2), (2, 1, -1, 1), (4, 0), (0, 4), (-3, 0)])
def test_circular(amounts: tuple[int, ...]) -> None:
    """Cropping comes first; what is left goes round. (Beyond what is left PyTorch shows memory that it never wrote.)"""

    def padded(T: Any) -> Any:
        x = T.arange(18.0).reshape(1, 2, 3, 3) if len(amounts) > 2 else T.arange(6.0).reshape(1, 2, 3)
        try:
            return T.nn.functional.pad(x, amounts, mode="circular").tolist()
        except RuntimeError:
            return "refused"

    assert padded(flambeau) == padded(torch)
