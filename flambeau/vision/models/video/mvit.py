"""Multiscale vision transformers: H. Fan et al., "Multiscale Vision Transformers" (2021), Y. Li et al., "MViTv2" (2021)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import flambeau
from flambeau import fx, nn

from ...ops.misc import MLP
from ...ops.stochastic_depth import StochasticDepth
from .._published import names_of, published

Norm = Callable[..., Any]
Extents = tuple[int, int, int]


@dataclass
class MSBlockConfig:
    """The settings of a block: how queries, and keys and values, are pooled before attention (not at all if empty)."""

    num_heads: int
    input_channels: int
    output_channels: int
    kernel_q: list[int]
    kernel_kv: list[int]
    stride_q: list[int]
    stride_kv: list[int]


def _unsqueeze(x: Any, target_dim: int, expand_dim: int) -> tuple[Any, int]:
    """``x`` with ``target_dim`` axes, and how many it had. ``ValueError`` if it lacks more than one."""
    had = x.dim()
    if had == target_dim - 1:
        x = x.unsqueeze(expand_dim)
    elif had != target_dim:
        raise ValueError(f"Unsupported input dimension {x.shape}")
    return x, had


def _squeeze(x: Any, target_dim: int, expand_dim: int, tensor_dim: int) -> Any:
    """``x`` as it was before :func:`_unsqueeze`."""
    return x.squeeze(expand_dim) if tensor_dim == target_dim - 1 else x


class Pool(nn.Module):
    """Pools (batch, heads, 1 + time * height * width, channels), but for what stands for the class; then normalises."""

    def __init__(
        self, pool: nn.Module, norm: nn.Module | None, activation: nn.Module | None = None, norm_before_pool: bool = False
    ) -> None:
        super().__init__()
        self.pool = pool
        layers = [layer for layer in (norm, activation) if layer is not None]
        self.norm_act = nn.Sequential(*layers) if layers else None
        self.norm_before_pool = norm_before_pool

    def forward(self, x: Any, thw: Extents) -> tuple[Any, Extents]:
        x, had = _unsqueeze(x, 4, 1)
        token, x = flambeau.tensor_split(x, (1,), dim=2)
        x = x.transpose(2, 3)
        batch, heads, channels = x.shape[:3]
        x = x.reshape((batch * heads, channels, *thw)).contiguous()
        if self.norm_before_pool and self.norm_act is not None:
            x = self.norm_act(x)
        x = self.pool(x)
        time, height, width = x.shape[2:]
        x = flambeau.cat((token, x.reshape(batch, heads, channels, -1).transpose(2, 3)), dim=2)
        if not self.norm_before_pool and self.norm_act is not None:
            x = self.norm_act(x)
        return _squeeze(x, 4, 1, had), (time, height, width)


def _ways(table: Any, queries: int, keys: int) -> Any:
    """The rows of a table of ways along one axis, for each query and key: (queries, keys, channels)."""
    rows = 2 * max(queries, keys) - 1
    if table.shape[0] != rows:
        table = nn.functional.interpolate(table.permute(1, 0).unsqueeze(0), size=rows, mode="linear")
        table = table.squeeze(0).permute(1, 0)
    q, k = max(keys / queries, 1.0), max(queries / keys, 1.0)
    way = flambeau.arange(queries)[:, None] * q - (flambeau.arange(keys)[None, :] + (1.0 - keys)) * k
    return table[way.long()]


def _add_rel_pos(
    attn: Any, q: Any, q_thw: Extents, k_thw: Extents, rel_pos_h: Any, rel_pos_w: Any, rel_pos_t: Any
) -> Any:
    """Add to attention what queries have to do with the ways to keys, along each axis."""
    batch, heads, _, channels = q.shape
    places = q[:, :, 1:].reshape(batch, heads, *q_thw, channels)
    parts = [
        flambeau.einsum(rule, places, _ways(table, q_thw[axis], k_thw[axis]))
        for axis, table, rule in (
            (0, rel_pos_t, "bythwc,tkc->bythwk"), (1, rel_pos_h, "bythwc,hkc->bythwk"), (2, rel_pos_w, "bythwc,wkc->bythwk")
        )
    ]  # fmt: skip
    total = parts[1][..., None, :, None] + parts[2][..., None, None, :] + parts[0][..., :, None, None]
    attn[:, :, 1:, 1:] += total.reshape(batch, heads, math.prod(q_thw), math.prod(k_thw))
    return attn


def _add_shortcut(x: Any, shortcut: Any, residual_with_cls_embed: bool) -> Any:
    """Add queries to what attention gives; what stands for the class only if asked for."""
    if residual_with_cls_embed:
        x.add_(shortcut)
    else:
        x[:, :, 1:, :] += shortcut[:, :, 1:, :]
    return x


for _name in ("_unsqueeze", "_squeeze", "_add_rel_pos", "_add_shortcut"):
    fx.wrap(_name)


class MultiscaleAttention(nn.Module):
    """Attention whose queries, keys and values are pooled by convolutions of each channel by itself."""

    def __init__(
        self, input_size: list[int], embed_dim: int, output_dim: int, num_heads: int, kernel_q: list[int],
        kernel_kv: list[int], stride_q: list[int], stride_kv: list[int], residual_pool: bool,
        residual_with_cls_embed: bool, rel_pos_embed: bool, dropout: float = 0.0, norm_layer: Norm = nn.LayerNorm,
    ) -> None:  # fmt: skip
        super().__init__()
        self.embed_dim = embed_dim
        self.output_dim = output_dim
        self.num_heads = num_heads
        self.head_dim = width = output_dim // num_heads
        self.scaler = 1.0 / math.sqrt(width)
        self.residual_pool = residual_pool
        self.residual_with_cls_embed = residual_with_cls_embed
        self.qkv = nn.Linear(embed_dim, 3 * output_dim)
        dropped = [nn.Dropout(dropout, inplace=True)] if dropout > 0.0 else []
        self.project = nn.Sequential(nn.Linear(output_dim, output_dim), *dropped)

        def pool(kernel: list[int], stride: list[int]) -> Pool | None:
            if math.prod(kernel) <= 1 and math.prod(stride) <= 1:
                return None
            padding = [extent // 2 for extent in kernel]
            conv = nn.Conv3d(width, width, kernel, stride=stride, padding=padding, groups=width, bias=False)
            return Pool(conv, norm_layer(width))

        self.pool_q = pool(kernel_q, stride_q)
        self.pool_k = pool(kernel_kv, stride_kv)
        self.pool_v = pool(kernel_kv, stride_kv)
        self.rel_pos_h: Any = None
        self.rel_pos_w: Any = None
        self.rel_pos_t: Any = None
        if rel_pos_embed:
            size = max(input_size[1:])
            longest = max(size // stride[1] if stride else size for stride in (stride_q, stride_kv))
            self.rel_pos_h = nn.Parameter(flambeau.zeros(2 * longest - 1, width))
            self.rel_pos_w = nn.Parameter(flambeau.zeros(2 * longest - 1, width))
            self.rel_pos_t = nn.Parameter(flambeau.zeros(2 * input_size[0] - 1, width))
            for table in (self.rel_pos_h, self.rel_pos_w, self.rel_pos_t):
                nn.init.trunc_normal_(table, std=0.02)

    def forward(self, x: Any, thw: Extents) -> tuple[Any, Extents]:
        batch, places, _ = x.shape
        q, k, v = self.qkv(x).reshape(batch, places, 3, self.num_heads, self.head_dim).transpose(1, 3).unbind(dim=2)
        k, k_thw = (k, thw) if self.pool_k is None else self.pool_k(k, thw)
        v = v if self.pool_v is None else self.pool_v(v, thw)[0]
        q, thw = (q, thw) if self.pool_q is None else self.pool_q(q, thw)
        attn = flambeau.matmul(self.scaler * q, k.transpose(2, 3))
        if self.rel_pos_h is not None:
            attn = _add_rel_pos(attn, q, thw, k_thw, self.rel_pos_h, self.rel_pos_w, self.rel_pos_t)
        x = flambeau.matmul(attn.softmax(dim=-1), v)
        if self.residual_pool:
            _add_shortcut(x, q, self.residual_with_cls_embed)
        return self.project(x.transpose(1, 2).reshape(batch, -1, self.output_dim)), thw


class MultiscaleBlock(nn.Module):
    """Attention and two linear layers, each behind a normalisation and with a shortcut past it, which is pooled too."""

    def __init__(
        self, input_size: list[int], cnf: MSBlockConfig, residual_pool: bool, residual_with_cls_embed: bool,
        rel_pos_embed: bool, proj_after_attn: bool, dropout: float = 0.0, stochastic_depth_prob: float = 0.0,
        norm_layer: Norm = nn.LayerNorm,
    ) -> None:  # fmt: skip
        super().__init__()
        self.proj_after_attn = proj_after_attn
        self.pool_skip: Any = None
        if math.prod(cnf.stride_q) > 1:
            kernel = [stride + 1 if stride > 1 else stride for stride in cnf.stride_q]
            pool = nn.MaxPool3d(kernel, stride=cnf.stride_q, padding=[extent // 2 for extent in kernel])  # type: ignore[arg-type]
            self.pool_skip = Pool(pool, None)
        attn_dim = cnf.output_channels if proj_after_attn else cnf.input_channels
        self.norm1 = norm_layer(cnf.input_channels)
        self.norm2 = norm_layer(attn_dim)
        self.needs_transposal = isinstance(self.norm1, nn.BatchNorm1d)
        self.attn = MultiscaleAttention(
            input_size, cnf.input_channels, attn_dim, cnf.num_heads, cnf.kernel_q, cnf.kernel_kv, cnf.stride_q,
            cnf.stride_kv, residual_pool, residual_with_cls_embed, rel_pos_embed, dropout, norm_layer,
        )  # fmt: skip
        self.mlp = MLP(
            attn_dim, [4 * attn_dim, cnf.output_channels], activation_layer=nn.GELU, dropout=dropout, inplace=None
        )
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.project: Any = None
        if cnf.input_channels != cnf.output_channels:
            self.project = nn.Linear(cnf.input_channels, cnf.output_channels)

    def _normed(self, norm: nn.Module, x: Any) -> Any:
        return norm(x.transpose(1, 2)).transpose(1, 2) if self.needs_transposal else norm(x)

    def forward(self, x: Any, thw: Extents) -> tuple[Any, Extents]:
        first = self._normed(self.norm1, x)
        attention, new_thw = self.attn(first, thw)
        if self.project is not None and self.proj_after_attn:
            x = self.project(first)
        if self.pool_skip is not None:
            x = self.pool_skip(x, thw)[0]
        x = x + self.stochastic_depth(attention)
        second = self._normed(self.norm2, x)
        if self.project is not None and not self.proj_after_attn:
            x = self.project(second)
        return x + self.stochastic_depth(self.mlp(second)), new_thw


class PositionalEncoding(nn.Module):
    """What stands for the class, and unless attention knows of positions, learnt ones in space and time."""

    def __init__(
        self, embed_size: int, spatial_size: tuple[int, int], temporal_size: int, rel_pos_embed: bool
    ) -> None:
        super().__init__()
        self.spatial_size = spatial_size
        self.temporal_size = temporal_size
        self.class_token = nn.Parameter(flambeau.zeros(embed_size))
        self.spatial_pos: Any = None
        self.temporal_pos: Any = None
        self.class_pos: Any = None
        if not rel_pos_embed:
            self.spatial_pos = nn.Parameter(flambeau.zeros(spatial_size[0] * spatial_size[1], embed_size))
            self.temporal_pos = nn.Parameter(flambeau.zeros(temporal_size, embed_size))
            self.class_pos = nn.Parameter(flambeau.zeros(embed_size))

    def forward(self, x: Any) -> Any:
        token = self.class_token.expand(x.size(0), -1).unsqueeze(1)
        x = flambeau.cat((token, x), dim=1)
        if self.spatial_pos is None:
            return x
        positions = self.temporal_pos.unsqueeze(1) + self.spatial_pos.unsqueeze(0)
        positions = flambeau.cat((self.class_pos.unsqueeze(0), positions.flatten(0, 1)), dim=0)
        return x + positions.unsqueeze(0)


class MViT(nn.Module):
    """Blocks of the given settings; input (batch, 3, ``temporal_size``, *``spatial_size``), output (batch, ``num_classes``)."""

    def __init__(
        self,
        spatial_size: tuple[int, int],
        temporal_size: int,
        block_setting: Sequence[MSBlockConfig],
        residual_pool: bool,
        residual_with_cls_embed: bool,
        rel_pos_embed: bool,
        proj_after_attn: bool,
        dropout: float = 0.5,
        attention_dropout: float = 0.0,
        stochastic_depth_prob: float = 0.0,
        num_classes: int = 400,
        block: Callable[..., Any] | None = None,
        norm_layer: Norm | None = None,
        patch_embed_kernel: Extents = (3, 7, 7),
        patch_embed_stride: Extents = (2, 4, 4),
        patch_embed_padding: Extents = (1, 3, 3),
    ) -> None:
        super().__init__()
        if len(block_setting) == 0:
            raise ValueError("The configuration parameter can't be empty.")
        make = MultiscaleBlock if block is None else block
        norm = partial(nn.LayerNorm, eps=1e-6) if norm_layer is None else norm_layer
        first = block_setting[0].input_channels
        self.conv_proj = nn.Conv3d(
            3, first, kernel_size=patch_embed_kernel, stride=patch_embed_stride, padding=patch_embed_padding
        )
        size = [extent // stride for extent, stride in zip((temporal_size, *spatial_size), patch_embed_stride)]
        self.pos_encoding = PositionalEncoding(first, (size[1], size[2]), size[0], rel_pos_embed)
        self.blocks = nn.ModuleList()
        for i, cnf in enumerate(block_setting):
            skipped = stochastic_depth_prob * i / (len(block_setting) - 1.0)
            self.blocks.append(
                make(
                    input_size=size, cnf=cnf, residual_pool=residual_pool, residual_with_cls_embed=residual_with_cls_embed,
                    rel_pos_embed=rel_pos_embed, proj_after_attn=proj_after_attn, dropout=attention_dropout,
                    stochastic_depth_prob=skipped, norm_layer=norm,
                )
            )  # fmt: skip
            if cnf.stride_q:
                size = [extent // stride for extent, stride in zip(size, cnf.stride_q)]
        last = block_setting[-1].output_channels
        self.norm = norm(last)
        self.head = nn.Sequential(nn.Dropout(dropout, inplace=True), nn.Linear(last, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.LayerNorm):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, PositionalEncoding):
                for weights in module.parameters():
                    nn.init.trunc_normal_(weights, std=0.02)

    def forward(self, x: Any) -> Any:
        x = self.conv_proj(_unsqueeze(x, 5, 2)[0])
        x = self.pos_encoding(x.flatten(2).transpose(1, 2))
        thw = (self.pos_encoding.temporal_size, *self.pos_encoding.spatial_size)
        for block in self.blocks:
            x, thw = block(x, thw)
        return self.head(self.norm(x)[:, 0])


_HEADS = [1, *[2] * 2, *[4] * 11, *[8] * 2]
_HALVING = [1, 3, 14]
"""The blocks that halve height and width."""


def _setting(inputs: list[int], outputs: list[int], always_pooled: bool) -> list[MSBlockConfig]:
    """The blocks of a network: keys and values are pooled to the size at the end, queries where the size is halved."""
    setting, stride = [], 8
    for i, (heads, channels, out) in enumerate(zip(_HEADS, inputs, outputs)):
        halves = i in _HALVING
        stride //= 2 if halves else 1
        pooled = always_pooled or halves
        stride_q = ([1, 2, 2] if halves else [1, 1, 1]) if pooled else []
        kernel_q = [3, 3, 3] if pooled else []
        setting.append(MSBlockConfig(heads, channels, out, kernel_q, [3, 3, 3], stride_q, [1, stride, stride]))
    return setting


def _variant(
    name: str, description: str, inputs: list[int], outputs: list[int], second: bool
) -> tuple[Any, Callable[..., MViT]]:
    """The weights of a variant, and the function that makes it."""
    fixed: dict[str, Any] = {"residual_pool": second, "residual_with_cls_embed": False}
    if second:
        fixed |= {"rel_pos_embed": True, "proj_after_attn": True}

    def make(**options: Any) -> MViT:
        options = {"spatial_size": (224, 224), "temporal_size": 16, "stochastic_depth_prob": 0.2, **options}
        if not second:
            options = {"rel_pos_embed": False, "proj_after_attn": False, **options}
        return MViT(block_setting=_setting(inputs, outputs, second), **fixed, **options)

    return published(
        __name__, name, description, make,
        spatial_size=lambda weights: weights.meta["min_size"],
        temporal_size=lambda weights: weights.meta["min_temporal_size"],
    )  # fmt: skip


MViT_V1_B_Weights, mvit_v1_b = _variant(
    "MViT_V1_B", "The base network of the first version.",
    [96, *[192] * 2, *[384] * 11, *[768] * 2], [*[192] * 2, *[384] * 11, *[768] * 3], second=False,
)  # fmt: skip
MViT_V2_S_Weights, mvit_v2_s = _variant(
    "MViT_V2_S", "The small network of the second version.",
    [*[96] * 2, *[192] * 2, *[384] * 11, 768], [96, *[192] * 2, *[384] * 11, *[768] * 2], second=True,
)  # fmt: skip

__all__ = names_of(globals(), "MViT")
