"""ConvNeXt: Z. Liu et al., "A ConvNet for the 2020s" (2022)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn import functional as F

from ..ops.misc import Conv2dNormActivation, Permute
from ..ops.stochastic_depth import StochasticDepth
from ._published import names_of, published


class LayerNorm2d(nn.LayerNorm):
    """Normalisation over the channels of (batch, channels, height, width)."""

    def forward(self, x: Any) -> Any:
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


class CNBlock(nn.Module):
    """A 7x7 depthwise convolution and two linear layers, scaled by a weight of each channel, and a shortcut past them."""

    def __init__(
        self, dim: int, layer_scale: float, stochastic_depth_prob: float, norm_layer: Callable[..., Any] | None = None
    ) -> None:
        super().__init__()
        norm = partial(nn.LayerNorm, eps=1e-6) if norm_layer is None else norm_layer
        self.block = nn.Sequential(
            nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim, bias=True),
            Permute([0, 2, 3, 1]),
            norm(dim),
            nn.Linear(dim, 4 * dim),
            nn.GELU(),
            nn.Linear(4 * dim, dim),
            Permute([0, 3, 1, 2]),
        )
        self.layer_scale = nn.Parameter(flambeau.ones(dim, 1, 1) * layer_scale)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")

    def forward(self, input: Any) -> Any:
        return self.stochastic_depth(self.layer_scale * self.block(input)) + input


class CNBlockConfig:
    """The settings of a stage; ``out_channels`` is None for the last."""

    def __init__(self, input_channels: int, out_channels: int | None, num_layers: int) -> None:
        self.input_channels = input_channels
        self.out_channels = out_channels
        self.num_layers = num_layers

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(input_channels={self.input_channels}, out_channels={self.out_channels}, "
            f"num_layers={self.num_layers})"
        )


class ConvNeXt(nn.Module):
    """Stages of the given settings; input (batch, 3, height, width), output (batch, ``num_classes``)."""

    def __init__(
        self,
        block_setting: Sequence[CNBlockConfig],
        stochastic_depth_prob: float = 0.0,
        layer_scale: float = 1e-6,
        num_classes: int = 1000,
        block: Callable[..., Any] | None = None,
        norm_layer: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if not block_setting:
            raise ValueError("The block_setting should not be empty")
        if not isinstance(block_setting, Sequence) or not all(isinstance(s, CNBlockConfig) for s in block_setting):
            raise TypeError("The block_setting should be List[CNBlockConfig]")
        make = CNBlock if block is None else block
        norm = partial(LayerNorm2d, eps=1e-6) if norm_layer is None else norm_layer
        first = block_setting[0].input_channels
        patches = {"kernel_size": 4, "stride": 4, "padding": 0, "activation_layer": None, "bias": True}
        layers: list[nn.Module] = [Conv2dNormActivation(3, first, norm_layer=norm, **patches)]  # type: ignore[arg-type]
        total = sum(stage.num_layers for stage in block_setting)
        made = 0
        for stage in block_setting:
            width, out = stage.input_channels, stage.out_channels
            skipped = [stochastic_depth_prob * (made + i) / (total - 1.0) for i in range(stage.num_layers)]
            layers.append(nn.Sequential(*(make(width, layer_scale, probability) for probability in skipped)))
            made += stage.num_layers
            if out is not None:
                layers.append(nn.Sequential(norm(width), nn.Conv2d(width, out, kernel_size=2, stride=2)))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        last = width if out is None else out
        self.classifier = nn.Sequential(norm(last), nn.Flatten(1), nn.Linear(last, num_classes))
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.avgpool(self.features(x)))


def _variant(size: str, width: int, depth: int, probability: float) -> tuple[Any, Callable[..., ConvNeXt]]:
    """The weights of a variant, and the function that makes it; ``depth`` is that of the third stage."""

    def make(**options: Any) -> ConvNeXt:
        setting = [
            CNBlockConfig(width, 2 * width, 3),
            CNBlockConfig(2 * width, 4 * width, 3),
            CNBlockConfig(4 * width, 8 * width, depth),
            CNBlockConfig(8 * width, None, 3),
        ]
        return ConvNeXt(setting, stochastic_depth_prob=options.pop("stochastic_depth_prob", probability), **options)

    return published(__name__, f"ConvNeXt_{size}", f"The {size.lower()} one.", make)


ConvNeXt_Tiny_Weights, convnext_tiny = _variant("Tiny", 96, 9, 0.1)
ConvNeXt_Small_Weights, convnext_small = _variant("Small", 96, 27, 0.4)
ConvNeXt_Base_Weights, convnext_base = _variant("Base", 128, 27, 0.5)
ConvNeXt_Large_Weights, convnext_large = _variant("Large", 192, 27, 0.5)

__all__ = names_of(globals(), "ConvNeXt")
