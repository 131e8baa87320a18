"""The reference device's memory: the host's, full of nonsense at first, so that what nobody has written shows."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from flambeau.kernels.contract import ALIGNMENT, PADDING

NAME = "reference"
NONSENSE = 0xCB
"""What every byte is at first: large negative numbers, whatever they are taken for."""


class _Bytes:
    """A range of memory as NumPy asks for it. What is made of it holds it."""

    def __init__(self, owner: Memory) -> None:
        self.owner = owner
        size = owner.nbytes + PADDING
        self.__array_interface__ = {"version": 3, "typestr": "|u1", "shape": (size,), "data": (owner.address, False)}


class Memory:
    """A range of memory (see :class:`flambeau.kernels.contract.Memory`)."""

    device = NAME
    recyclable = True
    readonly = False

    def __init__(self, nbytes: int) -> None:
        self._block = np.full(nbytes + ALIGNMENT + PADDING, NONSENSE, np.uint8)
        start = self._block.ctypes.data
        self.address = start + -start % ALIGNMENT
        self.nbytes = nbytes
        self.ever_exposed = False
        self.exposed_forever = False
        self._shown: weakref.WeakSet[_Bytes] = weakref.WeakSet()

    def exposed(self) -> bool:
        return self.exposed_forever or len(self._shown) > 0

    def array(
        self, dtype: Any, shape: Sequence[int], strides: Sequence[int] | None = None, offset: int = 0
    ) -> np.ndarray:
        self.ever_exposed = True
        shown = _Bytes(self)
        self._shown.add(shown)
        return _view(np.asarray(shown), dtype, shape, strides, offset)

    def peek(
        self, dtype: Any, shape: Sequence[int], strides: Sequence[int] | None = None, offset: int = 0
    ) -> np.ndarray:
        return _view(np.asarray(_Bytes(self)), dtype, shape, strides, offset)

    def copy(self, nbytes: int) -> Memory:
        other = Memory(nbytes)
        ctypes.memmove(other.address, self.address, nbytes)
        return other


def _view(memory: np.ndarray, dtype: Any, shape: Sequence[int], strides: Sequence[int] | None, offset: int) -> np.ndarray:
    if 0 in shape:  # elements that are not there may lie anywhere
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, memory, offset, strides)


class AlwaysNew:
    """Memory for one user, never the same (see :class:`flambeau.kernels.contract.ReusedMemory`)."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes

    def take(self) -> list[Memory]:
        return [Memory(size) for size in self.sizes]


def elements(address: int, dtype: Any, first: int, last: int) -> np.ndarray:
    """The elements ``first`` to ``last`` of what begins at an address."""
    d = np.dtype(dtype)
    count = last - first + 1
    return np.frombuffer((ctypes.c_char * (count * d.itemsize)).from_address(address + first * d.itemsize), d)


def read(address: int, dtype: Any, positions: np.ndarray) -> np.ndarray:
    """A copy of the elements at ``positions``."""
    if not positions.size:
        return np.empty(positions.shape, dtype)
    first, last = int(positions.min()), int(positions.max())
    return elements(address, dtype, first, last)[positions - first]


def write(address: int, positions: np.ndarray, values: np.ndarray) -> None:
    """Put values to positions, one after the other."""
    if positions.size:
        first, last = int(positions.min()), int(positions.max())
        elements(address, values.dtype, first, last)[positions - first] = values
