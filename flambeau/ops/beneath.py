"""What layers and indexing are beneath Python, under PyTorch's names for it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..core.tensor import Tensor
from ..graph.dtypes import float32
from ..graph.shapes import wrap_dim
from .arguments import checked
from .calls import Forms
from .conversion import converted
from .dispatch import tracked
from .joining import cat
from .normalization import batch_normalised, group_normalised
from .one_node import one_node
from .operation import DECLARED, operation
from .statistics import var_mean


def _beside(input: Tensor, weight: Tensor | None, *statistics: Tensor) -> list[Tensor]:
    """Statistics in the input's dtype, unless parameters beside it are of float32."""
    d = input.dtype if weight is None or weight.dtype is input.dtype else float32
    return [converted(each, d) for each in statistics]


@operation(method=False)
def native_group_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, N: int, C: int, HxW: int, group: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """:func:`group_norm` with the mean and the reciprocal standard deviation of each group; the sizes are the input's."""
    result, average, scale = group_normalised(input, group, weight, bias, eps)
    if tracked(input):  # unlike those of batches, the statistics have gradients
        spread, average = var_mean(input.reshape(N, group, -1), 2, correction=0)
        scale = (spread + eps).rsqrt()
    average, scale = _beside(input, weight, average.reshape(N, group), scale.reshape(N, group))
    return result, average, scale


def _batch_normalised(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
    training: bool, momentum: float, eps: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    result, average, scale = batch_normalised(input, weight, bias, running_mean, running_var, training, momentum, eps)
    if not training:
        return result, input.new_empty(0), input.new_empty(0)
    beside = next((x for x in (weight, bias, running_mean) if x is not None), None)
    average, scale = _beside(input, beside, average.reshape(-1), scale.reshape(-1))
    return result, average, scale


@operation(method=False, out=True)
def native_batch_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
    training: bool, momentum: float, eps: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """:func:`batch_norm` with the batch's mean and reciprocal standard deviation, which are empty unless ``training``."""
    return _batch_normalised(input, weight, bias, running_mean, running_var, training, momentum, eps)


@operation(method=False, out=True)
def _native_batch_norm_legit(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Any = None, running_var: Any = None,
    training: Any = None, momentum: Any = None, eps: Any = None,
) -> tuple[Tensor, ...]:  # fmt: skip
    """:func:`native_batch_norm`, also without running statistics: then ``training, momentum, eps`` follow the bias."""
    if eps is None:
        running_mean, running_var, training, momentum, eps = None, None, running_mean, running_var, training
    return _batch_normalised(input, weight, bias, running_mean, running_var, training, momentum, eps)


@operation(method=False, out=True)
def _chunk_cat(tensors: Sequence[Tensor], dim: int, num_chunks: int) -> Tensor:
    """Tensors cut along ``dim`` into equal chunks, filled up with zeros; the chunks of one number lie beside each other,
    flattened: (…, num_chunks, elements of a chunk of all)."""
    if not len(tensors):
        raise RuntimeError("_chunk_cat expects a non-empty input tensor list")
    if num_chunks < 1:
        raise RuntimeError("_chunk_cat expects positive num_chunks")
    if not all(x.numel() for x in tensors):
        raise RuntimeError("_chunk_cat expects non-empty tensor")
    if dim < 0 and len({x.ndim for x in tensors}) > 1:
        raise RuntimeError("_chunk_cat expects non-negative dim when input tensors have different ndims")
    if any(dim >= x.ndim for x in tensors):
        raise RuntimeError("_chunk_cat expects dim < ndim for all input tensors")
    axis = wrap_dim(dim, tensors[0].ndim)
    flat = []
    for x in tensors:
        size = -(-x.shape[axis] // num_chunks)
        missing = size * num_chunks - x.shape[axis]
        if missing:
            x = cat([x, x.new_zeros([missing if k == axis else n for k, n in enumerate(x.shape)])], axis)
        flat.append(x.reshape(*x.shape[:axis], num_chunks, -1))
    return cat(flat, -1)


# --- indices that may lie outside -----------------------------------------------------------------------------------------


def _within(input: Tensor, indices: Sequence[Tensor | None]) -> tuple[Any, ...]:
    return tuple(
        [slice(None) if index is None else index.clamp(0, n - 1) for index, n in zip(indices, input.shape)]
    )


@operation(method=False)
@one_node("UnsafeMaskedIndexBackward0")
def _unsafe_masked_index(input: Tensor, mask: Tensor, indices: Sequence[Tensor | None], fill: Any) -> Tensor:
    """``input[indices]`` where ``mask`` is true, ``fill`` elsewhere, where indices may lie outside."""
    if not input.numel():
        return input.new_full(mask.shape, fill)
    return input[_within(input, indices)].masked_fill(~mask, fill)  # type: ignore[no-any-return]


@operation(method=False)
@one_node("UnsafeMaskedIndexPutAccumulateBackward0")
def _unsafe_masked_index_put_accumulate(
    input: Tensor, mask: Tensor, indices: Sequence[Tensor | None], values: Tensor
) -> Tensor:
    """A copy with ``values`` added at ``indices`` where ``mask`` is true."""
    if not input.numel():
        return input.clone()
    places = [index for index in _within(input, indices) if isinstance(index, Tensor)]
    assert len(places) == len(indices), "indices of all leading axes are given"
    return input.index_put(tuple(places), values.masked_fill(~mask, 0), True)


_FUNCTIONS = (
    native_group_norm, native_batch_norm, _native_batch_norm_legit, _chunk_cat, _unsafe_masked_index,
    _unsafe_masked_index_put_accumulate,
)  # fmt: skip
for _function in _FUNCTIONS:
    _name, _declared = _function.__name__, DECLARED[_function]
    _called = _declared.parameters.get(_name, ())
    globals()[_name] = checked(_function, partial(Forms, _name, [_name], _function, _declared, _called), _name, "flambeau")
