"""Attention inside windows of a grid, and biases that are learnt for how far two places are apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau.nn import functional as F


def relative_position_index(window: Sequence[int]) -> Any:
    """For every two places of a window: the row of a table in which there is one for each way from one place to another.

    (places, places), int64; the table has the product of ``2 * extent - 1`` rows.
    """
    places = flambeau.stack(flambeau.meshgrid(*(flambeau.arange(extent) for extent in window), indexing="ij")).flatten(1)
    ways = places[:, :, None] - places[:, None, :]
    index = ways[0] + window[0] - 1
    for way, extent in zip(ways[1:], window[1:]):
        index = index * (2 * extent - 1) + (way + extent - 1)
    return index


def padding_of(size: Sequence[int], window: Sequence[int]) -> list[int]:
    """How much to add at the end of each axis to have whole windows, in the order in which ``pad`` has it (channels last)."""
    amounts = [(extent - length % extent) % extent for length, extent in zip(size, window)]
    return [0, 0, *(number for amount in reversed(amounts) for number in (0, amount))]


def partitioned(x: Any, window: Sequence[int]) -> Any:
    """(batch, *size, channels) as (batch * windows, places, channels)."""
    size, axes = x.shape[1:-1], len(window)
    counts = [length // extent for length, extent in zip(size, window)]
    split = x.view(x.shape[0], *itertools.chain(*zip(counts, window)), x.shape[-1])
    order = [0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2), 2 * axes + 1]
    return split.permute(order).reshape(x.shape[0] * math.prod(counts), math.prod(window), x.shape[-1])


def joined(x: Any, window: Sequence[int], size: Sequence[int]) -> Any:
    """(batch * windows, places, channels) as (batch, *size, channels)."""
    axes = len(window)
    counts = [length // extent for length, extent in zip(size, window)]
    split = x.view(-1, *counts, *window, x.shape[-1])
    order = [0, *(place for i in range(axes) for place in (1 + i, 1 + axes + i)), 2 * axes + 1]
    return split.permute(order).reshape(-1, *size, x.shape[-1])


def mask_of_regions(size: Sequence[int], window: Sequence[int], shift: Sequence[int]) -> Any:
    """What to add to attention in windows that were shifted: -100 between places that were not neighbours before.

    (windows, places, places). Each axis has three regions: what is whole, the last window's part, and what came round.
    """
    number = flambeau.zeros(*size)
    regions = [
        ((0, -extent), (-extent, -moved), (-moved, None)) for extent, moved in zip(window, shift)
    ]
    for count, part in enumerate(itertools.product(*regions)):
        number[tuple(slice(*bounds) for bounds in part)] = count
    number = partitioned(number[None, ..., None], window).squeeze(-1)
    apart = number.unsqueeze(1) != number.unsqueeze(2)
    return apart * -100.0


def window_attention(
    input: Any, qkv_weight: Any, proj_weight: Any, bias: Any, window: Sequence[int], num_heads: int, shift: Sequence[int],
    attention_dropout: float, dropout: float, qkv_bias: Any, proj_bias: Any, logit_scale: Any, training: bool,
) -> Any:  # fmt: skip
    """Attention inside each window of (batch, *size, channels), which are moved on by ``shift``.

    ``bias`` is added to it. With ``logit_scale``, it is the cosine of queries and keys, scaled by its exponential ("Swin
    Transformer V2"), and keys have no bias.
    """
    size, channels, axes = list(input.shape[1:-1]), input.shape[-1], list(range(1, len(window) + 1))
    x = F.pad(input, padding_of(size, window))
    padded = list(x.shape[1:-1])
    shifted = sum(shift) > 0
    if shifted:
        x = flambeau.roll(x, shifts=[-moved for moved in shift], dims=axes)
    x = partitioned(x, window)
    if logit_scale is not None and qkv_bias is not None:
        third = qkv_bias.numel() // 3
        qkv_bias = qkv_bias.clone()
        qkv_bias[third : 2 * third].zero_()
    qkv = F.linear(x, qkv_weight, qkv_bias)
    qkv = qkv.reshape(x.size(0), x.size(1), 3, num_heads, channels // num_heads).permute(2, 0, 3, 1, 4)
    q, k, v = qkv[0], qkv[1], qkv[2]
    if logit_scale is not None:
        attention = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
        attention = attention * flambeau.clamp(logit_scale, max=math.log(100.0)).exp()
    else:
        attention = (q * (channels // num_heads) ** -0.5) @ k.transpose(-2, -1)
    attention = attention + bias
    if shifted:
        mask = mask_of_regions(padded, window, shift).to(attention.dtype)
        shape = attention.shape
        attention = attention.view(shape[0] // mask.size(0), mask.size(0), *shape[1:]) + mask.unsqueeze(1)
        attention = attention.view(shape)
    attention = F.dropout(F.softmax(attention, dim=-1), p=attention_dropout, training=training)
    x = (attention @ v).transpose(1, 2).reshape(x.size(0), x.size(1), channels)
    x = F.dropout(F.linear(x, proj_weight, proj_bias), p=dropout, training=training)
    x = joined(x, window, padded)
    if shifted:
        x = flambeau.roll(x, shifts=list(shift), dims=axes)
    for axis, length in zip(axes, size):
        x = x.narrow(axis, 0, length)
    return x.contiguous()
