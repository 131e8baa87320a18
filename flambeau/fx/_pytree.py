"""Flattening containers of a known structure: what the code of graphs with containers among their inputs calls."""

from __future__ import annotations

from typing import Any

from ..utils import _pytree


def tree_flatten_spec(pytree: Any, spec: Any) -> list[Any]:
    """What containers hold where ``spec`` says. ``KeyError``, ``IndexError`` or ``RuntimeError`` if there is nothing."""
    if spec.is_leaf():
        return [pytree]
    if spec.type in (dict, list, tuple):
        keys = spec.context if spec.type is dict else range(spec.num_children)
        return [leaf for key, child in zip(keys, spec.children()) for leaf in tree_flatten_spec(pytree[key], child)]
    leaves, found = _pytree.tree_flatten(pytree)
    if found != spec:
        raise RuntimeError(f"Real spec {found} of object {pytree} is different from expected spec {spec}.")
    return leaves
