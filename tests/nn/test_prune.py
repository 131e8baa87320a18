"""Pruning: the masks PyTorch would choose, one pruning after another, and their removal."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.utils.prune as their_prune
from oracle import agree, as_flambeau, assert_same, copy_state, error

import flambeau
from flambeau import nn
from flambeau.nn.utils import prune


def pair() -> tuple[Any, Any]:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(5, 4), torch.nn.Linear(5, 4)
    copy_state(ours, theirs)
    return ours, theirs


def assert_agree(ours: Any, theirs: Any) -> None:
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        assert_same(ours.state_dict()[key], value, what=key)
    x = torch.randn(3, 5)
    assert_same(ours(as_flambeau(x)), theirs(x), 1e-5)


def test_one_pruning_after_another() -> None:
    ours, theirs = pair()
    for tools, layer in ((prune, ours), (their_prune, theirs)):
        tools.l1_unstructured(layer, "weight", amount=0.3)
        tools.ln_structured(layer, "weight", amount=1, n=2, dim=0)
        tools.l1_unstructured(layer, "weight", amount=2)
        tools.l1_unstructured(layer, "bias", amount=1)
        assert tools.is_pruned(layer)
    assert_agree(ours, theirs)
    ours(flambeau.ones(5)).sum().backward()
    assert float((ours.weight_orig.grad * (1 - ours.weight_mask)).abs().sum()) == 0.0
    prune.remove(ours, "weight")
    assert not prune._hooks_of(ours, "weight") and isinstance(ours.weight, nn.Parameter)
    their_prune.remove(theirs, "weight")
    assert_agree(ours, theirs)


def test_global_pruning_and_masks() -> None:
    ours, theirs = pair()
    for tools, layer in ((prune, ours), (their_prune, theirs)):
        parameters = [(layer, "weight"), (layer, "bias")]
        tools.global_unstructured(parameters, pruning_method=tools.L1Unstructured, amount=0.5)
    assert_agree(ours, theirs)
    mask = torch.tensor([1.0, 0.0, 1.0, 1.0])
    prune.custom_from_mask(ours, "bias", as_flambeau(mask))
    their_prune.custom_from_mask(theirs, "bias", mask)
    assert_agree(ours, theirs)
    layer = prune.identity(nn.Linear(2, 2), "weight")
    assert layer.weight_mask.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_random_pruning_takes_as_many_as_asked() -> None:
    flambeau.manual_seed(0)
    layer = prune.random_unstructured(nn.Linear(10, 10), "weight", amount=0.37)
    assert int(layer.weight_mask.sum()) == 63
    layer = prune.random_structured(nn.Linear(10, 10), "weight", amount=3, dim=1)
    assert sorted(layer.weight_mask.sum(0).tolist()) == [0.0] * 3 + [10.0] * 7


def test_errors() -> None:
    def program(library: Any, modules: Any) -> Any:
        tools = their_prune if library is torch else prune
        layer = modules.Linear(2, 2)
        return [
            error(tools.l1_unstructured, layer, "weight", amount=-1),
            error(tools.l1_unstructured, layer, "weight", amount=1.5),
            error(tools.l1_unstructured, layer, "weight", amount="a"),
            error(tools.l1_unstructured, layer, "weight", amount=20),
            error(tools.ln_structured, layer, "bias", amount=1, n=2, dim=0),
            error(tools.ln_structured, layer, "weight", amount=1, n=2, dim=3),
            error(tools.remove, layer, "weight"),
            error(tools.global_unstructured, 3, tools.L1Unstructured),
            sorted(layer._parameters),
        ]

    agree(lambda T: program(T, T.nn))


def test_method_of_ones_own() -> None:
    class EveryOther(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t: Any, default_mask: Any) -> Any:
            mask = default_mask.clone()
            mask.view(-1)[::2] = 0
            return mask

    layer = nn.Linear(4, 1)
    EveryOther.apply(layer, "weight")
    assert layer.weight_mask.tolist() == [[0.0, 1.0, 0.0, 1.0]]
    with pytest.raises(ValueError, match="has to be pruned before pruning can be removed"):
        prune.remove(layer, "bias")
