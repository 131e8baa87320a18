"""Vision transformers: A. Dosovitskiy et al., "An Image is Worth 16x16 Words" (2020)."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import flambeau
from flambeau import nn

from ..ops.misc import MLP, Conv2dNormActivation
from ._published import names_of, published

Norm = Callable[..., Any]
_NORM = partial(nn.LayerNorm, eps=1e-6)


class ConvStemConfig(NamedTuple):
    """The settings of a convolution, of which several may take the place of the one that makes patches."""

    out_channels: int
    kernel_size: int
    stride: int
    norm_layer: Norm = nn.BatchNorm2d
    activation_layer: Callable[..., Any] = nn.ReLU


class MLPBlock(MLP):
    """Two linear layers with a GELU between them."""

    _version = 2

    def __init__(self, in_dim: int, mlp_dim: int, dropout: float) -> None:
        super().__init__(in_dim, [mlp_dim, in_dim], activation_layer=nn.GELU, inplace=None, dropout=dropout)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, local_metadata: Any, *rest: Any) -> None:
        if (local_metadata.get("version") or 1) < 2:  # the layers had names
            for i in range(2):
                for kind in ("weight", "bias"):
                    if (old := f"{prefix}linear_{i + 1}.{kind}") in state_dict:
                        state_dict[f"{prefix}{3 * i}.{kind}"] = state_dict.pop(old)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


def _check_sequence(input: Any) -> None:
    flambeau._assert(input.dim() == 3, f"Expected (batch_size, seq_length, hidden_dim) got {input.shape}")


class EncoderBlock(nn.Module):
    """Attention and an :class:`MLPBlock`, each behind a normalisation and with a shortcut past it."""

    def __init__(
        self, num_heads: int, hidden_dim: int, mlp_dim: int, dropout: float, attention_dropout: float,
        norm_layer: Norm = _NORM,
    ) -> None:  # fmt: skip
        super().__init__()
        self.num_heads = num_heads
        self.ln_1 = norm_layer(hidden_dim)
        self.self_attention = nn.MultiheadAttention(hidden_dim, num_heads, dropout=attention_dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = norm_layer(hidden_dim)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, input: Any) -> Any:
        _check_sequence(input)
        x = self.ln_1(input)
        x, _ = self.self_attention(x, x, x, need_weights=False)
        x = self.dropout(x) + input
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Learnt positions, ``num_layers`` blocks and a normalisation, for sequences of ``seq_length``."""

    def __init__(
        self, seq_length: int, num_layers: int, num_heads: int, hidden_dim: int, mlp_dim: int, dropout: float,
        attention_dropout: float, norm_layer: Norm = _NORM,
    ) -> None:  # fmt: skip
        super().__init__()
        self.pos_embedding = nn.Parameter(flambeau.empty(1, seq_length, hidden_dim).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        rest = (num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer)
        self.layers = nn.Sequential(OrderedDict((f"encoder_layer_{i}", EncoderBlock(*rest)) for i in range(num_layers)))
        self.ln = norm_layer(hidden_dim)

    def forward(self, input: Any) -> Any:
        _check_sequence(input)
        return self.ln(self.layers(self.dropout(input + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """A transformer of patches; input (batch, 3, ``image_size``, ``image_size``), output (batch, ``num_classes``).

    ``representation_size`` is that of a layer before the last, if there is to be one; ``conv_stem_configs`` are convolutions
    that make the patches. The last layer begins as zero.
    """

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
        representation_size: int | None = None,
        norm_layer: Norm = _NORM,
        conv_stem_configs: Sequence[ConvStemConfig] | None = None,
    ) -> None:
        super().__init__()
        flambeau._assert(image_size % patch_size == 0, "Input shape indivisible by patch size!")
        self.image_size = image_size
        self.patch_size = patch_size
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.attention_dropout = attention_dropout
        self.dropout = dropout
        self.num_classes = num_classes
        self.representation_size = representation_size
        self.norm_layer = norm_layer
        if conv_stem_configs is None:
            self.conv_proj: nn.Module = nn.Conv2d(3, hidden_dim, kernel_size=patch_size, stride=patch_size)
        else:
            self.conv_proj = nn.Sequential()
            channels = 3
            for i, stem in enumerate(conv_stem_configs):
                conv = Conv2dNormActivation(
                    channels, stem.out_channels, kernel_size=stem.kernel_size, stride=stem.stride,
                    norm_layer=stem.norm_layer, activation_layer=stem.activation_layer,
                )  # fmt: skip
                self.conv_proj.add_module(f"conv_bn_relu_{i}", conv)
                channels = stem.out_channels
            self.conv_proj.add_module("conv_last", nn.Conv2d(channels, hidden_dim, kernel_size=1))
        self.class_token = nn.Parameter(flambeau.zeros(1, 1, hidden_dim))
        self.seq_length = (image_size // patch_size) ** 2 + 1  # one for the class
        self.encoder = Encoder(
            self.seq_length, num_layers, num_heads, hidden_dim, mlp_dim, dropout, attention_dropout, norm_layer
        )
        heads: OrderedDict[str, nn.Module] = OrderedDict()
        if representation_size is not None:
            heads["pre_logits"] = nn.Linear(hidden_dim, representation_size)
            heads["act"] = nn.Tanh()
        heads["head"] = nn.Linear(hidden_dim if representation_size is None else representation_size, num_classes)
        self.heads = nn.Sequential(heads)
        self._initialize()

    def _initialize(self) -> None:
        if isinstance(self.conv_proj, nn.Conv2d):
            projection, inputs = self.conv_proj, self.conv_proj.in_channels * self.patch_size**2
            nn.init.trunc_normal_(projection.weight, std=math.sqrt(1 / inputs))
        else:
            projection = self.conv_proj.conv_last
            nn.init.normal_(projection.weight, mean=0.0, std=math.sqrt(2.0 / projection.out_channels))
        nn.init.zeros_(projection.bias)
        if self.representation_size is not None:
            before = self.heads.pre_logits
            nn.init.trunc_normal_(before.weight, std=math.sqrt(1 / before.in_features))
            nn.init.zeros_(before.bias)
        nn.init.zeros_(self.heads.head.weight)
        nn.init.zeros_(self.heads.head.bias)

    def _process_input(self, x: Any) -> Any:
        """Pictures as (batch, patches, ``hidden_dim``)."""
        _, _, height, width = x.shape
        for name, extent in (("height", height), ("width", width)):
            flambeau._assert(
                extent == self.image_size, f"Wrong image {name}! Expected {self.image_size} but got {extent}!"
            )
        return self.conv_proj(x).flatten(2).permute(0, 2, 1)

    def forward(self, x: Any) -> Any:
        x = self._process_input(x)
        x = flambeau.cat([self.class_token.expand(x.shape[0], -1, -1), x], dim=1)
        return self.heads(self.encoder(x)[:, 0])


def interpolate_embeddings(
    image_size: int, patch_size: int, model_state: Any, interpolation_mode: str = "bicubic", reset_heads: bool = False
) -> Any:
    """A network's ``state_dict`` for pictures of another size: positions are interpolated. ``model_state`` changes.

    With ``reset_heads``, and if the size is another one, the last layers are left out. ``ValueError`` unless positions are
    those of a square.
    """
    positions = model_state["encoder.pos_embedding"]
    batch, length, width = positions.shape
    if batch != 1:
        raise ValueError(f"Unexpected position embedding shape: {positions.shape}")
    side = image_size // patch_size
    if side * side + 1 == length:
        return model_state
    old_side = math.isqrt(length - 1)
    if old_side * old_side != length - 1:
        raise ValueError(
            f"seq_length is not a perfect square! Instead got seq_length_1d * seq_length_1d = {old_side * old_side} and "
            f"seq_length = {length - 1}"
        )
    square = positions[:, 1:].permute(0, 2, 1).reshape(1, width, old_side, old_side)
    square = nn.functional.interpolate(square, size=side, mode=interpolation_mode, align_corners=True)
    square = square.reshape(1, width, side * side).permute(0, 2, 1)
    model_state["encoder.pos_embedding"] = flambeau.cat([positions[:, :1], square], dim=1)
    if reset_heads:
        return OrderedDict((key, value) for key, value in model_state.items() if not key.startswith("heads"))
    return model_state


def _variant(
    name: str, patch_size: int, num_layers: int, num_heads: int, hidden_dim: int
) -> tuple[Any, Callable[..., VisionTransformer]]:
    """The weights of a variant, and the function that makes it."""

    def make(**options: Any) -> VisionTransformer:
        size = options.pop("image_size", 224)
        return VisionTransformer(size, patch_size, num_layers, num_heads, hidden_dim, 4 * hidden_dim, **options)

    description = f"{num_layers} layers, for patches of {patch_size}x{patch_size} pixels."
    return published(
        __name__, f"ViT_{name}", description, make, "" if name == "H_14" else None,
        image_size=lambda weights: weights.meta["min_size"][0],
    )  # fmt: skip


ViT_B_16_Weights, vit_b_16 = _variant("B_16", 16, 12, 12, 768)
ViT_B_32_Weights, vit_b_32 = _variant("B_32", 32, 12, 12, 768)
ViT_L_16_Weights, vit_l_16 = _variant("L_16", 16, 24, 16, 1024)
ViT_L_32_Weights, vit_l_32 = _variant("L_32", 32, 24, 16, 1024)
ViT_H_14_Weights, vit_h_14 = _variant("H_14", 14, 32, 16, 1280)

__all__ = names_of(globals(), "VisionTransformer")
