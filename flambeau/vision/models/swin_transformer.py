"""Swin transformers: Z. Liu et al., "Swin Transformer" (2021) and "Swin Transformer V2" (2021)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flambeau
from flambeau import fx, nn
from flambeau.nn import functional as F

from ..ops.misc import MLP, Permute
from ..ops.stochastic_depth import StochasticDepth
from ._published import names_of, published
from ._windows import relative_position_index, window_attention

Norm = Callable[..., Any]


def _patch_merging_pad(x: Any) -> Any:
    """Four neighbours' channels side by side: (..., height, width, channels) to half the size, rounded up."""
    height, width = x.shape[-3:-1]
    x = F.pad(x, (0, 0, 0, width % 2, 0, height % 2))
    return flambeau.cat([x[..., i::2, j::2, :] for j in (0, 1) for i in (0, 1)], -1)


def _get_relative_position_bias(table: Any, index: Any, window_size: list[int]) -> Any:
    """The table's rows for each two places of a window: (1, heads, places, places)."""
    places = window_size[0] * window_size[1]
    return table[index].view(places, places, -1).permute(2, 0, 1).contiguous().unsqueeze(0)


def shifted_window_attention(
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
    logit_scale: Any = None,
    training: bool = True,
) -> Any:
    """Attention inside windows of (batch, height, width, channels), moved by ``shift_size`` where there are several."""
    shift = [
        0 if window >= length else moved for window, length, moved in zip(window_size, input.shape[1:3], shift_size)
    ]
    return window_attention(
        input, qkv_weight, proj_weight, relative_position_bias, window_size, num_heads, shift, attention_dropout, dropout,
        qkv_bias, proj_bias, logit_scale, training,
    )  # fmt: skip


for _name in ("_patch_merging_pad", "_get_relative_position_bias", "shifted_window_attention"):
    fx.wrap(_name)


class PatchMerging(nn.Module):
    """Half the height and width, twice the channels."""

    def __init__(self, dim: int, norm_layer: Norm = nn.LayerNorm) -> None:
        super().__init__()
        self.dim = dim
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = norm_layer(4 * dim)

    def forward(self, x: Any) -> Any:
        return self.reduction(self.norm(_patch_merging_pad(x)))


class PatchMergingV2(nn.Module):
    """Half the height and width, twice the channels, normalised afterwards."""

    def __init__(self, dim: int, norm_layer: Norm = nn.LayerNorm) -> None:
        super().__init__()
        self.dim = dim
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = norm_layer(2 * dim)

    def forward(self, x: Any) -> Any:
        return self.norm(self.reduction(_patch_merging_pad(x)))


class ShiftedWindowAttention(nn.Module):
    """Attention inside windows, with a learnt bias for the way from one place to the other."""

    def __init__(
        self, dim: int, window_size: list[int], shift_size: list[int], num_heads: int, qkv_bias: bool = True,
        proj_bias: bool = True, attention_dropout: float = 0.0, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        if len(window_size) != 2 or len(shift_size) != 2:
            raise ValueError("window_size and shift_size must be of length 2")
        self.window_size = window_size
        self.shift_size = shift_size
        self.num_heads = num_heads
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.qkv = nn.Linear(dim, dim * 3, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim, bias=proj_bias)
        self.define_relative_position_bias_table()
        self.define_relative_position_index()

    def define_relative_position_bias_table(self) -> None:
        """The biases, for each way."""
        rows = (2 * self.window_size[0] - 1) * (2 * self.window_size[1] - 1)
        self.relative_position_bias_table = nn.Parameter(flambeau.zeros(rows, self.num_heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def define_relative_position_index(self) -> None:
        """Which way it is between two places."""
        self.register_buffer("relative_position_index", relative_position_index(self.window_size).flatten())

    def get_relative_position_bias(self) -> Any:
        """The biases, for each two places."""
        return _get_relative_position_bias(
            self.relative_position_bias_table, self.relative_position_index, self.window_size
        )

    def _attention(self, x: Any, **options: Any) -> Any:
        return shifted_window_attention(
            x, self.qkv.weight, self.proj.weight, self.get_relative_position_bias(), self.window_size, self.num_heads,
            shift_size=self.shift_size, attention_dropout=self.attention_dropout, dropout=self.dropout,
            qkv_bias=self.qkv.bias, proj_bias=self.proj.bias, training=self.training, **options,
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        return self._attention(x)


class ShiftedWindowAttentionV2(ShiftedWindowAttention):
    """Attention by cosines; the bias is a small network's answer to the logarithm of the way."""

    def __init__(
        self, dim: int, window_size: list[int], shift_size: list[int], num_heads: int, qkv_bias: bool = True,
        proj_bias: bool = True, attention_dropout: float = 0.0, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(dim, window_size, shift_size, num_heads, qkv_bias, proj_bias, attention_dropout, dropout)
        self.logit_scale = nn.Parameter(flambeau.log(10 * flambeau.ones((num_heads, 1, 1))))
        self.cpb_mlp = nn.Sequential(
            nn.Linear(2, 512, bias=True), nn.ReLU(inplace=True), nn.Linear(512, num_heads, bias=False)
        )
        if qkv_bias:
            third = self.qkv.bias.numel() // 3
            self.qkv.bias.data[third : 2 * third].zero_()

    def define_relative_position_bias_table(self) -> None:
        """The logarithms of ways, of either sign: (1, 2 * height - 1, 2 * width - 1, 2)."""
        extents = [
            flambeau.arange(-(extent - 1), extent, dtype=flambeau.float32) / (extent - 1) for extent in self.window_size
        ]
        ways = flambeau.stack(flambeau.meshgrid(*extents, indexing="ij"), dim=-1).unsqueeze(0) * 8
        self.register_buffer("relative_coords_table", ways.sign() * flambeau.log2(ways.abs() + 1.0) / 3.0)

    def get_relative_position_bias(self) -> Any:
        table = self.cpb_mlp(self.relative_coords_table).view(-1, self.num_heads)
        bias = _get_relative_position_bias(table, self.relative_position_index, self.window_size)
        return 16 * flambeau.sigmoid(bias)

    def forward(self, x: Any) -> Any:
        return self._attention(x, logit_scale=self.logit_scale)


class SwinTransformerBlock(nn.Module):
    """Attention and two linear layers, each behind a normalisation and with a shortcut past it."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        window_size: list[int],
        shift_size: list[int],
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        norm_layer: Norm = nn.LayerNorm,
        attn_layer: Callable[..., Any] = ShiftedWindowAttention,
    ) -> None:
        super().__init__()
        self.norm1 = norm_layer(dim)
        self.attn = attn_layer(
            dim, window_size, shift_size, num_heads, attention_dropout=attention_dropout, dropout=dropout
        )
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.norm2 = norm_layer(dim)
        self.mlp = MLP(dim, [int(dim * mlp_ratio), dim], activation_layer=nn.GELU, inplace=None, dropout=dropout)
        for module in self.mlp.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)

    def forward(self, x: Any) -> Any:
        x = x + self.stochastic_depth(self.attn(self.norm1(x)))
        return x + self.stochastic_depth(self.mlp(self.norm2(x)))


class SwinTransformerBlockV2(SwinTransformerBlock):
    """As before, with normalisations behind rather than before."""

    def __init__(
        self,
        dim: int,
        num_heads: int,
        window_size: list[int],
        shift_size: list[int],
        mlp_ratio: float = 4.0,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        norm_layer: Norm = nn.LayerNorm,
        attn_layer: Callable[..., Any] = ShiftedWindowAttentionV2,
    ) -> None:
        rest = (mlp_ratio, dropout, attention_dropout, stochastic_depth_prob, norm_layer, attn_layer)
        super().__init__(dim, num_heads, window_size, shift_size, *rest)

    def forward(self, x: Any) -> Any:
        x = x + self.stochastic_depth(self.norm1(self.attn(x)))
        return x + self.stochastic_depth(self.norm2(self.mlp(x)))


def stages_of(
    block: Callable[..., Any], downsample: Callable[..., Any], embed_dim: int, depths: Sequence[int],
    num_heads: Sequence[int], window: list[int], probability: float, norm: Norm, **options: Any,
) -> list[nn.Module]:  # fmt: skip
    """Stages of ``depths[i]`` blocks, every other one shifted by half a window, and what halves the size between them."""
    layers: list[nn.Module] = []
    total, made = sum(depths), 0
    for i, (depth, heads) in enumerate(zip(depths, num_heads)):
        dim = embed_dim * 2**i
        blocks = []
        for place in range(depth):
            shift = [0 if place % 2 == 0 else extent // 2 for extent in window]
            skipped = probability * made / (total - 1)
            blocks.append(
                block(
                    dim, heads, window_size=window, shift_size=shift, stochastic_depth_prob=skipped, norm_layer=norm, **options
                )
            )
            made += 1
        layers.append(nn.Sequential(*blocks))
        if i < len(depths) - 1:
            layers.append(downsample(dim, norm))
    return layers


def initialize_linear(network: nn.Module) -> None:
    """Start linear layers from a normal distribution that is cut, without bias."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class SwinTransformer(nn.Module):
    """Stages of attention in windows; input (batch, 3, height, width), output (batch, ``num_classes``)."""

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
        num_classes: int = 1000,
        norm_layer: Norm | None = None,
        block: Callable[..., Any] | None = None,
        downsample_layer: Callable[..., Any] = PatchMerging,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        norm = partial(nn.LayerNorm, eps=1e-5) if norm_layer is None else norm_layer
        patch = (patch_size[0], patch_size[1])
        patches = nn.Sequential(
            nn.Conv2d(3, embed_dim, kernel_size=patch, stride=patch), Permute([0, 2, 3, 1]), norm(embed_dim)
        )
        stages = stages_of(
            SwinTransformerBlock if block is None else block, downsample_layer, embed_dim, depths, num_heads, window_size,
            stochastic_depth_prob, norm, mlp_ratio=mlp_ratio, dropout=dropout, attention_dropout=attention_dropout,
        )  # fmt: skip
        self.features = nn.Sequential(patches, *stages)
        width = embed_dim * 2 ** (len(depths) - 1)
        self.norm = norm(width)
        self.permute = Permute([0, 3, 1, 2])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten(1)
        self.head = nn.Linear(width, num_classes)
        initialize_linear(self)

    def forward(self, x: Any) -> Any:
        x = self.permute(self.norm(self.features(x)))
        return self.head(self.flatten(self.avgpool(x)))


def _variant(
    name: str, embed_dim: int, depth: int, heads: int, probability: float
) -> tuple[Any, Callable[..., SwinTransformer]]:
    """The weights of a variant, and the function that makes it; ``depth`` is that of the third stage."""
    second = name.startswith("V2")
    fixed: dict[str, Any] = {"block": SwinTransformerBlockV2, "downsample_layer": PatchMergingV2} if second else {}

    def make(**options: Any) -> SwinTransformer:
        return SwinTransformer(
            [4, 4], embed_dim, [2, 2, depth, 2], [heads * 2**i for i in range(4)], [8, 8] if second else [7, 7],
            stochastic_depth_prob=probability, **fixed, **options,
        )  # fmt: skip

    description = f"{'The second version, of' if second else 'Of'} width {embed_dim} and {depth + 6} blocks."
    return published(__name__, f"Swin_{name}", description, make)


Swin_T_Weights, swin_t = _variant("T", 96, 6, 3, 0.2)
Swin_S_Weights, swin_s = _variant("S", 96, 18, 3, 0.3)
Swin_B_Weights, swin_b = _variant("B", 128, 18, 4, 0.5)
Swin_V2_T_Weights, swin_v2_t = _variant("V2_T", 96, 6, 3, 0.2)
Swin_V2_S_Weights, swin_v2_s = _variant("V2_S", 96, 18, 3, 0.3)
Swin_V2_B_Weights, swin_v2_b = _variant("V2_B", 128, 18, 4, 0.5)

__all__ = names_of(globals(), "SwinTransformer")
