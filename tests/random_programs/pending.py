"""Leaves that nobody has computed yet: results of every kind of kernel that have the elements of a tensor in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _product(T: Any, x: Any) -> Any:
    return x @ T.eye(x.shape[-1], dtype=x.dtype) if x.ndim > 1 else x.clone()


def _joined(T: Any, x: Any) -> Any:
    return T.cat([x[:1], x[1:]]) if x.ndim else x.clone()


def _gathered(T: Any, x: Any) -> Any:
    return x.index_select(0, T.arange(x.shape[0])) if x.ndim else x.clone()


def _written(T: Any, x: Any) -> Any:
    made = T.zeros(tuple(x.shape), dtype=x.dtype)
    made[...] = x
    return made


def _scattered(T: Any, x: Any) -> Any:
    return T.zeros(tuple(x.shape), dtype=x.dtype).index_copy(0, T.arange(x.shape[0]), x) if x.ndim else x.clone()


PENDING: dict[str, Callable[[Any, Any], Any]] = {
    "map": lambda T, x: x.neg().neg(),
    "copy": lambda T, x: x.clone(),
    "row reduction": lambda T, x: T.stack([x, x], -1).amax(-1),
    "column reduction": lambda T, x: T.stack([x, x * 0]).sum(0),
    "product": _product,
    "join": _joined,
    "gather": _gathered,
    "write": _written,
    "scatter": _scattered,
}  # fmt: skip
"""Functions of (library, tensor)."""
