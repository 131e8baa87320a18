"""Memory that several tensors share: the current node of its value, and how tensors write into it."""

from __future__ import annotations

import threading
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np

from ..graph.dtypes import dtype
from ..graph.meta import NOTHING
from ..graph.primitives import WRITE, nbytes
from ..graph.shapes import Size, View, contiguous_strides
from ..graph.trace import Node, evaluate, note_rebinding, record, record_constant
from ..interpreter.holders import other_holders


class Storage:
    """What the views of one piece of memory have in common.

    ``node`` is the current value; any shape, since views address it by flat position. ``version`` counts the
    writes.
    """

    __slots__ = ("node", "version", "__weakref__")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.version = 0

    def write(self, view: View, value: Node, value_view: View | None, read: Node | None = None) -> None:
        """Make ``value`` (expandable to the view's sizes) the content of ``view``.

        If it was made of ``read``, to differ from that in some elements, no others are written: other threads may have written
        to them meanwhile.
        """
        if read is not None:
            self._write_changes(view, value, value_view, read)
            return
        if value_view is None and self.replace(view, value) or value_view is view and self._replace_all(view, value):
            return
        self.write_part(view, value, value_view)

    def write_part(self, view: View, value: Node, value_view: View | None) -> None:
        """:meth:`write` for what is to stay a value of its own, whatever the view shows."""
        while True:
            node = self.node
            if is_exposed(node):
                write_exposed(self, view, seen(evaluate(value), value_view or whole(value.shape), node.dtype))
                return
            if self.rebind(node, written(node, view, value, value_view)):
                return

    def grow(self, count: int) -> None:
        """Make the memory at least ``count`` elements long, keeping those there are; the others are zeros."""
        while True:
            node = self.node
            have = node.shape.numel()
            if count <= have:
                return
            longer = record_constant((count,), 0, node.dtype)
            if have:
                longer = written(longer, View((have,), (1,), 0), node, View((have,), (1,), 0))
            if self.node is node:
                self.version += 1
                self.node = longer
                note_rebinding(self, "node", node, longer)
                return

    def replace(self, view: View, value: Node, node: Node | None = None) -> bool:
        """Make ``value`` the content (in the place of ``node``), if that is all that is to be done; whether it was."""
        if node is None:
            node = self.node
        shape = value.shape
        if (
            value.dtype is not node.dtype
            or view.sizes != shape
            or not view.contiguous
            or view.offset != 0
            or node.shape != shape
            and node.shape.numel() != shape.numel()
        ):
            return False
        return self.rebind(node, value)

    def _replace_all(self, view: View, value: Node) -> bool:
        """:meth:`replace` by a value that is seen through the same view, if that shows all of it."""
        node = self.node
        count = node.shape.numel()
        if value.dtype is not node.dtype or value.shape.numel() != count or not shows_all(view, count):
            return False
        return self.rebind(node, value)

    def _write_changes(self, view: View, value: Node, value_view: View | None, read: Node) -> None:
        """:meth:`write` of a value that was made of ``read``, whatever has been written since."""
        if self.node is read:
            if value_view is None and self.replace(view, value, read):
                return
            if self.rebind(read, written(read, view, value, value_view)):
                return
        d = read.dtype
        given = np.broadcast_to(seen(evaluate(value), value_view or whole(value.shape), d), view.sizes)
        bits = f"u{d.itemsize}"  # NaN is not equal to itself
        changed = given.view(bits) != seen(evaluate(read), view, d).view(bits)
        while True:
            node = self.node
            if is_exposed(node):
                write_exposed(self, view, given, changed)
                return
            buffer = evaluate(node).copy(nbytes(node.shape, d))
            np.copyto(seen(buffer, view, d), given, where=changed)
            if self.rebind(node, Node(node.shape, d, None, 0, buffer)):
                return

    def rebind(self, node: Node, value: Node) -> bool:
        """Put ``value`` in the place of ``node``, if that is still the value and nobody else sees its memory; whether it was.

        Another thread may have written meanwhile. Nothing is called between the questions and the answer, so that none can
        come in between.
        """
        buffer = node.buffer
        if buffer is not None and buffer.ever_exposed and (buffer is NOTHING or buffer.exposed()) or self.node is not node:
            if buffer is NOTHING:  # there is nothing to be written to
                self.version += 1
            return buffer is NOTHING
        self.version += 1
        self.node = value
        trace = value.trace
        if trace is not None and trace.sites:
            note_rebinding(self, "node", node, value)
        return True


@lru_cache(maxsize=1024)
def shows_all(view: View, count: int) -> bool:
    """Whether a view shows each of ``count`` elements once, in whatever order."""
    return view.sizes.numel() == count == view.last_element() + 1 and not view.overlaps_itself()


def written(node: Node, view: View, value: Node, value_view: View | None) -> Node:
    """The value ``node`` with ``value`` (expandable to the view's sizes) in place of what lies under ``view``."""
    if view.offset:
        return record(WRITE, view.moved, (node, None), (value, value_view), (view.offset, None))
    return record(WRITE, view, (node, None), (value, value_view))


@lru_cache(maxsize=1024)
def whole(shape: Size) -> View:
    """The view of a contiguous value as it lies in memory."""
    return View(shape, contiguous_strides(shape), 0)


def is_exposed(node: Node) -> bool:
    """Whether others (NumPy arrays, pointers) can see this value's memory."""
    buffer = node.buffer
    return buffer is not None and buffer.ever_exposed and buffer is not NOTHING and buffer.exposed()


_holders_of_node = other_holders(attrgetter("node"))


def write_exposed(storage: Storage, view: View, given: np.ndarray, where: Any = True) -> None:
    """Write at once, into the same memory; whoever still needs the old value gets a copy of it first.

    Nothing is written but what lies under ``view`` (and there what ``where`` says): others may be writing beside it.
    """
    d = storage.node.dtype
    while True:
        buffer, number = evaluate(storage.node), storage.version
        shape = storage.node.shape
        view.check_within(shape.numel(), d.itemsize)
        fresh = Node(shape, d, None, 0, buffer)
        needed = _holders_of_node(storage) > 0  # no local variable may hold the node here
        old = buffer.copy(nbytes(shape, d)) if needed else None
        if storage.node.buffer is not buffer or storage.version != number:
            continue
        if old is not None:
            storage.node.buffer = old
        storage.version += 1
        storage.node = fresh
        np.copyto(seen(buffer, view, d), given, where=where)
        if storage.node.buffer is buffer:  # else it was not exposed any more, and another thread has written to a copy
            return


def seen(buffer: Any, view: View, d: dtype) -> np.ndarray:
    """Memory under a view as an array, for the caller to drop at once; half types as their bits."""
    size = d.itemsize
    kind = np.uint16 if d.kind == "float" and size == 2 else d.memory
    strides = None if view.contiguous else [step * size for step in view.strides]
    array: np.ndarray = buffer.peek(kind, view.sizes, strides, view.offset * size)
    return array


def as_now(node: Node) -> Node | None:
    """What stands for a value whatever is written to it: the node, or a copy of memory that others see.

    None if there are no other threads: then nothing comes in between reading such memory and writing there.
    """
    if not is_exposed(node):
        return node
    if threading.active_count() == 1:
        return None
    return Node(node.shape, node.dtype, None, 0, node.buffer.copy(nbytes(node.shape, node.dtype)))


def flat_node(node: Node, d: dtype) -> Node:
    """A value in memory seen as elements of another dtype of the same size (``Tensor.view(dtype)``)."""
    buffer = evaluate(node)
    count = nbytes(node.shape, node.dtype) // d.itemsize
    return Node(Size((count,)), d, None, 0, buffer)
