"""What families of distributions share: broadcasting of parameters, probabilities and logits, properties worked out once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar, overload

import flambeau

from ..core.tensor import Tensor

__all__ = [
    "broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits", "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]  # fmt: skip

euler_constant = 0.57721566490153286060
"""Euler's constant, as the mean of Gumbel's distribution has it."""

_Number = (int, float, bool)


def _is_tensor_like(value: Any) -> bool:
    return isinstance(value, Tensor) or hasattr(type(value), "__torch_function__")


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape.

    Numbers get the dtype of the first tensor, or the default one. ``ValueError`` if something is neither.
    """
    if not all(_is_tensor_like(value) or isinstance(value, _Number) for value in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
        )
    first = next((value for value in values if isinstance(value, Tensor)), None)
    dtype = flambeau.get_default_dtype() if first is None else first.dtype
    tensors = [v if _is_tensor_like(v) else flambeau.tensor(v, dtype=dtype) for v in values]
    return tuple(flambeau.broadcast_tensors(*tensors))


def _standard_normal(shape: Sequence[int], dtype: Any, device: Any) -> Tensor:
    """Standard normal numbers."""
    return flambeau.randn(shape, dtype=dtype, device=device)


def _sum_rightmost(value: Any, dim: int) -> Any:
    """``value`` summed over its last ``dim`` axes."""
    return value if dim == 0 else value.reshape(value.shape[:-dim] + (-1,)).sum(-1)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities of logits: one of two outcomes, or of the outcomes along the last axis."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities at least an epsilon of their dtype away from 0 and 1."""
    eps = flambeau.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Logits of probabilities, which are kept away from 0 and 1."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


_T = TypeVar("_T")
_R = TypeVar("_R")


class lazy_property(Generic[_T, _R]):
    """A property that is worked out when it is first asked for, with gradients, and is a plain attribute from then on."""

    def __init__(self, wrapped: Callable[[_T], _R]) -> None:
        self.wrapped = wrapped
        functools.update_wrapper(self, wrapped)  # type: ignore[arg-type]

    @overload
    def __get__(self, instance: None, obj_type: Any = None) -> _lazy_property_and_property[_T, _R]: ...
    @overload
    def __get__(self, instance: _T, obj_type: Any = None) -> _R: ...
    def __get__(self, instance: Any, obj_type: Any = None) -> Any:
        if instance is None:
            return _lazy_property_and_property(self.wrapped)
        with flambeau.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


class _lazy_property_and_property(lazy_property[_T, _R], property):
    """What a class shows of a lazy property: it is a property for those that ask, and knows that it is lazy."""

    def __init__(self, wrapped: Callable[[_T], _R]) -> None:
        property.__init__(self, wrapped)


def _lower_part(n: int, diag: int, device: Any) -> Tensor:
    """Booleans (n, n): on diagonal ``diag`` and below."""
    places = flambeau.arange(n, device=device)
    return places < places.view(-1, 1) + (diag + 1)


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """Elements (…, N) of matrices (…, D, D) on diagonal ``diag`` and below, row by row."""
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    return mat[..., _lower_part(n, diag, mat.device)]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Matrices (…, D, D) with the given elements (…, N) on diagonal ``diag`` and below: undoes :func:`tril_matrix_to_vec`."""
    size = vec.shape[-1]
    twice = 1 + 2 * diag
    n = (-twice + (twice**2 + 8 * size + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    if round(n) - n > flambeau.finfo(vec.dtype).eps:
        raise ValueError(
            f"The size of last dimension is {size} which cannot be expressed as "
            "the lower triangular part of a square D x D matrix."
        )
    n = round(n)
    mat = vec.new_zeros(vec.shape[:-1] + (n, n))
    mat[..., _lower_part(n, diag, vec.device)] = vec
    return mat
