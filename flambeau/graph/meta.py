"""The device ``meta``: values that have a shape and a dtype, and no memory.

Such a value is a node whose memory is :data:`NOTHING`. Recording meets it where a value in memory becomes a leaf of a trace, and
raises :class:`OnMeta`; the function that was recording then begins again in a :class:`MetaTrace`, which is never evaluated
(:func:`on_meta`). So operations, views, writing in place and gradients have the same rules there as anywhere, and what has values
pays nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .dtypes import DType, scalar_dtype
from .primitives import LEAF
from .shapes import Size
from .steps import Step
from .trace import CLOSED, UNLIMITED, Node, OnMeta, Trace, local, without_memory

META = "meta"
"""The name of the device."""

_T = TypeVar("_T")


def no_data() -> NotImplementedError:
    """The error for whatever wants values."""
    return NotImplementedError("Cannot copy out of meta tensor; no data!")


class _Nothing:
    """No memory (see :class:`flambeau.kernels.contract.Memory`), of which everybody must ask whether others see it."""

    device = META
    nbytes = 0
    ever_exposed = True
    exposed_forever = False
    readonly = False
    recyclable = False

    @property
    def address(self) -> int:
        raise no_data()

    def exposed(self) -> bool:
        """Raises :class:`OnMeta`: nothing is there to be read, or to be written to."""
        raise OnMeta

    def _refuse(self, *arguments: Any, **keywords: Any) -> Any:
        raise no_data()

    array = copy = peek = _refuse


NOTHING: Any = _Nothing()


class MetaTrace(Trace):
    """What is recorded of values without memory, and never evaluated."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(META)
        self.limit = UNLIMITED
        self.ended, self.error = True, no_data()  # for those who would look at a value
        none = scalar_dtype("b")
        self.cursor = Step(None, LEAF, None, (), Size(), none, none, None)
        self.cursor.passing = True

    def bring(self, node: Node) -> Node:
        """A leaf of the shape and dtype of a value from outside."""
        return self.leaf(node.shape, node.dtype)

    def leaf(self, shape: Size, d: DType) -> Node:
        """A value that nothing else is known of."""
        step = Step(self.cursor, LEAF, (shape, d), (), shape, d, d, None)
        node = Node(shape, d, self, step.depth - 1)
        self.nodes.append(node)
        self.cursor = step
        return node

    def memory(self, node: Node) -> Any:
        """``NotImplementedError``: there is none."""
        raise no_data()


def on_meta(function: Callable[..., _T], *arguments: Any, **keywords: Any) -> _T:
    """What a function gives, all that it records having no memory."""
    before = local.trace
    if type(before) is MetaTrace:
        return function(*arguments, **keywords)
    trace = local.trace = MetaTrace()
    try:
        return function(*arguments, **keywords)
    except Exception as error:
        error.__suppress_context__ = True  # that a value has no memory is no news
        raise
    finally:
        local.trace = Trace(before.device) if before.limit == CLOSED else before
        for node in trace.nodes:
            node.buffer, node.trace = NOTHING, None


without_memory.append(on_meta)
