"""Flattening containers of a known structure: what the code of graphs with containers among their inputs calls."""

from __future__ import annotations

from typing import Any

from ..utils import _pytree


def tree_flatten_spec(pytree: Any, spec: Any) -> list[Any]:
    """What containers hold, in the order of ``spec``. ``RuntimeError`` if they hold more or less."""
    if spec.is_leaf():
        return [pytree]
    if spec.type in (dict, list, tuple):
        keys = spec.context if spec.type is dict else range(spec.num_children)
        if len(pytree) == spec.num_children and all(key in pytree for key in keys if spec.type is dict):
            return [leaf for key, child in zip(keys, spec.children()) for leaf in tree_flatten_spec(pytree[key], child)]
    leaves, found = _pytree.tree_flatten(pytree)
    if found != spec:
        raise RuntimeError(f"Real spec {found} of object {pytree} is different from expected spec {spec}.")
    return leaves
