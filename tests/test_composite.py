"""Composites give what their functions give, and call them only until they are known."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
from flambeau.core.composite import composite
from flambeau.graph import steps
from flambeau.graph import trace as recording
from flambeau.graph.steps import forget_steps
from flambeau.graph.trace import step_boundary


class Counted:
    """A function that counts its calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = 0

    def __call__(self, *operands: Any) -> Any:
        self.calls += 1
        return self.function(*operands)


@pytest.fixture(params=[False, True], ids=["lazy", "eager"])
def eager(request: pytest.FixtureRequest) -> Iterator[bool]:
    recording.set_eager(request.param)
    yield request.param
    recording.set_eager(False)


def test_a_function_is_called_once(eager: bool) -> None:
    define = Counted(lambda _, x, y: (x * y + x, (x - y).exp()))
    forget_steps()  # else this size may be one more of a rank, which is not kept before it comes for the second time
    for k in range(5):
        x, y = flambeau.full((3,), float(k)), flambeau.ones(3)
        step_boundary()
        first, second = composite(define, None, x, y)
        assert first.tolist() == [2.0 * k] * 3
        np.testing.assert_allclose(second.numpy(), np.exp(k - 1.0), rtol=1e-6)
        assert not first.requires_grad
    assert define.calls == (5 if eager else 1)


def test_what_is_learnt_where_something_else_came_before_is_kept_from_the_second_time_on() -> None:
    x = flambeau.ones(4)
    step_boundary()
    forget_steps()
    x.exp()
    step_boundary()

    def define(_: None, x: Any) -> Any:
        return (x * 2 + x,)

    passing = []
    for _ in range(3):
        composite(define, None, x)
        x + 1
        passing.append(recording.local.trace.cursor.passing)
        step_boundary()
    assert passing == [True, False, False]


def test_numbers_are_given_anew(eager: bool) -> None:
    define = Counted(lambda _, factor, x, term: (x * factor + term, x * 3 - factor))
    x = flambeau.ones(4)
    step_boundary()
    forget_steps()  # else its size may be one more of a rank, which is not kept before it comes for the second time
    for k in range(5):
        first, second = composite(define, None, float(k), x, 10 * k)
        assert first.tolist() == [11.0 * k] * 4
        assert second.tolist() == [3.0 - k] * 4
    assert define.calls == (5 if eager else 1)


@pytest.mark.parametrize("use", [
    lambda x, n: x * (n + 1) + 1,
    lambda x, n: x * n + x if n > 2 else x - 1,
    lambda x, n: x * float(n),
    lambda x, n: x * max(n, 2.0),
    lambda x, n: x * {1.0: 5.0}.get(n, 2.0),
    lambda x, n: x.clamp(n, 2 * n),
    lambda x, n: x * n + flambeau.tensor(n),
])  # fmt: skip
def test_a_function_that_looks_at_a_number_is_called_each_time(use: Callable[..., Any]) -> None:
    def define(_: None, x: Any, n: Any) -> Any:
        return (use(x + 1, n),)

    x = flambeau.arange(4.0)
    for n in (1.0, 3.0, 1.0, 4.0, 2.0):
        (result,) = composite(define, None, x, n)
        assert result.tolist() == use(flambeau.arange(4.0) + 1, n).tolist()


def test_a_function_that_looks_at_a_value_is_called_each_time() -> None:
    def define(_: None, x: Any) -> Any:
        y = x * 2
        return (y + 1 if y.sum().item() > 0 else y - 1,)

    for k in (1.0, -1.0, 2.0, -3.0):
        (result,) = composite(define, None, flambeau.full((2,), k))
        assert result.tolist() == [2 * k + (1 if k > 0 else -1)] * 2


def test_values_from_elsewhere_that_a_function_brings_along() -> None:
    """They cannot be remembered, and enter the trace anew when the function is called again."""
    brought = flambeau.tensor([1.0, 2.0, 3.0])
    define = Counted(lambda _, x: (x * brought,))
    for _ in range(3):
        x = flambeau.ones(3)
        step_boundary()
        assert composite(define, None, x + 1)[0].tolist() == [2.0, 4.0, 6.0]


def test_the_gradient_of_indexing_something_that_was_looked_at() -> None:
    x = flambeau.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x[flambeau.tensor([0, 1])]
    assert y.tolist() == [1.0, 2.0]
    (y * y).sum().backward()
    assert x.grad is not None and x.grad.tolist() == [2.0, 4.0, 0.0]


def test_random_numbers_are_drawn_each_time() -> None:
    def define(_: None, x: Any) -> Any:
        return (x + flambeau.rand(3),)

    x = flambeau.zeros(3)
    flambeau.manual_seed(5)
    drawn = [composite(define, None, x)[0].tolist() for _ in range(4)]
    flambeau.manual_seed(5)
    assert drawn == [flambeau.rand(3).tolist() for _ in range(4)]


def test_errors_are_raised_each_time() -> None:
    def define(_: None, x: Any, y: Any) -> Any:
        return (x * 2 + y,)

    for _ in range(3):
        with pytest.raises(RuntimeError, match="size of tensor a"):
            composite(define, None, flambeau.ones(2), flambeau.ones(3))


def test_static_arguments_tell_composites_apart() -> None:
    def define(power: int, x: Any) -> Any:
        for _ in range(power):
            x = x * 2
        return (x,)

    x = flambeau.ones(2)
    for power in (1, 2, 3, 1, 2, 3, 2):
        step_boundary()
        assert composite(define, power, x)[0].tolist() == [2.0**power] * 2
        assert composite(define, [power][0], x)[0].tolist() == [2.0**power] * 2
    assert composite(lambda many, x: (x * many[0],), [3], x)[0].tolist() == [3.0, 3.0]  # not hashable


def test_dtypes_shapes_and_views_tell_composites_apart(eager: bool) -> None:
    def define(_: None, x: Any) -> Any:
        return (x * 2 + 1,)

    base = flambeau.arange(24.0).reshape(4, 6)
    seen = [base, base.t(), base[1], base[2], base[:, 1], base[:, ::2], base.long(), base[1:3, 2:5], base[0, 0]]
    for _ in range(3):
        for x in seen:
            (result,) = composite(define, None, x)
            assert result.dtype is x.dtype
            assert result.tolist() == (x * 2 + 1).tolist()


def test_results_share_memory_neither_with_operands_nor_with_each_other(eager: bool) -> None:
    def define(_: None, x: Any, y: Any) -> Any:
        z = x + y
        return x, z, z, z.t(), None, y.reshape(-1)

    for _ in range(3):
        x, y = flambeau.ones(2, 3), flambeau.arange(6.0).reshape(2, 3)
        same, z, again, turned, nothing, flat = composite(define, None, x, y)
        assert nothing is None
        assert same.tolist() == x.tolist() and flat.tolist() == [0, 1, 2, 3, 4, 5]
        z[0, 1] = 50
        assert again.tolist() == [[1, 2, 3], [4, 5, 6]] and turned.tolist() == [[1, 4], [2, 5], [3, 6]]
        same[0, 0] = 9
        assert x[0, 0].item() == 1
        flat[0] = 7
        assert y[0, 0].item() == 0


def test_memory_that_others_can_write_is_read_when_recorded() -> None:
    def define(_: None, x: Any, y: Any) -> Any:
        return (x * 2 + y,)

    array = np.ones(3, np.float32)
    for k in range(4):
        array[:] = k
        (result,) = composite(define, None, flambeau.from_numpy(array), flambeau.ones(3))
        array[:] = 99
        assert result.tolist() == [2.0 * k + 1] * 3


def test_an_operand_pending_in_another_thread() -> None:
    def define(_: None, x: Any, y: Any) -> Any:
        return (x * 2 + y,)

    for _ in range(3):
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(flambeau.ones(3) + 1))  # noqa: B023
        thread.start()
        thread.join()
        assert composite(define, None, found[0], flambeau.ones(3))[0].tolist() == [5.0] * 3


def test_late_errors_name_the_line_each_time() -> None:
    table = flambeau.arange(5.0)
    for index in (1, 2, 9, 3, 9):
        rows = flambeau.tensor([index])
        (picked,) = composite(_pick, None, table, rows)
        if index < 5:
            assert picked.tolist() == [2.0 * index]
        else:
            with pytest.raises(IndexError, match="test_composite.py"):
                picked.tolist()


def _pick(_: None, table: Any, rows: Any) -> Any:
    return (table[rows] * 2,)


def test_long_traces_are_cut_between_composites() -> None:
    def define(_: None, x: Any) -> Any:
        for _ in range(7):
            x = x + 1
        return (x,)

    counted = Counted(define)
    x = flambeau.zeros(2)
    for _ in range(2000):
        (x,) = composite(counted, None, x)
    assert x.tolist() == [14000.0] * 2
    assert counted.calls < 400


def test_gradients_by_composites_are_those_recorded_one_by_one() -> None:
    def run() -> list[Any]:
        flambeau.manual_seed(0)
        x = flambeau.randn(4, 5, requires_grad=True)
        w = flambeau.randn(5, 3, requires_grad=True)
        found = []
        for scale in (1.0, 2.5, -1.0):
            loss = ((x @ w).tanh()[:, 1:] * scale).softmax(1).pow(3).sum() + (x * x).mean(0).exp().sum() / scale
            found += [g.tolist() for g in flambeau.autograd.grad(loss, (x, w))]
        return found

    expected = run()
    assert run() == expected
    assert run() == expected
    with flambeau.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):  # watched, so nothing is remembered
        assert run() == expected


@pytest.mark.parametrize("budget", [1000, 9000, 60_000])
def test_what_alone_is_more_than_a_trace_may_hold(budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.forget_steps()
    monkeypatch.setattr(recording, "BYTE_BUDGET", budget)
    try:
        assert (flambeau.zeros(1013) + 1).sum().item() == 1013  # a single value of 4,052 bytes

        def train(framework: Any) -> list[Any]:
            parameters = [framework.nn.Parameter(framework.full((307,), float(k))) for k in range(9)]
            optimizer = framework.optim.Adam(parameters, lr=0.1)
            for _ in range(4):
                for k, parameter in enumerate(parameters):
                    parameter.grad = framework.full((307,), k - 4.0)
                optimizer.step()
            return [parameter.detach().numpy() for parameter in parameters]

        np.testing.assert_allclose(train(flambeau), train(torch), rtol=1e-6, atol=1e-6)
    finally:
        steps.forget_steps()


def test_how_an_operand_lies_belongs_to_the_name_of_its_gradient() -> None:
    """The gradient of a product's operand lies as that does, though nothing else of it was saved."""

    def strides(T: Any) -> list[tuple[int, ...]]:
        found = []
        for turned in (True, False, True):
            x, w = T.ones(5, 5), T.arange(25.0).view(5, 5)
            w = (w.t() if turned else w).requires_grad_()
            (gradient,) = T.autograd.grad((x @ w).sum(), w)
            found.append(tuple(gradient.stride()))
        return found

    assert strides(flambeau) == strides(torch)
