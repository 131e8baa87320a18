"""Configurations: how what layers give is observed, and how their weights are."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import flambeau
from flambeau.nn import Identity

from . import fake_quantize as fakes
from . import observer as observers
from .fake_quantize import FakeQuantize, FusedMovingAvgObsFakeQuantize
from .observer import HistogramObserver, MovingAverageMinMaxObserver, NoopObserver, PlaceholderObserver

__all__ = [
    "QConfig", "QConfigAny", "QConfigDynamic", "default_activation_only_qconfig", "default_debug_qconfig",
    "default_dynamic_qat_qconfig", "default_dynamic_qconfig", "default_embedding_qat_qconfig",
    "default_embedding_qat_qconfig_4bit", "default_per_channel_qconfig", "default_per_channel_symmetric_qnnpack_qat_qconfig",
    "default_per_channel_symmetric_qnnpack_qconfig", "default_qat_qconfig", "default_qat_qconfig_v2", "default_qconfig",
    "default_quint8_weight_qconfig", "default_reuse_input_qconfig", "default_symmetric_qnnpack_qat_qconfig",
    "default_symmetric_qnnpack_qconfig", "default_weight_only_qconfig", "float16_dynamic_qconfig", "float16_static_qconfig",
    "float_qparams_weight_only_qconfig", "float_qparams_weight_only_qconfig_4bit", "get_default_qat_qconfig",
    "get_default_qconfig", "per_channel_dynamic_qconfig", "qconfig_equals",
]  # fmt: skip


class QConfig(namedtuple("QConfig", ["activation", "weight"])):  # noqa: PYI024
    """Constructors of the observers for what a layer gives, and for its weight. ``ValueError`` for modules in their place."""

    __slots__ = ()

    def __new__(cls, activation: Any, weight: Any) -> QConfig:
        if isinstance(activation, flambeau.nn.Module) or isinstance(weight, flambeau.nn.Module):
            raise ValueError(
                "QConfig received observer instance, please pass observer class instead. "
                "Use MyObserver.with_args(x=1) to override arguments to constructor if needed"
            )
        return super().__new__(cls, activation, weight)


class QConfigDynamic(namedtuple("QConfigDynamic", ["activation", "weight"])):  # noqa: PYI024
    """A configuration of old, for networks whose layers quantize what they are given."""

    __slots__ = ()

    def __new__(cls, activation: Any = Identity, weight: Any = Identity) -> QConfigDynamic:
        if isinstance(weight, flambeau.nn.Module):
            raise ValueError(
                "QConfigDynamic received observer instance, please pass observer class instead. "
                "Use MyObserver.with_args(x=1) to override arguments to constructor if needed"
            )
        return super().__new__(cls, activation, weight)


QConfigAny = QConfig | None

_HALF = {"dtype": flambeau.float16}
_SIGNED_HISTOGRAM = HistogramObserver.with_args(dtype=flambeau.qint8, reduce_range=False, eps=2**-12)
_SIGNED_AVERAGE = FusedMovingAvgObsFakeQuantize.with_args(
    observer=MovingAverageMinMaxObserver, quant_min=-128, quant_max=127, dtype=flambeau.qint8, reduce_range=False, eps=2**-12
)

default_qconfig = QConfig(observers.default_observer, observers.default_weight_observer)
default_debug_qconfig = QConfig(observers.default_debug_observer, observers.default_weight_observer)
default_per_channel_qconfig = QConfig(observers.default_observer, observers.default_per_channel_weight_observer)
default_dynamic_qconfig = QConfig(observers.default_dynamic_quant_observer, observers.default_weight_observer)
float16_dynamic_qconfig = QConfig(PlaceholderObserver.with_args(**_HALF, is_dynamic=True), PlaceholderObserver.with_args(**_HALF))
float16_static_qconfig = QConfig(PlaceholderObserver.with_args(**_HALF), PlaceholderObserver.with_args(**_HALF))
per_channel_dynamic_qconfig = QConfig(
    observers.default_dynamic_quant_observer, observers.default_per_channel_weight_observer
)
float_qparams_weight_only_qconfig = QConfig(
    observers.default_placeholder_observer, observers.default_float_qparams_observer
)
float_qparams_weight_only_qconfig_4bit = QConfig(
    observers.default_placeholder_observer, observers.default_float_qparams_observer_4bit
)
default_qat_qconfig = QConfig(fakes.default_fake_quant, fakes.default_weight_fake_quant)
default_dynamic_qat_qconfig = QConfig(fakes.default_dynamic_fake_quant, fakes.default_weight_fake_quant)
default_weight_only_qconfig = QConfig(Identity, fakes.default_weight_fake_quant)
default_activation_only_qconfig = QConfig(fakes.default_fake_quant, Identity)
default_qat_qconfig_v2 = QConfig(fakes.default_fused_act_fake_quant, fakes.default_fused_wt_fake_quant)
default_reuse_input_qconfig = QConfig(observers.default_reuse_input_observer, NoopObserver)
default_symmetric_qnnpack_qconfig = QConfig(_SIGNED_HISTOGRAM, observers.weight_observer_range_neg_127_to_127)
default_per_channel_symmetric_qnnpack_qconfig = QConfig(
    _SIGNED_HISTOGRAM, observers.per_channel_weight_observer_range_neg_127_to_127
)
default_symmetric_qnnpack_qat_qconfig = QConfig(_SIGNED_AVERAGE, fakes.fused_wt_fake_quant_range_neg_127_to_127)
default_per_channel_symmetric_qnnpack_qat_qconfig = QConfig(
    _SIGNED_AVERAGE, fakes.fused_per_channel_wt_fake_quant_range_neg_127_to_127
)
default_embedding_qat_qconfig = QConfig(NoopObserver.with_args(dtype=flambeau.float32), fakes.default_embedding_fake_quant)
default_embedding_qat_qconfig_4bit = QConfig(
    NoopObserver.with_args(dtype=flambeau.float32), fakes.default_embedding_fake_quant_4bit
)
default_quint8_weight_qconfig = QConfig(HistogramObserver, observers.MinMaxObserver)

_BACKENDS = {"fbgemm": (True, True), "x86": (True, True), "onednn": (False, True), "qnnpack": (False, False)}
"""What configurations are for: whether half of the integers are used, and whether weights have a scale for each channel."""


def _backend(name: str, version: int, versions: int) -> tuple[bool, bool]:
    if version not in range(versions):
        raise AssertionError(f"Version number: {version} in get_default_qconfig is not supported. Version number must be in "
                             f"{list(range(versions))}")  # fmt: skip
    if name not in _BACKENDS:
        raise AssertionError(f"backend: {name} not supported. backend must be one of {list(_BACKENDS)}")
    return _BACKENDS[name]


def get_default_qconfig(backend: str = "x86", version: int = 0) -> QConfig:
    """The configuration for quantizing after training. ``AssertionError`` for other backends than PyTorch's four."""
    reduced, channels = _backend(backend, version, 1)
    weight = observers.default_per_channel_weight_observer if channels else observers.default_weight_observer
    return QConfig(HistogramObserver.with_args(reduce_range=reduced), weight)


def get_default_qat_qconfig(backend: str = "x86", version: int = 1) -> QConfig:
    """The configuration for training with rounded numbers."""
    reduced, channels = _backend(backend, version, 2)
    kind = FusedMovingAvgObsFakeQuantize if version else FakeQuantize
    reduction = {} if backend == "onednn" else {"reduce_range": reduced}
    activation = kind.with_args(observer=MovingAverageMinMaxObserver, quant_min=0, quant_max=255, **reduction)
    if version:
        weights = fakes.default_fused_per_channel_wt_fake_quant, fakes.default_fused_wt_fake_quant
    else:
        weights = fakes.default_per_channel_weight_fake_quant, fakes.default_weight_fake_quant
    return QConfig(activation, weights[0] if channels else weights[1])


def _same(one: Any, other: Any) -> bool:
    one, other = (getattr(made, "p", made) for made in (one, other))
    parts = [getattr(one, name, None) == getattr(other, name, None) for name in ("func", "args", "keywords")]
    return one is other or hasattr(one, "func") and hasattr(other, "func") and all(parts)


def qconfig_equals(q1: Any, q2: Any) -> bool:
    """Whether two configurations make the same observers with the same arguments."""
    if q1 is None or q2 is None:
        return q1 is q2
    return _same(q1.activation, q2.activation) and _same(q1.weight, q2.weight)


def _activation_is_memoryless(qconfig: Any) -> bool:
    """Whether what is observed by a configuration depends on the last numbers alone."""
    made = qconfig.activation()
    seen = getattr(made, "activation_post_process", made)
    return isinstance(seen, PlaceholderObserver) or getattr(seen, "averaging_constant", 0) == 1
