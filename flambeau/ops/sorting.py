"""Order: sorting, the largest and smallest, medians, modes and quantiles. NaN counts as larger than every number."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import return_types
from ..core.composite import composite
from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.checks import Check
from ..graph.shapes import Size, wrap_dim
from .dispatch import checked, with_history
from .elementwise import gradient_class
from .host import on_host
from .memory_order import lay, own_order
from .operation import operation


class ValueSelectingBackward(Gradient):
    """The gradient goes to the elements that were found. ``context`` (axis, input's shape, whether the axis was kept);
    ``saved`` holds the indices second."""

    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        axis, shape, kept = self.context
        if not shape:
            return grad
        index = self.input(1)
        if not kept:
            grad, index = grad.unsqueeze(axis), index.unsqueeze(axis)
        return grad.new_zeros(shape).scatter_add(axis, index, grad)


# SortBackward1: Where it was said whether to be stable.
SortBackward0 = ValueSelectingBackward.named("SortBackward0")
SortBackward1 = ValueSelectingBackward.named("SortBackward1")


def _found(
    function: Any, parameters: dict[str, Any], input: Tensor, axis: int, shape: Sequence[int], gradient: type[Gradient],
    kept: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Values and indices that ``function`` finds along an axis of extent > 0, with the values' history."""
    sizes = input.shape
    static = function, tuple(parameters.items()), Size(shape)
    values, indices = composite(_on_host, static, input if sizes else input.reshape(1))
    return with_history(values, gradient, [input, indices], (axis, sizes, kept), kept=[None, indices]), indices


def _on_host(static: tuple[Any, tuple[tuple[str, Any], ...], Size], x: Tensor) -> tuple[Tensor, ...]:
    function, parameters, shape = static
    return on_host(function, dict(parameters), [(shape, x.dtype), (shape, dtypes.int64)], x)


def _without(shape: Sequence[int], axis: int, keepdim: bool) -> list[int]:
    return [1 if k == axis else n for k, n in enumerate(shape) if keepdim or k != axis]


# --- sort ---------------------------------------------------------------------------------------------------------------


def _order(array: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    """Indices that sort, equal elements staying in their order."""
    if not descending:
        return np.argsort(array, axis=axis, kind="stable")
    backwards = np.flip(np.argsort(np.flip(array, axis), axis=axis, kind="stable"), axis)
    return array.shape[axis] - 1 - backwards  # type: ignore[no-any-return]


def _sorted(array: np.ndarray, axis: int, descending: bool) -> tuple[np.ndarray, np.ndarray]:
    order = _order(array, axis, descending)
    return np.take_along_axis(array, order, axis), order


def _sort(input: Tensor, dim: int, descending: bool, gradient: type[Gradient] = SortBackward0) -> tuple[Tensor, Tensor]:
    axis = wrap_dim(dim, input.ndim)
    parameters = {"axis": axis, "descending": bool(descending)}
    values, indices = _found(_sorted, parameters, input, axis, input.shape, gradient, True)
    order = own_order(input)
    return lay(values, order), lay(indices, order)


@operation(out=True)
def sort(
    input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = None
) -> tuple[Tensor, Tensor]:
    """The elements along ``dim`` in order, and where each was: (values, indices). Always stable."""
    gradient = SortBackward0 if stable is None else SortBackward1
    return return_types.sort(_sort(input, dim, descending, gradient))  # type: ignore[no-any-return]


@operation(out="exact")
def argsort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
    """Indices that sort along ``dim``. Always stable."""
    return _sort(input.detach(), dim, descending)[1]


@operation(out="exact")
def msort(input: Tensor) -> Tensor:
    """Sorted along the first axis."""
    return _sort(input, 0, False)[0]


# --- the first few ------------------------------------------------------------------------------------------------------


FEW = 16
"""So many of the largest of a single line are found one after the other, faster than the line is divided."""


def _few_largest(line: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The largest elements, NaN first, and where they are; None if minus infinity is among them."""
    order = [line.argmax()]
    if count > 1:
        rest = line.copy()
        for _ in range(count - 1):
            rest[order[-1]] = -np.inf
            order.append(rest.argmax())
        if rest[order[-1]] == -np.inf:
            return None
    places = np.array(order)
    return line[places], places


def _top(array: np.ndarray, count: int, axis: int, largest: bool) -> tuple[np.ndarray, np.ndarray]:
    """The ``count`` first in order, equal elements by position among those chosen."""
    if not count or not array.size:
        values = np.take(array, range(count), axis)
        return values, np.zeros(values.shape, np.int64)
    n = array.shape[axis]
    at = n - count if largest else count - 1
    if array.size == n and largest and count <= FEW and array.dtype.kind == "f":
        found = _few_largest(array.reshape(n), count)
        if found is not None:
            shape = *array.shape[:axis], count, *array.shape[axis + 1 :]
            return found[0].reshape(shape), found[1].reshape(shape)
    if array.size == n and 4 * count < n:
        # As below for a single line, as in a search for what is likeliest: functions of an axis take longer than their work.
        line = array.reshape(n)
        parts = line.argpartition(at)
        chosen = parts[at:] if largest else parts[:count]
        chosen.sort()
        values = line[chosen]
        order = count - 1 - values[::-1].argsort(kind="stable")[::-1] if largest else values.argsort(kind="stable")
        shape = *array.shape[:axis], count, *array.shape[axis + 1 :]
        return values[order].reshape(shape), chosen[order].reshape(shape)
    if 4 * count < n:
        parts = np.argpartition(array, at, axis=axis)
        chosen = np.sort(np.take(parts, range(at, n) if largest else range(count), axis), axis=axis)
        values = np.take_along_axis(array, chosen, axis)
        order = _order(values, axis, largest)
        return np.take_along_axis(values, order, axis), np.take_along_axis(chosen, order, axis)
    order = np.take(_order(array, axis, largest), range(count), axis)
    return np.take_along_axis(array, order, axis), order


@operation(out=True)
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The ``k`` largest (or smallest) elements along ``dim``, in order, and where they were: (values, indices)."""
    sizes, d = input._output_meta(0)
    axis = wrap_dim(dim, len(sizes))
    if type(k) is not int:
        if isinstance(k, bool):
            raise TypeError("k must be int, not bool")
        k = operator.index(k)
    shape = list(sizes)
    if not 0 <= k <= (shape[axis] if shape else 1):
        raise RuntimeError("selected index k out of range")
    if d.kind == "bool":
        raise RuntimeError("topk does not support bool dtypes on CPU")
    if shape:
        shape[axis] = k
    parameters = {"count": k if shape else 1, "axis": axis, "largest": bool(largest)}  # of a number it is the number
    result = _found(_top, parameters, input, axis, shape, ValueSelectingBackward.named("TopkBackward0"), True)
    return return_types.topk(result)  # type: ignore[no-any-return]


def _nth(array: np.ndarray, place: int, axis: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    """The element that has ``place`` others before it in order."""
    index = np.take(_order(array, axis, False), [place], axis)
    values = np.take_along_axis(array, index, axis)
    return (values, index) if keepdim else (values.squeeze(axis), index.squeeze(axis))


@operation(out="exact apart")
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The ``k``-th smallest element along ``dim``, and where it was: (values, indices)."""
    axis = wrap_dim(dim, input.ndim)
    extent = input.shape[axis] if input.ndim else 1
    k = operator.index(k)
    if extent == 0:
        raise IndexError(f"kthvalue(): Expected reduction dim {axis} to have non-zero size.")
    if not 1 <= k <= extent:
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(axis))
    if input.dtype.kind == "bool" and input.ndim:
        raise NotImplementedError("\"kthvalue_cpu\" not implemented for 'Bool'")
    shape = _without(input.shape, axis, keepdim)
    parameters = {"place": k - 1, "axis": axis, "keepdim": bool(keepdim)}
    result = _found(_nth, parameters, input, axis, shape, ValueSelectingBackward.named("KthvalueBackward0"), keepdim)
    return return_types.kthvalue(result)  # type: ignore[no-any-return]


# --- medians and modes --------------------------------------------------------------------------------------------------


def _middle(array: np.ndarray, axis: int, keepdim: bool, skip_nan: bool) -> tuple[np.ndarray, np.ndarray]:
    """The lower median; of rows that hold NaN the first NaN, or the median of the numbers in them."""
    order = _order(array, axis, False)
    nan = array != array
    numbers = array.shape[axis] - nan.sum(axis=axis, keepdims=True)
    place = np.maximum(numbers - 1, 0) // 2
    if not skip_nan:
        place = np.where(numbers < array.shape[axis], numbers, place)
    index = np.take_along_axis(order, place, axis)
    values = np.take_along_axis(array, index, axis)
    return (values, index) if keepdim else (values.squeeze(axis), index.squeeze(axis))


def _median_slope(grad: Tensor, input: Tensor, result: Tensor) -> Tensor:
    """All elements that equal the median share its gradient evenly."""
    hit = (input == result) | (input.isnan() & result.isnan())
    return hit * (grad / hit.sum())


MedianBackward0 = gradient_class("MedianBackward0", _median_slope, ("input",), 1)


def _median(name: str, input: Tensor, dim: int | None, keepdim: bool) -> Any:
    skip = name == "nanmedian"
    if input.dtype.kind == "bool":
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool'")
    if dim is None:
        if input.numel() == 0:
            return input.new_full((), float("nan") if input.dtype.kind == "float" else 0)
        flat = input.detach().reshape(-1)
        parameters = {"axis": 0, "keepdim": False, "skip_nan": skip}
        result = on_host(_middle, parameters, [((), input.dtype), ((), dtypes.int64)], flat)[0]
        return with_history(result, MedianBackward0.named("NanmedianBackward0") if skip else MedianBackward0, [input])
    axis = wrap_dim(dim, input.ndim)
    if input.ndim and input.shape[axis] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")
    parameters = {"axis": axis, "keepdim": bool(keepdim), "skip_nan": skip}
    gradient = ValueSelectingBackward.named("NanmedianBackward1") if skip else ValueSelectingBackward.named("MedianBackward1")
    found = _found(_middle, parameters, input, axis, _without(input.shape, axis, keepdim), gradient, keepdim)
    return getattr(return_types, name)(found)


@operation(out=True)
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower of the two middle elements; NaN if there is one. Along ``dim``: (values, indices)."""
    return _median("median", input, dim, keepdim)


@operation(out=True)
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """:func:`median` of the elements that are not NaN."""
    return _median("nanmedian", input, dim, keepdim)


def _most_frequent(array: np.ndarray, axis: int, keepdim: bool) -> tuple[np.ndarray, np.ndarray]:
    """The smallest of the most frequent elements, and the last place that holds it."""
    rows = np.moveaxis(array, axis, -1)
    flat = rows.reshape(-1, rows.shape[-1])
    found = np.empty(len(flat), dtype=np.int64)
    for k, row in enumerate(flat):
        order = np.argsort(row, kind="stable")
        ends = np.flatnonzero(np.append(row[order][1:] != row[order][:-1], True))
        found[k] = order[ends[np.argmax(np.diff(ends, prepend=-1))]]
    index = np.expand_dims(found.reshape(rows.shape[:-1]), axis)
    values = np.take_along_axis(array, index, axis)
    return (values, index) if keepdim else (values.squeeze(axis), index.squeeze(axis))


@operation(out=True)
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The most frequent element along ``dim`` (the smallest of several), and a place of it: (values, indices)."""
    axis = wrap_dim(dim, input.ndim)
    if input.ndim and input.shape[axis] == 0:
        raise IndexError(f"mode(): Expected reduction dim {axis} to have non-zero size.")
    parameters = {"axis": axis, "keepdim": bool(keepdim)}
    shape = _without(input.shape, axis, keepdim)
    result = _found(_most_frequent, parameters, input, axis, shape, ValueSelectingBackward.named("ModeBackward0"), keepdim)
    return return_types.mode(result)  # type: ignore[no-any-return]


# --- quantiles ----------------------------------------------------------------------------------------------------------

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(name: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str) -> Tensor:
    from .choice import where

    if input.numel() == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    if isinstance(q, Tensor):
        if q.ndim > 1:
            raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
        if q.dtype is not input.dtype:
            raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
        checked(q.detach(), (q >= 0) & (q <= 1), Check(RuntimeError, f"{name}() q values must be in the range [0, 1]"))
    else:
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        q = input.new_full((), q)
    x = input.reshape(-1) if dim is None else input if input.ndim else input.reshape(1)
    axis = 0 if dim is None else wrap_dim(dim, input.ndim)
    # The axis goes last; the quantiles become a first axis (dropped again if q is one number).
    ordered = _sort(x.movedim(axis, -1), -1, False)[0].unsqueeze(0)
    count = ordered.shape[-1]
    nan = ordered.isnan()
    weights = q.reshape([-1, *[1] * (ordered.ndim - 1)])
    if name == "nanquantile":
        ranks = weights * ((~nan).sum(-1, keepdim=True) - 1).clamp(min=0).to(input.dtype)
    else:
        ranks = where(nan.any(-1, keepdim=True), float(count - 1), weights * (count - 1))
    if interpolation == "lower":
        ranks = ranks.floor()
    elif interpolation == "higher":
        ranks = ranks.ceil()
    elif interpolation == "nearest":
        ranks = ranks.round()
    below = ranks.long()
    shape = [*below.shape[:1], *ordered.shape[1:-1]]
    source = ordered.expand([shape[0], *ordered.shape[1:]])
    result = source.gather(-1, below.expand([*shape, 1])).squeeze(-1)
    if interpolation in ("linear", "midpoint"):
        share = ranks - below.to(input.dtype) if interpolation == "linear" else ranks.new_full((), 0.5)
        above = source.gather(-1, ranks.ceil().long().expand([*shape, 1])).squeeze(-1)
        result = result.lerp(above, share.squeeze(-1) if share.ndim else share)
    if keepdim:
        result = result.unsqueeze(axis + 1) if dim is not None else result.reshape(-1, *[1] * input.ndim)
    if input.ndim == 0:
        result = result.reshape(-1)
    return result.squeeze(0) if q.ndim == 0 else result


@operation(out="exact")
def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear",
) -> Tensor:  # fmt: skip
    """The elements below which a share ``q`` (a number or vector of numbers in [0, 1]) of the others lies along ``dim``.

    Between two elements they are interpolated as told. Several shares make a first axis.
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation)


@operation(out="exact")
def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear",
) -> Tensor:  # fmt: skip
    """:func:`quantile` of the elements that are not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)
