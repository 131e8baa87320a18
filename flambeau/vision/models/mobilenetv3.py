"""MobileNet v3: A. Howard et al., "Searching for MobileNetV3" (2019)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from flambeau import nn

from ..ops.misc import Conv2dNormActivation, SqueezeExcitation
from ._published import initialize, names_of, published
from ._utils import _make_divisible


class InvertedResidualConfig:
    """The settings of a block. Numbers of channels are multiplied by ``width_mult`` and rounded to multiples of eight."""

    def __init__(
        self, input_channels: int, kernel: int, expanded_channels: int, out_channels: int, use_se: bool, activation: str,
        stride: int, dilation: int, width_mult: float,
    ) -> None:  # fmt: skip
        self.input_channels = self.adjust_channels(input_channels, width_mult)
        self.kernel = kernel
        self.expanded_channels = self.adjust_channels(expanded_channels, width_mult)
        self.out_channels = self.adjust_channels(out_channels, width_mult)
        self.use_se = use_se
        self.use_hs = activation == "HS"
        self.stride = stride
        self.dilation = dilation

    @staticmethod
    def adjust_channels(channels: int, width_mult: float) -> int:
        """``channels * width_mult``, rounded."""
        return _make_divisible(channels * width_mult, 8)


_GATE = partial(SqueezeExcitation, scale_activation=nn.Hardsigmoid)


class InvertedResidual(nn.Module):
    """A depthwise convolution between two 1x1 convolutions, perhaps with a gate for each channel, and a shortcut."""

    def __init__(
        self, cnf: InvertedResidualConfig, norm_layer: Callable[..., Any],
        se_layer: Callable[..., Any] = _GATE,
    ) -> None:  # fmt: skip
        super().__init__()
        if not 1 <= cnf.stride <= 2:
            raise ValueError("illegal stride value")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        wide = cnf.expanded_channels
        conv = partial(
            Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.Hardswish if cnf.use_hs else nn.ReLU
        )
        layers: list[nn.Module] = []
        if wide != cnf.input_channels:
            layers.append(conv(cnf.input_channels, wide, kernel_size=1))
        stride = 1 if cnf.dilation > 1 else cnf.stride
        layers.append(
            conv(wide, wide, kernel_size=cnf.kernel, stride=stride, dilation=cnf.dilation, groups=wide)
        )
        if cnf.use_se:
            layers.append(se_layer(wide, _make_divisible(wide // 4, 8)))
        layers.append(
            Conv2dNormActivation(wide, cnf.out_channels, kernel_size=1, norm_layer=norm_layer, activation_layer=None)
        )
        self.block = nn.Sequential(*layers)
        self.out_channels = cnf.out_channels
        self._is_cn = cnf.stride > 1

    def forward(self, input: Any) -> Any:
        result = self.block(input)
        return result + input if self.use_res_connect else result


class MobileNetV3(nn.Module):
    """Blocks of the given settings; input (batch, 3, height, width), output (batch, ``num_classes``)."""

    def __init__(
        self,
        inverted_residual_setting: Sequence[InvertedResidualConfig],
        last_channel: int,
        num_classes: int = 1000,
        block: Callable[..., Any] | None = None,
        norm_layer: Callable[..., Any] | None = None,
        dropout: float = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        setting = inverted_residual_setting
        if not setting:
            raise ValueError("The inverted_residual_setting should not be empty")
        if not isinstance(setting, Sequence) or not all(isinstance(s, InvertedResidualConfig) for s in setting):
            raise TypeError("The inverted_residual_setting should be List[InvertedResidualConfig]")
        make = InvertedResidual if block is None else block
        norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01) if norm_layer is None else norm_layer
        conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.Hardswish)
        width = setting[-1].out_channels
        self.features = nn.Sequential(
            conv(3, setting[0].input_channels, kernel_size=3, stride=2),
            *(make(settings, norm) for settings in setting),
            conv(width, 6 * width, kernel_size=1),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * width, last_channel),
            nn.Hardswish(inplace=True),
            nn.Dropout(p=dropout, inplace=True),
            nn.Linear(last_channel, num_classes),
        )
        initialize(self, linear=0.01)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


#: Channels, kernel, channels inside, channels, gate, activation, stride; the last channels before the classifier.
_ARCHITECTURES: dict[str, tuple[list[tuple[int, int, int, int, bool, str, int]], int]] = {
    "mobilenet_v3_large": (
        [
            (16, 3, 16, 16, False, "RE", 1),
            (16, 3, 64, 24, False, "RE", 2),
            (24, 3, 72, 24, False, "RE", 1),
            (24, 5, 72, 40, True, "RE", 2),
            (40, 5, 120, 40, True, "RE", 1),
            (40, 5, 120, 40, True, "RE", 1),
            (40, 3, 240, 80, False, "HS", 2),
            (80, 3, 200, 80, False, "HS", 1),
            (80, 3, 184, 80, False, "HS", 1),
            (80, 3, 184, 80, False, "HS", 1),
            (80, 3, 480, 112, True, "HS", 1),
            (112, 3, 672, 112, True, "HS", 1),
            (112, 5, 672, 160, True, "HS", 2),
            (160, 5, 960, 160, True, "HS", 1),
            (160, 5, 960, 160, True, "HS", 1),
        ],
        1280,
    ),
    "mobilenet_v3_small": (
        [
            (16, 3, 16, 16, True, "RE", 2),
            (16, 3, 72, 24, False, "RE", 2),
            (24, 3, 88, 24, False, "RE", 1),
            (24, 5, 96, 40, True, "HS", 2),
            (40, 5, 240, 40, True, "HS", 1),
            (40, 5, 240, 40, True, "HS", 1),
            (40, 5, 120, 48, True, "HS", 1),
            (48, 5, 144, 48, True, "HS", 1),
            (48, 5, 288, 96, True, "HS", 2),
            (96, 5, 576, 96, True, "HS", 1),
            (96, 5, 576, 96, True, "HS", 1),
        ],
        1024,
    ),
}


def _mobilenet_v3_conf(
    arch: str, width_mult: float = 1.0, reduced_tail: bool = False, dilated: bool = False, **kwargs: Any
) -> tuple[list[InvertedResidualConfig], int]:
    """The blocks of a variant, and the last number of channels.

    ``reduced_tail`` halves the channels of the last stage, and ``dilated`` spreads its kernels instead of halving the size.
    """
    if arch not in _ARCHITECTURES:
        raise ValueError(f"Unsupported model type {arch}")
    rows, last = _ARCHITECTURES[arch]
    divider, dilation = 2 if reduced_tail else 1, 2 if dilated else 1
    setting = []
    for place, (channels, kernel, inside, out, gate, activation, stride) in enumerate(rows, start=3 - len(rows)):
        if place >= 0:
            out //= divider
        if place > 0:
            channels, inside = channels // divider, inside // divider
        spread = dilation if place >= 0 else 1
        setting.append(
            InvertedResidualConfig(channels, kernel, inside, out, gate, activation, stride, spread, width_mult)
        )
    return setting, InvertedResidualConfig.adjust_channels(last // divider, width_mult)


def _variant(size: str) -> tuple[Any, Callable[..., MobileNetV3]]:
    """The weights of a variant, and the function that makes it."""

    def make(**options: Any) -> MobileNetV3:
        return MobileNetV3(*_mobilenet_v3_conf(f"mobilenet_v3_{size.lower()}", **options), **options)

    return published(__name__, f"MobileNet_V3_{size}", f"The {size.lower()} one.", make)


MobileNet_V3_Large_Weights, mobilenet_v3_large = _variant("Large")
MobileNet_V3_Small_Weights, mobilenet_v3_small = _variant("Small")

__all__ = names_of(globals(), "MobileNetV3")
