"""Residual networks for videos: D. Tran et al., "A Closer Look at Spatiotemporal Convolutions" (2017)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from flambeau import nn

from .._published import initialize, names_of, published


class Conv3DSimple(nn.Conv3d):
    """A 3x3x3 convolution."""

    def __init__(
        self, in_planes: int, out_planes: int, midplanes: int | None = None, stride: int = 1, padding: int = 1
    ) -> None:
        super().__init__(in_planes, out_planes, kernel_size=(3, 3, 3), stride=stride, padding=padding, bias=False)

    @staticmethod
    def get_downsample_stride(stride: int) -> tuple[int, int, int]:
        """The stride of a shortcut."""
        return stride, stride, stride


class Conv2Plus1D(nn.Sequential):
    """A convolution in space, and one in time."""

    def __init__(self, in_planes: int, out_planes: int, midplanes: int, stride: int = 1, padding: int = 1) -> None:
        super().__init__(
            nn.Conv3d(in_planes, midplanes, (1, 3, 3), (1, stride, stride), (0, padding, padding), bias=False),
            nn.BatchNorm3d(midplanes),
            nn.ReLU(inplace=True),
            nn.Conv3d(midplanes, out_planes, (3, 1, 1), (stride, 1, 1), (padding, 0, 0), bias=False),
        )

    @staticmethod
    def get_downsample_stride(stride: int) -> tuple[int, int, int]:
        """The stride of a shortcut."""
        return stride, stride, stride


class Conv3DNoTemporal(nn.Conv3d):
    """A convolution in space alone."""

    def __init__(
        self, in_planes: int, out_planes: int, midplanes: int | None = None, stride: int = 1, padding: int = 1
    ) -> None:
        super().__init__(
            in_planes, out_planes, (1, 3, 3), (1, stride, stride), (0, padding, padding), bias=False
        )

    @staticmethod
    def get_downsample_stride(stride: int) -> tuple[int, int, int]:
        """The stride of a shortcut."""
        return 1, stride, stride


def _normed(conv: nn.Module, planes: int, relu: bool = True) -> nn.Sequential:
    return nn.Sequential(conv, nn.BatchNorm3d(planes), *([nn.ReLU(inplace=True)] if relu else []))


class _Block(nn.Module):
    """Convolutions ``conv1``, ``conv2``, …, and a shortcut past them."""

    def __init__(self, convolutions: Sequence[nn.Module], stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.count = len(convolutions)
        for i, convolution in enumerate(convolutions, start=1):
            self.add_module(f"conv{i}", convolution)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Any) -> Any:
        out = x
        for i in range(1, self.count + 1):
            out = getattr(self, f"conv{i}")(out)
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


def _middle(inplanes: int, planes: int) -> int:
    """How many channels between space and time make as many weights as a convolution in both."""
    return (inplanes * planes * 3 * 3 * 3) // (inplanes * 3 * 3 + 3 * planes)


class BasicBlock(_Block):
    """Two convolutions and a shortcut."""

    expansion = 1

    def __init__(
        self, inplanes: int, planes: int, conv_builder: Callable[..., Any], stride: int = 1,
        downsample: nn.Module | None = None,
    ) -> None:  # fmt: skip
        middle = _middle(inplanes, planes)
        first = _normed(conv_builder(inplanes, planes, middle, stride), planes)
        super().__init__([first, _normed(conv_builder(planes, planes, middle), planes, relu=False)], stride, downsample)


class Bottleneck(_Block):
    """A 1x1x1 convolution, one that is made by ``conv_builder``, a 1x1x1 convolution, and a shortcut."""

    expansion = 4

    def __init__(
        self, inplanes: int, planes: int, conv_builder: Callable[..., Any], stride: int = 1,
        downsample: nn.Module | None = None,
    ) -> None:  # fmt: skip
        wide = planes * self.expansion
        convolutions = [
            _normed(nn.Conv3d(inplanes, planes, kernel_size=1, bias=False), planes),
            _normed(conv_builder(planes, planes, _middle(inplanes, planes), stride), planes),
            _normed(nn.Conv3d(planes, wide, kernel_size=1, bias=False), wide, relu=False),
        ]
        super().__init__(convolutions, stride, downsample)


class BasicStem(nn.Sequential):
    """The first convolution, 3x7x7."""

    def __init__(self) -> None:
        conv = nn.Conv3d(3, 64, kernel_size=(3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False)
        super().__init__(conv, nn.BatchNorm3d(64), nn.ReLU(inplace=True))


class R2Plus1dStem(nn.Sequential):
    """The first convolution, 7x7 in space and 3 in time."""

    def __init__(self) -> None:
        space = nn.Conv3d(3, 45, kernel_size=(1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3), bias=False)
        time = nn.Conv3d(45, 64, kernel_size=(3, 1, 1), stride=(1, 1, 1), padding=(1, 0, 0), bias=False)
        super().__init__(
            space, nn.BatchNorm3d(45), nn.ReLU(inplace=True), time, nn.BatchNorm3d(64), nn.ReLU(inplace=True)
        )


class VideoResNet(nn.Module):
    """Four stages of ``layers[i]`` blocks; input (batch, 3, time, height, width), output (batch, ``num_classes``).

    ``conv_makers`` are the kinds of convolutions of each stage.
    """

    def __init__(
        self,
        block: Any,
        conv_makers: Sequence[Any],
        layers: Sequence[int],
        stem: Callable[..., Any],
        num_classes: int = 400,
        zero_init_residual: bool = False,
    ) -> None:
        super().__init__()
        self.inplanes = 64
        self.stem = stem()
        for i, (maker, depth) in enumerate(zip(conv_makers, layers)):
            stage = self._make_layer(block, maker, 64 * 2**i, depth, stride=2 if i else 1)
            self.add_module(f"layer{i + 1}", stage)
        self.avgpool = nn.AdaptiveAvgPool3d((1, 1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        initialize(self, linear=0.01)
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, Bottleneck):
                    nn.init.zeros_(module.conv3[1].weight)

    def _make_layer(self, block: Any, conv_builder: Any, planes: int, blocks: int, stride: int = 1) -> nn.Sequential:
        downsample, wide = None, planes * block.expansion
        if stride != 1 or self.inplanes != wide:
            strides = conv_builder.get_downsample_stride(stride)
            downsample = _normed(
                nn.Conv3d(self.inplanes, wide, kernel_size=1, stride=strides, bias=False), wide, relu=False
            )
        made = [block(self.inplanes, planes, conv_builder, stride, downsample)]
        self.inplanes = wide
        return nn.Sequential(*made, *(block(wide, planes, conv_builder) for _ in range(1, blocks)))

    def forward(self, x: Any) -> Any:
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
        return self.fc(self.avgpool(x).flatten(1))


def _variant(
    name: str, description: str, first: Any, others: Any, stem: Any
) -> tuple[Any, Callable[..., VideoResNet]]:
    """The weights of a variant, and the function that makes it."""
    make = partial(VideoResNet, BasicBlock, [first, others, others, others], [2, 2, 2, 2], stem)
    return published(__name__, name, description, make)


R3D_18_Weights, r3d_18 = _variant("R3D_18", "Convolutions in three dimensions.", Conv3DSimple, Conv3DSimple, BasicStem)
MC3_18_Weights, mc3_18 = _variant(
    "MC3_18", "Three dimensions in the first stage, two in the others.", Conv3DSimple, Conv3DNoTemporal, BasicStem
)
R2Plus1D_18_Weights, r2plus1d_18 = _variant(
    "R2Plus1D_18", "Convolutions in space and in time by turns.", Conv2Plus1D, Conv2Plus1D, R2Plus1dStem
)

__all__ = names_of(globals(), "VideoResNet")
