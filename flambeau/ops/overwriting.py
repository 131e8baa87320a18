"""Replacing what a tensor holds (``copy_``, ``fill_``, ``map_``) or its size (``resize_``); copies with a part replaced."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.at_once import write_over
from ..core.device import preserve_format
from ..core.meta import is_meta
from ..core.modes import without_history
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.dtypes import dtype
from ..graph.meta import no_data
from ..graph.shapes import Size, View, wrap_dim
from ..graph.trace import local
from .assignment import Overwritten, assign, overwrite, overwritten_by
from .conversion import converted
from .creation import checked_sizes, filled, filling, full_like, number_of
from .dispatch import with_history
from .from_data import from_array
from .memory_order import format_order, known_format, order_of, strides_in_order
from .one_node import one_node
from .operation import Scalar, Sizes, operation
from .recording_paths import unary


class CopyBackwards(Overwritten):
    """``copy_``: all gradient to the source."""

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
    if is_meta(other) and not is_meta(self):
        raise no_data()
    if write_over(self, other):
        return self
    return overwrite(self, _copied(other, self.shape, self.dtype), CopyBackwards, other)


@operation("fill_(input)")
def fill_(self: Tensor, value: Any) -> Tensor:
    """Put one value (a number or a zero-dimensional tensor) everywhere."""
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
            )
        return overwrite(self, _copied(value, self.shape, self.dtype), overwritten_by("fill_", 3), value)
    element = filling(number_of(value), self.dtype, self.shape)
    if write_over(self, element):
        return self
    return overwrite(self, filled(self.shape, element, self.dtype), overwritten_by("fill_", 2))


@operation(method=False)
def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor of the same sizes with one value everywhere."""
    if isinstance(value, Tensor):
        result = _copied(value, input.shape, input.dtype)
        return with_history(result, overwritten_by("fill", 1), [input, value])
    result = full_like(input, value)
    return with_history(result, overwritten_by("fill"), [input])


@operation()
def zero_(input: Tensor) -> Tensor:
    """Put zeros everywhere."""
    return overwrite(input, filled(input.shape, 0, input.dtype), overwritten_by("zero_"))


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
def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """:meth:`resize_` to the sizes of another tensor (and to its channels last, if ``memory_format`` is to be preserved)."""
    if memory_format is preserve_format:
        memory_format = known_format(format_order(the_template))
    return self.resize_(the_template.shape, memory_format=memory_format)  # type: ignore[no-any-return]


@operation(function=False)
def resize(self: Tensor, *sizes: Any) -> Tensor:
    """Deprecated: the same elements under another shape."""
    warnings.warn("non-inplace resize is deprecated", stacklevel=3)
    return self.reshape(*sizes)  # type: ignore[no-any-return]


@operation(function=False)
def resize_as(self: Tensor, tensor: Tensor) -> Tensor:
    """Deprecated: the same elements under the shape of another tensor."""
    return resize(self, tensor.shape)


# --- copies in which the elements under a view are replaced -----------------------------------------------------------


def _replaced(input: Tensor, view: Callable[[Tensor], Tensor], src: Tensor) -> Tensor:
    result = input.clone()
    part = view(result)
    if part.shape != src.shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = "
            f"{list(part.shape)}"
        )
    part.copy_(src)
    return result


@operation(out="exact")
@one_node("SliceScatterBackward0")
def slice_scatter(
    input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy with ``src`` in place of a slice of ``dim``."""
    axis = wrap_dim(dim, input.ndim)
    return _replaced(input, lambda x: x[(slice(None),) * axis + (slice(start, end, step),)], src)


@operation()
@one_node("SelectScatterBackward0")
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy with ``src`` in place of element ``index`` of ``dim``."""
    return _replaced(input, lambda x: x.select(dim, index), src)


@operation()
@one_node("DiagonalScatterBackward0")
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy with ``src`` in place of a diagonal."""
    return _replaced(input, lambda x: x.diagonal(offset, dim1, dim2), src)


@operation()
@one_node("AsStridedScatterBackward0")
def as_strided_scatter(input: Tensor, src: Tensor, size: Sizes, stride: Sizes, storage_offset: int | None = None) -> Tensor:
    """A copy with ``src`` in place of the elements under explicit strides, which are those of the storage of ``input``."""
    offset = input.storage_offset()
    count = input.untyped_storage().nbytes() // input.element_size()
    if input.is_contiguous() and count == input.numel():
        return _replaced(input, lambda x: x.as_strided(size, stride, storage_offset), src)
    # Some of the storage lies outside the input, or in another order: all of it is copied.
    place = offset if storage_offset is None else storage_offset
    whole = _replaced(input.as_strided((count,), (1,), 0), lambda x: x.as_strided(size, stride, place), src)
    return whole.as_strided(input.shape, input.stride(), offset)


@operation(function=False)
def fill_diagonal_(self: Tensor, fill_value: Scalar, wrap: bool = False) -> Tensor:
    """Put a number on the main diagonal; with ``wrap`` it begins anew below the end of a tall matrix."""
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    shape = self.shape
    if self.ndim > 2:
        if len(set(shape)) != 1:
            raise RuntimeError("all dimensions of input must be of equal length")
        self.as_strided((shape[0],), (sum(self.stride()),), self.storage_offset()).fill_(fill_value)
        return self
    self.diagonal().fill_(fill_value)
    if wrap and shape[0] > shape[1] + 1:
        fill_diagonal_(self[shape[1] + 1 :], fill_value, True)
    return self


# --- Python functions of elements: these evaluate at once ---------------------------------------------------------------


def _mapped(name: str, self: Tensor, function: Callable[..., Any], *others: Tensor) -> Tensor:
    if any(t.requires_grad for t in (self, *others)):
        raise RuntimeError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.")
    operands = [self.detach(), *(t.detach().expand(self.shape) for t in others)]
    columns = [t.reshape(-1).tolist() for t in operands]
    values = [function(*elements) for elements in zip(*columns)]
    made = from_array(np.array(values, dtype=np.float64 if self.dtype.kind == "float" else np.int64))
    return assign(self, made.reshape(self.shape).to(self.dtype))


@operation(function=False)
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element by a Python function of it; slow."""
    return _mapped("apply_", self, callable)


@operation(function=False)
def map_(self: Tensor, other: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by a Python function of it and of another tensor's; slow."""
    return _mapped("map_", self, callable, other)


@operation(function=False)
def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """Replace each element by a Python function of it and of two other tensors'; slow."""
    return _mapped("map2_", self, callable, x, y)
