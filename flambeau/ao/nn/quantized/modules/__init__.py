"""Layers that compute with quantized tensors."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.nn import MaxPool2d, Module

from .conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .elementwise import *  # noqa: F403
from .elementwise import __all__ as _elementwise
from .embedding_ops import Embedding, EmbeddingBag
from .functional_modules import FloatFunctional, FXFloatFunctional, QFunctional
from .linear import Linear

__all__ = [
    *_elementwise, "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "DeQuantize",
    "Embedding", "EmbeddingBag", "FXFloatFunctional", "FloatFunctional", "Linear", "MaxPool2d", "QFunctional", "Quantize",
]  # fmt: skip


class Quantize(Module):
    """Quantizes numbers of float32 by a scale and a zero point."""

    scale: Tensor
    zero_point: Tensor

    def __init__(self, scale: float, zero_point: int, dtype: Any, factory_kwargs: Any = None) -> None:
        super().__init__()
        self.register_buffer("scale", flambeau.tensor([scale], dtype=flambeau.float))
        self.register_buffer("zero_point", flambeau.tensor([zero_point], dtype=flambeau.long))
        self.dtype = dtype

    def forward(self, X: Tensor) -> Tensor:
        """``X``, quantized."""
        return flambeau.quantize_per_tensor(X, float(self.scale), int(self.zero_point), self.dtype)

    @staticmethod
    def from_float(mod: Any, use_precomputed_fake_quant: bool = False) -> Quantize:
        """The module for a stub that was observed."""
        scale, zero_point = mod.activation_post_process.calculate_qparams()
        return Quantize(float(scale), int(zero_point), mod.activation_post_process.dtype)

    def extra_repr(self) -> str:
        return f"scale={self.scale}, zero_point={self.zero_point}, dtype={self.dtype}"


class DeQuantize(Module):
    """Gives the numbers that quantized ones stand for."""

    def forward(self, Xq: Tensor) -> Tensor:
        """The numbers of ``Xq``, in float32."""
        return Xq.dequantize()

    @staticmethod
    def from_float(mod: Any, use_precomputed_fake_quant: bool = False) -> DeQuantize:
        """The module for a stub."""
        return DeQuantize()
