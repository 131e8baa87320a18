"""Softmax and its logarithm: maximum, difference, exponential and sum, which make one kernel over the rows; and attention,
two products with a softmax between them."""

from __future__ import annotations

import math
from typing import Any

from ..core.composite import composite
from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.dtypes import TYPE_NAMES, int32
from ..graph.shapes import Size, wrap_dim, wrap_dims
from ..graph.trace import record
from .choice import where
from .conversion import check_floating, rounded_once
from .dispatch import with_history
from .dropout import dropout
from .elementwise import differentiated, gradient_class
from .matrix import matmul
from .memory_order import lay, own_order
from .operation import Dims, operation
from .recording_paths import binary, ternary, unary
from .reductions import amax, expand_back, reduce, sum, without_axes


def _prepared(name: str, input: Tensor, dim: int, dtype: Any) -> tuple[Tensor, int]:
    x = input if dtype is None or dtype is input.dtype else input.to(dtype)
    x = x.contiguous()  # and so is the result
    axis = wrap_dim(dim, x.ndim)
    check_floating(f"{name}_lastdim_kernel_impl" if axis >= x.ndim - 1 else f"{name}_kernel_impl", x.dtype)
    return x, axis


def _softmax_slope(grad: Tensor, result: Tensor, axis: int) -> Tensor:
    weighted = grad * result
    return weighted - result * weighted.sum(axis, True)


SoftmaxBackward0 = gradient_class("SoftmaxBackward0", _softmax_slope, ("input", "axis"), 1)


@operation("special.softmax", out="exact")
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """``exp(input)`` divided by its sum along ``dim``; ``input`` is first converted to ``dtype`` if that is given."""
    x, axis = _prepared("softmax", input, dim, dtype)
    return _of_rows(x, axis, _softmax_values, SoftmaxBackward0)


@rounded_once
def _of_rows(x: Tensor, axis: int, values: Any, gradient: type[Gradient]) -> Tensor:
    """What ``values`` computes of the rows along ``axis``, with its history."""
    if x.numel():
        (result,) = composite(values, axis, x)
    else:
        result = unary(p.COPY, x)
    return with_history(result, gradient, [x], axis, kept=())


def _softmax_values(axis: int, x: Tensor) -> tuple[Tensor]:
    return (_quotients(x, reduce(p.MAX, x, (axis,), True, x.dtype), axis),)


def _quotients(x: Tensor, largest: Tensor, axis: int) -> Tensor:
    power = unary(p.EXP, binary(p.SUB, x, largest))
    return binary(p.DIV, power, reduce(p.SUM, power, (axis,), True, x.dtype))


@rounded_once
def safe_softmax(x: Tensor, axis: int) -> Tensor:
    """:func:`softmax` that is zero where all elements along the axis are minus infinity."""
    if x.numel() == 0:
        return _of_rows(x, axis, _softmax_values, SoftmaxBackward0)
    largest = reduce(p.MAX, x, (axis,), True, x.dtype)
    result = ternary(p.WHERE, binary(p.EQ, largest, -math.inf), 0.0, _quotients(x, largest, axis))
    return with_history(result, SoftmaxBackward0, [x], axis, kept=())


LogSoftmaxBackward0 = gradient_class(
    "LogSoftmaxBackward0",
    lambda grad, result, axis: grad - result.exp() * grad.sum(axis, True),
    ("input", "axis"),
    1,
)


@operation("special.log_softmax", out="exact")
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """The logarithm of :func:`softmax`, without overflow."""
    x, axis = _prepared("log_softmax", input, dim, dtype)
    return _of_rows(x, axis, _log_softmax_values, LogSoftmaxBackward0)


def _log_softmax_values(axis: int, x: Tensor) -> tuple[Tensor]:
    shifted = binary(p.SUB, x, reduce(p.MAX, x, (axis,), True, x.dtype))
    total = reduce(p.SUM, unary(p.EXP, shifted), (axis,), True, x.dtype)
    return (binary(p.SUB, shifted, unary(p.LOG, total)),)


def _logsumexp_slope(grad: Tensor, input: Tensor, result: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    dims = wrap_dims(dim, input.ndim)
    shares = (input - expand_back(result, input.shape, dims, keepdim)).exp()
    return expand_back(grad, input.shape, dims, keepdim) * shares


@operation("special.logsumexp", out=True)
@differentiated(_logsumexp_slope)
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over axes, without overflow."""
    dims = wrap_dims(dim, input.ndim)
    if not keepdim and input.ndim and isinstance(dim, (tuple, list)) and not dim:
        # All axes are meant, but PyTorch has not prepared for that.
        raise RuntimeError(f"output with shape [] doesn't match the broadcast shape {[1] * input.ndim}")
    x = input if input.dtype.category == 2 else input.to(dtypes.get_default_dtype())
    return _logsumexp(x, dims, keepdim)


@rounded_once
def _logsumexp(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    if x.numel() == 0:
        return sum(x.exp(), dims, keepdim).log()
    high = amax(x, dims, True)
    high = where(high.abs() == math.inf, 0.0, high)
    total = sum((x - high).exp(), dims, True).log() + high
    return without_axes(total, dims, keepdim)


# --- attention --------------------------------------------------------------------------------------------------------

_NAMES = {"Float": "float", "Double": "double", "Half": "c10::Half", "BFloat16": "c10::BFloat16", "Long": "long int",
          "Int": "int", "Bool": "bool"}  # fmt: skip


def _name(x: Tensor) -> str:
    """C++'s name of the dtype, as PyTorch's messages have it."""
    return _NAMES.get(TYPE_NAMES[x.dtype], str(x.dtype))


def _check_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool) -> None:
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
    run of the query's. Weights are dropped with probability ``dropout_p``. A mask that is a rule (``nn.attention.bias``)
    says how by its ``_dispatch``.
    """
    by_rule = getattr(type(attn_mask), "_dispatch", None)
    if by_rule is not None:
        options = {"dropout_p": dropout_p, "is_causal": is_causal, "scale": scale, "enable_gqa": enable_gqa}
        return by_rule(query, key, value, attn_mask, **options)  # type: ignore[no-any-return]
    _check_attention(query, key, value, attn_mask, is_causal)
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
