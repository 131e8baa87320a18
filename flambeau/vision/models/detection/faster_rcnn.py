"""Faster R-CNN: S. Ren et al., "Faster R-CNN: Towards Real-Time Object Detection" (2015); Y. Li et al., 2021."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn import functional as F

from ...ops import MultiScaleRoIAlign
from ...ops import misc as misc_nn_ops
from .._published import filled, model, names_of, weights_of
from .._utils import _ovewrite_value_param
from ..mobilenetv3 import MobileNet_V3_Large_Weights, mobilenet_v3_large
from ..resnet import ResNet50_Weights, resnet50
from ._utils import overwrite_eps
from .anchor_utils import AnchorGenerator
from .backbone_utils import _mobilenet_extractor, _resnet_fpn_extractor, _validate_trainable_layers
from .generalized_rcnn import GeneralizedRCNN
from .roi_heads import RoIHeads
from .rpn import RegionProposalNetwork, RPNHead
from .transform import GeneralizedRCNNTransform


def _default_anchorgen() -> AnchorGenerator:
    sizes = ((32,), (64,), (128,), (256,), (512,))
    return AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes))


def check_kind(name: str, value: Any, kind: type) -> None:
    """``TypeError`` unless a part is None or of its kind."""
    if not isinstance(value, (kind, type(None))):
        raise TypeError(f"{name} should be of type {kind.__name__} or None instead of {type(value)}")


def check_backbone(backbone: Any) -> None:
    """``ValueError`` unless a backbone says how many channels its maps have."""
    if not hasattr(backbone, "out_channels"):
        raise ValueError(
            "backbone should contain an attribute out_channels specifying the number of output channels (assumed to be the "
            "same for all the levels)"
        )


IMAGE_MEAN, IMAGE_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
"""ImageNet's."""


class FasterRCNN(GeneralizedRCNN):
    """Finds boxes and their classes. Its parts are made by default, and may be given; see the parts for what numbers mean.

    ``num_classes`` counts the background, which is class 0. ``ValueError`` if it is given together with ``box_predictor``,
    or neither of them.
    """

    def __init__(
        self,
        backbone: Any,
        num_classes: int | None = None,
        min_size: Any = 800,
        max_size: int = 1333,
        image_mean: Any = None,
        image_std: Any = None,
        rpn_anchor_generator: Any = None,
        rpn_head: Any = None,
        rpn_pre_nms_top_n_train: int = 2000,
        rpn_pre_nms_top_n_test: int = 1000,
        rpn_post_nms_top_n_train: int = 2000,
        rpn_post_nms_top_n_test: int = 1000,
        rpn_nms_thresh: float = 0.7,
        rpn_fg_iou_thresh: float = 0.7,
        rpn_bg_iou_thresh: float = 0.3,
        rpn_batch_size_per_image: int = 256,
        rpn_positive_fraction: float = 0.5,
        rpn_score_thresh: float = 0.0,
        box_roi_pool: Any = None,
        box_head: Any = None,
        box_predictor: Any = None,
        box_score_thresh: float = 0.05,
        box_nms_thresh: float = 0.5,
        box_detections_per_img: int = 100,
        box_fg_iou_thresh: float = 0.5,
        box_bg_iou_thresh: float = 0.5,
        box_batch_size_per_image: int = 512,
        box_positive_fraction: float = 0.25,
        bbox_reg_weights: Any = None,
        **kwargs: Any,
    ) -> None:
        check_backbone(backbone)
        check_kind("rpn_anchor_generator", rpn_anchor_generator, AnchorGenerator)
        check_kind("box_roi_pool", box_roi_pool, MultiScaleRoIAlign)
        if num_classes is not None and box_predictor is not None:
            raise ValueError("num_classes should be None when box_predictor is specified")
        if num_classes is None and box_predictor is None:
            raise ValueError("num_classes should not be None when box_predictor is not specified")
        channels = backbone.out_channels
        anchors = _default_anchorgen() if rpn_anchor_generator is None else rpn_anchor_generator
        if rpn_head is None:
            rpn_head = RPNHead(channels, anchors.num_anchors_per_location()[0])
        rpn = RegionProposalNetwork(
            anchors, rpn_head, rpn_fg_iou_thresh, rpn_bg_iou_thresh, rpn_batch_size_per_image, rpn_positive_fraction,
            {"training": rpn_pre_nms_top_n_train, "testing": rpn_pre_nms_top_n_test},
            {"training": rpn_post_nms_top_n_train, "testing": rpn_post_nms_top_n_test},
            rpn_nms_thresh, score_thresh=rpn_score_thresh,
        )  # fmt: skip
        if box_roi_pool is None:
            box_roi_pool = MultiScaleRoIAlign(["0", "1", "2", "3"], output_size=7, sampling_ratio=2)
        if box_head is None:
            box_head = TwoMLPHead(channels * box_roi_pool.output_size[0] ** 2, 1024)
        if box_predictor is None:
            box_predictor = FastRCNNPredictor(1024, num_classes)  # type: ignore[arg-type]
        heads = RoIHeads(
            box_roi_pool, box_head, box_predictor, box_fg_iou_thresh, box_bg_iou_thresh, box_batch_size_per_image,
            box_positive_fraction, bbox_reg_weights, box_score_thresh, box_nms_thresh, box_detections_per_img,
        )  # fmt: skip
        mean, std = IMAGE_MEAN if image_mean is None else image_mean, IMAGE_STD if image_std is None else image_std
        transform = GeneralizedRCNNTransform(min_size, max_size, mean, std, **kwargs)
        super().__init__(backbone, rpn, heads, transform)


class TwoMLPHead(nn.Module):
    """Two linear layers on regions of maps."""

    def __init__(self, in_channels: int, representation_size: int) -> None:
        super().__init__()
        self.fc6 = nn.Linear(in_channels, representation_size)
        self.fc7 = nn.Linear(representation_size, representation_size)

    def forward(self, x: Any) -> Any:
        return F.relu(self.fc7(F.relu(self.fc6(x.flatten(start_dim=1)))))


class FastRCNNConvFCHead(nn.Sequential):
    """Convolutions, then linear layers on regions of maps."""

    def __init__(
        self, input_size: tuple[int, int, int], conv_layers: list[int], fc_layers: list[int],
        norm_layer: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        channels, height, width = input_size
        blocks: list[nn.Module] = []
        for out in conv_layers:
            blocks.append(misc_nn_ops.Conv2dNormActivation(channels, out, norm_layer=norm_layer))
            channels = out
        blocks.append(nn.Flatten())
        channels = channels * height * width
        for out in fc_layers:
            blocks += [nn.Linear(channels, out), nn.ReLU(inplace=True)]
            channels = out
        super().__init__(*blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


class FastRCNNPredictor(nn.Module):
    """Scores of classes, and boxes for each class, from features of regions."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(in_channels, num_classes)
        self.bbox_pred = nn.Linear(in_channels, num_classes * 4)

    def forward(self, x: Any) -> tuple[Any, Any]:
        if x.dim() == 4:
            flambeau._assert(
                list(x.shape[2:]) == [1, 1],
                f"x has the wrong shape, expecting the last two dimensions to be [1,1] instead of {list(x.shape[2:])}",
            )
        x = x.flatten(start_dim=1)
        return self.cls_score(x), self.bbox_pred(x)


@dataclass(frozen=True)
class Backbone:
    """How a backbone is to be made: with which weights, whether it has some in the end, how many of its layers are trained."""

    weights: Any
    trained: bool
    trainable_layers: int | None
    progress: bool

    def layers(self, most: int, default: int) -> int:
        """How many of its layers are trained."""
        return _validate_trainable_layers(self.trained, self.trainable_layers, most, default)

    def norm(self) -> Any:
        """Normalisations that are constants if there are weights."""
        return misc_nn_ops.FrozenBatchNorm2d if self.trained else nn.BatchNorm2d

    def resnet_pyramid(self, frozen: bool = True, norm_layer: Any = None, **options: Any) -> Any:
        """A pyramid on a residual network of 50 layers, whose normalisations may be ``frozen``."""
        layers = self.layers(5, 3)
        norm = self.norm() if frozen else nn.BatchNorm2d
        network = resnet50(weights=self.weights, progress=self.progress, norm_layer=norm)
        return _resnet_fpn_extractor(network, layers, norm_layer=norm_layer, **options)


def detector(
    module: str, name: str, description: str, backbone_weights: Any, make: Callable[..., nn.Module], by_default: bool = True,
    eps: bool = False, member: str = "IMAGENET1K_V1", **defaults: Any,
) -> tuple[Any, Callable[..., Any]]:  # fmt: skip
    """The weights of a model, and the function that makes it: ``make(num_classes, Backbone(…), **options)``.

    ``by_default`` says whether the backbone has weights (``member``) unless asked for, ``eps`` that those of the whole were
    trained with normalisations that lack their constant; ``defaults`` are options.
    """
    kinds = weights_of(name, module)
    default = backbone_weights[member]

    def build(
        *, weights: Any = None, progress: bool = True, num_classes: int | None = None,
        weights_backbone: Any = default if by_default else None, trainable_backbone_layers: int | None = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        if weights is not None:
            weights_backbone = None
            num_classes = _ovewrite_value_param("num_classes", num_classes, len(weights.meta["categories"]))
        trained = weights is not None or weights_backbone is not None
        backbone = Backbone(weights_backbone, trained, trainable_backbone_layers, progress)
        network = filled(make(91 if num_classes is None else num_classes, backbone, **{**defaults, **kwargs}), weights, progress)
        if eps and weights is kinds.COCO_V1:
            overwrite_eps(network, 0.0)
        return network

    build.__name__ = build.__qualname__ = name.lower()
    build.__module__, build.__doc__ = module, description
    return kinds, model(kinds, weights_backbone=default)(build)


def second_parts(backbone: Any) -> dict[str, Any]:
    """The parts of the second version: deeper heads, with normalisations."""
    anchors = _default_anchorgen()
    channels = backbone.out_channels
    return {
        "rpn_anchor_generator": anchors,
        "rpn_head": RPNHead(channels, anchors.num_anchors_per_location()[0], conv_depth=2),
        "box_head": FastRCNNConvFCHead(
            (channels, 7, 7), [256, 256, 256, 256], [1024], norm_layer=nn.BatchNorm2d
        ),
    }


def _first(count: int, how: Backbone, **options: Any) -> FasterRCNN:
    return FasterRCNN(how.resnet_pyramid(), num_classes=count, **options)


def _second(count: int, how: Backbone, **options: Any) -> FasterRCNN:
    backbone = how.resnet_pyramid(frozen=False, norm_layer=nn.BatchNorm2d)
    return FasterRCNN(backbone, num_classes=count, **second_parts(backbone), **options)


def _mobile(count: int, how: Backbone, **options: Any) -> FasterRCNN:
    layers = how.layers(6, 3)
    network = mobilenet_v3_large(weights=how.weights, progress=how.progress, norm_layer=how.norm())
    anchors = AnchorGenerator(((32, 64, 128, 256, 512),) * 3, ((0.5, 1.0, 2.0),) * 3)
    return FasterRCNN(_mobilenet_extractor(network, True, layers), count, rpn_anchor_generator=anchors, **options)


FasterRCNN_ResNet50_FPN_Weights, fasterrcnn_resnet50_fpn = detector(
    __name__, "FasterRCNN_ResNet50_FPN", "On a ResNet of 50 layers.", ResNet50_Weights, _first, eps=True
)
FasterRCNN_ResNet50_FPN_V2_Weights, fasterrcnn_resnet50_fpn_v2 = detector(
    __name__, "FasterRCNN_ResNet50_FPN_V2", "With deeper heads.", ResNet50_Weights, _second, by_default=False
)
FasterRCNN_MobileNet_V3_Large_FPN_Weights, fasterrcnn_mobilenet_v3_large_fpn = detector(
    __name__, "FasterRCNN_MobileNet_V3_Large_FPN", "On a large MobileNet v3.", MobileNet_V3_Large_Weights, _mobile,
    rpn_score_thresh=0.05,
)  # fmt: skip
FasterRCNN_MobileNet_V3_Large_320_FPN_Weights, fasterrcnn_mobilenet_v3_large_320_fpn = detector(
    __name__, "FasterRCNN_MobileNet_V3_Large_320_FPN", "On a large MobileNet v3, for small pictures.",
    MobileNet_V3_Large_Weights, _mobile,
    min_size=320, max_size=640, rpn_pre_nms_top_n_test=150, rpn_post_nms_top_n_test=150, rpn_score_thresh=0.05,
)  # fmt: skip

__all__ = names_of(globals(), "FasterRCNN")
