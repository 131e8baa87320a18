"""Regions that may show something: S. Ren et al., "Faster R-CNN" (2015)."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn import functional as F

from ...ops import boxes as box_ops
from ...ops.misc import Conv2dNormActivation
from . import _utils as det_utils
from .anchor_utils import AnchorGenerator
from .image_list import ImageList

Targets = list[dict[str, Any]]


class RPNHead(nn.Module):
    """For each anchor of each map, whether it shows something, and its difference from what it shows."""

    _version = 2

    def __init__(self, in_channels: int, num_anchors: int, conv_depth: int = 1) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            *(Conv2dNormActivation(in_channels, in_channels, kernel_size=3, norm_layer=None) for _ in range(conv_depth))
        )
        self.cls_logits = nn.Conv2d(in_channels, num_anchors, kernel_size=1, stride=1)
        self.bbox_pred = nn.Conv2d(in_channels, num_anchors * 4, kernel_size=1, stride=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        if (local_metadata.get("version") or 1) < 2:  # there was one convolution
            for kind in ("weight", "bias"):
                if (old := f"{prefix}conv.{kind}") in state_dict:
                    state_dict[f"{prefix}conv.0.0.{kind}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def forward(self, x: list[Any]) -> tuple[list[Any], list[Any]]:
        features = [self.conv(each) for each in x]
        return [self.cls_logits(each) for each in features], [self.bbox_pred(each) for each in features]


def permute_and_flatten(layer: Any, N: int, A: int, C: int, H: int, W: int) -> Any:
    """A map (N, A * C, H, W) as (N, H * W * A, C)."""
    return layer.view(N, -1, C, H, W).permute(0, 3, 4, 1, 2).reshape(N, -1, C)


def rows_of(layer: Any, columns: int) -> Any:
    """A map (batch, anchors * columns, height, width) as (batch, height * width * anchors, columns)."""
    batch, channels, height, width = layer.shape
    return permute_and_flatten(layer, batch, channels // columns, columns, height, width)


def concat_box_prediction_layers(box_cls: list[Any], box_regression: list[Any]) -> tuple[Any, Any]:
    """The predictions of all maps: (pictures * anchors, classes) and (pictures * anchors, 4)."""
    classes, differences = [], []
    for scores, boxes in zip(box_cls, box_regression):
        anchors = boxes.shape[1] // 4
        classes.append(rows_of(scores, scores.shape[1] // anchors))
        differences.append(rows_of(boxes, 4))
    return flambeau.cat(classes, dim=1).flatten(0, -2), flambeau.cat(differences, dim=1).reshape(-1, 4)


class RegionProposalNetwork(nn.Module):
    """Regions that may show something, at most ``post_nms_top_n`` in each picture, and losses while it trains."""

    def __init__(
        self,
        anchor_generator: AnchorGenerator,
        head: nn.Module,
        fg_iou_thresh: float,
        bg_iou_thresh: float,
        batch_size_per_image: int,
        positive_fraction: float,
        pre_nms_top_n: dict[str, int],
        post_nms_top_n: dict[str, int],
        nms_thresh: float,
        score_thresh: float = 0.0,
    ) -> None:
        super().__init__()
        self.anchor_generator = anchor_generator
        self.head = head
        self.box_coder = det_utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self.box_similarity = box_ops.box_iou
        self.proposal_matcher = det_utils.Matcher(fg_iou_thresh, bg_iou_thresh, allow_low_quality_matches=True)
        self.fg_bg_sampler = det_utils.BalancedPositiveNegativeSampler(batch_size_per_image, positive_fraction)
        self._pre_nms_top_n = pre_nms_top_n
        self._post_nms_top_n = post_nms_top_n
        self.nms_thresh = nms_thresh
        self.score_thresh = score_thresh
        self.min_size = 1e-3

    def pre_nms_top_n(self) -> int:
        """How many of each map are looked at."""
        return self._pre_nms_top_n["training" if self.training else "testing"]

    def post_nms_top_n(self) -> int:
        """How many of each picture are kept."""
        return self._post_nms_top_n["training" if self.training else "testing"]

    def assign_targets_to_anchors(self, anchors: list[Any], targets: Targets) -> tuple[list[Any], list[Any]]:
        """For each anchor of each picture whether it shows something (1, 0, or -1 for neither), and the box of that."""
        labels, matched_boxes = [], []
        for boxes, target in zip(anchors, targets):
            truth = target["boxes"]
            if truth.numel() == 0:
                matched_boxes.append(flambeau.zeros(boxes.shape, dtype=flambeau.float32, device=boxes.device))
                labels.append(flambeau.zeros((boxes.shape[0],), dtype=flambeau.float32, device=boxes.device))
                continue
            matched = self.proposal_matcher(self.box_similarity(truth, boxes))
            matched_boxes.append(truth[matched.clamp(min=0)])
            shown = (matched >= 0).to(dtype=flambeau.float32)
            labels.append(shown.masked_fill(matched == self.proposal_matcher.BETWEEN_THRESHOLDS, -1.0))
        return labels, matched_boxes

    def _get_top_n_idx(self, objectness: Any, num_anchors_per_level: list[int]) -> Any:
        """The anchors of each map that most likely show something: (pictures, count)."""
        found, offset = [], 0
        for scores in objectness.split(num_anchors_per_level, 1):
            count = det_utils._topk_min(scores, self.pre_nms_top_n(), 1)
            found.append(scores.topk(count, dim=1).indices + offset)
            offset += scores.shape[1]
        return flambeau.cat(found, dim=1)

    def filter_proposals(
        self, proposals: Any, objectness: Any, image_shapes: list[tuple[int, int]], num_anchors_per_level: list[int]
    ) -> tuple[list[Any], list[Any]]:
        """The boxes that most likely show something, and how likely, without those that are much like others."""
        pictures = proposals.shape[0]
        objectness = objectness.detach().reshape(pictures, -1)
        numbers = [flambeau.full((n,), i, dtype=flambeau.int64) for i, n in enumerate(num_anchors_per_level)]
        levels = flambeau.cat(numbers, 0).reshape(1, -1).expand_as(objectness)
        top = self._get_top_n_idx(objectness, num_anchors_per_level)
        rows = flambeau.arange(pictures, device=proposals.device)[:, None]
        chances = flambeau.sigmoid(objectness[rows, top])
        found = []
        for boxes, scores, level, shape in zip(proposals[rows, top], chances, levels[rows, top], image_shapes):
            boxes = box_ops.clip_boxes_to_image(boxes, shape)
            keep = box_ops.remove_small_boxes(boxes, self.min_size)
            boxes, scores, level = boxes[keep], scores[keep], level[keep]
            keep = flambeau.where(scores >= self.score_thresh)[0]
            boxes, scores, level = boxes[keep], scores[keep], level[keep]
            keep = box_ops.batched_nms(boxes, scores, level, self.nms_thresh)[: self.post_nms_top_n()]
            found.append((boxes[keep], scores[keep]))
        return [boxes for boxes, _ in found], [scores for _, scores in found]

    def compute_loss(
        self, objectness: Any, pred_bbox_deltas: Any, labels: list[Any], regression_targets: list[Any]
    ) -> tuple[Any, Any]:
        """The losses of whether anchors show something, and of boxes, over a random choice of them."""
        positive, negative = (
            flambeau.where(flambeau.cat(masks, dim=0))[0] for masks in self.fg_bg_sampler(labels)
        )
        chosen = flambeau.cat([positive, negative], dim=0)
        targets = flambeau.cat(regression_targets, dim=0)[positive]
        boxes = F.smooth_l1_loss(pred_bbox_deltas[positive], targets, beta=1 / 9, reduction="sum") / chosen.numel()
        truth = flambeau.cat(labels, dim=0)[chosen]
        return F.binary_cross_entropy_with_logits(objectness.flatten()[chosen], truth), boxes

    def forward(
        self, images: ImageList, features: dict[str, Any], targets: Targets | None = None
    ) -> tuple[list[Any], dict[str, Any]]:
        maps = list(features.values())
        scores, differences = self.head(maps)
        anchors = self.anchor_generator(images, maps)
        counts = [each[0].numel() for each in scores]
        objectness, deltas = concat_box_prediction_layers(scores, differences)
        proposals = self.box_coder.decode(deltas.detach(), anchors).view(len(anchors), -1, 4)
        boxes, _ = self.filter_proposals(proposals, objectness, images.image_sizes, counts)
        if not self.training:
            return boxes, {}
        if targets is None:
            raise ValueError("targets should not be None")
        labels, matched = self.assign_targets_to_anchors(anchors, targets)
        regression = self.box_coder.encode(matched, anchors)
        loss_objectness, loss_boxes = self.compute_loss(objectness, deltas, labels, regression)
        return boxes, {"loss_objectness": loss_objectness, "loss_rpn_box_reg": loss_boxes}
