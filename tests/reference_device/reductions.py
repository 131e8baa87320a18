"""Reductions in the order that ``kernels/program.py`` prescribes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from flambeau.graph.dtypes import DType
from flambeau.kernels.program import LANES, ROW_CHUNK

from .maths import PRIMITIVES
from .registers import register_dtype

_COMBINE = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum", "any": "bitwise_or", "all": "bitwise_and"}


def identity(name: str, d: DType) -> Any:
    """What the reduction of no elements is."""
    if name in ("sum", "any"):
        return 0
    if name in ("prod", "all"):
        return 1
    if d.kind == "float":
        return -np.inf if name == "max" else np.inf
    if d.kind == "bool":
        return name != "max"
    limits = np.iinfo(d.numpy)
    return limits.min if name == "max" else limits.max


def reduce_rows(name: str, d: DType, x: np.ndarray) -> np.ndarray:
    """Reduce the last axis, which stays with an extent of 1."""
    if name in ("argmax", "argmin"):
        return _positions(name, x, -1)
    combine, none = _combiner(name, d), identity(name, d)
    length = min(-(-x.shape[-1] // LANES) * LANES, ROW_CHUNK)
    runs = _in_runs(x, -1, length or LANES, none)
    lanes = runs.reshape(*runs.shape[:-1], -1, LANES)
    total = np.full((*runs.shape[:-1], LANES), none, register_dtype(d))
    for k in range(lanes.shape[-2]):
        total = combine(total, lanes[..., k, :])
    while total.shape[-1] > 1:
        half = total.shape[-1] // 2
        total = combine(total[..., :half], total[..., half:])
    return _tree(combine, total, -2, none)[..., 0]


def reduce_columns(name: str, d: DType, x: np.ndarray, chunk: int) -> np.ndarray:
    """Reduce the axis before the last, which stays with an extent of 1, in runs of ``chunk``."""
    if name in ("argmax", "argmin"):
        return _positions(name, x, -2)
    combine, none = _combiner(name, d), identity(name, d)
    runs = _in_runs(x, -2, min(chunk, max(x.shape[-2], 1)), none)
    total = np.full((*runs.shape[:-2], runs.shape[-1]), none, register_dtype(d))
    for k in range(runs.shape[-2]):
        total = combine(total, runs[..., k, :])
    return _tree(combine, total, -2, none)


def _combiner(name: str, d: DType) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    function = PRIMITIVES[_COMBINE[name]]
    return lambda x, y: function(d, x, y)


def _positions(name: str, x: np.ndarray, axis: int) -> np.ndarray:
    if not x.shape[axis]:
        shape = list(x.shape)
        shape[axis] = 1
        return np.full(shape, np.iinfo(np.int64).max)
    return np.expand_dims(getattr(np, name)(x, axis), axis)


def _in_runs(x: np.ndarray, axis: int, length: int, fill: Any) -> np.ndarray:
    """An axis cut into runs of a length, the last one filled up with identities, which change nothing."""
    count = -(-x.shape[axis] // length)
    widths = [(0, 0)] * x.ndim
    widths[axis] = (0, count * length - x.shape[axis])
    padded = np.pad(x, widths, constant_values=fill)
    at = x.ndim + axis
    return padded.reshape(*x.shape[:at], count, length, *x.shape[at + 1 :])


def _tree(combine: Callable[..., np.ndarray], runs: np.ndarray, axis: int, none: Any) -> np.ndarray:
    """Combine along an axis in a binary tree; it stays with an extent of 1."""
    count = runs.shape[axis]
    if count == 0:
        shape = list(runs.shape)
        shape[axis] = 1
        return np.full(shape, none, runs.dtype)
    if count == 1:
        return runs
    half = 1 << (count - 1).bit_length() - 1
    first, second = np.split(runs, [half], axis)
    return combine(_tree(combine, first, axis, none), _tree(combine, second, axis, none))
