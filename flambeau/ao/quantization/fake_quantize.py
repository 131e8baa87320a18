"""Modules that round numbers as quantizing would, with the gradient passed on: networks are trained with them."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.nn import Module

from . import observer as observers
from .observer import (
    FixedQParamsObserver,
    HistogramObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    _with_args,
)
from .utils import is_per_channel, is_per_tensor

__all__ = [
    "FakeQuantize", "FakeQuantizeBase", "FixedQParamsFakeQuantize", "FusedMovingAvgObsFakeQuantize",
    "default_affine_fixed_qparams_fake_quant", "default_dynamic_fake_quant", "default_embedding_fake_quant",
    "default_embedding_fake_quant_4bit", "default_fake_quant", "default_fixed_qparams_range_0to1_fake_quant",
    "default_fixed_qparams_range_neg1to1_fake_quant", "default_fused_act_fake_quant",
    "default_fused_per_channel_wt_fake_quant", "default_fused_wt_fake_quant", "default_histogram_fake_quant",
    "default_per_channel_weight_fake_quant", "default_symmetric_fixed_qparams_fake_quant", "default_weight_fake_quant",
    "disable_fake_quant", "disable_observer", "enable_fake_quant", "enable_observer",
    "fused_per_channel_wt_fake_quant_range_neg_127_to_127", "fused_wt_fake_quant_range_neg_127_to_127",
]  # fmt: skip


class FakeQuantizeBase(Module):
    """Has two switches: whether numbers are observed, and whether they are rounded."""

    _observes = True

    fake_quant_enabled: Tensor
    observer_enabled: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Tensors, for they are written to on the way of data: a state dictionary has them, and copies of the module too.
        self.register_buffer("fake_quant_enabled", flambeau.tensor([1], dtype=flambeau.uint8))
        self.register_buffer("observer_enabled", flambeau.tensor([1], dtype=flambeau.uint8))

    def forward(self, x: Tensor) -> Tensor:
        """``x``, rounded."""
        raise NotImplementedError

    def calculate_qparams(self) -> Any:
        """Scale and zero point."""
        raise NotImplementedError

    def enable_fake_quant(self, enabled: bool = True) -> None:
        """Have numbers be rounded from now on."""
        self.fake_quant_enabled[0] = 1 if enabled else 0

    def disable_fake_quant(self) -> None:
        """Have numbers pass as they are."""
        self.enable_fake_quant(False)

    def enable_observer(self, enabled: bool = True) -> None:
        """Have numbers be observed from now on."""
        self.observer_enabled[0] = 1 if enabled else 0

    def disable_observer(self) -> None:
        """Leave scale and zero point as they are."""
        self.enable_observer(False)

    with_args = classmethod(_with_args)


class FakeQuantize(FakeQuantizeBase):
    """Observes numbers by an ``observer`` (made of ``observer_kwargs``), and rounds them by the scale that it finds.

    Integers go from ``quant_min`` to ``quant_max``, if these are given (as the dtype has them, else).
    """

    scale: Tensor
    zero_point: Tensor

    def __init__(
        self, observer: Any = MovingAverageMinMaxObserver, quant_min: int | None = None, quant_max: int | None = None,
        is_dynamic: bool = False, **observer_kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        if quant_min is not None and quant_max is not None:
            assert quant_min <= quant_max, "quant_min must be less than or equal to quant_max"
            dtype = observer_kwargs.get("dtype", flambeau.quint8)
            limits = {flambeau.qint8: (-128, 127), flambeau.quint8: (0, 255)}.get(dtype)
            if limits is not None:
                assert limits[0] <= quant_min, "quant_min out of bound"
                assert quant_max <= limits[1], "quant_max out of bound"
            observer_kwargs.update(quant_min=quant_min, quant_max=quant_max)
        observer_kwargs["is_dynamic"] = is_dynamic
        self.activation_post_process = observer(**observer_kwargs)
        self.quant_min = self.activation_post_process.quant_min
        self.quant_max = self.activation_post_process.quant_max
        self.is_dynamic = self.activation_post_process.is_dynamic
        kind = getattr(self.activation_post_process, "qscheme", flambeau.per_tensor_affine)
        floating = kind is flambeau.per_channel_affine_float_qparams
        self.register_buffer("scale", flambeau.tensor([1.0]))
        self.register_buffer("zero_point", flambeau.tensor([0], dtype=flambeau.float if floating else flambeau.int))
        self.dtype = self.activation_post_process.dtype
        self.qscheme = kind
        self.ch_axis = getattr(self.activation_post_process, "ch_axis", -1)
        assert is_per_channel(kind) or is_per_tensor(kind), (
            "Only per channel and per tensor quantization are supported in fake quantize"
        )
        self.is_per_channel = is_per_channel(kind)

    def calculate_qparams(self) -> Any:
        """The observer's scale and zero point."""
        return self.activation_post_process.calculate_qparams()

    def forward(self, X: Tensor) -> Tensor:
        """``X``, observed and rounded, where that is switched on."""
        if self.observer_enabled[0] == 1:
            self.activation_post_process(X.detach())
            scale, zero_point = self.calculate_qparams()
            if self.scale.shape != scale.shape:
                self.scale.resize_(scale.shape)
                self.zero_point.resize_(zero_point.shape)
            self.scale.copy_(scale)
            self.zero_point.copy_(zero_point)
        if self.fake_quant_enabled[0] == 1:
            limits = self.activation_post_process.quant_min, self.activation_post_process.quant_max
            if self.is_per_channel:
                return flambeau.fake_quantize_per_channel_affine(X, self.scale, self.zero_point, self.ch_axis, *limits)
            return flambeau.fake_quantize_per_tensor_affine(X, self.scale, self.zero_point, *limits)
        return X

    def extra_repr(self) -> str:
        return (
            f"fake_quant_enabled={self.fake_quant_enabled}, observer_enabled={self.observer_enabled}, "
            f"quant_min={self.activation_post_process.quant_min}, quant_max={self.activation_post_process.quant_max}, "
            f"dtype={self.dtype}, qscheme={self.qscheme}, ch_axis={self.ch_axis}, scale={self.scale}, "
            f"zero_point={self.zero_point}"
        )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        for name in ("scale", "zero_point"):
            value = state_dict.get(prefix + name)
            if value is not None:
                getattr(self, name).resize_(value.shape)
        super()._load_from_state_dict(state_dict, prefix, *rest)


class FixedQParamsFakeQuantize(FakeQuantize):
    """Rounds numbers by a scale that does not depend on them. ``AssertionError`` for observers that have none."""

    def __init__(self, observer: Any) -> None:
        super().__init__(observer=observer)
        assert type(self.activation_post_process) is FixedQParamsObserver, (
            f"{type(self).__name__}'s observer must be a {FixedQParamsObserver.__name__}"
        )
        self._observer_ctr = observer
        self.scale = self.activation_post_process.scale
        self.zero_point = self.activation_post_process.zero_point
        assert is_per_tensor(self.qscheme), "Only per tensor quantization is supported FixedQParamsFakeQuantize module"

    def calculate_qparams(self) -> Any:
        """The scale and the zero point."""
        return self.scale, self.zero_point


class FusedMovingAvgObsFakeQuantize(FakeQuantize):
    """Rounds numbers by the scale for moving averages of their extremes, all in one operation."""

    def __init__(
        self, observer: Any = MovingAverageMinMaxObserver, quant_min: int = 0, quant_max: int = 255, **observer_kwargs: Any
    ) -> None:
        super().__init__(observer, quant_min, quant_max, **observer_kwargs)
        assert isinstance(
            self.activation_post_process, (MovingAverageMinMaxObserver, MovingAveragePerChannelMinMaxObserver)
        ), "Fused observer+fake_quant module only works with MovingAverageMinMaxObserver"
        self.fake_quant_enabled = flambeau.tensor([1], dtype=flambeau.long)
        self.observer_enabled = flambeau.tensor([1], dtype=flambeau.long)
        self.is_symmetric_quant = self.qscheme in (flambeau.per_tensor_symmetric, flambeau.per_channel_symmetric)

    def forward(self, X: Tensor) -> Tensor:
        """``X``, observed and rounded, where that is switched on."""
        seen = self.activation_post_process
        return flambeau.fused_moving_avg_obs_fake_quant(
            X, self.observer_enabled, self.fake_quant_enabled, seen.min_val, seen.max_val, self.scale, self.zero_point,
            seen.averaging_constant, seen.quant_min, seen.quant_max, self.ch_axis, self.is_per_channel, self.is_symmetric_quant,
        )  # fmt: skip


_AVERAGE, _AVERAGES = MovingAverageMinMaxObserver, MovingAveragePerChannelMinMaxObserver
_SIGNED = {"quant_min": -128, "quant_max": 127, "dtype": flambeau.qint8}
_UNSIGNED = {"quant_min": 0, "quant_max": 255, "dtype": flambeau.quint8}
_TENSOR, _CHANNELS = {"qscheme": flambeau.per_tensor_symmetric}, {"qscheme": flambeau.per_channel_symmetric}
_ROWS = {"qscheme": flambeau.per_channel_affine_float_qparams, "ch_axis": 0, "averaging_constant": 1}
_NEG_127 = {"quant_min": -127, "quant_max": 127, "dtype": flambeau.qint8, "eps": 2**-12}

default_fake_quant = FakeQuantize.with_args(
    observer=_AVERAGE, **_UNSIGNED, qscheme=flambeau.per_tensor_affine, reduce_range=True
)
default_weight_fake_quant = FakeQuantize.with_args(observer=_AVERAGE, **_SIGNED, **_TENSOR, reduce_range=False)
default_dynamic_fake_quant = FakeQuantize.with_args(
    observer=_AVERAGE, quant_min=0, quant_max=255, is_dynamic=True, dtype=flambeau.quint8, averaging_constant=1
)
default_fixed_qparams_range_neg1to1_fake_quant = FixedQParamsFakeQuantize.with_args(
    observer=observers.default_fixed_qparams_range_neg1to1_observer
)
default_fixed_qparams_range_0to1_fake_quant = FixedQParamsFakeQuantize.with_args(
    observer=observers.default_fixed_qparams_range_0to1_observer
)
default_symmetric_fixed_qparams_fake_quant = default_fixed_qparams_range_neg1to1_fake_quant
default_affine_fixed_qparams_fake_quant = default_fixed_qparams_range_0to1_fake_quant
default_per_channel_weight_fake_quant = FakeQuantize.with_args(
    observer=_AVERAGES, **_SIGNED, **_CHANNELS, reduce_range=False, ch_axis=0
)
default_embedding_fake_quant = FakeQuantize.with_args(observer=_AVERAGES, **_ROWS, **_UNSIGNED)
default_embedding_fake_quant_4bit = FakeQuantize.with_args(observer=_AVERAGES, **_ROWS, dtype=flambeau.quint4x2)
default_histogram_fake_quant = FakeQuantize.with_args(
    observer=HistogramObserver, **_UNSIGNED, qscheme=flambeau.per_tensor_affine, reduce_range=True
)
default_fused_act_fake_quant = FusedMovingAvgObsFakeQuantize.with_args(observer=_AVERAGE, **_UNSIGNED)
default_fused_wt_fake_quant = FusedMovingAvgObsFakeQuantize.with_args(observer=_AVERAGE, **_SIGNED, **_TENSOR)
default_fused_per_channel_wt_fake_quant = FusedMovingAvgObsFakeQuantize.with_args(observer=_AVERAGES, **_SIGNED, **_CHANNELS)
fused_wt_fake_quant_range_neg_127_to_127 = FusedMovingAvgObsFakeQuantize.with_args(observer=_AVERAGE, **_NEG_127, **_TENSOR)
fused_per_channel_wt_fake_quant_range_neg_127_to_127 = FusedMovingAvgObsFakeQuantize.with_args(
    observer=_AVERAGES, **_NEG_127, **_CHANNELS
)


def disable_fake_quant(mod: Any) -> None:
    """Have ``mod``, if it is one of these modules, let numbers pass as they are: ``model.apply(disable_fake_quant)``."""
    if isinstance(mod, FakeQuantizeBase):
        mod.disable_fake_quant()


def enable_fake_quant(mod: Any) -> None:
    """Have ``mod``, if it is one of these modules, round numbers."""
    if isinstance(mod, FakeQuantizeBase):
        mod.enable_fake_quant()


def disable_observer(mod: Any) -> None:
    """Have ``mod``, if it is one of these modules, keep its scale."""
    if isinstance(mod, FakeQuantizeBase):
        mod.disable_observer()


def enable_observer(mod: Any) -> None:
    """Have ``mod``, if it is one of these modules, observe numbers."""
    if isinstance(mod, FakeQuantizeBase):
        mod.enable_observer()
