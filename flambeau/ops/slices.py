"""The slices of one axis that a vector of numbers names: read, added to, replaced."""

from __future__ import annotations

from typing import Any

from ..graph.shapes import wrap_dim
from ..tensor import Tensor
from .addressing import Addressing, check_index, gathered, value_for, with_values
from .operation import operation, write_out


def _slices(input: Tensor, dim: int, index: Tensor) -> Addressing:
    return Addressing(input, [(wrap_dim(dim, input.ndim), index.reshape(-1))])


@operation()
def index_select(input: Tensor, dim: int, index: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The slices of axis ``dim`` at the positions in ``index`` (a vector)."""
    check_index("index_select", index)
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    if input.ndim == 0:
        return input.clone()
    result = gathered(input, _slices(input, dim, index))
    return result if out is None else write_out(out, result)


@operation(inplace=True)
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """A copy with ``alpha`` times the slices of ``source`` added to the slices of ``dim`` that ``index`` names."""
    addressing = _slices(input, dim, index)
    if source.shape != addressing.shape and source.ndim:
        raise RuntimeError(
            f"index_add_(): Number of indices ({index.numel()}) should be equal to source.size(dim): "
            f"({source.shape[wrap_dim(dim, source.ndim)]}), for dim: {dim}"
        )
    value = source if alpha == 1 else source * alpha
    return with_values(input, value.expand(addressing.shape), addressing, "add")


@operation(inplace=True)
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy with the slices of ``dim`` that ``index`` names replaced by those of ``source``."""
    addressing = _slices(input, dim, index)
    return with_values(input, source.expand(addressing.shape), addressing, "set")


@operation(inplace=True)
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """A copy with the slices of ``dim`` that ``index`` names filled with one value."""
    addressing = _slices(input, dim, index)
    return with_values(input, value_for(input, value).expand(addressing.shape), addressing, "set")


@operation(inplace=True)
def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy in which the slices of ``source`` are combined ("prod", "mean", "amax", "amin") with those ``index`` names."""
    axis = wrap_dim(dim, input.ndim)
    spread = index.reshape([-1 if k == axis else 1 for k in range(input.ndim)]).expand(source.shape)
    return input.scatter_reduce(axis, spread, source, reduce, include_self=include_self)  # type: ignore[no-any-return]
