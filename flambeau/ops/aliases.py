"""Operations under further names: old ones, in-place forms of views, and functions that PyTorch also has as methods."""

from __future__ import annotations

import warnings
from typing import Any

from ..core.tensor import Tensor
from .operation import operation
from .parts import as_strided
from .view_history import AsStridedBackward0
from .views import seen_anew_in_place


class AsStridedBackward1(AsStridedBackward0):
    __slots__ = ()


_as_strided = seen_anew_in_place(as_strided, {AsStridedBackward0: AsStridedBackward1})


@operation(function=False)
def as_strided_(self: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Look at the storage by explicit sizes, strides and offset, in place."""
    return _as_strided(self, size, stride, storage_offset)  # type: ignore[no-any-return]


@operation(function=False)
def resize(self: Tensor, *sizes: Any) -> Tensor:
    """Deprecated: the same elements under another shape."""
    warnings.warn("non-inplace resize is deprecated", stacklevel=3)
    return self.reshape(*sizes)  # type: ignore[no-any-return]


@operation(function=False)
def resize_as(self: Tensor, other: Tensor) -> Tensor:
    """Deprecated: the same elements under the shape of another tensor."""
    return resize(self, other.shape)


@operation(method=False)
def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


@operation(method=False)
def detach_(input: Tensor) -> Tensor:
    """Forget a tensor's history, in place."""
    return input.detach_()
