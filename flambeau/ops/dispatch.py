"""From tensors to recorded nodes: the paths that every operation takes, unrolled for one and two operands.

These functions run once for each operation a program calls, so they trade a little repetition for time: reading a
tensor's node, following the trace, making the result and its history are written out in line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.history import CROSSWISE, INPUTS, NOTHING, RESULT, Gradient, sequence
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.bounds import LARGEST, SMALLEST, whole_number
from ..graph.checks import Check
from ..graph.dtypes import DType
from ..graph.placeholder import Placeholder
from ..graph.primitives import COPY, Primitive
from ..graph.shapes import View
from ..graph.trace import Node, enter, local, new_step, number_kind, overflow, record, record_constant, user_site
from .memory_order import record_in_memory_order

_new = object.__new__

NUMBERS = (int, float, Placeholder, np.generic)
"""What may stand beside a tensor in an operation, besides tensors."""


def operand(value: Any) -> Any:
    """A tensor or Python number as it is, a NumPy scalar as a Python number (its booleans as floats, as in PyTorch).

    ``TypeError`` for anything else, arrays too: operators leave those to NumPy (see :meth:`Tensor.__array_wrap__`).
    """
    if isinstance(value, (Tensor, int, float, Placeholder)):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return float(value) if isinstance(value, np.bool_) else value.item()
    if isinstance(value, (complex, np.complexfloating)):
        raise NotImplementedError("operations are not implemented for complex numbers")
    raise TypeError(f"unsupported operand type for a tensor operation: '{type(value).__name__}'")


def unary(primitive: Primitive, x: Tensor, gradient: type[Gradient] | None = None, attributes: Any = None) -> Tensor:
    """Record a primitive of one tensor; ``gradient`` is attached when the tensor is tracked."""
    try:
        storage = x._storage
    except AttributeError:
        raise not_a_tensor(sys._getframe(1).f_code.co_name, input=x) from None
    node = x._node if storage is None else x._read()
    trace = local.trace
    if node.trace is not trace:
        node = enter(trace, node)
    view = x._view
    seen = view
    if view is not None:
        if not view.contiguous and primitive.kind == "map" and primitive is not COPY:
            result = in_memory_order(primitive, (x,), gradient, attributes)
            if result is not None:
                return result
        seen = view.moved
    place = node.place
    key = (primitive, attributes, place, seen)
    step = trace.cursor.next.get(key)
    if step is None:
        step = new_step(trace, key, primitive, attributes, ((place, seen),))
    value = _new(Node)
    value.shape = step.shape
    value.dtype = step.dtype
    value.trace = trace
    value.place = step.depth - 1
    value.buffer = None
    if seen is not view:
        trace.numbers += (view.offset,)  # type: ignore[union-attr]
    trace.nodes += (value,)
    trace.cursor = step
    if step.mark >= trace.limit:
        value = overflow(trace, value, step)
    result = _new(Tensor)
    result._node = value
    result._storage = None
    result._view = None
    result._autograd = None
    if x._tracked and gradient is not None and local.grad:
        history = _new(gradient)
        history.edges = (x._gradient or x,)
        saves = gradient.saves
        if saves == NOTHING:
            history.saved = ()
        elif saves == RESULT:
            history.saved = ((value, None),)
        else:
            history.saved = ((node, view),)
        history.shape = value.shape
        history.dtype = value.dtype
        history.sequence = sequence()
        history.attached = None
        history.context = attributes
        result._tracked = True
        result._gradient = history
        if local.watched:
            history.observe()
    else:
        result._tracked = False
        result._gradient = None
    return result


def not_a_tensor(function: str, **arguments: Any) -> TypeError:
    """What PyTorch's argument parser says of the first argument that should be a tensor and is none."""
    others = [k for k, value in enumerate(arguments.values()) if not isinstance(value, Tensor)]
    name, value = list(arguments.items())[others[0]]
    return TypeError(
        f"{function}(): argument '{name}' (position {others[0] + 1}) must be Tensor, not {type(value).__name__}"
    )


def binary(
    primitive: Primitive, a: Any, b: Any, gradient: type[Gradient] | None = None, attributes: Any = None
) -> Tensor:
    """Record a primitive of two operands, each a tensor or a Python number (at least one a tensor)."""
    trace = local.trace
    if isinstance(a, Tensor):
        node_a: Any = a._node if a._storage is None else a._read()
        if node_a.trace is not trace:
            node_a = enter(trace, node_a)
        view_a = a._view
        seen_a = view_a if view_a is None else view_a.moved
        place_a: Any = node_a.place
        tracked_a = a._tracked
    else:
        node_a = a = operand(a)
        view_a = seen_a = None
        if type(a) is int and not SMALLEST <= a <= LARGEST:
            return binary(primitive, whole_number(a, b.dtype), b, gradient, attributes)
        place_a = number_kind(a)
        tracked_a = False
    kind = type(b)
    if kind is float:
        node_b: Any = b
        view_b = seen_b = None
        place_b: Any = "f"
        tracked_b = False
    elif kind is int:
        if not SMALLEST <= b <= LARGEST:
            b = whole_number(b, a.dtype if isinstance(a, Tensor) else None)
            return binary(primitive, a, b, gradient, attributes)
        node_b = b
        view_b = seen_b = None
        place_b = "i"
        tracked_b = False
    elif isinstance(b, Tensor):
        node_b = b._node if b._storage is None else b._read()
        if node_b.trace is not trace:
            node_b = enter(trace, node_b)
        view_b = b._view
        seen_b = view_b if view_b is None else view_b.moved
        place_b = node_b.place
        tracked_b = b._tracked
    else:
        node_b = b = operand(b)
        view_b = seen_b = None
        place_b = number_kind(b)
        tracked_b = False
    if (
        (view_a is not None and not view_a.contiguous or view_b is not None and not view_b.contiguous)
        and primitive.kind == "map"
    ):
        ordered = in_memory_order(primitive, (a, b), gradient, attributes)
        if ordered is not None:
            return ordered
    key = (primitive, attributes, place_a, seen_a, place_b, seen_b)
    step = trace.cursor.next.get(key)
    if step is None:
        step = new_step(trace, key, primitive, attributes, ((place_a, seen_a), (place_b, seen_b)))
    if primitive.late:
        trace.sites[step.depth - 1] = user_site()
    given: tuple[Any, ...] = ()
    if seen_a is not view_a:
        given = (view_a.offset,)  # type: ignore[union-attr]
    elif type(place_a) is str:
        given = (node_a,)
    if seen_b is not view_b:
        given += (view_b.offset,)  # type: ignore[union-attr]
    elif type(place_b) is str:
        given += (node_b,)
    value = _new(Node)
    value.shape = step.shape
    value.dtype = step.dtype
    value.trace = trace
    value.place = step.depth - 1
    value.buffer = None
    trace.numbers += given
    trace.nodes += (value,)
    trace.cursor = step
    if step.mark >= trace.limit:
        value = overflow(trace, value, step)
    result = _new(Tensor)
    result._node = value
    result._storage = None
    result._view = None
    result._autograd = None
    if (tracked_a or tracked_b) and gradient is not None and local.grad:
        history = _new(gradient)
        history.edges = (
            (a._gradient or a) if tracked_a else None,
            (b._gradient or b) if tracked_b else None,
        )
        saves = gradient.saves
        if saves == NOTHING:
            history.saved = ()
        elif saves == CROSSWISE:
            history.saved = (
                (node_a if tracked_b else None, view_a),
                (node_b if tracked_a else None, view_b),
            )
        elif saves == INPUTS:
            history.saved = ((node_a, view_a), (node_b, view_b))
        else:
            history.saved = ((node_a, view_a), (node_b, view_b), (value, None))
        history.shape = value.shape
        history.dtype = value.dtype
        history.sequence = sequence()
        history.attached = None
        history.context = attributes
        result._tracked = True
        result._gradient = history
        if local.watched:
            history.observe()
    else:
        result._tracked = False
        result._gradient = None
    return result


def nary(
    primitive: Primitive,
    operands: Sequence[Any],
    gradient: type[Gradient] | None = None,
    attributes: Any = None,
    context: Any = None,
) -> Tensor:
    """Record a primitive of any number of tensors and Python numbers."""
    in_order = True
    pairs: list[tuple[Any, View | None]] = []
    for t in operands:
        if isinstance(t, Tensor):
            view = t._view
            if view is not None and not view.contiguous:
                in_order = False
            pairs.append((t._read(), view))
        else:
            if type(t) is int and not SMALLEST <= t <= LARGEST:
                t = whole_number(t, next(other for other in operands if isinstance(other, Tensor)).dtype)
            pairs.append((operand(t), None))
    if not in_order and primitive.kind == "map":
        ordered = in_memory_order(primitive, operands, gradient, attributes, context)
        if ordered is not None:
            return ordered
    value = record(primitive, attributes, *pairs)
    result = Tensor._from_node(value)
    if gradient is not None and tracked(*operands):
        attach(result, gradient, operands, pairs, context if context is not None else attributes)
    return result


def in_memory_order(
    primitive: Primitive,
    operands: Sequence[Any],
    gradient: type[Gradient] | None,
    attributes: Any,
    context: Any = None,
) -> Tensor | None:
    """The operation on operands that do not lie in logical order; None if its result does all the same."""
    result = record_in_memory_order(primitive, operands, attributes)
    if result is not None and gradient is not None and tracked(*operands):
        attach(result, gradient, operands, None, context if context is not None else attributes)
    return result


def attach(
    result: Tensor,
    gradient: type[Gradient],
    operands: Sequence[Any],
    saved: Sequence[tuple[Any, View | None]] | None = None,
    context: Any = None,
) -> None:
    """Give ``result`` a history of class ``gradient`` over ``operands``.

    What is kept is decided by ``gradient.saves`` unless it is given as ``saved`` pairs (node, view).
    """
    history = _new(gradient)
    history.edges = tuple([(t._gradient or t) if isinstance(t, Tensor) and t._tracked else None for t in operands])
    saves = gradient.saves
    if saved is None:
        saved = [(t._read(), t._view) if isinstance(t, Tensor) else (t, None) for t in operands]
    if saves == NOTHING:
        history.saved = ()
    elif saves == RESULT:
        history.saved = (*saved, (result._read(), result._view))
    else:
        history.saved = tuple(saved)
    history.shape, history.dtype = result._output_meta(0)
    history.sequence = sequence()
    history.attached = None
    history.context = context
    result._tracked = True
    result._gradient = history
    if result._autograd is not None:
        result._autograd.base = None  # what it was reshaped from was never seen; the history is its own
    if local.watched:
        history.observe()


def no_slope(grad: Tensor) -> Tensor:
    """Zeros in the place of a gradient; zero times an infinite one would not be a number."""
    return Tensor._from_node(record_constant(tuple(grad.shape), 0, grad.dtype))


def number_or_tensor(x: Any, d: DType) -> Tensor:
    """An operand of which a gradient needs a tensor: a number has no dimensions and the dtype given."""
    return x if isinstance(x, Tensor) else Tensor._from_node(record_constant((), x, d))


def tracked(*tensors: Any) -> bool:
    """Whether an operation on these operands is to be differentiated."""
    if local.grad:
        for tensor in tensors:
            if isinstance(tensor, Tensor) and tensor._tracked:
                return True
    return False


def checked(value: Tensor, holds: Tensor, check: Check) -> Tensor:
    """``value`` without its history; ``check``'s error is raised at evaluation where ``holds`` (booleans) is false.

    That happens whether anything is done with the result or not.
    """
    return binary(p.CHECK, value, holds, None, check)
