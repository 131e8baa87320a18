"""Indices of a batch: splitting a flat number, finding a matrix, and dropping needless dimensions."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from ...kernels.kernel import MatrixAccess
from ..ir import Builder


def split_index(b: Builder, flat: str, extents: list[str]) -> list[str]:
    """The index in each dimension of the flat (row-major) number of a matrix."""
    indices: list[str] = []
    for extent in reversed(extents[1:]):
        indices.append(b.remainder(flat, extent))
        flat = b.divide(flat, extent)
    if extents:
        indices.append(flat)
    return indices[::-1]


def element_offset(b: Builder, offset: str, indices: list[str], strides: list[str]) -> str:
    """``offset + sum(indices * strides)``."""
    for index, stride in zip(indices, strides, strict=True):
        offset = b.add(offset, b.mul(index, stride))
    return offset


def merge_batch(
    batch: tuple[int, ...], accesses: tuple[MatrixAccess, ...]
) -> tuple[tuple[int, ...], tuple[MatrixAccess, ...]]:
    """The same matrices in the same order with as few batch dimensions as the strides allow."""
    extents: list[int] = []
    strides: list[tuple[int, ...]] = []
    for extent, steps in zip(batch, zip(*(access.batch_strides for access in accesses), strict=True), strict=True):
        if extent == 1:
            continue
        if extents and all(outer == extent * inner for outer, inner in zip(strides[-1], steps, strict=True)):
            extents[-1] *= extent
            strides[-1] = steps
        else:
            extents.append(extent)
            strides.append(steps)
    merged = tuple(
        replace(access, batch_strides=tuple(steps[i] for steps in strides)) for i, access in enumerate(accesses)
    )
    return tuple(extents), merged


def copied_batch_strides(extents: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Batch strides of contiguous copies of ``size`` elements each; 0 for dimensions of extent 1, which repeat."""
    return tuple(prod(extents[i + 1 :]) * size if extent > 1 else 0 for i, extent in enumerate(extents))
