"""Reading PyTorch's file formats."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from typing import IO, Any

from ..naming import internal_module
from ..tensor import Tensor
from .location import Restore
from .memory import StorageType, new_memory, storage_type, swap_bytes
from .restricted import RestrictedUnpickler
from .writing import LEGACY_MAGIC, LEGACY_VERSION

MakeUnpickler = Callable[[IO[bytes], Callable[[Any], Any]], Any]


def unpickler_maker(weights_only: bool, pickle_module: Any, options: dict[str, Any]) -> MakeUnpickler:
    """How to read a pickle: a function (file, load_memory) -> unpickler."""
    if weights_only:
        return lambda file, load_memory: RestrictedUnpickler(file, load_memory, **options)

    class Unpickler(pickle_module.Unpickler):  # type: ignore[misc,name-defined]
        """Imports whatever the file names, PyTorch's names meaning Flambeau's."""

        def find_class(self, module: str, name: str) -> Any:
            if module in ("torch", "torch.storage") and name.endswith("Storage"):
                return storage_type(name)
            internal = internal_module(module)
            try:
                return super().find_class(internal, name)
            except (AttributeError, ImportError) as error:
                if internal == module:
                    raise
                from ..version import __version__, project_url

                raise pickle.UnpicklingError(
                    f"the file needs {module}.{name}, which Flambeau {__version__} does not offer; ask for it at "
                    f"{project_url}/issues"
                ) from error

    def make(file: IO[bytes], load_memory: Callable[[Any], Any]) -> Any:
        unpickler = Unpickler(file, **options)
        unpickler.persistent_load = load_memory
        return unpickler

    return make


def _storage_identity(identity: Any) -> tuple[StorageType, str, str, int]:
    """Take a persistent id apart: what, under which key, where, and how many elements."""
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] not in ("storage", b"storage"):
        raise pickle.UnpicklingError(f"unknown persistent id {identity!r}")
    kind, key, location, numel = identity[1:5]
    if isinstance(kind, str):
        kind = storage_type(kind)
    if not isinstance(kind, StorageType) or not isinstance(numel, int) or numel < 0:
        raise pickle.UnpicklingError(f"unknown persistent id {identity!r}")
    return kind, str(key), location if isinstance(location, str) else bytes(location).decode(), numel


def read_zip(file: IO[bytes], name: str, make: MakeUnpickler, restore: Restore) -> Any:
    """The object in an archive. Raises ``RuntimeError`` for a damaged one."""
    try:
        with zipfile.ZipFile(file) as archive:
            return _read_archive(archive, name, make, restore)
    except (zipfile.BadZipFile, EOFError, struct.error) as error:
        raise RuntimeError(f"{name} is damaged or was cut short: failed reading zip archive: {error}") from error


def _read_archive(archive: zipfile.ZipFile, name: str, make: MakeUnpickler, restore: Restore) -> Any:
    entries = {entry.partition("/")[2]: entry for entry in archive.namelist()}
    if "constants.pkl" in entries:
        raise RuntimeError(f"{name} is a TorchScript archive, a compiled program; load() reads what save() wrote")
    if "data.pkl" not in entries:
        raise RuntimeError(f"{name} is a zip archive, but not one that save() wrote: it has no data.pkl")
    byteorder = archive.read(entries["byteorder"]).decode() if "byteorder" in entries else "little"
    loaded: dict[str, Tensor] = {}

    def load_memory(identity: Any) -> Any:
        kind, key, location, numel = _storage_identity(identity)
        if key not in loaded:
            entry = entries.get(f"data/{key}")
            if entry is None:
                raise RuntimeError(f"{name} is damaged: the record data/{key} is missing")
            size = archive.getinfo(entry).file_size
            if size != numel * kind.dtype.itemsize:
                raise RuntimeError(
                    f"{name} is damaged: data/{key} has {size} bytes, but {numel} elements of {kind.dtype} are expected"
                )
            tensor, memory = new_memory(kind.dtype, (numel,))
            with archive.open(entry) as record:
                _fill(record, memory, name)
            swap_bytes(memory, kind.dtype.itemsize, byteorder)
            loaded[key] = restore(tensor, location)
        return loaded[key]

    return make(io.BytesIO(archive.read(entries["data.pkl"])), load_memory).load()


def _fill(source: Any, memory: memoryview, name: str) -> None:
    """Read as many bytes as ``memory`` has; a file that ends before raises ``RuntimeError``."""
    done = 0
    while done < len(memory):
        count = source.readinto(memory[done:])
        if not count:
            raise RuntimeError(f"{name} is damaged or was cut short: {len(memory) - done} bytes of a tensor lack")
        done += count


def read_legacy(file: IO[bytes], name: str, make: MakeUnpickler, restore: Restore) -> Any:
    """The object in a file of the format before PyTorch 1.6. Raises ``UnpicklingError`` if it is none."""

    def refuse(identity: Any) -> None:
        raise pickle.UnpicklingError(f"unexpected persistent id {identity!r}")

    if make(file, refuse).load() != LEGACY_MAGIC:
        raise RuntimeError(f"{name} was not written by save(): its magic number is wrong")
    if make(file, refuse).load() != LEGACY_VERSION:
        raise RuntimeError(f"{name} has an unknown protocol version")
    system = make(file, refuse).load()
    byteorder = "little" if system.get("little_endian", sys.byteorder == "little") else "big"
    memories: dict[str, tuple[StorageType, int, memoryview]] = {}
    loaded: dict[str, Tensor] = {}

    def load_memory(identity: Any) -> Any:
        kind, key, location, numel = _storage_identity(identity)
        if key not in loaded:
            tensor, memory = new_memory(kind.dtype, (numel,))
            memories[key] = (kind, numel, memory)
            loaded[key] = restore(tensor, location)
        view = identity[5] if len(identity) > 5 else None
        if view is None:
            return loaded[key]
        _, offset, size = view
        return loaded[key][offset : offset + size]

    result = make(file, load_memory).load()
    for key in make(file, refuse).load():
        if str(key) not in memories:
            raise RuntimeError(f"{name} is damaged: it has a memory {key!r} that nothing refers to")
        kind, numel, memory = memories[str(key)]
        header = file.read(8)
        if len(header) < 8 or struct.unpack("<q", header)[0] != numel:
            raise RuntimeError(f"{name} is damaged or was cut short: the length of memory {key!r} is wrong")
        _fill(file, memory, name)
        swap_bytes(memory, kind.dtype.itemsize, byteorder)
    return result
