"""Reading PyTorch's file formats."""

from __future__ import annotations

import io
import pickle
import struct
import sys
from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ..interpreter.naming import internal_module
from ..ops.complex_numbers import view_as_complex
from ..ops.storages import TypedStorage, UntypedStorage
from .memory import Restore, UnknownStorage, dtype_of_elements, new_memory, storage_class, swap_bytes
from .restricted import RestrictedUnpickler
from .source import Archive, Source, describe
from .unpickling import BoundedUnpickler
from .writing import LEGACY_MAGIC, LEGACY_VERSION

MakeUnpickler = Callable[[Source, Callable[[Any], Any]], Any]


class _OurNames:
    """An unpickler that imports whatever the file names, PyTorch's names meaning Flambeau's."""

    missing: Exception | None

    def find_class(self, module: str, name: str) -> Any:
        if module in ("torch", "torch.storage") and name.endswith("Storage"):
            return storage_class(name)
        internal = internal_module(module)
        try:
            return super().find_class(internal, name)  # type: ignore[misc]
        except (AttributeError, ImportError) as error:
            self.missing = error
            if internal == module:
                raise
            # Flambeau may divide the package into files in another way.
            package = sys.modules.get(internal_module(module.partition(".modules.")[0]))
            if package is not None and hasattr(package, name):
                return getattr(package, name)
            from ..version import __version__

            raise pickle.UnpicklingError(
                f"it needs {module}.{name}, which Flambeau {__version__} does not offer"
            ) from error


class _TrustingUnpickler(_OurNames, BoundedUnpickler):
    """Reads any pickle."""


def unpickler_maker(weights_only: bool, pickle_module: Any, options: dict[str, Any]) -> MakeUnpickler:
    """How to read a pickle: a function (source, load_memory) -> unpickler."""
    if weights_only:
        return lambda source, load_memory: RestrictedUnpickler(source, load_memory, **options)
    kind: Any = _TrustingUnpickler
    if pickle_module is not pickle:
        kind = type("Unpickler", (_OurNames, pickle_module.Unpickler), {})

    def make(source: Source, load_memory: Callable[[Any], Any]) -> Any:
        unpickler = kind(source, **options)
        unpickler.persistent_load = load_memory
        return unpickler

    return make


def _text(value: Any) -> Any:
    """Text that Python 2 wrote as bytes."""
    return value.decode("ascii", "backslashreplace") if isinstance(value, bytes) else value


class _Identity:
    """A persistent id taken apart: what memory, under which key, where, and how many elements of which dtype."""

    def __init__(self, identity: Any) -> None:
        if not isinstance(identity, tuple) or len(identity) < 5 or _text(identity[0]) != "storage":
            raise pickle.UnpicklingError(f"damaged: unknown persistent id {describe(identity)}")
        kind, key, location = (_text(part) for part in identity[1:4])
        if isinstance(kind, str):
            kind = storage_class(kind)
        known = isinstance(kind, UnknownStorage) or (isinstance(kind, type) and issubclass(kind, UntypedStorage))
        self.numel: int = identity[4]
        if not known or not isinstance(key, (str, int)) or not isinstance(location, str):
            raise pickle.UnpicklingError(
                f"damaged: unknown memory {describe(kind)}, {describe(key)}, {describe(location)}"
            )
        if type(self.numel) is not int or self.numel < 0:
            raise pickle.UnpicklingError(f"damaged: a memory of {describe(self.numel)} elements")
        self.key, self.location = str(key), location
        self.dtype = dtype_of_elements(kind)
        self.nbytes = self.numel * self.dtype.itemsize


class _Loaded:
    """A memory of a file, and the storage over it. ``fill`` and ``place`` are called once each, in either order."""

    __slots__ = ("_elements", "dtype", "memory", "numel", "tensor")

    def __init__(self, identity: _Identity) -> None:
        self.dtype, self.numel = identity.dtype, identity.numel
        sizes = (identity.numel, 2) if self.dtype.is_complex else (identity.numel,)
        self.tensor, self.memory = new_memory(self.dtype.to_real(), sizes)
        self._elements = self.tensor

    @property
    def storage(self) -> TypedStorage:
        """The storage over the memory."""
        storage = TypedStorage._of(self._elements)
        if self.dtype.is_complex:
            storage._tensor = view_as_complex(self._elements)
        return storage

    def fill(self, read: Callable[[memoryview], None], byteorder: str) -> None:
        """Let ``read(memory)`` read the elements, in the file's order of bytes."""
        read(self.memory)
        swap_bytes(self.memory, self.dtype.to_real().itemsize, byteorder)
        if self._elements._storage is not self.tensor._storage:  # placed before in another memory
            self._elements.copy_(self.tensor)

    def place(self, restore: Restore, location: str) -> None:
        """Let the rules for locations choose the storage."""
        placed = restore(UntypedStorage._of(self._elements), location)
        placed = placed if isinstance(placed, Tensor) else placed._tensor
        self._elements = TypedStorage._of(placed)._tensor.view_as(self.tensor)

    def check(self, identity: _Identity) -> None:
        """``RuntimeError`` if the file now says something else of the memory."""
        if (self.dtype, self.numel) != (identity.dtype, identity.numel):
            raise RuntimeError(
                f"damaged: memory {describe(identity.key)} has {self.numel} elements of {self.dtype} in one place, and "
                f"{identity.numel} of {identity.dtype} in another"
            )

    def part(self, offset: Any, size: Any) -> TypedStorage:
        """A storage of some of the elements, as files of the first versions have them."""
        if type(offset) is not int or type(size) is not int or not 0 <= offset <= offset + size <= self.numel:
            raise RuntimeError(f"damaged: elements {describe(offset)} and {describe(size)} more of {self.numel}")
        part: TypedStorage = object.__new__(TypedStorage)
        part.dtype = self.dtype
        part._tensor = self.storage._tensor[offset : offset + size]
        return part


def read_zip(source: Source, make: MakeUnpickler, restore: Restore) -> Any:
    """The object in an archive. Raises ``RuntimeError`` for a damaged one."""
    archive = Archive(source)
    if "constants.pkl" in archive:
        raise RuntimeError("a TorchScript archive, a compiled program; load() reads what save() wrote")
    if "data.pkl" not in archive:
        raise RuntimeError("a zip archive, but not one that save() wrote: it has no data.pkl")
    byteorder = archive.read("byteorder") if "byteorder" in archive else b"little"
    if byteorder not in (b"little", b"big"):
        raise RuntimeError(f"damaged: Unknown endianness type: {describe(byteorder)}")
    loaded: dict[str, _Loaded] = {}

    def load_memory(persistent_id: Any) -> Any:
        identity = _Identity(persistent_id)
        known = loaded.get(identity.key)
        if known is not None:
            known.check(identity)
            return known.storage
        record = f"data/{identity.key}"
        if record not in archive:
            raise RuntimeError(f"damaged: the record {record} is missing")
        if archive.size(record) != identity.nbytes:
            raise RuntimeError(
                f"damaged: {record} has {archive.size(record)} bytes, but {identity.numel} elements of "
                f"{identity.dtype} are expected"
            )
        new = loaded[identity.key] = _Loaded(identity)
        new.fill(lambda memory: archive.fill(record, memory), byteorder.decode())
        new.place(restore, identity.location)
        return new.storage

    return make(Source(io.BytesIO(archive.read("data.pkl"))), load_memory).load()


def _refuse(persistent_id: Any) -> None:
    raise pickle.UnpicklingError(f"damaged: unexpected persistent id {describe(persistent_id)}")


def read_legacy(source: Source, make: MakeUnpickler, restore: Restore) -> Any:
    """The object in a file of the format before PyTorch 1.6. Raises ``UnpicklingError`` if it is not one."""
    magic = make(source, _refuse).load()
    if not isinstance(magic, int) or magic != LEGACY_MAGIC:
        raise RuntimeError("not written by save(), or damaged: its magic number is wrong")
    version = make(source, _refuse).load()
    if not isinstance(version, int) or version != LEGACY_VERSION:
        raise RuntimeError(f"damaged, or of an unknown protocol version: {describe(version)}")
    system = make(source, _refuse).load()
    little = system.get("little_endian", True) if isinstance(system, dict) else None
    if not isinstance(little, bool):
        raise RuntimeError(f"damaged: Unknown endianness type: {describe(little)}")
    loaded: dict[str, _Loaded] = {}
    promised = 0

    def load_memory(persistent_id: Any) -> Any:
        nonlocal promised
        if isinstance(persistent_id, tuple) and len(persistent_id) == 4 and _text(persistent_id[0]) == "module":
            return persistent_id[1]  # a class, with the path and the text of its source
        identity = _Identity(persistent_id)
        if identity.key in loaded:
            loaded[identity.key].check(identity)
        else:
            promised += identity.nbytes
            if promised > source.remaining():
                raise RuntimeError(f"damaged or cut short: tensors of {promised} bytes in {source.remaining()}")
            loaded[identity.key] = _Loaded(identity)
            loaded[identity.key].place(restore, identity.location)
        view = persistent_id[5] if len(persistent_id) > 5 else None
        if view is None:
            return loaded[identity.key].storage
        if not isinstance(view, tuple) or len(view) != 3:
            raise pickle.UnpicklingError(f"damaged: unknown part of a memory, {describe(view)}")
        return loaded[identity.key].part(*view[1:])

    result = make(source, load_memory).load()
    keys = make(source, _refuse).load()
    listed = [_text(key) for key in keys if isinstance(key, (str, bytes))] if isinstance(keys, list) else []
    if not isinstance(keys, list) or len(keys) != len(loaded) or set(listed) != set(loaded):
        raise RuntimeError("damaged: it does not list the memories that its tensors look at")
    for key in listed:
        memory = loaded[key]
        header = source.read(8)
        if len(header) < 8 or struct.unpack("<q", header)[0] != memory.numel:
            raise RuntimeError(f"damaged or cut short: the length of memory {describe(key)} is wrong")
        memory.fill(source.fill, "little" if little else "big")
    return result
