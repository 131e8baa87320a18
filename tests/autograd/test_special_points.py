"""Gradients where formulas divide by zero, meet ties, bounds or infinities: NaN where PyTorch's is NaN, zero where it is zero."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

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
UNARY: dict[str, Callable[[Any, Any], Any]] = {
    name: (lambda T, x, name=name: getattr(T, name)(x))
    for name in (
        "abs", "acos", "acosh", "angle", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg2rad", "erf",
        "erfc", "erfinv", "exp", "exp2", "expm1", "floor", "frac", "i0", "lgamma", "log", "log10", "log1p", "log2", "logit",
        "nan_to_num", "neg", "positive", "rad2deg", "reciprocal", "relu", "round", "rsqrt", "sigmoid", "sign", "sin",
        "sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
    )
}  # fmt: skip
UNARY |= {
    f"special.{name}": (lambda T, x, name=name: getattr(T.special, name)(x))
    for name in ("entr", "erfcx", "i0e", "i1", "i1e", "ndtr", "ndtri")
}
UNARY |= {
    f"F.{name}": (lambda T, x, name=name: getattr(T.nn.functional, name)(x))
    for name in (
        "celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "logsigmoid", "mish", "relu6",
        "selu", "silu", "softplus", "softshrink", "softsign", "tanhshrink",
    )
}  # fmt: skip
UNARY |= {
    "pow 0": lambda T, x: x**0,
    "pow 0.5": lambda T, x: x**0.5,
    "pow 1": lambda T, x: x**1,
    "pow 1.5": lambda T, x: x**1.5,
    "pow 2": lambda T, x: x**2,
    "pow 3": lambda T, x: x**3,
    "pow -1": lambda T, x: x**-1,
    "pow 0 by tensor": lambda T, x: x ** T.zeros_like(x),
    "pow of 0": lambda T, x: 0.0**x,
    "pow of 2": lambda T, x: 2.0**x,
    "clamp": lambda T, x: x.clamp(-1, 1),
    "clamp to one": lambda T, x: x.clamp(0.5, 0.5),
    "clamp crossed": lambda T, x: x.clamp(1, -1),
    "clamp min": lambda T, x: x.clamp(min=0.5),
    "clamp_max": lambda T, x: x.clamp_max(0.5),
    "threshold": lambda T, x: T.nn.functional.threshold(x, 0.5, 2.0),
    "hardtanh to one": lambda T, x: T.nn.functional.hardtanh(x, 0.0, 0.0),
    "hardshrink 0": lambda T, x: T.nn.functional.hardshrink(x, 0.0),
    "softshrink 0": lambda T, x: T.nn.functional.softshrink(x, 0.0),
    "gelu tanh": lambda T, x: T.nn.functional.gelu(x, approximate="tanh"),
    "softplus beta": lambda T, x: T.nn.functional.softplus(x, 2.0, 1.0),
    "elu alpha": lambda T, x: T.nn.functional.elu(x, 0.5),
    "logit eps": lambda T, x: x.logit(0.25),
    "round decimals": lambda T, x: x.round(decimals=1),
    "xlogy number": lambda T, x: T.xlogy(0.0, x),
    "xlogy by number": lambda T, x: T.xlogy(x, 0.0),
    "remainder": lambda T, x: x.remainder(0.5),
    "fmod": lambda T, x: x.fmod(0.5),
    "masked sqrt": lambda T, x: T.where(x > 0, x.sqrt(), 0.0),
    "division by itself": lambda T, x: x / x,
    "prelu": lambda T, x: T.nn.functional.prelu(x, T.tensor(0.25, dtype=x.dtype)),
    "mvlgamma": lambda T, x: T.mvlgamma(x, 2),
    "dropout": lambda T, x: T.nn.functional.dropout(x, 1.0),
}

#: Functions of two numbers.
BINARY: dict[str, Callable[[Any, Any, Any], Any]] = {
    name: (lambda T, x, y, name=name: getattr(T, name)(x, y))
    for name in (
        "add", "atan2", "copysign", "div", "dist", "fmax", "fmin", "fmod", "hypot", "logaddexp", "logaddexp2", "maximum",
        "minimum", "mul", "pow", "remainder", "sub", "xlogy",
    )
}  # fmt: skip
BINARY |= {
    "clamp by tensor": lambda T, x, y: T.clamp(x, y, y + 1),
    "clamp crossed": lambda T, x, y: T.clamp(x, y, -y),
    "clamp min": lambda T, x, y: T.clamp(x, min=y),
    "clamp max": lambda T, x, y: T.clamp(x, max=y),
    "clamp_min": lambda T, x, y: T.clamp_min(x, y),
    "xlog1py": lambda T, x, y: T.special.xlog1py(x, y),
    "lerp": lambda T, x, y: T.lerp(x, y, 0.5),
    "lerp by tensor": lambda T, x, y: T.lerp(x, x * 2, y),
    "where": lambda T, x, y: T.where(x > y, x / y, y),
    "ldexp": lambda T, x, y: T.ldexp(x, y),
    "smooth l1": lambda T, x, y: T.nn.functional.smooth_l1_loss(x, y, reduction="none", beta=0.5),
    "l1": lambda T, x, y: T.nn.functional.l1_loss(x, y, reduction="none"),
    "huber": lambda T, x, y: T.nn.functional.huber_loss(x, y, reduction="none", delta=0.5),
    "mse": lambda T, x, y: T.nn.functional.mse_loss(x, y, reduction="none"),
    "div floor": lambda T, x, y: T.div(x, y, rounding_mode="floor"),
    "div trunc": lambda T, x, y: T.div(x, y, rounding_mode="trunc"),
    "nextafter": lambda T, x, y: T.nextafter(x, y),
    "prelu": lambda T, x, y: T.nn.functional.prelu(x, y[:1]),
    "margin": lambda T, x, y: T.nn.functional.margin_ranking_loss(x, y, T.ones(len(PAIRS), dtype=x.dtype), reduction="none"),
}

#: Functions of rows of three numbers.
OF_ROWS: dict[str, Callable[[Any, Any], Any]] = {
    "std": lambda T, x: x.std(1),
    "std 0": lambda T, x: x.std(1, correction=0),
    "std of one": lambda T, x: x[:, :1].std(1),
    "std all": lambda T, x: x.std(),
    "var": lambda T, x: x.var(1),
    "var_mean": lambda T, x: T.cat(T.var_mean(x, 1)),
    "std_mean": lambda T, x: T.cat(T.std_mean(x, 1)),
    "norm": lambda T, x: x.norm(dim=1),
    **{f"norm {p}": (lambda T, x, p=p: x.norm(p, 1)) for p in (0, 0.5, 1, 1.5, 3, INF, -INF, -1)},
    "linalg.norm": lambda T, x: T.linalg.norm(x, dim=1, keepdim=True),
    "matrix norm": lambda T, x: T.linalg.matrix_norm(x[:3] * 0),
    "matrix norm 1": lambda T, x: T.linalg.matrix_norm(x[:4], 1),
    "normalize": lambda T, x: T.nn.functional.normalize(x, dim=1),
    "normalize 1": lambda T, x: T.nn.functional.normalize(x, 1.0, 1),
    "renorm": lambda T, x: x.renorm(2, 0, 1.0),
    "cosine_similarity": lambda T, x: T.nn.functional.cosine_similarity(x, x.flip(0), 1),
    "pairwise_distance": lambda T, x: T.nn.functional.pairwise_distance(x, x.flip(0), eps=0.0),
    **{f"cdist {p}": (lambda T, x, p=p: T.cdist(x, x.flip(0), p)) for p in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, INF)},
    **{f"pdist {p}": (lambda T, x, p=p: T.nn.functional.pdist(T.cat([x, x]), p)) for p in (0.0, 1.0, 2.0, 3.0, INF)},
    "lp_pool1d": lambda T, x: T.nn.functional.lp_pool1d(x[None], 2.0, 2),
    "lp_pool1d 3": lambda T, x: T.nn.functional.lp_pool1d(x[None], 3.0, 3),
    "lp_pool2d": lambda T, x: T.nn.functional.lp_pool2d(x[None, None], 2.0, 2),
    "prod": lambda T, x: x.prod(1),
    "prod all": lambda T, x: x.prod(),
    "cumprod": lambda T, x: x.cumprod(1),
    "cumsum": lambda T, x: x.cumsum(1),
    "cummax": lambda T, x: x.cummax(1).values,
    "cummin": lambda T, x: x.cummin(1).values,
    "logcumsumexp": lambda T, x: x.logcumsumexp(1),
    "logsumexp": lambda T, x: x.logsumexp(1),
    "softmax": lambda T, x: x.softmax(1),
    "log_softmax": lambda T, x: x.log_softmax(1),
    "softmin": lambda T, x: T.nn.functional.softmin(x, 1),
    "max": lambda T, x: x.max(1).values,
    "max all": lambda T, x: x.max(),
    "min": lambda T, x: x.min(1).values,
    "min all": lambda T, x: x.min(),
    "amax": lambda T, x: x.amax(1),
    "amin all": lambda T, x: x.amin(),
    "aminmax": lambda T, x: T.cat(tuple(T.aminmax(x, dim=1))),
    "median": lambda T, x: x.median(1).values,
    "median all": lambda T, x: x.median(),
    "nanmedian": lambda T, x: x.nanmedian(1).values,
    "mode": lambda T, x: x.mode(1).values,
    "topk": lambda T, x: x.topk(2, 1).values,
    "sort": lambda T, x: x.sort(stable=True, dim=1).values,
    "quantile": lambda T, x: x.quantile(0.5, 1),
    "nansum": lambda T, x: x.nansum(1),
    "nanmean": lambda T, x: x.nanmean(1),
    "mean": lambda T, x: x.mean(1),
    "max_pool1d": lambda T, x: T.nn.functional.max_pool1d(x[None], 2, 1),
    "adaptive_max_pool1d": lambda T, x: T.nn.functional.adaptive_max_pool1d(x[None], 2),
    "layer_norm": lambda T, x: T.nn.functional.layer_norm(x, (3,), eps=0.0),
    "layer_norm eps": lambda T, x: T.nn.functional.layer_norm(x, (3,)),
    "rms_norm": lambda T, x: T.nn.functional.rms_norm(x, (3,), eps=1e-6),
    "batch_norm": lambda T, x: T.nn.functional.batch_norm(x, None, None, training=True),
    "group_norm": lambda T, x: T.nn.functional.group_norm(x[:, :2], 1),
    "glu": lambda T, x: T.nn.functional.glu(x[:, :2], 1),
    "local_response_norm": lambda T, x: T.nn.functional.local_response_norm(x[None], 2),
    "softmax and log": lambda T, x: x.softmax(1).log(),
    "det of zero": lambda T, x: T.linalg.det(x[:3] * 0),
    "matrix_power 0": lambda T, x: T.linalg.matrix_power(x[:3], 0),
    "scatter_reduce amax": lambda T, x: x.scatter_reduce(1, T.zeros(len(x), 3, dtype=T.int64), x * 1, "amax"),
    "scatter_reduce amin": lambda T, x: x.scatter_reduce(1, T.zeros(len(x), 3, dtype=T.int64), x * 1, "amin", include_self=False),
    "scatter_reduce prod": lambda T, x: x.scatter_reduce(1, T.zeros(len(x), 3, dtype=T.int64), x * 1, "prod"),
    "scatter_reduce mean": lambda T, x: x.scatter_reduce(1, T.zeros(len(x), 3, dtype=T.int64), x, "mean", include_self=False),
    "index_reduce amax": lambda T, x: x.index_reduce(1, T.tensor([0, 0, 1]), x * 1, "amax"),
    "index_fill": lambda T, x: x.index_fill(1, T.tensor([1, 1]), 2.0),
    "index_fill by tensor": lambda T, x: x.index_fill(1, T.tensor([1, 1, 0]), x[0, 0]),
    "index_copy": lambda T, x: x.index_copy(1, T.tensor([0, 2]), x[:, 1:]),
    "as_strided": lambda T, x: (x * 1).as_strided((3, 2), (1, 1), 1),
    "cross entropy": lambda T, x: T.nn.functional.cross_entropy(x, T.zeros(len(x), dtype=T.int64), reduction="none"),
    "bce": lambda T, x: T.nn.functional.binary_cross_entropy(x.clamp(0, 1), T.ones_like(x), reduction="none"),
    "bce logits": lambda T, x: T.nn.functional.binary_cross_entropy_with_logits(x, T.ones_like(x), reduction="none"),
    "kl_div": lambda T, x: T.nn.functional.kl_div(x, x.abs(), reduction="none"),
    "kl_div log": lambda T, x: T.nn.functional.kl_div(x, x * 0.5, reduction="none", log_target=True),
    "poisson": lambda T, x: T.nn.functional.poisson_nll_loss(x, x.abs(), full=True, reduction="none"),
    "gaussian": lambda T, x: T.nn.functional.gaussian_nll_loss(x, x * 0.5, x * x, reduction="none"),
    "hinge": lambda T, x: T.nn.functional.hinge_embedding_loss(x, T.ones_like(x) * -1, reduction="none"),
    "multi_margin": lambda T, x: T.nn.functional.multi_margin_loss(x, T.zeros(len(x), dtype=T.int64), reduction="none"),
    "soft_margin": lambda T, x: T.nn.functional.soft_margin_loss(x, T.ones_like(x), reduction="none"),
    "triplet": lambda T, x: T.nn.functional.triplet_margin_loss(x, x.flip(0), x * 2, reduction="none", eps=0.0),
    "cosine_embedding": lambda T, x: T.nn.functional.cosine_embedding_loss(x, x.flip(0), T.ones(len(x)), reduction="none"),
    "attention": lambda T, x: T.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None]),
    "corrcoef": lambda T, x: T.corrcoef(x),
    "cov": lambda T, x: T.cov(x),
}  # fmt: skip
#: Of these, the ones that make sense with infinities and NaN in the rows.
WITH_INFINITIES = (
    "norm", "norm 1", "norm inf", "logsumexp", "softmax", "log_softmax", "max", "min", "amax", "amin all", "median", "nanmedian",
    "nansum", "nanmean", "mean", "std", "var", "prod", "cumprod", "cumsum", "cummax", "cummin", "logcumsumexp", "sort", "topk",
    "cross entropy", "bce logits", "max_pool1d", "normalize", "layer_norm", "aminmax",
)  # fmt: skip


def gradients(T: Any, function: Callable[..., Any], *points: Any) -> list[np.ndarray]:
    """The gradients of a sum of the function's values under varied weights, zeros where there is none."""
    leaves = [T.tensor(point, dtype=T.float64, requires_grad=True) for point in points]
    result = function(T, *leaves)
    weights = T.tensor((np.arange(result.numel()) % 3 + 1.0).reshape(tuple(result.shape)))
    # Not through a product, whose gradient would be NaN where the result is infinite.
    found = T.autograd.grad(result, leaves, weights, allow_unused=True)
    return [np.zeros(leaf.shape) if g is None else np.array(g.tolist()) for g, leaf in zip(found, leaves, strict=True)]


def agree(function: Callable[..., Any], *points: Any) -> None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        wanted = gradients(torch, function, *points)
        ours = gradients(flambeau, function, *points)
    for mine, other in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-7, atol=1e-12)


#: Where PyTorch's gradient at infinity is not a number, though the function's limit is one.
FINITE = ("i0",)
#: Where PyTorch's vectorised kernels and its others do not agree about the gradient beside NaN.
NUMBERS_ONLY = (
    "F.celu", "F.elu", "F.hardshrink", "F.hardswish", "F.hardtanh", "F.relu6", "F.selu", "F.softshrink", "elu alpha",
    "hardshrink 0", "hardtanh to one", "softshrink 0",
)  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one_number(name: str) -> None:
    numbers = [x for x in LINE if not (name in FINITE and abs(x) == INF or name in NUMBERS_ONLY and x != x)]
    agree(UNARY[name], numbers)


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_numbers(name: str) -> None:
    agree(BINARY[name], [a for a, _ in PAIRS], [b for _, b in PAIRS])


@pytest.mark.parametrize("name", OF_ROWS)
def test_functions_of_rows(name: str) -> None:
    agree(OF_ROWS[name], ROWS)


@pytest.mark.parametrize("name", WITH_INFINITIES)
def test_functions_of_rows_with_infinities(name: str) -> None:
    agree(OF_ROWS[name], WILD)
