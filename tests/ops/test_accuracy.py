"""Errors against float64: at most twice PyTorch's, and in half types those of one rounding.

A row computes with random numbers around a centre. What is compared is the root mean square error of the result and of
each gradient, over a few draws, relative to the size of the exact values (PyTorch's, computed in float64 from the same
rounded inputs).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import flambeau
import flambeau.nn.functional

DRAWS = 4
ONE_ROUNDING = {"float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Half a unit in the last place relative to the smallest number that has it: the most that one rounding does."""


class Row(NamedTuple):
    """An expression of tensors x, y, z of the given shapes, around a centre; ``gradients`` are compared too."""

    expression: str
    shapes: tuple[tuple[int, ...], ...]
    gradients: bool = True


ROWS_X = (12, 131)
STATISTICS = [
    *(Row(f"torch.{name}(x, 1)", (ROWS_X,)) for name in ("var", "std", "mean", "sum")),
    *(Row(f"torch.{name}(x, 0)", (ROWS_X,)) for name in ("var", "std", "mean")),
    Row("torch.var_mean(x, 1)[0]", (ROWS_X,)),
    Row("torch.var_mean(x, 1)[1]", (ROWS_X,)),
    Row("torch.std(x)", (ROWS_X,)),
    Row("F.layer_norm(x, (131,), y, z)", (ROWS_X, (131,), (131,))),
    Row("F.batch_norm(x, None, None, y, z, True)", ((4, 5, 6, 7), (5,), (5,))),
    Row("F.instance_norm(x, None, None, y, z)", ((4, 5, 6, 7), (5,), (5,))),
    Row("F.group_norm(x, 2, y, z)", ((4, 6, 5, 7), (6,), (6,))),
]
COMPOSED = [
    Row("torch.addcmul(x, y, z, value=0.3)", ((9, 33), (9, 33), (9, 33))),
    Row("torch.addcdiv(x, y, z * z + 1, value=0.3)", ((9, 33), (9, 33), (9, 33))),
    Row("torch.lerp(x, y, 0.3)", ((9, 33), (9, 33))),
    Row("torch.lerp(x, y, z)", ((9, 33), (9, 33), (9, 33))),
    Row("torch.add(x, y, alpha=0.3)", ((9, 33), (9, 33))),
    Row("torch.addmm(x, y, z, beta=0.3, alpha=0.7)", ((12, 30), (12, 51), (51, 30))),
    Row("torch.baddbmm(x, y, z, beta=0.3, alpha=0.7)", ((2, 9, 5), (2, 9, 17), (2, 17, 5))),
    Row("F.linear(x, y, z)", ((12, 70), (31, 70), (31,))),
    Row("F.linear(x, y, z)", ((2, 12, 70), (31, 70), (31,))),
    Row("F.bilinear(x, y, z)", ((12, 7), (12, 9), (5, 7, 9))),
    Row("F.scaled_dot_product_attention(x, y, z)", ((2, 9, 16), (2, 13, 16), (2, 13, 16))),
    Row("torch.norm(x, 2, 1)", (ROWS_X,)),
    Row("torch.norm(x, 3, 1)", (ROWS_X,)),
    Row("F.normalize(x)", (ROWS_X,)),
    Row("F.cosine_similarity(x, y)", (ROWS_X, ROWS_X)),
    Row("F.pairwise_distance(x, y)", (ROWS_X, ROWS_X)),
    Row("torch.softmax(x, 1)", (ROWS_X,)),
    Row("torch.log_softmax(x, 1)", (ROWS_X,)),
    Row("torch.logsumexp(x, 1)", (ROWS_X,), False),
    Row("torch.logaddexp(x, y)", ((9, 33), (9, 33))),
    Row("torch.hypot(x, y)", ((9, 33), (9, 33))),
    Row("torch.sinc(x)", ((9, 33),)),
    Row("torch.cumsum(x, 1)", (ROWS_X,)),
    Row("torch.nanmean(x, 1)", (ROWS_X,)),
    Row("x.sum((0, 2))", ((6, 5, 17),)),
    Row("F.mse_loss(x, y)", (ROWS_X, ROWS_X)),
    Row("F.smooth_l1_loss(x, y)", (ROWS_X, ROWS_X)),
    Row("F.cross_entropy(x, torch.arange(12))", (ROWS_X,)),
    Row("F.binary_cross_entropy_with_logits(x, torch.sigmoid(y))", (ROWS_X, ROWS_X)),
    Row("F.interpolate(x, (9, 11), mode='bilinear')", ((2, 3, 6, 7),)),
    Row("F.embedding_bag(torch.arange(30).reshape(5, 6), x)", ((30, 10),)),
    *(Row(f"F.{name}(x)", ((9, 33),)) for name in "gelu silu mish softplus logsigmoid hardswish tanhshrink elu".split()),
    Row("F.glu(x)", ((9, 34),)),
    Row("x * y", ((40, 9), (9,))),
    Row("x / (y * y + 0.5)", ((40, 9), (40, 9))),
]  # fmt: skip


def draw(row: Row, seed: int, centre: float, name: str) -> list[Any]:
    """The row's inputs as PyTorch's tensors of a dtype."""
    rng = np.random.default_rng(seed)
    numbers = [rng.normal(size=shape) for shape in row.shapes]
    numbers[0] = numbers[0] + centre
    return [torch.tensor(array).to(getattr(torch, name)) for array in numbers]


def evaluate(library: Any, row: Row, tensors: list[Any], gradients: bool) -> list[Any]:
    """The result, and the gradients of a fixed weighted sum of it, not yet looked at."""
    leaves = [t.detach().clone().requires_grad_() if gradients else t for t in tensors]
    names = {"torch": library, "F": library.nn.functional, **dict(zip("xyz", leaves))}
    result = eval(row.expression, names)
    if not gradients:
        return [result]
    weights = np.random.default_rng(7).integers(-4, 5, size=tuple(result.shape)) / 4 + 0.125
    return [result, *library.autograd.grad((result * library.tensor(weights).to(result.dtype)).sum(), leaves)]


def numbers(value: Any) -> np.ndarray:
    return np.asarray(value.detach().double().numpy())


def size_of(errors: np.ndarray, exact: np.ndarray) -> float:
    """Root mean square error relative to that of the exact values."""
    return float(np.sqrt(np.mean(errors**2)) / max(np.sqrt(np.mean(exact**2)), 1e-300))


def errors_of(row: Row, centre: float, name: str, gradients: bool) -> tuple[np.ndarray, np.ndarray]:
    """Root mean square errors of each value, ours and PyTorch's (infinite where it has no kernel for the dtype)."""
    ours, theirs = [], []
    for seed in range(DRAWS):
        inputs = draw(row, seed, centre, name)
        exact = [numbers(v) for v in evaluate(torch, row, [t.double() for t in inputs], gradients)]
        given = [flambeau.tensor(t.double().numpy()).to(getattr(flambeau, name)) for t in inputs]
        for library, tensors, found in ((flambeau, given, ours), (torch, inputs, theirs)):
            try:
                values = evaluate(library, row, tensors, gradients)
            except NotImplementedError:
                if library is flambeau:
                    raise
                return np.array(ours[0]), np.full(len(exact), np.inf)
            found.append([size_of(numbers(v) - e, e) for v, e in zip(values, exact)])
    return np.sqrt(np.mean(np.square(ours), 0)), np.sqrt(np.mean(np.square(theirs), 0))


@pytest.mark.parametrize("centre", [0.0, 1000.0])
def test_statistics_in_float32(centre: float) -> None:
    compare(STATISTICS, centre, "float32")


def test_compositions_in_float32() -> None:
    compare(COMPOSED, 0.0, "float32")


def compare(rows: list[Row], centre: float, name: str) -> None:
    failures = []
    for row in rows:
        ours, theirs = errors_of(row, centre, name, row.gradients)
        if (ours > 2 * theirs + 2.0**-25).any():
            failures.append(f"{row.expression}: {ours} against {theirs}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_types_round_once(name: str) -> None:
    """Result and gradients are off by no more than one rounding; gradients through a rounded result, twice PyTorch's."""
    failures = []
    for row in STATISTICS + COMPOSED:
        ours, theirs = errors_of(row, 0.0, name, row.gradients)
        bound = np.full(ours.shape[-1], ONE_ROUNDING[name])
        bound[1:] = np.maximum(bound[1:], np.where(np.isfinite(theirs), 2 * theirs, 0)[1:])
        if (ours > bound).any():
            failures.append(f"{row.expression}: {ours} against {theirs}")
    assert not failures, "\n".join(failures)


def test_sums_of_half_types_may_leave_their_range() -> None:
    for name in ("float16", "bfloat16"):
        d = getattr(flambeau, name)
        many = flambeau.ones(70000).to(d)
        assert many.mean().item() == 1.0
        assert many.reshape(7, 100, 100).mean((0, 2)).tolist() == [1.0] * 100
        assert (many * 300).std().item() == 0.0
        assert abs(((many * 300) + flambeau.arange(70000) % 2).std().item() - 0.5) < 0.01 or name == "bfloat16"
        row = flambeau.tensor([300.0, 400.0] * 100).to(d)
        assert row.norm().item() == pytest.approx(5000.0, rel=4e-3)
        unit = flambeau.nn.functional.normalize(row, dim=0).float()
        assert unit.square().sum().item() == pytest.approx(1.0, rel=4e-3)
        assert flambeau.nn.functional.cosine_similarity(row, row, dim=0).item() == 1.0


def test_derivatives_of_digamma_at_their_poles() -> None:
    """Infinite, where PyTorch divides by the sine of a rounded multiple of π."""
    poles = flambeau.tensor([0.0, -1.0, -8.0])
    assert flambeau.polygamma(1, poles).tolist() == flambeau.polygamma(3, poles).tolist() == [float("inf")] * 3


def test_moments_given_beside_a_normalisation() -> None:
    for name in ("float32", "float16", "bfloat16"):
        x, theirs = flambeau.ones(3, 4).to(getattr(flambeau, name)), torch.ones(3, 4).to(getattr(torch, name))
        found = flambeau.native_layer_norm(x, (4,), None, None, 1e-5)
        expected = torch.native_layer_norm(theirs, (4,), None, None, 1e-5)
        assert [str(t.dtype) for t in found] == [str(t.dtype) for t in expected]


def test_special_values_of_functions_that_are_composed() -> None:
    """What infinities and NaN give is composed with care, for in compositions they cancel or spread."""
    values = [float("inf"), float("-inf"), float("nan"), 0.0, -0.5, 1e30, 1e-30]
    pairs = [(a, b) for a in values for b in values]
    for name in ("float64", "float32", "float16", "bfloat16"):
        found = []
        for lib in (torch, flambeau):
            d = getattr(lib, name)
            a, b = (lib.tensor([pair[place] for pair in pairs], dtype=d) for place in (0, 1))
            parts = [lib.hypot(a, b), lib.copysign(a, b), lib.fmax(a, b), lib.maximum(a, b), lib.logaddexp(a, b)]
            x = lib.tensor(values, dtype=d)
            if name in ("float64", "float32"):
                parts += [lib.polygamma(order, x) for order in (1, 2, 3)]
            found.append([part.double().numpy() for part in parts])
        for ours, theirs in zip(found[1], found[0], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=2e-2 if "16" in name else 1e-5, atol=0)
