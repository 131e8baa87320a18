"""Fully convolutional networks: J. Long et al., "Fully Convolutional Networks for Semantic Segmentation" (2014)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau import nn

from .._published import names_of
from ..resnet import ResNet50_Weights, ResNet101_Weights, resnet50, resnet101
from ._utils import _SimpleSegmentationModel, resnet_features, segmentation


class FCN(_SimpleSegmentationModel):
    """A fully convolutional network."""


class FCNHead(nn.Sequential):
    """Two convolutions that make classes of features."""

    def __init__(self, in_channels: int, channels: int) -> None:
        narrow = in_channels // 4
        super().__init__(
            nn.Conv2d(in_channels, narrow, 3, padding=1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU(), nn.Dropout(0.1),
            nn.Conv2d(narrow, channels, 1),
        )  # fmt: skip


def _make(backbone: Any, num_classes: int, aux: bool | None) -> FCN:
    features, last, before = resnet_features(backbone, aux)
    return FCN(features, FCNHead(last, num_classes), FCNHead(before, num_classes) if aux else None)


def _variant(name: str, backbone: Callable[..., Any], weights: Any) -> tuple[Any, Callable[..., FCN]]:
    return segmentation(
        __name__, f"FCN_{name}", f"On a {name}.", backbone, weights, _make,
        replace_stride_with_dilation=[False, True, True],
    )  # fmt: skip


FCN_ResNet50_Weights, fcn_resnet50 = _variant("ResNet50", resnet50, ResNet50_Weights)
FCN_ResNet101_Weights, fcn_resnet101 = _variant("ResNet101", resnet101, ResNet101_Weights)

__all__ = names_of(globals(), "FCN")
