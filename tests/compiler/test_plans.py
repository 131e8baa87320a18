"""Plans: what is fused, what happens in place, and that neither changes a bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import flambeau
from flambeau import Tensor
from flambeau.compiler import report
from flambeau.compiler.memory import plan_arena
from flambeau.cpu.ir import Kernel
from flambeau.graph.trace import set_eager
from flambeau.kernels.kernel import Call, Operand


def runs(function: Callable[[], list[Tensor]], times: int = 3) -> list[list[np.ndarray]]:
    """Results of several runs: the first is evaluated one primitive at a time, later ones are fused."""
    results = []
    for _ in range(times):
        tensors = function()
        results.append([t.detach().numpy().copy() for t in tensors])
    return results


def assert_same_bits(results: list[list[np.ndarray]]) -> None:
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


def test_a_dying_input_is_not_overwritten_before_the_last_pass_over_its_row() -> None:
    values = np.random.default_rng(0).standard_normal((5, 33)).astype(np.float32)

    def program() -> list[Tensor]:
        x = flambeau.tensor(values)
        y = (x - x.amax(1, keepdim=True)).exp()
        y = y / y.sum(1, keepdim=True)
        return [y, x * (y * x).sum(1, keepdim=True)]

    assert_same_bits(runs(program))


def test_layer_norm_softmax_and_their_gradients_are_one_kernel_and_two_column_sums() -> None:
    x = flambeau.randn(64, 32, requires_grad=True)
    weight, bias = flambeau.ones(32, requires_grad=True), flambeau.zeros(32, requires_grad=True)
    for _ in range(3):
        x.grad = weight.grad = bias.grad = None
        y = flambeau.nn.functional.layer_norm(x, (32,), weight, bias).softmax(-1)
        (y * y).sum(0).backward(flambeau.ones(32))
        assert x.grad is not None
        x.grad.tolist()
    assert len(report._last[0].work) <= 4, report.last_evaluation()


def test_a_linear_layer_with_activation_is_one_kernel() -> None:
    x, weight, bias = flambeau.randn(20, 30), flambeau.randn(10, 30), flambeau.randn(10)

    def program() -> list[Tensor]:
        return [flambeau.relu(flambeau.nn.functional.linear(x, weight, bias) * 0.5)]

    assert_same_bits(runs(program))
    assert len(report._last[0].work) == 1, report.last_evaluation()


def test_chains_that_meet_are_one_kernel() -> None:
    x, y = flambeau.randn(20, 30), flambeau.randn(20, 30)

    def program() -> list[Tensor]:
        left, right = (x * 0.5).exp(), (y + 1.0).tanh()
        return [left * right, left]

    assert_same_bits(runs(program))
    assert len(report._last[0].work) == 1, report.last_evaluation()


def test_rows_that_meet_are_one_kernel() -> None:
    x, y = flambeau.randn(20, 30), flambeau.randn(20, 30)

    def program() -> list[Tensor]:
        return [x.softmax(-1) - y.sum(-1, keepdim=True) * x]

    assert_same_bits(runs(program))
    assert len(report._last[0].work) == 1, report.last_evaluation()


def test_groups_are_not_merged_around_what_lies_between_them() -> None:
    x = flambeau.randn(16, 16)

    def program() -> list[Tensor]:
        left = (x * 0.5).exp()
        between = left @ left  # depends on the left chain
        right = (between + x).tanh().sum(0)  # and the right one on it
        return [left * right, left + between]

    assert_same_bits(runs(program))


@pytest.mark.parametrize("batch", [20, 30_000])  # of the latter, columns are added up in parts
def test_parameters_are_updated_in_their_memory_where_their_gradients_are_computed(batch: int) -> None:
    generator = np.random.default_rng(0)
    inputs = flambeau.tensor(generator.standard_normal((batch, 10), dtype=np.float32))
    labels = flambeau.tensor(generator.integers(0, 5, batch))

    def train(places: list[list[int]]) -> list[Tensor]:
        flambeau.manual_seed(0)
        model = flambeau.nn.Sequential(flambeau.nn.Linear(10, 30), flambeau.nn.ReLU(), flambeau.nn.Linear(30, 5))
        optimizer = flambeau.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            flambeau.nn.functional.cross_entropy(model(inputs), labels).backward()
            optimizer.step()
            places.append([parameter._read().buffer.address for parameter in model.parameters()])
        return list(model.parameters())

    places: list[list[int]] = []
    fused = train(places)
    assert places[2] == places[3] == places[4]
    set_eager(True)
    try:
        one_by_one = train([])
    finally:
        set_eager(False)
    for a, b in zip(fused, one_by_one, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())


def test_updates_happen_in_the_parameters_memory() -> None:
    weight = flambeau.zeros(1000)
    (weight + 0).tolist()
    weight.add_(1.0)
    assert weight[0].item() == 1.0
    addresses = set()
    for _ in range(6):
        weight.mul_(0.5).add_(1.0)
        flambeau.graph.trace.step_boundary()
        buffer = weight._read().buffer
        assert buffer is not None
        addresses.add(buffer.address)
    assert len(addresses) <= 2


def test_slices_at_other_places_need_no_new_plan() -> None:
    x = flambeau.arange(100).float()
    x.tolist()
    plans = set()
    for start in range(10, 20):
        assert (x[start : start + 5] * 2).tolist() == [2.0 * k for k in range(start, start + 5)]
        plans.add(id(report._last[0]))
    assert len(plans) <= 2


def test_temporaries_share_memory_once_their_readers_are_done() -> None:
    def call(reads: list[Operand], writes: list[Operand]) -> Call:
        return Call(Kernel("none", lambda module, name: None), [], 1, 0, tuple(reads), tuple(writes))

    a, b, c = Operand(1000), Operand(1000), Operand(1000)
    work = [call([], [a]), call([a], [b]), call([b], [c])]
    size, total = plan_arena(work, [0, 1, 2], [a, b, c])
    assert total == 3000 and size < 3000
    assert a.offset == c.offset != b.offset


def test_a_report_names_the_line_and_what_was_fused() -> None:
    x = flambeau.ones(10)
    for _ in range(3):
        (x * 2).exp().sum().item()
    text = report.last_evaluation()
    assert "test_plans.py" in text and "mul exp reduce_sum" in text
