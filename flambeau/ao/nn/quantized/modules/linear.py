"""The linear map whose weight and input are quantized."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.ao.nn import intrinsic, qat
from flambeau.ao.nn.intrinsic import qat as fused_qat
from flambeau.nn import Linear as FloatLinear
from flambeau.nn import Module
from flambeau.ops.quantized import layers

from .utils import PackedState, WeightedQuantizedModule, _quantize_weight, result_scale, weight_observer_of

__all__ = ["Linear", "LinearPackedParams"]


class LinearPackedParams(Module):
    """A weight (quantized as ``qint8``, or of float16) and a bias, made ready; saved as what they are."""

    _version = 3

    def __init__(self, dtype: Any = flambeau.qint8) -> None:
        super().__init__()
        self.dtype = dtype
        if dtype is flambeau.qint8:
            weight = flambeau._empty_affine_quantized([1, 1], scale=1.0, zero_point=0, dtype=flambeau.qint8)
        else:
            weight = flambeau.zeros([1, 1], dtype=flambeau.float)
        self.set_weight_bias(weight, None)

    def set_weight_bias(self, weight: Tensor, bias: Tensor | None) -> None:
        """Make a weight and a bias ready."""
        prepack = layers.linear_prepack if self.dtype is flambeau.qint8 else layers.linear_prepack_fp16
        self._packed_params = prepack(weight, bias)

    def _weight_bias(self) -> tuple[Tensor, Tensor | None]:
        return self._packed_params.unpack()

    def forward(self, x: Tensor) -> Tensor:
        """``x`` itself."""
        return x

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "dtype"] = self.dtype
        destination[prefix + "_packed_params"] = self._weight_bias()

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, missing_keys: list[str], *rest: Any
    ) -> None:
        found = PackedState.taken(state_dict, prefix, ("dtype", "_packed_params"), missing_keys, strict)
        self.dtype = found.get("dtype", self.dtype)
        if "_packed_params" in found:
            self.set_weight_bias(*found["_packed_params"])
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, *rest)

    def __repr__(self) -> str:
        return repr(self._weight_bias())


class Linear(WeightedQuantizedModule):
    """A linear map of quantized tensors: (…, in_features) to (…, out_features), quantized by ``scale`` and ``zero_point``."""

    _version = 3
    _FLOAT_MODULE: Any = (FloatLinear,)

    def __init__(self, in_features: int, out_features: int, bias_: bool = True, dtype: Any = flambeau.qint8) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        bias = flambeau.zeros(out_features) if bias_ else None
        if dtype is flambeau.qint8:
            weight = flambeau._empty_affine_quantized([out_features, in_features], scale=1, zero_point=0, dtype=flambeau.qint8)
        elif dtype is flambeau.float16:
            weight = flambeau.zeros([out_features, in_features], dtype=flambeau.float)
        else:
            raise RuntimeError("Unsupported dtype specified for quantized Linear!")
        self._packed_params = LinearPackedParams(dtype)
        self._packed_params.set_weight_bias(weight, bias)
        self.scale, self.zero_point = 1.0, 0

    def _get_name(self) -> str:
        return "QuantizedLinear"

    def __repr__(self) -> str:
        """As other layers, but for the packed weight."""
        return f"{self._get_name()}({self.extra_repr()})"

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, scale={self.scale}, "
            f"zero_point={self.zero_point}, qscheme={self.weight().qscheme()}"
        )

    def forward(self, x: Tensor) -> Tensor:
        """The map of ``x``, which must be quantized."""
        return layers.run("linear", x, self._packed_params._packed_params, self.scale, self.zero_point)

    def _weight_bias(self) -> tuple[Tensor, Tensor | None]:
        return self._packed_params._weight_bias()

    def set_weight_bias(self, w: Tensor, b: Tensor | None) -> None:
        """Have another weight and bias."""
        self._packed_params.set_weight_bias(w, b)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "scale"] = flambeau.tensor(self.scale)
        destination[prefix + "zero_point"] = flambeau.tensor(self.zero_point)

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, missing_keys: list[str], *rest: Any
    ) -> None:
        found = PackedState.taken(state_dict, prefix, ("scale", "zero_point"), missing_keys, strict)
        self.scale = float(found.get("scale", self.scale))
        self.zero_point = int(found.get("zero_point", self.zero_point))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, *rest)

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The layer for a linear map that was observed, or trained with rounded weights."""
        linear, weight, bias = _inner(mod)
        observer = weight_observer_of(mod, weight)
        assert observer.dtype is flambeau.qint8, "Weight observer must have dtype torch.qint8"
        made = cls(linear.in_features, linear.out_features, dtype=observer.dtype)
        made.set_weight_bias(_quantize_weight(weight, observer), bias)
        made.scale, made.zero_point = result_scale(mod)
        return made


def _inner(mod: Any) -> tuple[Any, Tensor, Tensor | None]:
    """The linear map within a fused layer, and its weight and bias with the normalization behind it folded in."""
    if isinstance(mod, fused_qat.LinearBn1d):
        from flambeau.nn.utils.fusion import fuse_linear_bn_weights

        bn = mod.bn
        weight, bias = fuse_linear_bn_weights(
            mod.weight, mod.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
        )
        return mod, weight, bias
    linear = mod[0] if isinstance(mod, intrinsic.LinearReLU) else mod
    assert isinstance(linear, (FloatLinear, qat.Linear)), f"nnq.Linear.from_float only works for Linear, not {type(mod).__name__}"
    return linear, linear.weight, linear.bias
