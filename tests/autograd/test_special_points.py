"""Gradients where formulas divide by zero, meet ties, bounds or infinities: NaN where PyTorch's is NaN, zero where it is zero."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from oracle import evaluated

import flambeau

INF, NAN = float("inf"), float("nan")
LINE = (-INF, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, INF, NAN)
"""Numbers at which functions of one number are differentiated."""
PAIRS = tuple((a, b) for a in (-INF, -1.5, -1.0, 0.0, 0.5, 1.0, INF, NAN) for b in (-INF, -1.0, 0.0, 0.5, 1.0, INF, NAN))
ROWS = (
    (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (2.0, 0.0, 3.0), (0.0, 2.0, 0.0), (-1.0, 1.0, -1.0), (3.0, 3.0, -3.0), (1.0, 2.0, 4.0),
)  # fmt: skip
WILD = ((-INF, -INF, -INF), (INF, 1.0, 2.0), (INF, INF, 0.0), (-INF, 0.0, 1.0), (NAN, 1.0, 2.0), (NAN, NAN, NAN))

#: Functions of one number.
UNARY = [
    *(f"T.{name}(x)" for name in (
        "abs acos acosh angle asin asinh atan atanh ceil cos cosh deg2rad erf erfc erfinv exp exp2 expm1 floor frac i0 "
        "lgamma log log10 log1p log2 logit nan_to_num neg positive rad2deg reciprocal relu round rsqrt sigmoid sign sin "
        "sinc sinh sqrt square tan tanh trunc"
    ).split()),
    *(f"T.special.{name}(x)" for name in (
        "entr erfcx i0e i1 i1e ndtr ndtri"
    ).split()),
    *(f"F.{name}(x)" for name in (
        "celu elu gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish relu6 selu silu softplus "
        "softshrink softsign tanhshrink"
    ).split()),
    "x**0", "x**0.5", "x**1", "x**1.5", "x**2", "x**3", "x**-1", "x ** T.zeros_like(x)", "0.0**x", "2.0**x", "x.clamp(-1, 1)",
    "x.clamp(0.5, 0.5)", "x.clamp(1, -1)", "x.clamp(min=0.5)", "x.clamp_max(0.5)", "F.threshold(x, 0.5, 2.0)",
    "F.hardtanh(x, 0.0, 0.0)", "F.hardshrink(x, 0.0)", "F.softshrink(x, 0.0)", 'F.gelu(x, approximate="tanh")',
    "F.softplus(x, 2.0, 1.0)", "F.elu(x, 0.5)", "x.logit(0.25)", "x.round(decimals=1)", "T.xlogy(0.0, x)", "T.xlogy(x, 0.0)",
    "x.remainder(0.5)", "x.fmod(0.5)", "T.where(x > 0, x.sqrt(), 0.0)", "x / x", "F.prelu(x, T.tensor(0.25, dtype=x.dtype))",
    "T.mvlgamma(x, 2)", "F.dropout(x, 1.0)",
]  # fmt: skip

#: Functions of two numbers.
BINARY = [
    *(f"T.{name}(x, y)" for name in (
        "add atan2 copysign div dist fmax fmin fmod hypot logaddexp logaddexp2 maximum minimum mul pow remainder sub "
        "xlogy"
    ).split()),
    "T.clamp(x, y, y + 1)", "T.clamp(x, y, -y)", "T.clamp(x, min=y)", "T.clamp(x, max=y)", "T.clamp_min(x, y)",
    "T.special.xlog1py(x, y)", "T.lerp(x, y, 0.5)", "T.lerp(x, x * 2, y)", "T.where(x > y, x / y, y)", "T.ldexp(x, y)",
    'F.smooth_l1_loss(x, y, reduction="none", beta=0.5)', 'F.l1_loss(x, y, reduction="none")',
    'F.huber_loss(x, y, reduction="none", delta=0.5)', 'F.mse_loss(x, y, reduction="none")',
    'T.div(x, y, rounding_mode="floor")', 'T.div(x, y, rounding_mode="trunc")', "T.nextafter(x, y)", "F.prelu(x, y[:1])",
    'F.margin_ranking_loss(x, y, T.ones_like(x), reduction="none")',
]  # fmt: skip

#: Functions of rows of three numbers.
OF_ROWS = [
    "x.std(1)", "x.std(1, correction=0)", "x[:, :1].std(1)", "x.std()", "x.var(1)", "T.cat(T.var_mean(x, 1))",
    "T.cat(T.std_mean(x, 1))", "x.norm(dim=1)", *(f"x.norm({p}, 1)" for p in (0, 0.5, 1, 1.5, 3, "inf", "-inf", -1)),
    "T.linalg.norm(x, dim=1, keepdim=True)", "T.linalg.matrix_norm(x[:3] * 0)", "T.linalg.matrix_norm(x[:4], 1)",
    "F.normalize(x, dim=1)", "F.normalize(x, 1.0, 1)", "x.renorm(2, 0, 1.0)", "F.cosine_similarity(x, x.flip(0), 1)",
    "F.pairwise_distance(x, x.flip(0), eps=0.0)",
    *(f"T.cdist(x, x.flip(0), {p})" for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, "inf")),
    *(f"F.pdist(T.cat([x, x]), {p})" for p in (0.0, 1.0, 2.0, 3.0, "inf")), "F.lp_pool1d(x[None], 2.0, 2)",
    "F.lp_pool1d(x[None], 3.0, 3)", "F.lp_pool2d(x[None, None], 2.0, 2)", "x.prod(1)", "x.prod()", "x.cumprod(1)",
    "x.cumsum(1)", "x.cummax(1).values", "x.cummin(1).values", "x.logcumsumexp(1)", "x.logsumexp(1)", "x.softmax(1)",
    "x.log_softmax(1)", "F.softmin(x, 1)", "x.max(1).values", "x.max()", "x.min(1).values", "x.min()", "x.amax(1)",
    "x.amin()", "T.cat(tuple(T.aminmax(x, dim=1)))", "x.median(1).values", "x.median()", "x.nanmedian(1).values",
    "x.mode(1).values", "x.topk(2, 1).values", "x.sort(stable=True, dim=1).values", "x.quantile(0.5, 1)", "x.nansum(1)",
    "x.nanmean(1)", "x.mean(1)", "F.max_pool1d(x[None], 2, 1)", "F.adaptive_max_pool1d(x[None], 2)",
    "F.layer_norm(x, (3,), eps=0.0)", "F.layer_norm(x, (3,))", "F.rms_norm(x, (3,), eps=1e-6)",
    "F.batch_norm(x, None, None, training=True)", "F.group_norm(x[:, :2], 1)", "F.glu(x[:, :2], 1)",
    "F.local_response_norm(x[None], 2)", "x.softmax(1).log()", "T.linalg.det(x[:3] * 0)", "T.linalg.matrix_power(x[:3], 0)",
    'x.scatter_reduce(1, T.zeros(len(x), 3, dtype=T.int64), x * 1, "amax")',
    'x.scatter_reduce(1, T.zeros(len(x), 3, dtype=T.int64), x * 1, "amin", include_self=False)',
    'x.scatter_reduce(1, T.zeros(len(x), 3, dtype=T.int64), x * 1, "prod")',
    'x.scatter_reduce(1, T.zeros(len(x), 3, dtype=T.int64), x, "mean", include_self=False)',
    'x.index_reduce(1, T.tensor([0, 0, 1]), x * 1, "amax")', "x.index_fill(1, T.tensor([1, 1]), 2.0)",
    "x.index_fill(1, T.tensor([1, 1, 0]), x[0, 0])", "x.index_copy(1, T.tensor([0, 2]), x[:, 1:])",
    "(x * 1).as_strided((3, 2), (1, 1), 1)", 'F.cross_entropy(x, T.zeros(len(x), dtype=T.int64), reduction="none")',
    'F.binary_cross_entropy(x.clamp(0, 1), T.ones_like(x), reduction="none")',
    'F.binary_cross_entropy_with_logits(x, T.ones_like(x), reduction="none")', 'F.kl_div(x, x.abs(), reduction="none")',
    'F.kl_div(x, x * 0.5, reduction="none", log_target=True)', 'F.poisson_nll_loss(x, x.abs(), full=True, reduction="none")',
    'F.gaussian_nll_loss(x, x * 0.5, x * x, reduction="none")',
    'F.hinge_embedding_loss(x, T.ones_like(x) * -1, reduction="none")',
    'F.multi_margin_loss(x, T.zeros(len(x), dtype=T.int64), reduction="none")',
    'F.soft_margin_loss(x, T.ones_like(x), reduction="none")',
    'F.triplet_margin_loss(x, x.flip(0), x * 2, reduction="none", eps=0.0)',
    'F.cosine_embedding_loss(x, x.flip(0), T.ones(len(x)), reduction="none")',
    "F.scaled_dot_product_attention(x[None], x[None], x[None])", "T.corrcoef(x)", "T.cov(x)",
]  # fmt: skip
#: Of these, the ones that make sense with infinities and NaN in the rows.
WITH_INFINITIES = [
    "x.norm(dim=1)", "x.norm(1, 1)", "x.norm(inf, 1)", "x.logsumexp(1)", "x.softmax(1)", "x.log_softmax(1)",
    "x.max(1).values", "x.min(1).values", "x.amax(1)", "x.amin()", "x.median(1).values", "x.nanmedian(1).values",
    "x.nansum(1)", "x.nanmean(1)", "x.mean(1)", "x.std(1)", "x.var(1)", "x.prod(1)", "x.cumprod(1)", "x.cumsum(1)",
    "x.cummax(1).values", "x.cummin(1).values", "x.logcumsumexp(1)", "x.sort(stable=True, dim=1).values",
    "x.topk(2, 1).values", 'F.cross_entropy(x, T.zeros(len(x), dtype=T.int64), reduction="none")',
    'F.binary_cross_entropy_with_logits(x, T.ones_like(x), reduction="none")', "F.max_pool1d(x[None], 2, 1)",
    "F.normalize(x, dim=1)", "F.layer_norm(x, (3,), eps=0.0)", "T.cat(tuple(T.aminmax(x, dim=1)))",
]  # fmt: skip


def gradients(T: Any, expression: str, *points: Any) -> list[np.ndarray]:
    """The gradients of a sum of the function's values under varied weights, zeros where there is none."""
    leaves = [T.tensor(point, dtype=T.float64, requires_grad=True) for point in points]
    result = evaluated(T, expression, inf=INF, **dict(zip("xy", leaves)))
    weights = T.tensor((np.arange(result.numel()) % 3 + 1.0).reshape(tuple(result.shape)))
    # Not through a product, whose gradient would be NaN where the result is infinite.
    found = T.autograd.grad(result, leaves, weights, allow_unused=True)
    return [np.zeros(leaf.shape) if g is None else np.array(g.tolist()) for g, leaf in zip(found, leaves, strict=True)]


def agree(expression: str, *points: Any) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        wanted = gradients(torch, expression, *points)
        ours = gradients(flambeau, expression, *points)
    for mine, other in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-7, atol=1e-12)


#: Where PyTorch's gradient at infinity is not a number, though the function's limit is one.
FINITE = ("T.i0(x)",)
#: Where PyTorch's vectorised kernels and its others do not agree about the gradient beside NaN.
NUMBERS_ONLY = [
    "F.celu(x)", "F.elu(x)", "F.hardshrink(x)", "F.hardswish(x)", "F.hardtanh(x)", "F.relu6(x)", "F.selu(x)",
    "F.softshrink(x)", "F.elu(x, 0.5)", "F.hardshrink(x, 0.0)", "F.hardtanh(x, 0.0, 0.0)", "F.softshrink(x, 0.0)",
]  # fmt: skip


@pytest.mark.parametrize("expression", UNARY)
def test_functions_of_one_number(expression: str) -> None:
    numbers = [x for x in LINE if not (expression in FINITE and abs(x) == INF or expression in NUMBERS_ONLY and x != x)]
    agree(expression, numbers)


@pytest.mark.parametrize("expression", BINARY)
def test_functions_of_two_numbers(expression: str) -> None:
    agree(expression, [a for a, _ in PAIRS], [b for _, b in PAIRS])


@pytest.mark.parametrize("expression", OF_ROWS)
def test_functions_of_rows(expression: str) -> None:
    agree(expression, ROWS)


@pytest.mark.parametrize("expression", WITH_INFINITIES)
def test_functions_of_rows_with_infinities(expression: str) -> None:
    agree(expression, WILD)


def test_logarithms_of_determinants_beside_singular_matrices() -> None:
    """A singular matrix has no gradient that is finite; the others of its stack have theirs."""
    stack = [[[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [2.0, 5.0]]]
    for T in (flambeau, torch):
        a = T.tensor(stack, requires_grad=True)
        for size in (T.linalg.slogdet(a)[1], T.logdet(a)):
            (found,) = T.autograd.grad(size.sum(), a)
            assert not found[0].isfinite().any()
            T.testing.assert_close(found[1], T.tensor([[5.0, -2.0], [-2.0, 1.0]]))
