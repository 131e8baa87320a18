"""Reducing a broadcast gradient to the shape of what was broadcast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..graph.shapes import Size

if TYPE_CHECKING:
    from ..core.tensor import Tensor


def sum_to(value: Tensor, shape: Size, name: str = "backward", index: int = 0, strict: bool = False) -> Tensor:
    """The sum over the axes along which ``shape`` was repeated; ``RuntimeError`` if it does not broadcast.

    Unless ``strict``, a gradient that is the same along an axis may have extent 1 there, or lack it.
    """
    if value.shape == shape:
        return value
    lead = value.ndim - len(shape)
    if lead > 0 and value.shape[lead:] == shape:
        return value.sum(tuple(range(lead)))
    have = value.shape[lead:] if lead >= 0 else (1,) * -lead + value.shape
    if any(n != m and n != 1 and (strict or m != 1) for n, m in zip(shape, have, strict=True)) or (strict and lead < 0):
        raise RuntimeError(
            f"Function {name} returned an invalid gradient at index {index} - got {list(value.shape)} but expected shape "
            f"compatible with {list(shape)}"
        )
    axes = [*range(lead), *(max(lead, 0) + k for k, (n, m) in enumerate(zip(shape, have, strict=True)) if n == 1 != m)]
    if lead < 0:
        value = value.reshape(have)
    if axes:
        value = value.sum(axes, keepdim=True)
    if lead > 0:
        value = value.reshape(value.shape[lead:])
    return value if value.shape == shape else value.expand(shape)
