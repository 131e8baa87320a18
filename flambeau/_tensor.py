"""Restoring tensors that carry attributes or are of a class of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .core.tensor import Tensor


def _rebuild_from_type_v2(function: Callable[..., Any], kind: type, arguments: tuple[Any, ...], state: Any) -> Any:
    """The tensor that ``function(*arguments)`` makes, as an instance of ``kind`` with the attributes in ``state``."""
    tensor = function(*arguments)
    if not isinstance(tensor, Tensor) or not (isinstance(kind, type) and issubclass(kind, Tensor)):
        name = kind.__name__ if isinstance(kind, type) else f"a {type(kind).__name__}"
        raise TypeError(f"cannot make {name} of a {type(tensor).__name__}")
    if type(tensor) is not kind:
        tensor = tensor.as_subclass(kind)
    if isinstance(state, tuple) and len(state) == 2:  # attributes, and values of slots, which PyTorch's tensors lack
        state = state[0]
    if state is not None and not isinstance(state, dict):
        raise TypeError(f"the attributes of a tensor as a {type(state).__name__}, not a dict")
    tensor.__dict__.update(state or {})
    return tensor
