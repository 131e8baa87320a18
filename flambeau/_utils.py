"""Small things that PyTorch keeps under this name and that files and programs refer to."""

from __future__ import annotations

import importlib
import sys
import threading
import traceback
from collections import OrderedDict
from math import prod
from typing import Any

import flambeau

from .interpreter.naming import internal_module

__all__ = ["ExceptionWrapper", "KeyErrorMessage", "_rebuild_array", "_rebuild_parameter", "_rebuild_tensor", "_rebuild_tensor_v2"]


#: What PyTorch pickles of ``torch.channels_last`` is looked up as ``torch._utils.torch.channels_last``.
torch = flambeau


class KeyErrorMessage(str):
    """Text whose ``repr`` is itself: ``KeyError`` shows its argument's ``repr``, which would flatten a traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class ExceptionWrapper:
    """An exception as text, to be raised again in another process or thread."""

    def __init__(self, exc_info: Any = None, where: str = "in background") -> None:
        kind, value, trace = exc_info if exc_info is not None else sys.exc_info()
        self.exc_type: Any = kind
        self.exc_msg = "".join(traceback.format_exception(kind, value, trace))
        self.where = where

    def reraise(self) -> Any:
        """Raise an exception of the same type whose message holds the whole original traceback."""
        message = f"Caught {self.exc_type.__name__} {self.where}.\nOriginal {self.exc_msg}"
        if self.exc_type is KeyError:
            message = KeyErrorMessage(message)
        try:
            error = self.exc_type(message)
        except Exception:  # a type that wants other arguments
            raise RuntimeError(message) from None
        raise error


#: Beyond these a view is not one that a tensor can have.
_MOST_DIMENSIONS = 64
_MOST_BYTES = (1 << 63) - 1


def _rebuild_tensor(storage: Any, storage_offset: int, size: Any, stride: Any) -> Any:
    """A tensor that looks at ``storage``.

    The file is not to be trusted: ``RuntimeError`` for a tensor that reaches outside its storage or is no tensor.
    """
    sizes, strides = tuple(size), tuple(stride)
    numbers = (storage_offset, *sizes, *strides)
    if len(sizes) > _MOST_DIMENSIONS or len(sizes) != len(strides) or not all(type(n) is int for n in numbers):
        raise RuntimeError("Trying to create a tensor of impossible sizes, strides and offset")
    memory = storage._tensor
    last = storage_offset + sum((extent - 1) * step for extent, step in zip(sizes, strides))
    possible = min(numbers) >= 0 and max(*numbers, prod(sizes) * memory.itemsize) <= _MOST_BYTES
    if not possible or (0 not in sizes and last >= memory.numel()):
        raise RuntimeError(
            f"Trying to create tensor out of bounds for storage: sizes {list(sizes)}, strides {list(strides)}, offset "
            f"{storage_offset}, and a storage of {memory.numel()} elements"
        )
    return memory.as_strided(sizes, strides, memory.storage_offset() + storage_offset)


def _rebuild_tensor_v2(
    storage: Any,
    storage_offset: int,
    size: Any,
    stride: Any,
    requires_grad: bool,
    backward_hooks: Any,
    metadata: Any = None,
) -> Any:
    """As :func:`_rebuild_tensor`, with what autograd knows of the tensor.

    Of ``metadata`` PyTorch's marks "neg" and "conj" count: the memory holds the opposite numbers (the imaginary part of a
    conjugate), or the conjugates.
    """
    tensor = _rebuild_tensor(storage, storage_offset, size, stride)
    if isinstance(metadata, dict) and metadata.get("neg"):
        tensor = -tensor
    if isinstance(metadata, dict) and metadata.get("conj"):
        tensor = tensor.conj()
    tensor.requires_grad_(requires_grad)
    return tensor


def _rebuild_tensor_v3(
    storage: Any,
    storage_offset: int,
    size: Any,
    stride: Any,
    requires_grad: bool,
    backward_hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Any:
    """As :func:`_rebuild_tensor_v2` over a storage of bytes."""
    elements = type(storage)._of(storage._tensor.view(dtype))
    return _rebuild_tensor_v2(elements, storage_offset, size, stride, requires_grad, backward_hooks, metadata)


class _Reading(threading.local):
    """What is known of the file that this thread reads."""

    #: Its sparse tensors, whose memory may come later; None while no file is read.
    sparse: list[Any] | None = None


reading = _Reading()


def _rebuild_sparse_tensor(layout: Any, data: Any) -> Any:
    """A sparse tensor of its parts.

    ``RuntimeError`` if they do not fit each other, which may only be seen when the whole file has been read.
    """
    from .ops.sparse import CompressedTensor, CooTensor

    *parts, size = data[:3] if layout is flambeau.sparse_coo else data
    count = 2 if layout is flambeau.sparse_coo else 3
    if len(parts) != count or not all(type(part) is flambeau.Tensor for part in parts):
        raise RuntimeError("Trying to create a sparse tensor of what are no dense tensors")
    tracked = parts[-1].requires_grad
    plain = [part.detach() for part in parts]
    if layout is flambeau.sparse_coo:
        made: Any = CooTensor.of(plain[0], plain[1], size, len(data) > 3 and bool(data[3]))
    else:
        made = CompressedTensor.of(plain[0], plain[1], plain[2], size, layout)
    if reading.sparse is None:
        made.validate()
    else:
        reading.sparse.append(made)
    return made.requires_grad_(tracked)


def _rebuild_parameter(data: Any, requires_grad: bool, backward_hooks: OrderedDict[Any, Any]) -> Any:
    """A parameter over the memory of ``data``."""
    return flambeau.nn.Parameter(data, requires_grad)


def _rebuild_parameter_with_state(
    data: Any, requires_grad: bool, backward_hooks: OrderedDict[Any, Any], state: dict[str, Any]
) -> Any:
    """A parameter that carries attributes of its own."""
    if not isinstance(state, dict):
        raise TypeError(f"the attributes of a parameter as a {type(state).__name__}, not a dict")
    parameter = _rebuild_parameter(data, requires_grad, backward_hooks)
    parameter.__dict__.update(state)
    return parameter


def _rebuild_qtensor(
    storage: Any, storage_offset: int, size: Any, stride: Any, quantizer_params: Any, requires_grad: bool, backward_hooks: Any
) -> Any:
    """A quantized tensor whose integers are in ``storage``; ``RuntimeError`` for parameters that say nothing of these.

    ``quantizer_params`` are the scheme, scales and zero points, and for scales per channel the axis.
    """
    from .graph.schemes import SCHEMES
    from .ops.quantized import QuantizedTensor
    from .ops.quantized.scheme import QUANTIZED, Scale, of_tensor

    integers = _rebuild_tensor(storage, storage_offset, size, stride)
    scheme, scale, zero_point, *axis = quantizer_params
    if integers.dtype not in QUANTIZED or scheme not in SCHEMES.values():
        raise RuntimeError(f"Can't deserialize quantized tensor with qscheme {scheme} and integers of {integers.dtype}")
    if not axis:
        if not isinstance(scale, (int, float)) or not isinstance(zero_point, int):
            raise RuntimeError("Can't deserialize a quantized tensor whose scale and zero point are no numbers")
        return QuantizedTensor.of(integers, of_tensor(float(scale), zero_point))
    tensors = type(scale) is flambeau.Tensor and type(zero_point) is flambeau.Tensor
    fits = tensors and type(axis[0]) is int and 0 <= axis[0] < integers.ndim
    if not fits or not (integers.shape[axis[0]],) == tuple(scale.shape) == tuple(zero_point.shape):
        raise RuntimeError("Can't deserialize a quantized tensor whose scales do not fit its sizes")
    return QuantizedTensor.of(integers, Scale(scale.detach(), zero_point.detach(), axis[0]))


#: What files may call to make tensors.
REBUILDING = (
    _rebuild_tensor,
    _rebuild_tensor_v2,
    _rebuild_tensor_v3,
    _rebuild_sparse_tensor,
    _rebuild_qtensor,
    _rebuild_parameter,
    _rebuild_parameter_with_state,
)


def _rebuild_array(cls: Any, array: Any, name: str, shape: tuple[int, ...], tracked: bool, state: dict) -> Any:
    """A tensor from what pickling it kept: class, values, dtype's name, sizes, whether it requires grad, attributes."""
    from .cpu.memory import Buffer
    from .graph.dtypes import BY_NAME
    from .graph.shapes import Size
    from .graph.trace import Node

    d, sizes = BY_NAME[name], Size(shape)
    if array.nbytes != prod(sizes) * d.itemsize:
        raise RuntimeError(f"damaged: {array.nbytes} bytes for a tensor of sizes {list(sizes)} and dtype {d}")
    tensor = cls._from_node(Node(sizes, d, None, 0, Buffer.from_numpy(array.copy())))
    tensor._tracked = tracked
    tensor.__dict__.update(state)
    return tensor


# --- lists of tensors, devices, modules by name ------------------------------------------------------------------------


def _flatten_dense_tensors(tensors: Any) -> Any:
    """All elements of tensors of one dtype, one after the other, in one dimension."""
    return flambeau.cat([tensor.reshape(-1) for tensor in tensors]) if tensors else flambeau.empty(0)


def _unflatten_dense_tensors(flat: Any, tensors: Any) -> tuple[Any, ...]:
    """Views of ``flat`` with the sizes of ``tensors``, one after the other."""
    views, start = [], 0
    for tensor in tensors:
        views.append(flat[start : start + tensor.numel()].view(tensor.shape))
        start += tensor.numel()
    return tuple(views)


def _take_tensors(tensors: Any, size_limit: int) -> Any:
    """Lists of tensors of one type, each as long as it stays below ``size_limit`` bytes, but for single tensors."""
    waiting: dict[str, tuple[list[Any], int]] = {}
    for tensor in tensors:
        kind, size = tensor.type(), tensor.numel() * tensor.element_size()
        found, bytes_of_found = waiting.get(kind, ([], 0))
        if found and bytes_of_found + size > size_limit:
            yield found
            found, bytes_of_found = [], 0
        waiting[kind] = [*found, tensor], bytes_of_found + size
    for found, _ in waiting.values():
        if found:
            yield found


def _reorder_tensors_as(tensors: Any, ordered_tensors: Any) -> tuple[Any, ...]:
    """``tensors``, which are grouped by type, in the order in which the types come in ``ordered_tensors``."""
    by_type: dict[str, list[Any]] = {}
    for tensor in tensors:
        by_type.setdefault(tensor.type(), []).append(tensor)
    following = {kind: iter(group) for kind, group in by_type.items()}
    return tuple([next(following[tensor.type()]) for tensor in ordered_tensors])


def _get_device_index(device: Any, optional: bool = False, allow_cpu: bool = False) -> int:
    """The number of a device: -1 for the CPU, if that is allowed; ``ValueError`` for a device without one."""
    if isinstance(device, str):
        device = flambeau.device(device)
    if isinstance(device, flambeau.device):
        if not allow_cpu and device.type == "cpu":
            raise ValueError(f"Expected a non cpu device, but got: {device}")
        index = -1 if device.type == "cpu" else device.index
    else:
        index = device
    if isinstance(index, int):
        return index
    if optional:
        return flambeau.accelerator.current_device_index()  # type: ignore[no-any-return]
    raise ValueError(f"Expected a torch.device with a specified index or an integer, but got:{device}")


def _get_all_device_indices() -> None:
    """The numbers of all accelerators: there is none."""


def _get_available_device_type() -> None:
    """The type of the accelerator: there is none."""


def _get_device_module(device_type: str) -> Any:
    """The module of a type of device (``torch.cuda``)."""
    module = getattr(flambeau, device_type, None)
    if module is None:
        raise RuntimeError(f"Device '{device_type}' does not have a corresponding module registered as 'torch.{device_type}'.")
    return module


def get_device_module(device: Any = None) -> Any:
    """The module of a device's type, ``torch.cpu`` for the device that there is."""
    kind = "cpu" if device is None else flambeau.device(device).type
    return importlib.import_module(internal_module(f"torch.{kind}")) if kind == "cpu" else _get_device_module(kind)


def _element_size(dtype: Any) -> int:
    """The bytes of an element."""
    if not isinstance(dtype, flambeau.dtype):
        raise RuntimeError(f"expected torch.dtype, but got {type(dtype)}")
    return dtype.itemsize


def _import_dotted_name(name: str) -> Any:
    """What ``package.module.name`` is."""
    first, *rest = name.split(".")
    found = __import__(first)
    for part in rest:
        found = getattr(found, part)
    return found


class classproperty:  # noqa: N801
    """A property of a class."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self.function(type(instance) if owner is None else owner)
