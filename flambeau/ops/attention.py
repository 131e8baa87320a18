"""Attention: two products with a softmax between them; where the matrix of scores would be large, in one kernel without it."""

from __future__ import annotations

import math
from typing import Any

from ..core.composite import composite
from ..core.history import FREED, INPUTS, Gradient, Packed
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.dtypes import TYPE_NAMES, int32
from ..graph.shapes import Size, View, broadcast_shapes, broadcast_strides, wrap_dim
from ..graph.trace import local, record, record_outputs
from ..random import default_generator
from .choice import where
from .conversion import rounded_once
from .dispatch import attach, tracked
from .dropout import dropout, factor_of, limit_of
from .matrix import matmul
from .memory_order import lay, own_order, seen_in_order
from .operation import operation
from .random import bits_at
from .recording_paths import binary
from .reductions import reduce
from .softmax import safe_softmax, softmax, softmax_within
from .views import contiguous_node, geometry

FEWEST_ROWS, FEWEST_PLACES = 32, 64
"""From how many rows and columns of the matrix of scores on it is not kept in memory."""

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


def _check_mask(mask: Tensor, query: Tensor, key: Tensor) -> None:
    """``RuntimeError`` unless the mask broadcasts to the scores' shape."""
    if mask.ndim == 0:
        raise IndexError("Dimension specified as -2 but tensor has no dimensions")
    wrap_dim(-2, mask.ndim)
    scores = Size((*broadcast_shapes(query.shape[:-2], key.shape[:-2]), query.shape[-2], key.shape[-2]))
    shape = broadcast_shapes(scores, mask.shape)
    if shape != scores:
        raise RuntimeError(f"output with shape {list(scores)} doesn't match the broadcast shape {list(shape)}")


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
    factor = 1.0 / math.sqrt(max(shape[-1], 1)) if scale is None else scale
    if attn_mask is not None:
        _check_mask(attn_mask, query, key)
    if attn_mask is not None and attn_mask.dtype.kind != "bool" and attn_mask.dtype is not query.dtype:
        attn_mask = attn_mask.to(query.dtype)
    if _is_large(query, key, value, attn_mask, dropout_p):
        result = _in_one_kernel(query, key, value, attn_mask, dropout_p, is_causal, factor)
    elif dropout_p > 0.0 or tracked(query, key, value, attn_mask):
        result = _by_scores((is_causal, grouped, dropout_p), query, key, value, attn_mask, factor)[0]
    else:
        (result,) = composite(_by_scores, (is_causal, grouped, 0.0), query, key, value, attn_mask, factor)
    return result.reshape(*shape[:-1], value.shape[-1]) if grouped else result


def _order_like(query: Tensor) -> tuple[int, ...] | None:
    """The order in memory of what is as the query but for the number of features."""
    order = own_order(query)
    return order if order is not None and order[-1] == query.ndim - 1 else None


# --- with the matrix of scores ----------------------------------------------------------------------------------------


def _by_scores(
    settings: tuple[bool, bool, float], query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, factor: float
) -> tuple[Tensor]:
    """The result; ``settings`` (causal, whether heads are grouped, the probability with which weights are dropped)."""
    is_causal, grouped, dropout_p = settings
    weights = _weights(query, key, mask, is_causal, factor)
    if dropout_p > 0.0:
        weights = dropout(weights, dropout_p, True)
    result = matmul(weights, value)
    # Heads that were split off the features by a transposition are put beside each other again by undoing it.
    order = _order_like(query)
    return (result if order is None or grouped else lay(result, order),)


def _numbers(shape: tuple[int, int]) -> Tensor:
    """0, 1, … along the one axis of ``shape`` that is not 1."""
    return Tensor._from_node(record(p.IOTA, (Size(shape), int32), (0, None), (1, None)))


def _weights(query: Tensor, key: Tensor, mask: Tensor | None, is_causal: bool, factor: float) -> Tensor:
    """The softmax of scores (…, L, S)."""
    scores = matmul(query, key.transpose(-2, -1)) * factor
    of_rows = softmax if tracked(scores) else softmax_within
    if is_causal:
        rows, columns = scores.shape[-2:]
        seen = _numbers((1, columns)) <= _numbers((rows, 1))
        return of_rows(where(seen, scores, -math.inf), scores.ndim - 1)
    if mask is None:
        return of_rows(scores, scores.ndim - 1)
    scores = where(mask, scores, -math.inf) if mask.dtype.kind == "bool" else scores + mask
    return safe_softmax(scores, scores.ndim - 1)


# --- without it -------------------------------------------------------------------------------------------------------


def _is_large(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout_p: float) -> bool:
    """Whether attention is computed in one kernel. Sizes decide, and that there is such a kernel."""
    rows, places = query.shape[-2], key.shape[-2]
    if rows < FEWEST_ROWS or places < FEWEST_PLACES or dropout_p >= 1.0 or query.dtype.category != 2 or tracked(mask):
        return False
    return key.shape[-1] == query.shape[-1] and value.shape[-2] == places and 0 not in (query.numel(), key.numel(), value.numel())


def _read_as(x: Tensor, shape: tuple[int, ...]) -> tuple[Any, View]:
    """A tensor's value seen with the axes of ``shape``, along which it is repeated."""
    sizes, strides, offset = geometry(x)
    return x._read(), View(shape, broadcast_strides(tuple(sizes), tuple(strides), shape), offset)


def _in_one_kernel(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, dropout_p: float, is_causal: bool, factor: float
) -> Tensor:
    batch = broadcast_shapes(query.shape[:-2], key.shape[:-2], value.shape[:-2])
    rows, places = query.shape[-2], key.shape[-2]
    operands = [_read_as(x, (*batch, *x.shape[-2:])) for x in (query, key, value)]
    if mask is not None:
        operands.append(_read_as(mask, (*batch, rows, places)))
    numbers: list[Any] = [factor]
    if dropout_p > 0.0:
        numbers += [limit_of(dropout_p), 1.0 / (1.0 - dropout_p), *default_generator.draw(batch.numel() * rows * places)]
    given = [(number, None) for number in numbers]
    order = _order_like(query) if len(batch) == query.ndim - 2 else None
    d = query.dtype
    attributes = (is_causal, mask is not None, order)
    node, sums = record_outputs(p.ATTENTION, attributes, [(Size((*batch, rows)), d, 1)], *operands, *given)
    result = Tensor._from_node(node) if order is None else seen_in_order(node, order)
    if tracked(query, key, value):
        saved = [*operands, *([(None, None)] if mask is None else []), (sums, None), *given, (result._read(), result._view)]
        attach(result, ScaledDotProductFlashAttentionForCpuBackward0, [query, key, value], saved, is_causal)
    return result


class ScaledDotProductFlashAttentionForCpuBackward0(Gradient):
    """``saved``: query, key and value with all batch axes, the mask or None, the logarithms of sums of exponentials, the scale
    and the numbers of dropout, if any, and the result; ``context``: whether the attention is causal."""

    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        if self.saved is None:
            raise RuntimeError(FREED)
        gradients = self._by_operations(grad) if local.grad else self._by_kernel(grad)
        return tuple(each if self.needs(place) else None for place, each in enumerate(gradients))

    def _value(self, place: int) -> tuple[Any, View | None]:
        """What was saved at a place: a value under a view, a number, or None."""
        value, view = self.saved[place]
        return value.open() if type(value) is Packed else (value, view)

    def _by_kernel(self, grad: Tensor) -> tuple[Tensor, ...]:
        query, key, value, mask, sums, *numbers, result = map(self._value, range(len(self.saved)))
        product = binary(p.MUL, grad, Tensor._saved(*result, None))
        delta = reduce(p.SUM, product, (product.ndim - 1,), False, product.dtype)
        outputs = [(_shape(other), grad.dtype, place) for place, other in ((1, key), (2, value))]
        nodes = record_outputs(
            p.ATTENTION_GRADIENT, (self.context, mask[0] is not None), outputs, (grad._read(), grad._view), query, key, value,
            *([] if mask[0] is None else [mask]), (_alone(sums), None), (contiguous_node(delta), None), *numbers,
        )  # fmt: skip
        return tuple(map(Tensor._from_node, nodes))

    def _by_operations(self, grad: Tensor) -> tuple[Tensor, ...]:
        """The same as tensor operations, which can be differentiated again."""
        query, key, value = (self.original(place) for place in range(3))
        (mask, view), _, (factor, _), *dropout_numbers = map(self._value, range(3, len(self.saved) - 1))
        weights = _weights(query, key, None if mask is None else Tensor._saved(mask, view, None), self.context, factor)
        slopes, dropped = matmul(grad, value.transpose(-2, -1)), weights
        if dropout_numbers:
            limit, scale, seed, offset = (number for number, _ in dropout_numbers)
            multiplier = factor_of(bits_at(weights.shape, int32, seed, offset) >= limit, scale, grad.dtype)
            slopes, dropped = slopes * multiplier, dropped * multiplier
        slopes = weights * (slopes - (slopes * weights).sum(-1, True)) * factor
        return matmul(slopes, key), matmul(slopes.transpose(-2, -1), query), matmul(dropped.transpose(-2, -1), grad)


def _shape(pair: tuple[Any, View | None]) -> Size:
    value, view = pair
    return value.shape if view is None else view.sizes


def _alone(pair: tuple[Any, View | None]) -> Any:
    """A node that holds a value's elements and nothing else."""
    return contiguous_node(Tensor._saved(*pair, None))
