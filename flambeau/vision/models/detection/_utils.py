"""Boxes as differences from others, which of them belong together, and losses of boxes."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Any

import flambeau
from flambeau import Tensor, nn
from flambeau.nn import functional as F

from ...ops import complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss
from ...ops.misc import FrozenBatchNorm2d


class BalancedPositiveNegativeSampler:
    """Chooses ``batch_size_per_image`` boxes of each picture at random, of which ``positive_fraction`` show something."""

    def __init__(self, batch_size_per_image: int, positive_fraction: float) -> None:
        self.batch_size_per_image = batch_size_per_image
        self.positive_fraction = positive_fraction

    def __call__(self, matched_idxs: list[Any]) -> tuple[list[Any], list[Any]]:
        """Masks (uint8) of chosen boxes that show something (1 or more) and nothing (0); others (-1) are not chosen."""
        positives: list[Any] = []
        negatives: list[Any] = []
        for matched in matched_idxs:
            positive, negative = flambeau.where(matched >= 1)[0], flambeau.where(matched == 0)[0]
            count = min(positive.numel(), int(self.batch_size_per_image * self.positive_fraction))
            rest = min(negative.numel(), self.batch_size_per_image - count)
            for found, number, masks in ((positive, count, positives), (negative, rest, negatives)):
                mask = flambeau.zeros_like(matched, dtype=flambeau.uint8)
                mask[found[flambeau.randperm(found.numel(), device=found.device)[:number]]] = 1
                masks.append(mask)
        return positives, negatives


def _centres(boxes: Any) -> tuple[Any, Any]:
    """Centres and sizes of boxes (..., 4): (..., 2) each."""
    sizes = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + 0.5 * sizes, sizes


def encode_boxes(reference_boxes: Any, proposals: Any, weights: Any) -> Any:
    """Boxes (n, 4) as differences from ``proposals``: of centres in sizes, of sizes in logarithms; times ``weights``."""
    (centres, sizes), (from_centres, from_sizes) = _centres(reference_boxes), _centres(proposals)
    moved = weights[:2] * (centres - from_centres) / from_sizes
    return flambeau.cat((moved, weights[2:] * flambeau.log(sizes / from_sizes)), dim=1)


class BoxCoder:
    """Boxes as differences from others (R. Girshick et al., 2013), and back; ``bbox_xform_clip`` bounds the logarithm."""

    def __init__(
        self, weights: tuple[float, float, float, float], bbox_xform_clip: float = math.log(1000.0 / 16)
    ) -> None:
        self.weights = weights
        self.bbox_xform_clip = bbox_xform_clip

    def encode(self, reference_boxes: list[Any], proposals: list[Any]) -> Any:
        """Differences of the boxes of several pictures, as a tuple."""
        counts = [len(boxes) for boxes in reference_boxes]
        return self.encode_single(flambeau.cat(reference_boxes, dim=0), flambeau.cat(proposals, dim=0)).split(counts, 0)

    def encode_single(self, reference_boxes: Any, proposals: Any) -> Any:
        """Differences: (n, 4)."""
        weights = flambeau.as_tensor(self.weights, dtype=reference_boxes.dtype, device=reference_boxes.device)
        return encode_boxes(reference_boxes, proposals, weights)

    def decode(self, rel_codes: Any, boxes: list[Any]) -> Any:
        """Boxes (n, classes, 4) from differences (n, classes * 4) from the boxes of several pictures."""
        flambeau._assert(isinstance(boxes, (list, tuple)), "This function expects boxes of type list or tuple.")
        flambeau._assert(isinstance(rel_codes, Tensor), "This function expects rel_codes of type torch.Tensor.")
        count = sum(each.size(0) for each in boxes)
        joined = flambeau.cat(boxes, dim=0)
        if count == 0:
            return self.decode_single(rel_codes, joined)
        return self.decode_single(rel_codes.reshape(count, -1), joined).reshape(count, -1, 4)

    def decode_single(self, rel_codes: Any, boxes: Any) -> Any:
        """Boxes (n, classes * 4) from differences."""
        centres, sizes = _centres(boxes.to(rel_codes.dtype))
        codes = rel_codes.reshape(rel_codes.shape[0], rel_codes.shape[1] // 4, 4)
        weights = flambeau.as_tensor(self.weights, dtype=codes.dtype, device=codes.device)
        codes = codes / weights
        middle = codes[..., :2] * sizes[:, None] + centres[:, None]
        half = 0.5 * (flambeau.exp(flambeau.clamp(codes[..., 2:], max=self.bbox_xform_clip)) * sizes[:, None])
        return flambeau.cat((middle - half, middle + half), dim=-1).flatten(1)


class BoxLinearCoder:
    """Boxes as distances of their sides from the centres of others, and back; in sizes of these if ``normalize_by_size``."""

    def __init__(self, normalize_by_size: bool = True) -> None:
        self.normalize_by_size = normalize_by_size

    def _of(self, boxes: Any) -> tuple[Any, Any]:
        sizes = boxes[..., 2:] - boxes[..., :2]
        return 0.5 * (boxes[..., :2] + boxes[..., 2:]), flambeau.cat((sizes, sizes), dim=-1)

    def encode(self, reference_boxes: Any, proposals: Any) -> Any:
        """Distances (..., 4) of the sides of ``proposals`` from the centres of ``reference_boxes``."""
        centres, sizes = self._of(reference_boxes)
        distances = flambeau.cat((centres - proposals[..., :2], proposals[..., 2:] - centres), dim=-1)
        return distances / sizes if self.normalize_by_size else distances

    def decode(self, rel_codes: Any, boxes: Any) -> Any:
        """Boxes (..., 4) from distances."""
        centres, sizes = self._of(boxes.to(dtype=rel_codes.dtype))
        if self.normalize_by_size:
            rel_codes = rel_codes * sizes
        return flambeau.cat((centres - rel_codes[..., :2], centres + rel_codes[..., 2:]), dim=-1)


class Matcher:
    """Which true box each predicted one belongs to.

    That is the one that it is most like, if that is at least ``high_threshold``; below ``low_threshold`` it belongs to none
    (-1), between the two it does not count (-2). With ``allow_low_quality_matches``, each true box has those that are most
    like it, however little that is.
    """

    BELOW_LOW_THRESHOLD = -1
    BETWEEN_THRESHOLDS = -2

    def __init__(self, high_threshold: float, low_threshold: float, allow_low_quality_matches: bool = False) -> None:
        flambeau._assert(low_threshold <= high_threshold, "low_threshold should be <= high_threshold")
        self.high_threshold = high_threshold
        self.low_threshold = low_threshold
        self.allow_low_quality_matches = allow_low_quality_matches

    def __call__(self, match_quality_matrix: Any) -> Any:
        """Numbers of true boxes (n,), from how alike they are (true boxes, n). ``ValueError`` if there are none."""
        if match_quality_matrix.numel() == 0:
            which = "ground-truth" if match_quality_matrix.shape[0] == 0 else "proposal"
            raise ValueError(f"No {which} boxes available for one of the images during training")
        values, best = match_quality_matrix.max(dim=0)
        matches = best.masked_fill(values < self.low_threshold, self.BELOW_LOW_THRESHOLD)
        between = (values >= self.low_threshold) & (values < self.high_threshold)
        matches = matches.masked_fill(between, self.BETWEEN_THRESHOLDS)
        if self.allow_low_quality_matches:
            self.set_low_quality_matches_(matches, best, match_quality_matrix)
        return matches

    def set_low_quality_matches_(self, matches: Any, all_matches: Any, match_quality_matrix: Any) -> None:
        """Let boxes that are most like some true box belong to what they are most like themselves, in place."""
        most = match_quality_matrix.max(dim=1, keepdim=True).values
        best = (match_quality_matrix == most).any(dim=0)
        matches.copy_(flambeau.where(best, all_matches, matches))


class SSDMatcher(Matcher):
    """A :class:`Matcher` with one threshold, where each true box has the one that is most like it."""

    def __init__(self, threshold: float) -> None:
        super().__init__(threshold, threshold, allow_low_quality_matches=False)

    def __call__(self, match_quality_matrix: Any) -> Any:
        matches = super().__call__(match_quality_matrix)
        best = match_quality_matrix.max(dim=1).indices
        matches[best] = flambeau.arange(best.size(0), dtype=flambeau.int64, device=best.device)
        return matches


def overwrite_eps(model: nn.Module, eps: float) -> None:
    """Set the constant of frozen normalisations, which some published weights were trained without."""
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = eps


def retrieve_out_channels(model: nn.Module, size: tuple[int, int]) -> list[int]:
    """How many channels the maps have that a network makes of pictures of this size (width, height)."""
    training = model.training
    model.eval()
    with flambeau.no_grad():
        device = next(model.parameters()).device
        features = model(flambeau.zeros((1, 3, size[1], size[0]), device=device))
    if training:
        model.train()
    if isinstance(features, Tensor):
        features = OrderedDict([("0", features)])
    return [x.size(1) for x in features.values()]


def _topk_min(input: Any, orig_kval: int, axis: int) -> int:
    """``orig_kval``, or as many as there are."""
    return min(orig_kval, int(input.size(axis)))


def _box_loss(
    type: str, box_coder: BoxCoder, anchors_per_image: Any, matched_gt_boxes_per_image: Any, bbox_regression_per_image: Any,
    cnf: dict[str, float] | None = None,
) -> Any:  # fmt: skip
    """The sum of a loss of boxes that are given as differences: ``"l1"``, ``"smooth_l1"``, ``"ciou"``, ``"diou"``, ``"giou"``."""
    losses = {"ciou": complete_box_iou_loss, "diou": distance_box_iou_loss, "giou": generalized_box_iou_loss}
    flambeau._assert(type in ("l1", "smooth_l1", *losses), f"Unsupported loss: {type}")
    settings = cnf or {}
    if type in losses:
        boxes = box_coder.decode_single(bbox_regression_per_image, anchors_per_image)
        return losses[type](boxes, matched_gt_boxes_per_image, reduction="sum", eps=settings.get("eps", 1e-7))
    target = box_coder.encode_single(matched_gt_boxes_per_image, anchors_per_image)
    if type == "l1":
        return F.l1_loss(bbox_regression_per_image, target, reduction="sum")
    return F.smooth_l1_loss(bbox_regression_per_image, target, reduction="sum", beta=settings.get("beta", 1.0))
