"""Which elements there are (``unique``), how often (``bincount``), and where they belong in an order (``bucketize``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import return_types
from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.shapes import wrap_dim
from .dispatch import with_history
from .from_data import from_array
from .host import on_host
from .operation import Scalar, operation

# --- unique: the result's shape depends on values, so these evaluate ------------------------------------------------------


def _numbers(x: Tensor) -> np.ndarray:
    """The values as an array that NumPy can compare (bfloat16 as float32)."""
    plain = x.detach()
    return (plain.float() if x.dtype is dtypes.bfloat16 else plain)._array_now()


class UniqueBackward(Gradient):
    """``context``: what PyTorch, which has no derivative either, calls the operation."""

    def backward(self, grad: Tensor) -> Any:
        raise NotImplementedError(f"the derivative for '{self.context}' is not implemented.")


_HISTORY = {
    "_unique2": UniqueBackward.named("Unique2Backward0"),
    "unique_dim": UniqueBackward.named("UniqueDimBackward0"),
    "unique_consecutive": UniqueBackward.named("UniqueConsecutiveBackward0"),
}


def _results(name: str, x: Tensor, values: np.ndarray, inverse: Any, counts: Any, wanted: tuple[bool, bool]) -> Any:
    made = from_array(np.ascontiguousarray(values))
    made = made if made.dtype is x.dtype else made.to(x.dtype)
    results = [with_history(made, _HISTORY[name], [x], name, kept=())]
    if wanted[0]:
        results.append(from_array(np.asarray(inverse, dtype=np.int64)))
    if wanted[1]:
        results.append(from_array(np.asarray(counts, dtype=np.int64)))
    return results[0] if len(results) == 1 else tuple(results)


@operation()
def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
    dim: int | None = None,
) -> Any:  # fmt: skip
    """The different elements (slices of ``dim``) in order; each NaN differs from all others.

    ``return_inverse`` adds where each element is among them, ``return_counts`` how often each occurs.
    """
    array = _numbers(input)
    axis = None if dim is None else wrap_dim(dim, input.ndim)
    values, inverse, counts = np.unique(array, return_inverse=True, return_counts=True, axis=axis, equal_nan=False)
    inverse = inverse.reshape(input.shape if axis is None else -1)
    name = "_unique2" if axis is None else "unique_dim"
    return _results(name, input, values, inverse, counts, (return_inverse, return_counts))


@operation()
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements (slices of ``dim``) without those that equal the one before them; see :func:`unique`."""
    array = _numbers(input)
    rows = array.reshape(-1) if dim is None else np.moveaxis(array, wrap_dim(dim, input.ndim), 0)
    flat = rows.reshape(rows.shape[0], rows[:1].size)
    first = np.concatenate([np.ones(min(len(flat), 1), bool), (flat[1:] != flat[:-1]).any(axis=1)])
    values = rows[first]
    inverse = np.cumsum(first) - 1
    counts = np.diff(np.append(np.flatnonzero(first), len(flat)))
    if dim is None:
        inverse = inverse.reshape(input.shape)
    else:
        values = np.moveaxis(values, 0, wrap_dim(dim, input.ndim))
    return _results("unique_consecutive", input, values, inverse, counts, (return_inverse, return_counts))


@operation()
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number from 0 on occurs in a vector (or the sum of its ``weights``)."""
    if input.dtype.category != 1:
        raise NotImplementedError(f"\"bincount_cpu\" not implemented for '{_type_name(input)}'")
    if minlength < 0:
        raise RuntimeError("minlength should be >= 0")
    array = _numbers(input)
    if array.ndim != 1 or array.size and array.min() < 0:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        return from_array(np.bincount(array, minlength=minlength).astype(np.int64))
    if weights.shape != input.shape:
        raise RuntimeError("weights should be 1-d and have the same length as input")
    counts = from_array(np.bincount(array, _numbers(weights), minlength))
    return counts.float() if weights.dtype is dtypes.float32 else counts


def _type_name(x: Tensor) -> str:
    from ..graph.dtypes import TYPE_NAMES

    return TYPE_NAMES[x.dtype]


# --- histograms -----------------------------------------------------------------------------------------------------------


def _bin_edges(array: np.ndarray, bins: int, low: float, high: float) -> np.ndarray:
    """Evenly spaced edges; the elements' own limits if both are 0, and one to each side of a single value."""
    if low == high == 0 and array.size:
        low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"torch.histc: range of [{low}, {high}] is not finite")
    if low == high:
        low, high = low - 1, high + 1
    return np.linspace(low, high, bins + 1)


def _histc(array: np.ndarray, bins: int, low: float, high: float) -> np.ndarray:
    edges = _bin_edges(array, bins, low, high)
    first, last = edges[0], edges[-1]
    inside = array[(array >= first) & (array <= last)].astype(np.float64)
    places = np.minimum(((inside - first) * bins / (last - first)).astype(np.int64), bins - 1)
    return np.bincount(places, minlength=bins)


@operation(out="exact")
def histc(input: Tensor, bins: int = 100, min: Scalar = 0, max: Scalar = 0) -> Tensor:
    """How many elements lie in each of ``bins`` equal parts of [min, max] (the elements' range if both are 0)."""
    if input.dtype.kind != "float":
        raise RuntimeError(f"\"histogram_cpu\" not implemented for '{_type_name(input)}'")
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    if max < min:
        raise RuntimeError("torch.histc: max must be larger than min")
    parameters = {"bins": bins, "low": float(min), "high": float(max)}
    (result,) = on_host(_histc, parameters, [((bins,), input.dtype)], input.detach().reshape(-1))
    return result


def _histogram(
    array: np.ndarray, *others: np.ndarray, bins: int, low: float, high: float, density: bool
) -> tuple[np.ndarray, np.ndarray]:
    """``others``: edges (if ``bins`` is 0), then weights (if any)."""
    rest = list(others)
    edges: Any = rest.pop(0) if not bins else _bin_edges(array, bins, low, high)
    if not rest:
        return np.histogram(array, edges, density=density)
    places = np.searchsorted(edges, array, side="right") - 1
    places[array == edges[-1]] = len(edges) - 2
    inside = (places >= 0) & (array <= edges[-1])
    sums = np.bincount(places[inside], rest[0][inside], minlength=len(edges) - 1)
    return (sums / (sums.sum() * np.diff(edges)) if density else sums), edges


def _check_histogram(input: Tensor, bins: Any, weight: Tensor | None) -> None:
    """``RuntimeError`` unless edges and weights fit to the input, ``NotImplementedError`` for other than float32 and float64."""
    if isinstance(bins, Tensor):
        if bins.dtype is not input.dtype:
            raise RuntimeError(
                "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input with dtype "
                f"{_type_name(input)} and bins for dimension 0 with dtype {_type_name(bins)}"
            )
        if bins.ndim != 1 or bins.numel() == 0:
            raise RuntimeError(
                "torch.histogramdd: bins tensor should have one dimension and at least 1 element, but got shape "
                f"{list(bins.shape)}"
            )
    if weight is not None:
        if weight.dtype is not input.dtype:
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the same "
                f"dtype, but got input({_type_name(input)}), and weight({_type_name(weight)})"
            )
        if weight.numel() != input.numel():
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided it should have as many elements as the input tensor, but "
                f"got {list(input.shape)} and weight with shape {list(weight.shape)}"
            )
    if input.dtype not in (dtypes.float32, dtypes.float64):
        name = "histogram_cpu" if isinstance(bins, Tensor) else "histogramdd"
        raise NotImplementedError(f"\"{name}\" not implemented for '{_type_name(input)}'")


@operation(out="exact")
def histogram(
    input: Tensor, bins: Any = 100, *, range: Any = None, weight: Tensor | None = None, density: bool = False
) -> tuple[Tensor, Tensor]:
    """(hist, bin_edges): how many elements (or how much weight) lie between the edges, which are given or even."""
    _check_histogram(input, bins, weight)
    operands = [input.detach().reshape(-1)]
    if isinstance(bins, Tensor):
        operands.append(bins)
        count, edges = 0, bins.numel()
    else:
        count, edges = int(bins), int(bins) + 1
        if count <= 0:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {count} for dimension 0")
    if weight is not None:
        operands.append(weight.detach().reshape(-1))
    low, high = (0.0, 0.0) if range is None else (float(range[0]), float(range[1]))
    parameters = {"bins": count, "low": low, "high": high, "density": bool(density)}
    outputs = [((edges - 1,), input.dtype), ((edges,), input.dtype)]
    return return_types.histogram(on_host(_histogram, parameters, outputs, *operands))  # type: ignore[no-any-return]


# --- places in an order ---------------------------------------------------------------------------------------------------


def _search(boundaries: np.ndarray, values: np.ndarray, *order: np.ndarray, right: bool) -> np.ndarray:
    side: Any = "right" if right else "left"
    if order:
        if ((order[0] < 0) | (order[0] >= boundaries.shape[-1])).any():
            raise RuntimeError("torch.searchsorted(): sorter index out of range")
        boundaries = np.take_along_axis(boundaries, order[0], -1)
    if boundaries.ndim == 1:
        return np.searchsorted(boundaries, values, side)
    found = np.empty(values.shape, np.int64)
    for row in np.ndindex(values.shape[:-1]):
        found[row] = np.searchsorted(boundaries[row], values[row], side)
    return found


def _check_sorter(boundaries: Tensor, sorter: Tensor) -> None:
    """``RuntimeError`` unless ``sorter`` can hold an order of the boundaries; its places are checked when they are used."""
    if sorter.shape != boundaries.shape:
        raise RuntimeError(
            "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor "
            f"{list(boundaries.shape)} and got sorter tensor {list(sorter.shape)}"
        )
    if sorter.dtype is not dtypes.int64:
        raise RuntimeError(
            f"torch.searchsorted(): sorter must be a tensor of long dtype but got dtype {_type_name(sorter)}"
        )


@operation("searchsorted(sorted_sequence, self)", method=False, out="exact")
def searchsorted(
    sorted_sequence: Tensor, input: Any, *, out_int32: bool = False, right: bool = False, side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Where ``input`` would have to be put into the sorted last axis: before equal elements, or behind (``right``)."""
    if side is not None:
        if side not in ("left", "right"):
            raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
        if right and side == "left":
            raise RuntimeError(
                "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
            )
        right = side == "right"
    if sorted_sequence.ndim == 0:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension"
        )
    if sorter is not None:
        _check_sorter(sorted_sequence, sorter)
    from .from_data import tensor

    values = input if isinstance(input, Tensor) else tensor(input, dtype=sorted_sequence.dtype)
    if sorted_sequence.ndim != 1 and sorted_sequence.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(sorted_sequence.shape)} and "
            f"input value tensor {list(values.shape)}"
        )
    d = dtypes.int32 if out_int32 else dtypes.int64
    operands = [sorted_sequence.detach(), values.detach(), *([] if sorter is None else [sorter])]
    (result,) = on_host(_search, {"right": bool(right)}, [(values.shape, d)], *operands)
    return result


@operation("bucketize(self)", method=False, out="exact")
def bucketize(input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The number of the interval between ``boundaries`` that each element lies in."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


# --- membership -----------------------------------------------------------------------------------------------------------


def _is_in(elements: np.ndarray, tests: np.ndarray, invert: bool) -> np.ndarray:
    return np.isin(elements, tests, invert=invert)


@operation("isin(element, test_element)", method=False, out="exact")
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Where elements are among ``test_elements``, as booleans (or where they are not)."""
    from .creation import scalar_tensor

    if not isinstance(elements, Tensor):
        elements = scalar_tensor(elements, dtype=test_elements.dtype)
    for x in (elements, test_elements):
        if isinstance(x, Tensor) and x.dtype.kind == "bool":
            raise RuntimeError("Unsupported input type encountered for isin(): Bool")
    if not isinstance(test_elements, Tensor):
        return (elements != test_elements) if invert else (elements == test_elements)
    outputs = [(elements.shape, dtypes.bool_)]
    return on_host(_is_in, {"invert": bool(invert)}, outputs, elements.detach(), test_elements.detach())[0]
