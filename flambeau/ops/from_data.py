"""New tensors from Python's numbers and sequences, and from NumPy's arrays."""

from __future__ import annotations

import operator
from array import array as packed
from collections.abc import Iterable, Sequence
from ctypes import memmove
from functools import reduce
from typing import Any

import numpy as np

from ..core.at_once import SMALL, element
from ..core.device import check_device
from ..core.meta import names_meta, without_values
from ..core.storage import Storage
from ..core.tensor import Tensor
from ..cpu.memory import Buffer, allocate
from ..graph import dtypes
from ..graph.dtypes import dtype as dtype_type
from ..graph.dtypes import get_default_dtype, promote_types
from ..graph.notices import warn, warn_once
from ..graph.shapes import Size, View
from ..graph.trace import Node
from .creation import checked_sizes, filled, finished
from .operation import operation

_DEEPEST = 128
_PLAIN = {float, int, bool}


def read_numbers(data: Any, d: dtype_type | None) -> tuple[np.ndarray, dtype_type]:
    """The numbers of a scalar or a nested sequence as an array, and their dtype: ``d``, or what they promote to.

    bfloat16 comes as float32. ``ValueError`` for extents that differ, ``TypeError`` for what is no number, ``RuntimeError``
    for numbers beyond the range of an integer ``d`` and where no dtype can be told.
    """
    leaves, shape = _flattened(data)
    found = _common_dtype(leaves) if d is None else d
    if len(leaves) and isinstance(leaves[0], np.ndarray) and leaves[0].ndim:
        return _stacked(leaves, found).reshape(shape), found
    return _converted(leaves, found).reshape(shape), found


# Numbers in nested sequences are read as PyTorch reads them. The first elements tell the extents, all elements the dtype: that
# which the dtypes of Python's numbers (the default float, int64, bool), NumPy's scalars and arrays, and tensors of one element
# promote to.

# --- extents ------------------------------------------------------------------------------------------------------


def is_sequence(value: Any) -> bool:
    """Whether elements are looked for inside: by protocol, as Python's C interface tells; not in tensors and scalars."""
    kind = type(value)
    if kind is float or kind is int:
        return False
    if kind is list or kind is tuple:
        return True
    if isinstance(value, (Tensor, np.generic, dict)) or not hasattr(kind, "__getitem__"):
        return False
    return not isinstance(value, np.ndarray) or value.ndim > 0


def _check_depth(data: Any) -> None:
    for _ in range(_DEEPEST + 1):
        if isinstance(data, bytes):
            raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
        if not is_sequence(data) or not len(data):
            return
        data = data[0]
    raise ValueError(f"too many dimensions '{type(data).__name__}'")


def _flattened(data: Any) -> tuple[Sequence[Any], tuple[int, ...]]:
    """All elements in row-major order, and the extents. Arrays that nothing but arrays lie beside stay whole."""
    if isinstance(data, str):
        raise TypeError("new(): invalid data type 'str'")
    _check_depth(data)
    leaves: Sequence[Any] = [data]
    shape: tuple[int, ...] = ()
    while leaves and is_sequence(leaves[0]):
        first = leaves[0]
        if isinstance(first, np.ndarray) and all(isinstance(leaf, np.ndarray) for leaf in leaves):
            for leaf in leaves:
                _check_extents(first.shape, leaf.shape, len(shape))
            return leaves, shape + first.shape
        members: list[Any] = []
        for leaf in leaves:
            inner = _members(leaf)
            _check_extents((len(first),), (len(inner),), len(shape))
            members.extend(inner)
        shape += (len(first),)
        leaves = members
    return leaves, shape


def _members(value: Any) -> Sequence[Any]:
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(value).__name__}'")
    if isinstance(value, Tensor) and value.ndim:
        return value.detach().unbind(0)  # type: ignore[no-any-return]
    if not is_sequence(value):
        raise TypeError("not a sequence")
    return list(value)


def _check_extents(wanted: tuple[int, ...], got: tuple[int, ...], dim: int) -> None:
    if wanted == got:
        return
    for place, (extent, other) in enumerate(zip(wanted, got), dim):
        if extent != other:
            raise ValueError(f"expected sequence of length {extent} at dim {place} (got {other})")
    raise TypeError(
        "not a sequence" if len(got) < len(wanted) else "only one-element arrays can be converted to numbers"
    )


# --- dtype --------------------------------------------------------------------------------------------------------


def _common_dtype(leaves: Sequence[Any]) -> dtype_type:
    kinds = set(map(type, leaves))
    found: Iterable[dtype_type]
    if kinds <= _PLAIN:
        found = {_dtype_of_kind(kind) for kind in kinds}
    else:
        found = {_dtype_of(leaf) for leaf in leaves}
    return reduce(promote_types, found) if found else get_default_dtype()


def _dtype_of_kind(kind: type) -> dtype_type:
    if issubclass(kind, float):
        return get_default_dtype()
    return dtypes.bool_ if issubclass(kind, bool) else dtypes.int64


def _dtype_of(leaf: Any) -> dtype_type:
    if isinstance(leaf, Tensor):
        return leaf.dtype
    if isinstance(leaf, (np.ndarray, np.generic)):
        return dtype_of_array(leaf)
    if isinstance(leaf, (float, int)):
        return _dtype_of_kind(type(leaf))
    if isinstance(leaf, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(leaf).__name__}'")
    if isinstance(leaf, complex):
        raise TypeError("complex numbers are not supported yet")
    if is_sequence(leaf):  # no number, as its conversion will say
        return _common_dtype(list(leaf))
    raise RuntimeError(f"Could not infer dtype of {type(leaf).__name__}")


def dtype_of_array(array: np.ndarray | np.generic) -> dtype_type:
    """The dtype of a tensor with an array's elements; ``TypeError`` where there is none."""
    found = dtypes.FROM_NUMPY.get(array.dtype)
    if found is None or not array.dtype.isnative:
        raise TypeError(
            f"can't convert np.ndarray of type {array.dtype}. The only supported types are: float64, float32, float16, "
            "int64, int32, int16, int8, uint8, and bool."
        )
    return found


# --- values -------------------------------------------------------------------------------------------------------


def _stacked(arrays: Sequence[np.ndarray], d: dtype_type) -> np.ndarray:
    for array in arrays:
        dtype_of_array(array)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.stack([array.astype(_storage(d), copy=False) for array in arrays])


def _storage(d: dtype_type) -> np.dtype:
    return np.dtype(np.float32) if d.numpy is None else d.numpy  # type: ignore[no-any-return]


def _converted(leaves: Sequence[Any], d: dtype_type) -> np.ndarray:
    plain = set(map(type, leaves)) <= _PLAIN
    if d.kind == "float":
        with np.errstate(over="ignore"):
            return np.array(leaves if plain else [float(leaf) for leaf in leaves], dtype=_storage(d))
    if d.kind == "bool":
        return np.array(leaves if plain else [_truth(leaf) for leaf in leaves], dtype=np.bool_)
    if not plain or float in map(type, leaves):
        return np.array([_whole(leaf, d) for leaf in leaves], dtype=np.int64).astype(_storage(d))
    if d is dtypes.uint64:
        return np.array([int(leaf) for leaf in leaves], dtype=np.uint64)  # OverflowError for others than these
    try:
        wide = np.array(leaves, dtype=np.int64)
    except OverflowError:
        raise ValueError("Overflow when unpacking long long") from None
    if d is not dtypes.int64 and wide.size:
        _whole(int(wide.max()), d)
        _whole(int(wide.min()), d)
    return wide.astype(_storage(d))


def _truth(leaf: Any) -> bool:
    return bool(leaf if isinstance(leaf, (float, np.bool_)) else operator.index(leaf))


def _whole(leaf: Any, d: dtype_type) -> int:
    """A number without its fraction. ``RuntimeError`` beyond the range of ``d``, ``ValueError`` beyond that of int64.

    Negative integers may stand for unsigned ones: -1 is the greatest.
    """
    limits = np.iinfo(_storage(d))
    least: int = limits.min
    if isinstance(leaf, float):
        number: Any = leaf
    else:
        number = int(leaf) if isinstance(leaf, np.bool_) else operator.index(leaf)
        if not -(1 << 63) <= number < 1 << 63:
            raise ValueError("Overflow when unpacking long long")
        least = least or -limits.max
    if not least <= number <= limits.max:
        raise RuntimeError(f"value cannot be converted to type {d.name} without overflow")
    return int(number)


def from_array(array: np.ndarray) -> Tensor:
    """A tensor with a copy of an array's values; unsupported dtypes raise ``TypeError``."""
    array = np.asarray(array)
    if not array.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion between byte orders is "
            "currently not supported."
        )
    d = dtype_of_array(array)
    size = array.nbytes
    buffer = allocate(size)
    if size <= SMALL:
        memmove(buffer.address, array.tobytes(), size)  # without an array of the memory, which takes longer
    else:
        buffer.peek(array.dtype, array.shape)[...] = array
    return Tensor._from_node(Node(Size(array.shape), d, None, 0, buffer))


def _number(value: Any, d: dtype_type) -> Tensor | None:
    """A number as a tensor in memory; None if it takes a conversion."""
    found = element(value, d)
    if found is None:
        return None
    c_type, number = found
    buffer = allocate(d.itemsize)
    c_type.from_address(buffer.address).value = number
    return Tensor._from_node(Node(Size(), d, None, 0, buffer))


_CODES = {
    (float, dtypes.float32): "f", (float, dtypes.float64): "d", (bool, dtypes.bool_): "b", (int, dtypes.int64): "q",
    (int, dtypes.int32): "i", (int, dtypes.float32): "f", (int, dtypes.float64): "d",
}  # fmt: skip
"""How :mod:`array` calls elements that Python's numbers become, those beyond them being refused."""


def _vector(numbers: Sequence[Any], d: dtype_type | None) -> Tensor | None:
    """A sequence of numbers of one type as a tensor in memory; None if it is not as plain as that."""
    kinds = set(map(type, numbers))
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind not in _PLAIN:
        return None
    d = d or _dtype_of_kind(kind)
    code = _CODES.get((kind, d))
    if code is None:
        return None
    try:
        content = packed(code, numbers).tobytes()
    except OverflowError:
        return None
    buffer = allocate(len(content))
    memmove(buffer.address, content, len(content))
    return Tensor._from_node(Node(Size((len(numbers),)), d, None, 0, buffer))


def _data(data: Any, d: dtype_type | None) -> Tensor:
    """A new tensor with the values of numbers, nested sequences, arrays or a tensor."""
    if type(data) in _PLAIN:
        made = _number(data, d or _dtype_of_kind(type(data)))
    elif type(data) is list or type(data) is tuple:
        made = _vector(data, d)
    else:
        made = None
    if made is not None:
        return made
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
    if names_meta(device):
        return without_values(as_tensor(data, dtype))
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
    if hasattr(obj, "_elements_as"):  # a storage
        shared = obj = obj._elements_as(dtype or getattr(obj, "dtype", None) or dtypes.int64)
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
    bits = np.dtype(f"i{size}") if d.numpy is None else d.numpy
    made = from_numpy(np.frombuffer(buffer, dtype=bits, count=count, offset=offset))
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
