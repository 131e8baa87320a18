"""Padding."""

from __future__ import annotations

from typing import Any, ClassVar

from ...core.tensor import Tensor
from .. import functional as F
from ._layer import layer
from .module import Module
from .utils import _ntuple, _pair, _quadruple

_sextuple = _ntuple(6)


@layer()
class _ConstantPadNd(Module):
    """Padding with one value; ``padding`` is one number, or before and after for each dimension from the last."""

    padding: Any
    value: float
    _parse: ClassVar[Any]

    def _settle(self) -> None:
        self.padding = self._parse(self.padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)


class ConstantPad1d(_ConstantPadNd):
    """Pad the last dimension with ``value``."""

    _parse = staticmethod(_pair)


class ConstantPad2d(_ConstantPadNd):
    """Pad the last two dimensions with ``value``."""

    _parse = staticmethod(_quadruple)


class ConstantPad3d(_ConstantPadNd):
    """Pad the last three dimensions with ``value``."""

    _parse = staticmethod(_sextuple)


@layer(shows="{padding}")
class ZeroPad1d(ConstantPad1d):
    """Pad the last dimension with zeros."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)


@layer(shows="{padding}")
class ZeroPad2d(ConstantPad2d):
    """Pad the last two dimensions with zeros."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)


@layer(shows="{padding}")
class ZeroPad3d(ConstantPad3d):
    """Pad the last three dimensions with zeros."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)


@layer(shows="{padding}")
class _ValuePadNd(Module):
    """Padding with the tensor's own values."""

    padding: Any
    _mode: ClassVar[str]
    _parse: ClassVar[Any]

    def _settle(self) -> None:
        self.padding = self._parse(self.padding)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)


class _ReflectionPadNd(_ValuePadNd):
    _mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """Mirror the last dimension at its edges, which are not repeated."""

    _parse = staticmethod(_pair)


class ReflectionPad2d(_ReflectionPadNd):
    """Mirror the last two dimensions at their edges, which are not repeated."""

    _parse = staticmethod(_quadruple)


class ReflectionPad3d(_ReflectionPadNd):
    """Mirror the last three dimensions at their edges, which are not repeated."""

    _parse = staticmethod(_sextuple)


class _ReplicationPadNd(_ValuePadNd):
    _mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """Repeat the edges of the last dimension."""

    _parse = staticmethod(_pair)


class ReplicationPad2d(_ReplicationPadNd):
    """Repeat the edges of the last two dimensions."""

    _parse = staticmethod(_quadruple)


class ReplicationPad3d(_ReplicationPadNd):
    """Repeat the edges of the last three dimensions."""

    _parse = staticmethod(_sextuple)


class _CircularPadNd(_ValuePadNd):
    _mode = "circular"
    _expected: ClassVar[tuple[int, int]]

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in self._expected:
            low, high = self._expected
            raise ValueError(f"expected {low}D or {high}D input (got {input.dim()}D input)")
        return super().forward(input)


class CircularPad1d(_CircularPadNd):
    """Wrap the last dimension around."""

    _parse = staticmethod(_pair)
    _expected = (2, 3)


class CircularPad2d(_CircularPadNd):
    """Wrap the last two dimensions around."""

    _parse = staticmethod(_quadruple)
    _expected = (3, 4)


class CircularPad3d(_CircularPadNd):
    """Wrap the last three dimensions around."""

    _parse = staticmethod(_sextuple)
    _expected = (4, 5)
