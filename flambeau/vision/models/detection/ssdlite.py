"""SSDlite: SSD of depthwise convolutions (M. Sandler et al., "MobileNetV2", 2018; A. Howard et al., 2019)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from flambeau import nn

from ...ops.misc import Conv2dNormActivation
from .._published import names_of
from ..mobilenetv3 import MobileNet_V3_Large_Weights, mobilenet_v3_large
from . import _utils as det_utils
from ._dense import start
from .anchor_utils import DefaultBoxGenerator
from .backbone_utils import freeze, stages_of
from .faster_rcnn import Backbone, detector
from .ssd import SSD, SSDScoringHead, check_maps, fixed_size

Norm = Callable[..., Any]


def _prediction_block(in_channels: int, out_channels: int, kernel_size: int, norm_layer: Norm) -> nn.Sequential:
    conv = Conv2dNormActivation(
        in_channels, in_channels, kernel_size=kernel_size, groups=in_channels, norm_layer=norm_layer,
        activation_layer=nn.ReLU6,
    )  # fmt: skip
    return nn.Sequential(conv, nn.Conv2d(in_channels, out_channels, 1))


def _extra_block(in_channels: int, out_channels: int, norm_layer: Norm) -> nn.Sequential:
    conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.ReLU6)
    narrow = out_channels // 2
    return nn.Sequential(
        conv(in_channels, narrow, kernel_size=1),
        conv(narrow, narrow, kernel_size=3, stride=2, groups=narrow),
        conv(narrow, out_channels, kernel_size=1),
    )


def _normal_init(conv: nn.Module) -> None:
    start(conv, 0.03)


def _blocks(in_channels: list[int], num_anchors: list[int], columns: int, norm_layer: Norm) -> nn.ModuleList:
    made = nn.ModuleList(
        _prediction_block(channels, columns * anchors, 3, norm_layer)
        for channels, anchors in zip(in_channels, num_anchors)
    )
    _normal_init(made)
    return made


class SSDLiteHead(nn.Module):
    """Scores of classes and boxes, for each anchor of each map."""

    def __init__(self, in_channels: list[int], num_anchors: list[int], num_classes: int, norm_layer: Norm) -> None:
        super().__init__()
        self.classification_head = SSDLiteClassificationHead(in_channels, num_anchors, num_classes, norm_layer)
        self.regression_head = SSDLiteRegressionHead(in_channels, num_anchors, norm_layer)

    def forward(self, x: list[Any]) -> dict[str, Any]:
        return {"bbox_regression": self.regression_head(x), "cls_logits": self.classification_head(x)}


class SSDLiteClassificationHead(SSDScoringHead):
    """Scores of classes."""

    def __init__(self, in_channels: list[int], num_anchors: list[int], num_classes: int, norm_layer: Norm) -> None:
        super().__init__(_blocks(in_channels, num_anchors, num_classes, norm_layer), num_classes)


class SSDLiteRegressionHead(SSDScoringHead):
    """Differences of boxes from anchors."""

    def __init__(self, in_channels: list[int], num_anchors: list[int], norm_layer: Norm) -> None:
        super().__init__(_blocks(in_channels, num_anchors, 4, norm_layer), 4)


class SSDLiteFeatureExtractorMobileNet(nn.Module):
    """Six maps of a MobileNet's and further layers."""

    def __init__(
        self, backbone: Any, c4_pos: int, norm_layer: Norm, width_mult: float = 1.0, min_depth: int = 16
    ) -> None:
        super().__init__()
        if backbone[c4_pos].use_res_connect:
            raise ValueError("backbone[c4_pos].use_res_connect should be False")
        block = backbone[c4_pos].block
        self.features = nn.Sequential(  # the first map is from inside of a block, where it is wide
            nn.Sequential(*backbone[:c4_pos], block[0]), nn.Sequential(block[1:], *backbone[c4_pos + 1 :])
        )
        widths = [max(min_depth, int(width * width_mult)) for width in (512, 256, 256, 128)]
        inputs = [backbone[-1].out_channels, *widths]
        extra = nn.ModuleList(_extra_block(channels, out, norm_layer) for channels, out in zip(inputs, widths))
        _normal_init(extra)
        self.extra = extra

    def forward(self, x: Any) -> dict[str, Any]:
        maps = []
        for block in (*self.features, *self.extra):
            x = block(x)
            maps.append(x)
        return OrderedDict((str(i), each) for i, each in enumerate(maps))


def _mobilenet_extractor(backbone: Any, trainable_layers: int, norm_layer: Norm) -> SSDLiteFeatureExtractorMobileNet:
    features = backbone.features
    stages = stages_of(features)
    if not 0 <= trainable_layers <= len(stages):
        raise ValueError(f"trainable_layers should be in the range [0, {len(stages)}], instead got {trainable_layers}")
    freeze(features, stages, trainable_layers)
    return SSDLiteFeatureExtractorMobileNet(features, stages[-2], norm_layer)


def _make(count: int, how: Backbone, norm_layer: Norm | None = None, **options: Any) -> SSD:
    fixed_size(options)
    layers = how.layers(6, 6)
    norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03) if norm_layer is None else norm_layer
    # Weights for classification are there for the whole width only.
    network = mobilenet_v3_large(
        weights=how.weights, progress=how.progress, norm_layer=norm, reduced_tail=how.weights is None, **options
    )
    if how.weights is None:
        _normal_init(network)
    size = (320, 320)
    backbone = _mobilenet_extractor(network, layers, norm)
    anchors = DefaultBoxGenerator([[2, 3] for _ in range(6)], min_ratio=0.2, max_ratio=0.95)
    channels = det_utils.retrieve_out_channels(backbone, size)
    check_maps(channels, anchors)
    head = SSDLiteHead(channels, anchors.num_anchors_per_location(), count, norm)
    defaults = {
        "score_thresh": 0.001, "nms_thresh": 0.55, "detections_per_img": 300, "topk_candidates": 300,
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    }  # fmt: skip
    return SSD(backbone, anchors, size, count, head=head, **{**defaults, **options})


SSDLite320_MobileNet_V3_Large_Weights, ssdlite320_mobilenet_v3_large = detector(
    __name__, "SSDLite320_MobileNet_V3_Large", "On a large MobileNet v3, for pictures of 320x320 pixels.",
    MobileNet_V3_Large_Weights, _make,
)  # fmt: skip

__all__ = names_of(globals())
