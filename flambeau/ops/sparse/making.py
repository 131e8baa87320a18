"""New tensors of coordinates: from their parts, from dense tensors, and like others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph import dtypes
from ...graph.shapes import Size
from ..by_name import real
from ..from_data import from_array
from ..one_node import one_node
from ..storages import dtype_of
from .calls import compressed_operation, sparse_operation
from .parts import array_of, coalesced, dense, in_strict_order, keys_of, taken
from .tensor import TABLE, CooTensor, SparseTensor, passed


class Invariants:
    """Whether all that must be true of a sparse tensor's parts is checked where it is made, if the caller does not say."""

    checked = False


def as_part(data: Any, dtype: Any = None) -> Tensor:
    """What a sparse tensor is made from, as a dense tensor."""
    if isinstance(data, SparseTensor):
        raise RuntimeError("expected a dense tensor as a part of a sparse one")
    if not isinstance(data, Tensor):
        if isinstance(data, str):
            raise TypeError("new(): invalid data type 'str'")
        data = real.tensor(data)
    return data if dtype is None or data.dtype is dtype else data.to(dtype)


def as_size(size: Any) -> Size:
    """Sizes that are given; ``RuntimeError`` if one is negative."""
    given = Size([int(extent) for extent in size])
    for extent in given:
        if extent < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {extent}: {list(given)}")
    return given


def empty(size: Any, dtype: Any = None, sparse_dim: int | None = None, requires_grad: bool = False) -> CooTensor:
    """No entries, of a size of which all dimensions are sparse, or the first ``sparse_dim``."""
    sizes = as_size(size)
    count = len(sizes) if sparse_dim is None else sparse_dim
    entries = real.zeros(0, *sizes[count:], dtype=dtype)
    made = CooTensor.of(real.zeros(count, 0, dtype=dtypes.int64), entries, sizes, True)
    return made.requires_grad_(requires_grad)  # type: ignore[no-any-return]


def coo(
    indices: Any, values: Any, size: Any = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    check_invariants: bool | None = None, is_coalesced: bool | None = None,
) -> CooTensor:  # fmt: skip
    """The tensor with ``values`` (entries, dense dimensions…) at ``indices`` (sparse dimensions, entries).

    Without ``size``, the smallest that holds all. ``RuntimeError`` if the parts do not fit each other, or an index is out of
    range.
    """
    entries = as_part(values, dtype)
    places = as_part(indices)
    if isinstance(indices, (list, tuple)) and not places.numel() and places.dtype is not dtypes.int64:
        places = places.to(dtypes.int64)
    if places.ndim != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(places.shape)}")
    places = places.to(dtypes.int64)
    sparse_dim, count = places.shape
    if not entries.ndim:
        entries = entries.reshape(1)
    if entries.shape[0] != count:
        raise RuntimeError(
            f"indices and values must have same nnz, but got nnz from indices: {count}, nnz from values: {entries.shape[0]}"
        )
    found = array_of(places)
    least = found.min(1, initial=0) if sparse_dim else np.zeros(0, np.int64)
    if (least < 0).any():
        dim = int(np.argmax(least < 0))
        raise RuntimeError(f"found negative index {least[dim]} for dim {dim}")
    most = found.max(1, initial=-1) if sparse_dim else np.zeros(0, np.int64)
    if size is None:
        size = (*[int(largest) + 1 for largest in most], *entries.shape[1:])
    sizes = as_size(size)
    if len(sizes) != sparse_dim + entries.ndim - 1:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(sizes)}, sparse_dim = {sparse_dim}, "
            f"dense_dim = {entries.ndim - 1}"
        )
    if sizes[sparse_dim:] != entries.shape[1:]:
        raise RuntimeError(
            f"values has incorrect size, expected {[count, *sizes[sparse_dim:]]}, got {list(entries.shape)}"
        )
    for dim, largest in enumerate(most):
        if largest >= sizes[dim]:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {dim}, size is {sizes[dim]} but found index {int(largest)}"
            )
    if is_coalesced and (Invariants.checked if check_invariants is None else check_invariants):
        if not in_strict_order(keys_of(found, sizes[:sparse_dim])):
            raise RuntimeError("cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor")
    sure = count < 2 if is_coalesced is None else bool(is_coalesced)
    entries = entries.detach() if requires_grad else passed(entries, "SparseCooTensorWithDimsAndTensorsBackward0")
    made = CooTensor.of(places.detach(), entries, sizes, sure)
    return made.requires_grad_() if requires_grad else made  # type: ignore[no-any-return]


def _validate(self: CooTensor) -> None:
    coo(self._places, self._entries, self._size, check_invariants=True, is_coalesced=self._coalesced)


CooTensor.validate = _validate  # type: ignore[assignment, method-assign]


@one_node("ToSparseBackward1")
def _chosen(x: Tensor, places: Tensor, sparse_dim: int) -> Tensor:
    return taken(x, places, sparse_dim)


def from_dense(x: Tensor, sparse_dim: int | None = None) -> CooTensor:
    """The elements of a dense tensor that are not zero (slices of it, if not all dimensions are sparse)."""
    count = x.ndim if sparse_dim is None else sparse_dim
    if not 0 <= count <= x.ndim or not count and x.ndim:
        raise RuntimeError(
            f"sparse_dim should be in range 1 to {x.ndim} inclusive for a tensor of {x.ndim} dimensions, but got {count}"
        )
    array = x.detach()
    there = array != 0
    if count < x.ndim:
        there = there.flatten(count).any(-1)
    found = np.stack(np.nonzero(np.atleast_1d(there.numpy())))
    places = from_array(found[:count].astype(np.int64))
    return CooTensor.of(places, _chosen(x, places, count), x.shape, True)


@one_node("SparseMaskBackward0")
def _masked(x: Tensor, places: Tensor, sparse_dim: int) -> Tensor:
    return taken(x, places, sparse_dim)


@sparse_operation("sparse_mask")
def sparse_mask(self: Tensor, mask: Any) -> Any:
    """The elements of ``self`` where ``mask`` has entries; other elements of a sparse tensor are left out, missing ones zero."""
    if not isinstance(mask, CooTensor):
        raise RuntimeError(f"sparse_mask: expected mask to have sparse_coo layout, but got {mask.layout} layout")
    if self.shape != mask.shape:
        raise RuntimeError(
            f"sparse_mask(): operands have incompatible sizes; self has size {list(self.shape)} but mask has size "
            f"{list(mask.shape)}"
        )
    if isinstance(self, CooTensor):
        return mask.with_entries(looked_up(coalesced(self), mask))
    once = coalesced(mask)
    if once._nnz() == mask._nnz():
        return mask.with_entries(_masked(self, mask._places, mask._dimI()))
    # As PyTorch, which adds up what is at the same place: all but one of these are zero.
    keys = keys_of(array_of(mask._places), mask._size[: mask._dimI()])
    _, last = np.unique(keys[::-1], return_index=True)
    first_of = np.zeros(keys.size, bool)
    first_of[keys.size - 1 - last] = True
    entries = _masked(self, mask._places, mask._dimI())
    kept = from_array(first_of).reshape(-1, *[1] * (entries.ndim - 1))
    return mask.with_entries(real.where(kept, entries, real.zeros((), dtype=entries.dtype)))


def looked_up(x: CooTensor, at: CooTensor) -> Tensor:
    """The entries of a coalesced tensor at the coordinates of another one of its size, zeros where it has none."""
    sizes = x._size[: x._dimI()]
    wanted, known = keys_of(array_of(at._places), sizes), keys_of(array_of(x._places), sizes)
    if not known.size:
        return x._entries.sum(0).expand(wanted.size, *x._entries.shape[1:])  # type: ignore[no-any-return]
    place = np.searchsorted(known, wanted).clip(max=known.size - 1)
    there = from_array(known[place] == wanted).reshape(-1, *[1] * x._dimV())
    entries = x._entries.index_select(0, from_array(place.astype(np.int64)))
    return real.where(there, entries, real.zeros((), dtype=x.dtype))  # type: ignore[no-any-return]


@sparse_operation("to_dense", "_to_dense")
def to_dense(self: CooTensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    result = dense(self)
    return result if dtype is None else result.to(dtype)


# --- like others ------------------------------------------------------------------------------------------------------


def _sizes(size: Any) -> Any:
    return size[0] if len(size) == 1 and not isinstance(size[0], int) else size


@sparse_operation("zeros_like", "empty_like")
def zeros_like(input: CooTensor, *, dtype: Any = None, layout: Any = None, requires_grad: bool = False, **others: Any) -> Any:
    if layout is not None and layout is not input.layout:
        return real.zeros(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)
    return empty(input.shape, dtype or input.dtype, input._dimI(), requires_grad)


@sparse_operation("new_zeros", "new_empty")
def new_zeros(self: CooTensor, *size: Any, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Any:
    return empty(_sizes(size if size else (others["size"],)), dtype or self.dtype, None, requires_grad)


@sparse_operation()
def new_tensor(self: SparseTensor, data: Any, *, dtype: Any = None, requires_grad: bool = False, **others: Any) -> Tensor:
    return real.tensor(data, dtype=dtype or self.dtype, requires_grad=requires_grad)  # type: ignore[no-any-return]


@sparse_operation("new")
def new(self: CooTensor, *arguments: Any, **others: Any) -> Any:
    return of_dtype(self.dtype, *arguments)


def of_dtype(dtype: Any, *arguments: Any) -> Any:
    """PyTorch's old constructor: nothing, sizes, or indices and values (with a size)."""
    if not arguments:
        return empty((0,), dtype)
    if len(arguments) > 1 and not isinstance(arguments[0], int):
        return coo(*arguments).detach()
    return empty(_sizes(arguments), dtype)


@sparse_operation()
def clone(input: CooTensor, *, memory_format: Any = None) -> CooTensor:
    return CooTensor.of(input._places.clone(), input._entries.clone(), input._size, input._coalesced)


@sparse_operation("contiguous")
def contiguous(self: CooTensor, memory_format: Any = None) -> Tensor:
    raise RuntimeError("unsupported memory format option Contiguous")


# --- asked and changed ------------------------------------------------------------------------------------------------


@sparse_operation("coalesce")
def coalesce(input: CooTensor) -> CooTensor:
    return coalesced(input)


@sparse_operation()
def is_coalesced(self: CooTensor) -> bool:
    return self._coalesced


@sparse_operation()
def indices(self: CooTensor) -> Tensor:
    if not self._coalesced:
        raise RuntimeError("Cannot get indices on an uncoalesced tensor, please call .coalesce() first")
    return self._places


@sparse_operation()
def values(self: CooTensor) -> Tensor:
    if not self._coalesced:
        raise RuntimeError("Cannot get values on an uncoalesced tensor, please call .coalesce() first")
    return passed(self._entries, "ValuesBackward0")


@sparse_operation()
@compressed_operation()
def is_nonzero(input: SparseTensor) -> bool:
    return bool(input)


@sparse_operation()
def sparse_dim(self: CooTensor) -> int:
    return self._dimI()


@sparse_operation()
def dense_dim(self: CooTensor) -> int:
    return self._dimV()


@sparse_operation()
def sparse_resize_(self: CooTensor, size: Any, sparse_dim: int, dense_dim: int) -> CooTensor:
    sizes = as_size(size)
    if sparse_dim + dense_dim != len(sizes):
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(sizes)}, sparse_dim = {sparse_dim}, "
            f"dense_dim = {dense_dim}"
        )
    if not self._nnz():
        return self.take_over(empty(sizes, self.dtype, sparse_dim))
    if sparse_dim != self._dimI() or dense_dim != self._dimV():
        raise RuntimeError("changing the number of sparse or dense dimensions on a non-empty sparse tensor is not supported")
    if any(new < old for new, old in zip(sizes, self._size)) or sizes[sparse_dim:] != self._size[sparse_dim:]:
        raise RuntimeError("shrinking the size of a non-empty sparse tensor, or changing dense dimensions, is not supported")
    self._size = sizes
    return self


@sparse_operation()
def sparse_resize_and_clear_(self: CooTensor, size: Any, sparse_dim: int, dense_dim: int) -> CooTensor:
    return self.take_over(empty(size, self.dtype, sparse_dim))


@sparse_operation("resize_as_sparse_", "resize_as_")
def resize_as_sparse_(self: CooTensor, template: CooTensor) -> CooTensor:
    if self.shape == template.shape and self._dimI() == template._dimI():
        return self
    return sparse_resize_(self, template.shape, template._dimI(), template._dimV())


@sparse_operation()
def zero_(input: CooTensor) -> CooTensor:
    return input.take_over(empty(input.shape, input.dtype, input._dimI()))


@sparse_operation()
def copy_(self: Any, src: Any, non_blocking: bool = False) -> Any:
    if not isinstance(self, CooTensor) or not isinstance(src, CooTensor):
        kinds = [x._kind() if isinstance(x, SparseTensor) else x.type() for x in (self, src)]
        raise RuntimeError(
            f"copy_() between dense and sparse Tensors is not implemented! Found self type = {kinds[0]} and src type = {kinds[1]}"
        )
    if self is src:
        return self
    entries = src._entries.to(self.dtype).clone()
    return self.take_over(CooTensor.of(src._places.clone(), entries, src._size, src._coalesced))


@sparse_operation("type")
def type_method(self: SparseTensor, dtype: Any = None, non_blocking: bool = False, **others: Any) -> Any:
    return self._kind() if dtype is None else self.with_entries(self._entries.to(dtype_of(dtype)))


@sparse_operation()
def to(self: Any, *arguments: Any, **keywords: Any) -> Any:
    if not isinstance(self, SparseTensor):  # the dtype of a sparse tensor is wanted
        return self.to(*map(_plain, arguments), **{name: _plain(value) for name, value in keywords.items()})
    entries = self._entries.to(*map(_plain, arguments), **{name: _plain(value) for name, value in keywords.items()})
    return self if entries is self._entries else self.with_entries(entries)


def _plain(value: Any) -> Any:
    return value._entries if isinstance(value, SparseTensor) else value


def _converting(name: str) -> None:
    def convert(self: SparseTensor, *arguments: Any, **keywords: Any) -> Any:
        entries = getattr(self._entries, name)(*arguments, **keywords)
        return self if entries is self._entries else self.with_entries(entries)

    sparse_operation(name)(convert)
    compressed_operation(name)(convert)


for _name in ("float", "double", "half", "bfloat16", "long", "int", "short", "char", "byte", "bool", "cpu", "cuda"):
    _converting(_name)
for _name in ("type", "to"):
    compressed_operation(_name)(TABLE[_name])


@sparse_operation()
def type_as(self: Any, other: Any) -> Any:
    return self.to(other.dtype)


compressed_operation("type_as")(type_as)
