"""Residual networks: K. He et al., "Deep Residual Learning for Image Recognition" (2015), and their kin.

The stride of a bottleneck is in its 3x3 convolution ("ResNet v1.5"). Names of parameters are torchvision's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from flambeau import nn

from ._published import built, initialize, names_of, published
from ._utils import _ovewrite_named_param

Norm = Callable[[int], Any]


def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the size (divided by ``stride``)."""
    return nn.Conv2d(
        in_planes,
        out_planes,
        kernel_size=3,
        stride=stride,
        padding=dilation,
        groups=groups,
        bias=False,
        dilation=dilation,
    )


def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
    """A 1x1 convolution."""
    return nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False)


class _Block(nn.Module):
    """Convolutions, and a shortcut past them, which ``downsample`` brings to their size.

    Kinds of blocks define ``_make``, which makes their layers, and ``_convolved``, which calls them.
    """

    expansion: ClassVar[int]

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        self._make(inplanes, planes, stride, groups, base_width, dilation, norm)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Any) -> Any:
        out = self._convolved(x)
        identity = x if self.downsample is None else self.downsample(x)
        return self.relu(out + identity)


class BasicBlock(_Block):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def _make(
        self, inplanes: int, planes: int, stride: int, groups: int, base_width: int, dilation: int, norm: Norm
    ) -> None:
        if groups != 1 or base_width != 64:
            raise ValueError("BasicBlock only supports groups=1 and base_width=64")
        if dilation > 1:
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock")
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = norm(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = norm(planes)

    def _convolved(self, x: Any) -> Any:
        return self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))


class Bottleneck(_Block):
    """A 1x1, a 3x3 and a 1x1 convolution, narrow in the middle, and a shortcut."""

    expansion = 4

    def _make(
        self, inplanes: int, planes: int, stride: int, groups: int, base_width: int, dilation: int, norm: Norm
    ) -> None:
        width = int(planes * (base_width / 64.0)) * groups
        self.conv1 = conv1x1(inplanes, width)
        self.bn1 = norm(width)
        self.conv2 = conv3x3(width, width, stride, groups, dilation)
        self.bn2 = norm(width)
        self.conv3 = conv1x1(width, planes * self.expansion)
        self.bn3 = norm(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)

    def _convolved(self, x: Any) -> Any:
        out = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        return self.bn3(self.conv3(out))


class ResNet(nn.Module):
    """Four stages of ``layers[i]`` blocks; input (batch, 3, height, width), output (batch, ``num_classes``).

    ``zero_init_residual`` starts each block as the identity; ``replace_stride_with_dilation`` keeps the size in the
    last three stages.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Norm | None = None,
    ) -> None:
        super().__init__()
        self._norm_layer: Norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        self.inplanes = 64
        self.dilation = 1
        dilate = (False, False, False) if replace_stride_with_dilation is None else replace_stride_with_dilation
        if len(dilate) != 3:
            raise ValueError(
                f"replace_stride_with_dilation should be None or a 3-element tuple, got {replace_stride_with_dilation}"
            )
        self.groups = groups
        self.base_width = width_per_group
        self.conv1 = nn.Conv2d(3, self.inplanes, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = self._norm_layer(self.inplanes)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0])
        self.layer2 = self._make_layer(block, 128, layers[1], 2, dilate[0])
        self.layer3 = self._make_layer(block, 256, layers[2], 2, dilate[1])
        self.layer4 = self._make_layer(block, 512, layers[3], 2, dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        initialize(self)
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, Bottleneck):
                    nn.init.constant_(module.bn3.weight, 0)
                elif isinstance(module, BasicBlock):
                    nn.init.constant_(module.bn2.weight, 0)

    def _make_layer(self, block: Any, planes: int, blocks: int, stride: int = 1, dilate: bool = False) -> nn.Sequential:
        norm = self._norm_layer
        first_dilation = self.dilation
        if dilate:
            self.dilation *= stride
            stride = 1
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(
                conv1x1(self.inplanes, planes * block.expansion, stride), norm(planes * block.expansion)
            )
        shared = (self.groups, self.base_width)
        made = [block(self.inplanes, planes, stride, downsample, *shared, first_dilation, norm)]
        self.inplanes = planes * block.expansion
        made += [block(self.inplanes, planes, 1, None, *shared, self.dilation, norm) for _ in range(1, blocks)]
        return nn.Sequential(*made)

    def forward(self, x: Any) -> Any:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def _variant(
    name: str, description: str, block: Any, layers: list[int], **fixed: Any
) -> tuple[Any, Callable[..., ResNet]]:
    """The weights of a variant, and the function that makes it; ``fixed`` are options that cannot be given another value."""

    def make(**options: Any) -> ResNet:
        for option, value in fixed.items():
            _ovewrite_named_param(options, option, value)
        return ResNet(block, layers, **options)

    return published(__name__, name, description, make)


def _resnet(
    block: type[BasicBlock] | type[Bottleneck], layers: list[int], weights: Any, progress: bool, **kwargs: Any
) -> ResNet:
    """A network of a program's own depth, which programs make by torchvision's function of this name."""
    return built(partial(ResNet, block, layers), weights, progress, **kwargs)  # type: ignore[no-any-return]


_RESNEXT = 'of several groups (S. Xie et al., "Aggregated Residual Transformations", 2016).'
_WIDE = 'twice as wide in the middle (S. Zagoruyko and N. Komodakis, "Wide Residual Networks", 2016).'

ResNet18_Weights, resnet18 = _variant("ResNet18", "18 layers.", BasicBlock, [2, 2, 2, 2])
ResNet34_Weights, resnet34 = _variant("ResNet34", "34 layers.", BasicBlock, [3, 4, 6, 3])
ResNet50_Weights, resnet50 = _variant("ResNet50", "50 layers.", Bottleneck, [3, 4, 6, 3])
ResNet101_Weights, resnet101 = _variant("ResNet101", "101 layers.", Bottleneck, [3, 4, 23, 3])
ResNet152_Weights, resnet152 = _variant("ResNet152", "152 layers.", Bottleneck, [3, 8, 36, 3])
ResNeXt50_32X4D_Weights, resnext50_32x4d = _variant(
    "ResNeXt50_32X4D", f"50 layers, {_RESNEXT}", Bottleneck, [3, 4, 6, 3], groups=32, width_per_group=4
)
ResNeXt101_32X8D_Weights, resnext101_32x8d = _variant(
    "ResNeXt101_32X8D", f"101 layers, {_RESNEXT}", Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=8
)
ResNeXt101_64X4D_Weights, resnext101_64x4d = _variant(
    "ResNeXt101_64X4D", f"101 layers, {_RESNEXT}", Bottleneck, [3, 4, 23, 3], groups=64, width_per_group=4
)
Wide_ResNet50_2_Weights, wide_resnet50_2 = _variant(
    "Wide_ResNet50_2", f"50 layers, {_WIDE}", Bottleneck, [3, 4, 6, 3], width_per_group=128
)
Wide_ResNet101_2_Weights, wide_resnet101_2 = _variant(
    "Wide_ResNet101_2", f"101 layers, {_WIDE}", Bottleneck, [3, 4, 23, 3], width_per_group=128
)

__all__ = names_of(globals(), "ResNet")
