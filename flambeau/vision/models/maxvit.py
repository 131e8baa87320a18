"""MaxViT: Z. Tu et al., "MaxViT: Multi-Axis Vision Transformer" (2022)."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import flambeau
from flambeau import nn
from flambeau.nn import functional as F

from ..ops.misc import Conv2dNormActivation, SqueezeExcitation
from ..ops.stochastic_depth import StochasticDepth
from ._published import names_of, published
from ._windows import relative_position_index

Maker = Callable[..., Any]


def _halved(size: Sequence[int]) -> tuple[int, int]:
    """The size after a 3x3 convolution with stride 2 and padding 1."""
    return (size[0] - 1) // 2 + 1, (size[1] - 1) // 2 + 1


class MBConv(nn.Module):
    """A depthwise convolution between two 1x1 convolutions, with a gate for each channel, and a shortcut past them."""

    def __init__(
        self, in_channels: int, out_channels: int, expansion_ratio: float, squeeze_ratio: float, stride: int,
        activation_layer: Maker, norm_layer: Maker, p_stochastic_dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.proj: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            pool = [nn.AvgPool2d(kernel_size=3, stride=stride, padding=1)] if stride == 2 else []
            self.proj = nn.Sequential(*pool, nn.Conv2d(in_channels, out_channels, kernel_size=1))
        wide, narrow = int(out_channels * expansion_ratio), int(out_channels * squeeze_ratio)
        self.stochastic_depth = (
            StochasticDepth(p_stochastic_dropout, mode="row") if p_stochastic_dropout else nn.Identity()
        )
        conv = partial(
            Conv2dNormActivation, activation_layer=activation_layer, norm_layer=norm_layer, inplace=None
        )
        self.layers = nn.Sequential(
            OrderedDict(
                pre_norm=norm_layer(in_channels),
                conv_a=conv(in_channels, wide, kernel_size=1, padding=0),
                conv_b=conv(wide, wide, kernel_size=3, stride=stride, padding=1, groups=wide),
                squeeze_excitation=SqueezeExcitation(wide, narrow, activation=nn.SiLU),
                conv_c=nn.Conv2d(wide, out_channels, kernel_size=1),
            )
        )

    def forward(self, x: Any) -> Any:
        return self.proj(x) + self.stochastic_depth(self.layers(x))


class RelativePositionalMultiHeadAttention(nn.Module):
    """Attention of (batch, groups, places, channels) inside each group, with a learnt bias for the way between places."""

    def __init__(self, feat_dim: int, head_dim: int, max_seq_len: int) -> None:
        super().__init__()
        if feat_dim % head_dim != 0:
            raise ValueError(f"feat_dim: {feat_dim} must be divisible by head_dim: {head_dim}")
        self.n_heads = feat_dim // head_dim
        self.head_dim = head_dim
        self.size = int(math.sqrt(max_seq_len))
        self.max_seq_len = max_seq_len
        self.to_qkv = nn.Linear(feat_dim, self.n_heads * head_dim * 3)
        self.scale_factor = feat_dim**-0.5
        self.merge = nn.Linear(head_dim * self.n_heads, feat_dim)
        rows = (2 * self.size - 1) ** 2
        self.relative_position_bias_table = nn.Parameter(flambeau.empty((rows, self.n_heads)))
        self.register_buffer("relative_position_index", relative_position_index((self.size, self.size)))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def get_relative_positional_bias(self) -> Any:
        """The biases, for each two places: (1, heads, places, places)."""
        table = self.relative_position_bias_table[self.relative_position_index.view(-1)]
        return table.view(self.max_seq_len, self.max_seq_len, -1).permute(2, 0, 1).contiguous().unsqueeze(0)

    def forward(self, x: Any) -> Any:
        batch, groups, places, channels = x.shape
        q, k, v = (
            part.reshape(batch, groups, places, self.n_heads, self.head_dim).transpose(2, 3)
            for part in flambeau.chunk(self.to_qkv(x), 3, dim=-1)
        )
        scores = q @ (k * self.scale_factor).transpose(-2, -1)
        weights = F.softmax(scores + self.get_relative_positional_bias(), dim=-1)
        return self.merge((weights @ v).transpose(2, 3).reshape(batch, groups, places, channels))


class SwapAxes(nn.Module):
    """Two axes change places."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.a = a
        self.b = b

    def forward(self, x: Any) -> Any:
        return flambeau.swapaxes(x, self.a, self.b)


class WindowPartition(nn.Module):
    """(batch, channels, height, width) as (batch, windows, ``p * p``, channels)."""

    def forward(self, x: Any, p: int) -> Any:
        batch, channels, height, width = x.shape
        x = x.reshape(batch, channels, height // p, p, width // p, p).permute(0, 2, 4, 3, 5, 1)
        return x.reshape(batch, (height // p) * (width // p), p * p, channels)


class WindowDepartition(nn.Module):
    """(batch, windows, ``p * p``, channels) as (batch, channels, height, width)."""

    def forward(self, x: Any, p: int, h_partitions: int, w_partitions: int) -> Any:
        batch, channels = x.shape[0], x.shape[-1]
        x = x.reshape(batch, h_partitions, w_partitions, p, p, channels).permute(0, 5, 1, 3, 2, 4)
        return x.reshape(batch, channels, h_partitions * p, w_partitions * p)


class PartitionAttentionLayer(nn.Module):
    """Attention and two linear layers among neighbours (``"window"``), or among places far apart (``"grid"``)."""

    def __init__(
        self, in_channels: int, head_dim: int, partition_size: int, partition_type: str, grid_size: tuple[int, int],
        mlp_ratio: int, activation_layer: Maker, norm_layer: Maker, attention_dropout: float, mlp_dropout: float,
        p_stochastic_dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.n_heads = in_channels // head_dim
        self.head_dim = head_dim
        self.n_partitions = grid_size[0] // partition_size
        self.partition_type = partition_type
        self.grid_size = grid_size
        if partition_type not in ("grid", "window"):
            raise ValueError("partition_type must be either 'grid' or 'window'")
        self.p, self.g = partition_size, self.n_partitions
        if partition_type == "grid":
            self.p, self.g = self.g, self.p
        self.partition_op = WindowPartition()
        self.departition_op = WindowDepartition()
        self.partition_swap = SwapAxes(-2, -3) if partition_type == "grid" else nn.Identity()
        self.departition_swap = SwapAxes(-2, -3) if partition_type == "grid" else nn.Identity()
        self.attn_layer = nn.Sequential(
            norm_layer(in_channels),
            RelativePositionalMultiHeadAttention(in_channels, head_dim, partition_size**2),
            nn.Dropout(attention_dropout),
        )
        self.mlp_layer = nn.Sequential(
            nn.LayerNorm(in_channels),
            nn.Linear(in_channels, in_channels * mlp_ratio),
            activation_layer(),
            nn.Linear(in_channels * mlp_ratio, in_channels),
            nn.Dropout(mlp_dropout),
        )
        self.stochastic_dropout = StochasticDepth(p_stochastic_dropout, mode="row")

    def forward(self, x: Any) -> Any:
        rows, columns = self.grid_size[0] // self.p, self.grid_size[1] // self.p
        flambeau._assert(
            self.grid_size[0] % self.p == 0 and self.grid_size[1] % self.p == 0,
            f"Grid size must be divisible by partition size. Got grid size of {self.grid_size} and partition size of {self.p}",
        )
        x = self.partition_swap(self.partition_op(x, self.p))
        x = x + self.stochastic_dropout(self.attn_layer(x))
        x = x + self.stochastic_dropout(self.mlp_layer(x))
        return self.departition_op(self.departition_swap(x), self.p, rows, columns)


class MaxVitLayer(nn.Module):
    """An :class:`MBConv`, attention among neighbours, attention among places far apart."""

    def __init__(
        self, in_channels: int, out_channels: int, squeeze_ratio: float, expansion_ratio: float, stride: int,
        norm_layer: Maker, activation_layer: Maker, head_dim: int, mlp_ratio: int, mlp_dropout: float,
        attention_dropout: float, p_stochastic_dropout: float, partition_size: int, grid_size: tuple[int, int],
    ) -> None:  # fmt: skip
        super().__init__()
        convolution = MBConv(
            in_channels, out_channels, expansion_ratio, squeeze_ratio, stride, activation_layer, norm_layer,
            p_stochastic_dropout,
        )  # fmt: skip
        attention = partial(
            PartitionAttentionLayer, out_channels, head_dim, partition_size, grid_size=grid_size, mlp_ratio=mlp_ratio,
            activation_layer=activation_layer, norm_layer=nn.LayerNorm, attention_dropout=attention_dropout,
            mlp_dropout=mlp_dropout, p_stochastic_dropout=p_stochastic_dropout,
        )  # fmt: skip
        self.layers = nn.Sequential(
            OrderedDict(
                MBconv=convolution,
                window_attention=attention(partition_type="window"),
                grid_attention=attention(partition_type="grid"),
            )
        )

    def forward(self, x: Any) -> Any:
        return self.layers(x)


class MaxVitBlock(nn.Module):
    """``n_layers`` layers, the first of which halves the size; ``p_stochastic`` says how often each is skipped."""

    def __init__(
        self, in_channels: int, out_channels: int, squeeze_ratio: float, expansion_ratio: float, norm_layer: Maker,
        activation_layer: Maker, head_dim: int, mlp_ratio: int, mlp_dropout: float, attention_dropout: float,
        partition_size: int, input_grid_size: tuple[int, int], n_layers: int, p_stochastic: list[float],
    ) -> None:  # fmt: skip
        super().__init__()
        if len(p_stochastic) != n_layers:
            raise ValueError(f"p_stochastic must have length n_layers={n_layers}, got p_stochastic={p_stochastic}.")
        self.grid_size = _halved(input_grid_size)
        self.layers = nn.ModuleList(
            MaxVitLayer(
                out_channels if i else in_channels, out_channels, squeeze_ratio, expansion_ratio, 1 if i else 2,
                norm_layer, activation_layer, head_dim, mlp_ratio, mlp_dropout, attention_dropout, probability,
                partition_size, self.grid_size,
            )
            for i, probability in enumerate(p_stochastic)
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


class MaxVit(nn.Module):
    """Blocks of convolutions and attention; input (batch, 3, *``input_size``), output (batch, ``num_classes``)."""

    def __init__(
        self,
        input_size: tuple[int, int],
        stem_channels: int,
        partition_size: int,
        block_channels: list[int],
        block_layers: list[int],
        head_dim: int,
        stochastic_depth_prob: float,
        norm_layer: Maker | None = None,
        activation_layer: Maker = nn.GELU,
        squeeze_ratio: float = 0.25,
        expansion_ratio: float = 4,
        mlp_ratio: int = 4,
        mlp_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01) if norm_layer is None else norm_layer
        size = _halved(input_size)
        sizes = [size := _halved(size) for _ in block_channels]
        for i, extents in enumerate(sizes):
            if extents[0] % partition_size != 0 or extents[1] % partition_size != 0:
                raise ValueError(
                    f"Input size {extents} of block {i} is not divisible by partition size {partition_size}. Consider changing "
                    f"the partition size or the input size.\nCurrent configuration yields the following block input sizes: "
                    f"{sizes}."
                )
        self.stem = nn.Sequential(
            Conv2dNormActivation(
                3, stem_channels, 3, stride=2, norm_layer=norm, activation_layer=activation_layer, bias=False, inplace=None
            ),
            Conv2dNormActivation(stem_channels, stem_channels, 3, norm_layer=None, activation_layer=None, bias=True),
        )
        self.partition_size = partition_size
        self.blocks = nn.ModuleList()
        probabilities = np.linspace(0, stochastic_depth_prob, sum(block_layers)).tolist()
        size, channels = _halved(input_size), stem_channels
        for out, depth in zip(block_channels, block_layers):
            skipped, probabilities = probabilities[:depth], probabilities[depth:]
            self.blocks.append(
                MaxVitBlock(
                    channels, out, squeeze_ratio, expansion_ratio, norm, activation_layer, head_dim, mlp_ratio, mlp_dropout,
                    attention_dropout, partition_size, size, depth, skipped,
                )
            )  # fmt: skip
            size, channels = self.blocks[-1].grid_size, out
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(channels), nn.Linear(channels, channels), nn.Tanh(),
            nn.Linear(channels, num_classes, bias=False),
        )  # fmt: skip
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.classifier(x)


def _tiny(**options: Any) -> MaxVit:
    size = options.pop("input_size", (224, 224))
    return MaxVit(size, 64, 7, [64, 128, 256, 512], [2, 2, 5, 2], 32, 0.2, **options)


MaxVit_T_Weights, maxvit_t = published(
    __name__, "MaxVit_T", "The tiny one.", _tiny, input_size=lambda weights: weights.meta["min_size"]
)

__all__ = names_of(globals(), "MaxVit")
