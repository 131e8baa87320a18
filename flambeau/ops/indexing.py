"""Reading and writing parts: basic indices make views, index tensors and masks make gathers and scatters."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd.gradient import INPUTS, NOTHING, RESULT, Gradient
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.shapes import Size, broadcast_shapes, contiguous_strides, wrap_dim
from ..graph.trace import local, record
from ..tensor import Tensor
from .creation import converted, filled, from_array
from .dispatch import attach, tracked
from .operation import assign, operation, write_out
from .parts import SelectBackward0, SliceBackward0, part_of
from .views import geometry, view_of

_NO_AXES = (
    "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor "
    "to a number"
)
_MASKS = (dtypes.bool_, dtypes.uint8)


# --- gather and scatter by explicit addressing --------------------------------------------------------------------


def take_at(
    source: Tensor, shape: Sequence[int], strides: Sequence[int], offset: int, extents: Sequence[int],
    index_strides: Sequence[int], indices: Sequence[Tensor], meaning: str = "index",
) -> Tensor:  # fmt: skip
    """Record a gather; see ``graph.primitives.GATHER``."""
    attributes = (tuple(shape), tuple(strides), offset, tuple(extents), tuple(index_strides), meaning)
    pairs = [(i._read(), i._view) for i in indices]
    return Tensor._from_node(record(p.GATHER, attributes, (source._read(), None), *pairs))


def put_at(
    target: Tensor, value: Tensor, shape: Sequence[int], strides: Sequence[int], offset: int, extents: Sequence[int],
    index_strides: Sequence[int], indices: Sequence[Tensor], mode: str,
) -> Tensor:  # fmt: skip
    """Record a scatter over a contiguous target; see ``graph.primitives.SCATTER``."""
    attributes = (tuple(shape), tuple(strides), offset, tuple(extents), tuple(index_strides), mode)
    pairs = [(i._read(), i._view) for i in indices]
    whole = target.contiguous()
    if whole._view is not None and (whole._view.offset or whole._view.sizes.numel() != whole._read().shape.numel()):
        whole = whole.clone()
    node = record(p.SCATTER, attributes, (whole._read(), None), (value._read(), value._view), *pairs)
    result = Tensor._from_node(node)
    return result if node.shape == target.shape else result.reshape(target.shape)


# --- understanding an index ---------------------------------------------------------------------------------------


class Index:
    """An index split in two: a view taken by integers, slices, None and the ellipsis, then index tensors by axis."""

    __slots__ = ("view", "tensors")

    def __init__(self, view: Tensor, tensors: list[tuple[int, Tensor]]) -> None:
        self.view = view
        self.tensors = tensors


def _as_index_tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        tensor = value
    elif isinstance(value, np.ndarray):
        tensor = from_array(value)
    else:
        data = [v.tolist() if isinstance(v, (Tensor, np.ndarray)) else v for v in value]
        array = np.array(data)
        if array.size == 0:
            array = array.astype(np.int64)
        tensor = from_array(array)
    if tensor.dtype.category >= 2:
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return tensor


def _is_sequence_index(value: Any) -> bool:
    return isinstance(value, (list, range, np.ndarray)) or (isinstance(value, tuple))


def _flattened(index: Any) -> list[Any]:
    if isinstance(index, tuple):
        return list(index)
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
    if dots:
        at = dots[0]
        parts[at : at + 1] = [slice(None)] * (rank - used)
    sizes: list[int] = []
    steps: list[tuple[int, int]] = []
    starts = [0] * rank
    new_axes: list[int] = []  # result axes that None or a boolean made
    tensors: list[tuple[int, Tensor]] = []
    axis = 0
    select_only = True
    for part in parts:
        kind = type(part)
        if part is None:
            new_axes.append(len(sizes))
            sizes.append(1)
            steps.append((-1, 0))
            continue
        if kind is bool or isinstance(part, np.bool_):
            new_axes.append(len(sizes))
            tensors.append((len(sizes), from_array(np.arange(1 if part else 0))))
            sizes.append(1)
            steps.append((-1, 0))
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
            starts[axis] = _integer(x, part, axis)
            axis += 1
            continue
        if isinstance(part, Tensor) and part.ndim == 0 and part.dtype not in _MASKS and part._read().buffer is not None:
            if part.dtype.category < 2:
                starts[axis] = _integer(x, part.item(), axis)
                axis += 1
                continue
        tensor = _as_index_tensor(part)
        if tensor.dtype in _MASKS:
            for k in range(tensor.ndim):
                if tensor.shape[k] != x.shape[axis + k]:
                    raise IndexError(
                        f"The shape of the mask {list(tensor.shape)} at index {k} does not match the shape of the indexed "
                        f"tensor {list(x.shape)} at index {axis + k}"
                    )
            if tensor.ndim == 0:
                new_axes.append(len(sizes))
                tensors.append((len(sizes), from_array(np.arange(1 if bool(tensor) else 0))))
                sizes.append(1)
                steps.append((-1, 0))
                continue
            for found in nonzero(tensor, as_tuple=True):
                tensors.append((len(sizes), found))
                sizes.append(x.shape[axis])
                steps.append((axis, 1))
                axis += 1
            continue
        tensors.append((len(sizes), tensor))
        sizes.append(x.shape[axis])
        steps.append((axis, 1))
        axis += 1
    for rest in range(axis, rank):
        sizes.append(x.shape[rest])
        steps.append((rest, 1))
    trivial = not new_axes and len(steps) == rank and all(s == (k, 1) for k, s in enumerate(steps)) and not any(starts)
    if trivial and sizes == list(x.shape):
        return Index(x, tensors)
    view = _view(x, sizes, steps, starts, SelectBackward0 if select_only and not new_axes else SliceBackward0)
    return Index(view, tensors)


def _view(
    x: Tensor, sizes: list[int], steps: list[tuple[int, int]], starts: list[int], gradient: type[Gradient]
) -> Tensor:
    if any(axis < 0 for axis, _ in steps):
        kept = [k for k, (axis, _) in enumerate(steps) if axis >= 0]
        view = part_of(x, [sizes[k] for k in kept], [steps[k] for k in kept], starts, gradient)
        for k, (axis, _) in enumerate(steps):
            if axis < 0:
                view = view.unsqueeze(k)
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


def _integer(x: Tensor, part: Any, axis: int) -> int:
    try:
        k = operator.index(part)
    except TypeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
            f"{type(part).__name__})"
        ) from None
    extent = x.shape[axis] if axis < x.ndim else 0
    if x.ndim == 0:
        raise IndexError(_NO_AXES)
    if not -extent <= k < extent:
        raise IndexError(f"index {k} is out of bounds for dimension {axis} with size {extent}")
    return k + extent if k < 0 else k


# --- addressing of index tensors ----------------------------------------------------------------------------------


class Addressing:
    """How index tensors address a view: the result's shape, strides of its plain axes, and each index's reach."""

    __slots__ = ("shape", "axes", "extents", "index_axes", "indices")

    def __init__(self, view: Tensor, tensors: list[tuple[int, Tensor]]) -> None:
        try:
            common = broadcast_shapes(*(t.shape for _, t in tensors))
        except RuntimeError:
            shapes = ", ".join(str(list(t.shape)) for _, t in tensors)
            raise IndexError(
                f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
            ) from None
        indexed = [axis for axis, _ in tensors]
        adjacent = indexed == list(range(indexed[0], indexed[0] + len(indexed)))
        at = indexed[0] if adjacent else 0
        plain = [axis for axis in range(view.ndim) if axis not in indexed]
        before = [axis for axis in plain if adjacent and axis < at]
        after = [axis for axis in plain if not (adjacent and axis < at)]
        sizes = view.shape
        self.shape = Size([*(sizes[a] for a in before), *common, *(sizes[a] for a in after)])
        #: For each axis of the result the view's axis that it walks, or -1.
        self.axes = [*before, *([-1] * len(common)), *after]
        self.extents = [sizes[axis] for axis in indexed]
        self.index_axes = indexed
        lead = len(after)
        self.indices = [_spread(t, len(common), lead) for _, t in tensors]
        if any(n == 0 for n in self.extents) and self.shape.numel():
            raise IndexError("index is out of bounds for dimension with size 0")

    def strides(self, of: Sequence[int]) -> tuple[list[int], list[int]]:
        """Strides of the result's axes and of the indices, for a source with the given strides."""
        return [of[a] if a >= 0 else 0 for a in self.axes], [of[a] for a in self.index_axes]


def _spread(index: Tensor, rank: int, lead: int) -> Tensor:
    """An index tensor with axes of extent 1 for the plain axes that follow the common ones."""
    if lead == 0:
        return index
    return index.reshape([*([1] * (rank - index.ndim)), *index.shape, *([1] * lead)])


class IndexBackward0(Gradient):
    """``context`` (shape of the indexed view, addressing); indices are kept by the addressing."""

    __slots__ = ()
    saves = NOTHING

    def backward(self, grad: Tensor) -> Tensor:
        shape, addressing = self.context
        target = filled(Size(shape), 0, grad.dtype)
        strides, index_strides = addressing.strides(contiguous_strides(tuple(shape)))
        result = put_at(
            target, grad, addressing.shape, strides, 0, addressing.extents, index_strides, addressing.indices, "add"
        )
        if tracked(grad):
            attach(result, _IndexAddGrad, [grad], [], (shape, addressing))
        return result


class _IndexAddGrad(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        _, addressing = self.context
        return _gathered(grad, addressing)


def _gathered(view: Tensor, addressing: Addressing) -> Tensor:
    _, strides, offset = geometry(view)
    along, index_strides = addressing.strides(strides)
    result = take_at(view, addressing.shape, along, offset, addressing.extents, index_strides, addressing.indices)
    if tracked(view):
        attach(result, IndexBackward0, [view], [], (view.shape, addressing))
    return result


def getitem(self: Tensor, index: Any) -> Tensor:
    """``x[index]``: a view for integers, slices, None and the ellipsis; a copy for index tensors and masks."""
    kind = type(index)
    if kind is int:
        shape = self.shape
        if shape and -shape[0] <= index < shape[0]:
            return self.select(0, index)
        return understand(self, index).view
    found = understand(self, index)
    if not found.tensors:
        if found.view is self:
            sizes, strides, offset = geometry(self)
            from .reshaping import AliasBackward0

            return view_of(self, sizes, strides, offset, AliasBackward0)
        return found.view
    return _gathered(found.view, Addressing(found.view, found.tensors))


class IndexPutBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        addressing, accumulate, shape = self.context
        kept = grad
        if not accumulate and self.edges[0] is not None:
            kept = _put(grad, filled(Size(addressing.shape), 0, grad.dtype), addressing, "set")
        values = _gathered(grad, addressing) if self.edges[1] is not None else None
        return kept, values


def _put(target: Tensor, value: Tensor, addressing: Addressing, mode: str) -> Tensor:
    """A contiguous copy of ``target`` with values written at the addressed places."""
    strides, index_strides = addressing.strides(contiguous_strides(target.shape))
    result = put_at(
        target, value, addressing.shape, strides, 0, addressing.extents, index_strides, addressing.indices, mode
    )
    if tracked(target, value):
        attach(result, IndexPutBackward0, [target, value], [], (addressing, mode == "add", target.shape))
    return result


def _value(target: Tensor, value: Any) -> Tensor:
    if not isinstance(value, Tensor):
        if isinstance(value, (list, tuple, np.ndarray)):
            value = from_array(np.asarray(value))
        else:
            number = value.item() if hasattr(value, "item") else value
            if isinstance(number, float) and target.dtype.category < 2:
                number = int(number)
            return filled(Size(), number, target.dtype)
    return converted(value, target.dtype)


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """``x[index] = value``: written in place, for all tensors that share the memory."""
    masked = index if isinstance(index, Tensor) and index.dtype.kind == "bool" and index.shape == self.shape else None
    if masked is not None and (not isinstance(value, Tensor) or value.ndim == 0):
        self.masked_fill_(masked, value if isinstance(value, (Tensor, bool, int, float)) else _value(self, value))
        return
    found = understand(self, index)
    view = found.view
    new = _value(self, value)
    if not found.tensors:
        if view is self and self._tracked and self._gradient is None and local.grad:
            raise RuntimeError("a view of a leaf Variable that requires grad is being used in an in-place operation.")
        shape = new.shape
        while len(shape) > view.ndim and shape[0] == 1:
            shape = shape[1:]
        if shape != new.shape:
            new = new.reshape(shape)
        view.copy_(new)
        return
    addressing = Addressing(view, found.tensors)
    shape = new.shape
    while len(shape) > len(addressing.shape) and shape[0] == 1:
        shape = shape[1:]
    new = new if shape == new.shape else new.reshape(shape)
    try:
        new = new.expand(addressing.shape)
    except RuntimeError:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(new.shape)} cannot be broadcast to indexing result of shape "
            f"{list(addressing.shape)}"
        ) from None
    assign(view, _put(view, new, addressing, "set"))


Tensor.__getitem__ = getitem  # type: ignore[method-assign]
Tensor.__setitem__ = setitem  # type: ignore[method-assign]


def _put_arguments(x: Tensor, indices: Any) -> tuple[Tensor, Addressing]:
    found = understand(x, tuple(slice(None) if i is None else i for i in indices))
    return found.view, Addressing(found.view, found.tensors)


@operation(inplace=True)
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with ``values`` at the given indices (added up if ``accumulate``)."""
    view, addressing = _put_arguments(input, indices)
    value = converted(values, input.dtype).expand(addressing.shape)
    return _put(view, value, addressing, "add" if accumulate else "set")


# --- along one axis -----------------------------------------------------------------------------------------------


def _check_index(name: str, index: Tensor) -> None:
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")


@operation()
def index_select(input: Tensor, dim: int, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The slices of axis ``dim`` at the positions in ``index`` (a vector)."""
    _check_index("index_select", index)
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if input.ndim == 0:
        return input.clone()
    d = wrap_dim(dim, input.ndim)
    result = _gathered(input, Addressing(input, [(d, index.reshape(-1))]))
    return result if out is None else write_out(out, result)


def _same_rank(name: str, input: Tensor, index: Tensor) -> None:
    if max(input.ndim, 1) != max(index.ndim, 1):
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")


def _gather_addressing(
    sizes: Sequence[int], index_shape: Size, dim: int, strides: Sequence[int]
) -> tuple[list[int], int, int]:
    """Strides of the index's axes (0 along ``dim``), the axis's extent and its stride."""
    along = [0 if axis == dim else s for axis, s in enumerate(strides)]
    return along, sizes[dim], strides[dim]


class GatherBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        dim, shape = self.context
        return scatter_add(filled(Size(shape), 0, grad.dtype), dim, self.input(1), grad), None


@operation()
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False, out: Tensor | None = None) -> Tensor:
    """For each element of ``index``, the element of ``input`` there along ``dim`` (and at the same place elsewhere)."""
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError("gather(): Expected dtype int32/int64 for index")
    _same_rank("gather", input, index)
    d = wrap_dim(dim, input.ndim)
    if index.ndim == 0 or input.ndim == 0:
        return input.reshape(-1)[index.reshape(-1)].reshape(index.shape)
    for axis in range(index.ndim):
        if axis != d and index.shape[axis] > input.shape[axis]:
            raise RuntimeError(
                f"Size does not match at dimension {axis} expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {d}"
            )
    sizes, strides, offset = geometry(input)
    along, extent, step = _gather_addressing(sizes, index.shape, d, strides)
    result = take_at(input, index.shape, along, offset, [extent], [step], [index])
    if tracked(input):
        saved = [(None, None), (index._read(), index._view)]
        attach(result, GatherBackward0, [input, index], saved, (d, input.shape))
    return result if out is None else write_out(out, result)


@operation()
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """:func:`gather` with broadcasting; over all elements without ``dim``."""
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    d = wrap_dim(dim, input.ndim)
    shape = broadcast_shapes(
        [1 if a == d else n for a, n in enumerate(input.shape)],
        [1 if a == d else n for a, n in enumerate(indices.shape)],
    )
    source = input.expand([input.shape[d] if a == d else n for a, n in enumerate(shape)])
    return gather(source, d, indices.expand([indices.shape[d] if a == d else n for a, n in enumerate(shape)]))


@operation()
def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements by position in the flattened tensor."""
    return input.reshape(-1)[index]


def _scattered(target: Tensor, dim: int, index: Tensor, value: Tensor, mode: str) -> Tensor:
    d = wrap_dim(dim, target.ndim)
    if target.ndim == 0:
        target, index, value = target.reshape(1), index.reshape(1), value.reshape(1)
        return _scattered(target, 0, index, value, mode).reshape(())
    if index.ndim == 0:
        index = index.reshape(1)
    _same_rank("scatter", target, index)
    for axis in range(index.ndim):
        if (axis != d and index.shape[axis] > target.shape[axis]) or index.shape[axis] > (
            value.shape[axis] if value.ndim else index.shape[axis]
        ):
            raise RuntimeError(
                f"Expected index {list(index.shape)} to be no larger than self {list(target.shape)} apart from dimension {d} "
                f"and to be no larger size than src {list(value.shape)}"
            )
    if value.ndim and value.shape != index.shape:
        value = value[tuple(slice(0, n) for n in index.shape)]
    along, extent, step = _gather_addressing(target.shape, index.shape, d, contiguous_strides(target.shape))
    return put_at(target, value, index.shape, along, 0, [extent], [step], [index], mode)


def _scatter_index(name: str, index: Tensor) -> None:
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")


class ScatterBackward0(Gradient):
    """``saved`` holds the index second; ``context`` (dim, whether values were added)."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        dim, added, shape = self.context
        index = self.input(1)
        kept = value = None
        if self.edges[0] is not None:
            kept = grad if added else scatter(grad, dim, index, 0)
        if self.edges[2] is not None:
            value = gather(grad, dim, index)
            if shape and value.shape != shape:
                whole = filled(Size(shape), 0, grad.dtype)
                part = tuple(slice(0, n) for n in value.shape)
                whole[part] = value
                value = whole
        return kept, None, value


class ScatterAddBackward0(ScatterBackward0):
    __slots__ = ()


def _scatter(
    name: str, input: Tensor, dim: int, index: Tensor, src: Any, mode: str, gradient: type[Gradient]
) -> Tensor:
    _scatter_index(name, index)
    if isinstance(src, Tensor):
        if src.dtype is not input.dtype:
            raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
        value = src
    else:
        value = filled(Size(), src, input.dtype).expand(index.shape)
    result = _scattered(input, dim, index, value, mode)
    if tracked(input, value):
        if gradient is ScatterReduceBackward0:
            attach(result, gradient, [input, index, value], None, (dim, mode))
            return result
        saved = [(None, None), (index._read(), index._view), (None, None)]
        attach(result, gradient, [input, index, value], saved, (dim, mode == "add", value.shape))
    return result


@operation(inplace=True)
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """A copy in which, for each element of ``index``, the element there along ``dim`` is ``src``'s (or one value)."""
    source = value if src is None else src
    if reduce is not None:
        mode = {"add": "add", "multiply": "mul"}[reduce]
        return _scatter("scatter", input, dim, index, source, mode, ScatterAddBackward0)
    return _scatter("scatter", input, dim, index, source, "set", ScatterBackward0)


@operation(inplace=True)
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy in which the elements of ``src`` are added at the places that ``index`` names along ``dim``."""
    return _scatter("scatter_add", input, dim, index, src, "add", ScatterAddBackward0)


class ScatterReduceBackward0(Gradient):
    """Products and extrema; ``context`` (dim, mode). Equal extrema share the gradient evenly."""

    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        dim, mode = self.context
        target, index, source, result = self.input(0), self.input(1), self.input(2), self.result()
        if mode == "mul":
            return self._of_product(grad, dim, target, index, source, result)
        kept = (target == result).to(grad.dtype)
        hit = (source == gather(result, dim, index)).to(grad.dtype)
        share = grad / scatter_add(kept, dim, index, hit).clamp(min=1)
        return kept * share, None, hit * gather(share, dim, index)

    @staticmethod
    def _of_product(
        grad: Tensor, dim: int, target: Tensor, index: Tensor, source: Tensor, result: Tensor
    ) -> tuple[Tensor, None, Tensor]:
        """A factor's gradient is the product of the others, which division gives unless the factor is zero."""
        own = target.masked_fill(target == 0, 1)
        first = grad * scatter_reduce(own, dim, index, source, "prod") / own
        none = source == 0
        zeros = gather(scatter_add(filled(target.shape, 0, grad.dtype), dim, index, none.to(grad.dtype)), dim, index)
        alone = none & (zeros == 1)
        others = scatter_reduce(target, dim, index, source.masked_fill(alone, 1), "prod")
        divided = gather(grad * result, dim, index) / source.masked_fill(none, 1)
        return first, None, alone * gather(grad * others, dim, index) + ~alone * divided


@operation(inplace=True)
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy in which elements of ``src`` are combined by "sum", "prod", "mean", "amax" or "amin" at places along ``dim``."""
    mode = {"sum": "add", "prod": "mul", "mean": "add", "amax": "amax", "amin": "amin"}.get(reduce)
    if mode is None:
        raise RuntimeError("reduce argument must be either sum, prod, mean, amax or amin, got " + reduce)
    target = input
    if not include_self:
        start = {"add": 0, "mul": 1}.get(mode)
        if start is None:
            from ..info import lowest_and_highest

            low, high = lowest_and_highest(input.dtype)
            start = low if mode == "amax" else high
        target = scatter(input, dim, index, start)
    gradient = ScatterAddBackward0 if mode == "add" else ScatterReduceBackward0
    result = _scatter("scatter_reduce", target, dim, index, src, mode, gradient)
    if reduce == "mean":
        count = filled(input.shape, 1 if include_self else 0, input.dtype)
        count = scatter_add(count, dim, index, filled(src.shape, 1, input.dtype)).clamp(min=1)
        result = result / count if input.dtype.category == 2 else result // count
    return result


def _slices(input: Tensor, dim: int, index: Tensor) -> tuple[Addressing, int]:
    d = wrap_dim(dim, input.ndim)
    return Addressing(input, [(d, index.reshape(-1))]), d


@operation(inplace=True)
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """A copy with ``alpha`` times the slices of ``source`` added to the slices of ``dim`` that ``index`` names."""
    addressing, _ = _slices(input, dim, index)
    if source.shape != addressing.shape and source.ndim:
        raise RuntimeError(
            f"index_add_(): Number of indices ({index.numel()}) should be equal to source.size(dim): "
            f"({source.shape[wrap_dim(dim, source.ndim)]}), for dim: {dim}"
        )
    value = source if alpha == 1 else source * alpha
    return _put(input, value.expand(addressing.shape), addressing, "add")


@operation(inplace=True)
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy with the slices of ``dim`` that ``index`` names replaced by those of ``source``."""
    addressing, _ = _slices(input, dim, index)
    return _put(input, source.expand(addressing.shape), addressing, "set")


@operation(inplace=True)
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with the slices of ``dim`` that ``index`` names filled with one value."""
    addressing, _ = _slices(input, dim, index)
    return _put(input, _value(input, value).expand(addressing.shape), addressing, "set")


@operation(inplace=True)
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy with ``source`` at positions of the flattened tensor (added up if ``accumulate``)."""
    flat = index_put(input.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate)
    return flat.reshape(input.shape)


# --- masks: the shape of the result depends on values, so these evaluate ------------------------------------------


@operation()
def nonzero(input: Tensor, *, as_tuple: bool = False, out: Tensor | None = None) -> Any:
    """Indices of nonzero elements: one row each, int64; or a tuple with one vector an axis."""
    found = np.nonzero(np.atleast_1d(_bits(input)))
    if as_tuple:
        return tuple(from_array(np.ascontiguousarray(f)) for f in found)
    stacked = np.stack(found, axis=1) if input.ndim else np.zeros((len(found[0]), 0), np.int64)
    result = from_array(stacked.astype(np.int64))
    return result if out is None else write_out(out, result)


def _bits(input: Tensor) -> np.ndarray:
    array = input._array()
    return array & 0x7FFF if input.dtype is dtypes.bfloat16 else array


@operation(method=False)
def argwhere(input: Tensor) -> Tensor:
    """:func:`nonzero` under NumPy's name."""
    return nonzero(input)  # type: ignore[no-any-return]


@operation()
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where ``mask`` holds, as a vector."""
    if mask.dtype.kind != "bool":
        raise RuntimeError("masked_select: expected BoolTensor for mask")
    shape = broadcast_shapes(input.shape, mask.shape)
    return getitem(input.expand(shape), mask.expand(shape))


@operation(inplace=True)
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy in which the elements where ``mask`` holds are taken from ``source`` in order."""
    shape = input.shape
    where = nonzero(mask.expand(shape), as_tuple=True)
    count = where[0].shape[0] if where else 0
    if source.numel() < count:
        raise RuntimeError("masked_scatter: expected self and source to have same dtypes and enough elements")
    return index_put(input, where, source.reshape(-1)[:count])


__all__ = ["Addressing", "put_at", "take_at"]
