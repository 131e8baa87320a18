"""Operations on a list of tensors take any number of them, pending or in memory: no recursion, no limit of a trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

COUNT = 5000


def pending(T: Any, count: int = COUNT) -> list[Any]:
    """Values that nobody has looked at."""
    x = T.arange(2.0)
    return [x * 2 + k % 7 for k in range(count)]


def leaves(T: Any) -> list[Any]:
    return [part.detach().requires_grad_() for part in pending(T)]


def differentiated(T: Any, function: Callable[[Any, Any], Any]) -> Any:
    parameters = leaves(T)
    function(T, parameters).pow(2).sum().backward()
    return parameters


def clipped(T: Any) -> Any:
    parameters = differentiated(T, lambda T, parts: T.stack(parts))
    T.nn.utils.clip_grad_norm_(parameters, 1.0)
    return T.stack([p.grad for p in parameters])


def optimised(T: Any) -> Any:
    parameters = differentiated(T, lambda T, parts: T.stack(parts))
    T.optim.SGD(parameters, lr=0.1).step()
    return T.stack([p.detach() for p in parameters])


CASES: dict[str, Callable[[Any], Any]] = {
    "stack": lambda T: T.stack(pending(T), 1),
    "cat": lambda T: T.cat(pending(T)),
    "cat of bfloat16": lambda T: T.cat([x.bfloat16() for x in pending(T)]).float(),
    "cat of several dtypes": lambda T: T.cat([x if k % 2 else x.double() for k, x in enumerate(pending(T))]),
    "hstack": lambda T: T.hstack(pending(T)),
    "vstack": lambda T: T.vstack(pending(T)),
    "dstack": lambda T: T.dstack(pending(T)),
    "column_stack": lambda T: T.column_stack(pending(T)),
    "broadcast_tensors": lambda T: T.stack(T.broadcast_tensors(*pending(T))),
    "block_diag": lambda T: T.block_diag(*pending(T, 1100)),
    "tensor": lambda T: T.tensor([x.sum() for x in pending(T)]),
    "parts": lambda T: T.cat([x * 2 for x in T.cat(pending(T)).split(2)]),
    "parameters_to_vector": lambda T: T.nn.utils.parameters_to_vector(pending(T)),
    "get_total_norm": lambda T: T.nn.utils.get_total_norm(pending(T)),
    "sum": lambda T: sum(pending(T)),
    "a batch": lambda T: T.utils.data.default_collate(pending(T)),
    "a loader's batch": lambda T: next(iter(T.utils.data.DataLoader(pending(T), batch_size=COUNT))),
    "gradients of stack": lambda T: T.stack([p.grad for p in differentiated(T, lambda T, x: T.stack(x))]),
    "gradients of cat": lambda T: T.stack([p.grad for p in differentiated(T, lambda T, x: T.cat([p * 3 for p in x]))]),
    "clip_grad_norm_": clipped,
    "an optimiser": optimised,
}


@pytest.mark.parametrize("name", CASES)
def test_many_pending_operands(name: str) -> None:
    ours, theirs = CASES[name](flambeau), CASES[name](torch)
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5)


@pytest.mark.parametrize("count", [250, 257, 769, 1023, 1024, 1025, 1500])
def test_numbers_of_operands_about_the_limits(count: int) -> None:
    """A step whose operands alone fill a trace is recorded behind them, however often the trace is cut."""
    for _ in range(3):
        parts = pending(flambeau, count)
        kept = (*parts[:3], flambeau.stack(parts), flambeau.cat(parts))
        expected = np.stack([np.arange(2) * 2 + k % 7 for k in range(count)])
        np.testing.assert_array_equal(kept[3].numpy(), expected)
        np.testing.assert_array_equal(kept[4].numpy(), expected.reshape(-1))
        np.testing.assert_array_equal(kept[2].numpy(), expected[2])


def test_a_step_whose_operands_alone_fill_a_trace() -> None:
    from flambeau.graph import primitives as p
    from flambeau.graph.shapes import Size
    from flambeau.graph.trace import record

    for count in (900, 1100):
        for _ in range(3):
            parts = pending(flambeau, count)
            attributes = (Size((2 * count,)), flambeau.float32, 0, False)
            joined = flambeau.Tensor._from_node(record(p.JOIN, attributes, *[(x._read(), None) for x in parts]))
            more = joined + 1
            expected = np.concatenate([np.arange(2) * 2 + k % 7 for k in range(count)])
            np.testing.assert_array_equal(more.numpy(), expected + 1)
            np.testing.assert_array_equal(joined.numpy(), expected)


@pytest.mark.parametrize("dim", [0, 1, -1, 4])
@pytest.mark.parametrize("others", [(), ((2, 2),), ((2, 2), (2, 1)), ((0,), (0,))])
@pytest.mark.parametrize("count", [1, 12])
def test_vectors_of_no_elements_are_left_out_but_have_gradients(
    dim: int, others: tuple[tuple[int, ...], ...], count: int
) -> None:
    found = []
    for T in (flambeau, torch):
        nothing = [T.zeros(0, requires_grad=k % 2 == 0) for k in range(count)]
        parts = [T.ones(shape, dtype=T.float64, requires_grad=True) for shape in others]
        try:
            joined = T.cat([*nothing, *parts, nothing[0]], dim)
        except (IndexError, RuntimeError) as error:
            found.append([type(error)])
            continue
        grads = T.autograd.grad(joined.pow(3).sum(), [nothing[0], *parts], create_graph=True)
        shown = [(tuple(x.shape), str(x.dtype).split(".")[1], x.tolist()) for x in (joined, *grads)]
        found.append([joined.requires_grad, *shown])
    assert found[0] == found[1]
