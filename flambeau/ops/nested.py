"""Numbers in nested sequences, read as PyTorch reads them.

The first elements tell the extents, all elements the dtype: that which the dtypes of Python's numbers (the default float,
int64, bool), NumPy's scalars and arrays, and tensors of one element promote to.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import dtype as dtype_type
from ..graph.dtypes import get_default_dtype, promote_types

_DEEPEST = 128
_PLAIN = {float, int, bool}


def read_numbers(data: Any, d: dtype_type | None) -> tuple[np.ndarray, dtype_type]:
    """The numbers of a scalar or a nested sequence as an array, and their dtype: ``d``, or what they promote to.

    bfloat16 comes as float32. ``ValueError`` for extents that differ, ``TypeError`` for what is no number, ``RuntimeError``
    for numbers beyond the range of an integer ``d`` and where no dtype can be told.
    """
    leaves, shape = _flattened(data)
    found = _common_dtype(leaves) if d is None else d
    if len(leaves) and isinstance(leaves[0], np.ndarray) and leaves[0].ndim:
        return _stacked(leaves, found).reshape(shape), found
    return _converted(leaves, found).reshape(shape), found


# --- extents ------------------------------------------------------------------------------------------------------


def is_sequence(value: Any) -> bool:
    """Whether elements are looked for inside: by protocol, as Python's C interface tells; not in tensors and scalars."""
    kind = type(value)
    if kind is float or kind is int:
        return False
    if kind is list or kind is tuple:
        return True
    if isinstance(value, (Tensor, np.generic, dict)) or not hasattr(kind, "__getitem__"):
        return False
    return not isinstance(value, np.ndarray) or value.ndim > 0


def _check_depth(data: Any) -> None:
    for _ in range(_DEEPEST + 1):
        if isinstance(data, bytes):
            raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
        if not is_sequence(data) or not len(data):
            return
        data = data[0]
    raise ValueError(f"too many dimensions '{type(data).__name__}'")


def _flattened(data: Any) -> tuple[Sequence[Any], tuple[int, ...]]:
    """All elements in row-major order, and the extents. Arrays that nothing but arrays lie beside stay whole."""
    if isinstance(data, str):
        raise TypeError("new(): invalid data type 'str'")
    _check_depth(data)
    leaves: Sequence[Any] = [data]
    shape: tuple[int, ...] = ()
    while leaves and is_sequence(leaves[0]):
        first = leaves[0]
        if isinstance(first, np.ndarray) and all(isinstance(leaf, np.ndarray) for leaf in leaves):
            for leaf in leaves:
                _check_extents(first.shape, leaf.shape, len(shape))
            return leaves, shape + first.shape
        members: list[Any] = []
        for leaf in leaves:
            inner = _members(leaf)
            _check_extents((len(first),), (len(inner),), len(shape))
            members.extend(inner)
        shape += (len(first),)
        leaves = members
    return leaves, shape


def _members(value: Any) -> Sequence[Any]:
    if isinstance(value, (list, tuple)):
        return value
    if isinstance(value, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(value).__name__}'")
    if isinstance(value, Tensor) and value.ndim:
        return value.detach().unbind(0)  # type: ignore[no-any-return]
    if not is_sequence(value):
        raise TypeError("not a sequence")
    return list(value)


def _check_extents(wanted: tuple[int, ...], got: tuple[int, ...], dim: int) -> None:
    if wanted == got:
        return
    for place, (extent, other) in enumerate(zip(wanted, got), dim):
        if extent != other:
            raise ValueError(f"expected sequence of length {extent} at dim {place} (got {other})")
    raise TypeError(
        "not a sequence" if len(got) < len(wanted) else "only one-element arrays can be converted to numbers"
    )


# --- dtype --------------------------------------------------------------------------------------------------------


def _common_dtype(leaves: Sequence[Any]) -> dtype_type:
    kinds = set(map(type, leaves))
    found: Iterable[dtype_type]
    if kinds <= _PLAIN:
        found = {_dtype_of_kind(kind) for kind in kinds}
    else:
        found = {_dtype_of(leaf) for leaf in leaves}
    return reduce(promote_types, found) if found else get_default_dtype()


def _dtype_of_kind(kind: type) -> dtype_type:
    if issubclass(kind, float):
        return get_default_dtype()
    return dtypes.bool_ if issubclass(kind, bool) else dtypes.int64


def _dtype_of(leaf: Any) -> dtype_type:
    if isinstance(leaf, Tensor):
        return leaf.dtype
    if isinstance(leaf, (np.ndarray, np.generic)):
        return dtype_of_array(leaf)
    if isinstance(leaf, (float, int)):
        return _dtype_of_kind(type(leaf))
    if isinstance(leaf, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(leaf).__name__}'")
    if isinstance(leaf, complex):
        raise TypeError("complex numbers are not supported yet")
    if is_sequence(leaf):  # no number, as its conversion will say
        return _common_dtype(list(leaf))
    raise RuntimeError(f"Could not infer dtype of {type(leaf).__name__}")


def dtype_of_array(array: np.ndarray | np.generic) -> dtype_type:
    """The dtype of a tensor with an array's elements; ``TypeError`` where there is none."""
    found = dtypes.FROM_NUMPY.get(array.dtype)
    if found is None or not array.dtype.isnative:
        raise TypeError(
            f"can't convert np.ndarray of type {array.dtype}. The only supported types are: float64, float32, float16, "
            "int64, int32, int16, int8, uint8, and bool."
        )
    return found


# --- values -------------------------------------------------------------------------------------------------------


def _stacked(arrays: Sequence[np.ndarray], d: dtype_type) -> np.ndarray:
    for array in arrays:
        dtype_of_array(array)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.stack([array.astype(_storage(d), copy=False) for array in arrays])


def _storage(d: dtype_type) -> np.dtype:
    return np.dtype(np.float32) if d.numpy is None else d.numpy  # type: ignore[no-any-return]


def _converted(leaves: Sequence[Any], d: dtype_type) -> np.ndarray:
    plain = set(map(type, leaves)) <= _PLAIN
    if d.kind == "float":
        with np.errstate(over="ignore"):
            return np.array(leaves if plain else [float(leaf) for leaf in leaves], dtype=_storage(d))
    if d.kind == "bool":
        return np.array(leaves if plain else [_truth(leaf) for leaf in leaves], dtype=np.bool_)
    if not plain or float in map(type, leaves):
        return np.array([_whole(leaf, d) for leaf in leaves], dtype=np.int64).astype(_storage(d))
    try:
        wide = np.array(leaves, dtype=np.int64)
    except OverflowError:
        raise ValueError("Overflow when unpacking long long") from None
    if d is not dtypes.int64 and wide.size:
        _whole(int(wide.max()), d)
        _whole(int(wide.min()), d)
    return wide.astype(_storage(d))


def _truth(leaf: Any) -> bool:
    return bool(leaf if isinstance(leaf, (float, np.bool_)) else operator.index(leaf))


def _whole(leaf: Any, d: dtype_type) -> int:
    """A number without its fraction. ``RuntimeError`` beyond the range of ``d``, ``ValueError`` beyond that of int64.

    Negative integers may stand for unsigned ones: -1 is the greatest.
    """
    limits = np.iinfo(_storage(d))
    least: int = limits.min
    if isinstance(leaf, float):
        number: Any = leaf
    else:
        number = int(leaf) if isinstance(leaf, np.bool_) else operator.index(leaf)
        if not -(1 << 63) <= number < 1 << 63:
            raise ValueError("Overflow when unpacking long long")
        least = least or -limits.max
    if not least <= number <= limits.max:
        raise RuntimeError(f"value cannot be converted to type {d.name} without overflow")
    return int(number)
