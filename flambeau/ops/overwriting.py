"""A tensor's content replaced in place, by another tensor's or by one value; other sizes in place."""

from __future__ import annotations

from typing import Any

from ..core.device import preserve_format
from ..core.modes import without_history
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.dtypes import dtype
from ..graph.shapes import Size, View
from ..graph.trace import local
from .assignment import Overwritten, overwrite, overwritten_by
from .conversion import converted
from .creation import checked_sizes, element_of, filled, full_like, number_of
from .dispatch import attach, tracked, unary
from .memory_order import format_order, known_format, order_of, strides_in_order
from .operation import operation


class CopyBackwards(Overwritten):
    """``copy_``: all gradient to the source."""

    __slots__ = ()

    def name(self) -> str:
        return "torch::autograd::CopyBackwards"


def _copied(src: Tensor, sizes: Size, d: dtype) -> Tensor:
    """The values of ``src``, broadcast and converted, in a tensor of their own and without history."""
    if src._tracked and local.grad:
        return without_history(lambda: _copied(src, sizes, d))
    value = converted(src, d)
    if value.shape != sizes:
        value = value.expand(sizes)
    return unary(p.COPY, value) if value is src or value._storage is not None else value


@operation(function=False)
def copy_(self: Tensor, other: Tensor, non_blocking: bool = False) -> Tensor:
    """Take the values of ``other`` (broadcast and converted)."""
    if not isinstance(other, Tensor):
        raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(other).__name__}")
    return overwrite(self, _copied(other, self.shape, self.dtype), CopyBackwards, other)


@operation()
def fill_(self: Tensor, value: Any) -> Tensor:
    """Put one value (a number or a zero-dimensional tensor) everywhere."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
        return overwrite(self, _copied(value, self.shape, self.dtype), overwritten_by("fill_", 3), value)
    element = element_of(number_of(value), self.dtype)
    return overwrite(self, filled(self.shape, element, self.dtype), overwritten_by("fill_", 2))


@operation(method=False)
def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor of the same sizes with one value everywhere."""
    if isinstance(value, Tensor):
        result = _copied(value, input.shape, input.dtype)
        if tracked(input, value):
            attach(result, overwritten_by("fill", 1), [input, value], [])
        return result
    result = full_like(input, value)
    if tracked(input):
        attach(result, overwritten_by("fill"), [input], [])
    return result


@operation()
def zero_(self: Tensor) -> Tensor:
    """Put zeros everywhere."""
    return overwrite(self, filled(self.shape, 0, self.dtype), overwritten_by("zero_"))


@operation(function=False)
def resize_(self: Tensor, *size: Any, memory_format: Any = None) -> Tensor:
    """Change the sizes in place, keeping the elements there are and adding memory of arbitrary content.

    They lie in logical order then, or as ``memory_format`` asks.
    """
    shape = checked_sizes(size)
    order = None if memory_format is None else order_of(memory_format, len(shape))
    if shape == self.shape and memory_format is None:
        return self
    view = View(shape, strides_in_order(shape, order), self.storage_offset())
    self._share().grow(view.last_element() + 1)
    self._view = view
    return self


@operation("resize_as_(input)")
def resize_as_(self: Tensor, the_template: Tensor, memory_format: Any = None) -> Tensor:
    """:meth:`resize_` to the sizes of another tensor (and to its channels last, if ``memory_format`` is to be preserved)."""
    if memory_format is preserve_format:
        memory_format = known_format(format_order(the_template))
    return self.resize_(the_template.shape, memory_format=memory_format)  # type: ignore[no-any-return]
