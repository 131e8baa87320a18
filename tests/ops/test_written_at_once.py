"""Small things written into parts of small tensors: at once, in memory, and never so that anyone could tell.

Random programs write and read through aliases, views and NumPy's arrays, keep values for later, and are compared with PyTorch.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference_device import computing_there

import flambeau
from flambeau.core.at_once import SMALL
from flambeau.graph.trace import local

DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck))

INDICES = [
    "0", "-1", "2", "1:3", "::2", "3:3", "-3:", "...", "..., 1", ":, 1", "1, 2", "-1, -2", "1:, :2", "0, ...", ":", "None, 1",
    ":, None", "..., None, 1", "1, None, :2", "T.tensor(1), 2",
]  # fmt: skip
NUMBERS = ["3", "0", "True", "1", "-0.0", "0.1", "2.5", "7.0", "1e-40", "65504", "x.new_full((), 5)"]
MADE = [
    "T.zeros(4, 4, dtype=d)", "T.ones(4, 4, dtype=d)", "T.full((4, 4), 1, dtype=d)", "T.zeros(4, dtype=d)",
    "T.tensor([[1, 0, 1, 1]] * 4, dtype=d)", "T.ones(4, 4, dtype=d).t()", "T.zeros(2, 4, 4, dtype=d)",
    "T.empty(4, 4, dtype=d).zero_()", "T.from_numpy(np.ones((4, 4), np.int16)).to(d)", "T.zeros(100, 100, dtype=d)",
]  # fmt: skip
SEEN = [
    "x", "x.t()", "x[1]", "x[::2]", "x[..., 1:]", "x.detach()", "x.view(-1)", "x.data", "x.unsqueeze(0)", "x[1:3][-1]",
    "x[:, None]",
]  # fmt: skip
LATER = [
    "x.clone()", "x * 1", "(x == x).to(d)", "x.max().reshape(1)", "T.stack([x, x])", "T.cat([x, x])", "x[[0, 0]]",
    "T.stack([x] * 9, -1)", "T.cat([x] * 9)", "T.cat([x] * 9, -1)", "T.nn.functional.pad(x, (1, 2))", "T.stack([x] * 9)",
    "T.nn.functional.pad(x, (-1, 1), value=1)", "T.tensor(x.tolist(), dtype=d)", "T.tensor(x.reshape(-1).tolist(), dtype=d)",
]  # fmt: skip
LOOKS = ["x.tolist()", "x.max().item()", "x[0].tolist()", "x.reshape(-1)[-1].item()", "bool(x.reshape(-1)[0])", "repr(x.shape)"]

#: A step of a program: what kind, which tensor of those there are, and the texts that it takes.
Step = tuple[str, int, str, str]


def steps() -> st.SearchStrategy[list[Step]]:
    which = st.integers(0, 100)
    step = st.one_of(
        st.tuples(st.just("make"), which, st.sampled_from(MADE), st.just("")),
        st.tuples(st.just("see"), which, st.sampled_from(SEEN), st.just("")),
        st.tuples(st.just("keep"), which, st.sampled_from(LATER), st.just("")),
        st.tuples(st.just("look"), which, st.sampled_from(LOOKS), st.just("")),
        st.tuples(st.just("write"), which, st.sampled_from(INDICES), st.sampled_from(NUMBERS)),
        st.tuples(st.just("write"), which, st.sampled_from(INDICES), st.sampled_from(NUMBERS)),
        st.tuples(st.just("write"), which, st.sampled_from(INDICES), st.sampled_from(NUMBERS)),
        st.tuples(st.just("write"), which, st.sampled_from(INDICES), st.just("x[INDEX].clone()")),
        st.tuples(st.just("write"), which, st.sampled_from(INDICES), st.sampled_from(["now(x[0] * 1)", "now(x[INDEX] * 1)"])),
        st.tuples(st.just("add"), which, st.sampled_from(INDICES), st.sampled_from(["1", "0.5", "True"])),
        st.tuples(st.just("expose"), which, st.just(""), st.just("")),
        st.tuples(st.just("others"), which, st.just(""), st.just("")),
        st.tuples(st.just("drop"), which, st.just(""), st.just("")),
    )
    return st.lists(step, min_size=8, max_size=30)


def in_memory(x: Any) -> Any:
    """A tensor whose value somebody has looked at."""
    x.tolist()
    return x


def ran(T: Any, dtype: str, program: list[Step], threaded: bool = False) -> list[Any]:
    """What a program sees while it runs, errors by type, and what its tensors hold in the end."""
    d = getattr(T, dtype)
    space: dict[str, Any] = {"T": T, "d": d, "np": np, "now": in_memory}
    tensors = [T.zeros(4, 4, dtype=d)]
    arrays: list[np.ndarray] = []
    found: list[Any] = []

    def take(kind: str, text: str, value: str, x: Any) -> None:
        if kind == "make":
            tensors.append(eval(text, space, {"x": x}))
        elif kind in ("see", "keep"):
            tensors.append(eval(text, space, {"x": x}))
        elif kind == "look":
            found.append(eval(text, space, {"x": x}))
        elif kind == "write":
            exec(f"x[{text}] = {value.replace('INDEX', text)}", space, {"x": x})
        elif kind == "add":
            exec(f"x[{text}] += {value}", space, {"x": x})
        elif kind == "expose":
            arrays.append(x.numpy())
        elif kind == "others" and arrays and arrays[-1].size:
            arrays[-1][...] = 1
        elif kind == "drop" and len(tensors) > 1:
            tensors.remove(next(t for t in tensors if t is x))

    for kind, which, text, value in program:
        def act(kind: str = kind, which: int = which, text: str = text, value: str = value) -> None:
            try:
                take(kind, text, value, tensors[which % len(tensors)])
            except Exception as error:
                found.append(type(error))

        if threaded and which % 3 == 0:
            thread = threading.Thread(target=act)
            thread.start()
            thread.join()
        else:
            act()
    return [*found, *[(repr(t.dtype), t.stride(), repr(t.double().tolist())) for t in tensors]]


@settings(QUICK, max_examples=250)
@given(st.sampled_from(DTYPES), steps())
def test_random_programs(dtype: str, program: list[Step]) -> None:
    assert ran(flambeau, dtype, program) == ran(torch, dtype, program)


@settings(QUICK, max_examples=60)
@given(st.sampled_from(DTYPES), steps())
def test_random_programs_in_several_threads(dtype: str, program: list[Step]) -> None:
    assert ran(flambeau, dtype, program, threaded=True) == ran(torch, dtype, program)


@settings(QUICK, max_examples=60)
@given(st.sampled_from(DTYPES), steps())
def test_random_programs_on_another_device(dtype: str, program: list[Step]) -> None:
    with computing_there():
        assert ran(flambeau, dtype, program) == ran(torch, dtype, program)


# --- what is done at once, and what cannot be --------------------------------------------------------------------------


def steps_recorded(write: Callable[[], Any]) -> int:
    before = local.trace.cursor.depth
    write()
    return local.trace.cursor.depth - before


WRITES = {
    "an element": "x[1, 2] = 3", "a row": "x[-1] = 0.5", "a slice": "x[1:3, ::2] = True", "a row given": "x[0] = row",
    "a part that has a name": "x[2].fill_(4)", "an element added to": "x[0, 0] += 1", "a column": "x[..., 1] = row",
}  # fmt: skip


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
@pytest.mark.parametrize("made", ["zeros(4, 4)", "ones(4, 4)", "tensor([[1.0] * 4] * 4)", "from_numpy(np.ones((4, 4)))"])
def test_nothing_is_recorded(made: str, write: str) -> None:
    row = flambeau.tensor([1.0, 2.0, 3.0, 4.0])
    x = eval(f"flambeau.{made}", {"flambeau": flambeau, "np": np}).to(flambeau.float32)
    if "numpy" in made:
        x.tolist()
    flambeau.graph.trace.step_boundary()
    fresh = flambeau.zeros(4, 4) if made == "zeros(4, 4)" else x
    assert steps_recorded(lambda: exec(write, {"x": fresh, "row": row})) <= 0
    assert local.trace.cursor.depth == 0


def test_large_values_are_written_in_place_if_nobody_else_needs_them() -> None:
    x = flambeau.zeros(SMALL, 2)
    assert steps_recorded(lambda: exec("x[3, 1] = 5", {"x": x})) > 0  # it is pending
    x.tolist()
    y = x * 1
    assert steps_recorded(lambda: exec("x[3, 1] = 6", {"x": x})) > 0  # its value is needed
    assert y[3, 1].item() == 5 and x[3, 1].item() == 6
    del y
    before = x._read().buffer.address
    x[3, 1] = 7
    assert x._read().buffer.address == before and x[3, 1].item() == 7


def test_what_backward_saved_keeps_its_value() -> None:
    weight = flambeau.ones(3, requires_grad=True)
    x = flambeau.tensor([1.0, 2.0, 3.0])
    loss = (weight * x).sum()
    x[0] = 10.0
    assert loss.item() == 6.0
    x[1] = 20.0  # the trace has been evaluated: only the history holds the value
    loss.backward()
    assert weight.grad.tolist() == [1.0, 2.0, 3.0] and x.tolist() == [10.0, 20.0, 3.0]


def test_history_is_recorded() -> None:
    for T in (flambeau, torch):
        x = T.zeros(3, requires_grad=True)
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            x[0] = 1.0
        y = x * 2
        y[0] = 5.0
        y[1:] += x[0]
        y.sum().backward()
        assert y.tolist() == [5.0, 0.0, 0.0] and x.grad.tolist() == [2.0, 2.0, 2.0]
        with T.no_grad():
            x[2] = 4.0
        assert x.tolist() == [0.0, 0.0, 4.0] and x.is_leaf
        z = T.zeros(3)
        z[1] = x[2]  # a value with a history
        assert z.requires_grad and z.tolist() == [0.0, 4.0, 0.0]


@pytest.mark.parametrize(
    "index",
    ["3", "-4", "0, 0", "'a'", "1.5", "None, 5", "slice(0, 2, -1)", "slice('a', 2)", "T.tensor(1)", "T.tensor(3)"],
)
@pytest.mark.parametrize("value", ["1", "300.0"])
def test_errors_are_those_of_pytorch(index: str, value: str) -> None:
    found = []
    for T in (flambeau, torch):
        x = T.zeros(3)
        try:
            exec(f"x[{index}] = {value}", {"x": x, "T": T})
            found.append((None, x.tolist()))
        except Exception as error:
            found.append((type(error), x.tolist()))
    assert found[0] == found[1]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", ["True", "False", "2", "-1", "0.5"])
@pytest.mark.parametrize("sign", ["+", "-", "*"])
def test_an_element_is_changed_as_all_of_a_tensor_is(dtype: str, number: str, sign: str) -> None:
    found = []
    for T in (flambeau, torch):
        for place in ("x[1]", "x"):
            x = T.ones(3, dtype=getattr(T, dtype))
            try:
                exec(f"{place} {sign}= {number}", {"x": x})
                found.append(x[1].item())
            except RuntimeError as error:
                found.append(str(error))
    assert found == found[:1] * 4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "value", [2**53 + 1, 2**62 + 1, -(2**40) - 1, 300, -1, 1e39, 3.9, -0.0, math.inf, math.nan, 70000.0, 2**64]
)
def test_numbers_are_converted_as_pytorch_does(dtype: str, value: float) -> None:
    found = []
    for T in (flambeau, torch):
        x = T.zeros(3, 3, dtype=getattr(T, dtype))
        x[0, 0], y = 1, x
        for write in ("x[1, 1] = value", "x[2] = value", "x[:, 0] = value"):
            try:
                exec(write, {"x": x, "value": value})
            except Exception as error:
                found.append(type(error))
        found.append(repr(y.double().tolist()))
    half = len(found) // 2
    assert found[:half] == found[half:]


def test_what_was_written_is_undone_if_an_earlier_step_fails() -> None:
    table = flambeau.arange(6.0).reshape(3, 2)
    x, y, z = flambeau.zeros(3), flambeau.tensor([1.0, 2.0]), flambeau.tensor([7.0])
    y[0] = 5.0
    kept = table[flambeau.tensor([0, 3])]
    x[0], y[1], z[-1:] = 1.0, 6.0, 8.0
    with pytest.raises(IndexError):
        kept.tolist()
    assert (x.tolist(), y.tolist(), z.tolist()) == ([0.0] * 3, [5.0, 2.0], [7.0])


def test_classes_in_memory_and_pending_become_the_same_rows() -> None:
    for T in (flambeau, torch):
        classes = T.tensor([[2, 0], [1, 3]])
        rows = T.nn.functional.one_hot(classes)
        assert rows.tolist() == T.nn.functional.one_hot(classes * 1, 4).tolist() == T.eye(4)[classes].tolist()
        assert rows.dtype is T.int64
        for labels, count in ((classes - 1, 4), (classes, 3), (T.tensor(-1), -1)):
            labels.tolist()
            for value in (labels, labels * 1):
                with pytest.raises(RuntimeError, match="Class values must be"):
                    T.nn.functional.one_hot(value, count).tolist()


def test_arrays_that_may_not_be_written_to_are_not() -> None:
    array = np.ones(4, np.float32)
    array.flags.writeable = False
    x = flambeau.ops.from_data.sharing(array)
    with pytest.raises(ValueError, match="read-only"):
        x[1] = 2.0
    assert array.tolist() == [1.0] * 4


class Handler:
    """Comes in at one of the calls made by a program, keeps the value of ``x`` in several ways, and finds whether one changes."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.weight = flambeau.ones(4, 4, requires_grad=True)
        self.x = flambeau.zeros(4, 4)
        if number % 2:
            self.x.tolist()
        self.values: list[Any] | None = None
        self.calls = 0

    def profile(self, frame: Any, event: str, _: Any) -> None:
        if event not in ("c_return", "call"):
            return
        self.calls += 1
        if self.calls != self.number:
            return
        sys.setprofile(None)
        self.pending, self.product = self.x + 0, (self.x * self.weight).sum()
        if self.number % 3:
            self.product.item()
        if self.number % 5:
            self.pending = self.x.clone()
        self.values = self.x.tolist()

    def runs(self, write: str, **names: Any) -> bool:
        """Whether it came in, in which case what it kept is as it was."""
        code = compile(write, "write", "exec")
        sys.setprofile(self.profile)
        try:
            exec(code, {"x": self.x, **names})
        finally:
            sys.setprofile(None)
        if self.values is None:
            return False
        self.product.backward()
        assert self.pending.tolist() == self.weight.grad.tolist() == self.values, (write, self.number)
        self.values = None
        return True


def test_a_handler_finds_values_that_do_not_change() -> None:
    """At each call within a write a signal's handler keeps the value, in several ways; none of them changes afterwards."""
    row = flambeau.tensor([5.0, 6.0, 7.0, 8.0])
    expected = [[0.0, 1.0, 0.0, 0.0], [2.0] * 4, row.tolist(), [0.0, 0.0, 0.0, 1.0]]
    number = 1
    while True:
        handler = Handler(number)
        came = [handler.runs(write, row=row) for write in ("x[0, 1] = 1.0", "x[1] = 2", "x[2] = row", "x[3, 3] += 1")]
        assert handler.x.tolist() == expected, number
        if not any(came):
            break
        number += 1
    assert number > 60
