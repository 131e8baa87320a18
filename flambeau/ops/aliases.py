"""Operations under further names: old ones, in-place forms of views, and functions that PyTorch also has as methods."""

from __future__ import annotations

import warnings
from typing import Any

from ..graph import dtypes
from ..tensor import Tensor
from .arithmetic import float_power
from .operation import NAMESPACE, assign, operation
from .reductions import vector_norm


@operation(function=False)
def float_power_(self: Tensor, exponent: Any) -> Tensor:
    """In-place version of ``float_power``, for float64."""
    if self.dtype is not dtypes.float64:
        raise RuntimeError(
            f"the base given to float_power_ has dtype {self.dtype} but the operation's result requires dtype torch.float64"
        )
    return assign(self, float_power(self, exponent))


@operation(function=False)
def as_strided_(self: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """Look at the storage by explicit sizes, strides and offset, in place."""
    other = self.as_strided(size, stride, storage_offset)
    self._view = other._view
    if other._tracked:
        self._gradient = other._gradient
    return self


@operation(function=False)
def resize(self: Tensor, *sizes: Any) -> Tensor:
    """Deprecated: the same elements under another shape."""
    warnings.warn("non-inplace resize is deprecated", stacklevel=2)
    return self.reshape(*sizes)  # type: ignore[no-any-return]


@operation(function=False)
def resize_as(self: Tensor, other: Tensor) -> Tensor:
    """Deprecated: the same elements under the shape of another tensor."""
    return resize(self, other.shape)


def frobenius_norm(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """The square root of the sum of squares over axes."""
    return input.norm(2, dim, keepdim)  # type: ignore[no-any-return]


def nuclear_norm(input: Tensor, dim: Any = (-2, -1), keepdim: bool = False) -> Tensor:
    """The sum of the singular values of the matrices in two axes."""
    from ..linalg.norms import matrix_norm

    return matrix_norm(input, "nuc", dim, keepdim)


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norms of the slices of ``dim`` (of everything, for -1), with axes of extent 1 kept."""
    if dim == -1:
        return vector_norm(v, float(pow), tuple(range(v.ndim)), False)
    return vector_norm(v, float(pow), tuple(k for k in range(v.ndim) if k != dim), True)


def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


for _function in (frobenius_norm, nuclear_norm, norm_except_dim, is_inference):
    NAMESPACE[_function.__name__] = _function
NAMESPACE["detach_"] = Tensor.detach_
