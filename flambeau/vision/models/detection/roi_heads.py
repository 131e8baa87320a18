"""What regions of pictures show: classes and boxes, masks (K. He et al., "Mask R-CNN", 2017), keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn import functional as F

from ...ops import boxes as box_ops
from ...ops.roi_align import roi_align
from . import _utils as det_utils

Targets = list[dict[str, Any]]


def fastrcnn_loss(
    class_logits: Any, box_regression: Any, labels: list[Any], regression_targets: list[Any]
) -> tuple[Any, Any]:
    """The losses of classes and boxes of regions: those that show something count for the boxes of their class."""
    truth = flambeau.cat(labels, dim=0)
    positive = flambeau.where(truth > 0)[0]
    boxes = box_regression.reshape(class_logits.shape[0], box_regression.size(-1) // 4, 4)
    targets = flambeau.cat(regression_targets, dim=0)[positive]
    box_loss = F.smooth_l1_loss(boxes[positive, truth[positive]], targets, beta=1 / 9, reduction="sum")
    return F.cross_entropy(class_logits, truth), box_loss / truth.numel()


# --- masks ------------------------------------------------------------------------------------------------------------


def maskrcnn_inference(x: Any, labels: list[Any]) -> tuple[Any, ...]:
    """The masks of each region's class, for each picture: (regions, 1, height, width) of chances."""
    joined = flambeau.cat(labels)
    index = flambeau.arange(x.shape[0], device=joined.device)
    chances = x.sigmoid()[index, joined][:, None]
    return chances.split([label.shape[0] for label in labels], dim=0)  # type: ignore[no-any-return]


def project_masks_on_boxes(gt_masks: Any, boxes: Any, matched_idxs: Any, M: int) -> Any:
    """The parts of masks under boxes, in M x M pixels."""
    regions = flambeau.cat([matched_idxs.to(boxes)[:, None], boxes], dim=1)
    return roi_align(gt_masks[:, None].to(regions), regions, (M, M), 1.0)[:, 0]


def maskrcnn_loss(
    mask_logits: Any, proposals: list[Any], gt_masks: list[Any], gt_labels: list[Any], mask_matched_idxs: list[Any]
) -> Any:
    """The loss of the masks of each region's class."""
    size = mask_logits.shape[-1]
    labels = flambeau.cat([label[index] for label, index in zip(gt_labels, mask_matched_idxs)], dim=0)
    parts = zip(gt_masks, proposals, mask_matched_idxs)
    targets = flambeau.cat([project_masks_on_boxes(mask, boxes, index, size) for mask, boxes, index in parts], dim=0)
    if targets.numel() == 0:
        return mask_logits.sum() * 0
    rows = flambeau.arange(labels.shape[0], device=labels.device)
    return F.binary_cross_entropy_with_logits(mask_logits[rows, labels], targets)


def expand_boxes(boxes: Any, scale: float) -> Any:
    """Boxes ``scale`` times as large."""
    half = (boxes[:, 2:] - boxes[:, :2]) * 0.5 * scale
    centre = (boxes[:, 2:] + boxes[:, :2]) * 0.5
    return flambeau.cat((centre - half, centre + half), dim=1)


def expand_masks(mask: Any, padding: int) -> tuple[Any, float]:
    """Masks with zeros around them, and how much larger that is."""
    size = mask.shape[-1]
    return F.pad(mask, (padding,) * 4), float(size + 2 * padding) / size


def paste_mask_in_image(mask: Any, box: Any, im_h: int, im_w: int) -> Any:
    """A mask enlarged to a box (whole numbers) of a picture that is zero elsewhere: (``im_h``, ``im_w``)."""
    x1, y1, x2, y2 = (int(side) for side in box)
    size = (max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1))
    mask = F.interpolate(mask[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
    picture = flambeau.zeros((im_h, im_w), dtype=mask.dtype, device=mask.device)
    left, right, top, bottom = max(x1, 0), min(x2 + 1, im_w), max(y1, 0), min(y2 + 1, im_h)
    picture[top:bottom, left:right] = mask[top - y1 : bottom - y1, left - x1 : right - x1]
    return picture


def paste_masks_in_image(masks: Any, boxes: Any, img_shape: Sequence[int], padding: int = 1) -> Any:
    """Masks (n, 1, height, width) of boxes as those of whole pictures: (n, 1, *``img_shape``)."""
    height, width = img_shape
    masks, scale = expand_masks(masks, padding=padding)
    places = expand_boxes(boxes, scale).to(dtype=flambeau.int64).tolist()
    pasted = [paste_mask_in_image(mask[0], box, height, width) for mask, box in zip(masks, places)]
    return flambeau.stack(pasted, dim=0)[:, None] if pasted else masks.new_empty((0, 1, height, width))


# --- keypoints --------------------------------------------------------------------------------------------------------


def keypoints_to_heatmap(keypoints: Any, rois: Any, heatmap_size: int) -> tuple[Any, Any]:
    """The place of each keypoint (x, y, visible) in a map of its region, counted row by row, and whether it is in there."""
    corner, scale = rois[:, None, :2], heatmap_size / (rois[:, 2:] - rois[:, :2])[:, None]
    places = ((keypoints[..., :2] - corner) * scale).floor().long()
    places = places.masked_fill(keypoints[..., :2] == rois[:, None, 2:], heatmap_size - 1)
    valid = ((places >= 0) & (places < heatmap_size)).all(dim=-1) & (keypoints[..., 2] > 0)
    return (places[..., 1] * heatmap_size + places[..., 0]) * valid.long(), valid.long()


def heatmaps_to_keypoints(maps: Any, rois: Any) -> tuple[Any, Any]:
    """Where maps (regions, keypoints, height, width) are largest, in the picture: (regions, keypoints, 3), and how large.

    Maps are first enlarged to the regions' sizes.
    """
    count = maps.shape[1]
    sizes = (rois[:, 2:] - rois[:, :2]).clamp(min=1)
    found, scores = [], []
    for region, size, enlarged, corner in zip(maps, sizes, sizes.ceil().long().tolist(), rois[:, :2]):
        width, height = enlarged
        picture = F.interpolate(region[:, None], size=(height, width), mode="bicubic", align_corners=False)[:, 0]
        flat = picture.reshape(count, -1)
        best = flat.argmax(dim=1)
        pixels = flambeau.stack((best % width, best.div(width, rounding_mode="floor")), dim=1)
        correction = size / flambeau.tensor([width, height], dtype=size.dtype)
        places = ((pixels.float() + 0.5) * correction + corner).float()
        found.append(flambeau.cat((places, flambeau.ones(count, 1)), dim=1))
        scores.append(flat.gather(1, best[:, None])[:, 0].float())
    if not found:
        return flambeau.zeros(0, count, 3), flambeau.zeros(0, count)
    return flambeau.stack(found), flambeau.stack(scores)


def keypointrcnn_loss(
    keypoint_logits: Any, proposals: list[Any], gt_keypoints: list[Any], keypoint_matched_idxs: list[Any]
) -> Any:
    """The loss of where keypoints are: which of a region's places it is."""
    regions, points, height, width = keypoint_logits.shape
    if height != width:
        raise ValueError(
            "keypoint_logits height and width (last two elements of shape) should be equal. Instead got "
            f"H = {height} and W = {width}"
        )
    found = [
        keypoints_to_heatmap(keypoints[index], boxes, height)
        for boxes, keypoints, index in zip(proposals, gt_keypoints, keypoint_matched_idxs)
    ]
    targets = flambeau.cat([places.view(-1) for places, _ in found], dim=0)
    valid = flambeau.where(flambeau.cat([inside.view(-1) for _, inside in found], dim=0))[0]
    if targets.numel() == 0 or len(valid) == 0:
        return keypoint_logits.sum() * 0
    return F.cross_entropy(keypoint_logits.view(regions * points, height * width)[valid], targets[valid])


def keypointrcnn_inference(x: Any, boxes: list[Any]) -> tuple[list[Any], list[Any]]:
    """Keypoints of each picture's regions, and their scores."""
    parts = x.split([box.size(0) for box in boxes], dim=0)
    found = [heatmaps_to_keypoints(maps, box) for maps, box in zip(parts, boxes)]
    return [points for points, _ in found], [scores for _, scores in found]


# --- all of them ------------------------------------------------------------------------------------------------------


class RoIHeads(nn.Module):
    """What regions show. Each kind of answer has a pool (regions of maps), a head (features) and a predictor."""

    def __init__(
        self,
        box_roi_pool: Any,
        box_head: Any,
        box_predictor: Any,
        fg_iou_thresh: float,
        bg_iou_thresh: float,
        batch_size_per_image: int,
        positive_fraction: float,
        bbox_reg_weights: Any,
        score_thresh: float,
        nms_thresh: float,
        detections_per_img: int,
        mask_roi_pool: Any = None,
        mask_head: Any = None,
        mask_predictor: Any = None,
        keypoint_roi_pool: Any = None,
        keypoint_head: Any = None,
        keypoint_predictor: Any = None,
    ) -> None:
        super().__init__()
        self.box_similarity = box_ops.box_iou
        self.proposal_matcher = det_utils.Matcher(fg_iou_thresh, bg_iou_thresh, allow_low_quality_matches=False)
        self.fg_bg_sampler = det_utils.BalancedPositiveNegativeSampler(batch_size_per_image, positive_fraction)
        self.box_coder = det_utils.BoxCoder((10.0, 10.0, 5.0, 5.0) if bbox_reg_weights is None else bbox_reg_weights)
        self.box_roi_pool = box_roi_pool
        self.box_head = box_head
        self.box_predictor = box_predictor
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.mask_roi_pool = mask_roi_pool
        self.mask_head = mask_head
        self.mask_predictor = mask_predictor
        self.keypoint_roi_pool = keypoint_roi_pool
        self.keypoint_head = keypoint_head
        self.keypoint_predictor = keypoint_predictor

    def has_mask(self) -> bool:
        """Whether masks are asked for."""
        return None not in (self.mask_roi_pool, self.mask_head, self.mask_predictor)

    def has_keypoint(self) -> bool:
        """Whether keypoints are asked for."""
        return None not in (self.keypoint_roi_pool, self.keypoint_head, self.keypoint_predictor)

    def assign_targets_to_proposals(
        self, proposals: list[Any], gt_boxes: list[Any], gt_labels: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        """For each region which true box it belongs to, and that one's class (0 for none, -1 if it does not count)."""
        matches, labels = [], []
        for regions, boxes, classes in zip(proposals, gt_boxes, gt_labels):
            if boxes.numel() == 0:
                nothing = flambeau.zeros((regions.shape[0],), dtype=flambeau.int64, device=regions.device)
                matches.append(nothing)
                labels.append(nothing.clone())
                continue
            matched = self.proposal_matcher(box_ops.box_iou(boxes, regions))
            nearest = matched.clamp(min=0)
            label = classes[nearest].to(dtype=flambeau.int64)
            label = label.masked_fill(matched == self.proposal_matcher.BELOW_LOW_THRESHOLD, 0)
            matches.append(nearest)
            labels.append(label.masked_fill(matched == self.proposal_matcher.BETWEEN_THRESHOLDS, -1))
        return matches, labels

    def subsample(self, labels: list[Any]) -> list[Any]:
        """A random choice of each picture's regions."""
        return [flambeau.where(shown | empty)[0] for shown, empty in zip(*self.fg_bg_sampler(labels))]

    def add_gt_proposals(self, proposals: list[Any], gt_boxes: list[Any]) -> list[Any]:
        """The true boxes are regions, too."""
        return [flambeau.cat((regions, boxes)) for regions, boxes in zip(proposals, gt_boxes)]

    def check_targets(self, targets: Targets | None) -> None:
        """``ValueError`` unless all that is needed is there."""
        if targets is None:
            raise ValueError("targets should not be None")
        for key in ("boxes", "labels", *(["masks"] if self.has_mask() else [])):
            if not all(key in target for target in targets):
                raise ValueError(f"Every element of targets should have a {key} key")

    def select_training_samples(
        self, proposals: list[Any], targets: Any
    ) -> tuple[list[Any], list[Any], list[Any], Any]:
        """Regions, which true box each belongs to, its class, and the difference from it."""
        self.check_targets(targets)
        gt_boxes = [target["boxes"].to(proposals[0].dtype) for target in targets]
        proposals = self.add_gt_proposals(proposals, gt_boxes)
        matches, labels = self.assign_targets_to_proposals(proposals, gt_boxes, [t["labels"] for t in targets])
        chosen = self.subsample(labels)
        proposals, labels, matches = (
            [values[index] for values, index in zip(lists, chosen)] for lists in (proposals, labels, matches)
        )
        truth = [
            (boxes if boxes.numel() else flambeau.zeros((1, 4), dtype=boxes.dtype, device=boxes.device))[index]
            for boxes, index in zip(gt_boxes, matches)
        ]
        return proposals, matches, labels, self.box_coder.encode(truth, proposals)

    def postprocess_detections(
        self, class_logits: Any, box_regression: Any, proposals: list[Any], image_shapes: list[tuple[int, int]]
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """Boxes, scores and classes of what is in each picture: likely enough, and not much like others of the class."""
        classes = class_logits.shape[-1]
        counts = [regions.shape[0] for regions in proposals]
        all_boxes = self.box_coder.decode(box_regression, proposals).split(counts, 0)
        all_scores = F.softmax(class_logits, -1).split(counts, 0)
        found = []
        for boxes, scores, shape in zip(all_boxes, all_scores, image_shapes):
            boxes = box_ops.clip_boxes_to_image(boxes, shape)
            labels = flambeau.arange(classes, device=class_logits.device).view(1, -1).expand_as(scores)
            # Class 0 is that nothing is there.
            boxes, scores, labels = boxes[:, 1:].reshape(-1, 4), scores[:, 1:].reshape(-1), labels[:, 1:].reshape(-1)
            keep = flambeau.where(scores > self.score_thresh)[0]
            boxes, scores, labels = boxes[keep], scores[keep], labels[keep]
            keep = box_ops.remove_small_boxes(boxes, min_size=1e-2)
            boxes, scores, labels = boxes[keep], scores[keep], labels[keep]
            keep = box_ops.batched_nms(boxes, scores, labels, self.nms_thresh)[: self.detections_per_img]
            found.append((boxes[keep], scores[keep], labels[keep]))
        return tuple(list(values) for values in zip(*found))  # type: ignore[return-value]

    def _check_types(self, targets: Targets) -> None:
        for target in targets:
            if target["boxes"].dtype not in (flambeau.float32, flambeau.float64, flambeau.float16):
                raise TypeError(f"target boxes must of float type, instead got {target['boxes'].dtype}")
            if target["labels"].dtype != flambeau.int64:
                raise TypeError(f"target labels must of int64 type, instead got {target['labels'].dtype}")
            if self.has_keypoint() and target["keypoints"].dtype != flambeau.float32:
                raise TypeError(f"target keypoints must of float type, instead got {target['keypoints'].dtype}")

    def forward(
        self, features: dict[str, Any], proposals: list[Any], image_shapes: list[tuple[int, int]],
        targets: Targets | None = None,
    ) -> tuple[Targets, dict[str, Any]]:  # fmt: skip
        if targets is not None:
            self._check_types(targets)
        if self.training:
            proposals, matches, labels, regression = self.select_training_samples(proposals, targets)
        logits, differences = self.box_predictor(self.box_head(self.box_roi_pool(features, proposals, image_shapes)))
        result: Targets = []
        losses: dict[str, Any] = {}
        if self.training:
            losses["loss_classifier"], losses["loss_box_reg"] = fastrcnn_loss(logits, differences, labels, regression)
            # Masks and keypoints are learnt from regions that show something.
            shown = [flambeau.where(label > 0)[0] for label in labels]
            regions = [boxes[index] for boxes, index in zip(proposals, shown)]
            matches = [match[index] for match, index in zip(matches, shown)]
        else:
            found = self.postprocess_detections(logits, differences, proposals, image_shapes)
            result = [{"boxes": boxes, "labels": label, "scores": scores} for boxes, scores, label in zip(*found)]
            regions = found[0]
        truth: Any = targets
        if self.has_mask():
            masks = self.mask_predictor(self.mask_head(self.mask_roi_pool(features, regions, image_shapes)))
            if self.training:
                shapes, classes = ([target[key] for target in truth] for key in ("masks", "labels"))
                losses["loss_mask"] = maskrcnn_loss(masks, regions, shapes, classes, matches)
            else:
                for picture, chances in zip(result, maskrcnn_inference(masks, [r["labels"] for r in result])):
                    picture["masks"] = chances
        if self.has_keypoint():
            points = self.keypoint_predictor(
                self.keypoint_head(self.keypoint_roi_pool(features, regions, image_shapes))
            )
            if self.training:
                keypoints = [target["keypoints"] for target in truth]
                losses["loss_keypoint"] = keypointrcnn_loss(points, regions, keypoints, matches)
            else:
                for picture, places, scores in zip(result, *keypointrcnn_inference(points, regions)):
                    picture["keypoints"], picture["keypoints_scores"] = places, scores
        return result, losses
