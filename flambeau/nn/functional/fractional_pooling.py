"""Maxima over windows that are drawn at random (B. Graham, "Fractional Max-Pooling", 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau

from ...core.tensor import Tensor
from .._arguments import _ntuple


def fractional_max_pool2d_with_indices(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Maxima of windows of (N, C, H, W) or (C, H, W) that begin at random places, and where in its plane each was found."""
    return _maxima(2, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool2d(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """Maxima of windows of (N, C, H, W) or (C, H, W) that begin at random places; their places if ``return_indices``.

    There are ``output_size`` windows, or the input's extents times ``output_ratio``. Where they begin follows from
    ``_random_samples`` (N, C, 2), numbers between 0 and 1.
    """
    values, places = _maxima(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return (values, places) if return_indices else values


def fractional_max_pool3d_with_indices(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Maxima of windows of (N, C, D, H, W) or (C, D, H, W) that begin at random places, and where each was found."""
    return _maxima(3, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:  # fmt: skip
    """Maxima of windows of (N, C, D, H, W) or (C, D, H, W) that begin at random places; their places if
    ``return_indices``."""
    values, places = _maxima(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return (values, places) if return_indices else values


def _maxima(
    count: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Tensor | None
) -> tuple[Tensor, Tensor]:
    name = f"fractional_max_pool{count}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if input.ndim not in (count + 1, count + 2) or 0 in input.shape[-count - 1 :]:
        raise RuntimeError(
            f"{name}(): Expected {count + 1}D or {count + 2}D tensor with non-zero sizes, but got {list(input.shape)}"
        )
    every = _ntuple(count, "every")
    extents = input.shape[-count:]
    if output_size is None:
        if not isinstance(output_ratio, float | int) and len(output_ratio) > count:
            raise ValueError(f"{name} requires output_ratio to either be a single Int or tuple of Ints.")
        output_size = [int(n * ratio) for n, ratio in zip(extents, every(output_ratio))]
    kernel, wanted = every(kernel_size), every(output_size)
    for n, k, m in zip(extents, kernel, wanted):
        if m + k - 1 > n:
            raise RuntimeError(f"{name}(): pool size {k} too large relative to input size {n} with output size {m}")
    leading = (1, *input.shape[:1]) if input.ndim == count + 1 else input.shape[:2]
    if samples is None:
        samples = flambeau.rand(*leading, count, dtype=input.dtype)
    samples = samples[: leading[0]]
    first = reversed(range(count)) if count == 2 else range(count)  # PyTorch's first sample is the width's in a plane
    starts = [_starts(samples[..., k], n, m, pool) for k, n, m, pool in zip(first, extents, wanted, kernel)]
    return _largest(input, starts, kernel, leading)


def _starts(sample: Tensor, extent: int, count: int, pool: int) -> Tensor:
    """Where ``count`` windows of length ``pool`` begin along an axis, (N, C, count): the last one at the end."""
    if count == 1:
        return flambeau.full((*sample.shape, 1), extent - pool, dtype=flambeau.int64)
    step = (extent - pool) / (count - 1)
    sample = sample.unsqueeze(-1)
    places = flambeau.arange(count, dtype=sample.dtype)
    start = ((places + sample) * step).long() - (sample * step).long()
    return flambeau.where(places == count - 1, extent - pool, start)


def _largest(
    input: Tensor, starts: Sequence[Tensor], kernel: Sequence[int], leading: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """The largest element of each window, and its place among the plane's (or volume's) elements."""
    count = len(kernel)
    extents = input.shape[-count:]
    counts = [start.shape[-1] for start in starts]
    place: Any = 0
    for axis, (start, pool) in enumerate(zip(starts, kernel)):
        # (N, C, window's own axis …, its extent …), every other axis one
        shape = [*leading, *[1] * (2 * count)]
        shape[2 + axis] = counts[axis]
        inner = [1] * (2 + 2 * count)
        inner[2 + count + axis] = pool
        along = start.expand(*leading, counts[axis]).reshape(shape) + flambeau.arange(pool).reshape(inner)
        place = place * extents[axis] + along
    size = 1
    for pool in kernel:
        size *= pool
    place = place.reshape(*leading, -1, size)
    flat = input.reshape(*leading, -1)
    candidates = flat.gather(-1, place.flatten(-2)).reshape(place.shape)
    chosen = place.gather(-1, candidates.detach().argmax(-1, keepdim=True)).squeeze(-1)
    out = (*input.shape[:-count], *counts)
    return flat.gather(-1, chosen).reshape(out), chosen.reshape(out)
