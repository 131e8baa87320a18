"""ShuffleNet v2: N. Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design" (2018)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flambeau
from flambeau import nn

from ._published import names_of, published


def channel_shuffle(x: Any, groups: int) -> Any:
    """(batch, channels, height, width) with the channels of the groups in turn."""
    batch, channels, height, width = x.size()
    x = x.view(batch, groups, channels // groups, height, width)
    return x.transpose(1, 2).contiguous().view(batch, channels, height, width)


def _conv(channels: int, out: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, out, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]


class InvertedResidual(nn.Module):
    """Half of the channels, or with a ``stride`` all of them twice, go through convolutions; then they are shuffled."""

    def __init__(self, inp: int, oup: int, stride: int) -> None:
        super().__init__()
        if not 1 <= stride <= 3:
            raise ValueError("illegal stride value")
        self.stride = stride
        half = oup // 2
        if stride == 1 and inp != half << 1:
            raise ValueError(
                f"Invalid combination of stride {stride}, inp {inp} and oup {oup} values. If stride == 1 then inp should be "
                "equal to oup // 2 << 1."
            )
        spatial = partial(self.depthwise_conv, kernel_size=3, stride=stride, padding=1)
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1 = nn.Sequential(spatial(inp, inp), nn.BatchNorm2d(inp), *_conv(inp, half))
        self.branch2 = nn.Sequential(
            *_conv(inp if stride > 1 else half, half), spatial(half, half), nn.BatchNorm2d(half), *_conv(half, half)
        )

    @staticmethod
    def depthwise_conv(i: int, o: int, kernel_size: int, stride: int = 1, padding: int = 0, bias: bool = False) -> Any:
        """A convolution of each channel by itself."""
        return nn.Conv2d(i, o, kernel_size, stride, padding, bias=bias, groups=i)

    def forward(self, x: Any) -> Any:
        kept, changed = x.chunk(2, dim=1) if self.stride == 1 else (self.branch1(x), x)
        return channel_shuffle(flambeau.cat((kept, self.branch2(changed)), dim=1), 2)


class ShuffleNetV2(nn.Module):
    """Three stages of ``stages_repeats[i]`` blocks; input (batch, 3, height, width), output (batch, ``num_classes``)."""

    def __init__(
        self,
        stages_repeats: list[int],
        stages_out_channels: list[int],
        num_classes: int = 1000,
        inverted_residual: Callable[..., Any] = InvertedResidual,
    ) -> None:
        super().__init__()
        if len(stages_repeats) != 3:
            raise ValueError("expected stages_repeats as list of 3 positive ints")
        if len(stages_out_channels) != 5:
            raise ValueError("expected stages_out_channels as list of 5 positive ints")
        self._stage_out_channels = stages_out_channels
        channels, *widths, last = stages_out_channels
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, channels, 3, 2, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        for number, repeats, width in zip((2, 3, 4), stages_repeats, widths):
            blocks = [inverted_residual(channels, width, 2)]
            blocks += [inverted_residual(width, width, 1) for _ in range(repeats - 1)]
            self.add_module(f"stage{number}", nn.Sequential(*blocks))
            channels = width
        self.conv5 = nn.Sequential(*_conv(channels, last))
        self.fc = nn.Linear(last, num_classes)

    def forward(self, x: Any) -> Any:
        x = self.stage4(self.stage3(self.stage2(self.maxpool(self.conv1(x)))))
        return self.fc(self.conv5(x).mean([2, 3]))


def _variant(width: str, channels: list[int]) -> tuple[Any, Callable[..., ShuffleNetV2]]:
    """The weights of a variant, and the function that makes it."""
    description = f"{width.replace('_', '.')} times as wide as the first one."
    make = partial(ShuffleNetV2, [4, 8, 4], channels)
    return published(__name__, f"ShuffleNet_V2_X{width}", description, make)


ShuffleNet_V2_X0_5_Weights, shufflenet_v2_x0_5 = _variant("0_5", [24, 48, 96, 192, 1024])
ShuffleNet_V2_X1_0_Weights, shufflenet_v2_x1_0 = _variant("1_0", [24, 116, 232, 464, 1024])
ShuffleNet_V2_X1_5_Weights, shufflenet_v2_x1_5 = _variant("1_5", [24, 176, 352, 704, 1024])
ShuffleNet_V2_X2_0_Weights, shufflenet_v2_x2_0 = _variant("2_0", [24, 244, 488, 976, 2048])

__all__ = names_of(globals(), "ShuffleNetV2")
