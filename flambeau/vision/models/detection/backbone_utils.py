"""Networks for classification as backbones: maps of several sizes from the middle of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from flambeau import nn

from ...ops import misc as misc_nn_ops
from ...ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool
from .. import mobilenet, resnet
from .._api import get_model_weights
from .._utils import IntermediateLayerGetter, handle_legacy_interface


class BackboneWithFPN(nn.Module):
    """The maps that ``return_layers`` name ({child: name}), made one pyramid of ``out_channels``."""

    def __init__(
        self, backbone: nn.Module, return_layers: dict[str, str], in_channels_list: list[int], out_channels: int,
        extra_blocks: Any = None, norm_layer: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.body = IntermediateLayerGetter(backbone, return_layers=return_layers)
        self.fpn = FeaturePyramidNetwork(
            in_channels_list=in_channels_list, out_channels=out_channels,
            extra_blocks=LastLevelMaxPool() if extra_blocks is None else extra_blocks, norm_layer=norm_layer,
        )  # fmt: skip
        self.out_channels = out_channels

    def forward(self, x: Any) -> dict[str, Any]:
        return self.fpn(self.body(x))  # type: ignore[no-any-return]


def _first_weights(module: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda kwargs: get_model_weights(getattr(module, kwargs["backbone_name"]))["IMAGENET1K_V1"]


@handle_legacy_interface(weights=("pretrained", _first_weights(resnet)))
def resnet_fpn_backbone(
    *, backbone_name: str, weights: Any, norm_layer: Callable[..., Any] = misc_nn_ops.FrozenBatchNorm2d,
    trainable_layers: int = 3, returned_layers: list[int] | None = None, extra_blocks: Any = None,
) -> BackboneWithFPN:  # fmt: skip
    """A pyramid on a residual network, of which the last ``trainable_layers`` stages are trained."""
    network = getattr(resnet, backbone_name)(weights=weights, norm_layer=norm_layer)
    return _resnet_fpn_extractor(network, trainable_layers, returned_layers, extra_blocks)


def _resnet_fpn_extractor(
    backbone: Any, trainable_layers: int, returned_layers: list[int] | None = None, extra_blocks: Any = None,
    norm_layer: Callable[..., Any] | None = None,
) -> BackboneWithFPN:  # fmt: skip
    if trainable_layers < 0 or trainable_layers > 5:
        raise ValueError(f"Trainable layers should be in the range [0,5], got {trainable_layers}")
    trained = ["layer4", "layer3", "layer2", "layer1", "conv1"][:trainable_layers]
    if trainable_layers == 5:
        trained.append("bn1")
    for name, parameter in backbone.named_parameters():
        if not name.startswith(tuple(trained)):
            parameter.requires_grad_(False)
    returned = [1, 2, 3, 4] if returned_layers is None else returned_layers
    if min(returned) <= 0 or max(returned) >= 5:
        raise ValueError(f"Each returned layer should be in the range [1,4]. Got {returned}")
    layers = {f"layer{stage}": str(place) for place, stage in enumerate(returned)}
    channels = [backbone.inplanes // 8 * 2 ** (stage - 1) for stage in returned]
    return BackboneWithFPN(backbone, layers, channels, 256, extra_blocks=extra_blocks, norm_layer=norm_layer)


def _validate_trainable_layers(
    is_trained: bool, trainable_backbone_layers: int | None, max_value: int, default_value: int
) -> int:
    """How many layers of a backbone are trained: all, if it has no weights."""
    if not is_trained:
        if trainable_backbone_layers is not None:
            warnings.warn(
                "Changing trainable_backbone_layers has no effect if neither pretrained nor pretrained_backbone have been set "
                f"to True, falling back to trainable_backbone_layers={max_value} so that all layers are trainable",
                stacklevel=2,
            )
        return max_value
    chosen = default_value if trainable_backbone_layers is None else trainable_backbone_layers
    if chosen < 0 or chosen > max_value:
        raise ValueError(f"Trainable backbone layers should be in the range [0,{max_value}], got {chosen} ")
    return chosen


@handle_legacy_interface(weights=("pretrained", _first_weights(mobilenet)))
def mobilenet_backbone(
    *, backbone_name: str, weights: Any, fpn: bool, norm_layer: Callable[..., Any] = misc_nn_ops.FrozenBatchNorm2d,
    trainable_layers: int = 2, returned_layers: list[int] | None = None, extra_blocks: Any = None,
) -> nn.Module:  # fmt: skip
    """A MobileNet, with ``fpn`` a pyramid on it, of which the last ``trainable_layers`` stages are trained."""
    network = getattr(mobilenet, backbone_name)(weights=weights, norm_layer=norm_layer)
    return _mobilenet_extractor(network, fpn, trainable_layers, returned_layers, extra_blocks)


def stages_of(features: Any) -> list[int]:
    """Where the stages of a MobileNet begin, and its last layer."""
    return [0, *(i for i, block in enumerate(features) if getattr(block, "_is_cn", False)), len(features) - 1]


def freeze(features: Any, stages: list[int], trainable_layers: int) -> None:
    """Let only the last ``trainable_layers`` stages be trained."""
    first = len(features) if trainable_layers == 0 else stages[len(stages) - trainable_layers]
    for block in features[:first]:
        for parameter in block.parameters():
            parameter.requires_grad_(False)


def _mobilenet_extractor(
    backbone: Any, fpn: bool, trainable_layers: int, returned_layers: list[int] | None = None, extra_blocks: Any = None,
    norm_layer: Callable[..., Any] | None = None,
) -> Any:  # fmt: skip
    features = backbone.features
    stages = stages_of(features)
    count = len(stages)
    if trainable_layers < 0 or trainable_layers > count:
        raise ValueError(f"Trainable layers should be in the range [0,{count}], got {trainable_layers} ")
    freeze(features, stages, trainable_layers)
    if not fpn:
        network = nn.Sequential(features, nn.Conv2d(features[-1].out_channels, 256, 1))
        network.out_channels = 256  # type: ignore[assignment]
        return network
    returned = [count - 2, count - 1] if returned_layers is None else returned_layers
    if min(returned) < 0 or max(returned) >= count:
        raise ValueError(f"Each returned layer should be in the range [0,{count - 1}], got {returned} ")
    layers = {str(stages[stage]): str(place) for place, stage in enumerate(returned)}
    channels = [features[stages[stage]].out_channels for stage in returned]
    return BackboneWithFPN(features, layers, channels, 256, extra_blocks=extra_blocks, norm_layer=norm_layer)
