"""Logarithms of sums of exponentials of complex numbers: the largest real part is taken out of the sums, and added again."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.history import RESULT, Gradient
from ...core.tensor import Tensor
from ...graph.dtypes import TYPE_NAMES
from ...graph.dtypes import dtype as dtype_type
from ..by_name import real
from ..dispatch import with_history
from ..host import on_host
from .arithmetic import sub
from .calls import complex_operation
from .functions import exp, log, log1p
from .linear import dims_of
from .making import converted_complex
from .parts import as_complex, made, parts
from .tensor import ComplexTensor, axis_of


def _finite(most: Tensor) -> Tensor:
    """What is taken out of sums: a number to which infinite ones can be compared."""
    return most.masked_fill(~most.isfinite(), 0.0)  # type: ignore[no-any-return]


@complex_operation("logsumexp", "special_logsumexp")
def logsumexp(input: ComplexTensor, dim: Any, keepdim: bool = False) -> Tensor:
    x: Any = input if input.ndim else input.unsqueeze(0)
    dims = dims_of(x, dim)
    if not x.numel():
        return log(exp(x).sum(dims, keepdim))  # type: ignore[arg-type]
    most = _finite(x.real.detach().amax(dims, keepdim=True))
    total: Any = log(exp(sub(x, most)).sum(dims, keepdim=True)) + most  # type: ignore[arg-type]
    return total if keepdim and input.ndim else total.squeeze(dims)  # type: ignore[no-any-return]


@complex_operation()
def logaddexp(input: Any, other: Any) -> Tensor:
    """What the one with the smaller real part adds to the other one; of infinite ones that are equal, what is there."""
    a, b = as_complex(input), as_complex(other)
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected scalar type {TYPE_NAMES[a.dtype]} but found {TYPE_NAMES[b.dtype]}")
    first = a.real < b.real
    least, most = [made(*[x.where(first, y) for x, y in zip(*given)]) for given in ((parts(a), parts(b)), (parts(b), parts(a)))]
    alike = (least.real == most.real) & ~least.real.isfinite()
    added = log1p(exp(sub(least, most).masked_fill(alike, 0.0)))  # type: ignore[arg-type]
    x, y = parts(most + added)
    nothing = alike & (least.real < 0)
    return made(x.where(~nothing, least.real), y.where(~nothing, least.imag))


def _running(pairs: np.ndarray, axis: int, backwards: bool) -> np.ndarray:
    """Logarithms of sums of exponentials, one element after the other: imaginary parts go where each step leads."""
    values = np.moveaxis(np.ascontiguousarray(pairs).view(np.result_type(pairs.dtype, np.complex64))[..., 0], axis, 0)
    values = values[::-1] if backwards else values
    result = values.copy()
    result[:1] = np.where(result[:1].real == -np.inf, -np.inf, result[:1])
    with np.errstate(all="ignore"):
        for k in range(1, len(values)):
            x, before = values[k], result[k - 1]
            swapped = np.isnan(before) | (x.real < before.real)
            least, most = np.where(swapped, x, before), np.where(swapped, before, x)
            alike = (least.real == most.real) & ~np.isfinite(least.real)
            added = np.exp(np.where(alike, 0, least - most))
            total = most + np.log1p(added)
            total = np.where(alike & (least.real < 0), least, total)
            result[k] = np.where(np.isnan(least) | np.isnan(most), complex(np.nan, np.nan), total)
    result = np.moveaxis(result[::-1] if backwards else result, 0, axis)
    return np.ascontiguousarray(result)[..., None].view(pairs.dtype)


class LogcumsumexpBackward0(Gradient):
    """exp(x) times the running sum of gradients by exp(result), whose logarithms are added; ``context`` (axis, backwards)."""

    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        axis, backwards = self.context
        x, result = ComplexTensor.of(self.input(0)), ComplexTensor.of(self.result())
        shares: Any = log(ComplexTensor.of(grad, True)) - result
        found = exp(_running_sum(shares, axis, not backwards) + x)  # type: ignore[arg-type]
        return found.conj().resolved()  # type: ignore[attr-defined, no-any-return]


def _running_sum(x: Any, axis: int, backwards: bool) -> ComplexTensor:
    pairs = x.resolved()
    result = on_host(_running, {"axis": axis, "backwards": backwards}, [(pairs.shape, pairs.dtype)], pairs)[0]
    return ComplexTensor.of(with_history(result, LogcumsumexpBackward0, (pairs,), (axis, backwards)))


@complex_operation()
def logcumsumexp(input: ComplexTensor, dim: int) -> Tensor:
    axis = axis_of(input, dim)
    return _running_sum(input, axis, False) if input.ndim else input.clone()  # type: ignore[no-any-return]


def _softmax(name: str, of_rows: str, sign: int) -> None:
    """There is none of complex numbers; but they may be converted to real ones before."""

    def softmax(input: Any, dim: Any = None, _stacklevel: Any = 3, dtype: dtype_type | None = None) -> Tensor:
        dtype = _stacklevel if isinstance(_stacklevel, dtype_type) else dtype  # which has the third place in torch.softmax
        if dtype is None or dtype.kind == "complex":
            d = dtype or input.dtype
            raise NotImplementedError(f"\"{of_rows}_lastdim_kernel_impl\" not implemented for '{TYPE_NAMES[d]}'")
        function = getattr(real, of_rows)
        return function(converted_complex(input, dtype) * sign, dim, dtype)  # type: ignore[no-any-return]

    complex_operation(name)(softmax)


_softmax("softmax", "softmax", 1)
_softmax("softmin", "softmax", -1)
_softmax("log_softmax", "log_softmax", 1)
