"""A small head for segmentation: A. Howard et al., "Searching for MobileNetV3" (2019)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from flambeau import nn

from .._published import names_of
from ..mobilenetv3 import MobileNet_V3_Large_Weights, mobilenet_v3_large
from ._utils import enlarged, mobilenet_features, segmentation


class LRASPP(nn.Module):
    """Classes of pixels (batch, ``num_classes``, height, width) as ``"out"``.

    ``backbone`` gives features of two sizes, ``"low"`` (of pictures, the larger ones) and ``"high"``.
    """

    def __init__(
        self, backbone: nn.Module, low_channels: int, high_channels: int, num_classes: int, inter_channels: int = 128
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = LRASPPHead(low_channels, high_channels, num_classes, inter_channels)

    def forward(self, input: Any) -> dict[str, Any]:
        return OrderedDict(out=enlarged(self.classifier(self.backbone(input)), input))


class LRASPPHead(nn.Module):
    """Makes classes of features of two sizes."""

    def __init__(self, low_channels: int, high_channels: int, num_classes: int, inter_channels: int) -> None:
        super().__init__()
        self.cbr = nn.Sequential(
            nn.Conv2d(high_channels, inter_channels, 1, bias=False), nn.BatchNorm2d(inter_channels), nn.ReLU(inplace=True)
        )
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(high_channels, inter_channels, 1, bias=False), nn.Sigmoid()
        )
        self.low_classifier = nn.Conv2d(low_channels, num_classes, 1)
        self.high_classifier = nn.Conv2d(inter_channels, num_classes, 1)

    def forward(self, input: dict[str, Any]) -> Any:
        low, high = input["low"], input["high"]
        x = enlarged(self.cbr(high) * self.scale(high), low)
        return self.low_classifier(low) + self.high_classifier(x)


def _make(backbone: Any, num_classes: int, aux: bool | None) -> LRASPP:
    features, (low, high) = mobilenet_features(backbone, {"low": -4, "high": -1})
    return LRASPP(features, low, high, num_classes)


LRASPP_MobileNet_V3_Large_Weights, lraspp_mobilenet_v3_large = segmentation(
    __name__, "LRASPP_MobileNet_V3_Large", "On a large MobileNet v3.", mobilenet_v3_large, MobileNet_V3_Large_Weights,
    _make, auxiliary=False, dilated=True,
)  # fmt: skip

__all__ = names_of(globals(), "LRASPP")
