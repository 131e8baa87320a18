"""Observers: modules that let numbers pass, and see their range, from which scales and zero points follow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import flambeau
from flambeau import Tensor
from flambeau.nn import Module

from ._histograms import search, spread
from .utils import calculate_qmin_qmax, determine_qparams, is_per_channel, is_per_tensor, validate_qmin_qmax

__all__ = [
    "FixedQParamsObserver", "HistogramObserver", "MinMaxObserver", "MovingAverageMinMaxObserver",
    "MovingAveragePerChannelMinMaxObserver", "NoopObserver", "ObserverBase", "PerChannelMinMaxObserver", "PlaceholderObserver",
    "RecordingObserver", "ReuseInputObserver", "UniformQuantizationObserverBase", "default_affine_fixed_qparams_observer",
    "default_debug_observer", "default_dynamic_quant_observer", "default_fixed_qparams_range_0to1_observer",
    "default_fixed_qparams_range_neg1to1_observer", "default_float_qparams_observer", "default_float_qparams_observer_4bit",
    "default_histogram_observer", "default_observer", "default_per_channel_weight_observer", "default_placeholder_observer",
    "default_reuse_input_observer", "default_symmetric_fixed_qparams_observer", "default_weight_observer",
    "get_observer_state_dict", "load_observer_state_dict", "per_channel_weight_observer_range_neg_127_to_127",
    "weight_observer_range_neg_127_to_127",
]  # fmt: skip


class _PartialWrapper:
    """A constructor with some of its arguments; ``with_args`` gives it more of them."""

    def __init__(self, made: Callable[..., Any]) -> None:
        self.p = made
        self.callable_args: dict[str, Callable[[], Any]] = {}

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        for name, function in self.callable_args.items():
            keywords.setdefault(name, function())
        return self.p(*args, **keywords)

    def __repr__(self) -> str:
        return repr(self.p) + repr(self.callable_args)

    def with_args(self, **kwargs: Any) -> _PartialWrapper:
        """The same with further arguments."""
        made = _PartialWrapper(partial(self.p, **kwargs))
        made.callable_args = dict(self.callable_args)
        return made

    def with_callable_args(self, **kwargs: Callable[[], Any]) -> _PartialWrapper:
        """The same with arguments that are asked for at each call."""
        made = self.with_args()
        made.callable_args.update(kwargs)
        return made


def _with_args(cls: Any, /, **kwargs: Any) -> _PartialWrapper:
    """A constructor that has these arguments."""
    return _PartialWrapper(cls).with_args(**kwargs)


def _with_callable_args(cls: Any, /, **kwargs: Callable[[], Any]) -> _PartialWrapper:
    return _PartialWrapper(cls).with_callable_args(**kwargs)


class ObserverBase(Module):
    """What observers have in common: ``dtype``, which numbers are to be quantized as, and constructors with arguments."""

    _observes = True

    def __init__(self, dtype: Any, is_dynamic: bool = False) -> None:
        super().__init__()
        self.dtype = dtype
        self.is_dynamic = is_dynamic

    def forward(self, x: Tensor) -> Tensor:
        """See ``x``, and give it back."""
        raise NotImplementedError

    def calculate_qparams(self) -> Any:
        """Scale and zero point for what was seen."""
        raise NotImplementedError

    with_args = classmethod(_with_args)
    with_callable_args = classmethod(_with_callable_args)


class UniformQuantizationObserverBase(ObserverBase):
    """Observers whose integers are equal steps apart, from ``quant_min`` to ``quant_max`` (or what the dtype has).

    With ``reduce_range`` they are half as many, which sums of products in 16 bits need. ``NotImplementedError`` for schemes and
    dtypes that are not known; no scale is smaller than ``eps``.
    """

    _version = 3
    eps: Tensor

    def __init__(
        self, dtype: Any = flambeau.quint8, qscheme: Any = flambeau.per_tensor_affine, reduce_range: bool = False,
        quant_min: int | None = None, quant_max: int | None = None, factory_kwargs: Any = None,
        eps: float = flambeau.finfo(flambeau.float32).eps, is_dynamic: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(dtype, is_dynamic, **kwargs)
        self.qscheme = qscheme
        self.reduce_range = reduce_range
        self.register_buffer("eps", flambeau.tensor([eps]))
        if not is_per_tensor(qscheme) and not is_per_channel(qscheme):
            raise AssertionError("Default Observer only works for per_tensor_affine, per_tensor_symmetric, per_channel_affine, "
                                 "per_channel_symmetric and per_channel_float_qparams quantization scheme")  # fmt: skip
        self.has_customized_qrange = quant_min is not None and quant_max is not None
        if self.has_customized_qrange:
            validate_qmin_qmax(quant_min, quant_max)  # type: ignore[arg-type]
        self.quant_min, self.quant_max = calculate_qmin_qmax(
            quant_min, quant_max, self.has_customized_qrange, dtype, reduce_range  # type: ignore[arg-type]
        )  # fmt: skip

    def _calculate_qparams(self, min_val: Tensor, max_val: Tensor) -> tuple[Tensor, Tensor]:
        return determine_qparams(
            min_val, max_val, self.quant_min, self.quant_max, self.dtype, self.eps, self.has_customized_qrange, self.qscheme
        )

    def reset_min_max_vals(self) -> None:
        """Forget what was seen."""
        raise NotImplementedError


class MinMaxObserver(UniformQuantizationObserverBase):
    """Sees the smallest and the largest of all numbers. ``NotImplementedError`` for schemes with a scale per channel."""

    min_val: Tensor
    max_val: Tensor

    def __init__(
        self, dtype: Any = flambeau.quint8, qscheme: Any = flambeau.per_tensor_affine, reduce_range: bool = False,
        quant_min: int | None = None, quant_max: int | None = None, factory_kwargs: Any = None,
        eps: float = flambeau.finfo(flambeau.float32).eps, is_dynamic: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        if not is_per_tensor(qscheme):
            raise NotImplementedError(
                "MinMaxObserver's qscheme only support torch.per_tensor_symmetric and torch.per_tensor_affine."
            )
        super().__init__(dtype, qscheme, reduce_range, quant_min, quant_max, factory_kwargs, eps, is_dynamic, **kwargs)
        self.register_buffer("min_val", flambeau.tensor(float("inf")))
        self.register_buffer("max_val", flambeau.tensor(float("-inf")))
        if qscheme is flambeau.per_tensor_symmetric and reduce_range and dtype is flambeau.quint8:
            raise NotImplementedError("Cannot reduce range for symmetric quantization for quint8")

    def forward(self, x_orig: Tensor) -> Tensor:
        """See ``x_orig``, and give it back."""
        if x_orig.numel():
            self._see(*flambeau.aminmax(x_orig.detach().to(self.min_val.dtype)))
        return x_orig

    def _see(self, low: Tensor, high: Tensor) -> None:
        self.min_val.copy_(flambeau.minimum(low, self.min_val))
        self.max_val.copy_(flambeau.maximum(high, self.max_val))

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """Scale and zero point, each with one element."""
        return self._calculate_qparams(self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"

    def reset_min_max_vals(self) -> None:
        self.min_val.fill_(float("inf"))
        self.max_val.fill_(float("-inf"))


def _towards(before: Tensor, now: Tensor, share: float) -> Tensor:
    """A moving average; what was never seen before is now at once."""
    return flambeau.where(before.isinf(), now, before + share * (now - before))


class MovingAverageMinMaxObserver(MinMaxObserver):
    """Sees moving averages of the smallest and the largest number, which go by ``averaging_constant`` towards new ones."""

    def __init__(
        self, averaging_constant: float = 0.01, dtype: Any = flambeau.quint8, qscheme: Any = flambeau.per_tensor_affine,
        reduce_range: bool = False, quant_min: int | None = None, quant_max: int | None = None,
        eps: float = flambeau.finfo(flambeau.float32).eps, is_dynamic: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        if not is_per_tensor(qscheme):
            raise NotImplementedError(
                f"MovingAverageMinMaxObserver's qscheme only support torch.per_tensor_symmetric and torch.per_tensor_affine. "
                f"but got: {qscheme}"
            )
        self.averaging_constant = averaging_constant
        if is_dynamic and averaging_constant != 1:
            raise NotImplementedError(
                "MovingAverageMinMaxObserver doesn't support dynamic quantization for averaging constant of "
                f"{averaging_constant}"
            )
        super().__init__(
            dtype=dtype, qscheme=qscheme, reduce_range=reduce_range, quant_min=quant_min, quant_max=quant_max, eps=eps,
            is_dynamic=is_dynamic, **kwargs,
        )  # fmt: skip

    def _see(self, low: Tensor, high: Tensor) -> None:
        self.min_val.copy_(_towards(self.min_val, low, self.averaging_constant))
        self.max_val.copy_(_towards(self.max_val, high, self.averaging_constant))


class PerChannelMinMaxObserver(UniformQuantizationObserverBase):
    """Sees the smallest and the largest number for each index of axis ``ch_axis``."""

    min_val: Tensor
    max_val: Tensor

    def __init__(
        self, ch_axis: int = 0, dtype: Any = flambeau.quint8, qscheme: Any = flambeau.per_channel_affine,
        reduce_range: bool = False, quant_min: int | None = None, quant_max: int | None = None, factory_kwargs: Any = None,
        eps: float = flambeau.finfo(flambeau.float32).eps, is_dynamic: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        if not is_per_channel(qscheme):
            raise NotImplementedError(
                "PerChannelMinMaxObserver's qscheme only support torch.per_channel_symmetric, torch.per_channel_affine and "
                "torch.per_channel_affine_float_qparams."
            )
        if is_dynamic:
            raise NotImplementedError("PerChannelMinMaxObserver doesn't support dynamic quantization")
        super().__init__(dtype, qscheme, reduce_range, quant_min, quant_max, factory_kwargs, eps, is_dynamic, **kwargs)
        self.ch_axis = ch_axis
        self.register_buffer("min_val", flambeau.tensor([]))
        self.register_buffer("max_val", flambeau.tensor([]))
        if qscheme is flambeau.per_channel_symmetric and reduce_range and dtype is flambeau.quint8:
            raise NotImplementedError("Cannot reduce range for symmetric quantization for quint8")

    def forward(self, x_orig: Tensor) -> Tensor:
        """See ``x_orig``, and give it back."""
        if x_orig.numel():
            rows = x_orig.detach().to(self.min_val.dtype).movedim(self.ch_axis, 0).flatten(1)
            low, high = flambeau.aminmax(rows, dim=1)
            if self.min_val.numel():
                low, high = self._beside(low, high)
            self.min_val.resize_(low.shape).copy_(low)
            self.max_val.resize_(high.shape).copy_(high)
        return x_orig

    def _beside(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        return flambeau.minimum(low, self.min_val), flambeau.maximum(high, self.max_val)

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """Scales and zero points, one for each index of the axis."""
        return self._calculate_qparams(self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any) -> None:
        for name in ("min_val", "max_val"):
            value = state_dict.get(prefix + name)
            if value is not None:
                getattr(self, name).resize_(value.shape)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def reset_min_max_vals(self) -> None:
        self.min_val, self.max_val = flambeau.rand(0), flambeau.rand(0)


class MovingAveragePerChannelMinMaxObserver(PerChannelMinMaxObserver):
    """Sees moving averages of the smallest and the largest number for each index of an axis."""

    def __init__(
        self, averaging_constant: float = 0.01, ch_axis: int = 0, dtype: Any = flambeau.quint8,
        qscheme: Any = flambeau.per_channel_affine, reduce_range: bool = False, quant_min: int | None = None,
        quant_max: int | None = None, eps: float = flambeau.finfo(flambeau.float32).eps, is_dynamic: bool = False,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(
            ch_axis=ch_axis, dtype=dtype, qscheme=qscheme, reduce_range=reduce_range, quant_min=quant_min,
            quant_max=quant_max, eps=eps, is_dynamic=is_dynamic, **kwargs,
        )  # fmt: skip
        self.averaging_constant = averaging_constant

    def _beside(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        share = self.averaging_constant
        return _towards(self.min_val, low, share), _towards(self.max_val, high, share)


class HistogramObserver(UniformQuantizationObserverBase):
    """Counts numbers in ``bins``, and chooses the range whose quantization has the least squared error."""

    histogram: Tensor
    min_val: Tensor
    max_val: Tensor

    def __init__(
        self, bins: int = 2048, dtype: Any = flambeau.quint8, qscheme: Any = flambeau.per_tensor_affine,
        reduce_range: bool = False, quant_min: int | None = None, quant_max: int | None = None, factory_kwargs: Any = None,
        eps: float = flambeau.finfo(flambeau.float32).eps, is_dynamic: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        if not is_per_tensor(qscheme):
            raise NotImplementedError(
                "HistogramObserver's qscheme only support torch.per_tensor_symmetric and torch.per_tensor_affine."
            )
        if is_dynamic:
            raise NotImplementedError("HistogramObserver doesn't support dynamic quantization")
        super().__init__(dtype, qscheme, reduce_range, quant_min, quant_max, factory_kwargs, eps, is_dynamic, **kwargs)
        self.bins = bins
        self.register_buffer("histogram", flambeau.zeros(bins))
        self.register_buffer("min_val", flambeau.tensor(float("inf")))
        self.register_buffer("max_val", flambeau.tensor(float("-inf")))
        self.dst_nbins = 2 ** (8 * self.dtype.itemsize)
        self.upsample_rate = 16

    def reset_histogram(self, x: Tensor, min_val: Tensor, max_val: Tensor) -> None:
        """Begin with the counts of ``x``."""
        self.min_val.resize_(min_val.shape).copy_(min_val)
        self.max_val.resize_(max_val.shape).copy_(max_val)
        self.histogram.copy_(flambeau.histc(x, self.bins, min=float(min_val), max=float(max_val)))

    def forward(self, x_orig: Tensor) -> Tensor:
        """Count ``x_orig``, and give it back."""
        if not x_orig.numel():
            return x_orig
        x = x_orig.detach().float()
        low, high = flambeau.aminmax(x)
        if bool(self.min_val.isinf()) or bool(self.max_val.isinf()):
            self.reset_histogram(x, low, high)
            return x_orig
        before_low, before_high = self.min_val.clone(), self.max_val.clone()
        low, high = flambeau.minimum(before_low, low), flambeau.maximum(before_high, high)
        counts = flambeau.histc(x, self.bins, min=float(low), max=float(high))
        if bool(low == before_low) and bool(high == before_high):
            before = self.histogram
        elif bool(before_low == before_high):
            place = flambeau.histc(before_low, self.bins, min=float(low), max=float(high))
            before = place * self.histogram.sum()
        else:
            wider = spread(self.histogram.numpy(), self.upsample_rate, *map(float, (before_low, before_high, low, high)))
            before = flambeau.from_numpy(wider)
        self.histogram.copy_(before + counts)
        self.min_val.copy_(low)
        self.max_val.copy_(high)
        return x_orig

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """Scale and zero point for the range with the least squared error."""
        if bool(self.min_val.isinf()) and bool(self.max_val.isinf()):
            return self._calculate_qparams(self.min_val, self.max_val)
        assert self.bins == len(self.histogram), "The number of bins in histogram should be equal to the number of bins supplied"
        low, high = search(self.histogram.numpy(), float(self.min_val), float(self.max_val), self.dst_nbins)
        return self._calculate_qparams(flambeau.tensor(low), flambeau.tensor(high))

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class FixedQParamsObserver(ObserverBase):
    """Has a scale and a zero point that do not depend on what it sees."""

    scale: Tensor
    zero_point: Tensor

    def __init__(
        self, scale: float, zero_point: int, dtype: Any = flambeau.quint8, qscheme: Any = flambeau.per_tensor_affine,
        quant_min: int = 0, quant_max: int = 255, is_dynamic: bool = False, **kwargs: Any,
    ) -> None:  # fmt: skip
        if is_dynamic:
            raise NotImplementedError("FixedQParamsObserver doesn't support dynamic quantization")
        super().__init__(dtype, is_dynamic, **kwargs)
        self.quant_min, self.quant_max = quant_min, quant_max
        self.register_buffer("scale", flambeau.tensor([scale], dtype=flambeau.float))
        self.register_buffer("zero_point", flambeau.tensor([zero_point], dtype=flambeau.int))
        self.qscheme = qscheme

    def forward(self, X: Tensor) -> Tensor:
        """``X`` itself."""
        return X

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """The scale and the zero point."""
        return self.scale, self.zero_point


class _Unobserving(ObserverBase):
    """Lets numbers pass, and has no scale."""

    def forward(self, x: Tensor) -> Tensor:
        """``x`` itself."""
        return x

    def calculate_qparams(self) -> Any:
        raise Exception(f"calculate_qparams should not be called for {type(self).__name__}")  # noqa: TRY002  (PyTorch's type)


class PlaceholderObserver(_Unobserving):
    """Says the dtype that numbers are to have, and sees nothing: they are quantized when they come, or only rounded."""

    def __init__(
        self, dtype: Any = flambeau.float32, custom_op_name: str = "", compute_dtype: Any = None,
        quant_min: int | None = None, quant_max: int | None = None, qscheme: Any = None, eps: float | None = None,
        is_dynamic: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(dtype, is_dynamic or bool(compute_dtype))
        self.qscheme = flambeau.per_tensor_affine if qscheme is None else qscheme
        self.quant_min, self.quant_max = quant_min, quant_max
        self.eps = flambeau.finfo(flambeau.float32).eps if eps is None else eps
        self.custom_op = custom_op_name

    def extra_repr(self) -> str:
        return f"dtype={self.dtype}, is_dynamic={self.is_dynamic}"


class RecordingObserver(_Unobserving):
    """Keeps copies of all that it sees."""

    def __init__(self, dtype: Any = flambeau.quint8) -> None:
        super().__init__(dtype)
        self.tensor_val: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        """Keep ``x``, and give it back."""
        self.tensor_val.append(x.clone())
        return x

    def get_tensor_value(self) -> list[Tensor]:
        """What was seen."""
        return self.tensor_val


class NoopObserver(_Unobserving):
    """Says a dtype, and does nothing."""

    def __init__(self, dtype: Any = flambeau.float16, custom_op_name: str = "") -> None:
        super().__init__(dtype)
        self.dtype = dtype
        self.custom_op = custom_op_name


class ReuseInputObserver(_Unobserving):
    """Stands where what a layer gives is quantized as what it was given."""

    def __init__(self) -> None:
        super().__init__(flambeau.quint8, is_dynamic=False)


def _is_activation_post_process(module: Any) -> Any:
    return getattr(module, "_observes", False)


def get_observer_state_dict(mod: Any) -> Any:
    """The state of the observers within a module, by its names."""
    found: Any = OrderedDict()
    for key, value in mod.state_dict().items():
        if "activation_post_process" in key or "observer" in key:
            found[key] = value
    found._metadata = {key: value for key, value in mod.state_dict()._metadata.items() if "activation_post_process" in key}
    return found


def load_observer_state_dict(mod: Any, obs_dict: Any) -> None:
    """Give the observers within a module the state of others. ``RuntimeError`` for names that it has not."""
    missing: list[str] = []
    unexpected: list[str] = []
    for name, module in mod.named_modules():
        if _is_activation_post_process(module):
            module._load_from_state_dict(obs_dict, f"{name}.", {}, False, missing, unexpected, [])
    unknown = [key for key in missing if "observer" in key or "activation_post_process" in key]
    if unknown:
        raise Exception(f"Missing keys for observer {unknown} in state_dict")  # noqa: TRY002  (PyTorch's type)


_SYMMETRIC = {"dtype": flambeau.qint8, "qscheme": flambeau.per_tensor_symmetric}
_SYMMETRIC_CHANNELS = {"dtype": flambeau.qint8, "qscheme": flambeau.per_channel_symmetric}
_FLOAT_PARAMETERS = {"qscheme": flambeau.per_channel_affine_float_qparams, "ch_axis": 0}
_NEG_127 = {"quant_min": -127, "quant_max": 127, "eps": 2**-12}

default_observer = MinMaxObserver.with_args(quant_min=0, quant_max=127)
default_placeholder_observer = PlaceholderObserver
default_debug_observer = RecordingObserver
default_weight_observer = MinMaxObserver.with_args(**_SYMMETRIC)
weight_observer_range_neg_127_to_127 = MinMaxObserver.with_args(**_SYMMETRIC, **_NEG_127)
default_histogram_observer = HistogramObserver.with_args(quant_min=0, quant_max=127)
default_per_channel_weight_observer = PerChannelMinMaxObserver.with_args(**_SYMMETRIC_CHANNELS)
per_channel_weight_observer_range_neg_127_to_127 = PerChannelMinMaxObserver.with_args(**_SYMMETRIC_CHANNELS, **_NEG_127)
default_dynamic_quant_observer = PlaceholderObserver.with_args(
    dtype=flambeau.quint8, quant_min=0, quant_max=255, is_dynamic=True
)
default_float_qparams_observer = PerChannelMinMaxObserver.with_args(dtype=flambeau.quint8, **_FLOAT_PARAMETERS)
default_float_qparams_observer_4bit = PerChannelMinMaxObserver.with_args(dtype=flambeau.quint4x2, **_FLOAT_PARAMETERS)
default_fixed_qparams_range_neg1to1_observer = FixedQParamsObserver.with_args(
    scale=2.0 / 256.0, zero_point=128, dtype=flambeau.quint8, quant_min=0, quant_max=255
)
default_fixed_qparams_range_0to1_observer = FixedQParamsObserver.with_args(
    scale=1.0 / 256.0, zero_point=0, dtype=flambeau.quint8, quant_min=0, quant_max=255
)
default_symmetric_fixed_qparams_observer = default_fixed_qparams_range_neg1to1_observer
default_affine_fixed_qparams_observer = default_fixed_qparams_range_0to1_observer
default_reuse_input_observer = ReuseInputObserver
