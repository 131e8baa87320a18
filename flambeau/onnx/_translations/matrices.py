"""Products of matrices, and attention."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import flambeau

from .._builder import Builder, Value
from .shapes import reshape, swapped, transpose

Row = Callable[..., Any]


def _linear(g: Builder, x: Any, weight: Any, bias: Any = None) -> Any:
    if x.rank == 2 and weight.rank == 2:
        return g.Gemm(x, weight, bias, transB=1)
    made = g.MatMul(x, transpose(g, weight, [*reversed(range(weight.rank))]))
    return made if bias is None else g.Add(made, bias)


def _matmul(g: Builder, x: Any, y: Any) -> Any:
    """A product; vectors are matrices of one row or column, since runtimes are wrong about some products with vectors."""
    if x.rank > 1 and y.rank > 1:
        return g.MatMul(x, y)
    axes = ([-2] if x.rank == 1 else []) + ([-1] if y.rank == 1 else [])
    made = g.MatMul(g.Unsqueeze(x, [0]) if x.rank == 1 else x, g.Unsqueeze(y, [1]) if y.rank == 1 else y)
    return g.Squeeze(made, axes)


def _inner(g: Builder, x: Any, y: Any) -> Any:
    if y.rank < 2:
        return _matmul(g, x, y)
    turned = transpose(g, y, swapped(y.rank, -2, -1))
    turned.shape = (*y.shape[:-2], y.shape[-1], y.shape[-2])
    return _matmul(g, x, turned)


def _plus(g: Builder, x: Any, product: Any, beta: Any, alpha: Any) -> Any:
    product = product if alpha == 1 else g.Mul(product, alpha)
    if beta == 0:
        return product
    return g.Add(x if beta == 1 else g.Mul(x, beta), product)


def _addmm(g: Builder, x: Any, one: Any, two: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    if one.rank == two.rank == 2 and x.rank <= 2 and one.dtype.is_floating_point:
        return g.Gemm(one, two, x, alpha=float(alpha), beta=float(beta))
    return _plus(g, x, g.MatMul(one, two), beta, alpha)


def _addbmm(g: Builder, x: Any, one: Any, two: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    return _plus(g, x, g.reduce("ReduceSum", g.MatMul(one, two), [0], False), beta, alpha)


def _outer(g: Builder, x: Any, y: Any) -> Any:
    return g.Mul(g.Unsqueeze(g.cast(x, g.result.dtype), [1]), g.Unsqueeze(g.cast(y, g.result.dtype), [0]))


def _einsum(g: Builder, equation: str, operands: Any, *, path: Any = None) -> Any:
    equation = equation.replace(" ", "")
    return g.Einsum(*[g.cast(x, g.result.dtype) for x in operands], equation=equation)


def _tensordot(g: Builder, x: Any, y: Any, dims_self: Any, dims_other: Any) -> Any:
    letters = "abcdefghijklmnopqrstuvwxyz"
    one, two = [*letters[: x.rank]], [*letters[x.rank : x.rank + y.rank]]
    for mine, theirs in zip(dims_self, dims_other):
        two[theirs] = one[mine]
    joined = {one[axis] for axis in dims_self}
    kept = [letter for letter in one + two if letter not in joined]
    return g.Einsum(x, y, equation=f"{''.join(one)},{''.join(two)}->{''.join(kept)}")


def _bilinear(g: Builder, one: Any, two: Any, weight: Any, bias: Any = None) -> Any:
    made = g.Einsum(one, weight, two, equation="...i,oij,...j->...o")
    return made if bias is None else g.Add(made, bias)


def _cross(g: Builder, x: Any, y: Any, dim: int | None = None) -> Any:
    axis = next(axis for axis, size in enumerate(x.shape) if size == 3) if dim is None else dim

    def turned(value: Value, by: int) -> Any:
        return g.Gather(value, np.array([by % 3, (by + 1) % 3, (by + 2) % 3], np.int64), axis=axis)

    return g.Sub(g.Mul(turned(x, 1), turned(y, 2)), g.Mul(turned(x, 2), turned(y, 1)))


def _linalg_cross(g: Builder, x: Any, y: Any, *, dim: int = -1) -> Any:
    return _cross(g, x, y, dim)


def _cdist(g: Builder, x: Any, y: Any, p: float = 2.0, compute_mode: Any = None) -> Any:
    apart = g.Sub(g.Unsqueeze(x, [-2]), g.Unsqueeze(y, [x.rank - 2]))
    if p in (1, 2):
        return g.reduce(f"ReduceL{int(p)}", apart, [-1], False)
    if p == math.inf:
        return g.reduce("ReduceMax", g.Abs(apart), [-1], False)
    return g.Pow(g.reduce("ReduceSum", g.Pow(g.Abs(apart), float(p)), [-1], False), 1 / p)


def _cosine_similarity(g: Builder, x: Any, y: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    axes = [dim]
    lengths = [g.Max(g.reduce("ReduceL2", value, axes, True), eps) for value in (x, y)]
    return g.reduce("ReduceSum", g.Mul(g.Div(x, lengths[0]), g.Div(y, lengths[1])), axes, False)


def _pairwise_distance(g: Builder, x: Any, y: Any, p: float = 2, eps: float = 1e-6, keepdim: bool = False) -> Any:
    apart = g.Abs(g.Add(g.Sub(x, y), eps))
    if p in (1, 2):
        return g.reduce(f"ReduceL{int(p)}", apart, [-1], keepdim)
    return g.Pow(g.reduce("ReduceSum", g.Pow(apart, float(p)), [-1], keepdim), 1 / p)


# --- attention -------------------------------------------------------------------------------------------------------


def _attention(
    g: Builder, query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, *,
    scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """Softmax of scaled products with a mask, times the values; zero where nothing may be looked at."""
    kind = query.dtype
    if enable_gqa:
        key, value = (_repeated_heads(g, x, query) for x in (key, value))
    if scale is None:
        width = g.size_of(query, -1)
        scaled = g.Div(query, math.sqrt(width)) if isinstance(width, int) else g.Div(query, g.Sqrt(g.scalar(width, kind)))
    else:
        scaled = g.Mul(query, scale)
    scores = g.MatMul(scaled, transpose(g, key, swapped(key.rank, -2, -1)))
    if is_causal:
        sizes = g.sizes([g.size_of(query, -2), g.size_of(key, -2)])
        low = g.Trilu(g.Expand(g.number(1.0, flambeau.float32), sizes), upper=0)
        scores = g.where(g.cast(low, flambeau.bool), scores, -math.inf, kind)
    if attn_mask is not None:
        if attn_mask.dtype is flambeau.bool:
            scores = g.where(attn_mask, scores, -math.inf, kind)
        else:
            scores = g.Add(scores, g.cast(attn_mask, kind))
    weights = g.Softmax(scores, axis=-1)
    if attn_mask is not None:
        weights = g.where(g.IsNaN(weights), 0.0, weights, kind)
    if dropout_p > 0:
        weights = g.Dropout(weights, g.number(dropout_p, flambeau.float32), g.number(True, flambeau.bool))
    return g.MatMul(weights, value)


def _repeated_heads(g: Builder, x: Value, query: Value) -> Value:
    mine, wanted = x.shape[-3], query.shape[-3]  # type: ignore[index]
    if mine is None or wanted is None:
        raise g.unsupported("the number of heads may differ")
    if mine == wanted:
        return x
    sizes = [g.size_of(x, axis) for axis in range(x.rank)]
    wide = g.Unsqueeze(x, [x.rank - 2])
    wide = g.Tile(wide, [1] * (x.rank - 2) + [wanted // mine, 1, 1])
    made: Value = reshape(g, wide, [*sizes[:-3], wanted, *sizes[-2:]])
    made.shape = (*x.shape[:-3], wanted, *x.shape[-2:])  # type: ignore[index]
    return made


ROWS: dict[str, Row] = {
    "linear": _linear, **dict.fromkeys(["matmul", "mm", "bmm", "mv", "linalg_matmul"], _matmul), "addmm": _addmm,
    "dot": _matmul, "inner": _inner,
    "vdot": _matmul, "addmv": lambda g, x, one, two, *, beta=1, alpha=1: _plus(g, x, _matmul(g, one, two), beta, alpha),
    "addr": lambda g, x, one, two, *, beta=1, alpha=1: _plus(g, x, _outer(g, one, two), beta, alpha),
    "baddbmm": lambda g, x, one, two, *, beta=1, alpha=1: _plus(g, x, g.MatMul(one, two), beta, alpha), "addbmm": _addbmm,
    "outer": _outer, "ger": _outer, "einsum": _einsum, "tensordot": _tensordot, "bilinear": _bilinear, "cross": _cross,
    "linalg_cross": _linalg_cross, "cdist": _cdist, "cosine_similarity": _cosine_similarity,
    "pairwise_distance": _pairwise_distance, "det": lambda g, x: g.Det(x), "linalg_det": lambda g, x: g.Det(x),
    "scaled_dot_product_attention": _attention,
}  # fmt: skip
