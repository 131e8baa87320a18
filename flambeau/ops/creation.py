"""New tensors: from data, of one value, in steps; copies and conversions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.gradient import Gradient
from ..cpu.memory import Buffer, allocate
from ..device import channels_last, check_device, preserve_format
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.dtypes import dtype as dtype_type
from ..graph.dtypes import get_default_dtype
from ..graph.shapes import Size, View, contiguous_strides
from ..graph.trace import Node, local, record
from ..storage import Storage
from ..tensor import Tensor
from .dispatch import in_memory_order, unary
from .memory_order import alike
from .operation import NAMESPACE, assign, operation, write_out
from .views import sizes_of


def finished(
    tensor: Tensor, requires_grad: bool = False, device: Any = None, layout: Any = None, pin: bool = False
) -> Tensor:
    """What all creation functions end with."""
    if device is not None:
        check_device(device)
    if local.inference:
        tensor._more().inference = True
    if requires_grad and tensor.dtype.category < 2:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return tensor.requires_grad_() if requires_grad else tensor


# --- from data ----------------------------------------------------------------------------------------------------


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


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A tensor with a copy of ``data``: numbers, nested sequences, arrays, tensors."""
    return finished(_data(data, dtype), requires_grad, device)


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


def frombuffer(
    buffer: Any, *, dtype: dtype_type, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A one-dimensional tensor over the memory of a Python buffer."""
    return finished(from_numpy(np.frombuffer(buffer, dtype=dtype.numpy, count=count, offset=offset)), requires_grad)


# --- of one value -------------------------------------------------------------------------------------------------


def _sizes(size: tuple[Any, ...]) -> Size:
    sizes = Size(sizes_of(size))
    for n in sizes:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(sizes)}")
    return sizes


def filled(sizes: Size, value: Any, d: dtype_type) -> Tensor:
    """A tensor of one value; nothing is computed until it is needed."""
    return Tensor._from_node(record(p.FILL, (sizes, d), (value, None)))


def zeros(*size: Any, out: Tensor | None = None, dtype: Any = None, layout: Any = None, device: Any = None,
          pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Zeros."""
    if any(n < 0 for n in sizes_of(size)):
        raise RuntimeError("zeros: Dimension size must be non-negative.")
    made = filled(_sizes(size), 0, dtype or (out.dtype if out is not None else get_default_dtype()))
    return write_out(out, made) if out is not None else finished(made, requires_grad, device)


def ones(*size: Any, out: Tensor | None = None, dtype: Any = None, layout: Any = None, device: Any = None,
         pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Ones."""
    made = filled(_sizes(size), 1, dtype or (out.dtype if out is not None else get_default_dtype()))
    return write_out(out, made) if out is not None else finished(made, requires_grad, device)


def empty(*size: Any, out: Tensor | None = None, dtype: Any = None, layout: Any = None, device: Any = None,
          pin_memory: bool = False, requires_grad: bool = False, memory_format: Any = None) -> Tensor:  # fmt: skip
    """Memory of arbitrary content (zeros, in fact)."""
    return zeros(*size, out=out, dtype=dtype, device=device, requires_grad=requires_grad)


def full(size: Any, fill_value: Any, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None, device: Any = None,
         pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """``fill_value`` everywhere; its dtype follows from the value unless given."""
    value = fill_value.item() if isinstance(fill_value, (Tensor, np.generic)) else fill_value
    if dtype is None:
        dtype = (
            dtypes.bool_ if isinstance(value, bool) else dtypes.int64 if isinstance(value, int) else get_default_dtype()
        )
    made = filled(_sizes((size,)), value, dtype)
    return write_out(out, made) if out is not None else finished(made, requires_grad, device)


def _like(name: str) -> Any:
    def like(input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
             memory_format: Any = None, pin_memory: bool = False) -> Tensor:  # fmt: skip
        value, d = 1 if name == "ones" else 0, dtype or input.dtype
        return finished(alike(input, lambda sizes: filled(sizes, value, d), memory_format), requires_grad, device)

    like.__name__ = like.__qualname__ = name + "_like"
    like.__doc__ = f"{name.capitalize()} with the sizes and dtype of ``input``."
    return like


zeros_like, ones_like, empty_like = _like("zeros"), _like("ones"), _like("empty")


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, layout: Any = None, device: Any = None,
              requires_grad: bool = False, memory_format: Any = None) -> Tensor:  # fmt: skip
    """``fill_value`` with the sizes and dtype of ``input``."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    made = alike(input, lambda sizes: filled(sizes, value, dtype or input.dtype), memory_format)
    return finished(made, requires_grad, device)


def empty_strided(
    size: Any, stride: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, layout: Any = None
) -> Tensor:
    """Memory of arbitrary content with the given strides."""
    view = View(sizes_of((size,)), sizes_of((stride,)), 0)
    flat = filled(Size((view.last_element() + 1,)), 0, dtype or get_default_dtype())
    return finished(flat.as_strided(view.sizes, view.strides).detach(), requires_grad, device)


def eye(n: int, m: int | None = None, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Ones on the diagonal of an n × m matrix, zeros elsewhere."""
    columns = n if m is None else m
    if n < 0 or columns < 0:
        name, size = ("n", n) if n < 0 else ("m", columns)
        raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    made = (arange(n).unsqueeze(1) == arange(columns)).to(dtype or get_default_dtype())
    return write_out(out, made) if out is not None else finished(made, requires_grad, device)


# --- in steps -----------------------------------------------------------------------------------------------------


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, (Tensor, np.generic)) else value


def arange(start: Any, end: Any = None, step: Any = 1, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None,
           device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """start, start + step, … below ``end`` (from 0 when only one number is given)."""
    if end is None:
        start, end = 0, start
    start, end, step = _number(start), _number(end), _number(step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is None:
        whole = all(isinstance(v, int) for v in (start, end, step))
        dtype = dtypes.int64 if whole else get_default_dtype()
    if dtype.category < 2:
        start, end, step = int(start), int(end), int(step)
        count = -((start - end) // step)
    else:
        count = math.ceil((end - start) / step)
        start, step = float(start), float(step)
    made = Tensor._from_node(record(p.IOTA, (Size((max(count, 0),)), dtype), (start, None), (step, None)))
    return write_out(out, made) if out is not None else finished(made, requires_grad, device)


def range_(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Deprecated: start to ``end`` inclusive."""
    return arange(
        start, end + step / 2, step, dtype=dtype or get_default_dtype(), device=device, requires_grad=requires_grad
    )


def linspace(start: Any, end: Any, steps: int, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None,
             device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """``steps`` numbers evenly from ``start`` to ``end``, both included; computed from both ends as PyTorch does."""
    start, end = _number(start), _number(end)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    d = dtype or get_default_dtype()
    if steps == 1:
        made = filled(Size((1,)), start, d)
    else:
        array_type = d.numpy if d.numpy is not None else np.dtype(np.float32)
        if d.kind == "integer":
            step = (end - start) / max(steps - 1, 1)
            lower = (start + step * np.arange(steps)).astype(array_type)
            upper = (end - step * (steps - 1 - np.arange(steps))).astype(array_type)
        else:
            step = array_type.type(array_type.type(end) - array_type.type(start)) / array_type.type(max(steps - 1, 1))
            index = np.arange(steps).astype(array_type)
            lower = array_type.type(start) + step * index
            upper = array_type.type(end) - step * (array_type.type(steps - 1) - index)
        made = from_array(np.where(np.arange(steps) < steps // 2, lower, upper).astype(array_type))
        made = made if made.dtype is d else made.to(d)
    return write_out(out, made) if out is not None else finished(made, requires_grad, device)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """base ** linspace(start, end, steps)."""
    exponents = linspace(start, end, steps, dtype=dtypes.float64)
    made = (base**exponents).to(dtype or get_default_dtype())
    return finished(made, requires_grad, device)


# --- copies and conversions ---------------------------------------------------------------------------------------


class CloneBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad


@operation()
def clone(input: Tensor, *, memory_format: Any = preserve_format) -> Tensor:
    """A copy with memory of its own, laid out like the input where that is dense, or as ``memory_format`` asks."""
    if memory_format is preserve_format and not input.is_contiguous():
        result = in_memory_order(p.COPY, [input], CloneBackward0, None)
        if result is not None:
            return result
    if memory_format is channels_last:
        return unary(p.COPY, input.permute(0, 2, 3, 1), CloneBackward0).permute(0, 3, 1, 2)
    return unary(p.COPY, input, CloneBackward0)


@operation(function=False)
def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if its elements lie in order, else a copy in which they do."""
    if self.is_contiguous(memory_format):
        return self
    return clone(self, memory_format=memory_format)


class ToCopyBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad  # the engine brings it to the input's dtype


def converted(x: Tensor, d: dtype_type, copy: bool = False) -> Tensor:
    """``x`` in dtype ``d``; itself if it has that dtype already and no copy is asked for."""
    if x.dtype is d:
        return clone(x) if copy else x
    return unary(p.CAST, x, ToCopyBackward0 if d.category == 2 else None, d)


@operation(function=False)
def to(self: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
    """Another dtype and/or device: ``to(dtype)``, ``to(device, dtype)``, ``to(other)``."""
    d = keywords.get("dtype")
    device = keywords.get("device")
    other = keywords.get("other")
    copy = bool(keywords.get("copy", False))
    rest = []
    for argument in arguments:
        if isinstance(argument, dtype_type):
            d = argument
        elif isinstance(argument, Tensor):
            other = argument
        elif isinstance(argument, bool):
            rest.append(argument)
        elif argument is not None:
            device = argument
    if len(rest) > 1:
        copy = rest[1]
    if other is not None:
        d = other.dtype
    if device is not None:
        check_device(device)
    return converted(self, d or self.dtype, copy)


def _dtype_method(name: str, d: dtype_type) -> None:
    def convert(self: Tensor, memory_format: Any = None) -> Tensor:
        return converted(self, d)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"The tensor as {d.name}."
    setattr(Tensor, name, convert)


for _name, _dtype in (
    ("float", dtypes.float32), ("double", dtypes.float64), ("half", dtypes.float16), ("bfloat16", dtypes.bfloat16),
    ("long", dtypes.int64), ("int", dtypes.int32), ("short", dtypes.int16), ("char", dtypes.int8), ("byte", dtypes.uint8),
    ("bool", dtypes.bool_),
):  # fmt: skip
    _dtype_method(_name, _dtype)


@operation(function=False)
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype of ``other``."""
    return converted(self, other.dtype)


@operation(function=False)
def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself: there is only the CPU."""
    return self


@operation(function=False)
def cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """Raises as PyTorch built without CUDA does."""
    raise AssertionError("Torch not compiled with CUDA enabled")


class CopyBackwards(Gradient):
    """``copy_``: all gradient to the source."""

    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad

    def name(self) -> str:
        return "torch::autograd::CopyBackwards"


@operation(function=False)
def copy_(self: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """Take the values of ``src`` (broadcast and converted)."""
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}")
    value = converted(src, self.dtype)
    if value.shape != self.shape:
        value = value.expand(self.shape)
    if value is src or value._storage is not None:
        value = unary(p.COPY, value, CopyBackwards)
    return assign(self, value)


@operation(function=False)
def fill_(self: Tensor, value: Any) -> Tensor:
    """Put one value (a number or a zero-dimensional tensor) everywhere."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
        return assign(self, converted(value, self.dtype).expand(self.shape).clone())
    return assign(self, filled(self.shape, _number(value), self.dtype))


@operation(method=False)
def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor of the same sizes with one value everywhere."""
    return full_like(input, value)


@operation()
def zero_(self: Tensor) -> Tensor:
    """Put zeros everywhere."""
    return assign(self, filled(self.shape, 0, self.dtype))


@operation()
def detach(input: Tensor) -> Tensor:
    """A tensor that shares memory and has no history."""
    storage = input._share()
    return Tensor._from_node(None, input._view, storage)


@operation(function=False)
def resize_(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Change the sizes in place, keeping the elements there are and adding memory of arbitrary content."""
    shape = _sizes(sizes)
    if shape == self.shape:
        return self
    storage = self._share()
    count = shape.numel() + self.storage_offset()
    have = storage.node.shape.numel()
    if count > have:
        grown = filled(Size((count,)), 0, self.dtype)
        if have:
            flat = Tensor._from_node(storage.node, View((have,), (1,), 0), Storage(storage.node))
            grown.narrow(0, 0, have).copy_(flat)
        storage.node = grown._read()
        storage.version += 1
    self._view = View(shape, contiguous_strides(shape), self.storage_offset())
    return self


def _new_method(name: str) -> None:
    def make(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
             layout: Any = None, pin_memory: bool = False, **keywords: Any) -> Tensor:  # fmt: skip
        shape = size or (keywords["size"],)
        return finished(filled(_sizes(shape), 1 if name == "ones" else 0, dtype or self.dtype), requires_grad, device)

    make.__name__ = make.__qualname__ = "new_" + name
    make.__doc__ = f"{name.capitalize()} of the given sizes in this tensor's dtype."
    setattr(Tensor, "new_" + name, make)


for _name in ("zeros", "ones", "empty"):
    _new_method(_name)


@operation(function=False)
def new_full(
    self: Tensor, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``fill_value`` in the given sizes and this tensor's dtype."""
    return full(size, fill_value, dtype=dtype or self.dtype, device=device, requires_grad=requires_grad)


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
            return filled(_sizes((first,)), 0, d)
        if isinstance(first, Tensor):
            if first.dtype is not d:
                raise TypeError(f"expected {d} (got {first.dtype})")
            return first.detach()
        if isinstance(first, (list, tuple, np.ndarray)) or hasattr(first, "__iter__"):
            return _data(np.asarray(first) if isinstance(first, np.ndarray) else list(first), d)
        if isinstance(first, float):
            raise TypeError("new(): data must be a sequence (got float)")
    return filled(_sizes(arguments), 0, d)


def type_method(self: Tensor, dtype: Any = None, non_blocking: bool = False, **keywords: Any) -> Any:
    """The type's old name (``"torch.FloatTensor"``), or the tensor in another dtype given by name or type."""
    if dtype is None:
        return f"torch.{p.TYPE_NAMES[self.dtype]}Tensor"
    from ..legacy import dtype_of

    return converted(self, dtype_of(dtype))


Tensor.type = type_method  # type: ignore[attr-defined]


def scalar_tensor(value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A zero-dimensional tensor."""
    return finished(filled(Size(), _number(value), dtype or get_default_dtype()), requires_grad, device)


Tensor._construct = staticmethod(lambda *arguments, **keywords: construct(get_default_dtype(), *arguments))  # type: ignore[assignment]

for _function in (
    tensor, as_tensor, asarray, from_numpy, frombuffer, zeros, ones, empty, full, zeros_like, ones_like, empty_like, full_like,
    empty_strided, eye, arange, linspace, logspace, scalar_tensor,
):  # fmt: skip
    NAMESPACE[_function.__name__] = _function
NAMESPACE["range"] = range_
