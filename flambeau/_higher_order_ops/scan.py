"""A loop over a dimension as a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ..ops.joining import stack
from ..utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

__all__ = ["scan"]


def slices(xs: Any, dim: int, called: str) -> list[Any]:
    """A structure of tensors as a list of such structures, one for each place along ``dim``."""
    leaves = tree_leaves(xs)
    if not leaves or not all(isinstance(leaf, Tensor) for leaf in leaves):
        raise RuntimeError(f"{called}() operator expects xs to be tensors, but got {xs}")
    extents = {leaf.shape[dim] for leaf in leaves}
    if len(extents) > 1:
        raise RuntimeError(f"{called}(): all tensors of xs must have the same extent along dimension {dim}, but got {extents}")
    count = extents.pop()
    if not count:
        raise RuntimeError(f"{called}() operator requires a dimension of at least one element")
    return [tree_map(lambda leaf, place=place: leaf.select(dim, place), xs) for place in range(count)]


def stacked(parts: list[Any], dim: int = 0) -> Any:
    """Structures of tensors as one, of which each tensor has one dimension more."""
    flat = [tree_flatten(part) for part in parts]
    return tree_unflatten([stack(list(leaves), dim) for leaves in zip(*(leaves for leaves, _ in flat))], flat[0][1])


def scan(
    combine_fn: Callable[..., Any], init: Any, xs: Any, *, dim: int = 0, reverse: bool = False
) -> tuple[Any, Any]:
    """What ``combine_fn(carry, x)``, a pair, makes of ``init`` and each part of ``xs`` along ``dim``: the last carry, and the
    second values along a new dimension ``dim``, in the order of the parts. ``reverse`` begins with the last part."""
    if not callable(combine_fn):
        raise RuntimeError("Combine_fn must be a callable, but got " + str(combine_fn))
    parts = slices(xs, dim, "scan")
    carry, found = init, []
    for part in reversed(parts) if reverse else parts:
        pair = combine_fn(carry, part)
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise RuntimeError(f"combine_fn must return a pair of the next carry and an output, but got {pair}")
        carry, y = pair
        found.append(y)
    return carry, stacked(found[::-1] if reverse else found, dim)
