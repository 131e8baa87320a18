"""Detection in one step: classes and boxes for every place of the maps."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import nn

from ...ops import boxes as box_ops
from . import _utils as det_utils
from .faster_rcnn import IMAGE_MEAN, IMAGE_STD
from .generalized_rcnn import Targets, prepared
from .rpn import rows_of
from .transform import GeneralizedRCNNTransform


def predictions(maps: list[Any], columns: int) -> Any:
    """What was predicted for all places of several maps: (batch, places * anchors, columns)."""
    return flambeau.cat([rows_of(each, columns) for each in maps], dim=1)


def start(convolutions: nn.Module, std: float) -> None:
    """Start convolutions from a normal distribution, without bias."""
    for module in convolutions.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class DenseDetector(nn.Module):
    """``backbone`` makes maps of pictures, ``head`` predicts for each place; called as :class:`GeneralizedRCNN` is.

    Kinds define ``_losses`` and ``_detections``.
    """

    def __init__(self, min_size: Any, max_size: int, image_mean: Any, image_std: Any, **options: Any) -> None:
        super().__init__()
        mean, std = IMAGE_MEAN if image_mean is None else image_mean, IMAGE_STD if image_std is None else image_std
        self.transform = GeneralizedRCNNTransform(min_size, max_size, mean, std, **options)

    def forward(self, images: Any, targets: Targets | None = None) -> Any:
        batch, features, targets, sizes = prepared(self, images, targets)
        maps = list(features.values())
        outputs = self.head(maps)
        anchors = self.anchor_generator(batch, maps)
        counts = [each.size(2) * each.size(3) for each in maps]
        if self.training:
            return self._losses(targets, outputs, anchors, counts)
        found = self._detections(outputs, anchors, counts, batch.image_sizes)
        return self.transform.postprocess(found, batch.image_sizes, sizes)

    def _losses(self, targets: Any, outputs: dict[str, Any], anchors: list[Any], counts: list[int]) -> dict[str, Any]:
        raise NotImplementedError

    def _detections(self, outputs: dict[str, Any], anchors: list[Any], counts: list[int], shapes: Any) -> Targets:
        raise NotImplementedError

    def _kept(self, found: list[tuple[Any, Any, Any]]) -> dict[str, Any]:
        """Of what was found in a picture (boxes, scores, labels, in parts), the best that are not much like others."""
        boxes, scores, labels = (flambeau.cat(parts, dim=0) for parts in zip(*found))
        keep = box_ops.batched_nms(boxes, scores, labels, self.nms_thresh)[: self.detections_per_img]
        return {"boxes": boxes[keep], "scores": scores[keep], "labels": labels[keep]}

    def _likely(self, scores: Any) -> tuple[Any, Any]:
        """Of scores (n,) the largest, at most ``topk_candidates``, that exceed ``score_thresh``, and where they are."""
        places = flambeau.where(scores > self.score_thresh)[0]
        best, order = scores[places].topk(det_utils._topk_min(places, self.topk_candidates, 0))
        return best, places[order]


class AnchorDetector(DenseDetector):
    """Detectors that give each place of each map scores of classes and differences from its anchors.

    Kinds define ``_scores`` and ``_decoded``.
    """

    def _scores(self, outputs: dict[str, Any]) -> Any:
        raise NotImplementedError

    def _decoded(self, differences: Any, anchors: Any) -> Any:
        raise NotImplementedError

    def _detections(self, outputs: dict[str, Any], anchors: list[Any], counts: list[int], shapes: Any) -> Targets:
        per_place = outputs["cls_logits"].size(1) // sum(counts)
        counts = [count * per_place for count in counts]
        levels = {name: list(values.split(counts, dim=1)) for name, values in outputs.items()}
        return self.postprocess_detections(levels, [list(boxes.split(counts)) for boxes in anchors], shapes)

    def postprocess_detections(
        self, head_outputs: dict[str, list[Any]], anchors: list[list[Any]], image_shapes: list[tuple[int, int]]
    ) -> Targets:
        """Boxes, scores and labels of what is in each picture, from what is predicted for each map."""
        detections = []
        for picture, shape in enumerate(image_shapes):
            found = []
            for level, boxes in enumerate(anchors[picture]):
                outputs = {name: values[level][picture] for name, values in head_outputs.items()}
                scores = self._scores(outputs)
                best, places = self._likely(scores.flatten())
                rows = flambeau.div(places, scores.shape[-1], rounding_mode="floor")
                decoded = self._decoded(outputs["bbox_regression"][rows], boxes[rows])
                found.append((box_ops.clip_boxes_to_image(decoded, shape), best, places % scores.shape[-1]))
            detections.append(self._kept(found))
        return detections
