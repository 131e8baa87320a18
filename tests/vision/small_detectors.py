"""Small networks that find things in pictures, made of the parts of torchvision or of ours, and what they compute.

``library`` and ``vision`` are either of the two in all functions; parameters, pictures and targets are the same numbers.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

NAMES = ("faster", "mask", "keypoint", "retinanet", "fcos", "ssd")


def backbone(library: Any, channels: Any = 32) -> Any:
    """Two maps, of a quarter and an eighth of the size."""
    nn = library.nn

    class Backbone(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.out_channels = channels
            self.first, self.second = nn.Conv2d(3, 32, 3, 4, 1), nn.Conv2d(32, 32, 3, 2, 1)

        def forward(self, x: Any) -> dict[str, Any]:
            x = self.first(x)
            return {"0": x, "1": self.second(x.relu())}

    return Backbone()


def detector(name: str, library: Any, vision: Any) -> Any:
    """A network of one of ``NAMES``, which tells two kinds of things apart."""
    detection = vision.models.detection
    anchors = importlib.import_module(f"{detection.__name__}.anchor_utils")
    parts = {
        part: importlib.import_module(f"{detection.__name__}.{part}_rcnn") for part in ("faster", "mask", "keypoint")
    }
    size: dict[str, Any] = {"min_size": 48, "max_size": 64}
    if name == "ssd":
        boxes = anchors.DefaultBoxGenerator([[2], [2, 3]])
        return detection.ssd.SSD(backbone(library, [32, 32]), boxes, (64, 48), 3, detections_per_img=5)
    if name == "fcos":
        places = anchors.AnchorGenerator(((4,), (8,)), ((1.0,),) * 2)
        return detection.FCOS(backbone(library), 3, anchor_generator=places, detections_per_img=5, **size)
    generator = anchors.AnchorGenerator(((8, 16), (16, 32)), ((0.5, 1.0),) * 2)
    if name == "retinanet":
        return detection.RetinaNet(backbone(library), 3, anchor_generator=generator, detections_per_img=5, **size)
    pool = vision.ops.MultiScaleRoIAlign(["0", "1"], 3, 2)
    options: dict[str, Any] = {
        **size, "rpn_anchor_generator": generator, "box_roi_pool": pool, "box_detections_per_img": 5,
        "box_head": parts["faster"].TwoMLPHead(32 * 9, 16), "box_predictor": parts["faster"].FastRCNNPredictor(16, 3),
        "rpn_post_nms_top_n_train": 20, "rpn_post_nms_top_n_test": 20, "box_batch_size_per_image": 12,
    }  # fmt: skip
    if name == "mask":
        heads = parts["mask"].MaskRCNNHeads(32, (8,), 1), parts["mask"].MaskRCNNPredictor(8, 8, 3)
        masked = {"mask_roi_pool": pool, "mask_head": heads[0], "mask_predictor": heads[1]}
        return detection.MaskRCNN(backbone(library), **masked, **options)
    if name == "keypoint":
        head, predictor = parts["keypoint"].KeypointRCNNHeads(32, (8,)), parts["keypoint"].KeypointRCNNPredictor(8, 2)
        pointed = {"keypoint_roi_pool": pool, "keypoint_head": head, "keypoint_predictor": predictor}
        return detection.KeypointRCNN(backbone(library), **pointed, **options)
    return detection.FasterRCNN(backbone(library), **options)


def filled(network: Any, library: Any) -> Any:
    """The network in float64, with parameters by chance that are always the same."""
    network = network.double()
    with library.no_grad():
        for number, parameter in enumerate(network.parameters()):
            draw = np.random.RandomState(number).standard_normal(tuple(parameter.shape))
            scale = 1 / np.sqrt(draw[0].size) if draw.ndim > 1 else 0.1
            parameter.copy_(library.from_numpy(draw * scale))
    return network


def scene(library: Any) -> tuple[list[Any], list[dict[str, Any]]]:
    """Two pictures of different sizes, and the things in them."""
    draw = np.random.RandomState(7)
    pictures = [library.from_numpy(draw.rand(3, *size)) for size in ((48, 56), (40, 64))]
    targets = []
    for picture, corners in zip(pictures, ([[4, 5, 30, 28], [10, 8, 45, 40]], [[20, 3, 50, 35.5]])):
        boxes = np.array(corners, np.float64)
        masks = np.zeros((len(boxes), *picture.shape[1:]), np.uint8)
        for mask, (left, top, right, bottom) in zip(masks, boxes.astype(int)):
            mask[top:bottom, left:right] = 1
        points = np.concatenate([boxes[:, None, :2] + [[[2, 3], [9, 7]]], np.ones((len(boxes), 2, 1))], 2)
        numbers = {"boxes": boxes, "labels": np.array([1, 2][: len(boxes)]), "masks": masks}
        numbers["keypoints"] = points.astype(np.float32)  # which no other numbers are allowed to be
        targets.append({key: library.from_numpy(value) for key, value in numbers.items()})
    return pictures, targets


def computed(name: str, library: Any, vision: Any) -> dict[str, Any]:
    """Losses, two numbers for the gradient of each parameter (its sum and its length), and what is found in the pictures."""
    network = filled(detector(name, library, vision), library).train()
    pictures, targets = scene(library)
    losses = network(pictures, targets)
    sum(losses.values()).backward()
    gradients = {}
    for key, parameter in network.named_parameters():
        gradient = parameter.grad.numpy().astype(float)
        gradients[key] = [float(gradient.sum()), float(np.sqrt((gradient**2).sum()))]
    with library.no_grad():
        found = network.eval()(pictures)
    results = [
        {key: value.numpy().astype(float).mean(tuple(range(1, value.ndim))).tolist() for key, value in result.items()}
        for result in found
    ]
    return {"losses": {key: loss.item() for key, loss in losses.items()}, "gradients": gradients, "results": results}
