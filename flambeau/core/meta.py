"""Tensors on the device ``meta``: a shape and a dtype, and no values (see :mod:`flambeau.graph.meta`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..graph.meta import META, NOTHING, on_meta
from ..graph.trace import Node, local
from .device import CPU, device
from .storage import Storage
from .tensor import Tensor


def names_meta(wanted: Any) -> bool:
    """Whether a device, or what stands for one, is ``meta``."""
    if wanted is None or wanted is CPU:
        return False
    if type(wanted) is str:
        return wanted == META or wanted.startswith(META + ":")
    return (wanted if isinstance(wanted, device) else device(wanted)).type == META


def is_meta(tensor: Tensor) -> bool:
    """Whether a tensor has no memory."""
    node = tensor._read()
    return node.buffer is NOTHING or node.buffer is None and node.trace is not None and node.trace.device == META


def without_values(tensor: Tensor) -> Tensor:
    """A tensor of the same shape, strides, dtype and history that has no values."""
    node = tensor._read()
    bare = Node(node.shape, node.dtype, None, 0, NOTHING)
    made = Tensor._from_node(bare, tensor._view, None if tensor._view is None else Storage(bare))
    made._tracked, made._gradient = tensor._tracked, tensor._gradient
    return made


def made_on_meta(make: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """What a function that makes tensors gives, without values, wherever those came from."""

    def bare(made: Any) -> Any:
        if isinstance(made, Tensor) and not is_meta(made):
            return without_values(made)
        return type(made)(map(bare, made)) if isinstance(made, tuple | list) else made

    return bare(on_meta(make, *arguments, **keywords))


def recording_on_meta() -> bool:
    """Whether what this thread records now has no values."""
    return local.trace.device == META
