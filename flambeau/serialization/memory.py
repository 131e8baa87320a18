"""The memory behind tensors, as files see it: flat runs of elements that several tensors may look at."""

from __future__ import annotations

import functools
import sys
from typing import Any

import numpy as np

from ..cpu.memory import allocate
from ..graph.dtypes import ALL, dtype
from ..graph.primitives import nbytes
from ..graph.shapes import Size, contiguous_strides
from ..graph.trace import Node, evaluate
from ..tensor import Tensor

#: What PyTorch calls the storage of each dtype.
STORAGE_NAMES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}
STORAGE_DTYPES = {STORAGE_NAMES[d.name]: d for d in ALL}
#: Storages that PyTorch writes and Flambeau has no dtype for.
UNKNOWN_STORAGES = ("ComplexDoubleStorage", "ComplexFloatStorage", "QUInt8Storage", "QInt8Storage", "QInt32Storage")


class StorageType:
    """Stands for the class ``torch.FloatStorage`` or the like in a file: says what the elements are."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def dtype(self) -> dtype:
        """Dtype of the elements; bytes for an untyped storage. ``RuntimeError`` if Flambeau has no such dtype."""
        if self.name == "UntypedStorage":
            return STORAGE_DTYPES["ByteStorage"]
        if self.name not in STORAGE_DTYPES:
            raise RuntimeError(f"the file holds a torch.{self.name}, a dtype that Flambeau does not have")
        return STORAGE_DTYPES[self.name]


@functools.cache
def storage_type(name: str) -> StorageType:
    """The one stand-in for a storage class, so that a file names each class once."""
    return StorageType(name)


class Memory:
    """What is saved once however many tensors look at it.

    ``owner`` tells memories apart: the storage that tensors share, or a tensor that shares its memory with nobody.
    """

    __slots__ = ("key", "node", "owner")

    def __init__(self, owner: Any, node: Node, key: str) -> None:
        self.owner = owner
        self.node = node
        self.key = key

    @property
    def type(self) -> StorageType:
        return storage_type(STORAGE_NAMES[self.node.dtype.name])

    @property
    def numel(self) -> int:
        return self.node.shape.numel()

    def bytes(self) -> memoryview:
        """The elements' bytes in the machine's order; the value is computed if it was not."""
        buffer = evaluate(self.node)
        return buffer.peek(np.uint8, (nbytes(self.node.shape, self.node.dtype),)).data


def owner_and_layout(tensor: Tensor) -> tuple[Any, Node, int, tuple[int, ...]]:
    """A tensor's memory (owner and value), and its offset and strides there in elements."""
    node = tensor._read()
    view = tensor._view
    if view is None:
        return tensor, node, 0, contiguous_strides(node.shape)
    return tensor._storage, node, view.offset, tuple(view.strides)


def new_memory(d: dtype, sizes: tuple[int, ...]) -> tuple[Tensor, memoryview]:
    """A tensor over fresh memory, and that memory's bytes, to be filled before the tensor is used."""
    shape = Size(sizes)
    size = nbytes(shape, d)
    buffer = allocate(size)
    return Tensor._from_node(Node(shape, d, None, 0, buffer)), buffer.peek(np.uint8, (size,)).data


def swap_bytes(data: memoryview, itemsize: int, byteorder: str) -> None:
    """Turn bytes written on a machine of the given order into this machine's, in place."""
    if byteorder != sys.byteorder and itemsize > 1:
        np.frombuffer(data, np.dtype(f"u{itemsize}")).byteswap(inplace=True)
