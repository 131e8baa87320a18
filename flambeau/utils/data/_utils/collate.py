"""From samples to a batch: the structure of a sample, with tensors that have one dimension more."""

from __future__ import annotations

import collections.abc
import copy
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import flambeau
from flambeau.graph.dtypes import FROM_NUMPY
from flambeau.ops.joining import stack_in_memory
from flambeau.serialization.memory import new_memory

np_str_obj_array_pattern = re.compile("[SaUO]")
"""In what NumPy calls dtypes that no tensor has: text and objects."""

_ERROR = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"

Map = dict[Any, Callable[..., Any]]


def default_collate(batch: Sequence[Any]) -> Any:
    """Batch samples: tensors, arrays and numbers are stacked, text is listed, containers are gone into.

    Dicts, named tuples and other sequences keep their type; plain tuples become lists.
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: Map | None = None) -> Any:
    """Batch samples with a function for each type of leaf, looked up by exact type and then by ``isinstance``."""
    first = batch[0]
    kind = type(first)
    if collate_fn_map is not None:
        if kind in collate_fn_map:
            return collate_fn_map[kind](batch, collate_fn_map=collate_fn_map)
        for candidate, function in collate_fn_map.items():
            if isinstance(first, candidate):
                return function(batch, collate_fn_map=collate_fn_map)

    def column(samples: Sequence[Any]) -> Any:
        return collate(samples, collate_fn_map=collate_fn_map)

    if isinstance(first, collections.abc.Mapping):
        return _like_mapping(first, {key: column([sample[key] for sample in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return kind(*map(column, zip(*batch)))
    if isinstance(first, collections.abc.Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [column(samples) for samples in zip(*batch)]
        return columns if isinstance(first, tuple) else _like_sequence(first, columns)
    raise TypeError(_ERROR.format(kind))


def _like_mapping(model: Any, values: dict[Any, Any]) -> Any:
    """``values`` in a mapping of the model's type, which may carry more than its items."""
    try:
        if isinstance(model, collections.abc.MutableMapping):
            result = copy.copy(model)
            result.update(values)
            return result
        return type(model)(values)
    except TypeError:  # a mapping that cannot be copied, updated or made of a dict
        return values


def _like_sequence(model: Any, values: list[Any]) -> Any:
    try:
        if isinstance(model, collections.abc.MutableSequence):
            result = copy.copy(model)
            for position, value in enumerate(values):
                result[position] = value
            return result
        return type(model)(values)
    except TypeError:  # such as a range
        return values


def collate_tensor_fn(batch: Sequence[Any], *, collate_fn_map: Map | None = None) -> Any:
    """Stack tensors along a new first dimension. ``RuntimeError`` for sparse ones."""
    if batch[0].of_entries:
        raise RuntimeError(
            "Batches of sparse tensors are not currently supported by the default collate_fn; please provide a custom collate_fn "
            "to handle them appropriately."
        )
    stacked = stack_in_memory(batch)
    return flambeau.stack(list(batch), 0) if stacked is None else stacked


def collate_numpy_array_fn(batch: Sequence[Any], *, collate_fn_map: Map | None = None) -> Any:
    """Stack arrays into a tensor. Arrays of text or objects are refused."""
    if np_str_obj_array_pattern.search(batch[0].dtype.str):
        raise TypeError(_ERROR.format(batch[0].dtype))
    sizes = {array.shape for array in batch}
    if len(sizes) > 1:
        odd = next(position for position, array in enumerate(batch) if array.shape != batch[0].shape)
        raise RuntimeError(
            f"stack expects each tensor to be equal size, but got {list(batch[0].shape)} at entry 0 and "
            f"{list(batch[odd].shape)} at entry {odd}"
        )
    d = FROM_NUMPY.get(batch[0].dtype)
    if d is None or any(array.dtype != batch[0].dtype for array in batch):
        return flambeau.tensor(np.stack(batch))  # type: ignore[operator]
    # Straight into the batch's own memory: a large array in between would be fresh memory every time.
    shape = (len(batch), *batch[0].shape)
    result, memory = new_memory(d, shape)
    np.stack(batch, out=np.frombuffer(memory, batch[0].dtype).reshape(shape))
    return result


def collate_numpy_scalar_fn(batch: Sequence[Any], *, collate_fn_map: Map | None = None) -> Any:
    """A tensor of NumPy numbers, of their dtype."""
    return flambeau.tensor(np.asarray(batch))  # type: ignore[operator]


def collate_float_fn(batch: Sequence[Any], *, collate_fn_map: Map | None = None) -> Any:
    """Python floats become float64."""
    return flambeau.tensor(list(batch), dtype=flambeau.float64)  # type: ignore[operator]


def collate_int_fn(batch: Sequence[Any], *, collate_fn_map: Map | None = None) -> Any:
    """Python integers become int64, booleans bool."""
    return flambeau.tensor(list(batch))  # type: ignore[operator]


def collate_str_fn(batch: Sequence[Any], *, collate_fn_map: Map | None = None) -> Any:
    """Text stays as it is."""
    return batch


default_collate_fn_map: Map = {
    flambeau.Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def default_convert(data: Any) -> Any:
    """Turn the arrays and NumPy numbers within one sample into tensors, and leave all else."""
    kind = type(data)
    if isinstance(data, flambeau.Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if np_str_obj_array_pattern.search(data.dtype.str) else flambeau.as_tensor(data)
    if isinstance(data, collections.abc.Mapping):
        return _like_mapping(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return kind(*map(default_convert, data))
    if isinstance(data, tuple):
        return [default_convert(value) for value in data]
    if isinstance(data, collections.abc.Sequence) and not isinstance(data, (str, bytes)):
        return _like_sequence(data, [default_convert(value) for value in data])
    return data
