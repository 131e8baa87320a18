"""Modules that learn the size of their input from the first call."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

import flambeau
from flambeau import nn

CASES: list[tuple[str, tuple[Any, ...], tuple[int, ...]]] = [
    ("LazyLinear", (4,), (2, 3)),
    ("LazyConv1d", (4, 3), (2, 3, 8)),
    ("LazyConv2d", (4, 3), (2, 3, 8, 8)),
    ("LazyBatchNorm1d", (), (4, 3)),
    ("LazyBatchNorm2d", (), (4, 3, 2, 2)),
    ("LazyInstanceNorm2d", (), (4, 3, 2, 2)),
]


@pytest.mark.parametrize(("name", "arguments", "shape"), CASES, ids=[case[0] for case in CASES])
def test_first_call_decides(name: str, arguments: tuple[Any, ...], shape: tuple[int, ...]) -> None:
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    assert repr(ours) == repr(theirs)
    assert ours.has_uninitialized_params()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs(torch.ones(shape))
    result = ours(flambeau.ones(shape))
    assert result.shape[0] == shape[0] and not hasattr(ours, "_initialize_hook")
    assert type(ours).__name__ == type(theirs).__name__ == name.removeprefix("Lazy")
    assert repr(ours) == repr(theirs)
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    assert all(type(p) is nn.Parameter and p.requires_grad for p in ours.parameters())


def test_loading_decides_too() -> None:
    lazy, plain = nn.Sequential(nn.LazyLinear(4)), nn.Sequential(nn.Linear(3, 4))
    lazy.load_state_dict(plain.state_dict())
    assert tuple(lazy[0].weight.shape) == (4, 3)
    assert lazy(flambeau.ones(1, 3)).tolist() == plain(flambeau.ones(1, 3)).tolist()
    assert lazy[0].in_features == 3


def test_uninitialized_parameter() -> None:
    parameter = nn.UninitializedParameter(dtype=flambeau.float64)
    assert isinstance(parameter, nn.Parameter) and nn.parameter.is_lazy(parameter) and parameter.requires_grad
    assert repr(parameter) == "<UninitializedParameter>"
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter"):
        _ = parameter.shape
    assert nn.parameter.is_lazy(copy.deepcopy(parameter))
    parameter.materialize((2, 3))
    assert type(parameter) is nn.Parameter and tuple(parameter.shape) == (2, 3) and parameter.dtype == flambeau.float64


def test_network_of_lazy_layers_trains() -> None:
    flambeau.manual_seed(0)
    network = nn.Sequential(nn.LazyConv2d(2, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(1))
    x = flambeau.randn(4, 1, 5, 5)
    network(x)
    optimizer = flambeau.optim.SGD(network.parameters(), lr=0.1)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = (network(x) - 1).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
