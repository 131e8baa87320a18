"""The linear map whose weight is quantized, and its input when it comes."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.ao.nn import intrinsic
from flambeau.ao.nn.quantized.modules import linear
from flambeau.ao.nn.quantized.modules.utils import _quantize_weight, weight_observer_of
from flambeau.ops.quantized.layers import linear_of_numbers

__all__ = ["Linear"]


class Linear(linear.Linear):
    """A linear map of float32: (…, in_features) to (…, out_features). Its weight is ``qint8``, or of ``float16``."""

    _version = 4

    def forward(self, x: Tensor) -> Tensor:
        """The map of ``x``, quantized by the scale that fits it, unless the weight is of float16."""
        return linear_of_numbers(x, self._packed_params._packed_params, True).to(x.dtype)

    def _get_name(self) -> str:
        return "DynamicQuantizedLinear"

    def extra_repr(self) -> str:
        text = f"in_features={self.in_features}, out_features={self.out_features}, dtype={self._packed_params.dtype}"
        if self._packed_params.dtype is flambeau.qint8:
            text += f", qscheme={self.weight().qscheme()}"
        return text

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The layer for a linear map that has a configuration (or the default one)."""
        from flambeau.ao.quantization.qconfig import default_dynamic_qconfig

        inner = mod[0] if isinstance(mod, intrinsic.LinearReLU) else mod
        assert hasattr(mod, "qconfig"), "Input float module must have qconfig defined"
        if mod.qconfig is None or mod.qconfig.weight is None:
            mod.qconfig = default_dynamic_qconfig
        observer = weight_observer_of(mod, inner.weight)
        assert observer.dtype in (flambeau.qint8, flambeau.float16), (
            f"The only supported dtypes for dynamic quantized linear are qint8 and float16 got: {observer.dtype}"
        )
        made = cls(inner.in_features, inner.out_features, dtype=observer.dtype)
        whole = inner.weight.float() if observer.dtype is flambeau.float16 else _quantize_weight(inner.weight, observer)
        made.set_weight_bias(whole, inner.bias)
        return made
