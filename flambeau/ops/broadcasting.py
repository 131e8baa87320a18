"""Axes repeated without a copy, and sums over what was repeated so."""

from __future__ import annotations

from typing import Any

from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph.shapes import Size
from .operation import Sizes, operation
from .views import geometry, sizes_of, view_of


class ExpandBackward0(Gradient):
    def backward(self, grad: Tensor) -> Tensor:
        return grad  # the engine reduces it to the input's shape


@operation(function=False)
def expand(self: Tensor, *size: Sizes, implicit: bool = False) -> Tensor:
    """Axes of extent 1 (and new leading ones) repeated without a copy; -1 keeps an extent."""
    wanted = sizes_of(size)
    old, strides, offset = geometry(self)
    lead = len(wanted) - len(old)
    if lead < 0:
        raise RuntimeError(
            f"expand({self.type()}{{{list(old)}}}, size={list(wanted)}): the number of sizes provided ({len(wanted)}) must be "
            f"greater or equal to the number of dimensions in the tensor ({len(old)})"
        )
    new_sizes, new_strides = [], []
    for axis, n in enumerate(wanted):
        if axis < lead:
            if n < 0:
                raise RuntimeError(
                    f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing dimension {axis}"
                )
            new_sizes.append(n)
            new_strides.append(0)
            continue
        have = old[axis - lead]
        if n == -1 or n == have:
            new_sizes.append(have)
            new_strides.append(strides[axis - lead])
        elif have == 1:
            new_sizes.append(n)
            new_strides.append(0)
        else:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({have}) at non-singleton dimension "
                f"{axis}.  Target sizes: {list(wanted)}.  Tensor sizes: {list(old)}"
            )
    return view_of(self, new_sizes, new_strides, offset, ExpandBackward0)


@operation(function=False)
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """``expand`` to the sizes of ``other``."""
    return expand(self, other.shape)


@operation(method=False)
def broadcast_to(input: Tensor, size: Sizes) -> Tensor:
    """``expand`` to the given sizes."""
    return expand(input, size)


Tensor.broadcast_to = expand  # type: ignore[assignment, method-assign]


@operation(method=False)
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """All tensors expanded to their common shape."""
    from ..graph.shapes import broadcast_shapes

    many = tuple(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    shape = broadcast_shapes(*(t.shape for t in many))
    return tuple(t if t.shape == shape else expand(t, shape) for t in many)


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
