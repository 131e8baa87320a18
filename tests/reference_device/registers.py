"""Values as programs compute with them, from memory and back, and from one dtype to another (see ``kernels/program.py``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from flambeau.graph.dtypes import DType, bfloat16, float16, float64, uint8


def is_half(d: DType) -> bool:
    return d.kind == "float" and d.itemsize == 2


def register_dtype(d: DType) -> np.dtype[Any]:
    """What values of a dtype are computed as."""
    return np.dtype(np.float32) if is_half(d) else d.numpy


def storage_dtype(d: DType) -> np.dtype[Any]:
    """What NumPy sees in memory."""
    if d is bfloat16:
        return np.dtype(np.uint16)
    return np.dtype(np.uint8) if d.kind == "bool" else d.numpy


def from_storage(d: DType, raw: np.ndarray) -> np.ndarray:
    if d is bfloat16:
        return (raw.astype(np.uint32) << 16).view(np.float32)
    return raw != 0 if d.kind == "bool" else raw.astype(register_dtype(d))


def to_storage(d: DType, x: np.ndarray) -> np.ndarray:
    if d is bfloat16:
        return (np.ascontiguousarray(x).view(np.uint32) >> 16).astype(np.uint16)
    return x.astype(storage_dtype(d))


def rounded(d: DType, x: np.ndarray) -> np.ndarray:
    """float32 values rounded to a half type, to the nearest, ties to even (other dtypes are as they are)."""
    if d is float16:
        return x.astype(np.float16).astype(np.float32)
    if d is bfloat16:
        bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
        even = bits + np.uint32(0x7FFF) + (bits >> 16 & 1)
        return np.where(np.isnan(x), np.uint32(0x7FC00000), even & np.uint32(0xFFFF0000)).view(np.float32).reshape(np.shape(x))
    return x


def convert(source: DType, target: DType, x: np.ndarray) -> np.ndarray:
    """Values of one dtype as another's."""
    if source is target:
        return x
    if target.kind == "bool":
        return x != 0
    if source.kind == "float" and target.kind == "integer":
        return _to_integer(source, target, x)
    return rounded(target, x.astype(register_dtype(target)))


def _to_integer(source: DType, target: DType, x: np.ndarray) -> np.ndarray:
    wide = np.int64 if target.itemsize == 8 or target is uint8 and source is float64 else np.int32
    limit = -float(np.iinfo(wide).min)
    held = np.where((x >= -limit) & (x < limit), x, -limit).astype(wide)
    return held.astype(target.numpy)
