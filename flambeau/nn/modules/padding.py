"""Padding."""

from __future__ import annotations

from typing import Any, ClassVar

from ...core.tensor import Tensor
from .. import functional as F
from ._layer import in_dimensions, layer
from .module import Module
from .utils import _ntuple


class _PadNd(Module):
    """``padding`` is one number, or before and after for each dimension from the last."""

    padding: Any
    _dimensions: ClassVar[int]

    def _settle(self) -> None:
        self.padding = _ntuple(2 * self._dimensions)(self.padding)


@layer(shows="padding={padding}, value={value}")
class _ConstantPadNd(_PadNd):
    """Pad the last {} with ``value``."""

    padding: Any
    value: float

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)


ConstantPad1d, ConstantPad2d, ConstantPad3d = in_dimensions(_ConstantPadNd)


@layer(shows="{padding}")
class _ZeroPadNd(_ConstantPadNd):
    """Pad the last {} with zeros."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)


ZeroPad1d, ZeroPad2d, ZeroPad3d = in_dimensions(_ZeroPadNd, (ConstantPad1d, ConstantPad2d, ConstantPad3d))


@layer(shows="{padding}")
class _ValuePadNd(_PadNd):
    """Padding with the tensor's own values."""

    padding: Any
    _mode: ClassVar[str]

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)


class _ReflectionPadNd(_ValuePadNd):
    """Mirror the last {} at the edges, which are not repeated."""

    _mode = "reflect"


ReflectionPad1d, ReflectionPad2d, ReflectionPad3d = in_dimensions(_ReflectionPadNd)


class _ReplicationPadNd(_ValuePadNd):
    """Repeat the edges of the last {}."""

    _mode = "replicate"


ReplicationPad1d, ReplicationPad2d, ReplicationPad3d = in_dimensions(_ReplicationPadNd)


class _CircularPadNd(_ValuePadNd):
    """Wrap the last {} around."""

    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        low, high = self._dimensions + 1, self._dimensions + 2
        if input.dim() not in (low, high):
            raise ValueError(f"expected {low}D or {high}D input (got {input.dim()}D input)")
        return super().forward(input)


CircularPad1d, CircularPad2d, CircularPad3d = in_dimensions(_CircularPadNd)
