"""``vmap``: axes, structures, randomness, writing in place, errors, and rules of primitives, beside PyTorch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from oracle import agree, error

import flambeau

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(4, 3, 5)).astype(np.float32)
Y = RANDOM.normal(size=(4, 5)).astype(np.float32)
PICTURES = RANDOM.normal(size=(4, 2, 3, 6, 6)).astype(np.float32)
WEIGHTS = RANDOM.normal(size=(4, 5, 3, 3, 3)).astype(np.float32)
WORDS = RANDOM.normal(size=(4, 2, 7, 8)).astype(np.float32)
PLACES = np.array([[0, 1], [1, 1], [2, 0], [4, 4]])

#: An expression of the library ``T`` and one sample's arguments, what these are, and their axes.
CALLS = [
    ("a.exp().sum()", (X,), 0),
    ("(a @ b, a * b, a.T)", (X, Y), 0),
    ("(a @ b, a * b, b + 1)", (X, Y[0]), (0, None)),
    ("a.softmax(-1).cumsum(0)", (X,), 2),
    ("T.vmap(lambda r: r.sort()[0])(a)", (X,), -1),
    ("T.vmap(lambda r, b: r * b.sum(), in_dims=(1, None), out_dims=1)(a, b)", (X, Y), 0),
    ("T.vmap(lambda r: r * a.sum())(b)", (X, Y), 0),
    ("a[:, T.tensor([0, 2])] * 2", (X,), 0),
    ("T.cat([a, a.flip(0)], 0).max(0)", (X,), 0),
    ("(a[0].clone().add_(a[1]), T.stack([a[0], T.ones(5)]), a.argmax())", (X,), 0),
    ("(T.linalg.svd(a)[1], T.linalg.qr(a)[1].abs())", (X,), 0),
    ("(a.mean() * 2).double() * a", (X,), 0),
    ("a * T.tensor(2.0, dtype=T.float64) + a.sum().double()", (X,), 0),
    ("a * b", (X, np.array([1, 2, 3, 4])), 0),
    ("(a.std(), a.var(0), a.norm(), a.logsumexp(1), a.topk(2)[0], a.median(), a.unfold(1, 2, 1))", (X,), 0),
    ("(T.einsum('ij,kj->ik', a, a), T.linalg.inv(a[:, :3] + 3 * T.eye(3)), a.tril(), T.where(a > 0, a, 2))", (X,), 0),
    ("(a.cumprod(1), a.cummax(1), a.logcumsumexp(1), a.prod(), a.kthvalue(2, 1)[0])", (X,), 0),
    ("(a.gather(0, b), T.zeros(6).scatter_add(0, b, a[:2]), T.zeros(6).index_add(0, b, a[:2]))", (Y, PLACES), 0),
    ("F.embedding(b, a)", (X, PLACES[:, :1] % 3), 0),
    ("F.embedding(b, a)", (X[0], PLACES % 3), (None, 0)),
    ("F.cross_entropy(a, T.tensor([0, 1, 2]))", (X,), 0),
    ("F.conv1d(a[None], T.ones(2, 3, 2))[0]", (X,), 0),
    ("F.conv2d(a, b, padding=1, stride=2)", (PICTURES, WEIGHTS), 0),
    ("F.conv2d(a, b, padding=1)", (PICTURES, WEIGHTS[0]), (0, None)),
    ("F.conv2d(a, b, padding=1)", (PICTURES[0], WEIGHTS), (None, 0)),
    ("F.conv_transpose2d(a, b[:3], padding=1, stride=2)", (PICTURES, WEIGHTS), 0),
    ("F.conv_transpose2d(a, b[:3], padding=1, stride=2)", (PICTURES, WEIGHTS[0]), (0, None)),
    ("T.func.grad(lambda a, b: F.conv2d(a, b, padding=1, stride=2).tanh().sum(), (0, 1))(a, b)", (PICTURES, WEIGHTS), 0),
    ("T.func.grad(lambda a, b: F.conv2d(a, b, stride=2).tanh().sum(), (0, 1))(a, b)", (PICTURES, WEIGHTS[0]), (0, None)),
    ("T.func.grad(lambda a, b: F.conv2d(a, b[:3, :1], groups=3).tanh().sum(), (0, 1))(a, b)", (PICTURES, WEIGHTS), 0),
    ("(F.max_pool2d(a, 2), F.avg_pool2d(a, 3, 1), F.adaptive_avg_pool2d(a, 4), F.adaptive_max_pool2d(a, 4))", (PICTURES,), 0),
    ("T.func.grad(lambda a: (F.max_pool2d(a, 2).sin().sum() + F.adaptive_avg_pool2d(a, 4).sin().sum()))(a)", (PICTURES,), 0),
    ("F.interpolate(a, scale_factor=2, mode='bilinear')", (PICTURES,), 0),
    ("F.scaled_dot_product_attention(a, a.sin(), a, is_causal=True)", (WORDS,), 0),
    ("T.func.grad(lambda a: F.scaled_dot_product_attention(a[None], a[None].sin(), a[None]).sin().sum())(a)", (WORDS,), 0),
    ("F.layer_norm(a, (8,)) + F.gelu(a)", (WORDS,), 0),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "arrays", "axes"), CALLS)
def test_expressions(expression: str, arrays: tuple[np.ndarray, ...], axes: Any) -> None:
    def program(T: Any) -> Any:
        space = {"T": T, "F": T.nn.functional}
        call = eval(f"lambda {', '.join('ab'[: len(arrays)])}: {expression}", space)
        found = T.vmap(call, in_dims=axes)(*[T.tensor(array) for array in arrays])
        return [[*each] if isinstance(each, tuple) else each for each in found] if isinstance(found, tuple) else found

    agree(program, 2e-5)


def test_complex_numbers() -> None:
    def program(T: Any) -> Any:
        z = T.complex(T.tensor(X[:, 0]), T.tensor(X[:, 1]))
        found = T.vmap(lambda a, b: (a * a.conj() + b, a.abs().sum(), T.fft.fft(b), a.conj(), a[1:]))(z, T.tensor(Y))
        return [T.view_as_real(x.resolve_conj()) if x.is_complex() else x for x in found]

    agree(program, 1e-5)


def test_structures_axes_and_chunks() -> None:
    def program(T: Any) -> Any:
        x, y = T.tensor(X), T.tensor(Y)
        nested = T.vmap(lambda d, k: {"s": d["a"] * k, "t": (d["b"][0].sum(), d["a"])}, in_dims=({"a": 0, "b": [1]}, None))
        made = nested({"a": x, "b": [y.T]}, 2.0)
        both = T.vmap(lambda a, b: (a.sum(0), b * 2), in_dims=(0, 1), out_dims=(1, -1))(x, y.T)
        outer = T.vmap(lambda a, s: (a * s, s + 1), in_dims=(0, None), out_dims=(0, None))(x, y[0, 0])
        chunks = T.vmap(lambda a: (a.sin(), a.sum()), out_dims=(1, 0), chunk_size=3)(x)
        scaled = T.vmap(lambda a, scale: a * scale)(x, scale=x[0, 0, 0])
        return [*made["t"], made["s"], *both, *outer, *chunks, scaled]

    agree(program, 1e-5)


def test_writing_in_place() -> None:
    def program(T: Any) -> Any:
        x, y, seen = T.tensor(X), T.tensor(Y), T.zeros(())

        def function(a: Any, b: Any) -> Any:
            made = T.zeros_like(a)
            made[1] = b
            made[:, 2] += a[:, 1]
            a.mul_(2)
            seen.add_(1)
            return made

        return T.vmap(function)(x, y), x, seen

    agree(program, 1e-6)
    total = flambeau.zeros(5)
    with pytest.raises(RuntimeError, match="same for all samples was written"):
        flambeau.vmap(lambda b: total.add_(b).sum())(flambeau.tensor(Y))
    assert total.tolist() == [0] * 5


def test_a_value_that_is_the_same_for_all_can_be_looked_at() -> None:
    limit = flambeau.tensor(2.0)
    found = flambeau.vmap(lambda a: a * 2 if limit * 2 > 3 else a)(flambeau.ones(3))
    assert found.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    "look",
    [
        lambda a: a * 2 if a.sum() > 0 else a, lambda a: a.sum().item() * a, lambda a: a[a > 0], lambda a: a.nonzero(),
        lambda a: (a.numpy(), a)[1],
    ],
)  # fmt: skip
def test_values_that_differ_cannot_be_looked_at(look: Any) -> None:
    with pytest.raises(RuntimeError, match="data-dependent control flow is not supported"):
        flambeau.vmap(look)(flambeau.ones(3, 2))


def test_what_escapes_says_so() -> None:
    kept = []
    flambeau.vmap(lambda a: kept.append(a * 2) or a)(flambeau.ones(3))
    with pytest.raises(RuntimeError, match="is used outside of it"):
        (kept[0] + 1).tolist()


def test_indices_out_of_range_name_the_line() -> None:
    with pytest.raises(IndexError, match=r"test_vmap\.py"):
        flambeau.vmap(lambda a, i: a[i])(flambeau.ones(3, 2), flambeau.tensor([[0], [1], [5]])).tolist()


MISTAKES = [
    lambda T: T.vmap(lambda a, b: a + b)(T.ones(2), T.ones(3)),
    lambda T: T.vmap(lambda a: 1)(T.ones(2)),
    lambda T: T.vmap(T.sin)(1.5),
    lambda T: T.vmap(T.sin)(None),
    lambda T: T.vmap(T.sin, in_dims=3)(T.ones(2)),
    lambda T: T.vmap(T.sin, in_dims="a")(T.ones(2)),
    lambda T: T.vmap(T.sin, in_dims=(0, 0))(T.ones(2)),
    lambda T: T.vmap(lambda: 1)(),
    lambda T: T.vmap(T.sin, in_dims=(None,))(T.ones(2)),
    lambda T: T.vmap(T.sin, out_dims=(0, 1))(T.ones(2)),
    lambda T: T.vmap(T.sin, out_dims=None)(T.ones(2)),
    lambda T: T.vmap(T.sin, randomness="some")(T.ones(2)),
    lambda T: T.vmap(T.sin, chunk_size=0)(T.ones(2)),
    lambda T: T.vmap(lambda a: a + T.randn(()))(T.ones(2)),
    lambda T: T.vmap(T.nn.functional.dropout)(T.ones(2)),
]  # fmt: skip


@pytest.mark.parametrize("mistake", range(len(MISTAKES)))
def test_mistakes_raise_what_they_raise_in_pytorch(mistake: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert error(MISTAKES[mistake], flambeau)[0] == error(MISTAKES[mistake], torch)[0]


def test_random_numbers_differ_or_are_the_same() -> None:
    x = flambeau.zeros(4, 3)
    draws = {
        "normal": lambda a: a + flambeau.randn(3), "dropout": lambda a: flambeau.nn.functional.dropout(a + 1),
        "uniform": lambda a: a.uniform_(), "like": flambeau.rand_like,
        "attention": lambda a: flambeau.nn.functional.scaled_dot_product_attention(
            *[flambeau.ones(1, 1, 40, 8) * (1 + a[0])] * 3, dropout_p=0.5
        ),
    }  # fmt: skip
    for name, draw in draws.items():
        flambeau.manual_seed(1)
        same = flambeau.vmap(draw, randomness="same")(x.clone()).numpy()
        assert (same == same[:1]).all(), name
        flambeau.manual_seed(1)
        different = flambeau.vmap(draw, randomness="different")(x.clone()).numpy()
        assert all((different[0] != other).any() for other in different[1:]), name
        np.testing.assert_array_equal(different[0], same[0])
    nested = flambeau.vmap(flambeau.vmap(lambda a: flambeau.rand(()), randomness="same"), randomness="different")(x).numpy()
    assert (nested == nested[:, :1]).all() and len(np.unique(nested)) == 4
    with pytest.raises(RuntimeError, match="cannot differ from sample to sample"):
        flambeau.vmap(lambda a: flambeau.randperm(3), randomness="different")(x)


def test_no_samples_and_one() -> None:
    assert flambeau.vmap(lambda a: (a @ a.T).sum(0))(flambeau.ones(0, 3, 5)).shape == (0, 3)
    assert flambeau.vmap(lambda a: (a @ a.T).sum(0))(flambeau.ones(1, 3, 5)).tolist() == [[15, 15, 15]]
