"""Which elements there are (``unique``), how often (``bincount``), and where they belong in an order (``bucketize``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.shapes import wrap_dim, wrap_dims
from .dispatch import with_history
from .from_data import from_array
from .host import on_host
from .operation import Dims, operation

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


# --- hashes ---------------------------------------------------------------------------------------------------------------


def _exclusive_or(a: np.ndarray, axes: tuple[int, ...], keepdim: bool) -> np.ndarray:
    bits = a.astype(np.float64 if a.dtype.kind == "f" else np.int64).view(np.int64)
    reduced: Any = np.bitwise_xor.reduce(bits, axis=axes)
    return np.asarray(np.expand_dims(reduced, axes) if keepdim else reduced)


@operation(out="exact")
def hash_tensor(input: Tensor, dim: Dims | None = (), *, keepdim: bool = False, mode: int = 0) -> Tensor:
    """The exclusive or of the elements' bits along ``dim`` (of all, if that is empty), each as a number of 64 bits: uint64.

    There is no other ``mode`` than 0.
    """
    if mode != 0:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}")
    axes, sizes = wrap_dims(dim, input.ndim), input.shape
    if not input.numel():
        if len(axes) == input.ndim and (dim is None or isinstance(dim, (tuple, list)) and not dim):
            raise RuntimeError(
                "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the "
                "'dim' argument."
            )
        for axis in axes:
            if not sizes[axis]:
                raise IndexError(f"hash_tensor: Expected reduction dim {axis} to have non-zero size.")
    shape = [1 if k in axes else n for k, n in enumerate(sizes) if keepdim or k not in axes]
    (bits,) = on_host(_exclusive_or, {"axes": axes, "keepdim": keepdim}, [(shape, dtypes.int64)], input.detach())
    return bits.view(dtypes.uint64)  # type: ignore[no-any-return]
