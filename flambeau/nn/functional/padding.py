"""Padding with a constant, or with the tensor's own values mirrored, repeated or wrapped around."""

from __future__ import annotations

from collections.abc import Sequence

from ...ops.creation import tensor
from ...tensor import Tensor


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Grow (or, with negative numbers, crop) the last dimensions.

    ``pad`` is (left, right) of the last dimension, then of the one before it, and so on. ``mode`` is "constant" (filled
    with ``value``, 0 by default), "reflect", "replicate" or "circular"; the last three leave the first one or two
    dimensions (channels, batch) alone.
    """
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    pairs = [(int(pad[i]), int(pad[i + 1])) for i in range(0, len(pad), 2)]
    if len(pairs) > input.dim():
        raise RuntimeError("Padding length too large")
    if mode == "constant":
        return _pad_constant(input, pairs, 0.0 if value is None else value)
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    places = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}.get(mode)
    if places is None:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if input.dim() - len(pairs) not in (1, 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now")
    for back, (before, after) in enumerate(pairs):
        if before or after:
            dimension = input.dim() - 1 - back
            index = places(input.size(dimension), before, after)
            input = input.index_select(dimension, tensor(index, device=input.device))
    return input


def _pad_constant(input: Tensor, pairs: list[tuple[int, int]], value: float) -> Tensor:
    shape = list(input.shape)
    source = [slice(None)] * len(shape)
    target = [slice(None)] * len(shape)
    for back, (before, after) in enumerate(pairs):
        dimension = len(shape) - 1 - back
        extent = shape[dimension]
        if extent + before + after < 0:
            raise RuntimeError(
                f"The input size {extent}, plus negative padding {before} and {after} resulted in a negative output "
                f"size, which is invalid. Check dimension {dimension} of your input."
            )
        shape[dimension] = extent + before + after
        source[dimension] = slice(max(-before, 0), extent - max(-after, 0))
        target[dimension] = slice(max(before, 0), shape[dimension] - max(after, 0))
    result = input.new_full(shape, value)
    result[tuple(target)] = input[tuple(source)]
    return result


def _reflected(extent: int, before: int, after: int) -> list[int]:
    if before >= extent or after >= extent:
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
            f"({before}, {after}) at dimension of size {extent}"
        )
    last = extent - 1
    return [last - abs(last - abs(place)) for place in range(-before, extent + after)]


def _replicated(extent: int, before: int, after: int) -> list[int]:
    return [min(max(place, 0), extent - 1) for place in range(-before, extent + after)]


def _wrapped(extent: int, before: int, after: int) -> list[int]:
    if before > extent or after > extent:
        raise RuntimeError("Padding value causes wrapping around more than once.")
    return [place % extent for place in range(-before, extent + after)]
