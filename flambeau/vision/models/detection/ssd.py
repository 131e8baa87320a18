"""SSD: W. Liu et al., "SSD: Single Shot MultiBox Detector" (2015)."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn import functional as F

from ...ops import boxes as box_ops
from .._published import names_of
from ..vgg import VGG16_Weights, vgg16
from . import _utils as det_utils
from ._dense import DenseDetector, predictions
from .anchor_utils import DefaultBoxGenerator
from .backbone_utils import freeze
from .faster_rcnn import Backbone, detector
from .generalized_rcnn import Targets


def _xavier_init(conv: nn.Module) -> None:
    for module in conv.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.constant_(module.bias, 0.0)


class SSDHead(nn.Module):
    """Scores of classes and boxes, for each anchor of each map."""

    def __init__(self, in_channels: list[int], num_anchors: list[int], num_classes: int) -> None:
        super().__init__()
        self.classification_head: nn.Module = SSDClassificationHead(in_channels, num_anchors, num_classes)
        self.regression_head: nn.Module = SSDRegressionHead(in_channels, num_anchors)

    def forward(self, x: list[Any]) -> dict[str, Any]:
        return {"bbox_regression": self.regression_head(x), "cls_logits": self.classification_head(x)}


class SSDScoringHead(nn.Module):
    """A module for each map: (batch, anchors, ``num_columns``)."""

    def __init__(self, module_list: nn.ModuleList, num_columns: int) -> None:
        super().__init__()
        self.module_list = module_list
        self.num_columns = num_columns

    def forward(self, x: list[Any]) -> Any:
        return predictions([module(each) for module, each in zip(self.module_list, x)], self.num_columns)


def _convolutions(in_channels: list[int], num_anchors: list[int], columns: int) -> nn.ModuleList:
    made = nn.ModuleList(
        nn.Conv2d(channels, columns * anchors, kernel_size=3, padding=1)
        for channels, anchors in zip(in_channels, num_anchors)
    )
    _xavier_init(made)
    return made


class SSDClassificationHead(SSDScoringHead):
    """Scores of classes."""

    def __init__(self, in_channels: list[int], num_anchors: list[int], num_classes: int) -> None:
        super().__init__(_convolutions(in_channels, num_anchors, num_classes), num_classes)


class SSDRegressionHead(SSDScoringHead):
    """Differences of boxes from anchors."""

    def __init__(self, in_channels: list[int], num_anchors: list[int]) -> None:
        super().__init__(_convolutions(in_channels, num_anchors, 4), 4)


class SSD(DenseDetector):
    """Finds boxes and their classes in one step, in pictures resized to ``size`` (width, height); class 0 is none."""

    def __init__(
        self,
        backbone: Any,
        anchor_generator: DefaultBoxGenerator,
        size: tuple[int, int],
        num_classes: int,
        image_mean: Any = None,
        image_std: Any = None,
        head: Any = None,
        score_thresh: float = 0.01,
        nms_thresh: float = 0.45,
        detections_per_img: int = 200,
        iou_thresh: float = 0.5,
        topk_candidates: int = 400,
        positive_fraction: float = 0.25,
        **kwargs: Any,
    ) -> None:
        super().__init__(min(size), max(size), image_mean, image_std, size_divisible=1, fixed_size=size, **kwargs)
        self.backbone = backbone
        self.anchor_generator = anchor_generator
        self.box_coder = det_utils.BoxCoder(weights=(10.0, 10.0, 5.0, 5.0))
        if head is None:
            channels = getattr(backbone, "out_channels", None) or det_utils.retrieve_out_channels(backbone, size)
            check_maps(channels, anchor_generator)
            head = SSDHead(channels, anchor_generator.num_anchors_per_location(), num_classes)
        self.head = head
        self.proposal_matcher = det_utils.SSDMatcher(iou_thresh)
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates
        self.neg_to_pos_ratio = (1.0 - positive_fraction) / positive_fraction

    def compute_loss(
        self, targets: Targets, head_outputs: dict[str, Any], anchors: list[Any], matched_idxs: list[Any]
    ) -> dict[str, Any]:
        """The losses of classes and of boxes. Of anchors that show nothing, those with the largest losses count."""
        box_losses, classes, count = [], [], 0
        logits = head_outputs["cls_logits"]
        for target, found, boxes, matched in zip(targets, head_outputs["bbox_regression"], anchors, matched_idxs):
            shown = flambeau.where(matched >= 0)[0]
            nearest = matched[shown]
            count += nearest.numel()
            truth = self.box_coder.encode_single(target["boxes"][nearest], boxes[shown, :])
            box_losses.append(F.smooth_l1_loss(found[shown, :], truth, reduction="sum"))
            label = target["labels"].new_zeros((logits.size(1),))
            label[shown] = target["labels"][nearest]
            classes.append(label)
        labels = flambeau.stack(classes)
        losses = F.cross_entropy(logits.view(-1, logits.size(-1)), labels.view(-1), reduction="none").view(labels.size())
        positive = labels > 0
        wanted = self.neg_to_pos_ratio * positive.sum(1, keepdim=True)
        order = losses.masked_fill(positive, -float("inf")).argsort(1, descending=True)
        negative = order.argsort(1) < wanted
        chosen = losses[positive].sum() + losses[negative].sum()
        count = max(1, count)
        return {"bbox_regression": flambeau.stack(box_losses).sum() / count, "classification": chosen / count}

    def _losses(self, targets: Any, outputs: dict[str, Any], anchors: list[Any], counts: list[int]) -> dict[str, Any]:
        matches = []
        for boxes, target in zip(anchors, targets):
            if target["boxes"].numel() == 0:
                matches.append(flambeau.full((boxes.size(0),), -1, dtype=flambeau.int64, device=boxes.device))
            else:
                matches.append(self.proposal_matcher(box_ops.box_iou(target["boxes"], boxes)))
        return self.compute_loss(targets, outputs, anchors, matches)

    def _detections(self, outputs: dict[str, Any], anchors: list[Any], counts: list[int], shapes: Any) -> Targets:
        return self.postprocess_detections(outputs, anchors, shapes)

    def postprocess_detections(
        self, head_outputs: dict[str, Any], image_anchors: list[Any], image_shapes: list[tuple[int, int]]
    ) -> Targets:
        """Boxes, scores and labels of what is in each picture."""
        chances = F.softmax(head_outputs["cls_logits"], dim=-1)
        detections = []
        for differences, scores, anchors, shape in zip(
            head_outputs["bbox_regression"], chances, image_anchors, image_shapes
        ):
            boxes = box_ops.clip_boxes_to_image(self.box_coder.decode_single(differences, anchors), shape)
            found = []
            for label in range(1, scores.size(-1)):
                best, places = self._likely(scores[:, label])
                labels = flambeau.full_like(best, fill_value=label, dtype=flambeau.int64, device=best.device)
                found.append((boxes[places], best, labels))
            detections.append(self._kept(found))
        return detections


def check_maps(channels: Sequence[int], anchor_generator: DefaultBoxGenerator) -> None:
    """``ValueError`` unless a backbone has as many maps as there are proportions of boxes for."""
    if len(channels) != len(anchor_generator.aspect_ratios):
        raise ValueError(
            f"The length of the output channels from the backbone ({len(channels)}) do not match the length of the anchor "
            f"generator aspect ratios ({len(anchor_generator.aspect_ratios)})"
        )


def _pair(channels: int, narrow: int, out: int, **options: Any) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, narrow, kernel_size=1), nn.ReLU(inplace=True), nn.Conv2d(narrow, out, **options),
        nn.ReLU(inplace=True),
    )  # fmt: skip


class SSDFeatureExtractorVGG(nn.Module):
    """Six maps of a VGG's and further layers (seven with ``highres``, for pictures of 512x512 pixels)."""

    def __init__(self, backbone: Any, highres: bool) -> None:
        super().__init__()
        pools = [i for i, layer in enumerate(backbone) if isinstance(layer, nn.MaxPool2d)]
        third, fourth = pools[2], pools[3]
        backbone[third].ceil_mode = True  # 75 pixels become 38
        self.scale_weight = nn.Parameter(flambeau.ones(512) * 20)
        self.features = nn.Sequential(*backbone[:fourth])
        extra = nn.ModuleList(
            [
                _pair(1024, 256, 512, kernel_size=3, padding=1, stride=2),
                _pair(512, 128, 256, kernel_size=3, padding=1, stride=2),
                _pair(256, 128, 256, kernel_size=3),
                _pair(256, 128, 256, kernel_size=3),
                *([_pair(256, 128, 256, kernel_size=4)] if highres else []),
            ]
        )
        _xavier_init(extra)
        linear = nn.Sequential(  # what were linear layers
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=False),
            nn.Conv2d(512, 1024, kernel_size=3, padding=6, dilation=6),
            nn.ReLU(inplace=True),
            nn.Conv2d(1024, 1024, kernel_size=1),
            nn.ReLU(inplace=True),
        )
        _xavier_init(linear)
        extra.insert(0, nn.Sequential(*backbone[fourth:-1], linear))
        self.extra = extra

    def forward(self, x: Any) -> dict[str, Any]:
        x = self.features(x)
        maps = [self.scale_weight.view(1, -1, 1, 1) * F.normalize(x)]
        for block in self.extra:
            x = block(x)
            maps.append(x)
        return OrderedDict((str(i), each) for i, each in enumerate(maps))


def _vgg_extractor(backbone: Any, highres: bool, trainable_layers: int) -> SSDFeatureExtractorVGG:
    features = backbone.features
    stages = [0, *(i for i, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d))][:-1]
    flambeau._assert(
        0 <= trainable_layers <= len(stages),
        f"trainable_layers should be in the range [0, {len(stages)}]. Instead got {trainable_layers}",
    )
    freeze(features, stages, trainable_layers)
    return SSDFeatureExtractorVGG(features, highres)


def fixed_size(options: dict[str, Any]) -> None:
    """Warn that the size of pictures cannot be chosen."""
    if "size" in options:
        warnings.warn("The size of the model is already fixed; ignoring the parameter.", stacklevel=4)


def _make(count: int, how: Backbone, **options: Any) -> SSD:
    fixed_size(options)
    layers = how.layers(5, 4)
    backbone = _vgg_extractor(vgg16(weights=how.weights, progress=how.progress), False, layers)
    anchors = DefaultBoxGenerator(
        [[2], [2, 3], [2, 3], [2, 3], [2], [2]], scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
        steps=[8, 16, 32, 64, 100, 300],
    )  # fmt: skip
    return SSD(backbone, anchors, (300, 300), count, **options)


SSD300_VGG16_Weights, ssd300_vgg16 = detector(
    __name__, "SSD300_VGG16", "On a VGG of 16 layers, for pictures of 300x300 pixels.", VGG16_Weights, _make,
    member="IMAGENET1K_FEATURES", image_mean=[0.48235, 0.45882, 0.40784], image_std=[1.0 / 255.0] * 3,
)  # fmt: skip

__all__ = names_of(globals())
