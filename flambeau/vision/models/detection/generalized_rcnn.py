"""Detection in two steps: regions that may show something, and what they show."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import flambeau
from flambeau import Tensor, nn

from .image_list import ImageList

Targets = list[dict[str, Any]]


def check_targets(targets: Targets | None) -> None:
    """``AssertionError`` unless each picture has boxes (n, 4)."""
    if targets is None:
        raise AssertionError("targets should not be none when in training mode")
    for target in targets:
        boxes = target["boxes"]
        flambeau._assert(isinstance(boxes, Tensor), f"Expected target boxes to be of type Tensor, got {type(boxes)}.")
        flambeau._assert(
            len(boxes.shape) == 2 and boxes.shape[-1] == 4,
            f"Expected target boxes to be a tensor of shape [N, 4], got {boxes.shape}.",
        )


def check_boxes(targets: Targets) -> None:
    """``AssertionError`` for a box that has no height or no width."""
    for place, target in enumerate(targets):
        empty = (target["boxes"][:, 2:] <= target["boxes"][:, :2]).any(dim=1)
        if empty.any():
            raise AssertionError(
                "All bounding boxes should have positive height and width. Found invalid box "
                f"{target['boxes'][empty][0].tolist()} for target at index {place}."
            )


def prepared(
    network: Any, images: Any, targets: Targets | None
) -> tuple[ImageList, OrderedDict[str, Any], Targets | None, list[tuple[int, int]]]:
    """Pictures of one size, the maps that the backbone makes of them, what is in them, and the sizes that they had."""
    if network.training:
        check_targets(targets)
    sizes = []
    for image in images:
        shape = image.shape[-2:]
        flambeau._assert(
            len(shape) == 2, f"expecting the last two dimensions of the Tensor to be H and W instead got {shape}"
        )
        sizes.append((int(shape[0]), int(shape[1])))
    batch, targets = network.transform(images, targets)
    if targets is not None:
        check_boxes(targets)
    features = network.backbone(batch.tensors)
    if isinstance(features, Tensor):
        features = OrderedDict([("0", features)])
    return batch, features, targets, sizes


class GeneralizedRCNN(nn.Module):
    """``backbone`` makes maps of pictures, ``rpn`` finds regions in them, ``roi_heads`` say what is there.

    Called with a list of pictures (channels, height, width). While it trains, ``targets`` say what is in each (``"boxes"``,
    ``"labels"``, …), and the result is a dictionary of losses. Otherwise it is a dictionary of what was found in each.
    """

    def __init__(self, backbone: nn.Module, rpn: nn.Module, roi_heads: nn.Module, transform: nn.Module) -> None:
        super().__init__()
        self.transform = transform
        self.backbone = backbone
        self.rpn = rpn
        self.roi_heads = roi_heads

    def forward(self, images: Any, targets: Targets | None = None) -> Any:
        batch, features, targets, sizes = prepared(self, images, targets)
        proposals, proposal_losses = self.rpn(batch, features, targets)
        detections, losses = self.roi_heads(features, proposals, batch.image_sizes, targets)
        if self.training:
            return {**losses, **proposal_losses}
        return self.transform.postprocess(detections, batch.image_sizes, sizes)  # type: ignore[operator]
