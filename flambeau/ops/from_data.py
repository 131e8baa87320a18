"""New tensors from Python's numbers and sequences, and from NumPy's arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cpu.memory import Buffer, allocate
from ..device import check_device
from ..graph import dtypes
from ..graph.dtypes import dtype as dtype_type
from ..graph.dtypes import get_default_dtype
from ..graph.shapes import Size, View
from ..graph.trace import Node
from ..storage import Storage
from ..tensor import Tensor
from .creation import checked_sizes, filled, finished
from .operation import operation


def from_array(array: np.ndarray) -> Tensor:
    """A tensor with a copy of an array's values; unsupported dtypes raise ``TypeError``."""
    array = np.asarray(array)
    if not array.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion between byte orders is "
            "currently not supported."
        )
    d = dtypes.FROM_NUMPY.get(array.dtype)
    if d is None:
        raise TypeError(
            f"can't convert np.ndarray of type {array.dtype}. The only supported types are: float64, float32, float16, "
            "int64, int32, int16, int8, uint8, and bool."
        )
    buffer = allocate(array.nbytes)
    buffer.peek(array.dtype, array.shape)[...] = array
    return Tensor._from_node(Node(Size(array.shape), d, None, 0, buffer))


def _infer(data: Any) -> dtype_type:
    """The dtype of nested Python data: bool, int64 or the default float, whichever takes all numbers."""
    array = np.array(data)
    if array.dtype.kind == "b":
        return dtypes.bool_
    if array.dtype.kind in "iu":
        return dtypes.int64
    if array.dtype.kind == "f" or array.size == 0:
        return get_default_dtype()
    raise TypeError(f"can't convert np.ndarray of type {array.dtype}.")


def _has_tensors(data: Any) -> bool:
    if isinstance(data, (list, tuple)):
        return any(_has_tensors(element) for element in data if type(element) is not int and type(element) is not float)
    return isinstance(data, Tensor)


def _plain(data: Any) -> Any:
    """Nested data with one-element tensors as numbers and arrays as they are."""
    if isinstance(data, (list, tuple)):
        return [_plain(element) for element in data]
    if isinstance(data, Tensor):
        return data.item() if data.ndim == 0 else data.detach().tolist()
    return data


def _check_ragged(data: Any, depth: int = 0) -> None:
    if isinstance(data, (list, tuple)):
        lengths = {len(e) if isinstance(e, (list, tuple)) else -1 for e in data}
        if len(lengths) > 1:
            first = next(iter(len(e) if isinstance(e, (list, tuple)) else 0 for e in data))
            other = next(
                len(e) if isinstance(e, (list, tuple)) else 0
                for e in data
                if (len(e) if isinstance(e, (list, tuple)) else 0) != first
            )
            raise ValueError(f"expected sequence of length {first} at dim {depth + 1} (got {other})")
        for element in data:
            _check_ragged(element, depth + 1)


def _data(data: Any, d: dtype_type | None) -> Tensor:
    if isinstance(data, Tensor):
        copy = data.detach().clone()
        return copy if d is None or d is copy.dtype else copy.to(d)
    if isinstance(data, np.ndarray) or isinstance(data, np.generic):
        made = from_array(np.asarray(data))
        return made if d is None or made.dtype is d else made.to(d)
    if isinstance(data, (list, tuple)) and data and isinstance(data[0], np.ndarray):
        made = from_array(np.array(data))
        return made if d is None or made.dtype is d else made.to(d)
    numpy_scalars = isinstance(data, (list, tuple)) and len(data) > 0 and all(isinstance(e, np.generic) for e in data)
    if _has_tensors(data):
        first = data
        while isinstance(first, (list, tuple)):
            first = first[0]
        if d is None and isinstance(first, Tensor):
            d = first.dtype
        data = _plain(data)
    if hasattr(data, "__array__") and not isinstance(data, (list, tuple, bool, int, float)):
        return _data(np.asarray(data), d)
    if isinstance(data, complex):
        raise TypeError("complex numbers are not supported yet")
    if (
        isinstance(data, (range, set, frozenset))
        or hasattr(data, "__iter__")
        and not isinstance(data, (list, tuple, str))
    ):
        data = list(data)
    if isinstance(data, str):
        raise TypeError("new(): invalid data type 'str'")
    if data is None:
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
    try:
        wanted = d or (dtypes.FROM_NUMPY.get(np.array(data).dtype) if numpy_scalars else None) or _infer(data)
        storage = wanted.numpy if wanted.numpy is not None else np.dtype(np.float32)
        if wanted.kind == "integer":
            source = np.array(data)
            if source.dtype == object:
                raise RuntimeError("Overflow when unpacking long")
            if source.dtype.kind == "f" and not np.isfinite(source).all():
                raise RuntimeError("value cannot be converted to type int64_t without overflow")
            array = source.astype(storage)
        else:
            array = np.array(data, dtype=storage)
    except (ValueError, TypeError) as error:
        _check_ragged(data)
        raise TypeError(f"new(): data must be a sequence of numbers ({error})") from None
    made = from_array(array)
    return made if made.dtype is wanted else made.to(wanted)


@operation(method=False)
def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A tensor with a copy of ``data``: numbers, nested sequences, arrays, tensors."""
    return finished(_data(data, dtype), requires_grad, device)


@operation(method=False)
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """As :func:`tensor`, sharing memory (and history) with tensors and arrays where the dtype permits."""
    if device is not None:
        check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype is dtype else data.to(dtype)
    if isinstance(data, np.ndarray) and data.dtype in dtypes.FROM_NUMPY and all(s >= 0 for s in data.strides):
        made = from_numpy(data)
        return made if dtype is None or made.dtype is dtype else made.to(dtype)
    return _data(data, dtype)


@operation(method=False)
def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """As :func:`as_tensor`; ``copy`` asks for a copy always."""
    made = tensor(obj, dtype=dtype) if copy else as_tensor(obj, dtype, device)
    return finished(made, requires_grad)


def _check_strides(array: np.ndarray) -> None:
    if any(s < 0 for s in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not currently "
            "supported. (You can probably work around this by making a copy of your array  with array.copy().) "
        )
    if any(s % array.itemsize for s in array.strides):
        raise ValueError("given numpy array strides not a multiple of the element byte size. Copy array and try again.")


@operation(method=False)
def from_numpy(array: np.ndarray) -> Tensor:
    """A tensor that shares an array's memory."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    d = dtypes.FROM_NUMPY.get(array.dtype)
    if d is None:
        from_array(array)  # raises with PyTorch's message
    assert d is not None
    flags = array.flags
    contiguous, writeable = flags.c_contiguous, flags.writeable
    if not contiguous:
        _check_strides(array)
    if not writeable:
        import warnings

        warnings.warn(
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means writing "
            "to this tensor will result in undefined behavior. You may want to copy the array to protect its data or make "
            "it writable before converting it to a tensor. This type of warning will be suppressed for the rest of this "
            "program.",
            UserWarning,
            stacklevel=2,
        )
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
    return finished(from_numpy(np.frombuffer(buffer, dtype=dtype.numpy, count=count, offset=offset)), requires_grad)


@operation(function=False)
def new_tensor(
    self: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``data`` as a tensor of this tensor's dtype."""
    return tensor(data, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


@operation(function=False)
def new(self: Tensor, *arguments: Any) -> Tensor:
    """The old constructor in this tensor's dtype: sizes, or data."""
    return construct(self.dtype, *arguments)


def construct(d: dtype_type, *arguments: Any) -> Tensor:
    """PyTorch's old constructors: integers are sizes, a sequence is data, a tensor is aliased."""
    if not arguments:
        return filled(Size((0,)), 0, d)
    first = arguments[0]
    if len(arguments) == 1:
        if isinstance(first, Size):
            return filled(checked_sizes((first,)), 0, d)
        if isinstance(first, Tensor):
            if first.dtype is not d:
                raise TypeError(f"expected {d} (got {first.dtype})")
            return first.detach()
        if isinstance(first, (list, tuple, np.ndarray)) or hasattr(first, "__iter__"):
            return _data(np.asarray(first) if isinstance(first, np.ndarray) else list(first), d)
        if isinstance(first, float):
            raise TypeError("new(): data must be a sequence (got float)")
    return filled(checked_sizes(arguments), 0, d)


Tensor._construct = staticmethod(lambda *arguments, **keywords: construct(get_default_dtype(), *arguments))  # type: ignore[assignment]
Tensor._of_array = staticmethod(from_numpy)  # type: ignore[assignment]
