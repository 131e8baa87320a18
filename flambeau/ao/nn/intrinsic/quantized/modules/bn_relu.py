"""Batch normalizations of quantized tensors that are rectified."""

from __future__ import annotations

from typing import Any

from flambeau import Tensor
from flambeau.ao.nn.quantized.modules import elementwise

__all__ = ["BNReLU2d", "BNReLU3d"]


class _Rectified(elementwise._BatchNorm):
    def _quantized(self, operation: str, *arguments: Any) -> Tensor:
        return super()._quantized(f"{operation}_relu", *arguments)

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The layer for a fused one that was observed."""
        inner = mod[0]
        inner.activation_post_process = getattr(mod, "activation_post_process", None)
        return super().from_float(inner, use_precomputed_fake_quant)


class BNReLU2d(_Rectified, elementwise.BatchNorm2d):
    """A BatchNorm2d of quantized tensors, rectified."""


class BNReLU3d(_Rectified, elementwise.BatchNorm3d):
    """A BatchNorm3d of quantized tensors, rectified."""
