"""New tensors from Python's numbers and sequences, and from NumPy's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.device import check_device
from ..core.storage import Storage
from ..core.tensor import Tensor
from ..cpu.memory import Buffer, allocate
from ..graph.dtypes import dtype as dtype_type
from ..graph.dtypes import get_default_dtype
from ..graph.notices import warn, warn_once
from ..graph.shapes import Size, View
from ..graph.trace import Node
from .creation import checked_sizes, filled, finished
from .nested import dtype_of_array, is_sequence, read_numbers
from .operation import operation


def from_array(array: np.ndarray) -> Tensor:
    """A tensor with a copy of an array's values; unsupported dtypes raise ``TypeError``."""
    array = np.asarray(array)
    if not array.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion between byte orders is "
            "currently not supported."
        )
    d = dtype_of_array(array)
    buffer = allocate(array.nbytes)
    buffer.peek(array.dtype, array.shape)[...] = array
    return Tensor._from_node(Node(Size(array.shape), d, None, 0, buffer))


def _data(data: Any, d: dtype_type | None) -> Tensor:
    """A new tensor with the values of numbers, nested sequences, arrays or a tensor."""
    if isinstance(data, Tensor):
        made = data.detach().clone()
    elif hasattr(data, "__array__") and not isinstance(data, np.generic):
        made = from_array(np.asarray(data))
    else:
        array, d = read_numbers(data, d)
        made = from_array(array)
    return made if d is None or made.dtype is d else made.to(d)


@operation(method=False)
def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A tensor with a copy of ``data``: numbers, nested sequences, arrays, tensors."""
    if isinstance(data, Tensor):
        warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor)."
        )
    return finished(_data(data, dtype), requires_grad, device)


@operation(method=False)
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """As :func:`tensor`, sharing memory (and history) with tensors and arrays where the dtype permits."""
    if device is not None:
        check_device(device)
    if isinstance(data, Tensor):
        made = data
    elif isinstance(data, np.ndarray) and all(s >= 0 for s in data.strides):
        made = from_numpy(data)
    else:
        return _data(data, dtype)
    return made if dtype is None or made.dtype is dtype else made.to(dtype)


@operation(method=False)
def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """As :func:`as_tensor`, and buffers are read as elements of ``dtype``. ``copy`` asks for a copy always, or never."""
    shared = obj
    if not isinstance(obj, (Tensor, np.ndarray, np.generic)):
        if _is_buffer(obj):
            shared = frombuffer(obj, dtype=dtype or get_default_dtype())
        elif copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
    made = tensor(shared, dtype=dtype) if copy else as_tensor(shared, dtype, device)
    if copy is False and shared.dtype != (made.dtype if isinstance(shared, Tensor) else made.dtype.numpy):
        raise ValueError(f"can't alias tensor with dtype '{shared.dtype}' into dtype '{made.dtype}'.")
    return finished(made.detach() if requires_grad else made, requires_grad)


def _is_buffer(obj: Any) -> bool:
    if isinstance(obj, (list, tuple, int, float)):
        return False
    try:
        memoryview(obj)
    except TypeError:
        return False
    return True


def _check_strides(array: np.ndarray) -> None:
    if any(s < 0 for s in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently "
            "supported. (You can probably work around this by making a copy of your array  with array.copy().) "
        )
    if any(s % array.itemsize for s in array.strides):
        raise ValueError("given numpy array strides not a multiple of the element byte size. Copy array and try again.")


@operation(method=False)
def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares an array's memory."""
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    if not ndarray.flags.writeable:
        warn_once(
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means writing "
            "to this tensor will result in undefined behavior. You may want to copy the array to protect its data or make "
            "it writable before converting it to a tensor. This type of warning will be suppressed for the rest of this "
            "program."
        )
    return sharing(ndarray)


def sharing(array: np.ndarray) -> Tensor:
    """:func:`from_numpy` without its warning."""
    d = dtype_of_array(array)
    contiguous = array.flags.c_contiguous
    if not contiguous:
        _check_strides(array)
    buffer = Buffer.from_numpy(array)
    if contiguous:
        return Tensor._from_node(Node(Size(array.shape), d, None, 0, buffer))
    view = View(array.shape, [s // array.itemsize for s in array.strides], 0)
    node = Node(Size((view.last_element() + 1,)), d, None, 0, buffer)
    return Tensor._from_node(node, view, Storage(node))


@operation(method=False)
def frombuffer(
    buffer: Any, *, dtype: dtype_type, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A one-dimensional tensor over the memory of a Python buffer."""
    d = dtype
    try:
        length = memoryview(buffer).nbytes
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    size = d.itemsize
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} bytes) minus 1"
        )
    if count < 0 and (length - offset) % size:
        raise ValueError(
            f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple of element size ({size})"
        )
    count = (length - offset) // size if count < 0 else count
    if offset + count * size > length:
        raise ValueError(
            f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) must not be greater than actual "
            f"buffer length ({length} bytes)"
        )
    storage = np.dtype(np.int16) if d.numpy is None else d.numpy
    made = from_numpy(np.frombuffer(buffer, dtype=storage, count=count, offset=offset))
    return finished(made if made.dtype is d else made.view(d), requires_grad)


@operation(function=False)
def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``data`` as a tensor of this tensor's dtype."""
    return tensor(data, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


@operation(function=False)
def new(self: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
    """The old constructor in this tensor's dtype: sizes, or data."""
    return construct(self.dtype, *arguments, **keywords)


def construct(d: dtype_type, *arguments: Any, size: Any = None, data: Any = None, device: Any = None) -> Tensor:
    """PyTorch's old constructors: integers are sizes, a sequence is data, a tensor is aliased."""
    if device is not None:
        check_device(device)
    if size is not None:
        arguments = (Size(size),)
    elif data is not None:
        arguments = (data,)
    if not arguments:
        return filled(Size((0,)), 0, d)
    first = arguments[0]
    if len(arguments) == 1:
        if hasattr(first, "_elements"):  # a storage
            first = first._elements()
        if isinstance(first, Tensor):
            if first.dtype is not d:
                raise TypeError(f"expected {d} (got {first.dtype})")
            return first.detach()
        if isinstance(first, np.ndarray) or is_sequence(first) and not isinstance(first, Size):
            return _data(first, d)
        if isinstance(first, (bool, float)) or not isinstance(first, Size) and not hasattr(first, "__index__"):
            raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    if not all(hasattr(n, "__index__") for n in arguments) and not isinstance(first, Size):
        kinds = ", ".join(type(n).__name__ for n in arguments)
        raise TypeError(
            f"new() received an invalid combination of arguments - got ({kinds}), but expected sizes, or data"
        )
    return filled(checked_sizes(arguments), 0, d)


def _of_default_dtype(*arguments: Any, **keywords: Any) -> Tensor:
    """``Tensor(...)``: a tensor of the default dtype, or a tensor of any dtype itself."""
    first = arguments[0] if len(arguments) == 1 else keywords.get("data")
    return construct(first.dtype if isinstance(first, Tensor) else get_default_dtype(), *arguments, **keywords)


Tensor._construct = staticmethod(_of_default_dtype)  # type: ignore[assignment]
Tensor._of_array = staticmethod(sharing)  # type: ignore[assignment]
