"""DeepLab v3: L. Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation" (2017)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import flambeau
from flambeau import nn

from .._published import names_of
from ..mobilenetv3 import MobileNet_V3_Large_Weights, mobilenet_v3_large
from ..resnet import ResNet50_Weights, ResNet101_Weights, resnet50, resnet101
from ._utils import _SimpleSegmentationModel, enlarged, mobilenet_features, resnet_features, segmentation
from .fcn import FCNHead


class DeepLabV3(_SimpleSegmentationModel):
    """DeepLab v3."""


def _conv(channels: int, out: int, **options: Any) -> list[nn.Module]:
    return [nn.Conv2d(channels, out, bias=False, **options), nn.BatchNorm2d(out), nn.ReLU()]


class DeepLabHead(nn.Sequential):
    """Makes classes of features."""

    def __init__(self, in_channels: int, num_classes: int, atrous_rates: Sequence[int] = (12, 24, 36)) -> None:
        pyramid = ASPP(in_channels, atrous_rates)
        super().__init__(pyramid, *_conv(256, 256, kernel_size=3, padding=1), nn.Conv2d(256, num_classes, 1))


class ASPPConv(nn.Sequential):
    """A 3x3 convolution of places that are ``dilation`` apart."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__(*_conv(in_channels, out_channels, kernel_size=3, padding=dilation, dilation=dilation))


class ASPPPooling(nn.Sequential):
    """The mean of all places, the same at each."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(1), *_conv(in_channels, out_channels, kernel_size=1))

    def forward(self, x: Any) -> Any:
        return enlarged(super().forward(x), x)


class ASPP(nn.Module):
    """Convolutions of several widths, and a mean, side by side ("atrous spatial pyramid pooling")."""

    def __init__(self, in_channels: int, atrous_rates: Sequence[int], out_channels: int = 256) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                nn.Sequential(*_conv(in_channels, out_channels, kernel_size=1)),
                *(ASPPConv(in_channels, out_channels, rate) for rate in atrous_rates),
                ASPPPooling(in_channels, out_channels),
            ]
        )
        joined = len(self.convs) * out_channels
        self.project = nn.Sequential(*_conv(joined, out_channels, kernel_size=1), nn.Dropout(0.5))

    def forward(self, x: Any) -> Any:
        return self.project(flambeau.cat([conv(x) for conv in self.convs], dim=1))


def _make(features: nn.Module, last: int, before: int, num_classes: int, aux: bool | None) -> DeepLabV3:
    auxiliary = FCNHead(before, num_classes) if aux else None
    return DeepLabV3(features, DeepLabHead(last, num_classes), auxiliary)


def _on_resnet(backbone: Any, num_classes: int, aux: bool | None) -> DeepLabV3:
    return _make(*resnet_features(backbone, aux), num_classes, aux)


def _on_mobilenet(backbone: Any, num_classes: int, aux: bool | None) -> DeepLabV3:
    features, channels = mobilenet_features(backbone, {"out": -1, **({"aux": -4} if aux else {})})
    return _make(features, channels[0], channels[-1], num_classes, aux)


def _variant(name: str, backbone: Callable[..., Any], weights: Any) -> tuple[Any, Callable[..., DeepLabV3]]:
    mobile = name.startswith("Mobile")
    spread: dict[str, Any] = {"dilated": True} if mobile else {"replace_stride_with_dilation": [False, True, True]}
    make = _on_mobilenet if mobile else _on_resnet
    return segmentation(__name__, f"DeepLabV3_{name}", f"On a {name}.", backbone, weights, make, **spread)


DeepLabV3_ResNet50_Weights, deeplabv3_resnet50 = _variant("ResNet50", resnet50, ResNet50_Weights)
DeepLabV3_ResNet101_Weights, deeplabv3_resnet101 = _variant("ResNet101", resnet101, ResNet101_Weights)
DeepLabV3_MobileNet_V3_Large_Weights, deeplabv3_mobilenet_v3_large = _variant(
    "MobileNet_V3_Large", mobilenet_v3_large, MobileNet_V3_Large_Weights
)

__all__ = names_of(globals(), "DeepLabV3")
