"""Attention with several heads: projections, masks, and the attention of each head."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...graph.notices import warn
from ...ops.choice import where
from ...ops.padding import pad

# --- masks ------------------------------------------------------------------------------------------------------------


def _canonical_mask(
    mask: Tensor | None, mask_name: str, other_type: Any, other_name: str, target_type: Any, check_other: bool = True
) -> Tensor | None:
    """A mask that is added to scores: of a boolean one, minus infinity where it is true."""
    if mask is None:
        return None
    if mask.dtype is not flambeau.bool and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {mask_name} are supported")
    if check_other and other_type is not None and mask.dtype != other_type:
        warn(f"Support for mismatched {mask_name} and {other_name} is deprecated. Use same type for both instead.")
    if mask.is_floating_point():
        return mask
    return flambeau.zeros_like(mask, dtype=target_type).masked_fill(mask, -math.inf)


def _none_or_dtype(input: Tensor | None) -> Any:
    """The dtype of a mask, if there is one."""
    if input is None:
        return None
    if isinstance(input, Tensor):
        return input.dtype
    raise RuntimeError("input to _none_or_dtype() must be None or torch.Tensor")


def _mha_shape_check(
    query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None, attn_mask: Tensor | None, num_heads: int
) -> bool:
    """Whether the query is batched, (L, N, E), or not, (L, E); ``AssertionError`` if the others do not fit."""
    if query.dim() not in (2, 3):
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query tensor"
        )
    dims = query.dim()
    batched = dims == 3
    form = "batched (3-D)" if batched else "unbatched (2-D)"
    if key.dim() != dims or value.dim() != dims:
        raise AssertionError(
            f"For {form} `query`, expected `key` and `value` to be {dims}-D but found {key.dim()}-D and {value.dim()}-D "
            "tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != dims - 1:
        raise AssertionError(
            f"For {form} `query`, expected `key_padding_mask` to be `None` or {dims - 1}-D but found "
            f"{key_padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None:
        if attn_mask.dim() not in (2, 3):
            raise AssertionError(
                f"For {form} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.dim()}-D tensor "
                "instead"
            )
        shape = (num_heads, query.shape[0], key.shape[0])
        if not batched and attn_mask.dim() == 3 and attn_mask.shape != shape:
            raise AssertionError(f"Expected `attn_mask` shape to be {shape} but got {attn_mask.shape}")
    return batched


def _mask_of_heads(mask: Tensor, batch: int, heads: int, length: int, places: int) -> Tensor:
    """A mask of shape (L, S) or (N · heads, L, S) as one of (N or 1, heads or 1, L, S)."""
    if mask.dim() not in (2, 3):
        raise RuntimeError(f"attn_mask's dimension {mask.dim()} is not supported")
    shape = (length, places) if mask.dim() == 2 else (batch * heads, length, places)
    if mask.shape != shape:
        raise RuntimeError(f"The shape of the {mask.dim()}D attn_mask is {mask.shape}, but should be {shape}.")
    return mask.reshape(1, 1, *shape) if mask.dim() == 2 else mask.reshape(batch, heads, length, places)


def _check_key_padding_mask(mask: Tensor, places: int, batch: int) -> None:
    for axis, extent in enumerate((batch, places)):
        if mask.shape[axis] != extent:
            raise AssertionError(f"Expected key_padded_mask.shape[{axis}] to be {extent}, but got {mask.shape[axis]}")


# --- projections ------------------------------------------------------------------------------------------------------


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The exported function, for modes to see (``autocast``)."""
    return flambeau.nn.functional.linear(x, weight, bias)


def _in_projection_packed(q: Tensor, k: Tensor, v: Tensor, w: Tensor, b: Tensor | None = None) -> list[Tensor]:
    """Query, key and value times their thirds of ``w`` (3 E, E); what is the same tensor is projected by one product."""
    width = q.size(-1)
    if k is v and q is k:
        return list(_linear(q, w, b).split(width, -1))
    if k is v:
        weights = w.split([width, 2 * width])
        biases = (None, None) if b is None else b.split([width, 2 * width])
        return [_linear(q, weights[0], biases[0]), *_linear(k, weights[1], biases[1]).split(width, -1)]
    thirds = (None, None, None) if b is None else b.chunk(3)
    return [_linear(x, part, bias) for x, part, bias in zip((q, k, v), w.chunk(3), thirds, strict=True)]


def _in_projection(
    q: Tensor, k: Tensor, v: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor, b_q: Tensor | None = None,
    b_k: Tensor | None = None, b_v: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Query, key and value times a weight each, to the query's number of features; ``AssertionError`` if one does not fit."""
    width = q.size(-1)
    for name, x, w in (("query", q, w_q), ("key", k, w_k), ("value", v, w_v)):
        if w.shape != (width, x.size(-1)):
            raise AssertionError(f"expecting {name} weights shape of {(width, x.size(-1))}, but got {w.shape}")
    for name, bias in (("query", b_q), ("key", b_k), ("value", b_v)):
        if bias is not None and bias.shape != (width,):
            raise AssertionError(f"expecting {name} bias shape of {(width,)}, but got {bias.shape}")
    return _linear(q, w_q, b_q), _linear(k, w_k, b_k), _linear(v, w_v, b_v)


def _each(change: Callable[[Tensor], Tensor], *tensors: Tensor) -> Iterator[Tensor]:
    """``change`` of each. What is the same tensor stays so: it is projected by one product."""
    changed = {id(x): change(x) for x in tensors}
    return (changed[id(x)] for x in tensors)


def _heads_apart(x: Tensor, batch: int, heads: int, width: int) -> Tensor:
    """(L, N, heads · width) as (N, heads, L, width); ``RuntimeError`` if there are not so many elements."""
    if x.shape[1] * x.shape[2] != batch * heads * width:
        raise RuntimeError(f"shape '{[x.shape[0], batch * heads, width]}' is invalid for input of size {x.numel()}")
    return x.unflatten(-1, (heads, width)).permute(1, 2, 0, 3)


def _heads_together(x: Tensor) -> Tensor:
    """(N, heads, L, width) as (L · N, heads · width)."""
    batch, heads, length, width = x.shape
    return x.permute(2, 0, 1, 3).reshape(length * batch, heads * width)


def _static(x: Tensor, name: str, batch: int, heads: int, width: int) -> Tensor:
    """A key or value that was given as it is to be used, (N · heads, S, width), as (N, heads, S, width)."""
    if x.size(0) != batch * heads:
        raise AssertionError(f"expecting {name}.size(0) of {batch * heads}, but got {x.size(0)}")
    if x.size(2) != width:
        raise AssertionError(f"expecting {name}.size(2) of {width}, but got {x.size(2)}")
    return x.unflatten(0, (batch, heads))


# --- all of it --------------------------------------------------------------------------------------------------------


def multi_head_attention_forward(
    query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int, in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: Tensor | None, add_zero_attn: bool, dropout_p: float,
    out_proj_weight: Tensor, out_proj_bias: Tensor | None, training: bool = True, key_padding_mask: Tensor | None = None,
    need_weights: bool = True, attn_mask: Tensor | None = None, use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None, k_proj_weight: Tensor | None = None, v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None, static_v: Tensor | None = None, average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """What :class:`~flambeau.nn.MultiheadAttention` computes: the result, and the weights if they are needed.

    ``query`` (L, N, E), ``key`` (S, N, Ek) and ``value`` (S, N, Ev), or all without N, give (L, N, E). ``attn_mask`` is
    (L, S) or (N · heads, L, S), ``key_padding_mask`` (N, S); booleans are true at places that take no part, other masks are
    added to the scores. The weights are (N, L, S), averaged over the heads, or (N, heads, L, S).
    """
    batched = _mha_shape_check(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = _each(lambda x: x.unsqueeze(1), query, key, value)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    length, batch, features = query.shape
    places = key.shape[0]
    padding = _canonical_mask(
        key_padding_mask, "key_padding_mask", _none_or_dtype(attn_mask), "attn_mask", query.dtype
    )
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and padding is None and not need_weights:
        attn_mask = None  # it is what the hint says
    else:
        attn_mask = _canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, False)
        is_causal = is_causal and padding is None
    if features != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {features}")
    width = features // num_heads
    if width * num_heads != features:
        raise AssertionError(f"embed_dim {features} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
            )
        for name, weight in (("q", q_proj_weight), ("k", k_proj_weight), ("v", v_proj_weight)):
            if weight is None:
                raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
        biases = (None, None, None) if in_proj_bias is None else in_proj_bias.chunk(3)
        q, k, v = _in_projection(query, key, value, q_proj_weight, k_proj_weight, v_proj_weight, *biases)  # type: ignore[arg-type]
    else:
        if key.shape != value.shape:
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        q, k, v = _in_projection_packed(query, key, value, in_proj_weight, in_proj_bias)
    mask = None if attn_mask is None else _mask_of_heads(attn_mask, batch, num_heads, length, places)
    if bias_k is not None and bias_v is not None:
        if static_k is not None:
            raise AssertionError("bias cannot be added to static key.")
        if static_v is not None:
            raise AssertionError("bias cannot be added to static value.")
        k, v = (flambeau.cat([x, bias.repeat(1, batch, 1)]) for x, bias in ((k, bias_k), (v, bias_v)))
        mask, padding = _one_place_more(mask), _one_place_more(padding)
    elif bias_k is not None:
        raise AssertionError("bias_k is set but bias_v is None")
    elif bias_v is not None:
        raise AssertionError("bias_v is set but bias_k is None")
    q = _heads_apart(q, batch, num_heads, width)
    k, v = (
        _heads_apart(x, batch, num_heads, width) if static is None else _static(static, name, batch, num_heads, width)
        for x, static, name in ((k, static_k, "static_k"), (v, static_v, "static_v"))
    )
    if add_zero_attn:
        k, v = (pad(x, (0, 0, 0, 1)) for x in (k, v))
        mask, padding = _one_place_more(mask), _one_place_more(padding)
    places = k.shape[2]
    if padding is not None:
        _check_key_padding_mask(padding, places, batch)
        padding = padding.reshape(batch, 1, 1, places)
        mask = padding if mask is None else mask + padding
    dropout_p = dropout_p if training else 0.0
    weights = None
    if need_weights:
        if is_causal and mask is None:
            raise AssertionError("FIXME: is_causal not implemented for need_weights")
        attended, weights = _attention_and_weights(q, k, v, mask, dropout_p)
        if average_attn_weights:
            weights = weights.mean(1)
        if not batched:
            weights = weights.squeeze(0)
    else:
        attended = flambeau.nn.functional.scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal)
    result = _linear(_heads_together(attended), out_proj_weight, out_proj_bias)
    return result.unflatten(0, (length, batch)) if batched else result, weights


def _one_place_more(mask: Tensor | None) -> Tensor | None:
    """A mask with one place to look at more, which takes part."""
    return None if mask is None else pad(mask, (0, 1))


def _attention_and_weights(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float
) -> tuple[Tensor, Tensor]:
    """The attention of each head and its weights; both not numbers where nothing may be looked at."""
    scores = q * math.sqrt(1.0 / float(q.shape[-1])) @ k.transpose(-2, -1)
    weights = flambeau.softmax(scores if mask is None else scores + mask.to(scores.dtype), -1)
    if dropout_p > 0.0:
        weights = flambeau.dropout(weights, dropout_p, True)
    return weights @ v, weights


def _self_attention_at_inference(
    x: Tensor, num_heads: int, in_proj_weight: Tensor, in_proj_bias: Tensor, out_proj_weight: Tensor,
    out_proj_bias: Tensor | None, masked: Tensor | None, need_weights: bool, average_attn_weights: bool,
) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """What PyTorch's fast path gives: of (N, L, E), with booleans that are true at places that take no part.

    They are broadcast to (N, heads, L, L). Results are not numbers where nothing may be looked at, needed weights or not.
    """
    batch, length, features = x.shape
    q, k, v = (
        part.unflatten(-1, (num_heads, features // num_heads)).transpose(1, 2)
        for part in _linear(x, in_proj_weight, in_proj_bias).split(features, -1)
    )
    weights = None
    if need_weights:
        mask = None if masked is None else where(masked, -math.inf, 0.0).to(x.dtype)
        attended, weights = _attention_and_weights(q, k, v, mask, 0.0)
        weights = weights.mean(1) if average_attn_weights else weights
    elif masked is None:
        attended = flambeau.nn.functional.scaled_dot_product_attention(q, k, v)
    else:
        attended = flambeau.nn.functional.scaled_dot_product_attention(q, k, v, masked.logical_not())
        attended = where(masked.all(-1, True), math.nan, attended)
    return _linear(attended.transpose(1, 2).reshape(batch, length, features), out_proj_weight, out_proj_bias), weights
