"""What layers with quantized weights have in common."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.nn import Module
from flambeau.ops.quantized.packed import PackedWeight

__all__ = ["WeightedQuantizedModule"]


class WeightedQuantizedModule(Module):
    """A layer with a quantized weight and a bias, both packed."""

    scale: float
    zero_point: int

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The layer for one that was observed: its weight quantized by its observer, its results by that of what it gives."""
        raise NotImplementedError

    def weight(self) -> Tensor:
        """The quantized weight."""
        return self._weight_bias()[0]

    def bias(self) -> Tensor | None:
        """The bias, or None."""
        return self._weight_bias()[1]

    def _weight_bias(self) -> tuple[Tensor, Tensor | None]:
        raise NotImplementedError


def _quantize_weight(float_wt: Tensor, observer: Any) -> Tensor:
    """A weight, quantized by what an observer has seen of it. ``ValueError`` for schemes that weights cannot have."""
    scale, zero_point = observer.calculate_qparams()
    weight = float_wt.detach().float()
    if observer.qscheme in (flambeau.per_tensor_symmetric, flambeau.per_tensor_affine):
        return flambeau.quantize_per_tensor(weight, float(scale), int(zero_point), observer.dtype)
    if observer.qscheme in (flambeau.per_channel_symmetric, flambeau.per_channel_affine):
        return flambeau.quantize_per_channel(
            weight, scale.double(), zero_point.long(), observer.ch_axis, observer.dtype
        )
    if observer.qscheme is flambeau.per_channel_affine_float_qparams:
        return flambeau.quantize_per_channel(
            weight, scale.float(), zero_point.float(), observer.ch_axis, observer.dtype
        )
    raise ValueError(f"Unexpected qscheme {observer.qscheme}")


def weight_observer_of(mod: Any, weight: Tensor) -> Any:
    """The observer of a layer's weight, which has seen it."""
    rounding = getattr(mod, "weight_fake_quant", None)
    if rounding is not None:
        rounding(weight)
        return rounding
    observer = mod.qconfig.weight()
    observer(weight)
    return observer


def result_scale(mod: Any) -> tuple[float, int]:
    """The scale and the zero point of what a layer gives, as it was observed."""
    seen = getattr(mod, "activation_post_process", None)
    if seen is None:
        return 1.0, 0
    scale, zero_point = seen.calculate_qparams()
    return float(scale), int(zero_point)


class PackedState:
    """How a packed weight and what belongs to it are saved, and loaded again."""

    @staticmethod
    def packed(weight: Tensor, bias: Tensor | None, **settings: Any) -> PackedWeight:
        """A weight made ready."""
        return PackedWeight(weight, bias, settings)

    @staticmethod
    def taken(state_dict: Any, prefix: str, names: tuple[str, ...], missing: list[str], strict: bool) -> dict[str, Any]:
        """What a state dictionary has under these names, which is taken out of it."""
        found = {}
        for name in names:
            if prefix + name in state_dict:
                found[name] = state_dict.pop(prefix + name)
            elif strict:
                missing.append(prefix + name)
        return found
