"""Elements by index: gathering, scattering, masks, embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import flambeau

from .._builder import Builder, Value
from .shapes import reshape, transpose

Row = Callable[..., Any]


def _integers(g: Builder, index: Value) -> Value:
    return g.cast(index, flambeau.int64)


def _gather(g: Builder, x: Any, dim: int, index: Any, sparse_grad: bool = False) -> Any:
    if x.rank == 0:
        return g.Identity(x)
    return g.GatherElements(x, _integers(g, index), axis=dim)


def _scatter(reduction: str | None) -> Row:
    def row(g: Builder, x: Any, dim: int, index: Any, src: Any) -> Any:
        if not isinstance(src, Value) or src.size:
            src = g.Expand(g.Reshape(g.operand(src, x.dtype), [1] * x.rank), g.shape_of(index))
        elif src.shape != index.shape:
            ends = g.shape_of(index)
            src = g.Slice(src, [0] * x.rank, ends, [*range(x.rank)])
        return g.ScatterElements(x, _integers(g, index), g.cast(src, x.dtype), axis=dim, reduction=reduction)

    return row


_REDUCTIONS = {"sum": "add", "prod": "mul", "amax": "max", "amin": "min"}


def _scatter_reduce(g: Builder, x: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    if reduce not in _REDUCTIONS:
        raise g.unsupported(f"it reduces by {reduce}")
    if reduce in ("amax", "amin"):
        g.needs(18)
    if not include_self:
        floating = x.dtype.is_floating_point
        limits = flambeau.finfo(x.dtype) if floating else flambeau.iinfo(x.dtype)
        neutral = {"sum": 0, "prod": 1, "amax": -np.inf if floating else limits.min, "amin": np.inf if floating else limits.max}
        x = _shaped(_scatter(None)(g, x, dim, index, neutral[reduce]), x)
    return _scatter(_REDUCTIONS[reduce])(g, x, dim, index, src)


def _shaped(value: Value, like: Value) -> Value:
    value.dtype, value.shape = like.dtype, like.shape
    return value


# --- x[i, j] ---------------------------------------------------------------------------------------------------------


def _as_integers(g: Builder, x: Value, indices: Any) -> list[Value | None]:
    """Indices of which those that are masks have become the places where they are true, an axis each."""
    found: list[Value | None] = []
    for index in indices:
        if index is None or index.dtype not in (flambeau.bool, flambeau.uint8):
            found.append(None if index is None else _integers(g, index))
            continue
        places = g.NonZero(g.cast(index, flambeau.bool))
        for axis in range(index.rank):
            one = g.Gather(places, np.array(axis, np.int64), axis=0)
            one.shape = (None,)
            found.append(one)
    return found


def _broadcast(g: Builder, indices: list[Value]) -> tuple[list[Value], Value]:
    """Indices of the same sizes, and these."""
    sizes = g.shape_of(indices[0])
    for index in indices[1:]:
        if index.shape != indices[0].shape or None in index.shape:  # type: ignore[operator]
            sizes = g.Shape(g.Expand(g.ConstantOfShape(sizes), g.shape_of(index)))
    rank = max(index.rank for index in indices)
    return [_ranked(g.Expand(index, sizes), rank) for index in indices], sizes


def _ranked(value: Value, rank: int) -> Value:
    value.shape = (None,) * rank
    return value


def _not_negative(g: Builder, index: Value, extent: Any) -> Value:
    """Indices counted from the beginning: ``GatherND`` and ``ScatterND`` of some runtimes know no others."""
    return _ranked(g.Where(g.Less(index, 0), g.Add(index, extent), index, dtype=flambeau.int64), index.rank)


def _index(g: Builder, x: Any, indices: Any) -> Any:
    found = _as_integers(g, x, indices)
    axes = [axis for axis, index in enumerate(found) if index is not None]
    given = [index for index in found if index is not None]
    if len(axes) == 1:
        return g.Gather(x, given[0], axis=axes[0])
    given, _ = _broadcast(g, given)
    others = [axis for axis in range(x.rank) if axis not in axes]
    moved = transpose(g, x, axes + others)
    made = g.GatherND(moved, g.joined([g.Unsqueeze(index, [-1]) for index in given], -1))
    made.dtype = x.dtype
    adjacent = axes == [*range(axes[0], axes[-1] + 1)]
    before = axes[0] if adjacent else 0
    if not before:
        return made
    rank = given[0].rank  # what is indexed comes first; it belongs where the indices were
    order = [*range(rank, rank + before), *range(rank), *range(rank + before, rank + len(others))]
    return transpose(g, made, order)


def _index_put(g: Builder, x: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    values = g.cast(values, x.dtype)
    masks = [index for index in indices if index is not None]
    if len(masks) == 1 and indices[0] is not None and masks[0].dtype is flambeau.bool and values.rank == 0:
        mask = masks[0]
        if x.rank > mask.rank:
            mask = g.Unsqueeze(mask, [*range(mask.rank, x.rank)])
        return g.Where(mask, g.Add(x, values) if accumulate else values, x, dtype=x.dtype)
    found = _as_integers(g, x, indices)
    axes = [axis for axis, index in enumerate(found) if index is not None]
    others = [axis for axis in range(x.rank) if axis not in axes]
    given, sizes = _broadcast(g, [index for index in found if index is not None])
    given = [_not_negative(g, index, g.size_of(x, axis)) for index, axis in zip(given, axes)]
    rank = given[0].rank
    before = axes[0] if axes == [*range(axes[0], axes[-1] + 1)] else 0
    kept = [g.size_of(x, axis) for axis in others]
    # ``values`` are broadcast as ``x[indices]`` lies, of which what is indexed is put first.
    pieces = [g.sizes(part) for part in (kept[:before], kept[before:]) if part]
    pieces.insert(1 if before else 0, sizes)
    values = g.Expand(values, g.joined(pieces, 0))
    if before:
        values = transpose(
            g, values, [*range(before, before + rank), *range(before), *range(before + rank, rank + len(others))]
        )
    order = axes + others
    moved = transpose(g, x, order) if order != [*range(x.rank)] else x
    stacked = g.joined([g.Unsqueeze(index, [-1]) for index in given], -1)
    made = g.ScatterND(moved, stacked, values, reduction="add" if accumulate else None)
    made.dtype = x.dtype
    return transpose(g, made, np.argsort(order).tolist()) if moved is not x else made


def _along(g: Builder, x: Value, dim: int, index: Value) -> Value:
    """A list of places as one for each element of what is put there: of x, but so long along ``dim``."""
    wide = g.Reshape(_integers(g, index), g.sizes([-1 if axis == dim else 1 for axis in range(x.rank)]))
    count = index.shape[0] if index.rank else 1  # type: ignore[index]
    length = count if count is not None else g.size_of(index, 0)
    sizes = [length if axis == dim else g.size_of(x, axis) for axis in range(x.rank)]
    made = g.Expand(wide, g.sizes(sizes))
    made.shape = tuple([size if isinstance(size, int) else None for size in sizes])
    return made  # type: ignore[no-any-return]


def _index_add(g: Builder, x: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    source = source if alpha == 1 else g.Mul(source, alpha)
    return g.ScatterElements(x, _along(g, x, dim % x.rank, index), g.cast(source, x.dtype), axis=dim, reduction="add")


def _index_copy(g: Builder, x: Any, dim: int, index: Any, source: Any) -> Any:
    return g.ScatterElements(x, _along(g, x, dim % x.rank, index), g.cast(source, x.dtype), axis=dim)


def _index_fill(g: Builder, x: Any, dim: int, index: Any, value: Any) -> Any:
    places = _along(g, x, dim % x.rank, index)
    return g.ScatterElements(x, places, g.Expand(g.operand(value, x.dtype), g.shape_of(places)), axis=dim)


def _index_select(g: Builder, x: Any, dim: int, index: Any) -> Any:
    if x.rank == 0:
        return g.Identity(x)
    return g.Gather(x, g.Reshape(_integers(g, index), [-1]), axis=dim)


def _take_along_dim(g: Builder, x: Any, indices: Any, dim: int | None = None) -> Any:
    if dim is None:
        return g.Gather(g.Reshape(x, [-1]), g.Reshape(_integers(g, indices), [-1]))
    dim %= x.rank
    wanted = [g.size_of(indices if axis == dim or x.shape[axis] == 1 else x, axis) for axis in range(x.rank)]
    own = [g.size_of(x if axis == dim else indices if x.shape[axis] == 1 else x, axis) for axis in range(x.rank)]
    return g.GatherElements(g.Expand(x, g.sizes(own)), g.Expand(_integers(g, indices), g.sizes(wanted)), axis=dim)


def _masked_select(g: Builder, x: Any, mask: Any) -> Any:
    sizes = g.Shape(g.Expand(g.ConstantOfShape(g.shape_of(x)), g.shape_of(mask)))
    x, mask = g.Expand(x, sizes), g.Expand(mask, sizes)
    return g.Compress(g.Reshape(x, [-1]), g.Reshape(mask, [-1]), axis=0)


def _one_hot(g: Builder, x: Any, num_classes: Any = -1) -> Any:
    depth: Any = g.scalar(num_classes)
    if isinstance(num_classes, int) and num_classes < 0:
        depth = g.Add(g.ReduceMax(g.Reshape(x, [-1]), keepdims=0), 1)
    return g.OneHot(x, depth, np.array([0, 1], np.int64), axis=-1, dtype=flambeau.int64)


def _embedding(g: Builder, weight: Any, index: Any, *further: Any, **named: Any) -> Any:
    return g.Gather(weight, index, axis=0)


def _embedding_bag(
    g: Builder, weight: Any, indices: Any, offsets: Any, scale_grad_by_freq: bool = False, mode: int = 0, sparse: bool = False,
    per_sample_weights: Any = None, include_last_offset: bool = False, padding_idx: int | None = None,
) -> Any:  # fmt: skip
    """Sums (0), means (1) or maxima (2) of the rows of each bag: a row is added to the bag in which its place is."""
    indices, offsets = _integers(g, indices), _integers(g, offsets)
    starts = g.Slice(offsets, [0], [-1], [0]) if include_last_offset else offsets
    count = g.Shape(starts)
    length = g.Shape(indices)
    places = g.Range(g.number(0, flambeau.int64), g.scalar(_size(length)), g.number(1, flambeau.int64))
    begun = g.cast(g.GreaterOrEqual(g.Unsqueeze(places, [1]), g.Unsqueeze(starts, [0])), flambeau.int64)
    bag = g.Sub(g.reduce("ReduceSum", begun, [1], False), 1)
    rows = g.Gather(weight, indices, axis=0)
    kind = weight.dtype
    part = g.ConstantOfShape(length, value=g.tensor_of(np.ones(1, np.float32)), dtype=flambeau.float32)
    part = g.cast(part, kind)
    if padding_idx is not None:
        part = g.cast(g.Not(g.Equal(indices, padding_idx % weight.shape[0])), kind)
    if include_last_offset:  # what comes behind the last bag is in none
        part = g.Mul(part, g.cast(g.Less(places, g.Slice(offsets, [-1], [2**63 - 1], [0])), kind))
    width = weight.shape[1]
    wide = g.Expand(g.Unsqueeze(bag, [1]), g.joined([length, g.sizes([width])], 0))
    sizes = g.joined([count, g.sizes([width])], 0)
    if mode == 2:
        g.needs(18)
        rows = g.Where(g.cast(g.Unsqueeze(part, [1]), flambeau.bool), rows, g.number(-np.inf, kind), dtype=kind)
        nothing = g.Expand(g.number(-np.inf, kind), sizes)
        made = g.ScatterElements(nothing, wide, rows, axis=0, reduction="max")
        made = g.where(g.Equal(made, -np.inf), 0.0, made, kind)
        return made, None, None, None
    factors = part if per_sample_weights is None else g.Mul(part, per_sample_weights)
    rows = g.Mul(rows, g.Unsqueeze(factors, [1]))
    made = g.ScatterElements(g.Expand(g.number(0, kind), sizes), wide, rows, axis=0, reduction="add")
    if mode == 1:
        parts = g.ScatterElements(g.Expand(g.number(0, kind), count), bag, part, axis=0, reduction="add")
        made = g.Div(made, g.Unsqueeze(g.Max(parts, 1.0), [1]))
    return made, None, None, None


def _size(value: Value) -> Value:
    value.size = True
    return value


def _isin(g: Builder, elements: Any, test: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    same = g.Equal(g.Unsqueeze(elements, [-1]), g.Reshape(g.cast(test, elements.dtype), [-1]))
    found = g.cast(g.reduce("ReduceMax", g.cast(same, flambeau.int32), [-1], False), flambeau.bool)
    return g.Not(found) if invert else found


def _take(g: Builder, x: Any, index: Any) -> Any:
    return g.Gather(g.Reshape(x, [-1]), _integers(g, index))


ROWS: dict[str, Row] = {
    "gather": _gather, "scatter": _scatter(None), "scatter_add": _scatter("add"), "scatter_reduce": _scatter_reduce,
    "index": _index, "index_put": _index_put, "index_add": _index_add, "index_copy": _index_copy, "index_fill": _index_fill,
    "index_select": _index_select, "take": _take, "take_along_dim": _take_along_dim, "masked_select": _masked_select,
    "nonzero": lambda g, x: g.Transpose(g.NonZero(x), perm=[1, 0]), "one_hot": _one_hot, "embedding": _embedding,
    "argwhere": lambda g, x: g.Transpose(g.NonZero(x), perm=[1, 0]),
    "embedding_bag": _embedding_bag, "isin": _isin,
    "reshape_as": lambda g, x, other: reshape(g, x, [g.size_of(other, axis) for axis in range(other.rank)]),
}  # fmt: skip
