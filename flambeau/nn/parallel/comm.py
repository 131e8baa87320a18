"""Copies of tensors for devices, and sums of what comes back. The processor is the one device; it may be named repeatedly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau

from ...core.device import check_device
from ...core.tensor import Tensor

__all__ = ["broadcast", "broadcast_coalesced", "gather", "on_processor", "reduce_add", "reduce_add_coalesced", "scatter"]


def on_processor(devices: Sequence[Any]) -> int:
    """How many devices there are: ``AssertionError`` for one that is not the processor (a number is a CUDA device)."""
    for each in devices:
        check_device(each)
    return len(devices)


def broadcast(tensor: Tensor, devices: Sequence[Any] | None = None, *, out: Sequence[Tensor] | None = None) -> tuple[Tensor, ...]:
    """``tensor`` for each device."""
    if (devices is None) == (out is None):
        raise RuntimeError("Exactly one of 'devices' and 'out' must be specified.")
    if out is not None:
        return tuple([each.copy_(tensor) for each in out])
    return (tensor,) * on_processor(devices or ())


def broadcast_coalesced(tensors: Sequence[Tensor], devices: Sequence[Any], buffer_size: int = 10485760) -> tuple[Any, ...]:
    """Several tensors for each device."""
    return (tuple(tensors),) * on_processor(devices)


def reduce_add(inputs: Sequence[Tensor], destination: Any = "cpu") -> Tensor:
    """The sum of ``inputs``."""
    if not inputs:
        raise RuntimeError("reduce_add expects at least one input")
    on_processor([destination])
    total = inputs[0]
    for each in inputs[1:]:
        if each.shape != total.shape:
            raise ValueError(f"reduce_add: inputs of shapes {tuple(total.shape)} and {tuple(each.shape)}")
        total = total + each
    return total


def reduce_add_coalesced(
    inputs: Sequence[Sequence[Tensor]], destination: Any = "cpu", buffer_size: int = 10485760
) -> tuple[Tensor, ...]:
    """The sums of the first tensors of all lists, of the second, and so on."""
    return tuple([reduce_add(several, destination) for several in zip(*inputs, strict=True)])


def scatter(
    tensor: Tensor,
    devices: Sequence[Any] | None = None,
    chunk_sizes: Sequence[int] | None = None,
    dim: int = 0,
    streams: Any = None,
    *,
    out: Sequence[Tensor] | None = None,
) -> tuple[Tensor, ...]:
    """``tensor`` cut along ``dim``, a part for each device."""
    if out is not None:
        parts = tensor.split([each.size(dim) for each in out], dim)
        return tuple([each.copy_(part) for each, part in zip(out, parts, strict=True)])
    count = on_processor(devices or ())
    return tensor.chunk(count, dim) if chunk_sizes is None else tensor.split(list(chunk_sizes), dim)


def gather(tensors: Sequence[Tensor], dim: int = 0, destination: Any = "cpu", *, out: Tensor | None = None) -> Tensor:
    """``tensors`` joined along ``dim``."""
    if out is None:
        on_processor([destination])
        return flambeau.cat(list(tensors), dim)
    return flambeau.cat(list(tensors), dim, out=out)
