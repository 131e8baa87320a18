"""Tensors of coordinates in other orders, parts of them, and several joined to one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import promote_types
from ...graph.shapes import wrap_dim
from ..by_name import real
from ..from_data import from_array
from ..joining import cat as joined
from .calls import compressed_operation, not_run, sparse_operation
from .parts import array_of
from .tensor import CooTensor, SparseTensor, passed


def _places(array: np.ndarray) -> Tensor:
    return from_array(np.ascontiguousarray(array, dtype=np.int64))


@sparse_operation()
def permute(input: CooTensor, *dims: Any) -> CooTensor:
    given = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    axes = [wrap_dim(dim, input.ndim) for dim in given]
    if len(axes) != input.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering "
            f"of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(axes)}"
        )
    if len(set(axes)) != len(axes):
        raise RuntimeError("permute(sparse_coo): duplicate dims are not allowed")
    sparse = input._dimI()
    if any(axis >= sparse for axis in axes[:sparse]):
        raise RuntimeError(
            f"permute(sparse_coo): transpositions between sparse and dense dimensions are not allowed. Got {axes} of "
            f"{sparse} sparse dimensions"
        )
    places = input._places.index_select(0, from_array(np.array(axes[:sparse], np.int64)))
    entries = input._entries.permute(0, *[axis - sparse + 1 for axis in axes[sparse:]])
    same = axes[:sparse] == [*range(sparse)]
    return CooTensor.of(places, entries, [input._size[axis] for axis in axes], input._coalesced and same)


@sparse_operation("transpose", "swapaxes", "swapdims")
def transpose(input: CooTensor, dim0: int, dim1: int) -> CooTensor:
    first, second = wrap_dim(dim0, input.ndim), wrap_dim(dim1, input.ndim)
    sparse = input._dimI()
    if first >= sparse or second >= sparse:
        raise RuntimeError(
            f"sparse transpose: transposed dimensions must be sparse Got sparse_dim: {sparse}, d0: {first}, d1: {second}"
        )
    axes = [*range(input.ndim)]
    axes[first], axes[second] = second, first
    return permute(input.with_entries(input._entries.clone()), axes)  # a tensor of its own, as in PyTorch


@sparse_operation("transpose_", "swapaxes_")
def transpose_(input: CooTensor, dim0: int, dim1: int) -> CooTensor:
    return input.take_over(transpose(input, dim0, dim1))


@sparse_operation("t", "adjoint")
def t(input: CooTensor) -> CooTensor:
    if input._dimI() > 2 or input._dimV():
        raise RuntimeError(
            f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got {input._dimI()} sparse and "
            f"{input._dimV()} dense dimensions"
        )
    return input if input.ndim < 2 else transpose(input, 0, 1)


@sparse_operation("t_")
def t_(input: CooTensor) -> CooTensor:
    return input.take_over(t(input))


for _name in ("T", "mT", "H", "mH"):
    setattr(SparseTensor, _name, property(lambda self: self.transpose(-2, -1) if self.ndim > 1 else self))


@sparse_operation()
def unsqueeze(input: CooTensor, dim: int) -> CooTensor:
    axis = wrap_dim(dim, input.ndim + 1)
    size = [*input._size[:axis], 1, *input._size[axis:]]
    sparse = input._dimI()
    if axis > sparse:
        return CooTensor.of(input._places, input._entries.unsqueeze(axis - sparse + 1), size, input._coalesced)
    row = input._places.new_zeros(1, input._nnz())
    places = joined([input._places[:axis], row, input._places[axis:]])
    return CooTensor.of(places, passed(input._entries, "UnsqueezeBackward0"), size)


@sparse_operation()
def select(input: CooTensor, dim: int, index: int) -> Tensor:
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis = wrap_dim(dim, input.ndim)
    extent = input._size[axis]
    index = int(index)
    if not -extent <= index < extent:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {axis}")
    index %= extent
    sparse = input._dimI()
    size = [*input._size[:axis], *input._size[axis + 1 :]]
    if axis >= sparse:
        return CooTensor.of(input._places, input._entries.select(axis - sparse + 1, index), size, input._coalesced)
    found = array_of(input._places)
    chosen = np.flatnonzero(found[axis] == index)
    entries = input._entries.index_select(0, from_array(chosen))
    if sparse == 1:
        return entries.sum(0)  # type: ignore[no-any-return]
    places = np.delete(found[:, chosen], axis, 0)
    return CooTensor.of(_places(places), entries, size, input._coalesced)


@sparse_operation()
def unbind(input: CooTensor, dim: int = 0) -> tuple[Tensor, ...]:
    return tuple([select(input, dim, place) for place in range(input._size[wrap_dim(dim, input.ndim)])])


@sparse_operation("index_select")
def index_select(input: Any, dim: int, index: Any) -> Any:
    if not isinstance(input, CooTensor) or isinstance(index, SparseTensor):
        raise TypeError("index_select(): the index of a sparse tensor must be a dense tensor")
    axis = wrap_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError("index_select() argument index must be 1-D long-tensor.")
    wanted = array_of(index.reshape(-1))
    extent = input._size[axis]
    outside = (wanted < -extent) | (wanted >= extent)
    if outside.any():
        raise IndexError(
            f"index_select(): index contains {int(wanted[outside][0])} that is out of range for tensor of size "
            f"{list(input.shape)} at dimension {axis}"
        )
    wanted = wanted % extent if extent else wanted
    sparse = input._dimI()
    size = [*input._size[:axis], wanted.size, *input._size[axis + 1 :]]
    if axis >= sparse:
        return CooTensor.of(input._places, input._entries.index_select(axis - sparse + 1, index.reshape(-1)), size)
    found = array_of(input._places)
    # Of each slice that is wanted all entries, slice by slice.
    order = np.argsort(found[axis], kind="stable")
    first, last = np.searchsorted(found[axis][order], [wanted, wanted + 1])
    counts = last - first
    number = np.repeat(np.arange(wanted.size), counts)
    taken = order[np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(number.size)]
    places = found[:, taken]
    places[axis] = number
    return CooTensor.of(_places(places), input._entries.index_select(0, from_array(taken.astype(np.int64))), size)


@sparse_operation("narrow_copy")
def narrow_copy(input: CooTensor, dim: int, start: int, length: int) -> CooTensor:
    axis = wrap_dim(dim, input.ndim)
    start = start + input._size[axis] if start < 0 else start
    if length < 0 or not 0 <= start <= input._size[axis] - length:
        raise RuntimeError(
            f"start ({start}) + length ({length}) exceeds dimension size ({input._size[axis]})."
        )
    sparse = input._dimI()
    size = [*input._size[:axis], length, *input._size[axis + 1 :]]
    if axis >= sparse:
        return CooTensor.of(input._places, input._entries.narrow(axis - sparse + 1, start, length), size, input._coalesced)
    found = array_of(input._places)
    chosen = np.flatnonzero((found[axis] >= start) & (found[axis] < start + length))
    places = found[:, chosen]
    places[axis] -= start
    return CooTensor.of(_places(places), input._entries.index_select(0, from_array(chosen)), size, input._coalesced)


def _indexed(self: Any, index: Any) -> Any:
    """Integers, new axes, ``...`` and full slices: what PyTorch has for sparse tensors."""
    given = list(index) if isinstance(index, tuple) else [index]
    count = sum(1 for part in given if isinstance(part, (int, np.integer, slice)) and not isinstance(part, bool))
    if Ellipsis in [part for part in given if part is Ellipsis]:
        place = next(number for number, part in enumerate(given) if part is Ellipsis)
        given[place : place + 1] = [slice(None)] * (self.ndim - count)
    if count > self.ndim:
        raise IndexError(f"too many indices for tensor of dimension {self.ndim}")
    result, axis = self, 0
    for part in given:
        if part is None:
            result, axis = result.unsqueeze(axis), axis + 1
        elif isinstance(part, (int, np.integer)) and not isinstance(part, bool):
            if not -result.shape[axis] <= part < result.shape[axis]:
                raise IndexError(f"index {part} is out of bounds for dimension {axis} with size {result.shape[axis]}")
            result = result.select(axis, int(part))
        elif isinstance(part, slice):
            if part != slice(None):
                raise not_run("as_strided", self)
            axis += 1
        else:
            raise not_run("index.Tensor", self)
    return result


SparseTensor.__getitem__ = _indexed  # type: ignore[method-assign]


# --- joined -----------------------------------------------------------------------------------------------------------


@sparse_operation("cat", "concat", "concatenate")
def cat(tensors: Any, dim: int = 0) -> CooTensor:
    for number, tensor in enumerate(tensors):
        if not isinstance(tensor, CooTensor):
            raise RuntimeError(f"Concatenating sparse tensors, but a dense tensor was found at position {number}.")
    first = tensors[0]
    axis = wrap_dim(dim, first.ndim)
    sparse = first._dimI()
    offset = 0
    d = first.dtype
    for number, tensor in enumerate(tensors):
        same = tensor.ndim == first.ndim and tensor._dimI() == sparse
        if not same or any(m != n for k, (m, n) in enumerate(zip(tensor._size, first._size)) if k != axis):
            raise RuntimeError(
                f"All tensors must have the same shape: {list(first.shape)} (except in the concatenating dimension), but found "
                f"shape: {list(tensor.shape)}, with {tensor._dimI()} sparse dimensions, at position {number}"
            )
        d = promote_types(d, tensor.dtype)
    places, entries = [], []
    total = sum(tensor._size[axis] for tensor in tensors)
    size = [*first._size[:axis], total, *first._size[axis + 1 :]]
    for tensor in tensors:
        part = tensor._entries.to(d)
        if axis < sparse:
            shift = np.zeros((sparse, 1), np.int64)
            shift[axis] = offset
            places.append(tensor._places + from_array(shift))
            entries.append(part)
        else:
            at = axis - sparse + 1
            shape = list(part.shape)
            before, after = [*shape], [*shape]
            before[at], after[at] = offset, total - offset - shape[at]
            places.append(tensor._places)
            entries.append(joined([real.zeros(*before, dtype=d), part, real.zeros(*after, dtype=d)], at))
        offset += tensor._size[axis]
    return CooTensor.of(joined(places, 1), joined(entries), size)


@sparse_operation()
def stack(tensors: Any, dim: int = 0) -> CooTensor:
    axis = wrap_dim(dim, tensors[0].ndim + 1)
    for tensor in tensors:
        if tensor.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} and {list(tensor.shape)}"
            )
    return cat([tensor.unsqueeze(axis) for tensor in tensors], axis)


def _refused(name: str, words: str) -> None:
    def refuse(self: SparseTensor, *arguments: Any, **keywords: Any) -> Any:
        raise RuntimeError(words)

    sparse_operation(name)(refuse)
    compressed_operation(name)(refuse)


_refused("reshape", "reshape is not implemented for sparse tensors")
_refused("flatten", "reshape is not implemented for sparse tensors")
_refused("expand", "expand is unsupported for Sparse tensors")
_refused("expand_as", "expand is unsupported for Sparse tensors")

