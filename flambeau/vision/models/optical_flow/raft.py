"""RAFT: Z. Teed and J. Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow" (2020)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn import functional as F

from ...ops.misc import Conv2dNormActivation
from .._published import filled, model, weights_of
from ._utils import grid_sample, make_coords_grid, upsample_flow

__all__ = ["RAFT", "Raft_Large_Weights", "Raft_Small_Weights", "raft_large", "raft_small"]

Norm = Callable[..., Any] | None


def _shortcut(in_channels: int, out_channels: int, norm_layer: Norm, stride: int) -> nn.Module:
    return Conv2dNormActivation(
        in_channels, out_channels, norm_layer=norm_layer, kernel_size=1, stride=stride, bias=True, activation_layer=None
    )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(
        self, in_channels: int, out_channels: int, *, norm_layer: Norm, stride: int = 1, always_project: bool = False
    ) -> None:
        super().__init__()
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, kernel_size=3, bias=True)
        self.convnormrelu1 = conv(in_channels, out_channels, stride=stride)
        self.convnormrelu2 = conv(out_channels, out_channels)
        same = stride == 1 and not always_project
        self.downsample = nn.Identity() if same else _shortcut(in_channels, out_channels, norm_layer, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        return self.relu(self.downsample(x) + self.convnormrelu2(self.convnormrelu1(x)))


class BottleneckBlock(nn.Module):
    """A 1x1, a 3x3 and a 1x1 convolution, narrow in the middle, and a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, *, norm_layer: Norm, stride: int = 1) -> None:
        super().__init__()
        conv, narrow = partial(Conv2dNormActivation, norm_layer=norm_layer, bias=True), out_channels // 4
        self.convnormrelu1 = conv(in_channels, narrow, kernel_size=1)
        self.convnormrelu2 = conv(narrow, narrow, kernel_size=3, stride=stride)
        self.convnormrelu3 = conv(narrow, out_channels, kernel_size=1)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Identity() if stride == 1 else _shortcut(in_channels, out_channels, norm_layer, stride)

    def forward(self, x: Any) -> Any:
        return self.relu(self.downsample(x) + self.convnormrelu3(self.convnormrelu2(self.convnormrelu1(x))))


class FeatureEncoder(nn.Module):
    """Features of a picture, of an eighth of its size: (batch, ``layers[-1]``, height / 8, width / 8)."""

    def __init__(
        self, *, block: Callable[..., Any] = ResidualBlock, layers: Sequence[int] = (64, 64, 96, 128, 256),
        strides: Sequence[int] = (2, 1, 2, 2), norm_layer: Norm = nn.BatchNorm2d,
    ) -> None:  # fmt: skip
        super().__init__()
        if len(layers) != 5:
            raise ValueError(f"The expected number of layers is 5, instead got {len(layers)}")
        self.convnormrelu = Conv2dNormActivation(
            3, layers[0], norm_layer=norm_layer, kernel_size=7, stride=strides[0], bias=True
        )
        for i in (1, 2, 3):
            first = block(layers[i - 1], layers[i], norm_layer=norm_layer, stride=strides[i])
            second = block(layers[i], layers[i], norm_layer=norm_layer, stride=1)
            self.add_module(f"layer{i}", nn.Sequential(first, second))
        self.conv = nn.Conv2d(layers[3], layers[4], kernel_size=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, (nn.BatchNorm2d, nn.InstanceNorm2d)) and module.weight is not None:
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
        self.output_dim = layers[-1]
        self.downsample_factor = 2 ** list(strides).count(2)

    def forward(self, x: Any) -> Any:
        return self.conv(self.layer3(self.layer2(self.layer1(self.convnormrelu(x)))))


class MotionEncoder(nn.Module):
    """Features of a flow and of how well it fits (correlations)."""

    def __init__(
        self, *, in_channels_corr: int, corr_layers: Sequence[int] = (256, 192), flow_layers: Sequence[int] = (128, 64),
        out_channels: int = 128,
    ) -> None:  # fmt: skip
        super().__init__()
        if len(flow_layers) != 2:
            raise ValueError(f"The expected number of flow_layers is 2, instead got {len(flow_layers)}")
        if len(corr_layers) not in (1, 2):
            raise ValueError(f"The number of corr_layers should be 1 or 2, instead got {len(corr_layers)}")
        conv = partial(Conv2dNormActivation, norm_layer=None)
        self.convcorr1 = conv(in_channels_corr, corr_layers[0], kernel_size=1)
        several = len(corr_layers) == 2
        self.convcorr2 = conv(corr_layers[0], corr_layers[1], kernel_size=3) if several else nn.Identity()
        self.convflow1 = conv(2, flow_layers[0], kernel_size=7)
        self.convflow2 = conv(flow_layers[0], flow_layers[1], kernel_size=3)
        self.conv = conv(corr_layers[-1] + flow_layers[-1], out_channels - 2, kernel_size=3)
        self.out_channels = out_channels

    def forward(self, flow: Any, corr_features: Any) -> Any:
        corr = self.convcorr2(self.convcorr1(corr_features))
        features = self.conv(flambeau.cat([corr, self.convflow2(self.convflow1(flow))], dim=1))
        return flambeau.cat([features, flow], dim=1)


class ConvGRU(nn.Module):
    """A gated recurrent unit whose products are convolutions."""

    def __init__(self, *, input_size: int, hidden_size: int, kernel_size: Any, padding: Any) -> None:
        super().__init__()
        for name in ("convz", "convr", "convq"):
            self.add_module(name, nn.Conv2d(hidden_size + input_size, hidden_size, kernel_size, padding=padding))

    def forward(self, h: Any, x: Any) -> Any:
        hx = flambeau.cat([h, x], dim=1)
        z, r = flambeau.sigmoid(self.convz(hx)), flambeau.sigmoid(self.convr(hx))
        q = flambeau.tanh(self.convq(flambeau.cat([r * h, x], dim=1)))
        return (1 - z) * h + z * q


def _pass_through_h(h: Any, _: Any) -> Any:
    return h


class RecurrentBlock(nn.Module):
    """One or two :class:`ConvGRU`, one after the other."""

    def __init__(
        self, *, input_size: int, hidden_size: int, kernel_size: Sequence[Any] = ((1, 5), (5, 1)),
        padding: Sequence[Any] = ((0, 2), (2, 0)),
    ) -> None:  # fmt: skip
        super().__init__()
        if len(kernel_size) != len(padding):
            raise ValueError(
                f"kernel_size should have the same length as padding, instead got len(kernel_size) = {len(kernel_size)} and "
                f"len(padding) = {len(padding)}"
            )
        if len(kernel_size) not in (1, 2):
            raise ValueError(f"kernel_size should either 1 or 2, instead got {len(kernel_size)}")
        units = [
            ConvGRU(input_size=input_size, hidden_size=hidden_size, kernel_size=kernel, padding=pad)
            for kernel, pad in zip(kernel_size, padding)
        ]
        self.convgru1 = units[0]
        self.convgru2: Any = units[1] if len(units) == 2 else _pass_through_h
        self.hidden_size = hidden_size

    def forward(self, h: Any, x: Any) -> Any:
        return self.convgru2(self.convgru1(h, x), x)


class FlowHead(nn.Module):
    """A change of the flow, from what is remembered."""

    def __init__(self, *, in_channels: int, hidden_size: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, hidden_size, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden_size, 2, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        return self.conv2(self.relu(self.conv1(x)))


class UpdateBlock(nn.Module):
    """One step: what is remembered, and the change of the flow."""

    def __init__(self, *, motion_encoder: nn.Module, recurrent_block: Any, flow_head: nn.Module) -> None:
        super().__init__()
        self.motion_encoder = motion_encoder
        self.recurrent_block = recurrent_block
        self.flow_head = flow_head
        self.hidden_state_size = recurrent_block.hidden_size

    def forward(self, hidden_state: Any, context: Any, corr_features: Any, flow: Any) -> tuple[Any, Any]:
        x = flambeau.cat([context, self.motion_encoder(flow, corr_features)], dim=1)
        hidden_state = self.recurrent_block(hidden_state, x)
        return hidden_state, self.flow_head(hidden_state)


class MaskPredictor(nn.Module):
    """Scores of neighbours for enlarging the flow (:func:`upsample_flow`)."""

    def __init__(self, *, in_channels: int, hidden_size: int, multiplier: float = 0.25) -> None:
        super().__init__()
        self.convrelu = Conv2dNormActivation(in_channels, hidden_size, norm_layer=None, kernel_size=3)
        self.conv = nn.Conv2d(hidden_size, 8 * 8 * 9, 1, padding=0)
        self.multiplier = multiplier

    def forward(self, x: Any) -> Any:
        return self.multiplier * self.conv(self.convrelu(x))


class CorrBlock(nn.Module):
    """How much all places of one map are like all of the other (correlations), in ``num_levels`` sizes.

    They are looked up in squares of ``radius`` around a place of each size.
    """

    def __init__(self, *, num_levels: int = 4, radius: int = 4) -> None:
        super().__init__()
        self.num_levels = num_levels
        self.radius = radius
        self.corr_pyramid: list[Any] = []
        self.out_channels = num_levels * (2 * radius + 1) ** 2

    def build_pyramid(self, fmap1: Any, fmap2: Any) -> None:
        """Keep the correlations of two maps. ``ValueError`` if they differ in shape, or are too small."""
        if fmap1.shape != fmap2.shape:
            raise ValueError(
                f"Input feature maps should have the same shape, instead got {fmap1.shape} (fmap1.shape) != {fmap2.shape} "
                "(fmap2.shape)"
            )
        least = 2 * 2 ** (self.num_levels - 1)
        if any(extent < least for extent in fmap1.shape[-2:]):
            raise ValueError(
                "Feature maps are too small to be down-sampled by the correlation pyramid. H and W of feature maps should be "
                f"at least {least}; got: {fmap1.shape[-2:]}. Remember that input images to the model are downsampled by 8, so "
                f"that means their dimensions should be at least 8 * {least} = {8 * least}."
            )
        batch, channels, h, w = fmap1.shape
        corr = flambeau.matmul(fmap1.flatten(2).transpose(1, 2), fmap2.flatten(2)) / math.sqrt(channels)
        corr = corr.reshape(batch * h * w, 1, h, w)
        self.corr_pyramid = [corr]
        for _ in range(self.num_levels - 1):
            corr = F.avg_pool2d(corr, kernel_size=2, stride=2)
            self.corr_pyramid.append(corr)

    def index_pyramid(self, centroids_coords: Any) -> Any:
        """The correlations around each place's partner, whose coordinates are given: (batch, ``out_channels``, h, w)."""
        side = 2 * self.radius + 1
        steps = flambeau.linspace(-self.radius, self.radius, side)
        around = flambeau.stack(flambeau.meshgrid(steps, steps, indexing="ij"), dim=-1).view(1, side, side, 2)
        batch, _, h, w = centroids_coords.shape
        centres = centroids_coords.permute(0, 2, 3, 1).reshape(batch * h * w, 1, 1, 2)
        found = []
        for corr in self.corr_pyramid:
            found.append(grid_sample(corr, centres + around, align_corners=True, mode="bilinear").view(batch, h, w, -1))
            centres = centres / 2
        features = flambeau.cat(found, dim=-1).permute(0, 3, 1, 2).contiguous()
        expected = (batch, self.out_channels, h, w)
        if features.shape != expected:
            raise ValueError(
                f"Output shape of index pyramid is incorrect. Should be {expected}, got {features.shape}"
            )
        return features


class RAFT(nn.Module):
    """Flows from one picture to another, of which each is better than the one before: a list of (batch, 2, height, width).

    Pictures are (batch, 3, height, width), with values from -1 to 1, of sizes that are multiples of 8 and at least 128.
    """

    def __init__(
        self, *, feature_encoder: nn.Module, context_encoder: nn.Module, corr_block: Any, update_block: Any,
        mask_predictor: nn.Module | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.feature_encoder = feature_encoder
        self.context_encoder = context_encoder
        self.corr_block = corr_block
        self.update_block = update_block
        self.mask_predictor = mask_predictor
        if not hasattr(update_block, "hidden_state_size"):
            raise ValueError("The update_block parameter should expose a 'hidden_state_size' attribute.")

    def _context(self, image: Any) -> tuple[Any, Any]:
        """What is remembered at the beginning, and what is known of the first picture."""
        found = self.context_encoder(image)
        size = image.shape[-2] // 8, image.shape[-1] // 8
        if found.shape[-2:] != size:
            raise ValueError("The context encoder should downsample H and W by 8")
        hidden = self.update_block.hidden_state_size
        rest = found.shape[1] - hidden
        if rest <= 0:
            raise ValueError(
                f"The context encoder outputs {found.shape[1]} channels, but it should have at strictly more than "
                f"hidden_state={hidden} channels"
            )
        state, context = flambeau.split(found, [hidden, rest], dim=1)
        return flambeau.tanh(state), F.relu(context)

    def forward(self, image1: Any, image2: Any, num_flow_updates: int = 12) -> list[Any]:
        batch, _, h, w = image1.shape
        if (h, w) != tuple(image2.shape[-2:]):
            raise ValueError(
                f"input images should have the same shape, instead got ({h}, {w}) != {image2.shape[-2:]}"
            )
        if h % 8 != 0 or w % 8 != 0:
            raise ValueError(f"input image H and W should be divisible by 8, instead got {h} (h) and {w} (w)")
        first, second = flambeau.chunk(self.feature_encoder(flambeau.cat([image1, image2], dim=0)), chunks=2, dim=0)
        if first.shape[-2:] != (h // 8, w // 8):
            raise ValueError("The feature encoder should downsample H and W by 8")
        self.corr_block.build_pyramid(first, second)
        state, context = self._context(image1)
        origin = coords = make_coords_grid(batch, h // 8, w // 8).to(first.device)
        flows = []
        for _ in range(num_flow_updates):
            coords = coords.detach()  # gradients do not go through earlier steps' flows
            corr = self.corr_block.index_pyramid(centroids_coords=coords)
            state, change = self.update_block(state, context, corr, coords - origin)
            coords = coords + change
            mask = None if self.mask_predictor is None else self.mask_predictor(state)
            flows.append(upsample_flow(flow=coords - origin, up_mask=mask))
        return flows


def _raft(
    layers: tuple[int, ...], context_layers: tuple[int, ...], block: Callable[..., Any], context_norm: Norm, radius: int,
    corr_layers: tuple[int, ...], flow_layers: tuple[int, ...], motion: int, hidden: int, kernels: Sequence[Any],
    paddings: Sequence[Any], head: int, mask: bool, weights: Any, progress: bool, **given: Any,
) -> RAFT:  # fmt: skip
    """A network of these widths, but for the parts that are ``given``."""
    parts: dict[str, Any] = {
        "feature_encoder": lambda: FeatureEncoder(block=block, layers=layers, norm_layer=nn.InstanceNorm2d),
        "context_encoder": lambda: FeatureEncoder(block=block, layers=context_layers, norm_layer=context_norm),
        "corr_block": lambda: CorrBlock(num_levels=4, radius=radius),
    }
    made = {name: given.pop(name, None) or make() for name, make in parts.items()}
    update = given.pop("update_block", None)
    if update is None:
        motion_encoder = MotionEncoder(
            in_channels_corr=made["corr_block"].out_channels, corr_layers=corr_layers, flow_layers=flow_layers,
            out_channels=motion,
        )  # fmt: skip
        inputs = motion + context_layers[-1] - hidden
        recurrent = RecurrentBlock(input_size=inputs, hidden_size=hidden, kernel_size=kernels, padding=paddings)
        flow_head = FlowHead(in_channels=hidden, hidden_size=head)
        update = UpdateBlock(motion_encoder=motion_encoder, recurrent_block=recurrent, flow_head=flow_head)
    predictor = given.pop("mask_predictor", None)
    if predictor is None and mask:
        predictor = MaskPredictor(in_channels=hidden, hidden_size=256, multiplier=0.25)
    network: RAFT = filled(RAFT(**made, update_block=update, mask_predictor=predictor, **given), weights, progress)
    return network


Raft_Large_Weights = weights_of("Raft_Large", __name__)
Raft_Small_Weights = weights_of("Raft_Small", __name__)


@model(Raft_Large_Weights, legacy="C_T_SKHT_V2")
def raft_large(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> RAFT:
    """The paper's network."""
    widths = (64, 64, 96, 128, 256)
    return _raft(
        widths, widths, ResidualBlock, nn.BatchNorm2d, 4, (256, 192), (128, 64), 128, 128, ((1, 5), (5, 1)),
        ((0, 2), (2, 0)), 256, True, weights, progress, **kwargs,
    )  # fmt: skip


@model(Raft_Small_Weights, legacy="C_T_V2")
def raft_small(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> RAFT:
    """The paper's small network."""
    return _raft(
        (32, 32, 64, 96, 128), (32, 32, 64, 96, 160), BottleneckBlock, None, 3, (96,), (64, 32), 82, 96, (3,), (1,), 128,
        False, weights, progress, **kwargs,
    )  # fmt: skip
