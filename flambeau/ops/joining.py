"""Putting tensors together and repeating them."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from ctypes import memmove
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from ..core.at_once import SMALL, value_in_memory
from ..core.device import contiguous_format
from ..core.history import Gradient, shown_as
from ..core.storage import Storage, whole
from ..core.tensor import Tensor
from ..cpu.memory import allocate
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.dtypes import TYPE_NAMES, promote_types
from ..graph.dtypes import dtype as dtype_type
from ..graph.notices import warn_once
from ..graph.shapes import Size, View, wrap_dim
from ..graph.trace import Node, evaluate, record
from .conversion import converted
from .dispatch import with_history
from .memory_order import Order, format_order, lay, permuted, seen_in_order
from .one_node import one_node
from .operation import Sizes, Tensors, operation, titled
from .views import expand, geometry, sizes_of

# --- one behind the other --------------------------------------------------------------------------------------------


def join(
    tensors: Sequence[Tensor], shape: Size, d: dtype_type, axis: int, stacked: bool, order: Order = None
) -> Tensor:
    """Record the parts as one value; see ``graph.primitives.JOIN``. The result lies in ``order``."""
    if len(tensors) > FEW and order is None and _in_memory(tensors, d, shape):
        return _joined_now(tensors, shape, axis, stacked)
    if len(tensors) > MANY:
        return lay(_joined_now([t if t.dtype is d else converted(t.detach(), d) for t in tensors], shape, axis, stacked), order)
    if order is None:
        if len(tensors) > FEW and p.nbytes(shape, d) <= JOINED_TWICE:
            groups = [tensors[first : first + FEW] for first in range(0, len(tensors), FEW)]
            lengths = [len(group) if stacked else sum([t.shape[axis] for t in group]) for group in groups]
            sizes = [Size((*shape[:axis], length, *shape[axis + 1 :])) for length in lengths]
            tensors = [join(group, size, d, axis, stacked) for group, size in zip(groups, sizes)]
            stacked = False
        return Tensor._from_node(record(p.JOIN, (shape, d, axis, stacked), *[(t._read(), t._view) for t in tensors]))
    inside = tuple(k - (k > axis) for k in order if k != axis) if stacked else order
    attributes = (Size(shape[k] for k in order), d, order.index(axis), stacked)
    return seen_in_order(record(p.JOIN, attributes, *[(t._read(), permuted(t, inside)) for t in tensors]), order)


def _common_order(tensors: Sequence[Tensor]) -> Order:
    """Channels last if all tensors lie like that."""
    order = format_order(tensors[0])
    return order if order is None or all(format_order(t) is not None for t in tensors) else None


FEW = 8
"""More parts than this are joined at once if they are small and in memory: to record them takes longer, and a program that makes
so many makes others each time."""

JOINED_TWICE = 1 << 20
"""More parts than a few are joined in groups, and these again, if that is so many bytes at most: to copy them once more takes
less than to plan how another number of parts is joined, and a loop that turns more or less often gives another number."""

MANY = 256
"""More parts than this are joined at once. A plan names each of its leaves and lists each part's kernel, which for so many
takes longer to make, and to go through, than the parts take to copy."""


def _in_memory(tensors: Sequence[Tensor], d: dtype_type, shape: Size) -> bool:
    """Whether small tensors of one dtype can be joined without recording anything."""
    return p.nbytes(shape, d) <= SMALL and all([value_in_memory(tensor) and tensor.dtype is d for tensor in tensors])


def _joined_now(tensors: Sequence[Tensor], shape: Size, axis: int, stacked: bool) -> Tensor:
    """Parts of one dtype as one value in memory, without history."""
    d = tensors[0].dtype
    buffer = allocate(p.nbytes(shape, d))
    if axis or not all([tensor._view is None or tensor._view.contiguous for tensor in tensors]):
        held = [tensor._read() for tensor in tensors]  # another thread may write to one, and its memory be given away
        arrays = [tensor._array() for tensor in tensors]
        (np.stack if stacked else np.concatenate)(arrays, axis, out=buffer.peek(arrays[0].dtype, shape))
        del held
        return Tensor._from_node(Node(shape, d, None, 0, buffer))
    # Each part is a piece of the result's memory: to make arrays of them takes longer than to copy them.
    held, sources, places, sizes = [], [], [], []
    place = buffer.address
    for tensor in tensors:
        node, view = tensor._read(), tensor._view
        held.append(node)
        address, size = evaluate(node).address, p.nbytes(node.shape, d)
        if view is not None:
            address, size = address + view.offset * d.itemsize, p.nbytes(view.sizes, d)
        sources.append(address)
        places.append(place)
        sizes.append(size)
        place += size
    deque(map(memmove, places, sources, sizes), 0)
    del held
    return Tensor._from_node(Node(shape, d, None, 0, buffer))


def _common_dtype(tensors: Sequence[Tensor]) -> dtype_type:
    d = tensors[0].dtype
    for tensor in tensors:
        if tensor.dtype is not d:
            d = promote_types(d, tensor.dtype)
    return d


def _tensors(name: str, tensors: Any) -> list[Tensor]:
    """The operands as a list; the errors are PyTorch's for anything but a sequence of tensors."""
    if isinstance(tensors, Tensor) or not hasattr(tensors, "__iter__"):
        kind = type(tensors).__name__
        raise TypeError(f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {kind}")
    many = list(tensors)
    for index, tensor in enumerate(many):
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"expected Tensor as element {index} in argument 0, but got {type(tensor).__name__}"
            )
    return many


class CatBackward0(Gradient):
    """``context`` (axis, how long each part is): the parts' gradients are views of the result's."""

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        axis, lengths = self.context
        starts = itertools.accumulate(lengths, initial=0)
        return tuple(
            None if edge is None else grad.narrow(axis, start, length)
            for edge, start, length in zip(self.edges, starts, lengths)
        )


@shown_as("CatBackward0")
class CatOfSomeBackward(Gradient):
    """:class:`CatBackward0` of a result without some of the operands, vectors of no elements, whose lengths are None."""

    replayable = False

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        axis, lengths = self.context
        starts = itertools.accumulate([length or 0 for length in lengths], initial=0)
        return tuple(
            None if edge is None else grad.new_zeros(0) if length is None else grad.narrow(axis, start, length)
            for edge, start, length in zip(self.edges, starts, lengths)
        )


@operation("concat", "concatenate", method=False, out="apart")
def cat(tensors: Tensors, dim: int = 0) -> Tensor:
    """Tensors one behind the other along ``dim``; their other sizes must agree (``RuntimeError``), dtypes are promoted.

    Vectors of no elements are left out, whatever the rank of the others.
    """
    many = _tensors("cat", tensors)
    if not many:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    shapes = tuple([tensor.shape for tensor in many])
    if () in shapes:
        raise RuntimeError(f"zero-dimensional tensor (at position {shapes.index(())}) cannot be concatenated")
    d = _common_dtype(many)
    given = many
    if (0,) in shapes:
        many = [t for t in many if t.shape != (0,)] or many
        shapes = tuple([tensor.shape for tensor in many])
    at = wrap_dim(dim if shapes[0] != (0,) else 0, len(shapes[0]))
    sizes, lengths = _joined_sizes(shapes, at)
    result = join(many, sizes, d, at, False, _common_order(many))
    if len(given) > len(many):
        found = iter(lengths)
        each = tuple([None if tensor.shape == (0,) else next(found) for tensor in given])
        return with_history(result, CatOfSomeBackward, given, (at, each))
    return with_history(result, CatBackward0, many, (at, lengths))


@lru_cache(maxsize=1024)
def _joined_sizes(shapes: tuple[Size, ...], at: int) -> tuple[Size, Size]:
    """The sizes of the result of joining tensors of these shapes along an axis, and how long each is there."""
    first = shapes[0]
    for index, shape in enumerate(shapes):
        if shape != first:
            _check_joinable(first, shape, at, index)
    lengths = Size([shape[at] for shape in shapes])
    return Size((*first[:at], sum(lengths), *first[at + 1 :])), lengths


def _check_joinable(first: Size, shape: Size, at: int, index: int) -> None:
    if len(shape) != len(first):
        raise RuntimeError(f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}")
    for k, (a, b) in enumerate(zip(first, shape)):
        if k != at and a != b:
            raise RuntimeError(
                f"Sizes of tensors must match except in dimension {at}. Expected size {a} but got size {b} for tensor "
                f"number {index} in the list."
            )


class StackBackward0(Gradient):
    """``context``: the new axis."""

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return tuple([None if edge is None else part for edge, part in zip(self.edges, grad.unbind(self.context))])


@operation(method=False, out="apart")
def stack(tensors: Tensors, dim: int = 0) -> Tensor:
    """Tensors of equal sizes along a new axis ``dim``; dtypes are promoted."""
    many = _tensors("stack", tensors)
    if not many:
        raise RuntimeError("stack expects a non-empty TensorList")
    shapes = [tensor.shape for tensor in many]
    first = shapes[0]
    at = wrap_dim(dim, len(first) + 1)
    if shapes.count(first) != len(shapes):
        index = next(k for k, shape in enumerate(shapes) if shape != first)
        raise RuntimeError(
            f"stack expects each tensor to be equal size, but got {list(first)} at entry 0 and {list(shapes[index])}"
            f" at entry {index}"
        )
    order = _common_order(many) if at < len(first) else None
    if order is not None:  # the new axis lies just outside the one that it comes before
        order = tuple(m for k in order for m in ((at, k + 1) if k == at else (k + (k > at),)))
    result = join(many, _with_axis(first, at, len(many)), _common_dtype(many), at, True, order)
    return with_history(result, StackBackward0, many, at)


@lru_cache(maxsize=1024)
def _with_axis(sizes: Size, at: int, extent: int) -> Size:
    return Size((*sizes[:at], extent, *sizes[at:]))


def stack_in_memory(tensors: Sequence[Tensor]) -> Tensor | None:
    """:func:`stack` of many small tensors at once, for they are different ones each time.

    None, unless all values are in memory already, alike, and without history.
    """
    first, d = tensors[0].shape, tensors[0].dtype
    for tensor in tensors:
        node = tensor._read()
        if node.buffer is None or node.dtype is not d or tensor.shape != first or tensor._tracked:
            return None
    return _joined_now(tensors, Size((len(tensors), *first)), 0, True)


def _of_rank(x: Tensor, rank: int) -> Tensor:
    """At least ``rank`` (1, 2 or 3) axes, added where NumPy's ``atleast`` functions add them."""
    if x.ndim >= rank:
        return x
    if rank == 1:
        return x.reshape(1)
    if rank == 2:
        return x.reshape(1, 1) if x.ndim == 0 else x.unsqueeze(0)
    return _of_rank(x, 2).unsqueeze(-1)


def _at_least(rank: int) -> Any:
    def at_least(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], Tensor):
            return _of_rank(tensors[0], rank)
        many = tensors[0] if len(tensors) == 1 else tensors
        return tuple(_of_rank(t, rank) for t in many)

    meaning = f"Each tensor with at least {rank} axes; one tensor, or a tuple for several."
    return operation(method=False)(titled(at_least, f"atleast_{rank}d", meaning))


atleast_1d, atleast_2d, atleast_3d = _at_least(1), _at_least(2), _at_least(3)


def _some_tensors(name: str, tensors: Any) -> Sequence[Tensor]:
    many = _tensors(name, tensors)
    if not many:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return many


@operation(method=False, out="apart")
def hstack(tensors: Tensors) -> Tensor:
    """Tensors side by side: along axis 1, or 0 for vectors."""
    many = [_of_rank(t, 1) for t in _some_tensors("hstack", tensors)]
    return cat(many, 0 if many and many[0].ndim == 1 else 1)


@operation("row_stack", method=False, out="apart")
def vstack(tensors: Tensors) -> Tensor:
    """Tensors one below the other: along axis 0, vectors as rows."""
    return cat([_of_rank(t, 2) for t in _some_tensors("vstack", tensors)], 0)


@operation(method=False, out="apart")
def dstack(tensors: Tensors) -> Tensor:
    """Tensors one behind the other along axis 2."""
    return cat([_of_rank(t, 3) for t in _some_tensors("dstack", tensors)], 2)


@operation(method=False, out="apart")
def column_stack(tensors: Tensors) -> Tensor:
    """Vectors as the columns of a matrix; matrices side by side."""
    many = [t.reshape(t.numel(), 1) if t.ndim <= 1 else t for t in _some_tensors("column_stack", tensors)]
    return hstack(many)


@operation(method=False)
@one_node("BlockDiagBackward0")
def block_diag(*tensors: Any) -> Tensor:
    """Matrices along the diagonal of a larger one that is zero elsewhere; vectors count as rows."""
    many = [_of_rank(t, 2) for t in tensors]
    for index, tensor in enumerate(many):
        if tensor.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input "
                f"{index} has {tensor.ndim} dimensions"
            )
    from .creation import zeros
    from .padding import constant_pad_nd

    if not many:
        return zeros(1, 0)
    d = _common_dtype(many)
    width = sum(t.shape[1] for t in many)
    rows, before = [], 0
    for tensor in many:
        rows.append(constant_pad_nd(tensor.to(d), (before, width - before - tensor.shape[1])))
        before += tensor.shape[1]
    return cat(rows, 0)


# --- repetition ------------------------------------------------------------------------------------------------------


class RepeatBackward0(Gradient):
    """``context`` (repeats, sizes): the gradient summed over the repetitions."""

    def backward(self, grad: Tensor) -> Tensor:
        repeats, sizes = self.context
        if prod(grad.shape) == 0:
            return grad.new_zeros(sizes)
        split = [n for pair in zip(repeats, sizes) for n in pair]
        return grad.reshape(split).sum(tuple(range(0, len(split), 2))) if split else grad


@operation(function=False)
def repeat(self: Tensor, *repeats: Sizes) -> Tensor:
    """The whole tensor repeated along each axis; further leading counts make new axes."""
    counts = sizes_of(repeats)
    if len(counts) < self.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    for count in counts:
        if count < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {count}: {list(counts)}")
    sizes, strides, offset = geometry(self)
    lead = len(counts) - len(sizes)
    sizes, strides = (1,) * lead + tuple(sizes), (0,) * lead + strides  # type: ignore[assignment]
    repeated = View(
        [n for pair in zip(counts, sizes) for n in pair], [s for stride in strides for s in (0, stride)], offset
    )
    result = _reshaped(record(p.COPY, None, (self._read(), repeated)), [c * n for c, n in zip(counts, sizes)])
    return with_history(result, RepeatBackward0, [self], (counts, sizes))


def _reshaped(node: Node, sizes: Sequence[int]) -> Tensor:
    """A contiguous value under other sizes, without history."""
    if node.shape == tuple(sizes):
        return Tensor._from_node(node)
    return Tensor._from_node(node, whole(Size(sizes)), Storage(node))


@operation()
def tile(input: Tensor, *dims: Sizes) -> Tensor:
    """:meth:`repeat` in which missing leading counts are 1."""
    counts = sizes_of(dims)
    return repeat(input, (1,) * (input.ndim - len(counts)) + counts)


@operation()
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each slice of ``dim`` (each element of the flattened tensor) repeated on its place, as often as ``repeats`` says.

    ``repeats`` is a number, or a tensor with a count for each slice; alone, it gives the positions that it repeats.
    """
    if repeats is None:
        if input.dtype is not dtypes.int64 and input.dtype is not dtypes.int32:
            raise NotImplementedError(f"\"repeat_interleave_cpu\" not implemented for '{TYPE_NAMES[input.dtype]}'")
        return _repeated_positions(input)
    x, axis = (input.reshape(-1), 0) if dim is None else (input, wrap_dim(dim, input.ndim))
    if isinstance(repeats, Tensor) and repeats.numel() == 1 and x.shape[axis] != 1:
        repeats = repeats.item()
    if not isinstance(repeats, Tensor):
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        longer = x.unsqueeze(axis + 1)
        longer = longer.expand([repeats if k == axis + 1 else n for k, n in enumerate(longer.shape)])
        return longer.clone(memory_format=contiguous_format).flatten(axis, axis + 1)
    if repeats.numel() != x.shape[axis]:
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {repeats.numel()} and "
            f"input.size({axis}) = {x.shape[axis]}"
        )
    places = _repeated_positions(repeats)
    if output_size is not None and output_size != places.shape[0]:
        raise RuntimeError("allocated size does not match required size")
    return x.index_select(axis, places)


def _repeated_positions(repeats: Tensor) -> Tensor:
    from .from_data import from_array

    if repeats.ndim != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if repeats.dtype not in (dtypes.int64, dtypes.int32):
        raise NotImplementedError(f"\"repeat_interleave_cpu\" not implemented for '{TYPE_NAMES[repeats.dtype]}'")
    counts = repeats._array_now()
    if (counts < 0).any():
        raise RuntimeError("repeats can not be negative")
    return from_array(np.repeat(np.arange(len(counts), dtype=np.int64), counts)).to(repeats.dtype)


# --- grids -----------------------------------------------------------------------------------------------------------


@operation(method=False)
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of a grid over vectors, one tensor an axis; "xy" exchanges the first two axes of the grid ("ij")."""
    if indexing is None:
        warn_once("torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.")
        indexing = "ij"
    many = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)
    if not many:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for tensor in many:
        if tensor.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: " + str(tensor.ndim) + "D tensor"
            )
        if tensor.dtype is not many[0].dtype:
            raise RuntimeError("torch.meshgrid expects all tensors to have the same dtype")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: {indexing}")
    swapped = indexing == "xy" and len(many) >= 2
    if swapped:
        many[0], many[1] = many[1], many[0]
    shape = [t.numel() for t in many]
    grids = [
        expand(t.reshape([-1 if k == axis else 1 for k in range(len(many))]), shape) for axis, t in enumerate(many)
    ]
    if swapped:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


@operation(method=False)
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of one element from each vector, as rows."""
    for tensor in tensors:
        if tensor.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(tensor.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([grid.reshape(-1) for grid in meshgrid(*tensors, indexing="ij")], 1)


@operation(method=False)
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of ``r`` elements of a vector, as rows in order of position."""
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_zeros(0)
    from .from_data import from_array

    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(range(input.shape[0]), r)), dtype=np.int64).reshape(-1, r)
    return input[from_array(rows)]
