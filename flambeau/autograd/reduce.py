"""Reducing a broadcast gradient to the shape of what was broadcast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..graph.shapes import Size

if TYPE_CHECKING:
    from ..tensor import Tensor


def sum_to(value: Tensor, shape: Size, name: str = "backward") -> Tensor:
    """The sum over the axes along which ``shape`` was repeated; ``RuntimeError`` if it does not broadcast."""
    if value.shape == shape:
        return value
    lead = value.ndim - len(shape)
    if lead < 0:
        if value.numel() == 1 or value.shape == tuple(shape[-value.ndim :] if value.ndim else ()):
            return value.expand(shape)
        raise RuntimeError(f"Function {name} returned an invalid gradient: got {list(value.shape)} but expected {list(shape)}")
    axes = list(range(lead))
    for axis, extent in enumerate(shape):
        have = value.shape[lead + axis]
        if extent != have:
            if extent != 1 and have != 1:
                raise RuntimeError(
                    f"Function {name} returned an invalid gradient at index 0 - got {list(value.shape)} but expected "
                    f"shape compatible with {list(shape)}"
                )
            if extent == 1:
                axes.append(lead + axis)
    if axes:
        value = value.sum(axes, keepdim=True)
    if lead:
        value = value.reshape(value.shape[lead:])
    return value if value.shape == shape else value.expand(shape)
