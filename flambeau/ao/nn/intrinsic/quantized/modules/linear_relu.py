"""The linear map of quantized tensors that is rectified."""

from __future__ import annotations

from flambeau import Tensor
from flambeau.ao.nn import quantized
from flambeau.ops.quantized.layers import run

__all__ = ["LinearReLU"]


class LinearReLU(quantized.Linear):
    """A linear map of quantized tensors, rectified."""

    def forward(self, x: Tensor) -> Tensor:
        """The rectified map of ``x``, which must be quantized."""
        return run("linear_relu", x, self._packed_params._packed_params, self.scale, self.zero_point)

    def _get_name(self) -> str:
        return "QuantizedLinearReLU"
