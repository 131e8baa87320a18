"""The compiler's plans run on a device that knows nothing but the contract, and give what PyTorch gives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import test_random_programs
import torch
from compiler import test_same_bits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_programs import PENDING, SHAPES, Program, Sizes, programs, sizes
from reference_device import Reference, computing_there
from tiers import TIMES

import flambeau
from flambeau.graph import trace

TESTS = Path(__file__).parents[1]
QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def reference() -> Iterator[Reference]:
    with computing_there() as device:
        yield device


@settings(QUICK, max_examples=50)
@given(programs(("float64", "float32")), sizes)
def test_random_programs_agree_with_pytorch(program: Program, other: Sizes) -> None:
    """One primitive at a time, then fused when they recur, then at other sizes; each operation by itself."""
    with computing_there():
        for _ in range(TIMES):
            test_random_programs.check(program)
        test_random_programs.check(program.at(other))
        with test_same_bits.eager():
            test_random_programs.check(program)


@settings(QUICK, max_examples=25)
@given(programs(("float64", "float32"), shapes=SHAPES + test_same_bits.LARGE), st.sampled_from(list(PENDING)))
def test_random_programs_give_the_same_bits_fused_and_in_tiles(program: Program, pending: str) -> None:
    with computing_there():
        test_same_bits.check([program], pending)


def network(torch: Any) -> Any:
    """Convolutions, plain, strided and in groups, and one transposed, normalised, pooled and classified."""
    nn = torch.nn

    class Net(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
            self.grouped = nn.Conv2d(8, 12, 3, stride=2, padding=1, groups=4, bias=False)
            self.up = nn.ConvTranspose2d(12, 6, 2, stride=2)
            self.out = nn.Linear(6 * 2 * 3, 5)

        def forward(self, x: Any) -> Any:
            x = nn.functional.max_pool2d(self.norm(self.first(x)).relu(), 3, 2, 1)
            x = nn.functional.avg_pool2d(self.up(self.grouped(x).tanh()), 2, 1, 1)
            x = nn.functional.adaptive_avg_pool2d(x, (2, 3)) + nn.functional.adaptive_max_pool2d(x, (2, 3))
            return self.out(x.flatten(1))

    return Net()


def train(library: Any, state: dict[str, np.ndarray], steps: int = 4) -> tuple[list[float], dict[str, np.ndarray]]:
    """Losses and what was learnt."""
    net = network(library)
    net.load_state_dict({name: library.tensor(value) for name, value in state.items()})
    optimizer = library.optim.Adam(net.parameters(), lr=0.01, weight_decay=0.1)
    random, losses = np.random.default_rng(3), []
    for _ in range(steps):
        x, y = random.standard_normal((6, 3, 16, 18)).astype(np.float32), random.integers(0, 5, 6)
        loss = library.nn.functional.cross_entropy(net(library.tensor(x)), library.tensor(y), label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        library.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses, {name: np.array(value.detach().numpy()) for name, value in net.state_dict().items()}


def test_a_small_network_learns_what_it_learns_in_pytorch(reference: Reference) -> None:
    torch.manual_seed(0)
    state = {name: value.numpy().copy() for name, value in network(torch).state_dict().items()}
    (losses, learnt), (wanted, known) = train(flambeau, state), train(torch, state)
    np.testing.assert_allclose(losses, wanted, rtol=2e-5)
    for name, value in known.items():
        np.testing.assert_allclose(learnt[name], value, rtol=2e-4, atol=2e-5, err_msg=name)


MODES = ("sum", "prod", "amax", "amin")


def moved(library: Any, x: Any, places: Any, values: Any) -> list[Any]:
    """What gathers and scatters make, gradients among it."""
    x, values = library.tensor(x, requires_grad=True), library.tensor(values, requires_grad=True)
    at = library.tensor(places)
    results = [x[at], x.gather(0, at[:, None].expand(-1, 4)), library.nn.functional.embedding(at, x)]
    results.append(x.index_put((at,), values, accumulate=True))
    results.append(x.index_copy(0, library.unique(at), values[: len(np.unique(places))]))
    results += [x.scatter_reduce(0, at[:, None].expand(-1, 4), values, mode) for mode in MODES]
    sum((result * result).sum() for result in results).backward()
    return [*(result.detach().numpy() for result in results), x.grad.numpy(), values.grad.numpy()]


def test_gathers_and_scatters_agree_with_pytorch(reference: Reference) -> None:
    random = np.random.default_rng(5)
    given = random.standard_normal((6, 4)), random.integers(0, 6, 9), random.standard_normal((9, 4))
    for mine, other in zip(moved(flambeau, *given), moved(torch, *given), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)


def test_what_only_values_tell_is_found_and_undone(reference: Reference) -> None:
    parameter = flambeau.nn.Parameter(flambeau.ones(3, 4))
    optimizer = flambeau.optim.SGD([parameter], lr=0.5)
    for label in (1, 2, 1, 7):
        before = parameter.detach().numpy().copy()
        optimizer.zero_grad()
        loss = flambeau.nn.functional.cross_entropy(parameter * 2, flambeau.tensor([0, label, 3]))
        loss.backward()
        if label < 4:
            optimizer.step()
            continue
        with pytest.raises(IndexError, match="Target 7 is out of bounds"):
            optimizer.step()
        np.testing.assert_array_equal(parameter.detach().numpy(), before)
    x, places = flambeau.zeros(5), flambeau.tensor([1, -6])
    x += 1
    with pytest.raises(IndexError, match="index -6 is out of bounds for dimension 0 with size 5"):
        x[places].sum().item()
    assert x.sum().item() == 5
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        (places // flambeau.tensor([1, 0])).tolist()


_WITHOUT_MACHINE_CODE = """
import sys
sys.modules["llvmlite"] = sys.modules["llvmlite.binding"] = None  # importing them raises ImportError
import flambeau
from reference_device import computing_there

with computing_there() as device:
    model = flambeau.nn.Sequential(flambeau.nn.Linear(4, 8), flambeau.nn.ReLU(), flambeau.nn.Dropout(), flambeau.nn.Linear(8, 3))
    optimizer = flambeau.optim.Adam(model.parameters())
    for _ in range(3):
        loss = flambeau.nn.functional.cross_entropy(model(flambeau.randn(5, 4)), flambeau.randint(3, (5,)))
        loss.backward()
        optimizer.step()
    print(loss)
assert device.runner.steps > 20
from flambeau.cpu.jit import default_compiler
assert default_compiler.cache_info().currsize == 0
"""


def test_the_same_steps_are_planned_for_each_device() -> None:
    def planned_for(times: int) -> set[str]:
        found: set[str] = set()
        for _ in range(times):
            x = flambeau.arange(12.0).reshape(3, 4)
            y = (x * 2 + 1).exp() @ x.t()
            last = trace.local.trace.cursor
            assert len(y.tolist()) == 3
            found |= {type(placed.plan.device).__name__ for placed in last.plans.values() if hasattr(placed, "plan")}
        return found

    trace.step_boundary()
    before = planned_for(3)
    with computing_there():
        there = planned_for(3)
    assert before and there and before.isdisjoint(there)


def test_no_machine_code_is_made() -> None:
    run = subprocess.run([sys.executable, "-c", _WITHOUT_MACHINE_CODE], capture_output=True, text=True, cwd=TESTS, timeout=60)
    assert run.returncode == 0, run.stderr
