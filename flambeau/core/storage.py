"""Memory that several tensors share: the current node of its value, and how tensors write into it."""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from ..graph.primitives import WRITE, nbytes
from ..graph.shapes import Size, View, contiguous_strides
from ..graph.trace import Node, evaluate, note_rebinding, record, record_constant
from ..interpreter.holders import other_holders

if TYPE_CHECKING:
    from ..graph.dtypes import dtype


class Storage:
    """What the views of one piece of memory have in common.

    ``node`` is the current value; any shape, since views address it by flat position. ``version`` counts the
    writes.
    """

    __slots__ = ("node", "version", "__weakref__")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.version = 0

    def write(self, view: View, value: Node, value_view: View | None) -> None:
        """Make ``value`` (expandable to the view's sizes) the content of ``view``."""
        if value_view is None and self.replace(view, value) or value_view is view and self._replace_all(view, value):
            return
        self.write_part(view, value, value_view)

    def write_part(self, view: View, value: Node, value_view: View | None) -> None:
        """:meth:`write` for what is to stay a value of its own, whatever the view shows."""
        self.version += 1
        if is_exposed(self.node):
            write_exposed(self, view, value, value_view)
        else:
            node = self.node
            self.node = written(node, view, value, value_view)
            note_rebinding(self, "node", node, self.node)

    def grow(self, count: int) -> None:
        """Make the memory at least ``count`` elements long, keeping those there are; the others are zeros."""
        node = self.node
        have = node.shape.numel()
        if count <= have:
            return
        longer = record_constant((count,), 0, node.dtype)
        if have:
            longer = written(longer, View((have,), (1,), 0), node, View((have,), (1,), 0))
        self.version += 1
        self.node = longer
        note_rebinding(self, "node", node, longer)

    def replace(self, view: View, value: Node) -> bool:
        """Make ``value`` the content, if that is all that is to be done; whether it was."""
        node = self.node
        shape = value.shape
        if (
            value.dtype is not node.dtype
            or view.sizes != shape
            or not view.contiguous
            or view.offset != 0
            or node.shape != shape
            and node.shape.numel() != shape.numel()
            or node.buffer is not None
            and is_exposed(node)
        ):
            return False
        self.version += 1
        self.node = value
        note_rebinding(self, "node", node, value)
        return True

    def _replace_all(self, view: View, value: Node) -> bool:
        """:meth:`replace` by a value that is seen through the same view, if that shows all of it."""
        node = self.node
        count = node.shape.numel()
        if value.dtype is not node.dtype or value.shape.numel() != count or not shows_all(view, count) or is_exposed(node):
            return False
        self.version += 1
        self.node = value
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
    return buffer is not None and buffer.ever_exposed and buffer.exposed()


_holders_of_node = other_holders(attrgetter("node"))


def write_exposed(storage: Storage, view: View, value: Node, value_view: View | None) -> None:
    """Write at once, into the same memory; whoever still needs the old value gets a copy of it first."""
    changed = evaluate(written(storage.node, view, value, value_view))
    buffer = evaluate(storage.node)
    size = nbytes(storage.node.shape, storage.node.dtype)
    needed = _holders_of_node(storage) > 0  # no local variable may hold the node here
    node = storage.node
    if needed:
        node.buffer = buffer.copy(size)
    buffer.peek(np.uint8, (size,))[...] = changed.peek(np.uint8, (size,))
    storage.node = Node(node.shape, node.dtype, None, 0, buffer)
    note_rebinding(storage, "node", node, storage.node)


def flat_node(node: Node, d: dtype) -> Node:
    """A value in memory seen as elements of another dtype of the same size (``Tensor.view(dtype)``)."""
    buffer = evaluate(node)
    count = nbytes(node.shape, node.dtype) // d.itemsize
    return Node(Size((count,)), d, None, 0, buffer)
