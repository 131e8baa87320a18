"""What networks for segmentation share: features of a network for classification, and a class for each pixel."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from flambeau import nn
from flambeau.nn import functional as F

from .._published import filled, model, weights_of
from .._utils import IntermediateLayerGetter, _ovewrite_value_param


class _SimpleSegmentationModel(nn.Module):
    """Classes of pixels (batch, classes, height, width) as ``"out"``; while it trains, perhaps others of them as ``"aux"``.

    ``backbone`` gives ``"out"`` and ``"aux"``, which go through the classifiers, and are enlarged.
    """

    __constants__ = ["aux_classifier"]

    def __init__(self, backbone: nn.Module, classifier: nn.Module, aux_classifier: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        self.aux_classifier = aux_classifier

    def forward(self, x: Any) -> dict[str, Any]:
        features = self.backbone(x)
        result: OrderedDict[str, Any] = OrderedDict(out=enlarged(self.classifier(features["out"]), x))
        if self.aux_classifier is not None:
            result["aux"] = enlarged(self.aux_classifier(features["aux"]), x)
        return result


def enlarged(x: Any, like: Any) -> Any:
    """``x`` in the size of another picture."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def resnet_features(backbone: Any, auxiliary: bool | None) -> tuple[nn.Module, int, int]:
    """The last features of a residual network, and those before them; numbers of their channels."""
    layers = {"layer4": "out", **({"layer3": "aux"} if auxiliary else {})}
    return IntermediateLayerGetter(backbone, return_layers=layers), 2048, 1024


def mobilenet_features(backbone: Any, names: dict[str, int]) -> tuple[nn.Module, list[int]]:
    """Features of a MobileNet: {name: which of those before the size is halved, counted from the end}, and their channels."""
    layers = backbone.features
    stages = [0, *(i for i, block in enumerate(layers) if getattr(block, "_is_cn", False)), len(layers) - 1]
    places = {name: stages[place] for name, place in names.items()}
    getter = IntermediateLayerGetter(layers, return_layers={str(place): name for name, place in places.items()})
    return getter, [layers[place].out_channels for place in places.values()]


def segmentation(
    module: str, name: str, description: str, backbone: Callable[..., Any], backbone_weights: Any,
    make: Callable[[Any, int, bool | None], nn.Module], auxiliary: bool = True, **options: Any,
) -> tuple[Any, Callable[..., Any]]:  # fmt: skip
    """The weights of a model, and the function that makes it: ``make(backbone(**options), num_classes, aux_loss)``."""
    kinds = weights_of(name, module)
    default = backbone_weights.IMAGENET1K_V1

    def finish(weights: Any, progress: bool, num_classes: int | None, aux: bool | None, of_backbone: Any) -> Any:
        if weights is not None:
            of_backbone = None
            num_classes = _ovewrite_value_param("num_classes", num_classes, len(weights.meta["categories"]))
            aux = _ovewrite_value_param("aux_loss", aux, True) if auxiliary else None
        network = make(backbone(weights=of_backbone, **options), 21 if num_classes is None else num_classes, aux)
        return filled(network, weights, progress)

    def with_auxiliary(
        *, weights: Any = None, progress: bool = True, num_classes: int | None = None, aux_loss: bool | None = None,
        weights_backbone: Any = default, **kwargs: Any,
    ) -> Any:  # fmt: skip
        return finish(weights, progress, num_classes, aux_loss, weights_backbone)

    def without_auxiliary(
        *, weights: Any = None, progress: bool = True, num_classes: int | None = None, weights_backbone: Any = default,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        if kwargs.pop("aux_loss", False):
            raise NotImplementedError("This model does not use auxiliary loss")
        return finish(weights, progress, num_classes, None, weights_backbone)

    build: Any = with_auxiliary if auxiliary else without_auxiliary
    build.__name__ = build.__qualname__ = name.lower()
    build.__module__, build.__doc__ = module, description
    return kinds, model(kinds, weights_backbone=default)(build)
