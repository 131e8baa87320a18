"""Functions that are several operations beneath Python, in terms of these: what they call is recorded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..nn import functional as F


def _normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    return input / input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)


def _local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    square = input.mul(input).unsqueeze(1).flatten(3)
    padded = F.pad(square, (0, 0, size // 2, (size - 1) // 2))
    mean = F.avg_pool2d(padded, (size, 1), stride=1).squeeze(1).view(input.shape)
    return input / mean.mul(alpha).add(k).pow(beta)


def _lp_pool(count: int) -> Callable[..., Any]:
    def pool(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Any:
        sizes = kernel_size if isinstance(kernel_size, (tuple, list)) else [kernel_size] * count
        average = getattr(F, f"avg_pool{count}d")
        found = average(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
        return (flambeau.sign(found) * F.relu(flambeau.abs(found))).mul(math.prod(sizes)).pow(1.0 / norm_type)

    return pool


def _gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    noise = -flambeau.empty_like(logits).exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    return flambeau.zeros_like(logits).scatter_(dim, index, 1.0) - soft.detach() + soft


def _softmin(input: Any, dim: Any = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
    return F.softmax(-input, dim, dtype=dtype)


def _dropout_channels(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    return (flambeau.feature_dropout_ if inplace else flambeau.feature_dropout)(input, p, training)


def _dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    if input.dim() == 3:
        return _dropout_channels(input, p, training, inplace)
    return _dropout_channels(input.unsqueeze(0), p, training, inplace).squeeze(0)


def _upsample(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None) -> Any:
    return F.interpolate(input, size, scale_factor, mode, align_corners)


def _triplet(anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
             swap: bool = False, size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> Any:  # fmt: skip
    near, far = F.pairwise_distance(anchor, positive, p, eps), F.pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = flambeau.minimum(far, F.pairwise_distance(positive, negative, p, eps))
    return _reduced((near - far + margin).clamp_min(0), reduction)


def _pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def _cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    product = (x1 * x2).sum(dim)
    lengths = [(x * x).sum(dim).sqrt().clamp_min(eps) for x in (x1, x2)]
    return product / (lengths[0] * lengths[1])


def _reduced(value: Any, reduction: str) -> Any:
    return value.mean() if reduction == "mean" else value.sum() if reduction == "sum" else value


def _gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> Any:
    var = flambeau.full_like(input, var) if not isinstance(var, Tensor) else var
    if var.size() != input.size() and input.dim() == var.dim() + 1:
        var = var.unsqueeze(-1)
    var = var.clamp(min=eps)
    loss = 0.5 * (flambeau.log(var) + (input - target) ** 2 / var)
    return _reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


# --- attention with several heads ------------------------------------------------------------------------------------


def _projections(
    query: Any, key: Any, value: Any, weight: Any, bias: Any, separate: tuple[Any, Any, Any] | None
) -> tuple[Any, Any, Any]:
    """Queries, keys and values, as PyTorch projects them: by one product where they are the same."""
    if separate is None and query is key and key is value:
        width = query.size(-1)
        packed = F.linear(query, weight, bias).unflatten(-1, (3, width)).unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous()
        return packed[0], packed[1], packed[2]
    weights = separate or weight.chunk(3)
    biases = (None, None, None) if bias is None else bias.chunk(3)
    q, k, v = (F.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases))
    return q, k, v


def _as_scores(mask: Any, dtype: Any) -> Any:
    """A mask that is added to scores."""
    if mask is None or mask.is_floating_point():
        return mask
    return flambeau.zeros_like(mask, dtype=dtype).masked_fill(mask, -math.inf)


def _multi_head_attention_forward(
    query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int, in_proj_weight: Any, in_proj_bias: Any,
    bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float, out_proj_weight: Any, out_proj_bias: Any,
    training: bool = True, key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None, v_proj_weight: Any = None,
    static_k: Any = None, static_v: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
) -> tuple[Any, Any]:  # fmt: skip
    if static_k is not None or static_v is not None:
        raise NotImplementedError("torch.export: multi_head_attention_forward with static_k or static_v")
    batched = query.dim() == 3
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, features = query.shape
    width = features // num_heads
    padding, mask = _as_scores(key_padding_mask, query.dtype), _as_scores(attn_mask, query.dtype)
    if is_causal and padding is None and not need_weights:
        mask = None  # it is what the hint says
    else:
        is_causal = False
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    q, k, v = _projections(query, key, value, in_proj_weight, in_proj_bias, separate)
    added = 0
    if bias_k is not None:
        k, v = flambeau.cat([k, bias_k.repeat(1, batch, 1)]), flambeau.cat([v, bias_v.repeat(1, batch, 1)])
        added = 1
    q, k, v = (x.view(x.shape[0], batch, num_heads, width).permute(1, 2, 0, 3) for x in (q, k, v))
    if add_zero_attn:
        k, v = F.pad(k, (0, 0, 0, 1)), F.pad(v, (0, 0, 0, 1))
        added += 1
    if mask is not None:
        mask = mask.view(batch, num_heads, mask.shape[-2], mask.shape[-1]) if mask.dim() == 3 else mask[None, None]
        mask = F.pad(mask, (0, added)) if added else mask
    if padding is not None:
        padding = padding.view(batch, 1, 1, padding.shape[-1])
        padding = F.pad(padding, (0, added)) if added else padding
        mask = padding if mask is None else mask + padding
    drop = dropout_p if training else 0.0
    weights = None
    if need_weights:
        scores = (q * math.sqrt(1.0 / width)) @ k.transpose(-2, -1)
        weights = flambeau.softmax(scores if mask is None else scores + mask, -1)
        weights = F.dropout(weights, drop) if drop > 0.0 else weights
        attended = weights @ v
        weights = weights.mean(1) if average_attn_weights else weights
        weights = weights if batched else weights.squeeze(0)
    else:
        attended = F.scaled_dot_product_attention(q, k, v, mask, drop, is_causal)
    joined = attended.permute(2, 0, 1, 3).reshape(length, batch, features)
    result = F.linear(joined, out_proj_weight, out_proj_bias)
    return result if batched else result.squeeze(1), weights


COMPOSED: dict[str, Callable[..., Any]] = {
    "functional.normalize": _normalize, "functional.local_response_norm": _local_response_norm,
    **{f"functional.lp_pool{count}d": _lp_pool(count) for count in (1, 2, 3)},
    "functional.gumbel_softmax": _gumbel_softmax, "functional.softmin": _softmin,
    "functional.softsign": lambda input: input / (input.abs() + 1),
    "functional.tanhshrink": lambda input: input - input.tanh(),
    "functional.dropout1d": _dropout1d, "functional.dropout2d": _dropout_channels, "functional.dropout3d": _dropout_channels,
    "functional.upsample": _upsample, "functional.upsample_nearest": _upsample,
    "functional.upsample_bilinear": lambda input, size=None, scale_factor=None: _upsample(
        input, size, scale_factor, "bilinear", True),
    "functional.triplet_margin_loss": _triplet, "triplet_margin_loss": _triplet,
    "functional.gaussian_nll_loss": _gaussian_nll_loss, "pairwise_distance": _pairwise_distance,
    "functional.pairwise_distance": _pairwise_distance,
    "functional.multi_head_attention_forward": _multi_head_attention_forward,
    "reshape_as": lambda input, other: input.reshape(other.shape), "view_as": lambda input, other: input.view(other.shape),
    "mv": lambda input, vec: flambeau.matmul(input, vec), "frac": lambda input: input - input.trunc(),
    "relu6": lambda input, inplace=False: F.hardtanh(input, 0.0, 6.0, inplace),
    "functional.relu6": lambda input, inplace=False: F.hardtanh(input, 0.0, 6.0, inplace),
}  # fmt: skip
"""{name of a call: the same in calls that are recorded}."""
