"""``vmap``: mapping a function over an axis of its arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..core.tensor import Tensor
from .joining import stack
from .operation import operation


def _axes(in_dims: Any, value: Any) -> Any:
    """``in_dims`` spread over the nested structure of an argument."""
    if isinstance(value, (tuple, list)):
        each = in_dims if isinstance(in_dims, (tuple, list)) else [in_dims] * len(value)
        return type(value)(_axes(d, v) for d, v in zip(each, value, strict=True))
    if isinstance(value, dict):
        named = in_dims if isinstance(in_dims, dict) else dict.fromkeys(value, in_dims)
        return {key: _axes(named[key], v) for key, v in value.items()}
    return in_dims


def _leaves(axes: Any, value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, (tuple, list)):
        return [pair for d, v in zip(axes, value) for pair in _leaves(d, v)]
    if isinstance(value, dict):
        return [pair for key, v in value.items() for pair in _leaves(axes[key], v)]
    return [(axes, value)]


def _taken(axes: Any, value: Any, index: int) -> Any:
    """The part of an argument that call number ``index`` sees."""
    if isinstance(value, (tuple, list)):
        return type(value)(_taken(d, v, index) for d, v in zip(axes, value))
    if isinstance(value, dict):
        return {key: _taken(axes[key], v, index) for key, v in value.items()}
    return value if axes is None else value.select(axes, index)


def _joined(results: list[Any], out_dims: Any) -> Any:
    """Results of all calls stacked, structure by structure."""
    first = results[0]
    if isinstance(first, (tuple, list)):
        each = out_dims if isinstance(out_dims, (tuple, list)) else [out_dims] * len(first)
        return type(first)(_joined(list(column), d) for column, d in zip(zip(*results), each, strict=True))
    if isinstance(first, dict):
        return {key: _joined([r[key] for r in results], out_dims) for key in first}
    if not isinstance(first, Tensor):
        raise ValueError(
            f"vmap: the function must only return Tensors, got type {type(first)} as a return"
        )
    if out_dims is None:
        return first
    axis = out_dims[0] if isinstance(out_dims, (tuple, list)) else out_dims
    return stack(results, axis)


@operation(method=False)
def vmap(
    func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: int | None = None
) -> Callable[..., Any]:
    """``func`` called on each slice of axes ``in_dims`` of its arguments (None: the whole), the results stacked at ``out_dims``.

    Arguments by keyword are given to each call as they are. The calls are recorded one after the other and evaluated
    together. Random numbers differ from call to call.
    """

    @wraps(func)
    def mapped(*arguments: Any, **keywords: Any) -> Any:
        axes = _axes(list(in_dims) if isinstance(in_dims, tuple) else in_dims, list(arguments))
        for d, v in _leaves(axes, list(arguments)):
            if d is not None and not isinstance(v, Tensor):
                raise ValueError(
                    f"vmap: Got in_dim={d} for an input but the input is of type {type(v)}. We cannot vmap over non-Tensor "
                    "arguments, please use None as the respective in_dim"
                )
        sizes = {v.shape[d] for d, v in _leaves(axes, list(arguments)) if d is not None}
        if not sizes:
            raise ValueError("vmap: at least one argument must have an axis to map over")
        if len(sizes) > 1:
            raise ValueError(
                f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sorted(sizes)}"
            )
        count = sizes.pop()
        results = []
        for index in range(count):
            taken = _taken(axes, list(arguments), index)
            results.append(func(*taken, **keywords))
        if not results:
            raise ValueError("vmap: the mapped dimension has no elements")
        return _joined(results, out_dims)

    return mapped

