"""Backward by stretches gives the same bits as node by node, and what PyTorch gives, whatever lies between the nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
from flambeau.autograd import engine, stretches
from flambeau.compiler import plan
from flambeau.core import composite, recording
from flambeau.graph import steps, trace

Program = Callable[..., Any]
TIMES = 5
"""Node by node, learnt, at a second size with symbols, and known twice."""


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    trace.step_boundary()
    steps.forget_steps()


def leaf(library: Any, *shape: int, dtype: str = "float32", seed: int = 0) -> Any:
    """The same numbers in both libraries."""
    numbers = np.random.default_rng(seed + sum(shape)).standard_normal(shape).astype(np.float32) / 4
    return library.tensor(numbers, dtype=getattr(library, dtype)).requires_grad_()


def loop(library: Any, turns: int, batch: int) -> list[Any]:
    """The same weights in each turn; what comes out of each turn is looked at together."""
    given, kept, bias = leaf(library, 5, 16), leaf(library, 4, 16, seed=1), leaf(library, 16, seed=2)
    x, h = leaf(library, turns, batch, 5), library.zeros(batch, 4)
    c, outputs = h, []
    for row in x:
        i, f, g, o = (row @ given + h @ kept + bias).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    (library.stack(outputs) ** 2).mean().backward()
    return [given.grad, kept.grad, bias.grad, x.grad]


def passed_through(library: Any, turns: int, batch: int) -> list[Any]:
    """Gradients that are views with an offset, and go on as they are."""
    x, w = leaf(library, turns, batch, 3), leaf(library, 3, 3, seed=1)
    h = library.zeros(batch, 3)
    for row in x.unbind():
        z = (row @ w).sigmoid()
        h = (1 - z) * row.tanh() + z * h + row
    library.cat([h, x[0]], 1).sum().backward()
    return [x.grad, w.grad]


def parts_unused(library: Any, turns: int, batch: int) -> list[Any]:
    """Operations of several outputs, some of which nobody uses, and values that nothing is made of."""
    x = leaf(library, batch, 12)
    total = library.zeros(())
    for turn in range(turns):
        parts = (x * (turn + 1.5)).split(4, 1)
        values, places = parts[turn % 2].sort(1)
        unused = values.exp().log()
        assert unused.shape == values.shape and places.shape == values.shape
        total = total + (values[:, :2] * parts[2].cos()[:, 1:3]).sum() + parts[2].tan().detach().sum()
    total.backward()
    return [x.grad]


def broadcast_and_cast(library: Any, turns: int, batch: int) -> list[Any]:
    """Gradients are reduced to their input's shape, and brought to its dtype."""
    x, b, half = leaf(library, batch, 6), leaf(library, 6, seed=1), leaf(library, batch, 6, dtype="float64", seed=2)
    y = x
    for _ in range(turns):
        y = (y.double() * half + b).float().relu() + b.exp() * y.mean(1, keepdim=True)
    y.sum().backward()
    return [x.grad, b.grad, half.grad]


def twice(library: Any, turns: int, batch: int) -> list[Any]:
    """The graph is kept for a second run, which begins in its middle too."""
    x, w = leaf(library, batch, 4), leaf(library, 4, 4, seed=1)
    y, middle = x, None
    for turn in range(turns):
        y = (y @ w).tanh() * 1.5
        middle = y if turn == turns // 2 else middle
    assert middle is not None
    y.sum().backward(retain_graph=True)
    middle.backward(library.ones_like(middle), retain_graph=True)
    (y * middle).mean().backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.sum().backward()
    return [x.grad, w.grad]


def hooks(library: Any, turns: int, batch: int) -> list[Any]:
    """Hooks of values, of leaves and of nodes in the middle of it all; gradients kept on the way."""
    x, w = leaf(library, batch, 4), leaf(library, 4, 4, seed=1)
    y, kept, seen = x, [], []
    for turn in range(turns):
        y = (y @ w).tanh()
        if turn % 3 == 1:
            y.register_hook(lambda grad: grad * 0.5)
        if turn % 4 == 2:
            y.retain_grad()
            kept.append(y)
        if turn % 5 == 3:
            y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 2,))
    w.register_hook(lambda grad: grad + 1)
    w.register_post_accumulate_grad_hook(lambda leaf: seen.append(float(leaf.grad.sum()) > -1e30))
    y.sum().backward()
    assert seen == [True]
    return [x.grad, w.grad, *[value.grad for value in kept]]


def functions(library: Any, turns: int, batch: int) -> list[Any]:
    """A user's own functions, and checkpoints, between nodes that are run together."""

    class Doubled(library.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, value: Any) -> Any:
            ctx.save_for_backward(value)
            return value * value

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (value,) = ctx.saved_tensors
            return grad * value * 3

    checkpoint = library.utils.checkpoint.checkpoint
    x, w = leaf(library, batch, 4), leaf(library, 4, 4, seed=1)
    y = x
    for turn in range(turns):
        y = ((y @ w).sigmoid() - 0.5).exp()
        y = Doubled.apply(y) / 2 if turn % 3 else checkpoint(lambda v: v.sin() * v, y, use_reentrant=False)
    y.sum().backward()
    return [x.grad, w.grad]


def layers(library: Any, turns: int, batch: int) -> list[Any]:
    """Layers that are alike, between others that are not; a leaf that has a gradient already."""
    nn = library.nn
    model = nn.Sequential(nn.Linear(6, 8), *[nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8), nn.GELU()) for _ in range(turns)])
    with library.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.copy_(leaf(library, *parameter.shape, seed=number))
    x = leaf(library, batch, 6)
    for _ in range(2):
        library.nn.functional.cross_entropy(model(x), library.arange(batch) % 8).backward()
    return [x.grad, *[parameter.grad for parameter in model.parameters()]]


def some_inputs(library: Any, turns: int, batch: int) -> list[Any]:
    """Gradients of some inputs alone, of leaves and of values on the way, by both functions that give them."""
    grad = library.autograd.grad
    x, w, b = leaf(library, batch, 4), leaf(library, 4, 4, seed=1), leaf(library, 4, seed=2)
    y, way = x, []
    for _ in range(turns):
        y = (y @ w + b).tanh() * b.exp()
        way.append(y)
    given = [*grad(y.sum(), [w, way[turns // 2]], retain_graph=True), *grad(y.mean(), [x], retain_graph=True)]
    values, places = y.sort(1)
    given += grad([values.sum(), way[1].sum()], [b, way[0], w], retain_graph=True)
    (values * places).sum().backward(inputs=[w, way[2]])
    assert x.grad is None and b.grad is None
    return [*given, w.grad, way[2].grad]


def parts_of_one(library: Any, turns: int, batch: int) -> list[Any]:
    """Gradients that are given as parts of one value, at its beginning and behind it, and go through as they are."""
    p, q = leaf(library, batch, 4), leaf(library, batch, 4, seed=1)
    given = leaf(library, 2 * batch, 4, seed=turns).detach()
    parts = [given[:batch], given[batch:], given[1 : batch + 1], given[::2], given[1::2], given[:batch].flip(1)]
    results = [p + 1, q + 1]
    return [
        gradient + 0
        for one in parts
        for other in parts
        for gradient in library.autograd.grad(results, [p, q], [one, other], retain_graph=True)
    ]


def hooks_on_the_way(library: Any, turns: int, batch: int) -> list[Any]:
    """Hooks that a hook gives to a leaf that gradients have come to already, and to a value that they have not."""
    x, w, v = leaf(library, batch, 4), leaf(library, 4, 4, seed=1), leaf(library, 4, 4, seed=2)
    y, way, seen = x, [], []

    def begin(_: Any) -> None:
        w.register_hook(lambda grad: grad * 3 + 1)
        v.register_post_accumulate_grad_hook(lambda leaf: seen.append(tuple(leaf.grad.shape)))
        way[1].register_hook(lambda grad: grad * 2)

    for _ in range(turns):
        y = (y @ w).tanh() @ v
        way.append(y)
    way[turns // 2].register_hook(begin)
    y.sum().backward()
    assert seen == [(4, 4)]
    return [x.grad, w.grad, v.grad]


PROGRAMS = [
    hooks_on_the_way, parts_of_one, some_inputs, loop, passed_through, parts_unused, broadcast_and_cast, twice, hooks, functions,
    layers,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_same_bits_as_node_by_node(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    for time in range(TIMES):
        for turns, batch in ((7, 5), (9, 3 + time)):
            together = [value.numpy() for value in program(flambeau, turns, batch)]
            with monkeypatch.context() as patch:
                patch.setattr(engine, "run_together", lambda *_: False)
                for mine, single in zip(together, program(flambeau, turns, batch), strict=True):
                    np.testing.assert_array_equal(mine, single.numpy())
            for mine, theirs in zip(together, program(torch, turns, batch), strict=True):
                np.testing.assert_allclose(mine, theirs.detach().numpy(), 2e-4, 2e-5)


def test_turns_of_a_loop_are_recorded_by_one_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither at a size not seen before nor with another number of turns is a turn run node by node."""
    monkeypatch.setattr(composite, "PATIENCE", recording.PATIENCE)
    run: list[str] = []
    single = stretches.gradients_of

    def counted(node: Any, value: Any) -> Any:
        run.append(node.name())
        return single(node, value)

    for turns, batch in [(6 + size % 3, 4 + size) for size in range(12)]:
        loop(flambeau, turns, batch)
    monkeypatch.setattr(stretches, "gradients_of", counted)
    for turns, batch in ((20, 19), (9, 21)):
        loop(flambeau, turns, batch)
    assert len(run) < 40, run


def test_an_error_in_the_middle_names_its_line_and_leaves_no_gradient() -> None:
    x = flambeau.ones(3, requires_grad=True)
    y = x
    for _ in range(8):
        y = (y * 2).sin().exp()
    z = y.sum()
    z.backward(retain_graph=True)
    x.grad = None
    y.grad_fn.next_functions[0][0].release()
    with pytest.raises(RuntimeError, match="second time"):
        z.backward()
    assert x.grad is None


def test_what_is_all_of_a_value_is_the_same_as_that_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only part of a concatenation: its gradient is given on as it is, or as a view of all of it."""
    monkeypatch.setattr(plan, "CHECK", True)
    sizes = np.random.default_rng(0)
    for _ in range(60):
        shape = tuple(sizes.integers(1, 5, 2).tolist())
        x, factor = leaf(flambeau, *shape), leaf(flambeau, *shape, seed=1).detach()
        (flambeau.cat([x], int(sizes.integers(2))) * factor).sum().backward()
        assert x.grad.tolist() == factor.tolist()
