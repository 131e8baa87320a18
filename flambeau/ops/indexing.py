"""Reading and writing parts: basic indices make views, index tensors and masks make gathers and scatters; where a
tensor is not zero."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.bounds import LARGEST, SMALLEST
from ..graph.dtypes import TYPE_NAMES
from ..graph.notices import warn
from ..graph.shapes import Size, View, broadcast_shapes
from ..graph.trace import local
from .addressing import Addressing, taken, value_for, with_values
from .assignment import assign
from .basic_indexing import part_of_tensor, written
from .creation import new_element
from .from_data import from_array
from .gather_scatter import POSITION, flattened
from .memory_order import lay, own_order
from .one_node import one_node
from .operation import operation
from .parts import SelectBackward0, SliceBackward0, part_of
from .reshaping import view_as_self
from .views import geometry, shown_as

_NO_AXES = (
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor "
    "to a number"
)
_MASKS = (dtypes.bool_, dtypes.uint8)
_POSITIONS = (dtypes.int64, dtypes.int32)
_BASIC = frozenset((int, tuple, slice, type(None)))
_PARTS = (Tensor, list, tuple, range, np.ndarray, slice)
_NO_TUPLE = (
    "Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in pytorch 2.9; use "
    "x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor index, x[torch.tensor(seq)], which "
    "will result either in an error or a different result"
)


class Index:
    """An index split in two: a view taken by integers, slices, None and the ellipsis, then index tensors by axis."""

    __slots__ = ("view", "tensors")

    def __init__(self, view: Tensor, tensors: dict[int, Tensor]) -> None:
        self.view = view
        self.tensors = tensors


def _as_index_tensor(value: Any) -> Tensor:
    """Positions or a mask; of numbers that are not a tensor's their integral parts."""
    if isinstance(value, Tensor):
        if value.dtype not in _POSITIONS and value.dtype not in _MASKS:
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return value
    if not isinstance(value, np.ndarray):
        value = np.array([v.tolist() if isinstance(v, (Tensor, np.ndarray)) else v for v in value])
    if value.dtype.kind == "f" or value.size == 0 and value.dtype != bool:
        value = value.astype(np.int64)
    tensor = from_array(value)
    if tensor.dtype.category >= 2:
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return tensor


def _is_sequence_index(value: Any) -> bool:
    return isinstance(value, (list, range, np.ndarray)) or (isinstance(value, tuple))


def _flattened(index: Any) -> list[Any]:
    """The parts of an index. A short list that holds more than numbers stands for a tuple, as it once did in NumPy."""
    if isinstance(index, tuple):
        return list(index)
    if isinstance(index, list) and len(index) < 32:
        for part in index:
            if part is None or part is Ellipsis or isinstance(part, _PARTS):
                warn(_NO_TUPLE)
                return index[:]
    return [index]


def _consumed(part: Any) -> int:
    """How many axes one part of an index takes."""
    if part is None or part is Ellipsis or isinstance(part, (bool, np.bool_)):
        return 0
    if isinstance(part, Tensor) and part.dtype in _MASKS:
        return part.ndim
    if isinstance(part, np.ndarray) and part.dtype == bool:
        return part.ndim
    if isinstance(part, list) and part and isinstance(part[0], (bool, np.bool_)):
        return 1
    return 1


_ALL = slice(None)


def _positions(x: Tensor, index: Any) -> dict[int, Tensor] | None:
    """The index tensors by axis, if the index is nothing but tensors of positions and whole axes; None for any other."""
    parts = index if type(index) is tuple else (index,)
    tensors: dict[int, Tensor] = {}
    for axis, part in enumerate(parts):
        if isinstance(part, Tensor):
            if part.dtype not in _POSITIONS or not part.shape:
                return None
            tensors[axis] = part
        elif type(part) is not slice or part != _ALL:
            return None
    return tensors if len(parts) <= len(x.shape) else None


def understand(x: Tensor, index: Any) -> Index:
    """Split ``index``; ``IndexError`` as in PyTorch when it does not fit."""
    parts = _flattened(index)
    used = sum(_consumed(part) for part in parts)
    dots = [k for k, part in enumerate(parts) if part is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    rank = x.ndim
    if used > rank:
        if rank == 0:
            raise IndexError(_NO_AXES)
        raise IndexError(f"too many indices for tensor of dimension {rank}")
    places = list(range(len(parts)))  # in the index as it was given: errors name them
    if dots:
        at = dots[0]
        parts[at : at + 1] = [slice(None)] * (rank - used)
        places[at : at + 1] = [at] * (rank - used)
    sizes: list[int] = []
    steps: list[tuple[int, int]] = []
    starts = [0] * rank
    new_axes: list[int] = []  # result axes that None or a boolean made
    tensors: dict[int, Tensor] = {}
    axis = 0
    select_only = True
    for number, part in enumerate(parts):
        kind = type(part)
        if part is None:
            new_axes.append(len(sizes))
            sizes.append(1)
            steps.append((-1, _step_of_new(x, axis)))
            continue
        if kind is bool or isinstance(part, np.bool_):
            new_axes.append(len(sizes))
            tensors[len(sizes)] = from_array(np.arange(1 if part else 0))
            sizes.append(1)
            steps.append((-1, _step_of_new(x, axis)))
            continue
        if kind is slice:
            select_only = False
            extent = x.shape[axis]
            start, stop, step = _slice(part, extent)
            sizes.append(max(0, -(-(stop - start) // step)))
            steps.append((axis, step))
            starts[axis] = start if sizes[-1] else min(start, extent)
            axis += 1
            continue
        if kind is int or not _is_sequence_index(part) and not isinstance(part, Tensor):
            starts[axis] = _integer(x, part, axis, places[number])
            axis += 1
            continue
        if isinstance(part, Tensor) and part.ndim == 0 and part.dtype.category < 2 and part.dtype not in _MASKS:
            starts[axis] = _integer(x, part.item(), axis, places[number])  # a number like any other, so that the result is a view
            axis += 1
            continue
        tensor = _as_index_tensor(part)
        if tensor.dtype in _MASKS:
            if tensor.dtype is dtypes.uint8:
                warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.")
            for k in range(tensor.ndim):
                if tensor.shape[k] != x.shape[axis + k]:
                    raise IndexError(
                        f"The shape of the mask {list(tensor.shape)} at index {k} does not match the shape of the indexed "
                        f"tensor {list(x.shape)} at index {axis + k}"
                    )
            if tensor.ndim == 0:
                new_axes.append(len(sizes))
                tensors[len(sizes)] = from_array(np.arange(1 if bool(tensor) else 0))
                sizes.append(1)
                steps.append((-1, _step_of_new(x, axis)))
                continue
            for found in nonzero(tensor, as_tuple=True):
                tensors[len(sizes)] = found
                sizes.append(x.shape[axis])
                steps.append((axis, 1))
                axis += 1
            continue
        tensors[len(sizes)] = tensor
        sizes.append(x.shape[axis])
        steps.append((axis, 1))
        axis += 1
    for rest in range(axis, rank):
        sizes.append(x.shape[rest])
        steps.append((rest, 1))
    trivial = not new_axes and len(steps) == rank and all(s == (k, 1) for k, s in enumerate(steps)) and not any(starts)
    if trivial and sizes == list(x.shape):
        return Index(x, tensors)
    view = _viewed(x, sizes, steps, starts, SelectBackward0 if select_only and not new_axes else SliceBackward0)
    return Index(view, tensors)


def _step_of_new(x: Tensor, axis: int) -> int:
    """The stride of a new axis before ``axis``, of which nothing has been taken yet."""
    sizes, strides, _ = geometry(x)
    return sizes[axis] * strides[axis] if axis < len(sizes) else 1


def _viewed(
    x: Tensor, sizes: list[int], steps: list[tuple[int, int]], starts: list[int], gradient: type[Gradient]
) -> Tensor:
    if any(axis < 0 for axis, _ in steps):
        kept = [k for k, (axis, _) in enumerate(steps) if axis >= 0]
        taken_from = [steps[k] for k in kept] != [(axis, 1) for axis in range(x.ndim)] or any(starts)
        left = [sizes[k] for k in kept]
        view = part_of(x, left, [steps[k] for k in kept], starts, gradient) if taken_from or left != list(x.shape) else x
        for k, (axis, _) in enumerate(steps):
            if axis < 0:
                view = view.unsqueeze(k)
        seen = view._view
        assert seen is not None
        strides = [step if axis < 0 else stride for (axis, step), stride in zip(steps, seen.strides)]
        view._view = View(seen.sizes, strides, seen.offset)
        return view
    return part_of(x, sizes, steps, starts, gradient)


def _slice(part: slice, extent: int) -> tuple[int, int, int]:
    step = 1 if part.step is None else operator.index(part.step)
    if step <= 0:
        raise ValueError("step must be greater than zero")
    start = None if part.start is None else operator.index(part.start)
    stop = None if part.stop is None else operator.index(part.stop)
    first, last, _ = slice(start, stop, step).indices(extent)
    return first, max(first, last), step


def _integer(x: Tensor, part: Any, axis: int, place: int) -> int:
    """The position along an axis that ``part`` names; errors name its place in the index, as PyTorch's do."""
    try:
        k = operator.index(part)
    except TypeError:
        if isinstance(part, str):
            raise TypeError("invalid data type 'str': a string is no index") from None
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
            f"{type(part).__name__})"
        ) from None
    extent = x.shape[axis] if axis < x.ndim else 0
    if x.ndim == 0:
        raise IndexError(_NO_AXES)
    if not -extent <= k < extent:
        if not SMALLEST <= k <= LARGEST:
            raise ValueError(f"Overflow when unpacking long long: index {k}")
        raise IndexError(f"index {k} is out of bounds for dimension {place} with size {extent}")
    return k + extent if k < 0 else k


def getitem(self: Tensor, index: Any) -> Tensor:
    """``x[index]``: a view for integers, slices, None and the ellipsis; a copy for index tensors and masks."""
    if type(index) in _BASIC:
        part = part_of_tensor(self, index)
        if part is not None:
            return part
    tensors = _positions(self, index)
    if tensors:
        return taken(self, tensors, in_order=True)
    found = understand(self, index)
    if not found.tensors:
        if found.view is self:
            return shown_as(view_as_self(self), "SliceBackward0") if type(index) is slice else view_as_self(self)
        return found.view
    return taken(found.view, found.tensors, in_order=True)


_UNLIKE = "Index put requires the source and destination dtypes match, got {} for the destination and {} for the source."


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """``x[index] = value``: written in place, for all tensors that share the memory."""
    if type(index) in _BASIC and written(self, index, value):
        return
    if isinstance(value, Tensor) and value.of_parts:
        return _write_numbers_of(self, index, value)
    if type(value) is int and not SMALLEST <= value <= LARGEST:
        raise ValueError(f"Overflow when unpacking long long: {value} was given as a value")
    if isinstance(value, (int, float)):
        value = new_element(value, self.dtype)
    if index is False:
        return
    if index is True:  # as it is for None
        index = None
    masked = index if isinstance(index, Tensor) and index.dtype.kind == "bool" and index.shape == self.shape else None
    if masked is not None and (not isinstance(value, Tensor) or value.ndim == 0):
        self.masked_fill_(masked, value if isinstance(value, (Tensor, bool, int, float)) else value_for(self, value))
        return
    tensors = _positions(self, index)
    found = Index(self, tensors) if tensors else understand(self, index)
    view = found.view
    new = value_for(self, value)
    if not found.tensors:
        if view is self and self._tracked and self._gradient is None and local.grad:
            raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
        shape = new.shape
        while len(shape) > view.ndim and shape[0] == 1:
            shape = shape[1:]
        if shape != new.shape:
            new = new.reshape(shape)
        if view.ndim and not new.ndim:
            view.fill_(new)
        else:
            view.copy_(new)
        return
    if isinstance(value, Tensor) and value.dtype is not self.dtype:
        one_for_all = value.numel() == 1 and isinstance(index, Tensor) and index.dtype in _MASKS
        if not one_for_all:
            raise RuntimeError(_UNLIKE.format(TYPE_NAMES[self.dtype], TYPE_NAMES[value.dtype]))
    addressing = Addressing(view, found.tensors)
    if new.shape != addressing.shape:
        new = _expanded_to(addressing.shape, new)
    now, read = view._as_now()
    assign(view, with_values(now, new, addressing, "set"), read)


def _write_numbers_of(self: Tensor, index: Any, value: Tensor) -> None:
    """What a tensor that is made of others is to ``copy_``, where it can be copied."""
    if _positions(self, index) or understand(self, index).tensors:
        raise RuntimeError(_UNLIKE.format(TYPE_NAMES[self.dtype], TYPE_NAMES.get(value.dtype, value.dtype)))
    self[index].copy_(value)


def _expanded_to(wanted: Size, value: Tensor) -> Tensor:
    """What is to be written, as large as the place; ``RuntimeError`` if it cannot be."""
    shape = value.shape
    while len(shape) > len(wanted) and shape[0] == 1:
        shape = shape[1:]
    value = value if shape == value.shape else value.reshape(shape)
    try:
        return value.expand(wanted)  # type: ignore[no-any-return]
    except RuntimeError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(shape)} cannot be broadcast to indexing result of shape {list(wanted)}"
        ) from None


Tensor.__getitem__ = getitem  # type: ignore[method-assign]
Tensor.__setitem__ = setitem  # type: ignore[method-assign]
getitem.__name__, setitem.__name__ = "__getitem__", "__setitem__"  # as they are told to those that see calls


@operation(inplace="part")
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with ``values`` at the given indices (added up if ``accumulate``)."""
    if isinstance(indices, Tensor):
        raise TypeError("index_put(): argument 'indices' (position 1) must be tuple of Tensors, not Tensor")
    if values.dtype is not input.dtype:
        raise RuntimeError(_UNLIKE.format(TYPE_NAMES[input.dtype], TYPE_NAMES[values.dtype]))
    return lay(_put(input, indices, values, accumulate), own_order(input))


def _put(input: Tensor, indices: Any, values: Tensor, accumulate: bool) -> Tensor:
    """:func:`index_put` in logical order."""
    found = understand(input, tuple(map(_as_part, indices)))
    if not found.tensors:
        raise RuntimeError("index_put() needs at least one tensor of indices")
    addressing = Addressing(found.view, found.tensors)
    wanted, given = addressing.shape, values.shape
    if given != wanted:
        values = _expanded_to(wanted, values)
    mode = "add" if accumulate else "set"
    if found.view.shape == input.shape:
        return with_values(found.view, values, addressing, mode)
    return _put_beside_new_axes(input, found.view.shape, found.tensors, values, mode)


@one_node("IndexPutBackward0")
def _put_beside_new_axes(input: Tensor, shape: Size, tensors: dict[int, Tensor], values: Tensor, mode: str) -> Tensor:
    """:func:`_put` where masks of one element have made axes, with which the input has this shape."""
    view = input.reshape(shape)
    return with_values(view, values, Addressing(view, tensors), mode).reshape(input.shape)


def _as_part(index: Any) -> Any:
    """An index of :func:`index_put` as one of :func:`getitem`: one position is a tensor too, and takes no part of the input."""
    if index is None:
        return slice(None)
    return index.reshape(1) if isinstance(index, Tensor) and not index.shape and index.dtype in _POSITIONS else index


@operation(inplace="part")
@one_node("PutBackward0")
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with ``source`` at positions of the flattened tensor (added up if ``accumulate``)."""
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = {TYPE_NAMES[input.dtype]} and "
            f"source.dtype = {TYPE_NAMES[source.dtype]}"
        )
    flat = flattened("put_", input, index)
    if source.numel() != index.numel():
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.numel()}, index.numel() = {index.numel()}"
        )
    if flat.shape[0] == 0 and index.numel():
        raise IndexError("put_(): Tried to put elements into an empty tensor")
    addressing = Addressing(flat, {0: index.reshape(-1)}, POSITION)
    result = with_values(flat, source.reshape(-1), addressing, "add" if accumulate else "set")
    return lay(result.reshape(input.shape), own_order(input))


@operation(out="exact apart")
@one_node("MaskedSelectBackward0")
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where ``mask`` holds, as a vector."""
    if mask.dtype.kind != "bool":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast_shapes(input.shape, mask.shape)
    return getitem(input.expand(shape), mask.expand(shape))


@operation(inplace="part")
@one_node("MaskedScatterBackward0")
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy in which the elements where ``mask`` holds are taken from ``source`` in order."""
    if mask.dtype.kind != "bool":
        raise RuntimeError(f"masked_scatter_ only supports boolean masks, but got mask with dtype {TYPE_NAMES[mask.dtype]}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"masked_scatter: expected self and source to have same dtypes but got {TYPE_NAMES[input.dtype]} and "
            f"{TYPE_NAMES[source.dtype]}"
        )
    shape = broadcast_shapes(input.shape, mask.shape)
    if not shape:
        return masked_scatter(input.reshape(1), mask.reshape(1), source).reshape(())
    input = input if input.shape == shape else input.expand(shape)
    where = nonzero(mask.expand(shape), as_tuple=True)
    count = where[0].shape[0] if where else 0
    if source.numel() < count:
        raise RuntimeError("Number of elements of source < number of ones in mask")
    return _put(input, where, source.reshape(-1)[:count], False)


# --- where elements are not zero: the shape of the result depends on values, so these evaluate ------------------------


@operation(out="exact")
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Indices of nonzero elements: one row each, int64; or a tuple with one vector an axis.

    As in PyTorch the rows lie side by side: what belongs to one axis is contiguous.
    """
    found = np.nonzero(np.atleast_1d(_bits(input)))
    if as_tuple:
        return tuple(from_array(np.ascontiguousarray(f)) for f in found)
    stacked = np.stack(found) if input.ndim else np.zeros((0, len(found[0])), np.int64)
    return from_array(stacked.astype(np.int64)).t()


def _bits(input: Tensor) -> np.ndarray:
    array = input._array_now()
    return array & 0x7FFF if input.dtype is dtypes.bfloat16 else array


@operation()
def argwhere(input: Tensor) -> Tensor:
    """:func:`nonzero` under NumPy's name."""
    return nonzero(input)  # type: ignore[no-any-return]


@operation(out="exact")
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The first ``size`` rows of ``nonzero``, filled up with ``fill_value``."""
    found = nonzero(input)[:size]
    missing = input.new_full((size - found.shape[0], input.ndim), fill_value, dtype=dtypes.int64)
    from .joining import cat

    return cat([found, missing])


@operation(method=False)
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The coordinates in a tensor of ``shape`` that positions in row-major order stand for."""
    if indices.dtype.category != 1:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(extent < 0 for extent in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    indices = indices.to(dtypes.int64)
    coordinates = []
    for extent in reversed(sizes):
        coordinates.append(indices % extent)
        indices = indices // extent
    return tuple(reversed(coordinates))
