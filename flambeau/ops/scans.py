"""Running sums, products and extrema along an axis, and differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import return_types
from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import TYPE_NAMES
from ..graph.shapes import wrap_dim
from ..graph.trace import local
from .arithmetic import div_by_number
from .choice import where
from .creation import zeros, zeros_like
from .dispatch import with_history
from .elementwise import differentiated, gradient_class
from .host import on_host, working_dtype
from .joining import cat
from .operation import operation


def _accumulate(array: np.ndarray, ufunc: str, axis: int, work: str) -> np.ndarray:
    return getattr(np, ufunc).accumulate(array, axis=axis, dtype=np.dtype(work))  # type: ignore[no-any-return]


def _running(name: str, ufunc: str, input: Tensor, dim: int, dtype: Any) -> Tensor:
    """The running result of a function of NumPy's, in the dtype that is asked for."""
    axis = wrap_dim(dim, input.ndim)
    d = dtype or (dtypes.int64 if input.dtype.category < 2 else input.dtype)
    x = input if input.dtype is d else input.to(d)
    if d.kind == "bool":
        raise NotImplementedError(f'"{name}_out_cpu" not implemented for \'Bool\'')
    if x.ndim == 0 or x.numel() == 0:
        return x.clone()  # type: ignore[no-any-return]
    parameters = {"ufunc": ufunc, "axis": axis, "work": working_dtype(d)}
    return on_host(_accumulate, parameters, [(x.shape, d)], x)[0]


def _from_behind(grad: Tensor, axis: int) -> Tensor:
    """The running sum from the last element on."""
    return cumsum(grad.flip(axis), axis).flip(axis) if grad.ndim else grad


@operation(inplace=True, out=True)
@differentiated(lambda grad, dim: _from_behind(grad, dim))
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The sum of the elements up to each one along ``dim``. Integers and booleans sum to int64."""
    return _running("cumsum", "add", input, dim, dtype)


def _cumprod_slope(grad: Tensor, input: Tensor, result: Tensor, dim: int) -> Tensor:
    if input.ndim == 0 or input.numel() == 0:
        return grad
    axis = wrap_dim(dim, input.ndim)
    if local.grad and bool((input == 0).any()):
        return _cumprod_slopes(input, grad, axis)
    return _cumprod_gradient(input, result, grad, axis)


def _cumprod_gradient(x: Tensor, result: Tensor, grad: Tensor, axis: int) -> Tensor:
    """Before the first zero the products divided by each factor; at it, the products without it; 0 behind it."""
    zeros = cumsum(x == 0, axis)
    before = zeros == 0
    weighted = _from_behind(where(before, grad * result, 0.0), axis)
    slope = where(before, weighted / where(before, x, 1.0), 0.0)
    here = (zeros == 1) & (x == 0)
    without = cumprod(where(here, 1.0, where(zeros <= 1, x, 0.0)), axis)
    at_first = _from_behind(where(zeros == 1, grad * without, 0.0), axis)
    return where(here, at_first, slope)  # type: ignore[no-any-return]


def _cumprod_slopes(x: Tensor, grad: Tensor, axis: int) -> Tensor:
    """The gradient in O(n²) without a division, whose own gradient is right where factors are zero."""
    n = x.shape[axis]
    slopes = []
    for k in range(n):
        before = x.narrow(axis, 0, k).prod(axis, keepdim=True)
        behind = cumprod(x.narrow(axis, k + 1, n - k - 1), axis)
        products = cat([before, before * behind], axis)
        slopes.append((products * grad.narrow(axis, k, n - k)).sum(axis, keepdim=True))
    return cat(slopes, axis)


@operation(inplace=True, out=True)
@differentiated(_cumprod_slope)
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The product of the elements up to each one along ``dim``. Integers and booleans multiply to int64."""
    return _running("cumprod", "multiply", input, dim, dtype)


# --- extrema ------------------------------------------------------------------------------------------------------------


def _running_extremum(array: np.ndarray, ufunc: str, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and where each was found, the last place of equal ones; NaN is found before all numbers."""
    values = getattr(np, ufunc).accumulate(array, axis=axis)
    shape = [1] * array.ndim
    shape[axis] = -1
    places = np.arange(array.shape[axis]).reshape(shape)
    found = np.where((array == values) | (array != array), places, 0)
    return values, np.maximum.accumulate(found, axis=axis)


CummaxBackward0 = gradient_class(
    "CummaxBackward0",
    lambda grad, index, axis: grad.new_zeros(grad.shape).scatter_add(axis, index, grad) if grad.shape.numel() else grad,
    ("input", "index", "axis"),
    2,
)


def _cumulative(input: Tensor, dim: int, ufunc: str, gradient: type[Gradient]) -> tuple[Tensor, Tensor]:
    axis = wrap_dim(dim, input.ndim)
    if input.ndim == 0 or input.numel() == 0:
        values, indices = input.detach().clone(), zeros(input.shape, dtype=dtypes.int64)
    else:
        outputs = [(input.shape, input.dtype), (input.shape, dtypes.int64)]
        values, indices = on_host(_running_extremum, {"ufunc": ufunc, "axis": axis}, outputs, input)
    return with_history(values, gradient, [input, indices], axis, kept=[None, indices]), indices


@operation(out="exact")
def cummax(input: Tensor, dim: int) -> Any:
    """The largest element up to each one along ``dim``: (values, indices)."""
    return return_types.cummax(_cumulative(input, dim, "maximum", CummaxBackward0))


@operation(out="exact")
def cummin(input: Tensor, dim: int) -> Any:
    """The smallest element up to each one along ``dim``: (values, indices)."""
    return return_types.cummin(_cumulative(input, dim, "minimum", CummaxBackward0.named("CumminBackward0")))


def _logcumsumexp_slope(grad: Tensor, input: Tensor, result: Tensor, dim: int) -> Tensor:
    """Gradients of either sign are taken apart, so that logarithms exist."""
    if input.ndim == 0 or input.numel() == 0:
        return grad

    def part(size: Tensor) -> Tensor:
        logs = where(size > 0, size, 1.0).log() - result
        logs = where(size > 0, logs, float("-inf"))
        return (logcumsumexp(logs.flip(dim), dim).flip(dim) + input).exp()

    return part(grad) - part(-grad)


@operation(out="exact")
@differentiated(_logcumsumexp_slope)
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """log of the running sum of exp along ``dim``, without overflow."""
    wrap_dim(dim, input.ndim)
    if input.dtype.category < 2:
        raise NotImplementedError(f"\"logcumsumexp_out_cpu\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    return _running("logcumsumexp", "logaddexp", input, dim, None)


# --- differences --------------------------------------------------------------------------------------------------------


@operation(out=True)
def diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor:
    """Each element less the one before it along ``dim``, ``n`` times; other tensors may be put at the ends first."""
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = wrap_dim(dim, input.ndim)
    if n == 0:  # whatever is to be put at the ends
        return zeros_like(input).copy_(input)  # type: ignore[no-any-return]
    parts = [part for part in (prepend, input, append) if part is not None]
    result = cat(parts, axis) if len(parts) > 1 else input
    for _ in range(min(n, result.shape[axis])):
        last = result.narrow(axis, 1, result.shape[axis] - 1)
        first = result.narrow(axis, 0, result.shape[axis] - 1)
        result = last ^ first if result.dtype.kind == "bool" else last - first
    return result


def _along(name: str, y: Tensor, x: Any, dx: Any, dim: int) -> tuple[Tensor, Tensor, Any]:
    """The elements but the last, those but the first, and the steps between their positions."""
    axis = wrap_dim(dim, y.ndim)
    if y.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    extent = y.shape[axis]
    left, right = y.narrow(axis, 0, max(extent - 1, 0)), y.narrow(axis, min(1, extent), max(extent - 1, 0))
    if x is None:
        return left, right, 1 if dx is None else dx
    if dx is not None:
        raise RuntimeError(f"{name}: specify x or dx, not both")
    if x.ndim == 1 and x.shape[0] != extent:
        raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
    steps = diff(x, dim=-1 if x.ndim == 1 else axis)
    if x.ndim == 1:
        steps = steps.reshape([-1 if k == axis else 1 for k in range(y.ndim)])
    return left, right, steps


@operation("trapz", method=False)
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along ``dim`` by the trapezoidal rule, at positions ``x`` or in steps ``dx`` (1)."""
    axis = wrap_dim(dim, y.ndim)
    left, right, steps = _along("trapezoid", y, x, dx, dim)
    if isinstance(steps, Tensor):
        return div_by_number(((left + right) * steps).sum(axis), 2.0)
    return (left + right).sum(axis) * (steps / 2.0)


@operation(method=False)
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running integral along ``dim`` by the trapezoidal rule."""
    axis = wrap_dim(dim, y.ndim)
    left, right, steps = _along("cumulative_trapezoid", y, x, dx, dim)
    return div_by_number(cumsum((left + right) * steps, axis), 2.0)
