"""The benchmarks whose steps have ever new sizes: what PyTorch gives, and the same bits with each operation by itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tiers import eager

import flambeau
from benchmarks.case import number
from benchmarks.cases import gpt_generation
from benchmarks.runner import MODULES, check_agreement, load

VARIED = [name for name in MODULES if load(name).sizes]
STEPS = 3


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch's threads wait by spinning: where other tests run beside this one they take far longer than one alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def values(name: str, framework: Any) -> list[float]:
    """What the first steps give. They train, so that each depends on all that was computed before."""
    case = load(name)
    step = case.prepare(framework)
    return [number(step(*sizes)) for sizes in itertools.islice(case.drawn(seen=False), STEPS)]


@pytest.mark.parametrize("name", VARIED)
def test_steps_of_new_sizes(name: str, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    monkeypatch.setattr(gpt_generation, "TOKENS", 10)
    recorded = values(name, flambeau)
    check_agreement(name, values(name, torch), recorded, load(name).tolerance)
    with eager():
        assert values(name, flambeau) == recorded
