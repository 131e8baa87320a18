"""Row kernels: what they keep from pass to pass, and the sums of columns that they make on the way."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.compiler import report
from flambeau.compiler.fuse import ROW_RUNS
from flambeau.cpu.loops.passes import plan_passes, row_scratch_bytes
from flambeau.graph.dtypes import float16, float32
from flambeau.kernels.program import COLUMN_CHUNK, Definition, Program, Store

ENOUGH_ROWS = ROW_RUNS * COLUMN_CHUNK


def softmax_program(d: flambeau.dtype = float32) -> Program:
    """exp(x - max(x)) divided by its sum: three passes."""
    program = Program("loop", 1, keeps=True)
    program.values = [
        Definition("load", d, "element", 0, (6, 8, "1", -1)),
        Definition("reduce", d, "row", 1, ("reduce_max", 0)),
        Definition("op", d, "element", 1, ("sub", d, (0, 1), -1)),
        Definition("op", d, "element", 1, ("exp", d, (2,), -1)),
        Definition("reduce", d, "row", 2, ("reduce_sum", 3)),
        Definition("op", d, "element", 2, ("div", d, (3, 4), -1)),
    ]
    program.stores = [Store(5, d, "element", 9)]
    return program


def test_an_exponential_is_computed_once() -> None:
    first, second, third = plan_passes(softmax_program())
    assert (first.computed, first.kept, first.read) == ([0], [], [])
    assert (second.computed, second.kept, second.read) == ([0, 2, 3], [3], [])
    assert (third.computed, third.kept, third.read, third.stores) == ([5], [], [3], [0])


def test_memory_is_fetched_while_exponentials_are_computed() -> None:
    first, second, third = plan_passes(softmax_program())
    assert second.fetched == [(("value", 0), True), (("store", 0), False)]
    assert not first.fetched and not third.fetched


def test_what_is_cheap_is_computed_again() -> None:
    program = softmax_program()
    program.values[3] = Definition("op", float32, "element", 1, ("neg", float32, (2,), -1))
    assert not any(step.kept for step in plan_passes(program))
    assert row_scratch_bytes(program, 100) == 0


def test_kept_rows_have_room_for_whole_vectors() -> None:
    assert row_scratch_bytes(softmax_program(), 33) == 48 * 4
    assert row_scratch_bytes(softmax_program(float16), 33) == 48 * 4  # as in registers


@pytest.mark.parametrize("dtype", [flambeau.float64, flambeau.float32, flambeau.float16, flambeau.bfloat16])
@pytest.mark.parametrize(
    "shape", [(ENOUGH_ROWS, 37), (4, ENOUGH_ROWS // 4 + 3, 96), (ENOUGH_ROWS + 63, 1030), (2, 16)], ids=str
)
def test_normalisation_softmax_and_their_gradients_have_the_bits_of_single_primitives(
    shape: tuple[int, ...], dtype: flambeau.dtype
) -> None:
    values = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    features = shape[-1:]
    results = []
    for _ in range(3):  # one primitive at a time, then fused
        x, grad = (flambeau.tensor(v, dtype=dtype) for v in values)
        x.requires_grad_()
        weight = flambeau.linspace(0.5, 2, features[0]).to(dtype).requires_grad_()
        bias = flambeau.linspace(-1, 1, features[0]).to(dtype).requires_grad_()
        y = flambeau.nn.functional.layer_norm(x, features, weight, bias).softmax(-1)
        y.backward(grad)
        results.append([t.detach().double().numpy() for t in (y, x.grad, weight.grad, bias.grad) if t is not None])
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("rows", "on_the_way"), [(ENOUGH_ROWS, True), (ENOUGH_ROWS - 1, False)])
def test_columns_of_many_rows_are_summed_on_the_way(rows: int, on_the_way: bool) -> None:
    x = flambeau.randn(rows, 50)
    for _ in range(3):
        y = x.softmax(-1)
        sums = [y.sum(0), (y * y).sum(0), x.sum(0)]
        sums[0].tolist()
    calls = [call for call in report._last[0].work if call.native]
    assert ("column_sums" in calls[0].label) is on_the_way
    assert report._last[0].peak_bytes < x.nbytes or not on_the_way  # no matrix is stored
    x64 = x.double().softmax(-1)
    np.testing.assert_allclose(sums[1].numpy(), (x64 * x64).sum(0).numpy(), rtol=1e-5)
    np.testing.assert_allclose(sums[2].numpy(), x.double().sum(0).numpy(), rtol=1e-4, atol=1e-4)
