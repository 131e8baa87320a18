"""RegNet: I. Radosavovic et al., "Designing Network Design Spaces" (2020)."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from flambeau import nn

from ..ops.misc import Conv2dNormActivation, SqueezeExcitation
from ._published import names_of, published
from ._utils import _make_divisible


class SimpleStemIN(Conv2dNormActivation):
    """The first layer: a 3x3 convolution that halves the size."""

    def __init__(
        self, width_in: int, width_out: int, norm_layer: Callable[..., Any], activation_layer: Callable[..., Any]
    ) -> None:
        super().__init__(
            width_in, width_out, kernel_size=3, stride=2, norm_layer=norm_layer, activation_layer=activation_layer
        )


class BottleneckTransform(nn.Sequential):
    """A 1x1, a grouped 3x3, perhaps a gate for each channel, and a 1x1 convolution."""

    def __init__(
        self, width_in: int, width_out: int, stride: int, norm_layer: Callable[..., Any],
        activation_layer: Callable[..., Any], group_width: int, bottleneck_multiplier: float, se_ratio: float | None,
    ) -> None:  # fmt: skip
        width = int(round(width_out * bottleneck_multiplier))
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=activation_layer)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["a"] = conv(width_in, width, kernel_size=1)
        layers["b"] = conv(width, width, kernel_size=3, stride=stride, groups=width // group_width)
        if se_ratio:
            layers["se"] = SqueezeExcitation(width, int(round(se_ratio * width_in)), activation=activation_layer)
        layers["c"] = conv(width, width_out, kernel_size=1, activation_layer=None)
        super().__init__(layers)


class ResBottleneckBlock(nn.Module):
    """A :class:`BottleneckTransform` and a shortcut past it."""

    def __init__(
        self, width_in: int, width_out: int, stride: int, norm_layer: Callable[..., Any],
        activation_layer: Callable[..., Any], group_width: int = 1, bottleneck_multiplier: float = 1.0,
        se_ratio: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.proj: Any = None
        if width_in != width_out or stride != 1:
            self.proj = Conv2dNormActivation(
                width_in, width_out, kernel_size=1, stride=stride, norm_layer=norm_layer, activation_layer=None
            )
        self.f = BottleneckTransform(
            width_in, width_out, stride, norm_layer, activation_layer, group_width, bottleneck_multiplier, se_ratio
        )
        self.activation = activation_layer(inplace=True)

    def forward(self, x: Any) -> Any:
        return self.activation((x if self.proj is None else self.proj(x)) + self.f(x))


class AnyStage(nn.Sequential):
    """``depth`` blocks, the first of which changes the size."""

    def __init__(
        self, width_in: int, width_out: int, stride: int, depth: int, block_constructor: Callable[..., Any],
        norm_layer: Callable[..., Any], activation_layer: Callable[..., Any], group_width: int,
        bottleneck_multiplier: float, se_ratio: float | None = None, stage_index: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        rest = (norm_layer, activation_layer, group_width, bottleneck_multiplier, se_ratio)
        for i in range(depth):
            size = (width_in, width_out, stride) if i == 0 else (width_out, width_out, 1)
            self.add_module(f"block{stage_index}-{i}", block_constructor(*size, *rest))


class BlockParams:
    """The settings of the stages."""

    def __init__(
        self, depths: list[int], widths: list[int], group_widths: list[int], bottleneck_multipliers: list[float],
        strides: list[int], se_ratio: float | None = None,
    ) -> None:  # fmt: skip
        self.depths = depths
        self.widths = widths
        self.group_widths = group_widths
        self.bottleneck_multipliers = bottleneck_multipliers
        self.strides = strides
        self.se_ratio = se_ratio

    @classmethod
    def from_init_params(
        cls, depth: int, w_0: int, w_a: float, w_m: float, group_width: int, bottleneck_multiplier: float = 1.0,
        se_ratio: float | None = None, **kwargs: Any,
    ) -> BlockParams:  # fmt: skip
        """Stages of blocks whose widths follow a line, rounded to powers of ``w_m`` (the paper's equations 2 to 4).

        ``ValueError`` unless ``w_a >= 0``, ``w_m > 1``, and ``w_0`` is a positive multiple of eight.
        """
        if w_a < 0 or w_0 <= 0 or w_m <= 1 or w_0 % 8 != 0:
            raise ValueError("Invalid RegNet settings")
        line = [i * w_a + w_0 for i in range(depth)]
        powers = [round(math.log(width / w_0) / math.log(w_m)) for width in line]
        stages = [(width, len(list(same))) for width, same in groupby(round(w_0 * w_m**power / 8) * 8 for power in powers)]
        count = len(stages)
        widths, groups = cls._adjust_widths_groups_compatibilty(
            [width for width, _ in stages], [bottleneck_multiplier] * count, [group_width] * count
        )
        return cls([depth for _, depth in stages], widths, groups, [bottleneck_multiplier] * count, [2] * count, se_ratio)

    def _get_expanded_params(self) -> Iterator[tuple[int, int, int, int, float]]:
        return zip(self.widths, self.strides, self.depths, self.group_widths, self.bottleneck_multipliers)

    @staticmethod
    def _adjust_widths_groups_compatibilty(
        stage_widths: Sequence[int], bottleneck_ratios: Sequence[float], group_widths: Sequence[int]
    ) -> tuple[list[int], list[int]]:
        """Widths that are whole numbers of groups, and groups no wider than what they are of."""
        inside = [int(width * ratio) for width, ratio in zip(stage_widths, bottleneck_ratios)]
        groups = [min(group, width) for group, width in zip(group_widths, inside)]
        whole = [_make_divisible(width, group) for width, group in zip(inside, groups)]
        return [int(width / ratio) for width, ratio in zip(whole, bottleneck_ratios)], groups


class RegNet(nn.Module):
    """Stages of the given settings; input (batch, 3, height, width), output (batch, ``num_classes``)."""

    def __init__(
        self,
        block_params: BlockParams,
        num_classes: int = 1000,
        stem_width: int = 32,
        stem_type: Callable[..., Any] | None = None,
        block_type: Callable[..., Any] | None = None,
        norm_layer: Callable[..., Any] | None = None,
        activation: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__()
        norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        block = ResBottleneckBlock if block_type is None else block_type
        activate = nn.ReLU if activation is None else activation
        self.stem = (SimpleStemIN if stem_type is None else stem_type)(3, stem_width, norm, activate)
        width, stages = stem_width, OrderedDict()
        for i, (out, stride, depth, group, ratio) in enumerate(block_params._get_expanded_params(), start=1):
            stages[f"block{i}"] = AnyStage(
                width, out, stride, depth, block, norm, activate, group, ratio, block_params.se_ratio, stage_index=i
            )
            width = out
        self.trunk_output = nn.Sequential(stages)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(in_features=width, out_features=num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, mean=0.0, std=math.sqrt(2.0 / fan_out))
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, mean=0.0, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        return self.fc(self.avgpool(self.trunk_output(self.stem(x))).flatten(1))


def _variant(
    name: str, depth: int, w_0: int, w_a: float, w_m: float, group_width: int
) -> tuple[Any, Callable[..., RegNet]]:
    """The weights of a variant, and the function that makes it. Those called Y have a gate for each channel."""
    ratio = 0.25 if name.startswith("Y") else None

    def make(**options: Any) -> RegNet:
        params = BlockParams.from_init_params(depth, w_0, w_a, w_m, group_width, se_ratio=ratio, **options)
        norm = options.pop("norm_layer", partial(nn.BatchNorm2d, eps=1e-05, momentum=0.1))
        return RegNet(params, norm_layer=norm, **options)

    legacy = "" if name == "Y_128GF" else None  # it came later
    return published(__name__, f"RegNet_{name}", f"The network {name.replace('_', '-')}.", make, legacy)


RegNet_Y_400MF_Weights, regnet_y_400mf = _variant("Y_400MF", 16, 48, 27.89, 2.09, 8)
RegNet_Y_800MF_Weights, regnet_y_800mf = _variant("Y_800MF", 14, 56, 38.84, 2.4, 16)
RegNet_Y_1_6GF_Weights, regnet_y_1_6gf = _variant("Y_1_6GF", 27, 48, 20.71, 2.65, 24)
RegNet_Y_3_2GF_Weights, regnet_y_3_2gf = _variant("Y_3_2GF", 21, 80, 42.63, 2.66, 24)
RegNet_Y_8GF_Weights, regnet_y_8gf = _variant("Y_8GF", 17, 192, 76.82, 2.19, 56)
RegNet_Y_16GF_Weights, regnet_y_16gf = _variant("Y_16GF", 18, 200, 106.23, 2.48, 112)
RegNet_Y_32GF_Weights, regnet_y_32gf = _variant("Y_32GF", 20, 232, 115.89, 2.53, 232)
RegNet_Y_128GF_Weights, regnet_y_128gf = _variant("Y_128GF", 27, 456, 160.83, 2.52, 264)
RegNet_X_400MF_Weights, regnet_x_400mf = _variant("X_400MF", 22, 24, 24.48, 2.54, 16)
RegNet_X_800MF_Weights, regnet_x_800mf = _variant("X_800MF", 16, 56, 35.73, 2.28, 16)
RegNet_X_1_6GF_Weights, regnet_x_1_6gf = _variant("X_1_6GF", 18, 80, 34.01, 2.25, 24)
RegNet_X_3_2GF_Weights, regnet_x_3_2gf = _variant("X_3_2GF", 25, 88, 26.31, 2.25, 48)
RegNet_X_8GF_Weights, regnet_x_8gf = _variant("X_8GF", 23, 80, 49.56, 2.88, 120)
RegNet_X_16GF_Weights, regnet_x_16gf = _variant("X_16GF", 22, 216, 55.59, 2.1, 128)
RegNet_X_32GF_Weights, regnet_x_32gf = _variant("X_32GF", 23, 320, 69.86, 2.0, 168)

__all__ = names_of(globals(), "RegNet")
