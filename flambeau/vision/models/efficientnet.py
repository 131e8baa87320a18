"""EfficientNet: M. Tan and Q. Le, "EfficientNet: Rethinking Model Scaling" (2019) and "EfficientNetV2" (2021)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flambeau import nn

from ..ops.misc import Conv2dNormActivation, SqueezeExcitation
from ..ops.stochastic_depth import StochasticDepth
from ._published import names_of, published
from ._utils import _make_divisible


@dataclass
class _MBConvConfig:
    """The settings of a stage: how much wider blocks are in the middle, kernel, stride of the first, channels, blocks."""

    expand_ratio: float
    kernel: int
    stride: int
    input_channels: int
    out_channels: int
    num_layers: int
    block: Callable[..., Any]

    @staticmethod
    def adjust_channels(channels: int, width_mult: float, min_value: int | None = None) -> int:
        """``channels * width_mult``, rounded to a multiple of eight."""
        return _make_divisible(channels * width_mult, 8, min_value)


class MBConvConfig(_MBConvConfig):
    """The settings of a stage of :class:`MBConv`, scaled in width and depth."""

    def __init__(
        self, expand_ratio: float, kernel: int, stride: int, input_channels: int, out_channels: int, num_layers: int,
        width_mult: float = 1.0, depth_mult: float = 1.0, block: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        channels, out = (self.adjust_channels(width, width_mult) for width in (input_channels, out_channels))
        depth = self.adjust_depth(num_layers, depth_mult)
        super().__init__(expand_ratio, kernel, stride, channels, out, depth, MBConv if block is None else block)

    @staticmethod
    def adjust_depth(num_layers: int, depth_mult: float) -> int:
        """``num_layers * depth_mult``, rounded up."""
        return math.ceil(num_layers * depth_mult)


class FusedMBConvConfig(_MBConvConfig):
    """The settings of a stage of :class:`FusedMBConv`."""

    def __init__(
        self, expand_ratio: float, kernel: int, stride: int, input_channels: int, out_channels: int, num_layers: int,
        block: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        block = FusedMBConv if block is None else block
        super().__init__(expand_ratio, kernel, stride, input_channels, out_channels, num_layers, block)


class _Block(nn.Module):
    """Convolutions, and a shortcut past them where sizes are the same, which sometimes is all there is while training."""

    def __init__(self, cnf: _MBConvConfig, stochastic_depth_prob: float, layers: list[nn.Module]) -> None:
        super().__init__()
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.out_channels = cnf.out_channels

    def forward(self, input: Any) -> Any:
        result = self.block(input)
        return self.stochastic_depth(result) + input if self.use_res_connect else result


def _wide(cnf: _MBConvConfig) -> int:
    """The number of channels in the middle of a block. ``ValueError`` for a stride other than 1 and 2."""
    if not 1 <= cnf.stride <= 2:
        raise ValueError("illegal stride value")
    return cnf.adjust_channels(cnf.input_channels, cnf.expand_ratio)


class MBConv(_Block):
    """A depthwise convolution between two 1x1 convolutions, with a gate for each channel."""

    def __init__(
        self, cnf: MBConvConfig, stochastic_depth_prob: float, norm_layer: Callable[..., Any],
        se_layer: Callable[..., Any] = SqueezeExcitation,
    ) -> None:  # fmt: skip
        wide, conv = _wide(cnf), partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU)
        layers = [] if wide == cnf.input_channels else [conv(cnf.input_channels, wide, kernel_size=1)]
        layers += [
            conv(wide, wide, kernel_size=cnf.kernel, stride=cnf.stride, groups=wide),
            se_layer(wide, max(1, cnf.input_channels // 4), activation=partial(nn.SiLU, inplace=True)),
            conv(wide, cnf.out_channels, kernel_size=1, activation_layer=None),
        ]
        super().__init__(cnf, stochastic_depth_prob, layers)


class FusedMBConv(_Block):
    """A convolution that widens, and a 1x1 convolution."""

    def __init__(
        self, cnf: FusedMBConvConfig, stochastic_depth_prob: float, norm_layer: Callable[..., Any]
    ) -> None:
        wide, conv = _wide(cnf), partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU)
        conv_in = partial(conv, cnf.input_channels, kernel_size=cnf.kernel, stride=cnf.stride)
        if wide == cnf.input_channels:
            layers = [conv_in(cnf.out_channels)]
        else:
            layers = [conv_in(wide), conv(wide, cnf.out_channels, kernel_size=1, activation_layer=None)]
        super().__init__(cnf, stochastic_depth_prob, layers)


class EfficientNet(nn.Module):
    """Stages of the given settings; input (batch, 3, height, width), output (batch, ``num_classes``).

    ``stochastic_depth_prob`` is how often the last block is skipped while training; those before, less.
    """

    def __init__(
        self,
        inverted_residual_setting: Sequence[Any],
        dropout: float,
        stochastic_depth_prob: float = 0.2,
        num_classes: int = 1000,
        norm_layer: Callable[..., Any] | None = None,
        last_channel: int | None = None,
    ) -> None:
        super().__init__()
        setting = inverted_residual_setting
        if not setting:
            raise ValueError("The inverted_residual_setting should not be empty")
        if not isinstance(setting, Sequence) or not all(isinstance(s, _MBConvConfig) for s in setting):
            raise TypeError("The inverted_residual_setting should be List[MBConvConfig]")
        norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.SiLU)
        layers: list[nn.Module] = [conv(3, setting[0].input_channels, kernel_size=3, stride=2)]
        total = sum(stage.num_layers for stage in setting)
        made = 0
        for settings in setting:
            blocks = []
            settings = copy.copy(settings)
            for _ in range(settings.num_layers):
                blocks.append(settings.block(copy.copy(settings), stochastic_depth_prob * made / total, norm))
                settings.input_channels, settings.stride = settings.out_channels, 1
                made += 1
            layers.append(nn.Sequential(*blocks))
        width = setting[-1].out_channels
        last = 4 * width if last_channel is None else last_channel
        self.features = nn.Sequential(*layers, conv(width, last, kernel_size=1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout, inplace=True), nn.Linear(last, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                bound = 1 / math.sqrt(module.out_features)
                nn.init.uniform_(module.weight, -bound, bound)
                nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


_V1 = [
    (1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3), (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1),
]  # fmt: skip

#: The first three stages are fused.
_V2 = {
    "S": [
        (1, 3, 1, 24, 24, 2), (4, 3, 2, 24, 48, 4), (4, 3, 2, 48, 64, 4),
        (4, 3, 2, 64, 128, 6), (6, 3, 1, 128, 160, 9), (6, 3, 2, 160, 256, 15),
    ],
    "M": [
        (1, 3, 1, 24, 24, 3), (4, 3, 2, 24, 48, 5), (4, 3, 2, 48, 80, 5),
        (4, 3, 2, 80, 160, 7), (6, 3, 1, 160, 176, 14), (6, 3, 2, 176, 304, 18), (6, 3, 1, 304, 512, 5),
    ],
    "L": [
        (1, 3, 1, 32, 32, 4), (4, 3, 2, 32, 64, 7), (4, 3, 2, 64, 96, 7),
        (4, 3, 2, 96, 192, 10), (6, 3, 1, 192, 224, 19), (6, 3, 2, 224, 384, 25), (6, 3, 1, 384, 640, 7),
    ],
}  # fmt: skip


def _made(
    name: str, description: str, setting: Callable[[], list[Any]], dropout: float, last: int | None, **fixed: Any
) -> tuple[Any, Callable[..., EfficientNet]]:
    """The weights of a variant, and the function that makes it."""

    def make(**options: Any) -> EfficientNet:
        drop = options.pop("dropout", dropout)
        return EfficientNet(setting(), drop, last_channel=last, **fixed, **options)

    return published(__name__, f"EfficientNet_{name}", description, make)


def _v1(name: str, width: float, depth: float, dropout: float) -> tuple[Any, Callable[..., EfficientNet]]:
    fixed = {"norm_layer": partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)} if name in ("B5", "B6", "B7") else {}
    description = f"{width} times as wide and {depth} times as deep as the first one."
    return _made(name, description, lambda: [MBConvConfig(*row, width, depth) for row in _V1], dropout, None, **fixed)


def _v2(size: str, dropout: float) -> tuple[Any, Callable[..., EfficientNet]]:
    def setting() -> list[Any]:
        return [(FusedMBConvConfig if i < 3 else MBConvConfig)(*row) for i, row in enumerate(_V2[size])]

    norm = partial(nn.BatchNorm2d, eps=0.001)
    return _made(f"V2_{size}", f"The second version, of size {size}.", setting, dropout, 1280, norm_layer=norm)


EfficientNet_B0_Weights, efficientnet_b0 = _v1("B0", 1.0, 1.0, 0.2)
EfficientNet_B1_Weights, efficientnet_b1 = _v1("B1", 1.0, 1.1, 0.2)
EfficientNet_B2_Weights, efficientnet_b2 = _v1("B2", 1.1, 1.2, 0.3)
EfficientNet_B3_Weights, efficientnet_b3 = _v1("B3", 1.2, 1.4, 0.3)
EfficientNet_B4_Weights, efficientnet_b4 = _v1("B4", 1.4, 1.8, 0.4)
EfficientNet_B5_Weights, efficientnet_b5 = _v1("B5", 1.6, 2.2, 0.4)
EfficientNet_B6_Weights, efficientnet_b6 = _v1("B6", 1.8, 2.6, 0.5)
EfficientNet_B7_Weights, efficientnet_b7 = _v1("B7", 2.0, 3.1, 0.5)
EfficientNet_V2_S_Weights, efficientnet_v2_s = _v2("S", 0.2)
EfficientNet_V2_M_Weights, efficientnet_v2_m = _v2("M", 0.3)
EfficientNet_V2_L_Weights, efficientnet_v2_l = _v2("L", 0.4)

__all__ = names_of(globals(), "EfficientNet")
