"""Transforms of colours, brightness and sharpness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ....nn.modules._layer import layer
from .. import _random
from .. import values as _v1
from . import functional as F
from ._transform import Sometimes, Transform
from ._utils import query_chw


@layer()
class Grayscale(Transform):
    """Luminance, in one channel or in three equal ones."""

    _v1_transform_cls = _v1.Grayscale

    num_output_channels: int = 1

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.rgb_to_grayscale, inpt, num_output_channels=self.num_output_channels)


class RandomGrayscale(Sometimes):
    """With probability ``p``, luminance in as many channels as there are."""

    _v1_transform_cls = _v1.RandomGrayscale

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p=p)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"num_input_channels": query_chw(flat_inputs)[0]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.rgb_to_grayscale, inpt, num_output_channels=params["num_input_channels"])


class RGB(Transform):
    """Three equal channels of one; what has colours stays as it is."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.grayscale_to_rgb, inpt)


_CHANGES = ("brightness", "contrast", "saturation", "hue")


@layer()
class ColorJitter(Transform):
    """Change brightness, contrast, saturation and hue at random, in random order.

    Each is a range of factors, or a number ``x`` for the factors from ``max(0, 1 - x)`` to ``1 + x`` (of hue: from
    ``-x`` to ``x`` of a circle, at most a half), or None.
    """

    _v1_transform_cls = _v1.ColorJitter

    brightness: float | Sequence[float] | None = None
    contrast: float | Sequence[float] | None = None
    saturation: float | Sequence[float] | None = None
    hue: float | Sequence[float] | None = None

    def _settle(self) -> None:
        for name in _CHANGES:
            value = getattr(self, name)
            setattr(self, name, None if value is None else self._range(name, value))

    @staticmethod
    def _range(name: str, value: Any) -> tuple[float, float] | None:
        center, least, most = (0.0, -0.5, 0.5) if name == "hue" else (1.0, 0.0, float("inf"))
        if isinstance(value, (int, float)):
            if value < 0:
                raise ValueError(f"If {name} is a single number, it must be non negative.")
            low, high = center - value, center + value
            low = low if name == "hue" else max(low, 0.0)
        elif isinstance(value, Sequence) and len(value) == 2:
            low, high = (float(number) for number in value)
        else:
            raise TypeError(f"{name}={value} should be a single number or a sequence with length 2.")
        if not least <= low <= high <= most:
            bounds = (least if name == "hue" else 0, most)
            raise ValueError(f"{name} values should be between {bounds} and increasing, but got {[low, high]}.")
        return None if low == high == center else (float(low), float(high))

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        order = _random.order(4)
        ranges: list[Any] = [getattr(self, name) for name in _CHANGES]
        factors = [None if range_ is None else _random.uniform(*range_) for range_ in ranges]
        named = {f"{name}_factor": factor for name, factor in zip(_CHANGES, factors)}
        return {"fn_idx": order, **named}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        for place in params["fn_idx"]:
            inpt = _changed(self, inpt, _CHANGES[place], params)
        return inpt


def _changed(transform: Transform, inpt: Any, name: str, params: dict[str, Any]) -> Any:
    factor = params[f"{name}_factor"]
    return inpt if factor is None else transform._call_kernel(getattr(F, f"adjust_{name}"), inpt, factor)


class RandomChannelPermutation(Transform):
    """The channels in random order."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"permutation": _random.order(query_chw(flat_inputs)[0])}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.permute_channels, inpt, params["permutation"])


@layer()
class RandomPhotometricDistort(Transform):
    """Each with probability ``p``: brightness, contrast, saturation, hue, and the order of channels.

    As W. Liu et al. do it ("SSD: Single Shot MultiBox Detector", 2015).
    """

    _shown_first: ClassVar = ("brightness", "contrast", "hue")

    brightness: tuple[float, float] = (0.875, 1.125)
    contrast: tuple[float, float] = (0.5, 1.5)
    saturation: tuple[float, float] = (0.5, 1.5)
    hue: tuple[float, float] = (-0.05, 0.05)
    p: float = 0.5

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        channels = query_chw(flat_inputs)[0]
        params: dict[str, Any] = {}
        for name in _CHANGES:
            range_ = getattr(self, name)
            params[f"{name}_factor"] = _random.uniform(range_[0], range_[1]) if _random.happens(self.p) else None
        params["contrast_before"] = _random.happens(0.5)
        params["channel_permutation"] = _random.order(channels) if _random.happens(self.p) else None
        return params

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        order = _CHANGES if params["contrast_before"] else ("brightness", "saturation", "hue", "contrast")
        for name in order:
            inpt = _changed(self, inpt, name, params)
        permutation = params["channel_permutation"]
        return inpt if permutation is None else self._call_kernel(F.permute_channels, inpt, permutation)


class RandomEqualize(Sometimes):
    """With probability ``p``, map values so that all are about equally frequent."""

    _v1_transform_cls = _v1.RandomEqualize

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.equalize, inpt)


class RandomInvert(Sometimes):
    """With probability ``p``, swap light and dark."""

    _v1_transform_cls = _v1.RandomInvert

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.invert, inpt)


class RandomAutocontrast(Sometimes):
    """With probability ``p``, stretch the values of each channel to the whole range."""

    _v1_transform_cls = _v1.RandomAutocontrast

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.autocontrast, inpt)


@layer(own_first=True)
class RandomPosterize(Sometimes):
    """With probability ``p``, keep only the ``bits`` highest bits of values."""

    _v1_transform_cls = _v1.RandomPosterize

    bits: int  # type: ignore[misc]  # before an inherited default

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.posterize, inpt, bits=self.bits)


@layer(own_first=True)
class RandomSolarize(Sometimes):
    """With probability ``p``, swap light and dark of values that are not below ``threshold``."""

    _v1_transform_cls = _v1.RandomSolarize

    threshold: float  # type: ignore[misc]  # before an inherited default

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.solarize, inpt, threshold=self.threshold)


@layer(own_first=True)
class RandomAdjustSharpness(Sometimes):
    """With probability ``p``, change the sharpness: 0 is smoothed, 1 the picture, 2 twice as sharp."""

    _v1_transform_cls = _v1.RandomAdjustSharpness

    sharpness_factor: float  # type: ignore[misc]  # before an inherited default

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.adjust_sharpness, inpt, sharpness_factor=self.sharpness_factor)
