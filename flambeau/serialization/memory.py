"""The memory behind tensors, as files see it: flat runs of elements that several tensors may look at, and where it goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..core.device import LAYOUTS, check_device, device, layout
from ..core.meta import without_values
from ..core.tensor import Tensor
from ..cpu.memory import allocate
from ..graph.dtypes import dtype, uint8
from ..graph.primitives import nbytes
from ..graph.shapes import Size, contiguous_strides
from ..graph.trace import Node, evaluate
from ..ops.storages import QUANTIZED_STORAGES, STORAGE_TYPES, UntypedStorage
from .source import FromOutside, describe

Restore = Callable[[Any, str], Any]
"""(memory, name of a device) -> memory: where tensors of a file are put."""

#: Storages by the name of their class: that of the elements in a file.
STORAGES: dict[str, type[UntypedStorage]] = {kind.__name__: kind for kind in STORAGE_TYPES.values()}
STORAGES["UntypedStorage"] = UntypedStorage
STORAGES.update({kind.__name__: kind for kind in QUANTIZED_STORAGES.values()})
#: Storages that PyTorch writes and Flambeau has no dtype for.
UNKNOWN_STORAGES = ("QUInt4x2Storage", "QUInt2x4Storage")


class UnknownStorage:
    """Stands for a class of storages of a dtype that Flambeau does not have."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def storage_class(name: str) -> type[UntypedStorage] | UnknownStorage:
    """The class that files call ``torch.name``."""
    return STORAGES.get(name) or UnknownStorage(name)


def dtype_of_elements(kind: type[UntypedStorage] | UnknownStorage) -> dtype:
    """Dtype of a storage's elements, bytes if it is untyped. ``RuntimeError`` if Flambeau has no such dtype."""
    if isinstance(kind, UnknownStorage):
        raise RuntimeError(f"the file holds a torch.{kind.name}, a dtype that Flambeau does not have")
    return getattr(kind, "dtype", uint8)


class Memory:
    """What is saved once however many tensors look at it.

    ``owner`` tells memories apart: the storage that tensors share, or a tensor that shares its memory with nobody.
    ``type`` is the class of storages that the file names, and ``numel`` the number of its elements.
    """

    __slots__ = ("key", "node", "numel", "owner", "type")

    def __init__(self, owner: Any, node: Node, key: str, type: type[UntypedStorage]) -> None:
        self.owner = owner
        self.node = node
        self.key = key
        self.type = type
        self.numel = node.shape.numel() * node.dtype.itemsize // dtype_of_elements(type).itemsize

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


# --- where it goes: ``map_location`` ----------------------------------------------------------------------------------


def default_restore_location(storage: Any, location: str) -> Any:
    """Memory read from a file, on the device ``location``. Raises ``RuntimeError`` if there is no such device."""
    kind = str(location).partition(":")[0]
    if kind == "cpu":
        return storage
    if kind == "meta":
        return without_values(storage._tensor)
    if kind == "cuda":
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are "
            "running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your "
            "storages to the CPU."
        )
    check_device(location)
    raise RuntimeError(f"don't know how to restore data location of {type(storage)} (tagged with {location})")


def restorer(map_location: Any) -> Restore:
    """The function (storage, location) -> storage that ``map_location`` stands for.

    None keeps locations; a device or its name puts everything there; a mapping replaces locations by name; a function
    answers with the storage to use, or with None to leave the decision to the rules for None.
    """
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, Mapping):
        return lambda storage, location: default_restore_location(storage, str(map_location.get(location, location)))
    if isinstance(map_location, (str, bytes, device)):
        place = map_location.decode() if isinstance(map_location, bytes) else str(map_location)
        return lambda storage, location: default_restore_location(storage, place)

    def by_function(storage: Any, location: str) -> Any:
        try:
            result = map_location(storage, location)
        except Exception as error:  # not an interrupt
            raise FromOutside(error) from error
        return default_restore_location(storage, location) if result is None else result

    return by_function


def _get_layout(name: str) -> layout:
    """The layout that files call ``name``, such as ``torch.strided``. ``RuntimeError`` if there is none."""
    for known in LAYOUTS:
        if repr(known) == name:
            return known
    raise RuntimeError(f"the file has the layout {describe(name)}, which Flambeau does not have")
