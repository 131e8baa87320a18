"""Sums, means, extremes and the like of nested tensors: over all, over the ragged dimension, over others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import bool_
from ...graph.limits import iinfo
from ..from_data import tensor
from ..operation import NAMESPACE
from .calls import nested_operation
from .jagged import JaggedTensor, padded
from .strided import StridedNestedTensor
from .tensor import axis_of, refuse


def _lowest(d: Any) -> Any:
    return 0 if d is bool_ else float("-inf") if d.is_floating_point else iinfo(d).min


def _highest(d: Any) -> Any:
    return 1 if d is bool_ else float("inf") if d.is_floating_point else iinfo(d).max


NEUTRAL: dict[str, Callable[[Any], Any]] = {
    "sum": lambda d: 0, "mean": lambda d: 0, "prod": lambda d: 1, "any": lambda d: 0, "all": lambda d: 1,
    "amax": _lowest, "max": _lowest, "argmax": _lowest, "amin": _highest, "min": _highest, "argmin": _highest,
}  # fmt: skip
"""What a sample's missing rows are while rows are reduced."""


def _in_all(input: Any, name: str, keywords: dict[str, Any]) -> Tensor:
    """Over all elements. What lies between the samples is none of them."""
    values = input._values if input._packed() else input._of_parts(input._parts())._values
    return NAMESPACE[name](values, **keywords)  # type: ignore[no-any-return]


def _reduced(name: str) -> None:
    def reduction(input: Any, dim: Any = None, keepdim: bool = False, **keywords: Any) -> Any:
        if isinstance(input, StridedNestedTensor):
            return _strided(input, name, dim, keepdim, keywords)
        if not isinstance(input, JaggedTensor):
            refuse(name)
        if dim is None or isinstance(dim, (tuple, list)) and not dim:
            if name in ("max", "min") or not keepdim:
                return _in_all(input, name, keywords)
            result = _in_all(input, name, keywords)
            return result.reshape([1] * input.dim())
        many = isinstance(dim, (tuple, list))
        axes = [axis_of(input, axis) for axis in (dim if many else (dim,))]
        return _over(input, name, axes, many, keepdim, keywords)

    nested_operation(name)(reduction)


def _over(input: JaggedTensor, name: str, axes: list[int], many: bool, keepdim: bool, keywords: dict[str, Any]) -> Any:
    function, ragged = NAMESPACE[name], input._ragged_idx
    others = [axis for axis in axes if axis not in (0, ragged)]
    if ragged in axes:
        if input._rows.lengths is not None:
            raise RuntimeError(
                f"{name}(): reducing across the ragged dimension is not supported for non-contiguous nested tensors with holes"
            )
        if 0 in axes:
            inner = [ragged - 1, *[axis - 1 for axis in others]]
            result = function(input._values, inner if many else inner[0], keepdim, **keywords)
            return result.unsqueeze(0) if keepdim else result
        if others:
            raise RuntimeError(
                f"{name}(): reducing along a ragged and non-batch dimension is not supported for nested tensors"
            )
        return _of_rows(input, name, keepdim, keywords)
    if 0 in axes:
        raise RuntimeError(
            f"{name}(): reducing along the batch dimension but not the ragged dimension is not supported for nested tensors"
        )
    inner = [axis - 1 for axis in others]
    result = function(input._values, inner if many else inner[0], keepdim, **keywords)
    place = ragged if keepdim else ragged - sum([axis < ragged for axis in others])
    if isinstance(result, tuple):
        return type(result)(*[JaggedTensor.of(part, input._rows, place) for part in result])
    return JaggedTensor.of(result, input._rows, place)


def _of_rows(input: JaggedTensor, name: str, keepdim: bool, keywords: dict[str, Any]) -> Any:
    """One result for each sample: a tensor that is not nested."""
    ragged = input._ragged_idx
    whole = padded(input, NEUTRAL[name](input.dtype))
    if name != "mean":
        return NAMESPACE[name](whole, ragged, keepdim, **keywords)
    total = whole.sum(ragged, keepdim, **keywords)
    shape = [1] * total.dim()
    shape[0] = -1
    return total / tensor(input._rows.places[1], dtype=total.dtype).view(shape)


def _strided(input: StridedNestedTensor, name: str, dim: Any, keepdim: bool, keywords: dict[str, Any]) -> Any:
    """Sums over the last dimension, which is kept."""
    if name != "sum" or dim is None:
        refuse(name)
    axes = [*dim] if isinstance(dim, (tuple, list)) else [dim]
    if len(axes) != 1:
        raise RuntimeError("NestedTensor only allows reduction of a single dimension for now.")
    axis = axis_of(input, axes[0])
    if axis != input.dim() - 1:
        raise RuntimeError(
            f"NestedTensor can only be reduced across the last dimension for now got dimension {axis} instead."
        )
    if not keepdim:
        raise RuntimeError("NestedTensor always requires keepdim=True for now.")
    return input._of_parts([part.sum(-1, True, **keywords) for part in input._parts()])


for _name in NEUTRAL:
    _reduced(_name)
