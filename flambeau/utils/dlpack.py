"""Exchange of memory with other libraries, under the names of ``torch.utils.dlpack``."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ..ops.dispatch import not_a_tensor
from ..ops.exchange import from_dlpack


def to_dlpack(tensor: Tensor) -> Any:
    """A capsule that shares the tensor's memory, for one taker."""
    if not isinstance(tensor, Tensor):
        raise not_a_tensor("to_dlpack", data=tensor)
    return tensor.detach().__dlpack__()  # type: ignore[operator]


__all__ = ["from_dlpack", "to_dlpack"]
