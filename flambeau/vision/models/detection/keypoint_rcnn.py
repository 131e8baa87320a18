"""Keypoint R-CNN: people, and where their joints are (K. He et al., "Mask R-CNN", 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flambeau import nn

from ...ops import MultiScaleRoIAlign
from .._published import filled, model, names_of, weights_of
from .._utils import _ovewrite_value_param
from ..resnet import ResNet50_Weights
from ._utils import overwrite_eps
from .faster_rcnn import Backbone, FasterRCNN, check_kind


class KeypointRCNN(FasterRCNN):
    """Finds boxes, their classes, and keypoints. ``settings`` and ``options`` are those of :class:`FasterRCNN`."""

    def __init__(
        self, backbone: Any, num_classes: int | None = None, min_size: Any = None, *settings: Any,
        keypoint_roi_pool: Any = None, keypoint_head: Any = None, keypoint_predictor: Any = None,
        num_keypoints: int | None = None, **options: Any,
    ) -> None:  # fmt: skip
        check_kind("keypoint_roi_pool", keypoint_roi_pool, MultiScaleRoIAlign)
        if num_keypoints is not None and keypoint_predictor is not None:
            raise ValueError("num_keypoints should be None when keypoint_predictor is specified")
        if keypoint_roi_pool is None:
            keypoint_roi_pool = MultiScaleRoIAlign(["0", "1", "2", "3"], output_size=14, sampling_ratio=2)
        if keypoint_head is None:
            keypoint_head = KeypointRCNNHeads(backbone.out_channels, (512,) * 8)
        if keypoint_predictor is None:
            keypoint_predictor = KeypointRCNNPredictor(512, 17 if num_keypoints is None else num_keypoints)
        sizes = (640, 672, 704, 736, 768, 800) if min_size is None else min_size
        super().__init__(backbone, num_classes, sizes, *settings, **options)
        self.roi_heads.keypoint_roi_pool = keypoint_roi_pool
        self.roi_heads.keypoint_head = keypoint_head
        self.roi_heads.keypoint_predictor = keypoint_predictor


class KeypointRCNNHeads(nn.Sequential):
    """Convolutions of regions of maps."""

    def __init__(self, in_channels: int, layers: Sequence[int]) -> None:
        made: list[nn.Module] = []
        for out in layers:
            made += [nn.Conv2d(in_channels, out, 3, stride=1, padding=1), nn.ReLU(inplace=True)]
            in_channels = out
        super().__init__(*made)
        for module in self.children():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)


class KeypointRCNNPredictor(nn.Module):
    """A map of each keypoint, four times as large as the features."""

    def __init__(self, in_channels: int, num_keypoints: int) -> None:
        super().__init__()
        self.kps_score_lowres = nn.ConvTranspose2d(in_channels, num_keypoints, 4, stride=2, padding=1)
        nn.init.kaiming_normal_(self.kps_score_lowres.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.kps_score_lowres.bias)
        self.up_scale = 2
        self.out_channels = num_keypoints

    def forward(self, x: Any) -> Any:
        return nn.functional.interpolate(
            self.kps_score_lowres(x), scale_factor=float(self.up_scale), mode="bilinear", align_corners=False,
            recompute_scale_factor=False,
        )  # fmt: skip


KeypointRCNN_ResNet50_FPN_Weights = weights_of("KeypointRCNN_ResNet50_FPN", __name__)


def _meant(kwargs: dict[str, Any]) -> Any:
    """What ``pretrained`` means: there were weights that were replaced later."""
    legacy = kwargs["pretrained"] == "legacy"
    return KeypointRCNN_ResNet50_FPN_Weights["COCO_LEGACY" if legacy else "COCO_V1"]


@model(KeypointRCNN_ResNet50_FPN_Weights, legacy=_meant, weights_backbone=ResNet50_Weights.IMAGENET1K_V1)
def keypointrcnn_resnet50_fpn(
    *, weights: Any = None, progress: bool = True, num_classes: int | None = None, num_keypoints: int | None = None,
    weights_backbone: Any = ResNet50_Weights.IMAGENET1K_V1, trainable_backbone_layers: int | None = None, **kwargs: Any,
) -> KeypointRCNN:  # fmt: skip
    """On a ResNet of 50 layers."""
    if weights is not None:
        weights_backbone = None
        num_classes = _ovewrite_value_param("num_classes", num_classes, len(weights.meta["categories"]))
        num_keypoints = _ovewrite_value_param("num_keypoints", num_keypoints, len(weights.meta["keypoint_names"]))
    trained = weights is not None or weights_backbone is not None
    how = Backbone(weights_backbone, trained, trainable_backbone_layers, progress)
    network = KeypointRCNN(
        how.resnet_pyramid(), 2 if num_classes is None else num_classes,
        num_keypoints=17 if num_keypoints is None else num_keypoints, **kwargs,
    )  # fmt: skip
    filled(network, weights, progress)
    if weights is KeypointRCNN_ResNet50_FPN_Weights.COCO_V1:
        overwrite_eps(network, 0.0)
    return network


__all__ = names_of(globals(), "KeypointRCNN")
