"""Activations; and attention, which PyTorch has beside them."""

from __future__ import annotations

from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...graph.notices import warn
from .. import functional as F
from .. import init
from ..parameter import empty_parameter
from ._layer import layer
from .linear import NonDynamicallyQuantizableLinear
from .module import Module


@layer(F.relu)
class ReLU(Module):
    """``max(input, 0)``."""

    inplace: bool = False


@layer(F.selu)
class SELU(Module):
    """The scaled ELU of self-normalising networks."""

    inplace: bool = False


@layer(F.silu)
class SiLU(Module):
    """``input * sigmoid(input)``."""

    inplace: bool = False


@layer(F.mish)
class Mish(Module):
    """``input * tanh(softplus(input))``."""

    inplace: bool = False


@layer(F.hardsigmoid, shows="")
class Hardsigmoid(Module):
    """``relu6(input + 3) / 6``."""

    inplace: bool = False


@layer(F.hardswish, shows="")
class Hardswish(Module):
    """``input * relu6(input + 3) / 6``."""

    inplace: bool = False


@layer(F.threshold)
class Threshold(Module):
    """``input`` where it exceeds ``threshold``, ``value`` elsewhere."""

    threshold: float
    value: float
    inplace: bool = False


@layer(F.rrelu)
class RReLU(Module):
    """Leaky ReLU with a random slope in training."""

    lower: float = 1.0 / 8
    upper: float = 1.0 / 3
    inplace: bool = False


class Hardtanh(Module):
    """``input`` limited to ``min_val`` … ``max_val``."""

    __constants__ = ["min_val", "max_val", "inplace"]

    def __init__(
        self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False, min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        for old, new, value in (("min_value", "min_val", min_value), ("max_value", "max_val", max_value)):
            if value is not None:
                warn(f"keyword argument `{old}` is deprecated and renamed to `{new}`", FutureWarning)
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}{', inplace=True' if self.inplace else ''}"


class ReLU6(Hardtanh):
    """``min(max(input, 0), 6)``."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


@layer(F.elu)
class ELU(Module):
    """``input`` where positive, ``alpha * (exp(input) - 1)`` elsewhere."""

    alpha: float = 1.0
    inplace: bool = False


@layer(F.celu)
class CELU(Module):
    """``max(0, input) + min(0, alpha * (exp(input / alpha) - 1))``."""

    alpha: float = 1.0
    inplace: bool = False


@layer(F.leaky_relu)
class LeakyReLU(Module):
    """``input`` where positive, ``negative_slope * input`` elsewhere."""

    negative_slope: float = 1e-2
    inplace: bool = False


class PReLU(Module):
    """Leaky ReLU with a learned slope: one, or one for each of ``num_parameters`` channels."""

    __constants__ = ["num_parameters"]

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = empty_parameter(num_parameters, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Every slope as given at construction."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


@layer(F.gelu)
class GELU(Module):
    """``input * Φ(input)``."""

    approximate: str = "none"


@layer(F.glu)
class GLU(Module):
    """The first half along ``dim`` times the sigmoid of the second."""

    dim: int = -1


@layer(F.hardshrink, shows="{lambd}")
class Hardshrink(Module):
    """``input`` where its magnitude exceeds ``lambd``, zero elsewhere."""

    lambd: float = 0.5


@layer(F.softshrink, shows="{lambd}")
class Softshrink(Module):
    """``input`` moved towards zero by ``lambd``."""

    lambd: float = 0.5


@layer(F.softplus)
class Softplus(Module):
    """``log(1 + exp(beta * input)) / beta``."""

    beta: float = 1.0
    threshold: float = 20.0


@layer(F.sigmoid)
class Sigmoid(Module):
    """``1 / (1 + exp(-input))``."""


@layer(F.logsigmoid)
class LogSigmoid(Module):
    """``log(sigmoid(input))``."""


@layer(F.tanh)
class Tanh(Module):
    """The hyperbolic tangent."""


@layer(F.tanhshrink)
class Tanhshrink(Module):
    """``input - tanh(input)``."""


@layer(F.softsign)
class Softsign(Module):
    """``input / (1 + |input|)``."""


@layer(F.softmax)
class Softmax(Module):
    """``exp(input)`` divided by its sum along ``dim``."""

    dim: int | None = None


@layer(F.softmin)
class Softmin(Module):
    """The softmax of ``-input``."""

    dim: int | None = None


@layer(F.log_softmax)
class LogSoftmax(Module):
    """The logarithm of the softmax."""

    dim: int | None = None


class Softmax2d(Module):
    """The softmax over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3)


class MultiheadAttention(Module):
    """Attention of ``num_heads`` heads, each of its part of the features, between projections of input and output.

    Queries have ``embed_dim`` features, keys ``kdim`` and values ``vdim`` (the same by default). ``add_bias_kv`` adds a
    learned place to keys and values, ``add_zero_attn`` one of zeros. ``dropout`` is that of weights. See
    :func:`~flambeau.nn.functional.multi_head_attention_forward`, whose tensors are batch first here with ``batch_first``.
    """

    __constants__ = ["batch_first"]
    bias_k: Tensor | None
    bias_v: Tensor | None

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, add_bias_kv: bool = False,
        add_zero_attn: bool = False, kdim: int | None = None, vdim: int | None = None, batch_first: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} "
                "instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != self.embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        together, apart = (3 * embed_dim,), (embed_dim, self.kdim, self.vdim)
        for name, width in zip(("q_proj_weight", "k_proj_weight", "v_proj_weight"), apart, strict=True):
            self.register_parameter(
                name, None if self._qkv_same_embed_dim else empty_parameter((embed_dim, width), device, dtype)
            )
        self.register_parameter(
            "in_proj_weight",
            empty_parameter((*together, embed_dim), device, dtype) if self._qkv_same_embed_dim else None,
        )
        self.register_parameter("in_proj_bias", empty_parameter(together, device, dtype) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        if add_bias_kv:
            self.bias_k = empty_parameter((1, 1, embed_dim), device, dtype)
            self.bias_v = empty_parameter((1, 1, embed_dim), device, dtype)
        else:
            self.bias_k = self.bias_v = None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if (weight := getattr(self, name)) is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"_qkv_same_embed_dim": True, **state})

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None = None,
        need_weights: bool = True, attn_mask: Tensor | None = None, average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """The result, and the weights or None."""
        floating = any(mask is not None and mask.is_floating_point() for mask in (attn_mask, key_padding_mask))
        key_padding_mask = F._canonical_mask(
            key_padding_mask, "key_padding_mask", F._none_or_dtype(attn_mask), "attn_mask", query.dtype
        )
        attn_mask = F._canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, False)
        if not floating and query is key and key is value and self._takes_fast_path(query):
            return self._fast(query, attn_mask, key_padding_mask, need_weights, average_attn_weights)
        swapped = self.batch_first and query.dim() == 3
        if swapped:
            query, key, value = F._each(lambda x: x.transpose(1, 0), query, key, value)
        result, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias,
            training=self.training, key_padding_mask=key_padding_mask, need_weights=need_weights, attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim, q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight, v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights, is_causal=is_causal,
        )  # fmt: skip
        return result.transpose(1, 0) if swapped else result, weights

    def _takes_fast_path(self, x: Tensor) -> bool:
        """Whether PyTorch computes self-attention to ``x`` without gradients in a function of its own."""
        if self.training or x.dim() != 3 or not self.batch_first or self.num_heads % 2 or self.add_zero_attn:
            return False
        if self.bias_k is not None or self.bias_v is not None or self.in_proj_weight is None or self.in_proj_bias is None:
            return False
        if not x.dtype == self.in_proj_weight.dtype == self.in_proj_bias.dtype:
            return False
        return fast_path_allowed(x, self.in_proj_weight, self.in_proj_bias, self.out_proj.weight, self.out_proj.bias)

    def _fast(
        self, x: Tensor, attn_mask: Tensor | None, key_padding_mask: Tensor | None, need_weights: bool = False,
        average_attn_weights: bool = True,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """What that function gives. All in a mask that is not zero says that a place takes no part."""
        mask, kind = self.merge_masks(attn_mask, key_padding_mask, x)
        if kind == 1:
            mask = mask[:, None, None]  # type: ignore[index]
        return F._self_attention_at_inference(
            x, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.out_proj.weight, self.out_proj.bias,
            None if mask is None else mask != 0, need_weights, average_attn_weights,
        )  # fmt: skip

    def merge_masks(
        self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, query: Tensor
    ) -> tuple[Tensor | None, int | None]:
        """One mask of two for a query (N, L, E), and its kind: 1 if it is of padding alone, else 2, (N, heads, L, L)."""
        if attn_mask is None:
            return key_padding_mask, None if key_padding_mask is None else 1
        batch, length, _ = query.shape
        if attn_mask.dim() == 3:
            merged = attn_mask.view(batch, -1, length, length)
        else:
            merged = attn_mask.view(1, 1, length, length).expand(batch, self.num_heads, -1, -1)
        if key_padding_mask is not None:
            merged = merged + key_padding_mask.view(batch, 1, 1, length).expand(-1, self.num_heads, -1, -1)
        return merged, 2


def fast_path_allowed(*tensors: Tensor | None) -> bool:
    """Whether attention to these tensors may be computed as PyTorch does it for inference."""
    if not flambeau.backends.mha.get_fastpath_enabled() or flambeau.is_autocast_enabled():
        return False
    return not flambeau.is_grad_enabled() or not any(x is not None and x.requires_grad for x in tensors)
