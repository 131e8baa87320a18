"""How views are made: other sizes, strides and offsets over the same storage; nothing is recorded and nothing copied.

Each operation computes the new (sizes, strides, offset) and hands them to :func:`view_of`, which makes the tensor and its
history. Gradients of views are views of the gradient where possible, else the gradient is written into zeros.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.history import Gradient, sequence
from ..core.tensor import Tensor
from ..graph.shapes import Size, View, contiguous_strides
from ..graph.trace import local
from .assignment import check_writable
from .operation import DECLARED, Declaration

Sizes = Any


def sizes_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence, as integers."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return tuple(n if type(n) is int else operator.index(n) for n in sizes)


def geometry(x: Tensor) -> tuple[Size, tuple[int, ...], int]:
    """Sizes, strides and offset of a tensor."""
    view = x._view
    if view is None:
        shape = x._node.shape
        return shape, contiguous_strides(shape), 0
    return view.sizes, view.strides, view.offset


def view_of(
    x: Tensor, sizes: Sequence[int], strides: Sequence[int], offset: int, gradient: type[Gradient], context: Any = None
) -> Tensor:
    """A tensor that looks at ``x``'s storage in another way, with a history of class ``gradient``."""
    return look(x, View(sizes, strides, offset), gradient, context)


def look(x: Tensor, view: View, gradient: type[Gradient], context: Any = None) -> Tensor:
    """:func:`view_of` for a view that was made already."""
    storage = x._storage or x._share()
    if x._extra is not None and x._extra.base is not None:
        x._read()
    result = object.__new__(Tensor)
    result._node = None
    result._storage = storage
    result._view = view
    result._extra = None
    result._tracked = False
    result._gradient = None
    if local.inference:
        return result
    extra = result._more()
    base = x._base
    extra.base = base = x if base is None else base
    extra.seen = 0 if base._extra is None else base._extra.version
    if x._tracked and local.grad:
        history = object.__new__(gradient)
        history.edges = (x._gradient or x,)
        history.saved = ()
        history.shape = view.sizes
        history.dtype = x.dtype
        history.sequence = sequence()
        history.extra = None
        history.context = (x.shape, context)
        result._tracked = True
        result._gradient = history
        if local.watched:
            history.observe()
    return result


def seen_anew_in_place(function: Any, histories: Mapping[type[Gradient], type[Gradient]]) -> Any:
    """In-place forms of views change how the tensor itself looks at its storage; their histories have names of their own."""

    def changing(self: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        check_writable(self)
        other = function(self, *arguments, **keywords)
        self._share()
        self._view = other._view
        if other._tracked:
            seen = other._gradient
            self._gradient = histories[type(seen)].of(seen.edges, (), seen.shape, seen.dtype, seen.context)
        return self

    changing.__name__ = changing.__qualname__ = function.__name__ + "_"
    changing.__doc__ = f"In-place version of ``{function.__name__}``."
    changing.__wrapped__ = function  # type: ignore[attr-defined]
    declared = DECLARED[function]
    DECLARED[changing] = Declaration(parameters={name + "_": called for name, called in declared.parameters.items()})
    for name in declared.names:
        setattr(Tensor, name + "_", changing)
    return changing
