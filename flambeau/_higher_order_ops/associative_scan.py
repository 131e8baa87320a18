"""Running results of an associative function along a dimension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .scan import slices, stacked

__all__ = ["associative_scan"]


def associative_scan(
    combine_fn: Callable[..., Any], xs: Any, dim: int, reverse: bool = False, combine_mode: str = "pointwise"
) -> Any:
    """What ``combine_fn`` makes of all parts of ``xs`` along ``dim`` up to each of them, or from each on (``reverse``)."""
    if not callable(combine_fn):
        raise ValueError(f"Combine_fn must be a callable, but got {combine_fn}")
    if combine_mode not in ("pointwise", "generic"):
        raise ValueError(f"Combine_mode must either 'pointwise' or 'generic', but got {combine_mode}")
    if combine_mode == "pointwise":
        raise ValueError("For combine_mode='pointwise', all input tensors need to be on CUDA or XPU")
    parts = slices(xs, dim, "associative_scan")
    if reverse:
        parts.reverse()
    found = parts[:1]
    for part in parts[1:]:
        found.append(combine_fn(found[-1], part))
    return stacked(found[::-1] if reverse else found, dim)
