"""The three ways in which a loss sums up, and the two old arguments that once chose among them."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ..graph.notices import warn


def legacy_get_string(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> str:
    """The ``reduction`` that the old arguments ``size_average`` and ``reduce`` stand for."""
    if reduce is False:
        reduction = "none"
    elif size_average is False:
        reduction = "sum"
    else:
        reduction = "mean"
    if emit_warning:
        warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.")
    return reduction


def resolve(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """``reduction``, unless one of the old arguments was given."""
    if size_average is not None or reduce is not None:
        return legacy_get_string(size_average, reduce)
    return reduction


def get_enum(reduction: str) -> int:
    """The number that stands for ``reduction`` in PyTorch: 0 none, 1 mean, 2 sum."""
    if reduction == "elementwise_mean":
        warn("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.")
        return 1
    check(reduction)
    return ("none", "mean", "sum").index(reduction)


def legacy_get_enum(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> int:
    """The number of the ``reduction`` that the old arguments stand for."""
    return get_enum(legacy_get_string(size_average, reduce, emit_warning))


def check(reduction: str) -> None:
    """``ValueError`` for anything but the three ways."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")


def reduced(loss: Any, reduction: str) -> Tensor:
    """The loss of every element as it is, its mean or its sum."""
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    check(reduction)
    return loss
