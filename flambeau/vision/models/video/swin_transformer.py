"""Swin transformers for videos: Z. Liu et al., "Video Swin Transformer" (2021)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import flambeau
from flambeau import fx, nn
from flambeau.nn import functional as F

from .._published import names_of, published
from .._windows import padding_of, relative_position_index, window_attention
from ..swin_transformer import PatchMerging, SwinTransformerBlock, initialize_linear, stages_of

Norm = Callable[..., Any]


def _get_window_and_shift_size(
    shift_size: list[int], size_dhw: list[int], window_size: list[int]
) -> tuple[list[int], list[int]]:
    """Windows no larger than what there is, and then not shifted."""
    fits = [length > window for length, window in zip(size_dhw, window_size)]
    windows = [window if fit else length for fit, window, length in zip(fits, window_size, size_dhw)]
    return windows, [shift if fit else 0 for fit, shift in zip(fits, shift_size)]


def _get_relative_position_bias(table: Any, index: Any, window_size: list[int]) -> Any:
    """The table's rows for each two places of a window: (1, heads, places, places)."""
    places = math.prod(window_size)
    return table[index[:places, :places].flatten()].view(places, places, -1).permute(2, 0, 1).contiguous().unsqueeze(0)


def _padded(x: Any, patch: tuple[int, int, int]) -> Any:
    """(batch, channels, time, height, width) with whole patches."""
    return F.pad(x, padding_of(x.shape[2:], patch)[2:])


def shifted_window_attention_3d(
    input: Any,
    qkv_weight: Any,
    proj_weight: Any,
    relative_position_bias: Any,
    window_size: list[int],
    num_heads: int,
    shift_size: list[int],
    attention_dropout: float = 0.0,
    dropout: float = 0.0,
    qkv_bias: Any = None,
    proj_bias: Any = None,
    training: bool = True,
) -> Any:
    """Attention inside windows of (batch, time, height, width, channels), moved by ``shift_size``."""
    return window_attention(
        input, qkv_weight, proj_weight, relative_position_bias, window_size, num_heads, shift_size, attention_dropout,
        dropout, qkv_bias, proj_bias, None, training,
    )  # fmt: skip


for _name in ("_get_window_and_shift_size", "_get_relative_position_bias", "_padded", "shifted_window_attention_3d"):
    fx.wrap(_name)


class ShiftedWindowAttention3d(nn.Module):
    """Attention inside windows, with a learnt bias for the way from one place to the other."""

    def __init__(
        self, dim: int, window_size: list[int], shift_size: list[int], num_heads: int, qkv_bias: bool = True,
        proj_bias: bool = True, attention_dropout: float = 0.0, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        if len(window_size) != 3 or len(shift_size) != 3:
            raise ValueError("window_size and shift_size must be of length 3")
        self.window_size = window_size
        self.shift_size = shift_size
        self.num_heads = num_heads
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.qkv = nn.Linear(dim, dim * 3, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim, bias=proj_bias)
        rows = math.prod(2 * extent - 1 for extent in window_size)
        self.relative_position_bias_table = nn.Parameter(flambeau.zeros(rows, num_heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.register_buffer("relative_position_index", relative_position_index(window_size))

    def get_relative_position_bias(self, window_size: list[int]) -> Any:
        """The biases, for each two places of a window."""
        return _get_relative_position_bias(
            self.relative_position_bias_table, self.relative_position_index, window_size
        )

    def forward(self, x: Any) -> Any:
        _, time, height, width, _ = x.shape
        window, shift = _get_window_and_shift_size(self.shift_size, [time, height, width], self.window_size)
        return shifted_window_attention_3d(
            x, self.qkv.weight, self.proj.weight, self.get_relative_position_bias(window), window, self.num_heads,
            shift_size=shift, attention_dropout=self.attention_dropout, dropout=self.dropout, qkv_bias=self.qkv.bias,
            proj_bias=self.proj.bias, training=self.training,
        )  # fmt: skip


class PatchEmbed3d(nn.Module):
    """(batch, channels, time, height, width) as patches (batch, time, height, width, ``embed_dim``)."""

    def __init__(
        self, patch_size: list[int], in_channels: int = 3, embed_dim: int = 96, norm_layer: Norm | None = None
    ) -> None:
        super().__init__()
        self.tuple_patch_size = (patch_size[0], patch_size[1], patch_size[2])
        self.proj = nn.Conv3d(
            in_channels, embed_dim, kernel_size=self.tuple_patch_size, stride=self.tuple_patch_size
        )
        self.norm = nn.Identity() if norm_layer is None else norm_layer(embed_dim)

    def forward(self, x: Any) -> Any:
        return self.norm(self.proj(_padded(x, self.tuple_patch_size)).permute(0, 2, 3, 4, 1))


class SwinTransformer3d(nn.Module):
    """Stages of attention in windows; input (batch, 3, time, height, width), output (batch, ``num_classes``)."""

    def __init__(
        self,
        patch_size: list[int],
        embed_dim: int,
        depths: list[int],
        num_heads: list[int],
        window_size: list[int],
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.1,
        num_classes: int = 400,
        norm_layer: Norm | None = None,
        block: Callable[..., Any] | None = None,
        downsample_layer: Callable[..., Any] = PatchMerging,
        patch_embed: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        norm = partial(nn.LayerNorm, eps=1e-5) if norm_layer is None else norm_layer
        embed = PatchEmbed3d if patch_embed is None else patch_embed
        self.patch_embed = embed(patch_size=patch_size, embed_dim=embed_dim, norm_layer=norm)
        self.pos_drop = nn.Dropout(p=dropout)
        stages = stages_of(
            SwinTransformerBlock if block is None else block, downsample_layer, embed_dim, depths, num_heads, window_size,
            stochastic_depth_prob, norm, mlp_ratio=mlp_ratio, dropout=dropout, attention_dropout=attention_dropout,
            attn_layer=ShiftedWindowAttention3d,
        )  # fmt: skip
        self.features = nn.Sequential(*stages)
        self.num_features = embed_dim * 2 ** (len(depths) - 1)
        self.norm = norm(self.num_features)
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.head = nn.Linear(self.num_features, num_classes)
        initialize_linear(self)

    def forward(self, x: Any) -> Any:
        x = self.norm(self.features(self.pos_drop(self.patch_embed(x))))
        return self.head(self.avgpool(x.permute(0, 4, 1, 2, 3)).flatten(1))


def _variant(size: str, embed_dim: int, depth: int, heads: int) -> tuple[Any, Callable[..., SwinTransformer3d]]:
    """The weights of a variant, and the function that makes it; ``depth`` is that of the third stage."""

    def make(**options: Any) -> SwinTransformer3d:
        all_heads = [heads * 2**i for i in range(4)]
        return SwinTransformer3d(
            [2, 4, 4], embed_dim, [2, 2, depth, 2], all_heads, [8, 7, 7], stochastic_depth_prob=0.1, **options
        )

    return published(__name__, f"Swin3D_{size}", f"Of width {embed_dim} and {depth + 6} blocks.", make)


Swin3D_T_Weights, swin3d_t = _variant("T", 96, 6, 3)
Swin3D_S_Weights, swin3d_s = _variant("S", 96, 18, 3)
Swin3D_B_Weights, swin3d_b = _variant("B", 128, 18, 4)

__all__ = names_of(globals(), "SwinTransformer3d")
