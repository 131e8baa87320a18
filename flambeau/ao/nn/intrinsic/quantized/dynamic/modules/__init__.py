"""Fused layers that quantize what they are given."""

from __future__ import annotations

from flambeau import Tensor
from flambeau.ao.nn.quantized import dynamic

__all__ = ["LinearReLU"]


class LinearReLU(dynamic.Linear):
    """A linear map whose weight is quantized, and its input when it comes; rectified."""

    def forward(self, x: Tensor) -> Tensor:
        """The rectified map of ``x`` (float32)."""
        return super().forward(x).relu()

    def _get_name(self) -> str:
        return "DynamicQuantizedLinearReLU"
