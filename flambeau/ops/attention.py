"""Attention, composed of two products and a softmax."""

from __future__ import annotations

import math

from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.dtypes import TYPE_NAMES, int32
from ..graph.shapes import Size
from ..graph.trace import record
from .choice import where
from .conversion import rounded_once
from .dropout import dropout
from .matrix import matmul
from .memory_order import lay, own_order
from .operation import operation
from .softmax import safe_softmax, softmax

_NAMES = {"Float": "float", "Double": "double", "Half": "c10::Half", "BFloat16": "c10::BFloat16", "Long": "long int",
          "Int": "int", "Bool": "bool"}  # fmt: skip


def _name(x: Tensor) -> str:
    """C++'s name of the dtype, as PyTorch's messages have it."""
    return _NAMES.get(TYPE_NAMES[x.dtype], str(x.dtype))


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool) -> None:
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {_name(query)} key.dtype: "
            f"{_name(key)} and value.dtype: {_name(value)} instead."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            f"Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: {query.ndim} key.dim: "
            f"{key.ndim} and value.dim: {value.ndim} instead."
        )
    if mask is not None and is_causal:
        raise RuntimeError("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if mask is not None and mask.dtype.kind != "bool" and mask.dtype.name != "float32" and mask.dtype is not query.dtype:
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
            f"{_name(mask)} and  query.dtype: {_name(query)} instead."
        )


_HEADS_INSIDE = (0, 2, 1, 3)


def _numbers(shape: tuple[int, int]) -> Tensor:
    """0, 1, … along the one axis of ``shape`` that is not 1."""
    return Tensor._from_node(record(p.IOTA, (Size(shape), int32), (0, None), (1, None)))


@operation(only="functional.scaled_dot_product_attention")
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, *, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """``softmax(query keyᵀ · scale + mask) value`` over the last two dimensions.

    ``query`` (…, L, E), ``key`` (…, S, E), ``value`` (…, S, Ev) give (…, L, Ev); ``scale`` is 1 / √E by default. A boolean
    mask says which places take part, any other is added; a row with no place to look at gives zeros. ``is_causal`` lets
    row i look at places up to i. With ``enable_gqa`` key and value may have fewer heads (dimension -3), each serving a
    run of the query's. Weights are dropped with probability ``dropout_p``.
    """
    _check(query, key, value, attn_mask, is_causal)
    return _attended(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)


@rounded_once
def _attended(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None, dropout_p: float, is_causal: bool,
    scale: float | None, enable_gqa: bool,
) -> Tensor:  # fmt: skip
    shape = query.shape
    grouped = False
    if enable_gqa and query.ndim > 2 and key.shape[-3] != shape[-3]:
        heads = key.shape[-3]
        if shape[-3] % heads or shape[-3] % value.shape[-3]:
            raise RuntimeError("Number of heads in key and value must divide the number of heads in ")
        grouped = True
        # The query's heads that share a key become an axis along which key and value are broadcast.
        query = query.reshape(*shape[:-3], heads, shape[-3] // heads, *shape[-2:])
        key, value = key.unsqueeze(-3), value.unsqueeze(-3)
        if attn_mask is not None and attn_mask.ndim > 2:
            one = attn_mask.shape[-3] == 1
            split = (1, 1) if one else (heads, shape[-3] // heads)
            attn_mask = attn_mask.reshape(*attn_mask.shape[:-3], *split, *attn_mask.shape[-2:])
    factor = 1.0 / math.sqrt(shape[-1]) if scale is None else scale
    scores = matmul(query, key.transpose(-2, -1)) * factor
    if is_causal:
        rows, columns = scores.shape[-2:]
        seen = _numbers((1, columns)) <= _numbers((rows, 1))
        weights = softmax(where(seen, scores, -math.inf), -1)
    elif attn_mask is None:
        weights = softmax(scores, -1)
    elif attn_mask.dtype.kind == "bool":
        weights = safe_softmax(where(attn_mask, scores, -math.inf), scores.ndim - 1)
    else:
        scores = scores + (attn_mask if attn_mask.dtype is scores.dtype else attn_mask.to(scores.dtype))
        weights = safe_softmax(scores, scores.ndim - 1)
    if dropout_p > 0.0:
        weights = dropout(weights, dropout_p, True)
    result = matmul(weights, value)
    if grouped:
        return result.reshape(*shape[:-1], value.shape[-1])
    # Heads that were split off the features by a transposition are put beside each other again by undoing it.
    return lay(result, _HEADS_INSIDE) if own_order(query) == _HEADS_INSIDE else result
