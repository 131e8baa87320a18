"""Flattening containers of a known structure: what the code of graphs with containers among their inputs calls."""

from __future__ import annotations

from typing import Any

from ..utils import _pytree


def tree_flatten_spec(pytree: Any, spec: Any) -> list[Any]:
    """What containers hold. ``RuntimeError`` if their structure is not ``spec``."""
    leaves, found = _pytree.tree_flatten(tuple(pytree) if spec.type is tuple and isinstance(pytree, list) else pytree)
    if found != spec:
        raise RuntimeError(f"Real spec {found} of object {pytree} is different from expected spec {spec}.")
    return leaves
