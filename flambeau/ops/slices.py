"""Slices of one axis, chosen by a vector of indices: read (``index_select``), added to, replaced."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..core.modes import without_history
from ..core.tensor import Meta, Tensor
from ..graph import dtypes
from ..graph.checks import Check
from ..graph.dtypes import TYPE_NAMES
from ..graph.notices import warn_once
from ..graph.shapes import Size, wrap_dim
from .addressing import (
    ROW,
    SELECTED,
    Addressing,
    ByIndex,
    IndexBackward0,
    IndexPutBackward0,
    along,
    check_index,
    check_range,
    taken,
    value_for,
    with_values,
)
from .creation import filled
from .dispatch import with_history
from .gather_scatter import scatter_reduced
from .memory_order import lay, own_order
from .one_node import one_node
from .operation import Scalar, operation


def _slices(input: Tensor, axis: int, index: Tensor, check: Check) -> Addressing:
    return Addressing(input, {axis: index if len(index.shape) == 1 else index.reshape(-1)}, check)


def _long_index(name: str, index: Tensor) -> None:
    if index.dtype is not dtypes.int64:
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {TYPE_NAMES[index.dtype]}")


IndexSelectBackward0 = IndexBackward0.named("IndexSelectBackward0")


class IndexFillBackward0(ByIndex):
    """``context``: the layout of the addressing. An element that is named twice is filled once."""

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        zeros = filled(Size(self.context.shape), 0, grad.dtype)
        kept = with_values(grad, zeros, self.addressing(self.context), "set")
        return kept, (grad - kept).sum() if self.needs(1) else None


@one_node("IndexSelectBackward0")
def _selected_of_one(input: Tensor, index: Tensor) -> Tensor:
    """:func:`index_select` of a tensor without dimensions."""
    return index_select(input.reshape(1), 0, index).reshape(())  # type: ignore[no-any-return]


@operation(out="exact apart")
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of axis ``dim`` at the positions in ``index`` (a vector). Negative positions are out of range."""
    sizes, index_sizes = input.shape, index.shape
    axis = wrap_dim(dim, len(sizes))
    if len(index_sizes) > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    check_index("index_select", index)
    if not sizes:
        if index.numel() != 1:
            raise RuntimeError(f"index_select(): Index to scalar can have only 1 value, got {index.numel()} value(s)")
        return _selected_of_one(input, index)
    empty = 0 in sizes
    if empty and sizes[axis] == 0 and index.numel():
        raise RuntimeError("index_select(): self indexing axis dim should be positive")
    check = ROW if axis == 0 and not empty else SELECTED
    result = taken(input, {axis: index if index_sizes else index.reshape(-1)}, check, IndexSelectBackward0)
    if empty:
        check_range(index, sizes[axis], check)
    return result


@operation(inplace="part", out="exact")
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Scalar = 1) -> Tensor:
    """A copy with ``alpha`` times the slices of ``source`` added to the slices of ``dim`` that ``index`` names."""
    axis = _checked_axis("index_add_", input, dim, index, source)
    sizes = input.shape
    if not sizes:
        return index_add(input.reshape(1), 0, index, source.reshape(1), alpha=alpha).reshape(())  # type: ignore[no-any-return]
    if sizes[axis] == 0 and index.numel():
        return input.clone()
    value = source if alpha == 1 else source * alpha
    as_scatter = len(sizes) > 1 and alpha == 1 and axis in (0, len(sizes) - 1)  # in PyTorch, whose error it is then
    check = along(axis) if as_scatter else ROW
    return with_values(input, value, _slices(input, axis, index, check), "add", IndexPutBackward0.named("IndexAddBackward0"))


def _checked_axis(name: str, input: Tensor, dim: int, index: Tensor, source: Tensor) -> int:
    """The axis, if slices of ``source`` can be combined with those of ``input`` that ``index`` names."""
    axis = wrap_dim(dim, len(input.shape))
    _check_slices(name, input._output_meta(0), axis, dim, index._output_meta(0), source._output_meta(0))
    return axis


@lru_cache(maxsize=256)
def _check_slices(name: str, input: Meta, axis: int, dim: int, index: Meta, source: Meta) -> None:
    """What :func:`_checked_axis` says, looked at once for the same shapes and dtypes."""
    (sizes, d), (index_sizes, index_d), (given, given_d) = input, index, source
    if len(index_sizes) > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got dim: {len(index_sizes)} with type: {TYPE_NAMES[index_d]} "
            f"and size: {list(index_sizes)}"
        )
    if index_d is not dtypes.int64 and index_d is not dtypes.int32:
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index but got: {TYPE_NAMES[index_d]}")
    if 0 < len(given) <= axis:
        raise RuntimeError(f"{name}(): Indexing dim {axis} is out of bounds of the source tensor with dim {len(given)}")
    if given_d is not d:
        raise RuntimeError(
            f"{name}(): self ({TYPE_NAMES[d]}) and source ({TYPE_NAMES[given_d]}) must have the same scalar type"
        )
    if given and index_sizes.numel() != given[axis]:
        raise RuntimeError(
            f"{name}(): Number of indices ({index_sizes.numel()}) should be equal to source.size(dim): "
            f"({given[axis]}), for dim: {dim}"
        )
    if _without(given, axis) != _without(sizes, axis) or len(given) != len(sizes):
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = "
            f"{list(sizes)} source.shape = {list(given)}"
        )


def _without(shape: Size, axis: int) -> tuple[int, ...]:
    return (*shape[:axis], *shape[axis + 1 :])


@operation(inplace="part", out="exact")
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy with the slices of ``dim`` that ``index`` names replaced by those of ``source``."""
    axis = wrap_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(f"index_copy_(): Index should have dimension 1 or 0 (got {index.ndim})")
    count = index.numel()
    if source.ndim == 0 and count != 1:
        raise IndexError(f"index_copy_(): When source is scalar, index should have one element (got {count})")
    if source.ndim != input.ndim and source.ndim and input.ndim:
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. Source "
            f"dimensionality ({source.ndim}), destination dimensionality ({input.ndim})"
        )
    _long_index("index_copy_", index)
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"index_copy_(): self and source expected to have the same dtype, but got (self) {TYPE_NAMES[input.dtype]} and "
            f"(source) {TYPE_NAMES[source.dtype]}"
        )
    ours, theirs = _without(input.shape, axis), _without(source.shape, axis)
    if ours != theirs:
        raise RuntimeError(
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: "
            f"{' '.join(map(str, ours))} at dimension {axis} and source slice shape: {' '.join(map(str, theirs))} at "
            "dimension 0."
        )
    if source.ndim and count != source.shape[axis]:
        raise IndexError(
            f"index_copy_(): Number of indices ({count}) should be equal to source.size(dim) ({source.shape[axis]})"
        )
    if input.ndim == 0:
        return index_copy(input.reshape(1), 0, index, source.reshape(1)).reshape(())  # type: ignore[no-any-return]
    check = Check(IndexError, f"index_copy_(): index {{value}} is out of bounds for dimension {axis} with size {{size}}")
    addressing = _slices(input, axis, index, check)
    return with_values(input, source.expand(addressing.shape), addressing, "set", IndexPutBackward0.named("IndexCopyBackward0"))


@operation(inplace="part")
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with the slices of ``dim`` that ``index`` names, also from the end, filled with one value."""
    axis = wrap_dim(dim, input.ndim)
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(
            f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
        )
    if index.dtype is not dtypes.int64:
        raise IndexError("index_fill_(): Expected dtype int64 for index.")
    if index.ndim > 1:
        raise RuntimeError("Index has to be a vector/scalar")
    if input.ndim == 0:
        return index_fill(input.reshape(1), 0, index, value).reshape(())  # type: ignore[no-any-return]
    check = Check(IndexError, f"index {{value}} is out of bounds for dimension {axis} with size {{size}}", wraps=True)
    addressing = _slices(input, axis, index, check)
    content = value_for(input, value)
    result = without_history(lambda: with_values(input, content.expand(addressing.shape), addressing, "set"))
    gradient = IndexFillBackward0.named("IndexFillBackward1") if isinstance(value, Tensor) else IndexFillBackward0
    history = with_history(result, gradient, [input, content], addressing.layout, kept=addressing.indices)
    return lay(history, own_order(input))


@operation(inplace="part", out="exact")
@one_node("IndexReduceBackward0")
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy in which the slices of ``source`` are combined ("prod", "mean", "amax", "amin") with those ``index`` names."""
    warn_once("index_reduce() is in beta and the API may change at any time.")
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    axis = _checked_axis("index_reduce_", input, dim, index, source)
    spread = index.reshape([-1 if k == axis else 1 for k in range(input.ndim)]).expand(source.shape)
    return scatter_reduced(input, axis, spread, source, reduce, include_self, ROW)
