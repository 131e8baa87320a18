"""Layers that are trained for dynamic quantization."""

from __future__ import annotations

from typing import Any

from flambeau.ao.nn.qat.modules import layers

__all__ = ["Linear"]


class Linear(layers.Linear):
    """A linear map whose weight is rounded; what it is given will be quantized when it comes.

    ``ValueError`` unless the configuration's observer of activations has no memory.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, qconfig: Any = None, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(in_features, out_features, bias, qconfig, device, dtype)
        from flambeau.ao.quantization.qconfig import _activation_is_memoryless

        if not _activation_is_memoryless(qconfig):
            raise ValueError(
                "Dynamic QAT requires a memoryless observer."
                "This means a MovingAverage observer with averaging constant equal to 1"
            )
