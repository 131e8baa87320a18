"""RetinaNet: T. Lin et al., "Focal Loss for Dense Object Detection" (2017)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import flambeau
from flambeau import nn

from ...ops import boxes as box_ops
from ...ops import misc as misc_nn_ops
from ...ops import sigmoid_focal_loss
from ...ops.feature_pyramid_network import LastLevelP6P7
from .._published import names_of
from ..resnet import ResNet50_Weights
from . import _utils as det_utils
from ._dense import AnchorDetector, predictions, start
from .anchor_utils import AnchorGenerator
from .faster_rcnn import Backbone, check_backbone, check_kind, detector
from .generalized_rcnn import Targets

Norm = Callable[..., Any] | None


def _default_anchorgen() -> AnchorGenerator:
    sizes = tuple((x, int(x * 2 ** (1.0 / 3)), int(x * 2 ** (2.0 / 3))) for x in (32, 64, 128, 256, 512))
    return AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes))


class _Tower(nn.Module):
    """Four convolutions of each map before what is predicted."""

    _version = 2

    def __init__(self, in_channels: int, norm_layer: Norm) -> None:
        super().__init__()
        conv = partial(misc_nn_ops.Conv2dNormActivation, in_channels, in_channels, norm_layer=norm_layer)
        self.conv = nn.Sequential(*(conv() for _ in range(4)))
        start(self.conv, 0.01)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        if (local_metadata.get("version") or 1) < 2:  # convolutions and activations were one list
            for i in range(4):
                for kind in ("weight", "bias"):
                    if (old := f"{prefix}conv.{2 * i}.{kind}") in state_dict:
                        state_dict[f"{prefix}conv.{i}.0.{kind}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class RetinaNetHead(nn.Module):
    """Scores of classes and boxes, for each anchor of each map."""

    def __init__(self, in_channels: int, num_anchors: int, num_classes: int, norm_layer: Norm = None) -> None:
        super().__init__()
        self.classification_head = RetinaNetClassificationHead(
            in_channels, num_anchors, num_classes, norm_layer=norm_layer
        )
        self.regression_head = RetinaNetRegressionHead(in_channels, num_anchors, norm_layer=norm_layer)

    def compute_loss(
        self, targets: Targets, head_outputs: dict[str, Any], anchors: list[Any], matched_idxs: list[Any]
    ) -> dict[str, Any]:
        """The losses of classes and of boxes."""
        return {
            "classification": self.classification_head.compute_loss(targets, head_outputs, matched_idxs),
            "bbox_regression": self.regression_head.compute_loss(targets, head_outputs, anchors, matched_idxs),
        }

    def forward(self, x: list[Any]) -> dict[str, Any]:
        return {"cls_logits": self.classification_head(x), "bbox_regression": self.regression_head(x)}


class RetinaNetClassificationHead(_Tower):
    """Scores of classes: (batch, anchors, ``num_classes``), which begin with a chance of ``prior_probability``."""

    def __init__(
        self, in_channels: int, num_anchors: int, num_classes: int, prior_probability: float = 0.01, norm_layer: Norm = None
    ) -> None:
        super().__init__(in_channels, norm_layer)
        self.cls_logits = nn.Conv2d(in_channels, num_anchors * num_classes, kernel_size=3, stride=1, padding=1)
        start(self.cls_logits, 0.01)
        nn.init.constant_(self.cls_logits.bias, -math.log((1 - prior_probability) / prior_probability))
        self.num_classes = num_classes
        self.num_anchors = num_anchors
        self.BETWEEN_THRESHOLDS = det_utils.Matcher.BETWEEN_THRESHOLDS

    def compute_loss(self, targets: Targets, head_outputs: dict[str, Any], matched_idxs: list[Any]) -> Any:
        """The focal loss of classes, over how many anchors show something; the mean of the pictures."""
        losses = []
        for target, logits, matched in zip(targets, head_outputs["cls_logits"], matched_idxs):
            shown = flambeau.where(matched >= 0)[0]
            truth = flambeau.zeros_like(logits)
            truth[shown, target["labels"][matched[shown]]] = 1.0
            valid = matched != self.BETWEEN_THRESHOLDS
            losses.append(sigmoid_focal_loss(logits[valid], truth[valid], reduction="sum") / max(1, shown.numel()))
        return sum(losses[1:], losses[0]) / len(targets)

    def forward(self, x: list[Any]) -> Any:
        return predictions([self.cls_logits(self.conv(each)) for each in x], self.num_classes)


class RetinaNetRegressionHead(_Tower):
    """Differences of boxes from anchors: (batch, anchors, 4)."""

    def __init__(self, in_channels: int, num_anchors: int, norm_layer: Norm = None) -> None:
        super().__init__(in_channels, norm_layer)
        self.bbox_reg = nn.Conv2d(in_channels, num_anchors * 4, kernel_size=3, stride=1, padding=1)
        start(self.bbox_reg, 0.01)
        self.box_coder = det_utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self._loss_type = "l1"

    def compute_loss(
        self, targets: Targets, head_outputs: dict[str, Any], anchors: list[Any], matched_idxs: list[Any]
    ) -> Any:
        """The loss of boxes, over how many anchors show something; the mean of the pictures."""
        losses = []
        for target, found, boxes, matched in zip(targets, head_outputs["bbox_regression"], anchors, matched_idxs):
            shown = flambeau.where(matched >= 0)[0]
            truth = target["boxes"][matched[shown]]
            loss = det_utils._box_loss(self._loss_type, self.box_coder, boxes[shown, :], truth, found[shown, :])
            losses.append(loss / max(1, shown.numel()))
        return sum(losses[1:], losses[0]) / max(1, len(targets))

    def forward(self, x: list[Any]) -> Any:
        return predictions([self.bbox_reg(self.conv(each)) for each in x], 4)


class RetinaNet(AnchorDetector):
    """Finds boxes and their classes in one step. Classes are counted from 0; there is none for the background."""

    def __init__(
        self,
        backbone: Any,
        num_classes: int,
        min_size: Any = 800,
        max_size: int = 1333,
        image_mean: Any = None,
        image_std: Any = None,
        anchor_generator: Any = None,
        head: Any = None,
        proposal_matcher: Any = None,
        score_thresh: float = 0.05,
        nms_thresh: float = 0.5,
        detections_per_img: int = 300,
        fg_iou_thresh: float = 0.5,
        bg_iou_thresh: float = 0.4,
        topk_candidates: int = 1000,
        **kwargs: Any,
    ) -> None:
        check_backbone(backbone)
        check_kind("anchor_generator", anchor_generator, AnchorGenerator)
        super().__init__(min_size, max_size, image_mean, image_std, **kwargs)
        self.backbone = backbone
        self.anchor_generator = _default_anchorgen() if anchor_generator is None else anchor_generator
        if head is None:
            anchors = self.anchor_generator.num_anchors_per_location()[0]
            head = RetinaNetHead(backbone.out_channels, anchors, num_classes)
        self.head = head
        if proposal_matcher is None:
            proposal_matcher = det_utils.Matcher(fg_iou_thresh, bg_iou_thresh, allow_low_quality_matches=True)
        self.proposal_matcher = proposal_matcher
        self.box_coder = det_utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates

    def compute_loss(self, targets: Targets, head_outputs: dict[str, Any], anchors: list[Any]) -> Any:
        """The losses of classes and of boxes."""
        matches = []
        for boxes, target in zip(anchors, targets):
            if target["boxes"].numel() == 0:
                matches.append(flambeau.full((boxes.size(0),), -1, dtype=flambeau.int64, device=boxes.device))
            else:
                matches.append(self.proposal_matcher(box_ops.box_iou(target["boxes"], boxes)))
        return self.head.compute_loss(targets, head_outputs, anchors, matches)

    def _losses(self, targets: Any, outputs: dict[str, Any], anchors: list[Any], counts: list[int]) -> dict[str, Any]:
        return self.compute_loss(targets, outputs, anchors)  # type: ignore[no-any-return]

    def _scores(self, outputs: dict[str, Any]) -> Any:
        return flambeau.sigmoid(outputs["cls_logits"])

    def _decoded(self, differences: Any, anchors: Any) -> Any:
        return self.box_coder.decode_single(differences, anchors)


def _first(count: int, how: Backbone, **options: Any) -> RetinaNet:
    pyramid = how.resnet_pyramid(returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(256, 256))
    return RetinaNet(pyramid, count, **options)


def _second(count: int, how: Backbone, **options: Any) -> RetinaNet:
    pyramid = how.resnet_pyramid(frozen=False, returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(2048, 256))
    anchors = _default_anchorgen()
    norm = partial(nn.GroupNorm, 32)
    head = RetinaNetHead(pyramid.out_channels, anchors.num_anchors_per_location()[0], count, norm_layer=norm)
    head.regression_head._loss_type = "giou"
    return RetinaNet(pyramid, count, anchor_generator=anchors, head=head, **options)


RetinaNet_ResNet50_FPN_Weights, retinanet_resnet50_fpn = detector(
    __name__, "RetinaNet_ResNet50_FPN", "On a ResNet of 50 layers.", ResNet50_Weights, _first, eps=True
)
RetinaNet_ResNet50_FPN_V2_Weights, retinanet_resnet50_fpn_v2 = detector(
    __name__, "RetinaNet_ResNet50_FPN_V2", "With normalisations in its head.", ResNet50_Weights, _second, by_default=False
)

__all__ = names_of(globals(), "RetinaNet")
