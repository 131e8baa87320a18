"""Losses of a distance: values, gradients and second gradients against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import flambeau

VALUES = [0.5, 1.0, 1.5, -1.0, -0.5, 0.0, 1e-30, 3e4, float("nan"), float("inf"), -float("inf")]


def losses(library: Any) -> dict[str, Any]:
    F = library.nn.functional
    return {
        "mse": F.mse_loss,
        "smooth_l1": F.smooth_l1_loss,
        "smooth_l1 of 0.3": lambda x, y, reduction: F.smooth_l1_loss(x, y, reduction=reduction, beta=0.3),
        "huber": F.huber_loss,
        "huber of 0.3": lambda x, y, reduction: F.huber_loss(x, y, reduction=reduction, delta=0.3),
    }


def run(library: Any, name: str, reduction: str, x: Any, y: Any, both: bool) -> list[Any]:
    x = library.tensor(x, requires_grad=True)
    y = library.tensor(y, requires_grad=both)
    loss = losses(library)[name](x, y, reduction=reduction)
    inputs = (x, y) if both else (x,)
    first = library.autograd.grad((loss * loss).sum() if both else loss.sum(), inputs, create_graph=both)
    found = [loss.detach(), *[g.detach() for g in first]]
    if both:
        second = library.autograd.grad(sum((g * g).sum() for g in first), inputs)
        found += second
    return [loss.grad_fn.name(), *[np.array(t.tolist()) for t in found]]


@pytest.mark.parametrize("name", losses(torch))
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_values_and_gradients(name: str, reduction: str) -> None:
    generator = np.random.default_rng(0)
    for shape in ((7,), (4, 5), (), (0,), (2, 3, 4)):
        x, y = generator.standard_normal(shape), generator.standard_normal(shape)
        for both in (False, True):
            for _ in range(2):
                compare(run(flambeau, name, reduction, x, y, both), run(torch, name, reduction, x, y, both))


@pytest.mark.parametrize("name", losses(torch))
def test_where_the_distance_is_extreme(name: str) -> None:
    x, y = np.array(VALUES), np.zeros(len(VALUES))
    compare(run(flambeau, name, "none", x, y, False), run(torch, name, "none", x, y, False))


def compare(ours: list[Any], theirs: list[Any]) -> None:
    assert ours[0] == theirs[0]
    for a, b in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_broadcasting_and_errors() -> None:
    with pytest.warns(UserWarning, match="target size"):
        loss = flambeau.nn.functional.mse_loss(flambeau.ones(3, 4, requires_grad=True), flambeau.zeros(4))
    assert loss.item() == 1.0
    with pytest.raises(ValueError, match="is not a valid value for reduction"):
        flambeau.nn.functional.mse_loss(flambeau.ones(3), flambeau.ones(3), reduction="most")
    with pytest.raises(NotImplementedError, match="mse_cpu"):
        flambeau.nn.functional.mse_loss(flambeau.arange(3), flambeau.arange(3))
