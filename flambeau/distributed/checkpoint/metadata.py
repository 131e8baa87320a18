"""What a checkpoint has, and in which bytes of which files: the contents of its file ``.metadata``."""

from __future__ import annotations

import dataclasses
import enum
import os
from collections.abc import Sequence
from typing import Any

from ...core.device import channels_last, contiguous_format, layout, memory_format, preserve_format, strided
from ...core.tensor import Tensor
from ...graph.dtypes import dtype, get_default_dtype
from ...graph.shapes import Size

__all__ = [
    "BytesStorageMetadata", "ChunkStorageMetadata", "Metadata", "MetadataIndex", "StorageMeta", "TensorProperties",
    "TensorStorageMetadata",
]  # fmt: skip


@dataclasses.dataclass
class ChunkStorageMetadata:
    """A part of a tensor: where it begins, and how large it is."""

    offsets: Size
    sizes: Size


class _MEM_FORMAT_ENCODING(enum.Enum):
    """How files name memory formats."""

    TORCH_CONTIGUOUS_FORMAT = 0
    TORCH_CHANNELS_LAST = 1
    TORCH_PRESERVE_FORMAT = 2


_FORMATS = dict(zip(_MEM_FORMAT_ENCODING, (contiguous_format, channels_last, preserve_format)))


@dataclasses.dataclass
class TensorProperties:
    """What a tensor is besides its sizes."""

    dtype: dtype = dataclasses.field(default_factory=get_default_dtype)
    layout: layout = strided
    requires_grad: bool = False
    memory_format: memory_format = contiguous_format
    pin_memory: bool = False

    def __getstate__(self) -> tuple[Any, ...]:
        encoding = next(code for code, form in _FORMATS.items() if form is self.memory_format)
        return self.dtype, self.layout, self.requires_grad, encoding, self.pin_memory

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype, self.layout, self.requires_grad, encoding, self.pin_memory = state
        self.memory_format = _FORMATS[encoding]

    @staticmethod
    def create_from_tensor(tensor: Tensor) -> TensorProperties:
        """The properties of ``tensor``."""
        return TensorProperties(tensor.dtype, tensor.layout, tensor.requires_grad)


@dataclasses.dataclass
class TensorStorageMetadata:
    """A tensor, and the parts that it is stored in."""

    properties: TensorProperties
    size: Size
    chunks: list[ChunkStorageMetadata]


@dataclasses.dataclass
class BytesStorageMetadata:
    """Anything else, pickled."""


@dataclasses.dataclass
class StorageMeta:
    """Where a checkpoint is, and which it is."""

    checkpoint_id: str | os.PathLike[str] | None = None
    save_id: str | None = None
    load_id: str | None = None
    modules: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Metadata:
    """All of a checkpoint: what each name stands for, the keys that lead to it, and where its parts are."""

    state_dict_metadata: dict[str, TensorStorageMetadata | BytesStorageMetadata]
    planner_data: Any = None
    storage_data: Any = None
    storage_meta: StorageMeta | None = None
    version: str | None = None


@dataclasses.dataclass(frozen=True)
class MetadataIndex:
    """A part: the name, and where in the tensor it begins; ``index`` only helps to find it."""

    fqn: str
    offset: Size | None = None
    index: int | None = dataclasses.field(hash=False, compare=False, default=None)

    def __init__(self, fqn: str, offset: Sequence[int] | None = None, index: int | None = None) -> None:
        object.__setattr__(self, "fqn", fqn)
        object.__setattr__(self, "index", index)
        object.__setattr__(self, "offset", None if offset is None else Size(offset))


STATE_DICT_TYPE = dict[str, Any]
