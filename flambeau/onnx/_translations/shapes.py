"""Views, copies, and what puts tensors together or takes them apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import flambeau

from .._builder import LARGEST, Builder, Value

Row = Callable[..., Any]


def reshape(g: Builder, x: Value, sizes: Any) -> Any:
    """A value of other sizes, of which one may be -1."""
    sizes = [*sizes] if isinstance(sizes, (list, tuple)) else [sizes]
    if any(isinstance(size, int) and size == 0 for size in sizes):
        return g.Reshape(x, g.sizes(sizes), allowzero=1)
    return g.Reshape(x, g.sizes(sizes))


def _flatten(g: Builder, x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    if x.rank == 0:
        return g.Reshape(x, [1])
    start, end = start_dim % x.rank, end_dim % x.rank
    if start == end:
        return x
    sizes = [g.size_of(x, axis) for axis in range(x.rank)]
    middle = sizes[start : end + 1]
    known = [size for size in middle if isinstance(size, int)]
    joined = int(np.prod(known)) if len(known) == len(middle) else -1
    return reshape(g, x, [*sizes[:start], joined, *sizes[end + 1 :]])


def _unflatten(g: Builder, x: Any, dim: int, sizes: Any) -> Any:
    own = [g.size_of(x, axis) for axis in range(x.rank)]
    dim %= x.rank
    unknown = [size for size in own[:dim] + own[dim + 1 :] if isinstance(size, Value)]
    if isinstance(own[dim], Value) and not unknown:
        sizes = [size if isinstance(size, int) else -1 for size in sizes]
    return reshape(g, x, [*own[:dim], *sizes, *own[dim + 1 :]])


def _squeeze(g: Builder, x: Any, dim: Any = None) -> Any:
    if dim is None:
        axes = [axis for axis, size in enumerate(x.shape) if size == 1]
    else:
        axes = [axis % max(x.rank, 1) for axis in ([dim] if isinstance(dim, int) else dim)]
        axes = [axis for axis in axes if x.rank and x.shape[axis] == 1]
    return g.Squeeze(x, axes) if axes else g.Identity(x)


def _unsqueeze(g: Builder, x: Any, dim: int) -> Any:
    return g.Unsqueeze(x, [dim])


def transpose(g: Builder, x: Value, order: Sequence[int]) -> Any:
    """Axes in another order."""
    return g.Transpose(x, perm=[*order])


def swapped(rank: int, one: int, two: int) -> list[int]:
    """All axes, two of them exchanged."""
    order = [*range(rank)]
    if rank:
        order[one], order[two] = order[two], order[one]
    return order


def _order(name: str, x: Value, args: Sequence[Any]) -> list[int]:
    """The order of axes that an operation gives."""
    rank = x.rank
    if name == "permute":
        return [axis % rank for axis in args[0]]
    if name in ("transpose", "swapaxes"):
        return swapped(rank, args[0], args[1])
    if name == "t":
        return [*reversed(range(rank))]
    if name in ("numpy_T", "T"):
        return [*reversed(range(rank))]
    if name == "mT":
        return swapped(rank, -2, -1)
    source, target = ([value] if isinstance(value, int) else [*value] for value in args[:2])
    source, target = [axis % rank for axis in source], [axis % rank for axis in target]
    order = [axis for axis in range(rank) if axis not in source]
    for place, axis in sorted(zip(target, source)):
        order.insert(place, axis)
    return order


def _reordered(name: str) -> Row:
    def row(g: Builder, x: Any, *args: Any) -> Any:
        return transpose(g, x, _order(name, x, args)) if x.rank > 1 else g.Identity(x)

    return row


def _expand(g: Builder, x: Any, sizes: Any, implicit: bool = False) -> Any:
    wanted = [1 if isinstance(size, int) and size == -1 else size for size in sizes]
    return g.Expand(x, g.sizes(wanted))


def _repeat(g: Builder, x: Any, repeats: Any) -> Any:
    repeats = [*repeats]
    added = len(repeats) - x.rank
    if added > 0:
        x = g.Unsqueeze(x, [*range(added)])
    return g.Tile(x, g.sizes([1] * -added + repeats if added < 0 else repeats))


def _repeat_interleave(g: Builder, x: Any, repeats: Any = None, dim: int | None = None, output_size: Any = None) -> Any:
    if isinstance(repeats, Value) and not repeats.size and repeats.shape != ():
        raise g.unsupported("repeats differ from element to element")
    if dim is None:
        x = g.Reshape(x, [-1])
        x.shape, dim = (None,), 0
    dim %= x.rank
    wide = g.Unsqueeze(x, [dim + 1])
    wide = g.Tile(wide, g.sizes([1] * (dim + 1) + [repeats] + [1] * (x.rank - dim - 1)))
    sizes = [g.size_of(x, axis) for axis in range(x.rank)]
    return reshape(g, wide, [*sizes[:dim], -1, *sizes[dim + 1 :]])


def _cat(g: Builder, tensors: Any, dim: int = 0) -> Any:
    kept = [x for x in tensors if x.shape != (0,)] or tensors[:1]
    return g.joined([g.cast(x, g.result.dtype) for x in kept], dim) if len(kept) > 1 else g.Identity(kept[0])


def _stack(g: Builder, tensors: Any, dim: int = 0) -> Any:
    axis = dim % (tensors[0].rank + 1)
    return g.joined([g.Unsqueeze(g.cast(x, g.result.dtype), [axis]) for x in tensors], axis)


def _stacked(least: int, axis: int, column: bool = False) -> Row:
    """``hstack`` and so on: tensors of at least so many dimensions one behind the other."""

    def row(g: Builder, tensors: Any) -> Any:
        made = []
        for x in tensors:
            x = g.cast(x, g.result.dtype)
            rank = x.rank
            if rank == 0:
                x = g.Reshape(x, [1] * least)
            elif column and rank == 1:
                x = g.Unsqueeze(x, [1])
            elif rank < least:
                x = g.Unsqueeze(x, [0] if least == 2 else [0, 2] if rank == 1 else [2])
            made.append(x)
        along = 0 if least == 1 and tensors[0].rank < 2 else axis
        return g.joined(made, along)

    return row


# --- parts -----------------------------------------------------------------------------------------------------------


def parts(g: Builder, x: Value, bounds: Sequence[Any], dim: int) -> tuple[Value, ...]:
    """What lies between bounds along an axis. Parts that nobody uses are not made."""
    made = []
    for place, (start, end) in enumerate(zip(bounds, bounds[1:])):
        used = place >= len(g.result_used) or g.result_used[place]
        made.append(g.slice(x, start, end, dim) if used else x)
    return tuple(made)


def _sizes_of_parts(g: Builder, dim: int) -> list[int]:
    sizes = [part.shape[dim] for part in g.result]
    if None in sizes[:-1]:
        raise g.unsupported("how long its parts are depends on sizes that may differ")
    return sizes


def _split(g: Builder, x: Any, size: Any = None, dim: int = 0) -> Any:
    bounds = [0, *np.cumsum(_sizes_of_parts(g, dim)[:-1], dtype=np.int64).tolist(), LARGEST]
    return parts(g, x, bounds, dim)


def _chunk(g: Builder, x: Any, chunks: int, dim: int = 0) -> Any:
    if isinstance(extent := g.size_of(x, dim), int):
        return _split(g, x, None, dim)
    length = g.Div(g.Add(extent, chunks - 1), chunks)  # of all but the last
    bounds = [0, *[g.Mul(length, place) for place in range(1, len(g.result))], LARGEST]
    return parts(g, x, bounds, dim)


def _split_with_sizes(g: Builder, x: Any, sizes: Any, dim: int = 0) -> Any:
    bounds: list[Any] = [0]
    for size in sizes:
        last = bounds[-1]
        plain = isinstance(last, int) and isinstance(size, int)
        bounds.append(last + size if plain else g.Add(g.sizes([last]), g.sizes([size])))
    return parts(g, x, bounds, dim)


def _unbind(g: Builder, x: Any, dim: int = 0) -> Any:
    if x.shape[dim] is None:
        raise g.unsupported("how many tensors it gives depends on sizes that may differ")
    made = []
    for place in range(x.shape[dim]):
        used = place >= len(g.result_used) or g.result_used[place]
        made.append(g.Gather(x, np.array(place, np.int64), axis=dim) if used else x)
    return tuple(made)


def _select(g: Builder, x: Any, dim: int, index: Any) -> Any:
    return g.Gather(x, g.scalar(index), axis=dim)


def _slice(g: Builder, x: Any, dim: int = 0, start: Any = None, end: Any = None, step: Any = 1) -> Any:
    return g.slice(x, 0 if start is None else start, LARGEST if end is None else end, dim, step)


def _narrow(g: Builder, x: Any, dim: int, start: Any, length: Any) -> Any:
    plain = isinstance(start, int) and isinstance(length, int)
    end = start + length if plain else g.Add(g.sizes([start]), g.sizes([length]))
    if plain and end == 0:
        end = LARGEST
    return g.slice(x, start, end, dim)


def _unfold(g: Builder, x: Any, dimension: int, size: int, step: int) -> Any:
    if x.rank == 0:
        return g.Reshape(x, [1])
    dim = dimension % x.rank
    extent = g.size_of(x, dim)
    one = np.arange(size, dtype=np.int64)[None]
    if isinstance(extent, int):
        places: Any = np.arange(0, extent - size + 1, step, dtype=np.int64)[:, None] + one
    else:
        starts = g.Range(g.number(0, flambeau.int64), g.scalar(g.Sub(extent, size - 1)), g.number(step, flambeau.int64))
        places = g.Add(g.Unsqueeze(starts, [1]), one)
    made = g.Gather(x, places, axis=dim)  # (..., windows, size, ...)
    order = [axis for axis in range(x.rank + 1) if axis != dim + 1]
    return transpose(g, made, [*order, dim + 1])


# --- flips, triangles, pictures --------------------------------------------------------------------------------------


def _flip(g: Builder, x: Any, dims: Any) -> Any:
    axes = [dims] if isinstance(dims, int) else [*dims]
    if not axes or x.rank == 0:
        return g.Identity(x)
    count = len(axes)
    return g.Slice(x, [-1] * count, [-LARGEST] * count, g.sizes(axes), [-1] * count)


def _roll(g: Builder, x: Any, shifts: Any, dims: Any = ()) -> Any:
    shifts = [shifts] if not isinstance(shifts, (list, tuple)) else shifts
    dims = [dims] if isinstance(dims, int) else [*dims]
    if not dims:
        flat = g.Reshape(x, [-1])
        flat.shape = (None,)
        return g.Reshape(_roll(g, flat, shifts, [0]), g.shape_of(x))
    for shift, dim in zip(shifts, dims):
        extent = x.shape[dim]
        if isinstance(shift, int) and extent is not None:
            shift = shift % max(extent, 1)
        if isinstance(shift, int) and shift == 0:
            continue
        back = -shift if isinstance(shift, int) else g.Neg(shift)
        shape = x.shape
        x = g.joined([g.slice(x, back, LARGEST, dim), g.slice(x, 0, back, dim)], dim)
        x.shape = shape
    return g.Identity(x)


def _triangle(upper: int) -> Row:
    def row(g: Builder, x: Any, diagonal: int = 0) -> Any:
        made = g.Trilu(g.cast(x, flambeau.int64) if x.dtype is flambeau.int32 else x, np.array(diagonal, np.int64), upper=upper)
        return g.cast(made, x.dtype)

    return row


def _diagonal(g: Builder, x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    dim1, dim2 = dim1 % x.rank, dim2 % x.rank
    rows, columns = x.shape[dim1], x.shape[dim2]
    if rows is None or columns is None:
        raise g.unsupported("the matrices have sizes that may differ")
    order = [axis for axis in range(x.rank) if axis not in (dim1, dim2)]
    moved = transpose(g, x, [*order, dim1, dim2])
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    places = np.arange(count, dtype=np.int64)
    flat = g.Reshape(moved, g.sizes([*[g.size_of(x, axis) for axis in order], rows * columns]))
    return g.Gather(flat, (places - min(offset, 0)) * columns + places + max(offset, 0), axis=-1)


def _diag_embed(g: Builder, x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    extent = x.shape[-1]
    rank = x.rank + 1
    if extent is None or offset or sorted((dim1 % rank, dim2 % rank)) != [rank - 2, rank - 1]:
        raise g.unsupported("only the main diagonal of the last two dimensions can be made, of a size that does not change")
    return g.Mul(g.Unsqueeze(x, [-1]), g.cast(g.constant(np.eye(extent, dtype=np.float32)), x.dtype))


def _diag(g: Builder, x: Any, diagonal: int = 0) -> Any:
    return _diag_embed(g, x, diagonal) if x.rank == 1 else _diagonal(g, x, diagonal)


def _pixel_shuffle(g: Builder, x: Any, upscale_factor: int) -> Any:
    if x.rank == 4:
        return g.DepthToSpace(x, blocksize=upscale_factor, mode="CRD")
    if x.rank == 3:
        return g.Squeeze(g.DepthToSpace(g.Unsqueeze(x, [0]), blocksize=upscale_factor, mode="CRD"), [0])
    raise g.unsupported("of pictures with several dimensions of batches")


def _pixel_unshuffle(g: Builder, x: Any, downscale_factor: int) -> Any:
    factor = downscale_factor
    batch = [g.size_of(x, axis) for axis in range(x.rank - 3)]
    channels, height, width = (g.size_of(x, axis) for axis in (-3, -2, -1))
    if isinstance(height, Value) or isinstance(width, Value):
        height, width = (size // factor if isinstance(size, int) else g.Div(size, factor) for size in (height, width))
    else:
        height, width = height // factor, width // factor
    rank = x.rank + 2
    made = reshape(g, x, [*batch, channels, height, factor, width, factor])
    front = [*range(rank - 5)]
    made = transpose(g, made, [*front, rank - 5, rank - 3, rank - 1, rank - 4, rank - 2])
    joined = channels * factor * factor if isinstance(channels, int) else g.Mul(channels, factor * factor)
    return reshape(g, made, [*batch, joined, height, width])


def _channel_shuffle(g: Builder, x: Any, groups: int) -> Any:
    sizes = [g.size_of(x, axis) for axis in range(x.rank)]
    split = reshape(g, x, [sizes[0], groups, sizes[1] // groups, *sizes[2:]])
    return reshape(g, transpose(g, split, swapped(x.rank + 1, 1, 2)), sizes)


def _meshgrid(g: Builder, tensors: Any, indexing: str = "ij") -> Any:
    sizes = [g.size_of(x, 0) if x.rank else 1 for x in tensors]
    count = len(tensors)
    made = []
    for place, x in enumerate(tensors):
        wide = g.Reshape(x, g.sizes([-1 if axis == place else 1 for axis in range(count)]))
        wide = g.Expand(wide, g.sizes(sizes))
        made.append(transpose(g, wide, swapped(count, 0, 1)) if indexing == "xy" and count > 1 else wide)
    return tuple(made)


def _broadcast(g: Builder, tensors: Any) -> Any:
    shapes = [part.shape for part in g.result]
    if all(x.shape == shape and None not in shape for x, shape in zip(tensors, shapes)):
        return tuple(tensors)
    sizes = g.shape_of(tensors[0])
    for x in tensors[1:]:
        sizes = g.Shape(g.Expand(g.ConstantOfShape(sizes), g.shape_of(x)))
    return tuple([g.Expand(x, sizes) for x in tensors])


def _at_least(count: int) -> Row:
    def row(g: Builder, x: Any) -> Any:
        if x.rank == 0:
            return g.Reshape(x, [1] * count)
        if x.rank >= count:
            return x
        return g.Unsqueeze(x, [0] if count == 2 else [0, 2] if x.rank == 1 else [2])

    return row


def _to(g: Builder, x: Any, *args: Any, **kwargs: Any) -> Any:
    return g.cast(x, g.result.dtype)


def _copied(g: Builder, x: Any, source: Any, non_blocking: bool = False) -> Any:
    return g.Expand(g.cast(source, x.dtype), g.shape_of(x))


ROWS: dict[str, Row] = {
    **dict.fromkeys(["reshape", "view", "_unsafe_view"], reshape), "flatten": _flatten, "unflatten": _unflatten,
    "ravel": lambda g, x: g.Reshape(x, [-1]),
    "_reshape_from_tensor": lambda g, x, shape: g.Reshape(x, g.cast(shape, flambeau.int64)),
    "squeeze": _squeeze, "unsqueeze": _unsqueeze,
    **{name: _reordered(name) for name in ("permute", "transpose", "swapaxes", "t", "numpy_T", "T", "mT", "movedim")},
    "expand": _expand, "broadcast_to": _expand, "expand_as": lambda g, x, other: g.Expand(x, g.shape_of(other)),
    "repeat": _repeat, "tile": _repeat, "repeat_interleave": _repeat_interleave, "cat": _cat, "concat": _cat, "stack": _stack,
    "hstack": _stacked(1, 1), "column_stack": _stacked(2, 1, True), "vstack": _stacked(2, 0), "row_stack": _stacked(2, 0),
    "dstack": _stacked(3, 2), "split": _split, "chunk": _chunk, "tensor_split": _split, "split_with_sizes": _split_with_sizes,
    "unbind": _unbind, "select": _select, "slice": _slice, "narrow": _narrow, "unfold": _unfold, "flip": _flip,
    "fliplr": lambda g, x: _flip(g, x, [1]), "flipud": lambda g, x: _flip(g, x, [0]), "roll": _roll, "tril": _triangle(0),
    "triu": _triangle(1), "diagonal": _diagonal, "diag_embed": _diag_embed, "diag": _diag, "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle, "channel_shuffle": _channel_shuffle, "meshgrid": _meshgrid,
    "broadcast_tensors": _broadcast, "atleast_1d": _at_least(1), "atleast_2d": _at_least(2), "atleast_3d": _at_least(3),
    "copy": _copied, "to": _to, "_to_copy": _to, "type_as": _to,
    **dict.fromkeys(
        ["clone", "contiguous", "detach", "alias", "lift_fresh", "lift_fresh_copy", "resolve_conj", "resolve_neg"],
        lambda g, x, **named: x,
    ),
}  # fmt: skip


# --- views that are written to ---------------------------------------------------------------------------------------

RESTORED: dict[str, Callable[..., Any]] = {}
"""{view: what the whole becomes if its view becomes ``value``: ``f(builder, whole, value, *arguments)``}."""


def _put_between(g: Builder, whole: Value, value: Value, dim: int, start: Any, end: Any) -> Any:
    pieces = [value]
    if not (isinstance(start, int) and start == 0):
        pieces.insert(0, g.slice(whole, 0, start, dim))
    extent = whole.shape[dim] if whole.shape is not None else None
    if not (isinstance(end, int) and (end == LARGEST or extent is not None and end >= extent)):
        pieces.append(g.slice(whole, end, LARGEST, dim))
    made = g.joined(pieces, dim)
    made.shape = whole.shape
    return made


def _restored_slice(
    g: Builder, whole: Value, value: Value, dim: int = 0, start: Any = None, end: Any = None, step: Any = 1
) -> Any:
    start, end = 0 if start is None else start, LARGEST if end is None else end
    if step == 1:
        return _put_between(g, whole, value, dim, start, end)
    extent = g.scalar(g.size_of(whole, dim))
    places = g.Range(g.number(0, flambeau.int64), extent, g.number(1, flambeau.int64))
    places = g.Slice(places, g.sizes([start]), g.sizes([end]), [0], g.sizes([step]))
    places = g.Reshape(places, g.sizes([-1 if axis == dim % whole.rank else 1 for axis in range(whole.rank)]))
    made = g.ScatterElements(whole, g.Expand(places, g.Shape(value)), value, axis=dim)
    made.dtype, made.shape = whole.dtype, whole.shape
    return made


def _restored_select(g: Builder, whole: Value, value: Value, dim: int, index: Any) -> Any:
    wide = g.Unsqueeze(value, [dim % whole.rank])
    if isinstance(index, Value):
        return _put_between(g, whole, wide, dim, index, g.Add(index, 1))
    return _put_between(g, whole, wide, dim, index, LARGEST if index == -1 else index + 1)


def _restored_order(name: str) -> Callable[..., Any]:
    def restore(g: Builder, whole: Value, value: Value, *args: Any) -> Any:
        order = _order(name, whole, args)
        made = transpose(g, value, np.argsort(order).tolist()) if order else value
        made.shape = whole.shape
        return made

    return restore


def _restored_shape(g: Builder, whole: Value, value: Value, *args: Any, **kwargs: Any) -> Any:
    made = g.Reshape(value, g.shape_of(whole))
    made.shape = whole.shape
    return made


RESTORED.update(
    {
        "slice": _restored_slice, "select": _restored_select,
        "narrow": lambda g, whole, value, dim, start, length: _put_between(g, whole, value, dim, start, start + length),
        **dict.fromkeys(["reshape", "view", "flatten", "unflatten", "squeeze", "unsqueeze", "ravel"], _restored_shape),
        **{name: _restored_order(name) for name in ("permute", "transpose", "swapaxes", "t", "numpy_T", "mT", "movedim")},
        **dict.fromkeys(["detach", "alias"], lambda g, whole, value: value),
    }
)  # fmt: skip

VIEWS = {*RESTORED, "expand", "expand_as", "broadcast_to", "diagonal", "unfold", "_unsafe_view"}
"""Operations that may give views; those without a row above cannot be written to."""
