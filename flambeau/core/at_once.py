"""Writing small things at once, in memory: an element, a row, a few numbers.

A program that fills small tensors element by element (an item of a data set, a mask, a table of counts) would record a
primitive for each element, which takes longer than the work, and evaluate a long trace. So what is written into part of a
value that is in memory is put there at once, if all that is written is there too. A node's value never changes all the same:
its memory is written to only if nothing but the storage holds the node, and nothing but the node its memory. Otherwise the
storage gets a copy, if that is small, and if it is not, the write is recorded. Memory that others can see is written in place,
as it must be.
"""

from __future__ import annotations

import ctypes
import math
import struct
import weakref
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np

from ..graph import dtypes
from ..graph.bounds import LARGEST, SMALLEST
from ..graph.dtypes import DType
from ..graph.meta import NOTHING
from ..graph.primitives import FILL, LEAF, nbytes
from ..graph.shapes import View
from ..graph.steps import Step
from ..graph.trace import CLOSED, UNLIMITED, Node, Trace, local
from ..interpreter.holders import if_nobody_else_holds
from ..kernels.contract import device_called
from .storage import Storage, seen, whole
from .tensor import Tensor

SMALL = 1 << 14
"""Bytes of a value that is copied, or put into memory, for part of it to be written at once; and of what is written so."""

LOOKED_BACK = 64
"""How many steps back a constant is looked for that is to be put into memory."""

_node, _version = attrgetter("node"), attrgetter("version")
_write_own = if_nobody_else_holds(_node, attrgetter("node.buffer"), _version)
_write_exposed = if_nobody_else_holds(_node, _node, _version)
_replace_constant = if_nobody_else_holds(_node, _node, _version, besides=1)  # the trace holds it
_fill: Any = np.ndarray.fill
_put: Any = np.ndarray.__setitem__
_set_node: Any = vars(Storage)["node"].__set__
_set_value: Any = vars(ctypes.c_int64.__mro__[1])["value"].__set__

_INTEGERS = {
    dtypes.int64: ctypes.c_int64, dtypes.int32: ctypes.c_int32, dtypes.int16: ctypes.c_int16, dtypes.int8: ctypes.c_int8,
    dtypes.uint8: ctypes.c_uint8,
}  # fmt: skip
_LARGEST_SINGLE = float.fromhex("0x1.fffffep127")
_EXACT = 2**53
"""Integers up to this are floating-point numbers of C's; others would be rounded twice."""


def _elements() -> dict[tuple[type, DType], tuple[Any, float, float]]:
    """The C type of an element, and the least and the greatest number that is one, by type of number and dtype."""
    found: dict[tuple[type, DType], tuple[Any, float, float]] = {}
    for d, c_type in _INTEGERS.items():
        limits = np.iinfo(d.numpy)
        found[int, d] = c_type, int(limits.min), int(limits.max)
        found[bool, d] = c_type, 0, 1
    for d, c_float, largest in (
        (dtypes.float64, ctypes.c_double, math.inf),
        (dtypes.float32, ctypes.c_float, _LARGEST_SINGLE),
    ):
        found[float, d] = c_float, -largest, largest
        found[int, d] = c_float, -_EXACT, _EXACT
        found[bool, d] = c_float, 0, 1
    for kind, low, high in ((int, SMALLEST, LARGEST), (float, -math.inf, math.inf), (bool, 0, 1)):
        found[kind, dtypes.bool_] = ctypes.c_bool, low, high
    return found


_ELEMENTS = _elements()


def element(value: Any, d: DType) -> tuple[Any, Any] | None:
    """The C type in which an element of a dtype is written, and the number as C takes it; None if it takes a conversion."""
    known = _ELEMENTS.get((type(value), d))
    if known is None:
        if d.itemsize == 2 and d.kind == "float" and type(value) in (float, int):
            return _half(float(value), d)
        return None
    c_type, low, high = known
    return (c_type, value) if low <= value <= high else None


def _half(value: float, d: DType) -> tuple[Any, int] | None:
    """The bits of a half type, rounded from those of float32, as kernels do it."""
    if not abs(value) <= 65504.0:
        return None
    if d is dtypes.float16:
        return ctypes.c_uint16, int(np.float32(value).astype(np.float16).view(np.uint16))
    (bits,) = struct.unpack("=I", struct.pack("=f", value))
    return ctypes.c_uint16, bits + 0x7FFF + (bits >> 16 & 1) >> 16


def write_element(storage: Storage, place: int, value: Any) -> bool:
    """Write a Python number to a flat position within a storage, if that can be done at once; whether it was."""
    d = storage.node.dtype
    known = _ELEMENTS.get((type(value), d))
    if known is None or not known[1] <= value <= known[2]:
        found = element(value, d)
        if found is None:
            return False
        c_type, value = found
    else:
        c_type = known[0]
    begin = place * d.itemsize
    trace = local.trace
    if storage.node.buffer is not None and not (storage.node.buffer.ever_exposed or trace.sites or trace.limit >= UNLIMITED):
        address, version = storage.node.buffer.address, storage.version  # the most frequent case of what follows
        if _write_own(storage, version, _set_value, (c_type.from_address(address + begin), value)):
            storage.version += 1
            return True
    return _write(storage, lambda buffer: c_type.from_address(buffer.address + begin), _set_value, (value,))


def change_element(x: Tensor, how: Callable[[Any, Any], Any], number: Any) -> bool:
    """Make a tensor of no dimensions, which is part of another, ``how(x, number)``, if that can be done at once; whether it was.

    ``how`` is the addition, subtraction or multiplication of Python's numbers; booleans, which are not subtracted, are left to
    the operation. In double precision these lose nothing that the
    rounding to single precision, which follows, would need (Figueroa 1995), and integers wrap round.
    """
    if not writable(x) or x._view is None:
        return False
    storage = x._share()
    d = storage.node.dtype
    known = _ELEMENTS.get((type(number), d))
    if known is None or d is dtypes.bool_ or type(number) is bool or not known[1] <= number <= known[2]:
        return False
    c_type = known[0]
    begin = x._view.offset * d.itemsize

    def at(buffer: Any) -> Any:
        return c_type.from_address(buffer.address + begin)

    node = storage.node  # held while its memory is read: another thread may put another in its place
    if node.buffer is NOTHING:
        return False
    if node.buffer is not None:
        now = at(node.buffer).value
    else:
        constant = _constant(node, local.trace)
        if constant is None:
            return False
        kind, number_now = constant[1]
        now = kind(number_now).value
    del node
    return _write(storage, at, _set_value, (how(now, c_type(number).value),))


def write_part(storage: Storage, view: View, value: Any) -> bool:
    """Write a Python number or a tensor's value under a view, if that can be done at once; whether it was."""
    d = storage.node.dtype
    if nbytes(view.sizes, d) > SMALL or view.overlaps_itself():
        return False
    if not isinstance(value, Tensor):
        found = element(value, d)
        return found is not None and _write(storage, lambda buffer: seen(buffer, view, d), _fill, (found[1],))
    node, given = value._read(), value._view or whole(value.shape)
    if given.sizes != view.sizes or node.dtype is not d or value._tracked and local.grad:
        return False
    if value._storage is storage and given.moved is view.moved and given.offset == view.offset:
        storage.version += 1  # it is there already: the end of x[index] += 1
        return True
    buffer = node.buffer
    if buffer is None or buffer is NOTHING:
        return False
    return _write(storage, lambda buffer: seen(buffer, view, d), _put, (..., seen(buffer, given, d)))


def in_memory(x: Tensor) -> bool:
    """Whether a tensor is small, in memory and without history, so that what is made of it can be made at once."""
    return not (x._tracked and local.grad) and value_in_memory(x)


def value_in_memory(x: Tensor) -> bool:
    """:func:`in_memory` whatever the history, for those who give one to what they make."""
    node = x._read()
    there = node.buffer is not None and node.buffer is not NOTHING
    return there and local.trace.limit < UNLIMITED and nbytes(x.shape, node.dtype) <= SMALL


def write_over(x: Tensor, value: Any) -> bool:
    """:func:`write_part` for a tensor that is a view of part of its storage."""
    view = x._view
    if view is None or view.contiguous and view.sizes.numel() == x._read().shape.numel() or not writable(x):
        return False
    return write_part(x._share(), view, value)


def writable(x: Tensor) -> bool:
    """Whether writing a value without a history to a tensor leaves its history as it is."""
    if x._autograd is not None:
        x._read()  # a view whose base was written to gets its history now
    return not (x._tracked and local.grad)


_At = Callable[[Any], Any]
"""What is to be written to, in given memory."""
_Call = Callable[..., Any]
"""Writes there what it is given besides. A C function, which nothing can come into."""


def _write(storage: Storage, at: _At, call: _Call, value: tuple[Any, ...]) -> bool:
    """``call(at(memory), *value)`` for the memory of a storage, if nobody can tell that this was not recorded."""
    trace = local.trace
    if trace.limit >= UNLIMITED:  # something is being recorded that is to be the same whatever is in memory
        return False
    version, buffer = storage.version, storage.node.buffer
    if buffer is None:
        return _write_constant(storage, trace, at, call, value)
    if buffer is NOTHING:
        return False
    exposed = buffer.ever_exposed and buffer.exposed()
    if exposed and (trace.sites or buffer.readonly):
        return False
    if not trace.sites:
        target = at(buffer)
        del buffer  # no local variable may hold the node now, nor its memory
        if (_write_exposed if exposed else _write_own)(storage, version, call, (target, *value)):
            storage.version += 1
            return True
    return not exposed and _write_copy(storage, trace, at, call, value)


def _write_copy(storage: Storage, trace: Trace, at: _At, call: _Call, value: tuple[Any, ...]) -> bool:
    """Write into a copy of the memory, if it is small: somebody needs the value as it is, or may need it again."""
    node = storage.node
    size = nbytes(node.shape, node.dtype)
    if size > SMALL or node.buffer is None:
        return False
    buffer = node.buffer.copy(size)
    call(at(buffer), *value)
    return _bind(storage, trace, node, buffer)


def _bind(storage: Storage, trace: Trace, node: Node, buffer: Any) -> bool:
    """Give a storage new memory instead of ``node``, if that is still there. That is undone if a step recorded before fails."""
    made = Node(node.shape, node.dtype, None, 0, buffer)
    if not storage.rebind(node, made):
        return False
    if trace.sites:
        old = node.place if node.trace is trace else node
        trace.rebound += ((trace.cursor.depth, weakref.ref(storage), "node", old, weakref.ref(made)),)
    return True


def _constant(node: Node, trace: Trace) -> tuple[Step, tuple[Any, Any]] | None:
    """The step that gives a small constant recorded just now, and its C type and number; None if a value is none."""
    place = node.place
    if node.trace is not trace or nbytes(node.shape, node.dtype) > SMALL:
        return None
    step = trace.cursor
    number = -1
    while step.depth > place + 1:
        number -= step.primitive is FILL
        if number < -LOOKED_BACK or step.primitive is not FILL and step.primitive is not LEAF:
            return None
        step = step.parent  # type: ignore[assignment]
    found = element(trace.numbers[number], node.dtype) if step.primitive is FILL else None
    return None if found is None else (step, found)


def _write_constant(storage: Storage, trace: Trace, at: _At, call: _Call, value: tuple[Any, ...]) -> bool:
    """Write into a small constant that was recorded just now: it is put into memory.

    If it was the last step of the trace, and nobody else needs it, it is no step any more.
    """
    version, last, node = storage.version, trace.cursor, storage.node
    found = _constant(node, trace)
    if found is None:
        return False
    shape, d = node.shape, node.dtype
    step, (_, number) = found
    buffer = device_called(trace.device).allocate(nbytes(shape, d))
    if type(number) is float or number:  # not the integer 0 (-0.0 has a bit)
        seen(buffer, whole(shape), d).fill(number)
    else:
        ctypes.memset(buffer.address, 0, nbytes(shape, d))
    call(at(buffer), *value)
    made = Node(shape, d, None, 0, buffer)
    with trace.lock:  # nobody closes the trace meanwhile
        if trace.limit == CLOSED or trace.cursor is not last or node.buffer is not None:
            return False
        if step is last and not trace.sites:
            del node  # no local variable may hold it now
            if _replace_constant(storage, version, _set_node, (storage, made)):
                storage.version += 1
                if trace.cursor is last:
                    trace.cursor = step.parent  # type: ignore[assignment]
                    del trace.nodes[-1:], trace.numbers[-1:]
                return True
            node = storage.node
        return storage.version == version and _bind(storage, trace, node, buffer)
