"""Taking tensors of coordinates apart: where entries lie in the dense tensor, and entries with the same coordinates together."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph.bounds import LARGEST
from ...graph.dtypes import bool_, uint8
from ..by_name import real
from ..from_data import from_array
from ..one_node import one_node
from .tensor import CooTensor, passed


def array_of(integers: Tensor) -> np.ndarray:
    """Integers as an array that is only read."""
    return integers.detach()._array()


def sparse_sizes(x: CooTensor) -> tuple[int, ...]:
    """The extents of the sparse dimensions."""
    return tuple(x._size[: x._places.shape[0]])


def dense_sizes(x: CooTensor) -> tuple[int, ...]:
    """The extents of the dense dimensions."""
    return tuple(x._size[x._places.shape[0] :])


def flat_places(places: Tensor, sizes: Any) -> Tensor:
    """The coordinates (dimensions, entries) as one number each, in row-major order."""
    sizes = tuple(sizes)
    if len(sizes) == 1:
        return places.select(0, 0)
    if not sizes:
        return places.new_zeros(places.shape[1])
    total = places.select(0, len(sizes) - 1)
    step = 1
    for number in range(len(sizes) - 2, -1, -1):
        step *= sizes[number + 1]
        total = total + places.select(0, number) * step
    return total


def keys_of(places: np.ndarray, sizes: Any) -> np.ndarray:
    """The coordinates as one number each, in row-major order; where that takes more than 64 bits, by their ranks."""
    sizes = tuple(sizes)
    if not sizes:
        return np.zeros(places.shape[1], np.int64)
    if prod(sizes) > LARGEST:
        return np.unique(places, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)
    keys = places[0].astype(np.int64)
    for number, extent in enumerate(sizes[1:], 1):
        keys = keys * extent + places[number]
    return keys


def in_strict_order(keys: np.ndarray) -> bool:
    """Whether each key is larger than the one before."""
    return bool((keys[1:] > keys[:-1]).all())


@one_node("CoalesceBackward0")
def _added_up(entries: Tensor, group: Tensor, count: int) -> Tensor:
    return sums(entries, group, count)


@one_node("CoalesceBackward0")
def _reordered(entries: Tensor, order: Tensor) -> Tensor:
    return entries.index_select(0, order)  # type: ignore[no-any-return]


def sums(entries: Tensor, group: Tensor, count: int) -> Tensor:
    """The sums (count, …) of entries (entries, …) that have the same number of a group. Truths are joined by "or"."""
    if entries.dtype is bool_:
        return sums(entries.to(uint8), group, count).to(bool_)  # type: ignore[no-any-return]
    total = real.zeros(count, *entries.shape[1:], dtype=entries.dtype)
    return total.index_add(0, group, entries)  # type: ignore[no-any-return]


def coalesced(x: CooTensor) -> CooTensor:
    """The tensor with its coordinates in order, entries with the same coordinates added up."""
    if x._coalesced:
        return x
    places = array_of(x._places)
    keys = keys_of(places, sparse_sizes(x))
    if in_strict_order(keys):
        return CooTensor.of(x._places, passed(x._entries, "CoalesceBackward0"), x._size, True)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    chosen = from_array(places[:, first])
    if first.size == keys.size:
        return CooTensor.of(chosen, _reordered(x._entries, from_array(first)), x._size, True)
    group = group.reshape(-1).astype(np.int64)
    return CooTensor.of(chosen, _added_up(x._entries, from_array(group), first.size), x._size, True)


@one_node("ToDenseBackward0")
def _placed(entries: Tensor, place: Tensor, count: int, size: Any) -> Tensor:
    return sums(entries, place, count).reshape(size)  # type: ignore[no-any-return]


def dense(x: CooTensor) -> Tensor:
    """The tensor with its zeros."""
    sizes = sparse_sizes(x)
    return _placed(x._entries, flat_places(x._places, sizes), prod(sizes), x._size)  # type: ignore[no-any-return]


def taken(source: Tensor, places: Tensor, sparse_dim: int) -> Tensor:
    """The elements (or slices) of a dense tensor at coordinates: (entries, dense dimensions…)."""
    sizes = source.shape
    flat = source.reshape(prod(sizes[:sparse_dim]), *sizes[sparse_dim:])
    return flat.index_select(0, flat_places(places, sizes[:sparse_dim]))  # type: ignore[no-any-return]
