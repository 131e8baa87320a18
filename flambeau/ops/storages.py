"""Storages as programs see them: the flat memory behind a tensor, as bytes or as elements of its dtype."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..core.device import check_device
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import TYPE_NAMES, dtype
from ..graph.dtypes import dtype as dtype_type
from ..graph.shapes import View
from .creation import finished
from .from_data import construct, from_array, from_numpy
from .mapped_files import File


class UntypedStorage:
    """The memory of a tensor (and of all that share it) as bytes. Made by ``Tensor.untyped_storage()``."""

    def __init__(self, *arguments: Any, device: Any = None) -> None:
        source = arguments[0] if arguments else 0
        if isinstance(source, int):
            self._tensor: Tensor = construct(dtypes.uint8, source)
        elif isinstance(source, Sequence) and not isinstance(source, str):
            self._tensor = from_array(np.array(source, np.uint8))
        else:
            raise RuntimeError(f"torch.UntypedStorage(): Expected a sequence type, but got {type(source).__name__}")

    @classmethod
    def from_buffer(
        cls, buffer: Any, byte_order: str | None = None, count: int = -1, offset: int = 0, *, dtype: dtype_type
    ) -> Any:
        """A storage with a copy of ``count`` elements of a buffer, from the byte ``offset`` on, or of all that follow.

        ``byte_order``, "little", "big" or "native", is that of the buffer; bytes need none. ``ValueError`` for another,
        and for elements that the buffer does not have.
        """
        return cls._of(_from_buffer(buffer, byte_order, count, offset, dtype).view(dtypes.uint8))

    filename: str | None = None
    """The file that is written to, if there is one."""

    _untouched: tuple[File, Any] | None = None
    """A file that is shown and not written to, and the value of the memory before anything was written to it."""

    @classmethod
    def from_file(cls, filename: Any, shared: bool = False, nbytes: int = 0) -> Any:
        """The first ``nbytes`` of a file (elements, for a storage of elements); ``shared`` writes to it, and makes it."""
        file = File(filename, bool(shared))
        made = cls._of(file.bytes(0, nbytes))
        made._keep(file)
        return made

    def _keep(self, file: File) -> None:
        """Remember the file that the memory shows."""
        self.filename = file.name if file.shared else None
        self._untouched = None if file.shared else (file, self._tensor._share().node)

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
        return self._tensor.device

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
        if isinstance(index, slice):
            return self._part(index)
        return self._elements()[index].item()

    def _part(self, index: slice) -> Any:
        """A storage that shows some bytes of this one's memory."""
        start, stop, step = index.indices(self.nbytes())
        if step != 1:
            raise RuntimeError(f"Trying to slice with a step of {step}, but only a step of 1 is supported")
        nbytes = max(stop - start, 0)
        made = object.__new__(type(self))
        if self._untouched is not None and self._untouched[1] is self._tensor._share().node:
            made._tensor = self._untouched[0].bytes(start, nbytes)  # a tensor each, instead of one that all are parts of
        else:
            made._tensor = self._elements_as(dtypes.uint8)[start : start + nbytes]
        return made

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

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return self

    def share_memory_(self) -> Any:
        """Move the memory where other processes see it, as :meth:`Tensor.share_memory_` does."""
        self._tensor.share_memory_()
        return self

    def is_pinned(self, device: Any = None) -> bool:
        """No: nothing here transfers memory to another device."""
        return False

    def get_device(self) -> int:
        """-1, for a processor."""
        return -1

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

    def __reduce__(self) -> Any:
        from ..serialization import save

        file = io.BytesIO()
        save(self, file, _use_new_zipfile_serialization=False)
        return _load_from_bytes, (file.getvalue(),)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UntypedStorage) or other._tensor._storage is not self._tensor._storage:
            return False
        return other.nbytes() == self.nbytes() and other._start() == self._start()

    def __hash__(self) -> int:
        return id(self._tensor._storage)

    def _start(self) -> int:
        """Where the memory begins, in bytes, in that of the tensor."""
        return self._tensor.storage_offset() * self._tensor.itemsize


class TypedStorage(UntypedStorage):
    """The memory of a tensor as elements of its dtype. Made by ``Tensor.storage()``."""

    dtype: dtype_type

    def __init__(self, *arguments: Any, dtype: dtype_type | None = None, device: Any = None) -> None:
        self.dtype = dtype or getattr(type(self), "dtype", None) or dtypes.get_default_dtype()
        self._tensor = construct(self.dtype, *arguments)

    @classmethod
    def _of(cls, tensor: Tensor) -> Any:
        made = super()._of(tensor)
        made.dtype = tensor.dtype
        return made

    @classmethod
    def from_buffer(
        cls,
        buffer: Any,
        byte_order: str | None = None,
        count: int = -1,
        offset: int = 0,
        *,
        dtype: dtype_type | None = None,
    ) -> Any:
        """As :meth:`UntypedStorage.from_buffer`, of elements of the class's dtype or of ``dtype``."""
        d = dtype or getattr(cls, "dtype", None)
        if d is None:
            raise RuntimeError("TypedStorage.from_buffer: expected the keyword argument 'dtype'")
        return cls._of(_from_buffer(buffer, byte_order, count, offset, d))

    @classmethod
    def from_file(cls, filename: Any, shared: bool = False, size: int = 0) -> Any:
        """As :meth:`UntypedStorage.from_file`, for ``size`` elements of the class's dtype."""
        d = getattr(cls, "dtype", None) or dtypes.get_default_dtype()
        file = File(filename, bool(shared))
        made = cls._of(file.bytes(0, size * d.itemsize).view(d))
        made._keep(file)
        return made

    def _part(self, index: slice) -> Any:
        raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")

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


def _from_buffer(buffer: Any, byte_order: str | None, count: int, offset: int, d: dtype_type) -> Tensor:
    """Elements of a buffer as a tensor (count)."""
    if byte_order is None and d not in (dtypes.uint8, dtypes.int8):
        raise RuntimeError("function missing required argument 'byte_order' (pos 2)")
    if byte_order not in (None, "native", "little", "big"):
        raise ValueError(f"invalid byte_order '{byte_order}' (expected 'big', 'little', or 'native')")
    data = memoryview(buffer).cast("B")
    if not 0 <= offset <= len(data):
        raise ValueError(f"offset must be non-negative and no greater than buffer length ({len(data)}), but got {offset}")
    if count < 0:
        if (len(data) - offset) % d.itemsize:
            raise ValueError(f"buffer size ({len(data) - offset}) must be a multiple of element size ({d.itemsize})")
        count = (len(data) - offset) // d.itemsize
    if offset + count * d.itemsize > len(data):
        raise ValueError(
            f"buffer has only {len(data) - offset} elements after offset {offset}, but specified a size of {count}"
        )
    elements = np.frombuffer(data, np.dtype(f"u{d.itemsize}"), count, offset)
    elements = elements.byteswap() if byte_order not in (None, "native", sys.byteorder) else elements.copy()
    octets = elements.view(np.uint8)
    return from_array(octets != 0 if d is dtypes.bool_ else octets).view(d)


def _old_type(d: dtype_type) -> type[TypedStorage]:
    # PyTorch's files call them torch.FloatStorage, while the two classes above are in torch.storage.
    members = {"dtype": d, "__doc__": f"Storage of {d.name} elements.", "__module__": "flambeau"}
    return type(TYPE_NAMES[d] + "Storage", (TypedStorage,), members)


STORAGE_TYPES = {d: _old_type(d) for d in TYPE_NAMES if not d.stored}
FloatStorage, DoubleStorage = STORAGE_TYPES[dtypes.float32], STORAGE_TYPES[dtypes.float64]
HalfStorage, BFloat16Storage = STORAGE_TYPES[dtypes.float16], STORAGE_TYPES[dtypes.bfloat16]
LongStorage, IntStorage = STORAGE_TYPES[dtypes.int64], STORAGE_TYPES[dtypes.int32]
ShortStorage, CharStorage = STORAGE_TYPES[dtypes.int16], STORAGE_TYPES[dtypes.int8]
ByteStorage, BoolStorage = STORAGE_TYPES[dtypes.uint8], STORAGE_TYPES[dtypes.bool_]
ComplexFloatStorage, ComplexDoubleStorage = STORAGE_TYPES[dtypes.complex64], STORAGE_TYPES[dtypes.complex128]


class QInt8Storage(CharStorage):  # type: ignore[misc, valid-type]
    """The integers of quantized tensors of dtype ``qint8``."""

    __module__ = CharStorage.__module__


class QUInt8Storage(ByteStorage):  # type: ignore[misc, valid-type]
    """The integers of quantized tensors of dtype ``quint8``."""

    __module__ = CharStorage.__module__


class QInt32Storage(IntStorage):  # type: ignore[misc, valid-type]
    """The integers of quantized tensors of dtype ``qint32``."""

    __module__ = CharStorage.__module__


QUANTIZED_STORAGES: dict[dtype_type, type[UntypedStorage]] = {
    dtypes.int8: QInt8Storage,
    dtypes.uint8: QUInt8Storage,
    dtypes.int32: QInt32Storage,
}
"""Storages of quantized tensors, by the dtypes of their integers."""


def _load_from_bytes(data: bytes) -> Any:
    """The storage in ``data``, a file in memory: what pickling a storage of PyTorch's keeps. Such a pickle is trusted."""
    from ..serialization import load

    return load(io.BytesIO(data), weights_only=False)


# --- types of tensors of old ------------------------------------------------------------------------------------------


class TensorType(type):
    """Type of the old tensor types: ``isinstance`` looks at the dtype, a call makes a tensor (of sizes, or of data)."""

    dtype: dtype
    is_cuda = False
    is_sparse = False

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype and not instance.of_entries

    def __call__(cls, *arguments: Any, **keywords: Any) -> Tensor:
        return finished(construct(cls.dtype, *arguments, **keywords))

    def __repr__(cls) -> str:
        return f"<class 'torch.{cls.__name__}'>"


def _tensor_type(d: dtype) -> TensorType:
    name = TYPE_NAMES[d] + "Tensor"
    return TensorType(name, (), {"dtype": d, "__module__": "torch", "__doc__": f"Tensors of {d.name}."})


TENSOR_TYPES = {d: _tensor_type(d) for d in dtypes.ALL}
"""The old type of each dtype."""

FloatTensor, DoubleTensor = TENSOR_TYPES[dtypes.float32], TENSOR_TYPES[dtypes.float64]
HalfTensor, BFloat16Tensor = TENSOR_TYPES[dtypes.float16], TENSOR_TYPES[dtypes.bfloat16]
LongTensor, IntTensor = TENSOR_TYPES[dtypes.int64], TENSOR_TYPES[dtypes.int32]
ShortTensor, CharTensor = TENSOR_TYPES[dtypes.int16], TENSOR_TYPES[dtypes.int8]
ByteTensor, BoolTensor = TENSOR_TYPES[dtypes.uint8], TENSOR_TYPES[dtypes.bool_]

_BY_NAME = {f"torch.{t.__name__}": d for d, t in TENSOR_TYPES.items()}


def dtype_of(kind: Any) -> dtype:
    """The dtype that a dtype, an old tensor type or its name (``"torch.FloatTensor"``) stands for.

    ``ValueError`` for anything else; what ``check_device`` raises for types of tensors on other devices.
    """
    if isinstance(kind, dtype):
        return kind
    if isinstance(kind, TensorType):
        return kind.dtype
    if kind is Tensor:
        return dtypes.get_default_dtype()
    name = kind if isinstance(kind, str) else f"{getattr(kind, '__module__', '')}.{getattr(kind, '__name__', kind)}"
    if name.startswith("torch.cuda."):
        check_device("cuda")
    if name == "torch.Tensor":
        return dtypes.get_default_dtype()
    if name not in _BY_NAME:
        raise ValueError(f"invalid type: '{name}'")
    return _BY_NAME[name]
