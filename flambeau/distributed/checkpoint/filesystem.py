"""A checkpoint in a folder: ``__0_0.distcp`` with one file of ``torch.save`` behind the other, and ``.metadata``."""

from __future__ import annotations

import dataclasses
import io
import os
import pathlib
import pickle
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import BY_NAME
from ...graph.shapes import Size
from ...interpreter.whole_file import whole_file
from ...serialization import load, save
from ...serialization.memory import _get_layout
from ...serialization.source import Source
from ...serialization.unpickling import ListedUnpickler
from ...serialization.writing import FilePickler
from . import metadata as kinds
from .metadata import (
    BytesStorageMetadata,
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    StorageMeta,
    TensorProperties,
    TensorStorageMetadata,
)

__all__ = ["FileSystemReader", "FileSystemWriter"]

VALUES, METADATA = "__0_0.distcp", ".metadata"


@dataclasses.dataclass
class _StorageInfo:
    """Which bytes of which file."""

    relative_path: str
    offset: int
    length: int
    transform_descriptors: Sequence[str] | None = None


class FileSystemWriter:
    """Writes a checkpoint into the folder ``path``; a checkpoint that is there is replaced."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        single_file_per_rank: bool = True,
        sync_files: bool = True,
        thread_count: int = 1,
        per_thread_copy_ahead: int = 10_000_000,
        cache_staged_state_dict: bool = False,
        overwrite: bool = True,
    ) -> None:
        self.path = Path(path)
        self.overwrite = overwrite

    @property
    def checkpoint_id(self) -> str | os.PathLike[str]:
        """Where it is."""
        return self.path

    def write(self, items: dict[str, tuple[tuple[Any, ...], Any]]) -> Metadata:
        """Write values by name, with the keys that lead to them."""
        if (self.path / METADATA).exists() and not self.overwrite:
            raise RuntimeError(f"Checkpoint already exists and {self.overwrite=}.")
        self.path.mkdir(parents=True, exist_ok=True)
        described: dict[str, TensorStorageMetadata | BytesStorageMetadata] = {}
        places = {}
        with whole_file(self.path / VALUES) as file:
            for name, (_, value) in items.items():
                begin = file.tell()
                single = io.BytesIO()
                if isinstance(value, Tensor):
                    origin = Size([0] * value.dim())
                    chunk = ChunkStorageMetadata(origin, value.size())
                    described[name] = TensorStorageMetadata(TensorProperties.create_from_tensor(value), value.size(), [chunk])
                    index = MetadataIndex(name, origin, 0)
                    save(value.detach().clone(), single)
                else:
                    described[name] = BytesStorageMetadata()
                    index = MetadataIndex(name)
                    save(value, single)
                file.write(single.getbuffer())
                places[index] = _StorageInfo(VALUES, begin, file.tell() - begin)
        paths = {name: path for name, (path, _) in items.items()}
        meta = Metadata(described, paths, places, StorageMeta(str(self.path), str(uuid.uuid4())), "1.0.0")
        with whole_file(self.path / METADATA) as file:
            FilePickler(file, 4).dump(meta)
        return meta


class FileSystemReader:
    """Reads the checkpoint in the folder ``path``, also one that several processes wrote."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @property
    def checkpoint_id(self) -> str | os.PathLike[str]:
        """Where it is."""
        return self.path

    def read_metadata(self) -> Metadata:
        """What there is, and where."""
        with open(self.path / METADATA, "rb") as file:
            meta = _MetadataUnpickler(Source(file)).load()
        if not isinstance(meta, Metadata):
            raise pickle.UnpicklingError(f"{self.path / METADATA} describes no checkpoint")
        return meta

    def read(self, place: _StorageInfo, weights_only: bool) -> Any:
        """What was written at a place."""
        if place.transform_descriptors:
            raise NotImplementedError(f"a checkpoint that was transformed by {list(place.transform_descriptors)}")
        with open(self.path / place.relative_path, "rb") as file:
            file.seek(place.offset)
            content = file.read(place.length)
        return load(io.BytesIO(content), weights_only=weights_only)

    def parts(self, meta: Metadata, name: str) -> Iterable[tuple[Size, Tensor]]:
        """The parts of a tensor: where each begins, and its values."""
        for index, place in meta.storage_data.items():
            if index.fqn == name:
                yield index.offset, self.read(place, weights_only=True)


class _MetadataUnpickler(ListedUnpickler):
    """Reads ``.metadata``, in which there are descriptions and nothing else."""

    def __init__(self, source: Source) -> None:
        ours = "torch.distributed.checkpoint"
        described = {f"{ours}.metadata.{name}": getattr(kinds, name) for name in (*kinds.__all__, "_MEM_FORMAT_ENCODING")}
        called: dict[str, Any] = {
            **described, f"{ours}.filesystem._StorageInfo": _StorageInfo, "torch.Size": Size, "builtins.set": set,
            "collections.OrderedDict": OrderedDict, "torch.serialization._get_layout": _get_layout,
            **dict.fromkeys(("pathlib.PosixPath", "pathlib.WindowsPath", "pathlib._local.PosixPath"), pathlib.PurePath),
        }  # fmt: skip
        super().__init__(source, called, {f"torch.{dtype.name}": dtype for dtype in BY_NAME.values()})
        self._described = {kind for kind in described.values() if dataclasses.is_dataclass(kind)} | {_StorageInfo}

    def set_state(self, instance: Any, state: Any) -> None:
        if isinstance(instance, TensorProperties):
            instance.__setstate__(state)
        elif type(instance) in self._described and isinstance(state, dict):
            instance.__dict__.update(state)
        else:
            super().set_state(instance, state)
