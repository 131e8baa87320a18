"""Views of nested tensors: other orders of dimensions, other sizes, samples, parts."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from ...core.tensor import Tensor
from ..joining import cat as cat_of
from ..joining import stack as stack_of
from . import jagged as of_jagged
from . import strided as of_strided
from .calls import elementwise, nested_operation
from .jagged import JaggedTensor, jagged_only
from .sizes import SymInt
from .strided import Places, StridedNestedTensor
from .tensor import NestedTensor, axis_of, refuse, sizes_of

Moved = Callable[[tuple[int, ...]], Sequence[int]]


def _placed(x: StridedNestedTensor, sizes: Moved, strides: Moved, dims: int) -> StridedNestedTensor:
    """The same buffer, of which each sample is seen with other sizes and strides."""
    places = x._places
    made = Places(
        tuple([tuple(sizes(size)) for size in places.sizes]), tuple([tuple(strides(stride)) for stride in places.strides]),
        places.offsets,
    )  # fmt: skip
    return StridedNestedTensor.of(_alias(x), made, dims)


def _alias(x: NestedTensor) -> Tensor:
    return x._values.view_as(x._values)


def _inner(x: JaggedTensor, dim: Any, name: str, more: int = 0) -> int:
    """A dimension of the values. ``RuntimeError`` for that of the samples, and for the ragged one."""
    axis = axis_of(x, dim, more)
    if axis == x._ragged_idx and not more:
        raise RuntimeError(f"{name}(): not supported for NestedTensor on ragged dim")
    if not axis:
        raise RuntimeError(f"{name}(): not supported for NestedTensor on dim=0")
    return axis - 1


# --- of axes ----------------------------------------------------------------------------------------------------------


@nested_operation("transpose", "swapaxes", "swapdims")
def transpose(input: NestedTensor, dim0: int, dim1: int) -> NestedTensor:
    a, b = axis_of(input, dim0), axis_of(input, dim1)
    if isinstance(input, JaggedTensor):
        if not a or not b:
            raise ValueError("Transpose is not supported on the batch dimension for jagged NT")
        order = [*range(input.dim())]
        order[a], order[b] = b, a
        return _reordered(input, order)
    if not a or not b:
        raise RuntimeError("Nested tensor dimension 0 cannot be transposed")

    def swapped(of: tuple[int, ...]) -> list[int]:
        moved = [*of]
        moved[a - 1], moved[b - 1] = moved[b - 1], moved[a - 1]
        return moved

    return _placed(input, swapped, swapped, input._dims)  # type: ignore[arg-type]


def _reordered(input: JaggedTensor, order: Sequence[int]) -> JaggedTensor:
    values = input._values.permute([axis - 1 for axis in order[1:]])
    return JaggedTensor.of(values, input._rows, [*order].index(input._ragged_idx))


@nested_operation()
def permute(input: Any, *dims: Any) -> NestedTensor:
    order = [axis_of(input, dim) for dim in sizes_of(dims)]
    if len(order) != input.dim() or len({*order}) != len(order):
        raise ValueError(f"permute(): {tuple(order)} is no order of the {input.dim()} dimensions of a nested tensor")
    if order[0]:
        raise ValueError("Permute is not supported on the batch dimension for jagged NT")
    return _reordered(jagged_only("permute", input), order)


def _matrix_transposed(self: NestedTensor) -> NestedTensor:
    return transpose(self, -2, -1)


NestedTensor.mT = property(_matrix_transposed)  # type: ignore[attr-defined]
NestedTensor.T = property(lambda self: permute(self, *range(self.dim() - 1, -1, -1)))  # type: ignore[attr-defined]


@nested_operation()
def unsqueeze(input: NestedTensor, dim: int) -> NestedTensor:
    axis = axis_of(input, dim, 1)
    if not axis:
        raise RuntimeError("unsqueeze(): not supported for NestedTensor on dim=0")
    if isinstance(input, JaggedTensor):
        place = input._ragged_idx + (axis <= input._ragged_idx)
        return JaggedTensor.of(input._values.unsqueeze(axis - 1), input._rows, place)
    places = input._places  # type: ignore[attr-defined]
    sizes, strides = [], []
    for size, stride in zip(places.sizes, places.strides):
        step = max(size[axis - 1], 1) * stride[axis - 1] if axis <= len(size) else 1
        sizes.append((*size[: axis - 1], 1, *size[axis - 1 :]))
        strides.append((*stride[: axis - 1], step, *stride[axis - 1 :]))
    made = Places(tuple(sizes), tuple(strides), places.offsets)
    return StridedNestedTensor.of(_alias(input), made, len(sizes[0]) if sizes else 0)


@nested_operation()
def squeeze(input: NestedTensor, dim: Any = None) -> NestedTensor:
    if dim is None:
        raise RuntimeError("squeeze(): for nested tensors, the dimension must be given")
    if isinstance(input, JaggedTensor):
        inner = _inner(input, dim, "squeeze")
        values = input._values.squeeze(inner)
        gone = values.dim() < input._values.dim() and inner < input._ragged_idx - 1
        return JaggedTensor.of(values, input._rows, input._ragged_idx - gone)
    axis = axis_of(input, dim)
    if not axis:
        raise RuntimeError("squeeze(): For nested tensors, squeezing dimension 0 is not supported")
    places = input._places  # type: ignore[attr-defined]
    if not all([size[axis - 1] == 1 for size in places.sizes]):
        return input

    def without(of: tuple[int, ...]) -> tuple[int, ...]:
        return of[: axis - 1] + of[axis:]

    if input.dim() == 2:
        raise RuntimeError("squeeze(): For nested tensors, squeezing a nested tensor of singleton is not supported")
    return _placed(input, without, without, input.dim() - 2)  # type: ignore[arg-type]


# --- of other sizes ---------------------------------------------------------------------------------------------------


@nested_operation("view", "reshape")
def view(input: NestedTensor, *shape: Any) -> NestedTensor:
    wanted = sizes_of(shape)
    if isinstance(input, JaggedTensor):
        return _jagged_view(input, wanted, "view")
    return _strided_view(input, wanted)  # type: ignore[arg-type]


def _jagged_view(input: JaggedTensor, wanted: tuple[Any, ...], name: str) -> JaggedTensor:
    """Only what is behind the ragged dimension may have other sizes, or what is between the samples' and that."""
    places = [place for place, size in enumerate(wanted) if isinstance(size, SymInt)]
    ragged = places[0] if places else input._ragged_idx
    if (
        len(wanted) <= ragged
        or wanted[ragged] not in (-1, input._rows.size)
        or wanted[0] not in (-1, input._rows.count)
    ):
        raise RuntimeError(
            f"{name}(): does not support ragged_idx != 1 except when inp._size == size. inp._size is ({input.shape}) and size is "
            f"({wanted})"
        )
    rows = input._values.shape[input._ragged_idx - 1]
    inner = [rows if place == ragged else size for place, size in enumerate(wanted)][1:]
    inherited = [
        input._values.shape[place] if size == -1 and place != ragged - 1 and place < input._values.dim() else size
        for place, size in enumerate(inner)
    ]
    values = input._values
    sizes = inherited if prod(inherited) == values.numel() else inner  # -1 is what was there, or what is left
    return JaggedTensor.of(values.reshape(sizes), input._rows, ragged)


def _strided_view(input: StridedNestedTensor, wanted: tuple[Any, ...]) -> NestedTensor:
    """Each sample with these sizes: -1 is what it has in this dimension, or what follows for one that is new."""
    if not wanted:
        raise RuntimeError("shape '[]' is invalid for a nested tensor")
    if wanted[0] != len(input._places.sizes):
        raise RuntimeError("view: For now nested view cannot change or infer the implicit batch dimension")
    sizes = []
    for size in input._places.sizes:
        made = [
            size[place] if extent == -1 and place < len(size) else extent for place, extent in enumerate(wanted[1:])
        ]
        known = prod([extent for extent in made if extent != -1])
        made = [prod(size) // max(known, 1) if extent == -1 else extent for extent in made]
        if prod(made) != prod(size):
            raise RuntimeError(f"shape '{list(wanted)}' is invalid for a sample of sizes {list(size)}")
        sizes.append(tuple(made))
    if input._packed():
        return StridedNestedTensor.of(_alias(input), Places(tuple(sizes)), len(wanted) - 1)
    parts = [part.reshape(size) for part, size in zip(input._parts(), sizes)]
    return of_strided.joined(parts, len(wanted) - 1)


@nested_operation("view_as", "reshape_as")
def view_as(input: NestedTensor, other: Tensor) -> NestedTensor:
    if isinstance(input, StridedNestedTensor) and isinstance(other, StridedNestedTensor):
        parts = [part.reshape(like) for part, like in zip(input._parts(), other._places.sizes)]
        return of_strided.joined(parts, other._dims)
    return view(input, *other.shape)


@nested_operation()
def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> NestedTensor:
    inner = _inner(jagged_only("unflatten", input), dim, "unflatten")
    values = input._values.unflatten(inner, sizes)
    ahead = inner < input._ragged_idx - 1
    return JaggedTensor.of(values, input._rows, input._ragged_idx + ahead * (len(sizes) - 1))


@nested_operation()
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> NestedTensor:
    jagged_only("flatten", input)
    start, end = [_inner(input, dim, "flatten") for dim in (start_dim, end_dim)]
    if start == end:
        return input  # type: ignore[no-any-return]
    if start < input._ragged_idx - 1 < end:
        raise RuntimeError("flatten(): not supported for NestedTensor on ragged dim")
    values = input._values.flatten(start, end)
    return JaggedTensor.of(values, input._rows, input._ragged_idx - (end < input._ragged_idx - 1) * (end - start))


@nested_operation("expand", "broadcast_to")
def expand(input: Any, *sizes: Any) -> NestedTensor:
    """To the sizes of a nested tensor: from another one, or (``expand_as``) from a tensor that has none of its samples."""
    jagged_only("expand", input)
    wanted = sizes_of(sizes)
    matches = len(wanted) == input.dim() and all(
        [size in (-1, own) for size, own in zip(wanted, input.shape[: input._ragged_idx + 1])]
    )
    if not matches:
        raise RuntimeError(f"expand(): cannot expand shape {input.shape} -> {wanted}")
    inner = [-1 if isinstance(size, SymInt) else size for size in wanted[1:]]
    return input._with(input._values.expand(inner))  # type: ignore[no-any-return]


@nested_operation()
def expand_as(input: Tensor, other: Any) -> NestedTensor:
    jagged_only("expand_as", other)
    if isinstance(input, NestedTensor):
        return expand(input, *other.shape)
    beside = other._beside("expand_as", input)
    return other._with(beside.expand(other._values.shape))  # type: ignore[no-any-return]


# --- samples and parts ------------------------------------------------------------------------------------------------


@nested_operation()
def unbind(input: NestedTensor, dim: int = 0) -> tuple[Tensor, ...]:
    if axis_of(input, dim):
        raise RuntimeError("unbind(): only supported for NestedTensor on dim=0")
    return tuple(input._parts())


@nested_operation()
def select(input: NestedTensor, dim: int, index: int) -> Tensor:
    axis = axis_of(input, dim)
    if not axis:
        parts = input._parts()
        if not -len(parts) <= index < len(parts):
            raise IndexError(f"index {index} is out of bounds for dimension 0 with size {len(parts)}")
        return parts[index]
    if isinstance(input, JaggedTensor):
        inner = _inner(input, dim, "select")
        return JaggedTensor.of(
            input._values.select(inner, index), input._rows, input._ragged_idx - (axis < input._ragged_idx)
        )
    places: Places = input._places  # type: ignore[attr-defined]
    sizes, strides, offsets = [], [], []
    for size, stride, offset in zip(places.sizes, places.strides, places.offsets):
        extent = size[axis - 1]
        if not -extent <= index < extent:
            raise IndexError(f"index {index} is out of bounds for dimension {axis} of a sample with size {extent}")
        sizes.append(size[: axis - 1] + size[axis:])
        strides.append(stride[: axis - 1] + stride[axis:])
        offsets.append(offset + index % extent * stride[axis - 1])
    made = Places(tuple(sizes), tuple(strides), offsets)
    return StridedNestedTensor.of(_alias(input), made, input.dim() - 2)


@nested_operation()
def narrow(input: NestedTensor, dim: int, start: Any, length: int) -> NestedTensor:
    if isinstance(input, JaggedTensor):
        return input._with(input._values.narrow(_inner(input, dim, "narrow"), start, length))
    if axis_of(input, dim):
        raise RuntimeError(f"narrow(): only dim=0 supported for nested tensors, but got: {dim}")
    samples = input.size(0)
    begin = operator.index(start)
    if begin < 0 or length < 0 or begin + length > samples:
        raise RuntimeError(f"start ({begin}) + length ({length}) exceeds dimension size ({samples}).")
    places: Places = input._places  # type: ignore[attr-defined]
    part = slice(begin, begin + length)
    made = Places(places.sizes[part], places.strides[part], places.offsets[part])
    if input._packed():
        first, values = sum(map(prod, places.sizes[:begin])), input._values
        return StridedNestedTensor.of(values.narrow(0, first, made.numel), Places(made.sizes), input.dim() - 1)
    return StridedNestedTensor.of(_alias(input), made, input.dim() - 1)


def _pieces(input: NestedTensor, name: str, amount: Any, dim: int) -> tuple[NestedTensor, ...]:
    if isinstance(input, JaggedTensor):
        values = getattr(input._values, name)(amount, _inner(input, dim, name))
        return tuple([input._with(piece) for piece in values])
    last = input.dim() - 1
    if axis_of(input, dim) != last:
        raise RuntimeError(
            f"{name.capitalize()} for nested tensors is currently only supported for the last dimension."
        )
    extent = input.size(-1)
    if name == "chunk" and extent % amount:
        raise RuntimeError(
            "Chunk for nested tensors is only supported for nested tensors with trailing dimension divisible by chunks."
        )
    sizes = [extent // amount] * amount if name == "chunk" else [*amount]
    if sum(sizes) != extent:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {extent} (input tensor's size at dimension -1)"
        )
    places: Places = input._places  # type: ignore[attr-defined]
    made, begin = [], 0
    for size in sizes:
        own = tuple([(*of[:-1], size) for of in places.sizes])
        offsets = [offset + begin * stride[-1] for offset, stride in zip(places.offsets, places.strides)]
        made.append(StridedNestedTensor.of(_alias(input), Places(own, places.strides, offsets), last))
        begin += size
    return tuple(made)


@nested_operation()
def chunk(input: NestedTensor, chunks: int, dim: int = 0) -> tuple[NestedTensor, ...]:
    if isinstance(input, JaggedTensor) and not axis_of(input, dim):
        parts, each = input._parts(), -(-input._rows.count // chunks)
        groups = [parts[begin : begin + each] for begin in range(0, len(parts), each)]
        return tuple([of_jagged.joined(group, input._ragged_idx) for group in groups])
    return _pieces(input, "chunk", chunks, dim)


@nested_operation("split", "split_with_sizes")
def split(input: NestedTensor, split_size: Any, dim: int = 0) -> tuple[NestedTensor, ...]:
    if isinstance(split_size, int) and not isinstance(input, JaggedTensor):
        refuse("split")
    return _pieces(input, "split" if isinstance(split_size, int) else "split_with_sizes", split_size, dim)


@nested_operation("cat", "concat", "concatenate")
def cat(tensors: Sequence[Any], dim: int = 0) -> NestedTensor:
    first = next(t for t in tensors if isinstance(t, NestedTensor))
    axis = axis_of(first, dim)
    if isinstance(first, JaggedTensor):
        inner = _inner(first, dim, "cat")
        nested = [t if isinstance(t, NestedTensor) else expand_as(t, first) for t in tensors]
        return first._with(cat_of([t._values for t in nested], inner))
    if not all([isinstance(t, StridedNestedTensor) for t in tensors]):
        raise RuntimeError("expected each tensor in a list of nested tensors to be nested")
    if not axis:
        return of_strided.joined([part for t in tensors for part in t._parts()], first.dim() - 1)
    if len({t.size(0) for t in tensors}) != 1:
        raise RuntimeError("cat: expected nested tensors of as many samples")
    return first._of_parts([cat_of(parts, axis - 1) for parts in zip(*[t._parts() for t in tensors])])


@nested_operation()
def stack(tensors: Sequence[Any], dim: int = 0) -> NestedTensor:
    first = jagged_only("stack", next(t for t in tensors if isinstance(t, NestedTensor)))
    axis = axis_of(first, dim, 1)
    inner = _inner(first, dim, "stack", 1)
    if not all([isinstance(t, NestedTensor) and first._matches(t) for t in tensors]):
        raise RuntimeError("stack(): expected all nested tensors to have the same shape.")
    place = first._ragged_idx + (axis <= first._ragged_idx)
    return JaggedTensor.of(stack_of([t._values for t in tensors], inner), first._rows, place)


# --- indexing ---------------------------------------------------------------------------------------------------------


def _read(self: NestedTensor, index: Any) -> Any:
    """Numbers, ``None``, ``...`` and slices, a dimension after the other; in a jagged one, index tensors (sample, row, …) too."""
    parts = [*index] if isinstance(index, tuple) else [index]
    if any([isinstance(part, Tensor) for part in parts]):
        return _gathered(self, parts)
    count = sum([part is not None and part is not ... for part in parts])
    if ... in parts:
        place = parts.index(...)
        parts[place : place + 1] = [slice(None)] * (self.dim() - count)
    result: Any = self
    axis = 0
    for place, part in enumerate(parts):
        if part is None:
            result, axis = result.unsqueeze(axis), axis + 1
        elif isinstance(part, slice):
            if part != slice(None) or not isinstance(result, NestedTensor):
                result = _sliced(result, axis, part)
            axis += 1
        else:
            result = result.select(axis, operator.index(part))
            if not axis:
                return result[tuple(parts[place + 1 :])] if parts[place + 1 :] else result
    return _alias_of(result) if result is self else result


def _alias_of(x: NestedTensor) -> NestedTensor:
    return x._with(_alias(x))


def _sliced(x: Any, axis: int, part: slice) -> Any:
    if not axis:
        raise RuntimeError("slice(): not supported for NestedTensor on dim=0")
    inner = _inner(jagged_only("slice", x), axis, "slice")
    return x._with(x._values[(slice(None),) * inner + (part,)])


def _gathered(self: Any, parts: list[Any]) -> Tensor:
    """Rows of samples that index tensors name."""
    jagged_only("index", self)
    if len(parts) < 2 or self._ragged_idx != 1 or not all([isinstance(part, (Tensor, int)) for part in parts[:2]]):
        refuse("index")
    return self._values[(_row_of(self, *parts[:2]), *parts[2:])]  # type: ignore[no-any-return]


def _row_of(x: JaggedTensor, sample: Any, row: Any) -> Any:
    return x._rows.offsets[:-1][sample] + row


def _write(self: NestedTensor, index: Any, value: Any) -> None:
    parts = [*index] if isinstance(index, tuple) else [index]
    if isinstance(self, JaggedTensor) and len(parts) > 1 and any([isinstance(part, Tensor) for part in parts]):
        self._values[(_row_of(self, *parts[:2]), *parts[2:])] = value
        return
    place = _read(self, index)
    if isinstance(place, NestedTensor):
        elementwise("fill_", Tensor.fill_, (place, value), {}) if not isinstance(value, NestedTensor) else place.copy_(
            value
        )
    else:
        place.copy_(value) if isinstance(value, Tensor) else place.fill_(value)


NestedTensor.__getitem__ = _read  # type: ignore[method-assign, assignment]
NestedTensor.__setitem__ = _write  # type: ignore[method-assign, assignment]


@nested_operation()
def is_same_size(input: NestedTensor, other: Any) -> bool:
    if not isinstance(other, NestedTensor) or type(other) is not type(input):
        raise RuntimeError("is_same_size: expected two nested tensors of one layout")
    if isinstance(input, JaggedTensor):
        return input.shape == other.shape
    return input._places.sizes == other._places.sizes  # type: ignore[attr-defined, no-any-return]
