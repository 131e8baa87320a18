"""Sums, norms and softmax of tensors of coordinates, for which the elements without an entry are zero, or not there."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import int64
from ...graph.shapes import wrap_dims
from ..by_name import real
from ..conversion import rounded_once
from ..from_data import from_array
from ..one_node import one_node
from .calls import compressed_operation, sparse_operation
from .parts import array_of, coalesced, keys_of, sparse_sizes
from .tensor import CooTensor, SparseTensor


def axes_of(x: Tensor, dim: Any) -> tuple[int, ...]:
    """Dimensions, counted from the first; all if ``dim`` is None. ``IndexError`` if there is none of them."""
    if dim is None or isinstance(dim, (tuple, list)) and not len(dim):
        return tuple(range(x.ndim))
    return wrap_dims(dim, x.ndim)


@one_node("SparseSumBackward0")
def _summed(entries: Tensor, axes: Any) -> Tensor:
    return entries.sum(axes)  # type: ignore[no-any-return]


def sparse_sum(input: CooTensor, dim: Any = None, dtype: Any = None) -> Tensor:
    """The sum over ``dim``: sparse as long as a sparse dimension is left, else dense."""
    entries = input._entries if dtype is None else input._entries.to(dtype)
    if dim is None:
        return entries.sum()  # type: ignore[no-any-return]
    axes = axes_of(input, dim)
    sparse = input._dimI()
    if min(axes) >= sparse:
        input = coalesced(input)
        entries = input._entries if dtype is None else input._entries.to(dtype)
    kept = [axis for axis in range(sparse) if axis not in axes]
    of_entries = [axis - sparse + 1 for axis in axes if axis >= sparse]
    if not kept:
        return _summed(entries, [0, *of_entries])  # type: ignore[no-any-return]
    if of_entries:
        entries = _summed(entries, of_entries)
    size = [extent for axis, extent in enumerate(input._size) if axis not in axes]
    if len(kept) == sparse:
        return CooTensor.of(input._places, entries, size, input._coalesced)
    return coalesced(CooTensor.of(input._places.index_select(0, from_array(np.array(kept))), entries, size))


@sparse_operation("sum")
def sum_(input: CooTensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    if dtype is None and input.dtype.category < 2:
        dtype = int64
    axes = axes_of(input, dim)
    if len(axes) == input.ndim and not keepdim:
        return sparse_sum(input, None, dtype)
    result = sparse_sum(input, axes, dtype)
    if not isinstance(result, CooTensor):
        shape = [1 if axis in axes else extent for axis, extent in enumerate(input._size)]
        result = result.reshape(shape) if keepdim else result
        sparse = len(shape) - 1 if keepdim else max(result.ndim, 0)
        return result.to_sparse(sparse or 1) if result.ndim else result
    if keepdim:
        for axis in sorted(axes):
            result = result.unsqueeze(axis)
    return result


def entries_added_up(x: SparseTensor) -> Tensor:
    """The values of all elements that are not zero."""
    return coalesced(x)._entries if isinstance(x, CooTensor) else x._entries


@sparse_operation()
@compressed_operation()
def norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    if dim is not None and len(axes_of(input, dim)) != input.ndim or keepdim:
        raise RuntimeError(
            "norm_sparse currently only supports full reductions, so 'dim' must either be empty or contain all dimensions of "
            "the input"
        )
    entries = entries_added_up(input)
    result = entries.norm(2 if p in ("fro", None) else p)
    return result if dtype is None else result.to(dtype)


@sparse_operation("native_norm")
def native_norm(input: Any, p: Any = 2, *others: Any) -> Tensor:
    return norm(input, p)


# --- softmax ----------------------------------------------------------------------------------------------------------


@rounded_once
def _shifted(entries: Tensor, group: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Entries less the largest of their group, and the group's sums of the exponentials."""
    spread = group.reshape(-1, *[1] * (entries.ndim - 1)).expand(entries.shape)
    largest = real.zeros(count, *entries.shape[1:], dtype=entries.dtype)
    largest = largest.scatter_reduce(0, spread, entries.detach(), "amax", include_self=False)
    shifted = entries - largest.index_select(0, group)
    total = real.zeros(count, *entries.shape[1:], dtype=entries.dtype).index_add(0, group, shifted.exp())
    return shifted, total


@one_node("SparseSoftmaxBackward0")
@rounded_once
def _softmax(entries: Tensor, group: Tensor, count: int) -> Tensor:
    shifted, total = _shifted(entries, group, count)
    return shifted.exp() / total.index_select(0, group)


@one_node("SparseLogSoftmaxBackward0")
@rounded_once
def _log_softmax(entries: Tensor, group: Tensor, count: int) -> Tensor:
    shifted, total = _shifted(entries, group, count)
    return shifted - total.log().index_select(0, group)


def softmax_over_entries(input: CooTensor, dim: int, dtype: Any, logarithm: bool) -> CooTensor:
    """Softmax, or its logarithm, over those elements along ``dim`` that have an entry."""
    (axis,) = axes_of(input, int(dim))
    if dtype is not None and dtype is not input.dtype:
        input = input.with_entries(input._entries.to(dtype))
    x = coalesced(input)
    sparse = x._dimI()
    if axis >= sparse:
        function = real.log_softmax if logarithm else real.softmax
        return x.with_entries(function(x._entries, axis - sparse + 1))
    kept = [other for other in range(sparse) if other != axis]
    keys = keys_of(array_of(x._places)[kept], [sparse_sizes(x)[other] for other in kept])
    found, group = np.unique(keys, return_inverse=True)
    groups = from_array(group.reshape(-1).astype(np.int64))
    function = _log_softmax if logarithm else _softmax
    return x.with_entries(function(x._entries, groups, found.size))


