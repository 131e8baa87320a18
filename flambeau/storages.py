"""Storages as programs see them: the flat memory behind a tensor, as bytes or as elements of its dtype."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from .device import CPU
from .graph import dtypes
from .graph.dtypes import dtype as dtype_type
from .graph.primitives import TYPE_NAMES
from .graph.shapes import View
from .ops.from_data import from_array, from_numpy
from .tensor import Tensor


class UntypedStorage:
    """The memory of a tensor (and of all that share it) as bytes. Made by ``Tensor.untyped_storage()``."""

    def __init__(self, *arguments: Any, device: Any = None) -> None:
        size = arguments[0] if arguments and isinstance(arguments[0], int) else 0
        data = np.zeros(size, np.uint8) if not arguments or isinstance(arguments[0], int) else np.array(arguments[0])
        self._tensor: Tensor = from_array(data.astype(np.uint8))

    @classmethod
    def _of(cls, tensor: Tensor) -> Any:
        """The storage of a tensor: a handle on its whole memory as one vector."""
        made = object.__new__(cls)
        shared = tensor._share()
        made._tensor = Tensor._from_node(None, View((shared.node.shape.numel(),), (1,), 0), shared)
        return made

    @property
    def _itemsize(self) -> int:
        return 1

    @property
    def device(self) -> Any:
        return CPU

    is_cuda = is_sparse = False

    def nbytes(self) -> int:
        """Bytes of the memory."""
        return self._tensor.numel() * self._tensor.itemsize

    def size(self) -> int:
        """Number of elements (bytes)."""
        return self.nbytes() // self._itemsize

    def __len__(self) -> int:
        return self.size()

    def element_size(self) -> int:
        """Bytes of one element."""
        return self._itemsize

    def data_ptr(self) -> int:
        """Address of the memory, which counts as visible to others from now on, for ever."""
        return self._tensor.data_ptr()

    def _elements(self) -> Tensor:
        return from_numpy(self._tensor.detach()._array(expose=True).view(np.uint8))

    def _elements_as(self, d: dtype_type) -> Tensor:
        """The memory as elements of a dtype."""
        return self._tensor if self._tensor.dtype is d else self._tensor.view(d)

    def tolist(self) -> list[Any]:
        """The elements as Python numbers."""
        return self._elements().tolist()  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        found = self._elements()[index]
        return found if isinstance(index, slice) else found.item()

    def __setitem__(self, index: Any, value: Any) -> None:
        self._elements()[index] = value

    def fill_(self, value: Any) -> Any:
        """Put one value everywhere."""
        self._elements().fill_(value)
        return self

    def copy_(self, source: Any, non_blocking: bool = False) -> Any:
        """Take the elements of another storage."""
        self._elements().copy_(source._elements())
        return self

    def clone(self) -> Any:
        """A copy of the memory."""
        return type(self)._of(self._tensor.detach().clone())

    def cpu(self) -> Any:
        """The storage itself: there is only the CPU."""
        return self

    def is_shared(self) -> bool:
        """Whether other processes see the memory."""
        return self._tensor.is_shared()

    def __repr__(self) -> str:
        elements = "".join(f" {value}\n" for value in self.tolist())
        return f"{elements}[torch.storage.{type(self).__name__}(device=cpu) of size {self.size()}]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and other._tensor._storage is self._tensor._storage

    def __hash__(self) -> int:
        return id(self._tensor._storage)


class TypedStorage(UntypedStorage):
    """The memory of a tensor as elements of its dtype. Made by ``Tensor.storage()``."""

    dtype: dtype_type

    def __init__(self, *arguments: Any, dtype: dtype_type | None = None, device: Any = None) -> None:
        from .ops.from_data import construct

        self.dtype = dtype or getattr(type(self), "dtype", None) or dtypes.get_default_dtype()
        self._tensor = construct(self.dtype, *arguments)

    @classmethod
    def _of(cls, tensor: Tensor) -> Any:
        made = super()._of(tensor)
        made.dtype = tensor.dtype
        return made

    @classmethod
    def from_buffer(cls, buffer: Any, byte_order: str = "native", **keywords: Any) -> Any:
        """A storage with a copy of a buffer's bytes."""
        d = cls.dtype
        plain = d.numpy if d.numpy is not None else np.dtype(np.uint16)
        return cls._of(from_array(np.frombuffer(buffer, dtype=plain)))

    @property
    def _itemsize(self) -> int:
        return self.dtype.itemsize

    def _elements(self) -> Tensor:
        return self._tensor.detach()

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage._of(self._tensor)  # type: ignore[no-any-return]

    def pickle_storage_type(self) -> str:
        """The old name of the storage's type, ``"FloatStorage"``."""
        return TYPE_NAMES[self.dtype] + "Storage"


def _old_type(d: dtype_type) -> type[TypedStorage]:
    # PyTorch's files call them torch.FloatStorage, while the two classes above are in torch.storage.
    members = {"dtype": d, "__doc__": f"Storage of {d.name} elements.", "__module__": "flambeau"}
    return type(TYPE_NAMES[d] + "Storage", (TypedStorage,), members)


STORAGE_TYPES = {d: _old_type(d) for d in TYPE_NAMES}
FloatStorage, DoubleStorage = STORAGE_TYPES[dtypes.float32], STORAGE_TYPES[dtypes.float64]
HalfStorage, BFloat16Storage = STORAGE_TYPES[dtypes.float16], STORAGE_TYPES[dtypes.bfloat16]
LongStorage, IntStorage = STORAGE_TYPES[dtypes.int64], STORAGE_TYPES[dtypes.int32]
ShortStorage, CharStorage = STORAGE_TYPES[dtypes.int16], STORAGE_TYPES[dtypes.int8]
ByteStorage, BoolStorage = STORAGE_TYPES[dtypes.uint8], STORAGE_TYPES[dtypes.bool_]


def _load_from_bytes(data: bytes) -> Any:
    """The storage in ``data``, a file in memory: what pickling a storage of PyTorch's keeps. Such a pickle is trusted."""
    from .serialization import load

    return load(io.BytesIO(data), weights_only=False)
