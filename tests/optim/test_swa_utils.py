"""Averaged models, their schedule and their batch norms: as PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from oracle import agree, copy_state, error

import flambeau
import flambeau.nn
import flambeau.optim.swa_utils


def network(T: Any) -> Any:
    made = T.nn.Sequential(T.nn.Linear(3, 4), T.nn.BatchNorm1d(4), T.nn.Linear(4, 2)).double()
    with T.no_grad():
        for place, parameter in enumerate(made.parameters()):
            parameter.copy_(T.linspace(-1, 1, parameter.numel()).reshape(parameter.shape) * (place + 1))
    return made


KINDS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "mean": lambda u: {},
    "buffers": lambda u: {"use_buffers": True},
    "ema": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.9), "use_buffers": True},
    "one by one": lambda u: {"avg_fn": u.get_ema_avg_fn(0.9)},
    "mean one by one": lambda u: {"avg_fn": u.get_swa_avg_fn()},
    "of many": lambda u: {"multi_avg_fn": u.get_swa_multi_avg_fn()},
    "own": lambda u: {"avg_fn": lambda average, value, count: average * 0.5 + value * 0.5 / (count + 1)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_averages(kind: str) -> None:
    def program(T: Any) -> Any:
        model = network(T)
        average = T.optim.swa_utils.AveragedModel(model, **KINDS[kind](T.optim.swa_utils))
        optimiser = T.optim.SGD(model.parameters(), lr=0.05)
        x = T.linspace(-2, 2, 15, dtype=T.float64).reshape(5, 3).sin()
        for _ in range(4):
            optimiser.zero_grad()
            model(x).square().mean().backward()
            optimiser.step()
            average.update_parameters(model)
        before = dict(average.state_dict())
        T.optim.swa_utils.update_bn([(x,), (x * 2,)], average)
        return before, dict(average.state_dict()), average.eval()(x).detach(), average.training

    agree(program)


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("epochs", [0, 1, 5])
def test_schedule(strategy: str, epochs: int) -> None:
    def program(T: Any) -> Any:
        optimiser = T.optim.SGD([T.nn.Parameter(T.ones(1)), T.nn.Parameter(T.ones(2))], lr=0.5)
        schedule = T.optim.swa_utils.SWALR(optimiser, 0.05, epochs, strategy)
        rates = []
        for _ in range(8):
            optimiser.step()
            schedule.step()
            rates.append(schedule.get_last_lr())
        return rates

    agree(program)


def test_errors() -> None:
    for wrong in (
        lambda T: T.optim.swa_utils.get_ema_multi_avg_fn(1.5),
        lambda T: T.optim.swa_utils.AveragedModel(T.nn.Linear(1, 1), avg_fn=max, multi_avg_fn=max),
        lambda T: T.optim.swa_utils.SWALR(T.optim.SGD([T.ones(1)]), 0.1, 3, "step"),
        lambda T: T.optim.swa_utils.SWALR(T.optim.SGD([T.ones(1)]), 0.1, -3),
    ):
        assert error(wrong, flambeau) == error(wrong, torch)


def test_loads_pytorchs_state() -> None:
    theirs = torch.optim.swa_utils.AveragedModel(network(torch))
    theirs.update_parameters(network(torch))
    ours = flambeau.optim.swa_utils.AveragedModel(network(flambeau))
    copy_state(ours, theirs)
    assert int(ours.n_averaged) == 1
