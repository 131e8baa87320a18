"""Weights of convolutions in another order in memory."""

from __future__ import annotations

from typing import Any, TypeVar

from ..modules.conv import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d
from ..modules.module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]

_M = TypeVar("_M", bound=Module)


def convert_conv2d_weight_memory_format(module: _M, memory_format: Any) -> _M:
    """Lay the weights of a module's two-dimensional convolutions as ``memory_format`` asks; the module itself."""
    return _converted(module, (Conv2d, ConvTranspose2d), memory_format)


def convert_conv3d_weight_memory_format(module: _M, memory_format: Any) -> _M:
    """Lay the weights of a module's three-dimensional convolutions as ``memory_format`` asks; the module itself."""
    return _converted(module, (Conv3d, ConvTranspose3d), memory_format)


def _converted(module: _M, kinds: tuple[type, ...], memory_format: Any) -> _M:
    for each in module.modules():
        if isinstance(each, kinds):
            weight: Any = each.weight
            weight.data = weight.detach().clone(memory_format=memory_format)
    return module
