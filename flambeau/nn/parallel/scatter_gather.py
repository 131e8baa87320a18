"""Arguments cut for several devices, and results joined: tensors inside of tuples, lists and dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.tensor import Tensor
from ._functions import Gather, Scatter
from .comm import on_processor

__all__ = ["gather", "is_namedtuple", "scatter", "scatter_kwargs"]


def is_namedtuple(obj: Any) -> bool:
    """Whether it is an instance of a named tuple."""
    return isinstance(obj, tuple) and hasattr(obj, "_asdict") and hasattr(obj, "_fields")


_is_namedtuple = is_namedtuple


def scatter(inputs: Any, target_gpus: Sequence[Any], dim: int = 0) -> Any:
    """Cut tensors along ``dim``, a part for each device; anything else goes to all of them. A list with one entry a device."""
    count = on_processor(target_gpus)

    def parts(value: Any) -> list[Any]:
        if isinstance(value, Tensor):
            return list(Scatter.apply(target_gpus, None, dim, value))
        if is_namedtuple(value):
            return [type(value)(*each) for each in zip(*map(parts, value))]
        if isinstance(value, tuple) and value:
            return list(zip(*map(parts, value)))
        if isinstance(value, list) and value:
            return [list(each) for each in zip(*map(parts, value))]
        if isinstance(value, dict) and value:
            return [type(value)(each) for each in zip(*map(parts, value.items()))]
        return [value] * count

    return parts(inputs)


def scatter_kwargs(
    inputs: tuple[Any, ...], kwargs: dict[str, Any] | None, target_gpus: Sequence[Any], dim: int = 0
) -> tuple[tuple[Any, ...], tuple[dict[str, Any], ...]]:
    """:func:`scatter` of positional and keyword arguments; where one has more parts, the other is filled up with none."""
    positional = scatter(inputs, target_gpus, dim) if inputs else []
    named = scatter(kwargs, target_gpus, dim) if kwargs else []
    positional += [()] * (len(named) - len(positional))
    named += [{}] * (len(positional) - len(named))
    return tuple(positional), tuple(named)


def gather(outputs: Any, target_device: Any, dim: int = 0) -> Any:
    """Join what the devices gave: tensors along ``dim``, dictionaries by their keys."""

    def joined(values: Sequence[Any]) -> Any:
        first = values[0]
        if isinstance(first, Tensor):
            return Gather.apply(target_device, dim, *values)
        if first is None:
            return None
        if isinstance(first, dict):
            if not all(len(first) == len(each) for each in values):
                raise ValueError("All dicts must have the same number of keys")
            return type(first)((key, joined([each[key] for each in values])) for key in first)
        if is_namedtuple(first):
            return type(first)._make(map(joined, zip(*values)))
        return type(first)(map(joined, zip(*values)))

    return joined(outputs)
