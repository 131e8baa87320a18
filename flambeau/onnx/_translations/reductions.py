"""Sums, means, extremes and whatever else goes over axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import flambeau

from .._builder import Builder, Value

Row = Callable[..., Any]


def axes_of(x: Value, dim: Any) -> list[int] | None:
    """Axes as a list; None for all."""
    if dim is None or isinstance(dim, (list, tuple)) and not dim:
        return None
    return [axis % max(x.rank, 1) for axis in ([dim] if isinstance(dim, int) else dim)]


def _whole(g: Builder, x: Value) -> Value:
    """A value with an axis, if it has none."""
    if x.rank:
        return x
    made: Value = g.Reshape(x, [1])
    made.shape = (1,)
    return made


def _reduction(kind: str) -> Row:
    """An operator of ONNX over axes, of the result's dtype."""

    def row(g: Builder, x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
        x = g.cast(x, g.result.dtype)
        if x.rank == 0:
            return g.Identity(x)
        return g.reduce(kind, x, axes_of(x, dim), keepdim)

    return row


def _any(kind: str) -> Row:
    def row(g: Builder, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        truths = g.cast(g.cast(x, flambeau.bool), flambeau.int32)
        made = g.reduce(kind, truths, axes_of(x, dim), keepdim) if x.rank else truths
        return g.cast(made, g.result.dtype)

    return row


def _extreme(kind: str) -> Row:
    """``max`` of all, or over an axis with places; or of two tensors."""

    def row(g: Builder, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, Value):
            kinds = g.result.dtype
            return g.node(kind, g.operand(x, kinds), g.operand(dim, kinds))
        if dim is None:
            return g.reduce(f"Reduce{kind}", x, None, False) if x.rank else g.Identity(x)
        whole = _whole(g, x)
        values = g.reduce(f"Reduce{kind}", whole, axes_of(x, dim), keepdim)
        places = g.node(f"Arg{kind}", whole, axis=axes_of(x, dim)[0], keepdims=int(keepdim))  # type: ignore[index]
        if x.rank == 0:
            nothing = np.zeros(0, np.int64)
            return g.Reshape(values, nothing), g.Reshape(places, nothing)
        return values, places

    return row


def _place(kind: str) -> Row:
    def row(g: Builder, x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        x = g.cast(x, flambeau.int32) if x.dtype is flambeau.bool else x
        if dim is not None:
            if x.rank == 0:
                return g.Reshape(g.node(kind, g.Reshape(x, [1]), axis=0, keepdims=0), np.zeros(0, np.int64))
            return g.node(kind, x, axis=dim, keepdims=int(keepdim))
        found = g.node(kind, g.Reshape(x, [-1]), axis=0, keepdims=0)
        return g.Reshape(found, [1] * x.rank) if keepdim else found

    return row


def _count(g: Builder, x: Value, axes: list[int] | None) -> Any:
    """How many elements a reduction takes together."""
    extents = x.shape if axes is None else [x.shape[axis] for axis in axes]  # type: ignore[index]
    if None not in extents:  # type: ignore[operator]
        return math.prod(extents)  # type: ignore[arg-type]
    sizes = g.Shape(x) if axes is None else g.Gather(g.Shape(x), g.sizes(axes))
    return g.cast(g.ReduceProd(sizes, keepdims=0), flambeau.float32)


def _moments(g: Builder, x: Value, dim: Any, correction: Any, keepdim: bool) -> tuple[Value, Value]:
    """The variance and the mean."""
    axes = axes_of(x, dim)
    mean = g.reduce("ReduceMean", x, axes, True)
    distance = g.Sub(x, mean)
    squares = g.Mul(distance, distance)
    variance = g.reduce("ReduceMean", squares, axes, keepdim)
    if correction:
        count = _count(g, x, axes)
        if isinstance(count, Value):
            variance = g.Mul(variance, g.Div(count, g.Max(g.Sub(count, float(correction)), 0.0)))
        else:
            left = max(count - correction, 0)
            variance = g.Mul(variance, count / left if left else math.inf)
    if not keepdim:
        nothing = g.sizes(axes) if axes is not None else None
        mean = g.Squeeze(mean, nothing)
    return variance, mean


def _variance(root: bool, with_mean: bool) -> Row:
    def row(
        g: Builder, x: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
    ) -> Any:
        if isinstance(dim, bool):  # the form without axes
            dim, unbiased = None, dim
        if correction is None:
            correction = 0 if unbiased is False else 1
        variance, mean = _moments(g, x, dim, correction, keepdim)
        variance = g.Sqrt(variance) if root else variance
        return (variance, mean) if with_mean else variance

    return row


def _vector_norm(g: Builder, x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:  # noqa: A002
    x = _whole(g, g.cast(x, g.result.dtype))
    axes = axes_of(x, dim)
    if g.result.shape == ():
        axes, keepdim = None, False
    if ord in (1, 2):
        return g.reduce(f"ReduceL{int(ord)}", x, axes, keepdim)
    size = g.Abs(x)
    if ord in (math.inf, -math.inf):
        return g.reduce("ReduceMax" if ord > 0 else "ReduceMin", size, axes, keepdim)
    if ord == 0:
        return g.reduce("ReduceSum", g.cast(g.cast(x, flambeau.bool), x.dtype), axes, keepdim)
    return g.Pow(g.reduce("ReduceSum", g.Pow(size, float(ord)), axes, keepdim), 1 / float(ord))


def _logsumexp(g: Builder, x: Any, dim: Any, keepdim: bool = False) -> Any:
    x = g.cast(x, g.result.dtype)
    return g.reduce("ReduceLogSumExp", x, axes_of(x, dim), keepdim) if x.rank else g.Identity(x)


def _cumsum(g: Builder, x: Any, dim: int, dtype: Any = None) -> Any:
    kind = g.result.dtype
    if x.rank == 0:
        return g.cast(x, kind)
    return g.CumSum(g.cast(x, kind), np.array(dim, np.int64))


def _logcumsumexp(g: Builder, x: Any, dim: int) -> Any:
    largest = g.reduce("ReduceMax", x, [dim], True)
    return g.Add(g.Log(g.CumSum(g.Exp(g.Sub(x, largest)), np.array(dim, np.int64))), largest)


def _nansum(g: Builder, x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    x = g.where(g.IsNaN(x), 0.0, x, x.dtype) if x.dtype.is_floating_point else x
    return g.reduce("ReduceSum", g.cast(x, g.result.dtype), axes_of(x, dim), keepdim)


def _count_nonzero(g: Builder, x: Any, dim: Any = None) -> Any:
    return g.reduce("ReduceSum", g.cast(g.cast(x, flambeau.bool), flambeau.int64), axes_of(x, dim), False)


# --- order -----------------------------------------------------------------------------------------------------------


def _topk(g: Builder, x: Any, k: Any, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:  # noqa: A002
    values, places = g.TopK(_whole(g, x), g.sizes([k]), axis=dim, largest=int(largest), sorted=int(sorted), outputs=2)
    places.dtype = flambeau.int64
    if x.rank == 0:
        nothing = np.zeros(0, np.int64)
        return g.Reshape(values, nothing), g.Reshape(places, nothing)
    return values, places


def _sort(g: Builder, x: Any, dim: int = -1, descending: bool = False, stable: Any = None) -> Any:
    kind = x.dtype
    numbers = g.cast(x, flambeau.int32) if kind is flambeau.bool else x
    numbers.shape = x.shape
    values, places = _topk(g, numbers, g.size_of(_whole(g, x), dim), dim, descending)
    return g.cast(values, kind), places


def _argsort(g: Builder, x: Any, dim: int = -1, descending: bool = False, stable: Any = None) -> Any:
    return _sort(g, x, dim, descending)[1]


def _median(g: Builder, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The lower one of the two in the middle."""
    if dim is None:
        flat = g.Reshape(x, [-1])
        flat.shape = (math.prod(x.shape) if None not in x.shape else None,)
        return g.Squeeze(_middle(g, flat, 0)[0], None)
    values, places = _middle(g, x, dim)
    axes = g.sizes([dim])
    return (values, places) if keepdim else (g.Squeeze(values, axes), g.Squeeze(places, axes))


def _middle(g: Builder, x: Value, dim: int) -> tuple[Value, Value]:
    extent = g.size_of(x, dim)
    half = (extent - 1) // 2 if isinstance(extent, int) else g.Div(g.Sub(extent, 1), 2)
    values, places = _topk(g, x, extent, dim, False)
    place = g.sizes([half])
    return g.Gather(values, place, axis=dim), g.Gather(places, place, axis=dim)


def _kthvalue(g: Builder, x: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    values, places = (g.slice(y, k - 1, k, dim) for y in _ranked(g, _topk(g, x, k, dim, False), x))
    axes = g.sizes([dim])
    return (values, places) if keepdim else (g.Squeeze(values, axes), g.Squeeze(places, axes))


def _ranked(g: Builder, values: Any, x: Value) -> Any:
    for value in values:
        value.shape = x.shape
    return values


def _searchsorted(
    g: Builder, boundaries: Any, x: Any, out_int32: bool = False, right: bool = False, side: Any = None, sorter: Any = None
) -> Any:
    if sorter is not None:
        raise g.unsupported("it has a sorter")
    x = g.scalar(x) if not isinstance(x, Value) else x
    kind = flambeau.promote_types(boundaries.dtype, x.dtype)
    wanted = g.Unsqueeze(g.cast(x, kind), [-1])
    if boundaries.rank > 1:
        boundaries = g.Unsqueeze(boundaries, [-2])
    right = right or side == "right"
    before = g.node("LessOrEqual" if right else "Less", g.cast(boundaries, kind), wanted)
    return g.cast(g.reduce("ReduceSum", g.cast(before, flambeau.int64), [-1], False), g.result.dtype)


ROWS: dict[str, Row] = {
    "sum": _reduction("ReduceSum"), "mean": _reduction("ReduceMean"), "prod": _reduction("ReduceProd"),
    "amax": _reduction("ReduceMax"), "amin": _reduction("ReduceMin"), "any": _any("ReduceMax"), "all": _any("ReduceMin"),
    "max": _extreme("Max"), "min": _extreme("Min"), "argmax": _place("ArgMax"), "argmin": _place("ArgMin"),
    "var": _variance(False, False), "std": _variance(True, False), "var_mean": _variance(False, True),
    "std_mean": _variance(True, True), "linalg_vector_norm": _vector_norm, "linalg_norm": _vector_norm, "logsumexp": _logsumexp,
    "aminmax": lambda g, x, dim=None, keepdim=False: tuple(
        g.reduce(kind, x, axes_of(x, dim), keepdim) for kind in ("ReduceMin", "ReduceMax")
    ),
    "cumsum": _cumsum, "logcumsumexp": _logcumsumexp, "nansum": _nansum, "count_nonzero": _count_nonzero,
    "topk": _topk, "sort": _sort, "argsort": _argsort, "msort": lambda g, x: _sort(g, x, 0)[0], "median": _median,
    "kthvalue": _kthvalue, "searchsorted": _searchsorted,
    "bucketize": lambda g, x, boundaries, out_int32=False, right=False: _searchsorted(g, boundaries, x, out_int32, right),
}  # fmt: skip

