"""Mask R-CNN: K. He et al., "Mask R-CNN" (2017)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from flambeau import nn

from ...ops import MultiScaleRoIAlign
from ...ops import misc as misc_nn_ops
from .._published import names_of
from ..resnet import ResNet50_Weights
from .faster_rcnn import Backbone, FasterRCNN, check_kind, detector, second_parts


class MaskRCNN(FasterRCNN):
    """Finds boxes, their classes, and masks. ``settings`` and ``options`` are those of :class:`FasterRCNN`."""

    def __init__(
        self, backbone: Any, num_classes: int | None = None, *settings: Any, mask_roi_pool: Any = None,
        mask_head: Any = None, mask_predictor: Any = None, **options: Any,
    ) -> None:  # fmt: skip
        check_kind("mask_roi_pool", mask_roi_pool, MultiScaleRoIAlign)
        if num_classes is not None and mask_predictor is not None:
            raise ValueError("num_classes should be None when mask_predictor is specified")
        if mask_roi_pool is None:
            mask_roi_pool = MultiScaleRoIAlign(["0", "1", "2", "3"], output_size=14, sampling_ratio=2)
        if mask_head is None:
            mask_head = MaskRCNNHeads(backbone.out_channels, (256, 256, 256, 256), 1)
        if mask_predictor is None:
            mask_predictor = MaskRCNNPredictor(256, 256, num_classes)  # type: ignore[arg-type]
        super().__init__(backbone, num_classes, *settings, **options)
        self.roi_heads.mask_roi_pool = mask_roi_pool
        self.roi_heads.mask_head = mask_head
        self.roi_heads.mask_predictor = mask_predictor


class MaskRCNNHeads(nn.Sequential):
    """Convolutions of regions of maps."""

    _version = 2

    def __init__(
        self, in_channels: int, layers: Sequence[int], dilation: int, norm_layer: Callable[..., Any] | None = None
    ) -> None:
        blocks = []
        for out in layers:
            blocks.append(
                misc_nn_ops.Conv2dNormActivation(
                    in_channels, out, kernel_size=3, padding=dilation, dilation=dilation, norm_layer=norm_layer
                )
            )
            in_channels = out
        super().__init__(*blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        if (local_metadata.get("version") or 1) < 2:  # the layers had names
            for i in range(len(self)):
                for kind in ("weight", "bias"):
                    if (old := f"{prefix}mask_fcn{i + 1}.{kind}") in state_dict:
                        state_dict[f"{prefix}{i}.0.{kind}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class MaskRCNNPredictor(nn.Sequential):
    """Masks of each class, twice as large as the features."""

    def __init__(self, in_channels: int, dim_reduced: int, num_classes: int) -> None:
        super().__init__(
            OrderedDict(
                conv5_mask=nn.ConvTranspose2d(in_channels, dim_reduced, 2, 2, 0),
                relu=nn.ReLU(inplace=True),
                mask_fcn_logits=nn.Conv2d(dim_reduced, num_classes, 1, 1, 0),
            )
        )
        for name, parameter in self.named_parameters():
            if "weight" in name:
                nn.init.kaiming_normal_(parameter, mode="fan_out", nonlinearity="relu")


def _first(count: int, how: Backbone, **options: Any) -> MaskRCNN:
    return MaskRCNN(how.resnet_pyramid(), num_classes=count, **options)


def _second(count: int, how: Backbone, **options: Any) -> MaskRCNN:
    backbone = how.resnet_pyramid(frozen=False, norm_layer=nn.BatchNorm2d)
    head = MaskRCNNHeads(backbone.out_channels, [256, 256, 256, 256], 1, norm_layer=nn.BatchNorm2d)
    return MaskRCNN(backbone, num_classes=count, **second_parts(backbone), mask_head=head, **options)


MaskRCNN_ResNet50_FPN_Weights, maskrcnn_resnet50_fpn = detector(
    __name__, "MaskRCNN_ResNet50_FPN", "On a ResNet of 50 layers.", ResNet50_Weights, _first, eps=True
)
MaskRCNN_ResNet50_FPN_V2_Weights, maskrcnn_resnet50_fpn_v2 = detector(
    __name__, "MaskRCNN_ResNet50_FPN_V2", "With deeper heads.", ResNet50_Weights, _second, by_default=False
)

__all__ = names_of(globals(), "MaskRCNN")
