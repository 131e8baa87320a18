"""From tensors to recorded nodes, for one, two and three operands: the path that every operation takes, unrolled.

Written by ``tools/recording_paths.py``: change that, and run it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..core.history import CROSSWISE, NOTHING, RESULT, Gradient, sequence
from ..core.tensor import Tensor
from ..graph.bounds import LARGEST, SMALLEST, whole_number
from ..graph.meta import on_meta
from ..graph.primitives import COPY, Primitive
from ..graph.sites import user_site
from ..graph.trace import Node, OnMeta, enter, local, new_step, number_kind, overflow
from .dispatch import NUMBERS, beside, in_memory_order, not_a_tensor, operand

_new = object.__new__


def unary(primitive: Primitive, x: Tensor, gradient: type[Gradient] | None = None, attributes: Any = None) -> Tensor:
    """Record a primitive of one tensor; ``gradient`` is attached when the tensor is tracked."""
    try:
        trace = local.trace
        try:
            storage = x._storage
        except AttributeError:
            raise not_a_tensor(sys._getframe(1).f_code.co_name, input=x) from None
        node_x: Any = x._node if storage is None else x._read()
        view_x = x._view
        if node_x.trace is not trace:
            node_x = enter(trace, node_x)
        place_x: Any = node_x.place
        seen_x = view_x if view_x is None else view_x.moved
        tracked_x = x._tracked
        if view_x is not None and not view_x.contiguous and primitive.kind == "map" and primitive is not COPY:
            ordered = in_memory_order(primitive, (x,), gradient, attributes)
            if ordered is not None:
                return ordered
        key = (primitive, attributes, place_x, seen_x)
        step = trace.cursor.next.get(key)
        if step is None:
            spelled = ((place_x, seen_x),)
            step = new_step(trace, key, primitive, attributes, spelled, (node_x,))
        value = _new(Node)
        value.shape = step.shape
        value.dtype = step.dtype
        value.trace = trace
        value.place = step.depth - 1
        value.buffer = None
        if seen_x is not view_x:
            trace.numbers += (view_x.offset,)  # type: ignore[union-attr]
        trace.nodes += (value,)
        trace.cursor = step
        if step.mark >= trace.limit:
            value = overflow(trace, value, step)
        result = _new(Tensor)
        result._node = value
        result._storage = None
        result._view = None
        result._autograd = None

        if tracked_x and gradient is not None and local.grad:
            history = _new(gradient)
            history.edges = (x._gradient or x,)
            saves = gradient.saves
            if saves == NOTHING:
                history.saved = ()
            elif saves == RESULT:
                history.saved = ((value, None),)
            else:
                history.saved = ((node_x, view_x),)
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
    except OnMeta:
        return on_meta(unary, primitive, x, gradient, attributes)


def binary(
    primitive: Primitive, a: Any, b: Any, gradient: type[Gradient] | None = None, attributes: Any = None,
    context: Any = None,
) -> Tensor:  # fmt: skip
    """Record a primitive of two operands, each a tensor or a Python number (at least one a tensor)."""
    try:
        trace = local.trace
        if isinstance(a, Tensor):
            node_a: Any = a._node if a._storage is None else a._read()
            view_a = a._view
            if node_a.trace is not trace:
                node_a = enter(trace, node_a)
            place_a: Any = node_a.place
            seen_a = view_a if view_a is None else view_a.moved
            tracked_a = a._tracked
        else:
            node_a = a = operand(a)
            if type(a) is int and not SMALLEST <= a <= LARGEST:
                return binary(primitive, _whole(a, (b,)), b, gradient, attributes, context)
            view_a = seen_a = None
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
                return binary(primitive, a, _whole(b, (a,)), gradient, attributes, context)
            node_b = b
            view_b = seen_b = None
            place_b = "i"
            tracked_b = False
        elif isinstance(b, Tensor):
            node_b = b._node if b._storage is None else b._read()
            view_b = b._view
            if node_b.trace is not trace:
                node_b = enter(trace, node_b)
            place_b = node_b.place
            seen_b = view_b if view_b is None else view_b.moved
            tracked_b = b._tracked
        else:
            node_b = b = operand(b)
            view_b = seen_b = None
            place_b = number_kind(b)
            tracked_b = False
        if (
            view_a is not None and not view_a.contiguous
            or view_b is not None and not view_b.contiguous
        ) and primitive.kind == "map":
            ordered = in_memory_order(primitive, (a, b), gradient, attributes, context)
            if ordered is not None:
                return ordered
        key = (primitive, attributes, place_a, seen_a, place_b, seen_b)
        step = trace.cursor.next.get(key)
        if step is None:
            spelled = ((place_a, seen_a), (place_b, seen_b))
            step = new_step(trace, key, primitive, attributes, spelled, (node_a, node_b))
        if primitive.late:
            trace.sites[step.depth - 1] = user_site()
        given: tuple[Any, ...] = ()
        if seen_a is not view_a:
            given += (view_a.offset,)  # type: ignore[union-attr]
        elif type(place_a) is str:
            given += (node_a,)
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
                history.saved = ((node_a if tracked_b else None, view_a), (node_b if tracked_a else None, view_b))
            elif saves == RESULT:
                history.saved = ((node_a, view_a), (node_b, view_b), (value, None))
            else:
                history.saved = ((node_a, view_a), (node_b, view_b))
            history.shape = value.shape
            history.dtype = value.dtype
            history.sequence = sequence()
            history.attached = None
            history.context = attributes if context is None else context
            result._tracked = True
            result._gradient = history
            if local.watched:
                history.observe()
        else:
            result._tracked = False
            result._gradient = None
        return result
    except OnMeta:
        return on_meta(binary, primitive, a, b, gradient, attributes, context)


def ternary(
    primitive: Primitive, a: Any, b: Any, c: Any, gradient: type[Gradient] | None = None, attributes: Any = None,
    context: Any = None,
) -> Tensor:  # fmt: skip
    """Record a primitive of three operands, each a tensor or a Python number (at least one a tensor)."""
    try:
        trace = local.trace
        if isinstance(a, Tensor):
            node_a: Any = a._node if a._storage is None else a._read()
            view_a = a._view
            if node_a.trace is not trace:
                node_a = enter(trace, node_a)
            place_a: Any = node_a.place
            seen_a = view_a if view_a is None else view_a.moved
            tracked_a = a._tracked
        else:
            node_a = a = operand(a)
            if type(a) is int and not SMALLEST <= a <= LARGEST:
                return ternary(primitive, _whole(a, (b, c)), b, c, gradient, attributes, context)
            view_a = seen_a = None
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
                return ternary(primitive, a, _whole(b, (a, c)), c, gradient, attributes, context)
            node_b = b
            view_b = seen_b = None
            place_b = "i"
            tracked_b = False
        elif isinstance(b, Tensor):
            node_b = b._node if b._storage is None else b._read()
            view_b = b._view
            if node_b.trace is not trace:
                node_b = enter(trace, node_b)
            place_b = node_b.place
            seen_b = view_b if view_b is None else view_b.moved
            tracked_b = b._tracked
        else:
            node_b = b = operand(b)
            view_b = seen_b = None
            place_b = number_kind(b)
            tracked_b = False
        kind = type(c)
        if kind is float:
            node_c: Any = c
            view_c = seen_c = None
            place_c: Any = "f"
            tracked_c = False
        elif kind is int:
            if not SMALLEST <= c <= LARGEST:
                return ternary(primitive, a, b, _whole(c, (a, b)), gradient, attributes, context)
            node_c = c
            view_c = seen_c = None
            place_c = "i"
            tracked_c = False
        elif isinstance(c, Tensor):
            node_c = c._node if c._storage is None else c._read()
            view_c = c._view
            if node_c.trace is not trace:
                node_c = enter(trace, node_c)
            place_c = node_c.place
            seen_c = view_c if view_c is None else view_c.moved
            tracked_c = c._tracked
        else:
            node_c = c = operand(c)
            view_c = seen_c = None
            place_c = number_kind(c)
            tracked_c = False
        if (
            view_a is not None and not view_a.contiguous
            or view_b is not None and not view_b.contiguous
            or view_c is not None and not view_c.contiguous
        ) and primitive.kind == "map":
            ordered = in_memory_order(primitive, (a, b, c), gradient, attributes, context)
            if ordered is not None:
                return ordered
        key = (primitive, attributes, place_a, seen_a, place_b, seen_b, place_c, seen_c)
        step = trace.cursor.next.get(key)
        if step is None:
            spelled = ((place_a, seen_a), (place_b, seen_b), (place_c, seen_c))
            step = new_step(trace, key, primitive, attributes, spelled, (node_a, node_b, node_c))
        if primitive.late:
            trace.sites[step.depth - 1] = user_site()
        given: tuple[Any, ...] = ()
        if seen_a is not view_a:
            given += (view_a.offset,)  # type: ignore[union-attr]
        elif type(place_a) is str:
            given += (node_a,)
        if seen_b is not view_b:
            given += (view_b.offset,)  # type: ignore[union-attr]
        elif type(place_b) is str:
            given += (node_b,)
        if seen_c is not view_c:
            given += (view_c.offset,)  # type: ignore[union-attr]
        elif type(place_c) is str:
            given += (node_c,)
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

        if (tracked_a or tracked_b or tracked_c) and gradient is not None and local.grad:
            history = _new(gradient)
            history.edges = (
                (a._gradient or a) if tracked_a else None,
                (b._gradient or b) if tracked_b else None,
                (c._gradient or c) if tracked_c else None,
            )
            saves = gradient.saves
            if saves == NOTHING:
                history.saved = ()
            elif saves == RESULT:
                history.saved = ((node_a, view_a), (node_b, view_b), (node_c, view_c), (value, None))
            else:
                history.saved = ((node_a, view_a), (node_b, view_b), (node_c, view_c))
            history.shape = value.shape
            history.dtype = value.dtype
            history.sequence = sequence()
            history.attached = None
            history.context = attributes if context is None else context
            result._tracked = True
            result._gradient = history
            if local.watched:
                history.observe()
        else:
            result._tracked = False
            result._gradient = None
        return result
    except OnMeta:
        return on_meta(ternary, primitive, a, b, c, gradient, attributes, context)


def not_its_own(name: str, value: Any) -> TypeError:
    """The error where an operator's function was called itself, with something else in the tensor's place."""
    kind = type(value).__name__
    return TypeError(f"descriptor '{name}' for 'torch._C.TensorBase' objects doesn't apply to a '{kind}' object")


def recorded_operator(primitive: Primitive, gradient: type[Gradient]) -> Callable[[Tensor, Any], Any]:
    """An operator that records one primitive; two tensors without views and without history take the shortest way."""

    def operator(a: Tensor, b: Any) -> Any:
        kind = type(b)
        if kind is Tensor:
            try:
                if a._storage is not None or b._storage is not None or a._tracked or b._tracked:
                    return binary(primitive, a, b, gradient)
                node_a, node_b = a._node, b._node
            except AttributeError:
                if isinstance(a, Tensor):
                    raise
                raise not_its_own(operator.__name__, a) from None
        elif kind is float or kind is int or isinstance(b, Tensor):
            try:
                a._tracked  # a number has none  # noqa: B018
                return binary(primitive, a, b, gradient)
            except AttributeError:  # a kind of tensor that is no value of its own
                if not isinstance(a, Tensor):
                    raise not_its_own(operator.__name__, a) from None
                if (result := beside(primitive.name, a, b)) is NotImplemented:
                    raise
                return result
        elif isinstance(b, NUMBERS):
            return binary(primitive, a, operand(b), gradient)
        else:
            return beside(primitive.name, a, b)
        try:
            trace = local.trace
            if node_a.trace is not trace:
                node_a = enter(trace, node_a)
            place_a = node_a.place
            if node_b.trace is not trace:
                node_b = enter(trace, node_b)
            place_b = node_b.place
            key = (primitive, place_a, place_b)
            step = trace.cursor.next.get(key)
            if step is None:
                step = new_step(trace, key, primitive, None, ((place_a, None), (place_b, None)), (node_a, node_b))
            value = _new(Node)
            value.shape = step.shape
            value.dtype = step.dtype
            value.trace = trace
            value.place = step.depth - 1
            value.buffer = None
            trace.nodes += (value,)
            trace.cursor = step
            if step.mark >= trace.limit:
                value = overflow(trace, value, step)
            result = _new(Tensor)
            result._node = value
            result._storage = None
            result._view = None
            result._autograd = None
            result._tracked = False
            result._gradient = None
            return result
        except OnMeta:
            return on_meta(binary, primitive, a, b, gradient)

    return operator


def _whole(number: int, others: tuple[Any, ...]) -> float:
    """A whole number beyond 64 bits, as the first tensor beside it would have it."""
    return whole_number(number, next((other.dtype for other in others if isinstance(other, Tensor)), None))
