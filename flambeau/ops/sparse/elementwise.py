"""Arithmetic of sparse tensors: functions that leave zeros zero, products with what is dense or sparse, and sums."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import promote_types
from ..assignment import assign
from ..by_name import real
from ..dispatch import NUMBERS
from ..from_data import from_array
from ..joining import cat
from ..one_node import one_node
from .calls import compressed_operation, not_run, sparse_operation, written
from .making import looked_up
from .parts import array_of, coalesced, dense, flat_places, in_strict_order, keys_of, sparse_sizes, taken
from .tensor import CooTensor, SparseTensor

# --- of each entry ----------------------------------------------------------------------------------------------------

_OF_SUMS = (
    "abs absolute asin arcsin asinh arcsinh atan arctan atanh arctanh ceil deg2rad erf erfinv expm1 floor frac isinf isnan "
    "isneginf isposinf log1p nan_to_num positive rad2deg relu round sgn sign signbit sin sinh sqrt square tan tanh trunc fix "
    "angle"
).split()
"""Functions of which that of a sum is not the sum of those of its terms: entries with the same coordinates are added up first."""

_OF_TERMS = "neg negative".split()


def _elementwise(name: str, of_sums: bool) -> None:
    def function(input: CooTensor, *arguments: Any, **keywords: Any) -> CooTensor:
        x = coalesced(input) if of_sums else input
        return x.with_entries(getattr(x._entries, name)(*arguments, **keywords))

    def of_compressed(input: SparseTensor, *arguments: Any, **keywords: Any) -> Any:
        return input.with_entries(getattr(input._entries, name)(*arguments, **keywords))

    sparse_operation(name)(function)
    compressed_operation(name)(of_compressed)


for _name in _OF_SUMS:
    _elementwise(_name, of_sums=True)
for _name in _OF_TERMS:
    _elementwise(_name, of_sums=False)


@sparse_operation()
def pow(input: Any, exponent: Any) -> Any:
    if isinstance(exponent, Tensor) or not isinstance(input, CooTensor):
        raise not_run("pow", exponent if isinstance(exponent, SparseTensor) else input)
    if exponent == 0:
        raise RuntimeError("pow: an exponent of zero would make all elements one, and the result dense")
    x = coalesced(input)
    return x.with_entries(x._entries**exponent)


@sparse_operation("any")
def any_(input: CooTensor) -> Tensor:
    return coalesced(input)._entries.any()


# --- products ---------------------------------------------------------------------------------------------------------


def is_number(x: Any) -> bool:
    """Whether something multiplies all entries alike: a number, or a dense tensor without dimensions."""
    return isinstance(x, NUMBERS) or isinstance(x, Tensor) and not x.ndim and not isinstance(x, SparseTensor)


@sparse_operation("mul", "multiply")
def mul(input: Any, other: Any) -> Any:
    if not isinstance(input, CooTensor):
        input, other = other, input
    if is_number(other):
        return input.with_entries(input._entries * other)
    if not isinstance(other, CooTensor):
        return _times_dense(input, other)
    if input.shape != other.shape:
        raise RuntimeError(
            f"mul operands have incompatible sizes: {list(input.shape)} and {list(other.shape)} of sparse tensors must be equal"
        )
    if input._coalesced and other._coalesced:
        return _where_both(input, other)
    # As PyTorch: the result has the places of the one that is not coalesced, or of the smaller.
    if input._coalesced or not other._coalesced and other._nnz() < input._nnz():
        input, other = other, input
    return input.with_entries(input._entries * looked_up(coalesced(other), input))


def _where_both(x: CooTensor, y: CooTensor) -> CooTensor:
    """The products of coalesced tensors where both have an entry."""
    if x._places is y._places or np.array_equal(array_of(x._places), array_of(y._places)):
        return x.with_entries(x._entries * y._entries)
    sizes = sparse_sizes(x)
    first, second = [keys_of(array_of(part._places), sizes) for part in (x, y)]
    _, of_x, of_y = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    chosen = from_array(of_x.astype(np.int64))
    entries = x._entries.index_select(0, chosen) * y._entries.index_select(0, from_array(of_y.astype(np.int64)))
    return CooTensor.of(x._places.index_select(1, chosen), entries, x._size, True)


def _times_dense(x: CooTensor, other: Tensor) -> CooTensor:
    if other.ndim > x.ndim or other.expand(x.shape).shape != x.shape:
        raise RuntimeError(f"mul: the dense tensor's sizes {list(other.shape)} do not expand to {list(x.shape)}")
    spread = other.expand(x.shape)
    sparse = x._dimI()
    if all(step == 0 for step in spread.stride()[:sparse]):
        return x.with_entries(x._entries * spread[(0,) * sparse] if spread.numel() else x._entries)
    return x.with_entries(x._entries * taken(other.expand(x.shape), x._places, sparse))


@sparse_operation("div", "divide", "true_divide")
def div(input: Any, other: Any, *, rounding_mode: Any = None) -> Any:
    if not isinstance(input, CooTensor):
        raise not_run("reciprocal", other)
    if not is_number(other):
        raise RuntimeError(
            "Sparse division requires a scalar or zero-dim dense tensor divisor"
            f" (got shape {list(other.shape)} for divisor)"
        )
    x = input if rounding_mode is None else coalesced(input)
    return x.with_entries(real.div(x._entries, other, rounding_mode=rounding_mode))


@sparse_operation()
def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    if training and p:
        raise not_run("bernoulli_", input)
    return input


@sparse_operation()
def floor_divide(input: Any, other: Any) -> Any:
    return div(input, other, rounding_mode="floor")


# --- sums -------------------------------------------------------------------------------------------------------------


@sparse_operation()
def add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    if not isinstance(input, CooTensor):
        return _onto_dense(input, other, alpha)
    if not isinstance(other, CooTensor):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    if input.shape != other.shape:
        raise RuntimeError(
            f"add: expected sizes of 'self' and 'other' to match, but {list(input.shape)} != {list(other.shape)}"
        )
    if input._dimI() != other._dimI():
        raise RuntimeError(
            f"add: expected 'self' and 'other' to have same number of sparse dimensions, but {input._dimI()} != {other._dimI()}"
        )
    d = promote_types(input.dtype, other.dtype)
    first, second = input._entries.to(d), other._entries.to(d)
    second = second if alpha == 1 else second * alpha
    both = input._coalesced and other._coalesced
    if input._places is other._places or np.array_equal(array_of(input._places), array_of(other._places)):
        return CooTensor.of(input._places, first + second, input._size, input._coalesced)
    joined = CooTensor.of(cat([input._places, other._places], 1), cat([first, second]), input._size)
    sizes = sparse_sizes(input)
    if both or all(in_strict_order(keys_of(array_of(x._places), sizes)) for x in (input, other)):
        return coalesced(joined)._coalesced_(both)
    return joined


def _onto_dense(input: Any, other: CooTensor, alpha: Any) -> Tensor:
    """The sum of a dense tensor and ``alpha`` times a sparse one of its sizes."""
    if not isinstance(input, Tensor):
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    if input.shape != other.shape:
        raise RuntimeError(
            f"add: expected sizes of 'self' and 'other' to match, but {list(input.shape)} != {list(other.shape)}"
        )
    d = promote_types(input.dtype, other.dtype)
    x = input if input.dtype is d else input.to(d)
    return _added_to(x, other._entries.to(d), flat_places(other._places, sparse_sizes(other)), prod(sparse_sizes(other)), alpha)  # type: ignore[no-any-return]


@one_node("AddBackward0")
def _added_to(x: Tensor, entries: Tensor, place: Tensor, count: int, alpha: Any) -> Tensor:
    rows = x if x.ndim == entries.ndim else x.reshape(count, *entries.shape[1:])
    return rows.index_add(0, place, entries, alpha=alpha).reshape(x.shape)  # type: ignore[no-any-return]


@sparse_operation("sub", "subtract")
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return add(input, other, alpha=-alpha)


def _in_place(sign: int) -> Any:
    def operation(input: Any, other: Any, *arguments: Any, alpha: Any = 1) -> Any:
        if arguments:  # an overload of old has the number first
            alpha, other = other, arguments[0]
        result = add(input, other, alpha=sign * alpha)
        if isinstance(input, SparseTensor):
            return written(input, result)
        return assign(input, result)

    return operation


sparse_operation("add_")(_in_place(1))
sparse_operation("sub_", "subtract_")(_in_place(-1))


@sparse_operation("mul_", "multiply_")
def mul_(input: Any, other: Any) -> Any:
    result = mul(input, other)
    return written(input, result) if isinstance(input, SparseTensor) else assign(input, dense(result))
