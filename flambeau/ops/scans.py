"""Running sums, products and extrema along an axis, and differences."""

from __future__ import annotations

from typing import Any

from .. import return_types
from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import TYPE_NAMES, DType
from ..graph.primitives import SCAN_LOGADDEXP, SCAN_MAX, SCAN_MIN, SCAN_PROD, SCAN_RECURRENCE, SCAN_SUM, Primitive
from ..graph.shapes import wrap_dim
from ..graph.trace import record, record_outputs
from .arithmetic import div_by_number
from .choice import where
from .creation import full_like, zeros, zeros_like
from .dispatch import with_history
from .elementwise import differentiated, gradient_class
from .joining import cat
from .operation import operation
from .ranges import arange


def _recorded(primitive: Primitive, axis: int, backwards: bool, d: DType, *operands: Tensor) -> Tensor:
    """The scan of operands of one shape, converted to ``d``; from the last elements on if it goes ``backwards``."""
    shape = operands[0].shape
    if not shape or 0 in shape:
        return operands[0].to(d).clone()  # type: ignore[no-any-return]
    return Tensor._from_node(record(primitive, (shape, d, axis, backwards), *[(x._read(), x._view) for x in operands]))


def _result_dtype(name: str, input: Tensor, dtype: DType | None) -> DType:
    d = dtype or (dtypes.int64 if input.dtype.category < 2 else input.dtype)
    if d.kind == "bool":
        raise NotImplementedError(f"\"{name}_out_cpu\" not implemented for 'Bool'")
    return d


def _running_sum_slope(grad: Tensor, axis: int, backwards: bool) -> Tensor:
    return running_sum(grad, axis, not backwards)


@differentiated(_running_sum_slope, name="CumsumBackward0")
def running_sum(input: Tensor, axis: int, backwards: bool) -> Tensor:
    """The sum of the elements up to each one along ``axis``, or from each one on if it goes ``backwards``."""
    return _recorded(SCAN_SUM, axis, backwards, input.dtype, input)


@operation(inplace=True, out=True)
@differentiated(lambda grad, dim: running_sum(grad, wrap_dim(dim, grad.ndim), True))
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The sum of the elements up to each one along ``dim``. Integers and booleans sum to int64."""
    axis = wrap_dim(dim, input.ndim)
    return _recorded(SCAN_SUM, axis, False, _result_dtype("cumsum", input, dtype), input)


def _recurrence_slopes(
    grad: Tensor, factors: Tensor, result: Tensor, axis: int, backwards: bool
) -> tuple[Tensor, Tensor]:
    slope = _recurrence(factors, grad, axis, not backwards)
    return slope * result, slope


@differentiated(_recurrence_slopes, name="RecurrenceBackward0", operands=2)
def _recurrence(factors: Tensor, terms: Tensor, axis: int, backwards: bool) -> Tensor:
    """0, and behind an element r in the place of a factor a and a term b: a r + b. Factors may be booleans."""
    return _recorded(SCAN_RECURRENCE, axis, backwards, terms.dtype, factors, terms)


def _cumprod_slope(grad: Tensor, input: Tensor, result: Tensor, dim: int) -> Tensor:
    """The product of the elements before each one, times the sum over those from it on of their gradients and of the factors
    between: g₀ + x₁ (g₁ + x₂ (g₂ + …)), which divides by nothing and is right where factors are zero.

    What is not finite is as PyTorch has it: quotients before the first zero, 0 behind it.
    """
    if input.ndim == 0 or input.numel() == 0:
        return grad
    axis = wrap_dim(dim, input.ndim)
    slope = _shifted(result, axis, 1.0) * (grad + _recurrence(input, input * grad, axis, True))
    nothing_left = _recorded(SCAN_MAX, axis, False, dtypes.bool_, input == 0)
    weighted = running_sum(where(nothing_left, 0.0, grad * result), axis, True)
    behind = where(_shifted(nothing_left, axis, False), 0.0, slope)
    otherwise = where(nothing_left, behind, weighted / input).detach()
    return where(slope.isfinite() & weighted.isfinite(), slope, otherwise)  # type: ignore[no-any-return]


def _shifted(x: Tensor, axis: int, first: float) -> Tensor:
    """Each element in the place of the next one along ``axis``."""
    start = full_like(x.narrow(axis, 0, 1), first)
    return cat([start, x.narrow(axis, 0, x.shape[axis] - 1)], axis)


@operation(inplace=True, out=True)
@differentiated(_cumprod_slope)
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The product of the elements up to each one along ``dim``. Integers and booleans multiply to int64."""
    axis = wrap_dim(dim, input.ndim)
    return _recorded(SCAN_PROD, axis, False, _result_dtype("cumprod", input, dtype), input)


# --- extrema ------------------------------------------------------------------------------------------------------------


def _extremum_slope(grad: Tensor, index: Tensor, axis: int) -> Tensor:
    """Where an extremum was found its gradient and those of the elements behind that it is still the extremum of; elsewhere 0."""
    if grad.ndim == 0 or grad.numel() == 0:
        return grad
    places = arange(grad.shape[axis]).reshape([-1 if k == axis else 1 for k in range(grad.ndim)])
    elsewhere = index != places
    total = grad + _recurrence(elsewhere, where(elsewhere, grad, 0.0), axis, True)
    return where(elsewhere, 0.0, total)  # type: ignore[no-any-return]


CummaxBackward0 = gradient_class("CummaxBackward0", _extremum_slope, ("input", "index", "axis"), 2)


def _running_extremum(primitive: Primitive, input: Tensor, dim: int, gradient: type[Gradient]) -> tuple[Tensor, Tensor]:
    axis = wrap_dim(dim, input.ndim)
    if input.ndim == 0 or input.numel() == 0:
        values, indices = input.detach().clone(), zeros(input.shape, dtype=dtypes.int64)
    else:
        attributes = (input.shape, input.dtype, axis, False)
        nodes = record_outputs(primitive, attributes, [(input.shape, dtypes.int64, 1)], (input._read(), input._view))
        values, indices = map(Tensor._from_node, nodes)
    return with_history(values, gradient, [input, indices], axis, kept=[None, indices]), indices


@operation(out="exact")
def cummax(input: Tensor, dim: int) -> Any:
    """The largest element up to each one along ``dim``, NaN if there was one, and where it was last found: (values, indices)."""
    return return_types.cummax(_running_extremum(SCAN_MAX, input, dim, CummaxBackward0))


@operation(out="exact")
def cummin(input: Tensor, dim: int) -> Any:
    """The smallest element up to each one along ``dim``, NaN if there was one, and where it was last found: (values, indices)."""
    return return_types.cummin(_running_extremum(SCAN_MIN, input, dim, CummaxBackward0.named("CumminBackward0")))


# --- logarithms of sums -------------------------------------------------------------------------------------------------


def _running_log_slope(grad: Tensor, input: Tensor, result: Tensor, axis: int, backwards: bool) -> Tensor:
    """Gradients of either sign are taken apart, so that logarithms exist."""
    if input.ndim == 0 or input.numel() == 0:
        return grad

    def part(size: Tensor) -> Tensor:
        logs = where(size > 0, size, 1.0).log() - result
        logs = where(size > 0, logs, float("-inf"))
        return (running_logsumexp(logs, axis, not backwards) + input).exp()

    return part(grad) - part(-grad)


@differentiated(_running_log_slope, name="LogcumsumexpBackward0")
def running_logsumexp(input: Tensor, axis: int, backwards: bool) -> Tensor:
    """log of the sum of exp of the elements up to each one along ``axis``, or from each one on if it goes ``backwards``."""
    return _recorded(SCAN_LOGADDEXP, axis, backwards, input.dtype, input)


@operation(out="exact")
@differentiated(
    lambda grad, input, result, dim: _running_log_slope(grad, input, result, wrap_dim(dim, input.ndim), False)
)
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """log of the running sum of exp along ``dim``, without overflow."""
    axis = wrap_dim(dim, input.ndim)
    if input.dtype.category < 2:
        raise NotImplementedError(f"\"logcumsumexp_out_cpu\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    return _recorded(SCAN_LOGADDEXP, axis, False, input.dtype, input)


# --- differences --------------------------------------------------------------------------------------------------------


@operation(out=True)
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
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


def along(name: str, y: Tensor, x: Any, dx: Any, dim: int) -> tuple[Tensor, Tensor, Any]:
    """The elements but the last, those but the first, and the steps between their positions."""
    axis = wrap_dim(dim, y.ndim)
    if y.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    if any(given is not None and given.dtype.kind == "bool" for given in (y, x)):
        which = "`y`" if x is None else "`x` or `y`"
        raise RuntimeError(f"{name}: received a bool input for {which}, but bool is not supported")
    extent = y.shape[axis]
    left, right = y.narrow(axis, 0, max(extent - 1, 0)), y.narrow(axis, min(1, extent), max(extent - 1, 0))
    if isinstance(dx, complex):
        raise RuntimeError(f"{name}: Currently, we only support dx as a real number.")
    if x is None:
        return left, right, 1 if dx is None else dx
    if dx is not None:
        raise RuntimeError(f"{name}: specify x or dx, not both")
    if x.ndim == 1 and x.shape[0] != extent:
        raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
    steps = x.diff(dim=-1 if x.ndim == 1 else axis)
    if x.ndim == 1:
        steps = steps.reshape([-1 if k == axis else 1 for k in range(y.ndim)])
    return left, right, steps


@operation("trapz", method=False)
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along ``dim`` by the trapezoidal rule, at positions ``x`` or in steps ``dx`` (1)."""
    axis = wrap_dim(dim, y.ndim)
    left, right, steps = along("trapezoid", y, x, dx, dim)
    if isinstance(steps, Tensor):
        return div_by_number(((left + right) * steps).sum(axis), 2.0)
    return (left + right).sum(axis) * (steps / 2.0)


@operation(method=False)
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running integral along ``dim`` by the trapezoidal rule."""
    axis = wrap_dim(dim, y.ndim)
    left, right, steps = along("cumulative_trapezoid", y, x, dx, dim)
    return div_by_number(cumsum((left + right) * steps, axis), 2.0)
