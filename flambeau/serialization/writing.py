"""Writing PyTorch's file formats: a zip archive, or the pickles in a row that came before it."""

from __future__ import annotations

import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from types import FunctionType
from typing import IO, Any

import flambeau

from .. import _utils
from ..core.device import device, layout
from ..core.tensor import Tensor
from ..graph.dtypes import TYPE_NAMES, dtype
from ..graph.named_dtypes import NamedDtype
from ..graph.schemes import qscheme
from ..graph.shapes import Size
from ..interpreter.naming import internal_module, published_module
from ..ops.storages import QUANTIZED_STORAGES, TypedStorage, UntypedStorage
from .memory import STORAGES, Memory, _get_layout, owner_and_layout

_ALIGNMENT = 64
_ZIP_HEADER = 30
_ZIP64_EXTRA = 20
_PADDING_HEADER = 4

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_VERSION = 1001
LEGACY_SYSTEM = {
    "protocol_version": LEGACY_VERSION,
    "little_endian": sys.byteorder == "little",
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}


_PythonPickler: Any = pickle._Pickler  # type: ignore[attr-defined]


class FilePickler(_PythonPickler):
    """Pickles with tensors' memory left out, and with PyTorch's names for what is Flambeau's.

    The standard library's pickler in Python, because the one in C can only write names that can be imported: a file
    says ``torch._utils`` whether or not this process has such a module. ``memories`` is what was left out.
    """

    def __init__(self, file: IO[bytes], protocol: int, legacy: bool = False) -> None:
        super().__init__(file, protocol)
        self.memories: list[Memory] = []
        self._by_owner: dict[int, Memory] = {}
        self._legacy = legacy

    def _memory(self, owner: Any, node: Any, kind: type[UntypedStorage]) -> Memory:
        memory = self._by_owner.get(id(owner))
        if memory is None:
            memory = Memory(owner, node, str(len(self.memories)), kind)
            self.memories.append(memory)
            self._by_owner[id(owner)] = memory
        elif memory.type is not kind:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different types "
                f"({memory.type.__name__} and {kind.__name__})"
            )
        return memory

    def _memory_of_storage(self, storage: UntypedStorage) -> Memory:
        elements = storage._tensor
        owner, node, _, _ = owner_and_layout(flambeau.view_as_real(elements) if elements.of_pairs else elements)
        if isinstance(storage, TypedStorage):
            kind = STORAGES[TYPE_NAMES[storage.dtype] + "Storage"]
        else:
            kind = self._untyped()
        return self._memory(owner, node, kind)

    def _untyped(self) -> type[UntypedStorage]:
        """Memory without a dtype, of which the old format knows nothing."""
        return STORAGES["ByteStorage"] if self._legacy else UntypedStorage

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, UntypedStorage):
            value = self._memory_of_storage(value)
        elif not isinstance(value, Memory):
            return None
        identity: tuple[Any, ...] = ("storage", value.type, value.key, "cpu", value.numel)
        return (*identity, None) if self._legacy else identity

    def reducer_override(self, value: Any) -> Any:
        """How Flambeau's objects are taken apart in PyTorch's files."""
        if isinstance(value, Tensor):
            return reduced_tensor(value, self._memory, self._untyped())
        if isinstance(value, Size):
            return Size, (tuple(value),)
        if isinstance(value, device):
            return device, (value.type,) if value.index is None else (value.type, value.index)
        if type(value) is layout:
            return _get_layout, (repr(value),)
        return NotImplemented

    def _save_named(self, value: dtype | qscheme) -> None:
        self._write_name(value, "torch", value.name)

    def save_global(self, value: Any, name: str | None = None) -> None:
        """Write the name of a class or a function."""
        module = getattr(value, "__module__", None) or ""
        own_name = name if name is not None else str(getattr(value, "__qualname__", ""))
        if module.startswith("flambeau") and "." not in own_name:
            published = published_module(module)
            # PyTorch's name is right only if it leads back to the same thing.
            there = sys.modules.get(internal_module(published))
            if there is not None and getattr(there, own_name, None) is value:
                self._write_name(value, published, own_name)
                return
        super().save_global(value, name)

    def _write_name(self, value: Any, module: str, name: str) -> None:
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(value)

    dispatch = {
        **_PythonPickler.dispatch,
        dtype: _save_named,
        NamedDtype: _save_named,
        qscheme: _save_named,
        FunctionType: save_global,
    }


def reduced_tensor(tensor: Tensor, memory_of: Callable[..., Any], untyped: type[UntypedStorage] = UntypedStorage) -> Any:
    """How a tensor is taken apart: a function of PyTorch's that makes one, and what that is given.

    ``memory_of`` gives what stands for memory, of an owner, its value and the class of storages that it counts as.
    """
    kind = type(tensor)
    state = dict(tensor.__dict__)
    hooks: OrderedDict[Any, Any] = OrderedDict()
    if kind is not Tensor and isinstance(tensor, flambeau.nn.Parameter):
        parameter = (tensor.detach(), tensor.requires_grad, hooks)
        if state:
            return _utils._rebuild_parameter_with_state, (*parameter, state)
        return _utils._rebuild_parameter, parameter
    if tensor.of_entries:
        parts = [part.detach() for _, part in tensor.named_parts()]
        rest = (tensor.is_coalesced(),) if tensor.is_sparse else ()
        data = (*parts, tensor.shape, *rest)
        if tensor.__dict__.get("_is_param"):
            return _utils._rebuild_parameter, (tensor.detach(), tensor.requires_grad, hooks)
        return _utils._rebuild_sparse_tensor, (tensor.layout, data)
    if tensor.is_quantized:
        return _reduced_quantized_tensor(tensor, memory_of, hooks)
    if tensor.of_pairs:
        tensor = tensor.resolve_conj()
        owner, node, offset, _ = owner_and_layout(flambeau.view_as_real(tensor.detach()))
        offset, strides, kind = offset // 2, tensor.stride(), Tensor
    else:
        owner, node, offset, strides = owner_and_layout(tensor)
    typed = STORAGES.get(TYPE_NAMES[tensor.dtype] + "Storage")  # dtypes that are only stored have none
    memory = memory_of(owner, node, typed or untyped)
    arguments: tuple[Any, ...] = (memory, offset, tuple(tensor.shape), strides, tensor.requires_grad, hooks)
    rebuild: Any = _utils._rebuild_tensor_v2
    if typed is None:
        rebuild, arguments = _utils._rebuild_tensor_v3, (*arguments, tensor.dtype)
    if kind is Tensor and not state:
        return rebuild, arguments
    from .._tensor import _rebuild_from_type_v2

    return _rebuild_from_type_v2, (rebuild, kind, arguments, state)


def _reduced_quantized_tensor(tensor: Any, memory_of: Callable[..., Any], hooks: Any) -> Any:
    owner, node, offset, strides = owner_and_layout(tensor._integers)
    memory = memory_of(owner, node, QUANTIZED_STORAGES[tensor._integers.dtype])
    scheme = tensor.qscheme()
    if tensor._scale.axis is None:
        parameters: tuple[Any, ...] = (scheme, tensor.q_scale(), tensor.q_zero_point())
    else:
        parameters = (scheme, *tensor._scale)
    return _utils._rebuild_qtensor, (memory, offset, tuple(tensor.shape), strides, parameters, False, hooks)


def foreign_pickler(pickle_module: Any, file: IO[bytes], protocol: int) -> Any:
    """A pickler of another module (such as dill) that leaves out memory as :class:`FilePickler` does.

    Names are written as that module does, so that only Flambeau reads the file.
    """
    own = FilePickler(BytesIO(), protocol)

    class Pickler(pickle_module.Pickler):  # type: ignore[misc,name-defined]
        memories = own.memories

        def persistent_id(self, value: Any) -> Any:
            identity = own.persistent_id(value)
            return None if identity is None else (identity[0], identity[1].__name__, *identity[2:])

        def reducer_override(self, value: Any) -> Any:
            reduced = own.reducer_override(value)
            if reduced is NotImplemented and hasattr(super(), "reducer_override"):
                return super().reducer_override(value)
            return reduced

    return Pickler(file, protocol)


def write_zip(value: Any, file: IO[bytes], name: str, pickle_module: Any, protocol: int) -> None:
    """Write an archive of ``name/data.pkl`` and one record for each memory, each at a multiple of 64 bytes."""
    stream = BytesIO()
    pickler = (
        FilePickler(stream, protocol) if pickle_module is pickle else foreign_pickler(pickle_module, stream, protocol)
    )
    pickler.dump(value)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:

        def record(entry: str, data: Any) -> None:
            info = zipfile.ZipInfo(f"{name}/{entry}")
            length = len(data)
            assert archive.fp is not None
            start = archive.fp.tell() + _ZIP_HEADER + len(info.filename.encode()) + _PADDING_HEADER
            if length * 1.05 > zipfile.ZIP64_LIMIT:
                start += _ZIP64_EXTRA
            padding = -start % _ALIGNMENT
            info.extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
            archive.writestr(info, data)

        record("data.pkl", stream.getvalue())
        record("byteorder", sys.byteorder.encode())
        for memory in pickler.memories:
            record(f"data/{memory.key}", memory.bytes())
        record("version", b"3\n")


def write_legacy(value: Any, file: IO[bytes], protocol: int) -> None:
    """Write the format of PyTorch before 1.6: pickles in a row, then each memory behind its length."""
    pickle.dump(LEGACY_MAGIC, file, protocol)
    pickle.dump(LEGACY_VERSION, file, protocol)
    pickle.dump(LEGACY_SYSTEM, file, protocol)
    pickler = FilePickler(file, protocol, legacy=True)
    pickler.dump(value)
    pickle.dump([memory.key for memory in pickler.memories], file, protocol)
    for memory in pickler.memories:
        file.write(struct.pack("<q", memory.numel))
        file.write(memory.bytes())
