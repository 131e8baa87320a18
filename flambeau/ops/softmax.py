"""Softmax and its logarithm: maximum, difference, exponential and sum, which make one kernel over the rows."""

from __future__ import annotations

import math
from typing import Any

from ..core.composite import composite
from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.shapes import wrap_dim, wrap_dims
from .choice import where
from .conversion import check_floating, rounded_once
from .dispatch import with_history
from .elementwise import differentiated, gradient_class
from .operation import Dims, operation
from .recording_paths import binary, ternary, unary
from .reductions import amax, expand_back, reduce, sum, without_axes


def _prepared(name: str, input: Tensor, dim: int, dtype: Any) -> tuple[Tensor, int]:
    x = input if dtype is None or dtype is input.dtype else input.to(dtype)
    if x._view is not None and not x._view.contiguous:
        x = x.contiguous()  # and so is the result
    sizes, d = x._output_meta(0)
    axis = wrap_dim(dim, len(sizes))
    if d.category < 2 and sizes.numel():
        check_floating(f"{name}_lastdim_kernel_impl" if axis >= len(sizes) - 1 else f"{name}_kernel_impl", d)
    return x, axis


def _softmax_slope(grad: Tensor, result: Tensor, axis: int) -> Tensor:
    weighted = grad * result
    return weighted - result * weighted.sum(axis, True)


SoftmaxBackward0 = gradient_class("SoftmaxBackward0", _softmax_slope, ("input", "axis"), 1)


@operation("special.softmax", out="exact")
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """``exp(input)`` divided by its sum along ``dim``; ``input`` is first converted to ``dtype`` if that is given."""
    x, axis = _prepared("softmax", input, dim, dtype)
    return _of_rows(x, axis, _softmax_values, SoftmaxBackward0)


@rounded_once
def _of_rows(x: Tensor, axis: int, values: Any, gradient: type[Gradient]) -> Tensor:
    """What ``values`` computes of the rows along ``axis``, with its history."""
    if 0 not in x.shape:
        (result,) = composite(values, axis, x)
    else:
        result = unary(p.COPY, x)
    return with_history(result, gradient, [x], axis, kept=())


def _softmax_values(axis: int, x: Tensor) -> tuple[Tensor]:
    return (_quotients(x, reduce(p.MAX, x, (axis,), True, x.dtype), axis),)


def _quotients(x: Tensor, largest: Tensor, axis: int) -> Tensor:
    power = unary(p.EXP, binary(p.SUB, x, largest))
    return binary(p.DIV, power, reduce(p.SUM, power, (axis,), True, x.dtype))


def softmax_within(x: Tensor, axis: int) -> Tensor:
    """:func:`softmax` as a part of what is recorded by one look-up itself, without history."""
    x = x.contiguous()
    return _softmax_values(axis, x)[0] if x.numel() else x


@rounded_once
def safe_softmax(x: Tensor, axis: int) -> Tensor:
    """:func:`softmax` that is zero where all elements along the axis are minus infinity."""
    if x.numel() == 0:
        return _of_rows(x, axis, _softmax_values, SoftmaxBackward0)
    largest = reduce(p.MAX, x, (axis,), True, x.dtype)
    result = ternary(p.WHERE, binary(p.EQ, largest, -math.inf), 0.0, _quotients(x, largest, axis))
    return with_history(result, SoftmaxBackward0, [x], axis, kept=())


LogSoftmaxBackward0 = gradient_class(
    "LogSoftmaxBackward0",
    lambda grad, result, axis: grad - result.exp() * grad.sum(axis, True),
    ("input", "axis"),
    1,
)


@operation("special.log_softmax", out="exact")
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """The logarithm of :func:`softmax`, without overflow."""
    x, axis = _prepared("log_softmax", input, dim, dtype)
    return _of_rows(x, axis, _log_softmax_values, LogSoftmaxBackward0)


def _log_softmax_values(axis: int, x: Tensor) -> tuple[Tensor]:
    shifted = binary(p.SUB, x, reduce(p.MAX, x, (axis,), True, x.dtype))
    total = reduce(p.SUM, unary(p.EXP, shifted), (axis,), True, x.dtype)
    return (binary(p.SUB, shifted, unary(p.LOG, total)),)


def _logsumexp_slope(grad: Tensor, input: Tensor, result: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    dims = wrap_dims(dim, input.ndim)
    shares = (input - expand_back(result, input.shape, dims, keepdim)).exp()
    return expand_back(grad, input.shape, dims, keepdim) * shares


@operation("special.logsumexp", out=True)
@differentiated(_logsumexp_slope)
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over axes, without overflow."""
    dims = wrap_dims(dim, input.ndim)
    if not keepdim and input.ndim and isinstance(dim, (tuple, list)) and not dim:
        # All axes are meant, but PyTorch has not prepared for that.
        raise RuntimeError(f"output with shape [] doesn't match the broadcast shape {[1] * input.ndim}")
    x = input if input.dtype.category == 2 else input.to(dtypes.get_default_dtype())
    return _logsumexp(x, dims, keepdim)


@rounded_once
def _logsumexp(x: Tensor, dims: tuple[int, ...], keepdim: bool) -> Tensor:
    if x.numel() == 0:
        return sum(x.exp(), dims, keepdim).log()
    high = amax(x, dims, True)
    high = where(high.abs() == math.inf, 0.0, high)
    total = sum((x - high).exp(), dims, True).log() + high
    return without_axes(total, dims, keepdim)
