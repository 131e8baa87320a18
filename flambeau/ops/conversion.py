"""Copies, conversions to other dtypes and other orders in memory, and compositions that round once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, TypeVar

from ..core.device import check_device, contiguous_format, preserve_format
from ..core.device import memory_format as MemoryFormat
from ..core.history import Gradient
from ..core.meta import is_meta, names_meta
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.dtypes import (
    TYPE_NAMES,
    bfloat16,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    given_dtype,
    result_type,
)
from ..graph.dtypes import dtype as dtype_type
from ..graph.meta import no_data, on_meta
from ..graph.primitives import COPY
from ..graph.trace import record
from .dispatch import attach, tracked
from .memory_order import (
    Order,
    asked_order,
    format_order,
    is_dense,
    known_format,
    lay,
    lies_in,
    order_of,
    own_order,
    permuted,
    seen_in_order,
    strides_in_order,
)
from .operation import operation, titled
from .recording_paths import unary
from .views import geometry, view_of


class CloneBackward0(Gradient):
    def backward(self, grad: Tensor) -> Tensor:
        return grad


def copied(primitive: p.Primitive, x: Tensor, gradient: type[Gradient] | None, attributes: Any, order: Order) -> Tensor:
    """A copy (converted, perhaps) whose elements lie in ``order``."""
    if order is None:
        result = Tensor._from_node(record(primitive, attributes, (x._read(), x._view)))
    else:
        result = seen_in_order(record(primitive, attributes, (x._read(), permuted(x, order))), order)
    if gradient is not None and tracked(x):
        attach(result, gradient, [x], context=attributes)
    return result


@operation()
def clone(input: Tensor, *, memory_format: Any = preserve_format) -> Tensor:
    """A copy with memory of its own, laid out like the input where that is dense, or as ``memory_format`` asks."""
    if input._view is None and memory_format is preserve_format:
        return unary(p.COPY, input, CloneBackward0)
    return copied(p.COPY, input, CloneBackward0, None, asked_order(memory_format, input))


@operation(function=False)
def contiguous(self: Tensor, memory_format: MemoryFormat = contiguous_format) -> Tensor:
    """The tensor itself if its elements lie in order (of a ``memory_format``), else a copy in which they do."""
    if self.is_contiguous(memory_format):
        return self
    return copied(p.COPY, self, CloneBackward0, None, order_of(memory_format, self.ndim))


class ToCopyBackward0(Gradient):
    def backward(self, grad: Tensor) -> Tensor:
        return grad  # the engine brings it to the input's dtype


def converted(x: Tensor, d: dtype_type, copy: bool = False, memory_format: Any = None) -> Tensor:
    """``x`` in dtype ``d``, laid out as ``memory_format`` asks; itself if it is so already and no copy is asked for."""
    if memory_format is None or memory_format is preserve_format:
        if x.dtype is d:
            return clone(x) if copy else x
        if x._view is None:
            return unary(p.CAST, x, ToCopyBackward0 if d.category == 2 else None, d)
    if x.dtype is d:
        same = format_order(x) == order_of(memory_format, x.ndim)
        return x if same and not copy else copied(p.COPY, x, ToCopyBackward0, None, asked_order(memory_format, x))
    return copied(p.CAST, x, ToCopyBackward0 if d.category == 2 else None, d, asked_order(memory_format, x))


def check_floating(kernel: str, d: dtype_type) -> None:
    """``NotImplementedError`` as PyTorch's kernel raises it for integers and booleans."""
    if d.category < 2:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{TYPE_NAMES[d]}'")


def floating(x: Tensor) -> Tensor:
    """Integers as the default floating-point dtype."""
    return x if x.dtype.category == 2 else converted(x, get_default_dtype())


def in_common_dtype(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two tensors in the dtype that they are promoted to."""
    if a.dtype is b.dtype:
        return a, b
    d = dtypes.result_type([(t.dtype, 0 if t.ndim else 1) for t in (a, b)])
    return converted(a, d), converted(b, d)


def check_holds(d: dtype_type, result: dtype_type) -> None:
    """``RuntimeError`` unless a tensor of dtype ``d`` may hold a result of dtype ``result``."""
    if not dtypes.can_cast(result, d):
        raise RuntimeError(
            f"result type {TYPE_NAMES[result]} can't be cast to the desired output type {TYPE_NAMES[d]}"
        )


def as_result_in(result: Tensor, d: dtype_type) -> Tensor:
    """A result in the dtype of the tensor that PyTorch computes it in; ``RuntimeError`` if that cannot hold it."""
    check_holds(d, result.dtype)
    return converted(result, d)


@operation(function=False)
def dequantize(self: Tensor) -> Tensor:
    """The numbers in float32, as of a quantized tensor."""
    return converted(self, dtypes.float32)


@operation(function=False)
def to(self: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
    """Another dtype, device or order in memory: ``to(dtype)``, ``to(device, dtype)``, ``to(memory_format=)``, ``to(other)``."""
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
        elif isinstance(argument, type):
            d = given_dtype(argument)
        elif argument is not None:
            device = argument
    if len(rest) > 1:
        copy = rest[1]
    if other is not None:
        d = other.dtype
    d = self.dtype if d is None else given_dtype(d)
    if names_meta(device) or other is not None and is_meta(other):
        return on_meta(converted, self, d, copy or not is_meta(self), keywords.get("memory_format"))
    if device is not None or other is not None:
        check_device(device)
        if is_meta(self):
            raise no_data()
    return converted(self, d, copy, keywords.get("memory_format"))


def _dtype_method(name: str, d: dtype_type) -> None:
    def convert(self: Tensor, memory_format: MemoryFormat = preserve_format) -> Tensor:
        return converted(self, d, False, memory_format)

    setattr(Tensor, name, titled(convert, name, f"The tensor as {d.name}."))


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
def cpu(self: Tensor, memory_format: MemoryFormat = preserve_format) -> Tensor:
    """The tensor itself, or a copy that lies as ``memory_format`` asks. ``NotImplementedError`` if it has no values."""
    if is_meta(self):
        raise no_data()
    return converted(self, self.dtype, False, memory_format)


@operation(function=False)
def cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: MemoryFormat = preserve_format) -> Tensor:
    """Raises as PyTorch built without CUDA does."""
    raise AssertionError("Torch not compiled with CUDA enabled")


def type_method(self: Tensor, dtype: Any = None, non_blocking: bool = False, **keywords: Any) -> Any:
    """The type's old name (``"torch.FloatTensor"``), or the tensor in another dtype given by name or type."""
    if dtype is None:
        return f"torch.{TYPE_NAMES[self.dtype]}Tensor"
    from .storages import dtype_of

    return converted(self, dtype_of(dtype))


Tensor.type = type_method  # type: ignore[assignment, method-assign]


# --- the order in memory of what several operations make together where PyTorch has one -------------------------------


def in_order(x: Tensor, order: Order) -> Tensor:
    """``x`` itself if it lies in logical order (None) or with channels last, as ``order`` says, else a copy that does."""
    return x if lies_in(x, order) else x.contiguous(memory_format=known_format(order))  # type: ignore[no-any-return]


def laid_like(value: Tensor, x: Tensor) -> Tensor:
    """``value``, if its elements lie in memory as those of ``x`` do, or else a copy that does.

    Where ``x`` has gaps, or shows elements several times, that is in logical order.
    """
    order = own_order(x)
    if order is not None and not is_dense(x, order):
        order = None
    steps, wanted = value.stride(), strides_in_order(value.shape, order)
    if all(n == 1 or a == b for n, a, b in zip(value.shape, steps, wanted)):
        return value
    return copied(COPY, value, CloneBackward0, None, order)


def in_new_memory(result: Tensor, input: Tensor, order: Order) -> Tensor:
    """What was made of ``input``, in ``order`` and in memory of its own even if nothing but views was made."""
    if result is input or result._storage is not None and result._storage is input._storage:
        result = result.clone()
    return lay(result, order)


class GradientInOrderBackward(Gradient):
    """``context``: (shape, order)."""

    def backward(self, grad: Tensor) -> Tensor:
        return in_order(grad, self.context[1])


def with_gradient_in_order(x: Tensor, order: Order) -> Tensor:
    """``x`` seen so that its gradient lies in ``order``; ``x`` itself if it has none."""
    return view_of(x, *geometry(x), GradientInOrderBackward, order) if x._tracked else x


# --- compositions that compute more precisely than their operands are given, and round once ---------------------------

# Half types are loaded, computed with and stored as float32, rounded after every primitive. An operation that PyTorch
# computes in one kernel rounds only its result; where it is several primitives here, they are recorded on the operands
# cast to the wider dtype, and what they give is cast back. The casts cost nothing in a fused kernel.


_F = TypeVar("_F", bound=Callable[..., Any])

SINGLE: Mapping[dtype, dtype] = {float16: float32, bfloat16: float32}
"""Half types are computed in single precision."""
DOUBLE: Mapping[dtype, dtype] = {float16: float64, bfloat16: float64, float32: float64}
"""Every type is computed in double precision."""


def rounded_once(function: _F) -> _F:
    """Compute in float32 what is given in a half type, and round the results alone, as PyTorch's kernels do."""
    return _rounding(function, SINGLE)


def computed_in_double(function: _F) -> _F:
    """Compute in float64 whatever the dtype, and round the results alone: for what float32 has not the range or the
    precision for."""
    return _rounding(function, DOUBLE)


def _rounding(function: _F, wider: Mapping[dtype, dtype]) -> _F:
    @functools.wraps(function)
    def rounding(*arguments: Any, **keywords: Any) -> Any:
        for value in chain(arguments, keywords.values()) if keywords else arguments:
            if isinstance(value, Tensor) and value.dtype in wider:
                break
        else:
            return function(*arguments, **keywords)
        d = _promoted([*arguments, *keywords.values()])
        wide = wider.get(d)
        if wide is None:
            return function(*arguments, **keywords)
        keywords = {name: _widened(value, d, wide) for name, value in keywords.items()}
        results = function(*[_widened(value, d, wide) for value in arguments], **keywords)
        if isinstance(results, Tensor):
            return narrowed(results, wide, d)
        return tuple(narrowed(result, wide, d) for result in results)

    return rounding  # type: ignore[return-value]


def _promoted(values: list[Any]) -> dtype:
    """The dtype that the floating-point tensors among some operands are promoted to."""
    return result_type(
        [(t.dtype, 0 if t.ndim else 1) for t in values if isinstance(t, Tensor) and t.dtype.category == 2]
    )


def _widened(value: Any, d: dtype, wide: dtype) -> Any:
    """An operand in ``wide``; one without axes of another dtype than ``d`` is rounded to that first, like any other."""
    if not isinstance(value, Tensor) or value.dtype.category != 2:
        return value
    if value.dtype is not d:
        value = converted(value, d)
    return converted(value, wide) if value.dtype.itemsize < wide.itemsize else value


def narrowed(result: Any, wide: dtype, d: dtype) -> Any:
    """A result of dtype ``wide`` rounded to ``d``, with its history as its own: named as what was computed."""
    if not isinstance(result, Tensor) or result.dtype is not wide:
        return result
    rounded = unary(p.CAST, result, None, d)
    if result._tracked:
        history = result._gradient
        rounded._tracked = True
        rounded._gradient = history
        if type(history) is tuple:
            history[0].dtype[history[1]] = d
        else:
            assert history is not None
            history.dtype = d
    return rounded
