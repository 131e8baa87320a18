"""Tensors beside NumPy's arrays and scalars: types, dtypes, values and errors as PyTorch's."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

TENSORS: dict[str, Callable[[Any], Any]] = {
    "float": lambda lib: lib.tensor([1.0, 2.0]),
    "int": lambda lib: lib.tensor([1, 2]),
    "bool": lambda lib: lib.tensor([True, False]),
    "scalar": lambda lib: lib.tensor(2.0),
    "tracked": lambda lib: lib.tensor([1.0, 2.0], requires_grad=True),
}

ARRAYS: dict[str, Callable[[], Any]] = {
    "float64": lambda: np.array([3.0, 4.0]),
    "float32": lambda: np.array([3.0, 4.0], dtype=np.float32),
    "int64": lambda: np.array([3, 4]),
    "bool": lambda: np.array([True, True]),
    "zero-dimensional": lambda: np.array(3.0),
    "mismatched": lambda: np.array([1.0, 2.0, 3.0]),
}

OTHERS: dict[str, Callable[[], Any]] = {
    **ARRAYS,
    "np.float64": lambda: np.float64(3),
    "np.float32": lambda: np.float32(3),
    "np.int64": lambda: np.int64(3),
    "np.bool": lambda: np.bool_(True),
    "list": lambda: [3, 4],
    "text": lambda: "a",
    "nothing": lambda: None,
    "object": object,
}

OPERATORS = """
    add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift eq iadd isub imul itruediv ifloordiv imod ipow
""".split()


def told(function: Callable[..., Any], *arguments: Any) -> Any:
    """What comes of a call, in words that both libraries share; an error is its type."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return described(function(*arguments))
        except Exception as error:
            return type(error)


def described(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [described(part) for part in value]
    if isinstance(value, (torch.Tensor, flambeau.Tensor)):
        return ("tensor", str(value.dtype).rpartition(".")[2], repr(value.tolist()), value.requires_grad)
    if isinstance(value, np.ndarray):
        return ("array", value.dtype, repr(value.tolist()))
    return (type(value), repr(value))


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str) -> None:
    function = getattr(operator, name)
    for (kind, tensor), (other_kind, other) in product(TENSORS.items(), OTHERS.items()):
        if name in ("sub", "isub") and kind == "bool" and "np." in other_kind:
            continue
        got = told(function, tensor(flambeau), other()), told(function, other(), tensor(flambeau))
        wanted = told(function, tensor(torch), other()), told(function, other(), tensor(torch))
        assert got == wanted, (kind, other_kind)


@pytest.mark.parametrize("name", ["ne", "lt", "le", "gt", "ge"])
def test_comparisons_with_arrays_are_elementwise(name: str) -> None:
    """Not PyTorch's, which answers ``!=`` with True and refuses the others; the values are those of its tensors."""
    function = getattr(operator, name)
    arrays = [*(make() for make in ARRAYS.values()), np.array([3.0, 4.0])[::-1]]
    for (kind, tensor), array in product(TENSORS.items(), arrays):
        other = torch.from_numpy(array.copy())
        assert told(function, tensor(flambeau), array) == told(function, tensor(torch), other), kind
        assert told(function, array, tensor(flambeau)) == told(function, other, tensor(torch)), kind


@pytest.mark.parametrize(
    "name", "sqrt exp negative abs sign isnan isfinite modf add multiply maximum power equal divmod".split()
)
def test_functions_of_numpy(name: str) -> None:
    function = getattr(np, name)
    array = np.array([3.0, 4.0])
    for kind, tensor in TENSORS.items():
        ours, theirs = tensor(flambeau), tensor(torch)
        if function.nin == 1:
            assert told(function, ours) == told(function, theirs), kind
            continue
        assert told(function, ours, array) == told(function, theirs, array), kind
        assert told(function, array, ours) == told(function, array, theirs), kind
        assert told(function, ours, ours) == told(function, theirs, theirs), kind


def test_numpys_reductions_are_the_methods() -> None:
    t = flambeau.tensor([[1.0, 2.0], [5.0, 3.0]])
    for name in "sum mean max min prod argmax amax".split():
        reduced = getattr(np, name)(t)
        assert isinstance(reduced, flambeau.Tensor) and reduced.item() == getattr(np, name)(t.numpy())
    assert np.cumsum(t, axis=1).tolist() == [[1, 3], [5, 8]]
    with pytest.raises(TypeError, match="unexpected keyword argument 'out'"):
        t.sum(out=t)


EXPRESSIONS = """
    np.asarray(t)
    np.array(t, dtype=np.int32)
    np.array([t, t])
    np.array([lib.tensor(1.0), lib.tensor(2.0)])
    np.concatenate([t, t])
    np.dot(t, t)
    np.where(t > 1, t, t)
    np.argmax(t)
    np.add.reduce(t)
    np.transpose(t)
    np.reshape(t, (2, 1))
    np.repeat(t, 2)
    np.round(t)
    np.linalg.norm(t)
    np.float32(s)
    np.zeros(2) + t
    t.numpy() * t
    divmod(t, np.array([2.0, 2.0]))
    t[np.array([1, 0])]
    t[np.int64(1)]
    t[np.array([True, False])]
    t[[np.int64(1)]]
    t[np.float32(1)]
    np.arange(5)[lib.tensor([1, 2])]
    np.arange(5)[lib.tensor(2)]
    np.array([1.0, 2.0]) in [t]
    1 in t
    np.float32(1) in t
    lib.zeros(np.int64(2))
    lib.zeros((np.int32(2), 3))
    lib.zeros(np.float64(2))
    t.view(np.int64(2), 1)
    t.reshape((np.int64(1), -1))
    t.sum(np.int64(0))
    t.sum(dim=np.int64(0))
    t.mean((np.int64(0),))
    t.repeat(np.int64(2))
    t.expand(np.int64(3), 2)
    lib.softmax(t, np.int64(0))
    lib.arange(np.float32(3))
    lib.full((2,), np.float32(3))
    lib.full((2,), np.array(3.0))
    lib.add(t, np.ones(2))
    t.add(np.ones(2))
    t.add_(np.ones(2))
    t.eq(np.ones(2))
    lib.maximum(t, np.ones(2))
    lib.mul(t, np.array(2.0))
    lib.mul(t, np.float64(2))
    t.add(np.float32(2))
    t.add_(np.float32(2))
    t.sub(np.int64(2), alpha=np.float32(0.5))
    lib.addcmul(t, t, t, value=np.float32(2))
    lib.where(t > 1, t, np.float32(2))
    lib.cat([t, np.ones(2)])
    t.fill_(np.float32(3))
    t.masked_fill(t > 1, np.float32(7))
    t.clamp(np.float32(1.5))
    t ** np.float32(2)
    np.float32(2) ** t
    np.float64(2) / t
    np.array([2.0, 3.0]) / t
    t.__array_wrap__(np.ones(2))
    t.__array_wrap__(np.array([True]))
    t == None
    t != "a"
"""


@pytest.mark.parametrize("expression", [line.strip() for line in EXPRESSIONS.strip().splitlines()])
def test_expressions(expression: str) -> None:
    def call(lib: Any) -> Any:
        return eval(expression, {"np": np, "lib": lib, "t": lib.tensor([1.0, 2.0]), "s": lib.tensor(2.5)})

    assert told(call, flambeau) == told(call, torch)


def test_values_that_require_grad_are_shared_where_no_history_is_recorded():
    for library in (torch, flambeau):
        x = library.ones(3, requires_grad=True)
        with library.no_grad():
            x.numpy()[0] = 5
        assert x.tolist() == [5, 1, 1]
        with pytest.raises(RuntimeError, match="requires grad"):
            x.numpy()
