"""Derivatives that are easily got wrong: of factors of matrices that are not square, in secondary arguments, at elements
that are named twice, and of what is drawn at random."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from oracle import agree, evaluated

import flambeau


def numbers(T: Any, *shape: int, seed: int = 1) -> Any:
    """Irregular numbers around zero."""
    count = 1
    for extent in shape:
        count *= extent
    return ((T.arange(count, dtype=T.float64) + seed) ** 2 * 0.37).sin().reshape(shape).requires_grad_()


def twice(T: Any, function: Any, *leaves: Any) -> Any:
    """A function's values, and the gradients of a weighted sum of them, once and twice."""
    results = function(*leaves)
    results = [results] if not isinstance(results, (tuple, list)) else results
    total = sum((r * (T.arange(r.numel(), dtype=T.float64) * 0.9).cos().reshape(r.shape)).sum() for r in results)
    first = T.autograd.grad(total, leaves, create_graph=True, materialize_grads=True)
    square = sum((g * g).sum() for g in first) + sum((leaf * 0).sum() for leaf in leaves)
    return [*results], [g + 0 for g in first], T.autograd.grad(square, leaves, materialize_grads=True)


@pytest.mark.parametrize("shape", [(3, 3), (3, 5), (5, 3), (2, 3, 4), (2, 4, 3), (1, 4), (4, 1)])
def test_lu(shape: tuple[int, ...]) -> None:
    def program(T: Any) -> Any:
        a = numbers(T, *shape)
        return (
            twice(T, lambda a: T.linalg.lu_factor(a)[0], a),
            twice(T, lambda a: T.linalg.lu(a)[1:], a),
            twice(T, lambda a: T.lu_unpack(*T.linalg.lu_factor(a))[2], a),
        )

    agree(program, 1e-8)


@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantiles_in_both_arguments(interpolation: str) -> None:
    def program(T: Any) -> Any:
        x = numbers(T, 5, 4)
        q = T.tensor([0.1, 0.55, 0.8], dtype=T.float64, requires_grad=True)
        found = []
        for function in (T.quantile, T.nanquantile):
            for dim in (None, 0, 1):
                chosen = functools.partial(function, dim=dim, interpolation=interpolation)
                found.append(twice(T, chosen, x, q))
        return found

    agree(program, 1e-9)


#: Functions of a matrix ``x`` and a number ``v`` with indices that repeat.
REPEATED = [
    "x.index_fill(1, T.tensor([2, 0, 2]), v)", "(x * 1).index_fill_(0, T.tensor([1, 1]), v)",
    "x.index_fill(0, T.tensor([1, 0, 2, 1]), v)", "x.index_fill(0, T.tensor([1, 1]), 3.0) * v",
    "x.index_add(0, T.tensor([1, 1]), x[:2] * v)", "x.index_put((T.tensor([1, 1]),), v * x[:2], accumulate=True)",
    "x.index_select(0, T.tensor([1, 1, 0])) * v", "x.gather(0, T.tensor([[1, 1, 1], [1, 1, 0]])) * v",
    "x.take(T.tensor([4, 4, 1])) * v", "x.masked_fill(x > 0, v)", "(x * 1).fill_(v)",
    "x.scatter_add(0, T.tensor([[1, 1, 1], [1, 1, 1]]), x[:2] * v)",
]  # fmt: skip


@pytest.mark.parametrize("expression", REPEATED)
def test_elements_that_are_named_twice(expression: str) -> None:
    def program(T: Any) -> Any:
        v = T.tensor(0.7, dtype=T.float64, requires_grad=True)
        return twice(T, lambda x, v: evaluated(T, expression, x=x, v=v), numbers(T, 3, 3), v)

    agree(program, 1e-9)


def test_what_does_not_depend_on_its_arguments_has_gradients_of_zero() -> None:
    def program(T: Any) -> Any:
        x, y = numbers(T, 3, 3), numbers(T, 3, 3, seed=5)
        results = (
            T.linalg.matrix_power(x, 0), T.fill(x, 2.0), T.fill(x, y[0, 0]), T.normal(x, 1.0),
            T.normal(0.0, y.abs()), T.normal(x, y.abs()), x.sign(), x.floor(), T.nextafter(x, x), T.copysign(x * 0, y),
        )  # fmt: skip
        found = [T.autograd.grad(r.sum(), (x, y), allow_unused=True) for r in results]
        infinite = T.autograd.grad((x.floor() * float("inf")).sum(), x)
        return [[None if g is None else g + 0 for g in pair] for pair in found], infinite, [r.grad_fn.name() for r in results]

    agree(program)


def test_scattering_into_strided_elements() -> None:
    """PyTorch gives the first argument's gradient where elements are replaced, not where they are kept."""
    x, part = numbers(flambeau, 3, 3), numbers(flambeau, 2, 2)
    assert flambeau.autograd.gradcheck(lambda x, part: x.as_strided_scatter(part, (2, 2), (3, 2), 1), (x, part))
    assert flambeau.autograd.gradcheck(lambda x, part: (x * 2).as_strided_scatter(part, (2, 2), (1, 2), 3), (x, part))
    assert flambeau.autograd.gradcheck(lambda x, part: x[1:].as_strided_scatter(part, (2, 2), (2, 1), 3), (x, part))


@pytest.mark.parametrize("view", ["x[3:]", "x[2:10].view(2, 4).t()", "x.view(3, 4)[:, ::2]", "x.view(3, 4)[1:, 1:3]"])
@pytest.mark.parametrize("offset", [None, 4, 7])
def test_strided_scatter_is_by_the_places_of_the_storage(view: str, offset: int | None) -> None:
    results = []
    for lib in (torch, flambeau):
        x = eval(view, {"x": lib.arange(12.0)})
        result = lib.as_strided_scatter(x, lib.full((2, 2), 50.0), (2, 2), (2, 1), offset)
        results.append((result.tolist(), result.stride()))
    assert results[0] == results[1]


def test_differences_of_order_zero() -> None:
    def program(T: Any) -> Any:
        x, y = numbers(T, 3, 3), numbers(T, 3, 1)
        result = x.diff(0, 1, prepend=y, append=y)
        return result, T.autograd.grad(result.sum(), (x, y), allow_unused=True)[1], result.shape == x.shape

    agree(program)
