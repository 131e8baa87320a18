"""Sizes as tensors, for programs that are exported: to a program they are what they compute."""

from __future__ import annotations

from .._ops import namespace
from ..core.tensor import Tensor

__all__ = ["reshape_from_tensor_shape", "shape_as_tensor"]


def shape_as_tensor(x: Tensor) -> Tensor:
    """The sizes of a tensor as a tensor of integers."""
    found: Tensor = namespace("aten")._shape_as_tensor.default(x)
    return found


def reshape_from_tensor_shape(x: Tensor, shape: Tensor) -> Tensor:
    """A tensor reshaped to sizes that are a tensor of integers."""
    found: Tensor = namespace("aten")._reshape_from_tensor.default(x, shape)
    return found
