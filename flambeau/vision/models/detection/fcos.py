"""FCOS: Z. Tian et al., "FCOS: Fully Convolutional One-Stage Object Detection" (2019)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import flambeau
from flambeau import nn

from ...ops import generalized_box_iou_loss, sigmoid_focal_loss
from ...ops.feature_pyramid_network import LastLevelP6P7
from .._published import names_of
from ..resnet import ResNet50_Weights
from . import _utils as det_utils
from ._dense import AnchorDetector, predictions, start
from .anchor_utils import AnchorGenerator
from .faster_rcnn import Backbone, check_backbone, check_kind, detector
from .generalized_rcnn import Targets

Norm = Callable[..., Any] | None


def _tower(channels: int, count: int, norm_layer: Norm) -> nn.Sequential:
    """Convolutions of each map before what is predicted."""
    norm = partial(nn.GroupNorm, 32) if norm_layer is None else norm_layer
    layers: list[nn.Module] = []
    for _ in range(count):
        layers += [nn.Conv2d(channels, channels, kernel_size=3, stride=1, padding=1), norm(channels), nn.ReLU()]
    tower = nn.Sequential(*layers)
    start(tower, 0.01)
    return tower


def _predictor(channels: int, out: int) -> nn.Conv2d:
    conv = nn.Conv2d(channels, out, kernel_size=3, stride=1, padding=1)
    start(conv, 0.01)
    return conv


class FCOSHead(nn.Module):
    """Scores of classes, boxes, and how near the middle of them a place is, for each place of each map."""

    def __init__(self, in_channels: int, num_anchors: int, num_classes: int, num_convs: int = 4) -> None:
        super().__init__()
        self.box_coder = det_utils.BoxLinearCoder(normalize_by_size=True)
        self.classification_head = FCOSClassificationHead(in_channels, num_anchors, num_classes, num_convs)
        self.regression_head = FCOSRegressionHead(in_channels, num_anchors, num_convs)

    def compute_loss(
        self, targets: Targets, head_outputs: dict[str, Any], anchors: list[Any], matched_idxs: list[Any]
    ) -> dict[str, Any]:
        """The losses of classes, of boxes and of the middle, over how many places show something."""
        logits, differences = head_outputs["cls_logits"], head_outputs["bbox_regression"]
        classes, boxes = [], []
        for target, matched in zip(targets, matched_idxs):
            if len(target["labels"]) == 0:
                label = target["labels"].new_zeros((len(matched),))
                box = target["boxes"].new_zeros((len(matched), 4))
            else:
                nearest = matched.clip(min=0)
                label, box = target["labels"][nearest], target["boxes"][nearest]
            classes.append(label.masked_fill(matched < 0, -1))
            boxes.append(box)
        labels, truth, places = flambeau.stack(classes), flambeau.stack(boxes), flambeau.stack(anchors)
        shown = labels >= 0
        count = max(1, int(shown.sum()))
        marked = flambeau.zeros_like(logits)
        marked[shown, labels[shown]] = 1.0
        found = self.box_coder.decode(differences, places)
        sides = self.box_coder.encode(places, truth)
        across, down = sides[:, :, [0, 2]], sides[:, :, [1, 3]]
        middle = flambeau.sqrt(
            (across.min(dim=-1).values / across.max(dim=-1).values) * (down.min(dim=-1).values / down.max(dim=-1).values)
        )
        losses = {
            "classification": sigmoid_focal_loss(logits, marked, reduction="sum"),
            "bbox_regression": generalized_box_iou_loss(found[shown], truth[shown], reduction="sum"),
            "bbox_ctrness": nn.functional.binary_cross_entropy_with_logits(
                head_outputs["bbox_ctrness"].squeeze(dim=2)[shown], middle[shown], reduction="sum"
            ),
        }
        return {name: loss / count for name, loss in losses.items()}

    def forward(self, x: list[Any]) -> dict[str, Any]:
        logits = self.classification_head(x)
        differences, middle = self.regression_head(x)
        return {"cls_logits": logits, "bbox_regression": differences, "bbox_ctrness": middle}


class FCOSClassificationHead(nn.Module):
    """Scores of classes: (batch, places, ``num_classes``), which begin with a chance of ``prior_probability``."""

    def __init__(
        self, in_channels: int, num_anchors: int, num_classes: int, num_convs: int = 4, prior_probability: float = 0.01,
        norm_layer: Norm = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_classes = num_classes
        self.num_anchors = num_anchors
        self.conv = _tower(in_channels, num_convs, norm_layer)
        self.cls_logits = _predictor(in_channels, num_anchors * num_classes)
        nn.init.constant_(self.cls_logits.bias, -math.log((1 - prior_probability) / prior_probability))

    def forward(self, x: list[Any]) -> Any:
        return predictions([self.cls_logits(self.conv(each)) for each in x], self.num_classes)


class FCOSRegressionHead(nn.Module):
    """Distances of the sides of boxes (batch, places, 4), and nearness to the middle (batch, places, 1)."""

    def __init__(self, in_channels: int, num_anchors: int, num_convs: int = 4, norm_layer: Norm = None) -> None:
        super().__init__()
        self.conv = _tower(in_channels, num_convs, norm_layer)
        self.bbox_reg = _predictor(in_channels, num_anchors * 4)
        self.bbox_ctrness = _predictor(in_channels, num_anchors)

    def forward(self, x: list[Any]) -> tuple[Any, Any]:
        features = [self.conv(each) for each in x]
        sides = predictions([nn.functional.relu(self.bbox_reg(each)) for each in features], 4)
        return sides, predictions([self.bbox_ctrness(each) for each in features], 1)


class FCOS(AnchorDetector):
    """Finds boxes and their classes in one step, without anchors of several sizes."""

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
        center_sampling_radius: float = 1.5,
        score_thresh: float = 0.2,
        nms_thresh: float = 0.6,
        detections_per_img: int = 100,
        topk_candidates: int = 1000,
        **kwargs: Any,
    ) -> None:
        check_backbone(backbone)
        check_kind("anchor_generator", anchor_generator, AnchorGenerator)
        super().__init__(min_size, max_size, image_mean, image_std, **kwargs)
        self.backbone = backbone
        if anchor_generator is None:  # one for each place, as large as a step of its map
            anchor_generator = AnchorGenerator(((8,), (16,), (32,), (64,), (128,)), ((1.0,),) * 5)
        self.anchor_generator = anchor_generator
        count = anchor_generator.num_anchors_per_location()[0]
        if count != 1:
            raise ValueError(f"anchor_generator.num_anchors_per_location()[0] should be 1 instead of {count}")
        self.head = FCOSHead(backbone.out_channels, count, num_classes) if head is None else head
        self.box_coder = det_utils.BoxLinearCoder(normalize_by_size=True)
        self.center_sampling_radius = center_sampling_radius
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates

    def _matched(self, anchors: Any, boxes: Any, num_anchors_per_level: list[int]) -> Any:
        """For each place the smallest true box that it is in the middle of and whose size suits its map, or -1."""
        middles = (anchors[:, :2] + anchors[:, 2:]) / 2
        sizes = anchors[:, 2] - anchors[:, 0]
        away = (middles[:, None, :] - ((boxes[:, :2] + boxes[:, 2:]) / 2)[None, :, :]).abs().amax(dim=2)
        sides = flambeau.cat([middles[:, None] - boxes[None, :, :2], boxes[None, :, 2:] - middles[:, None]], dim=2)
        least, most = sizes * 4, sizes * 8
        least[: num_anchors_per_level[0]] = 0
        most[-num_anchors_per_level[-1] :] = float("inf")
        farthest = sides.amax(dim=2)
        fits = (away < self.center_sampling_radius * sizes[:, None]) & (sides.amin(dim=2) > 0)
        fits = fits & (farthest > least[:, None]) & (farthest < most[:, None])
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        values, matched = (fits.to(flambeau.float32) * (1e8 - areas[None, :])).max(dim=1)
        return matched.masked_fill(values < 1e-5, -1)

    def compute_loss(
        self, targets: Targets, head_outputs: dict[str, Any], anchors: list[Any], num_anchors_per_level: list[int]
    ) -> dict[str, Any]:
        """The losses of classes, of boxes and of the middle."""
        matches = []
        for places, target in zip(anchors, targets):
            if target["boxes"].numel() == 0:
                matches.append(flambeau.full((places.size(0),), -1, dtype=flambeau.int64, device=places.device))
            else:
                matches.append(self._matched(places, target["boxes"], num_anchors_per_level))
        return self.head.compute_loss(targets, head_outputs, anchors, matches)  # type: ignore[no-any-return]

    def _losses(self, targets: Any, outputs: dict[str, Any], anchors: list[Any], counts: list[int]) -> dict[str, Any]:
        return self.compute_loss(targets, outputs, anchors, counts)

    def _scores(self, outputs: dict[str, Any]) -> Any:
        return flambeau.sqrt(flambeau.sigmoid(outputs["cls_logits"]) * flambeau.sigmoid(outputs["bbox_ctrness"]))

    def _decoded(self, differences: Any, anchors: Any) -> Any:
        return self.box_coder.decode(differences, anchors)


def _make(count: int, how: Backbone, **options: Any) -> FCOS:
    pyramid = how.resnet_pyramid(returned_layers=[2, 3, 4], extra_blocks=LastLevelP6P7(256, 256))
    return FCOS(pyramid, count, **options)


FCOS_ResNet50_FPN_Weights, fcos_resnet50_fpn = detector(
    __name__, "FCOS_ResNet50_FPN", "On a ResNet of 50 layers.", ResNet50_Weights, _make
)

__all__ = names_of(globals(), "FCOS")
