"""Normalisation: values less their mean, divided by their standard deviation, over whichever axes.

Layer, group, instance and batch normalisation differ in the axes that the statistics are taken over and in those that
weight and bias vary along. All share the closed formula of the gradient with two reductions (Ioffe and Szegedy, 2015):
with the normalised values n, their gradient g and the reciprocal standard deviation r, the input's gradient is
``(g - mean(g) - n * mean(g * n)) * r``. Kept for backward are the input, the mean and r. When gradients of gradients
are wanted the statistics are computed again, so that they have a history.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ..core.composite import composite
from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.dtypes import TYPE_NAMES, dtype, float32, float64
from ..graph.shapes import Size, View, contiguous_strides, view_strides, wrap_dim
from ..graph.trace import local
from .assignment import assign
from .conversion import check_floating, converted, in_order
from .dispatch import tracked, with_history
from .memory_order import Order, format_order, lay, lies_in, own_order
from .operation import operation
from .recording_paths import binary, unary
from .reductions import mean as mean_of
from .reductions import reduce
from .reductions import sum as sum_of
from .views import geometry


class Layout(NamedTuple):
    """Which axes are which: the input seen as ``shape``, statistics over ``axes``, weight and bias seen as ``affine``.

    The gradients of weight and bias are sums over ``others`` of the input seen as ``channels``.
    """

    shape: Size
    axes: tuple[int, ...]
    affine: Size
    channels: Size
    others: tuple[int, ...]


@lru_cache(maxsize=1024)
def _view(sizes: Size, strides: tuple[int, ...], offset: int, shape: tuple[int, ...]) -> View | None:
    found = view_strides(sizes, strides, shape)
    return None if found is None else View(shape, found, offset)


def _value(x: Tensor, shape: tuple[int, ...], d: dtype) -> Tensor:
    """The value of ``x`` without history, under another shape, in dtype ``d``."""
    if x.dtype is not d:
        x = unary(p.CAST, x, None, d)
    if x.shape == shape:
        return Tensor._saved(x._read(), x._view, None)
    view = _view(*geometry(x), shape)
    if view is None:
        x = unary(p.COPY, x)
        view = View(shape, contiguous_strides(shape), 0)
    return Tensor._saved(x._read(), view, None)


def _in_order(x: Tensor, channels_last_too: bool) -> Tensor:
    """``x`` so that the result lies in logical order, as PyTorch's does, whatever the order of the input.

    With ``channels_last_too`` that order is kept.
    """
    order = format_order(x) if channels_last_too else None
    return x if lies_in(x, order) else lay(x.detach(), order)


def _gradient_in_order(grad: Tensor, x: Tensor, order: Order) -> Tensor:
    """The result's gradient so that what is made of it and of the input ``x`` lies in ``order``."""
    if lies_in(grad, order) or lies_in(x, order) and own_order(grad) == order:
        return grad
    return in_order(grad, order)


def _seen(x: Tensor, shape: Sequence[int], d: dtype) -> Tensor:
    """As :func:`_value`, with history."""
    x = x if x.dtype is d else x.to(d)
    return x if x.shape == tuple(shape) else x.reshape(tuple(shape))


def _wide(x: Tensor) -> dtype:
    """The dtype to compute in: float32 for half types."""
    return x.dtype if x.dtype.itemsize > 2 else float32


def _mean(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The mean, axes kept."""
    if tracked(x):
        return mean_of(x, axes, True)
    total = reduce(p.SUM, x, axes, True, x.dtype)
    return binary(p.DIV, total, x.numel() // max(total.numel(), 1))


def _statistics(x: Tensor, axes: tuple[int, ...], eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, variance (divided by the count) and 1 / sqrt(variance + eps), axes kept, without history."""
    average = _mean(x, axes)
    centred = binary(p.SUB, x, average)
    variance = _mean(binary(p.MUL, centred, centred), axes)
    return average, variance, unary(p.RSQRT, binary(p.ADD, variance, eps))


def _corrected_statistics(x: Tensor, axes: tuple[int, ...], eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """:func:`_statistics` with the mean put right by the mean of what is left, which the second pass gives besides (T. F.
    Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance", 1983)."""
    rough = _mean(x, axes)
    centred = binary(p.SUB, x, rough)
    rest = _mean(centred, axes)
    variance = binary(p.SUB, _mean(binary(p.MUL, centred, centred), axes), binary(p.MUL, rest, rest))
    return binary(p.ADD, rough, rest), variance, unary(p.RSQRT, binary(p.ADD, variance, eps))


def _differentiable_statistics(x: Tensor, axes: tuple[int, ...], eps: float) -> tuple[Tensor, Tensor]:
    """Mean and 1 / sqrt(variance + eps), axes kept."""
    average = _mean(x, axes)
    centred = x - average
    return average, (_mean(centred * centred, axes) + eps).rsqrt()


def _scaled(
    input: Tensor, average: Tensor, scale: Tensor, weight: Tensor | None, bias: Tensor | None, layout: Layout
) -> Tensor:
    """The normalised input times weight plus bias, in its own shape and dtype."""
    d = _wide(input)
    result = binary(p.MUL, binary(p.SUB, _value(input, layout.shape, d), average), scale)
    if weight is not None:
        result = binary(p.MUL, result, _value(weight, layout.affine, d))
    if bias is not None:
        result = binary(p.ADD, result, _value(bias, layout.affine, d))
    return _value(result, input.shape, input.dtype)


def _check_parameters(kernel: str, input: Tensor, *parameters: Tensor | None) -> None:
    """``RuntimeError`` unless all parameters have the input's dtype, or all are float32 beside a half type; the first of them
    decides which is asked for."""
    d = input.dtype
    given = [parameter.dtype for parameter in parameters if parameter is not None]
    if given and given[0] is not d:
        if any(found is not float32 for found in given):
            raise RuntimeError("mixed dtype (CPU): expect parameter to have scalar type of Float")
        if d.itemsize > 2 or d.category < 2:
            raise RuntimeError("mixed dtype (CPU): all inputs must share same datatype.")
    check_floating(kernel, d)
    for found in given:
        if found is not given[0]:
            raise RuntimeError(f"expected scalar type {TYPE_NAMES[d]} but found {TYPE_NAMES[found]}")


# --- statistics of each sample by itself --------------------------------------------------------------------------


class NormalizationBackward(Gradient):
    """Saved are input, weight, nothing, mean and reciprocal deviation; ``context`` (layout, eps)."""

    saves = INPUTS
    keeps_channels_last = False

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        layout, eps = self.context
        given, weight = self.input(0), self.input(1)
        d = _wide(given)
        grad = _gradient_in_order(grad, given, format_order(given) if self.keeps_channels_last else None)
        x, grad = _seen(given, layout.shape, d), _seen(grad, layout.shape, d)
        if local.grad:
            average, scale = _differentiable_statistics(x, layout.axes, eps)
        else:
            average, scale = self.input(3), self.input(4)
        first = second = third = None
        if self.needs(1):
            # Not shared with what follows: this sum runs down the columns, in a kernel of its own.
            second = _over_channels(grad * ((x - average) * scale), layout)
        if self.needs(2):
            third = _over_channels(grad, layout)
        if self.needs(0):
            normalised = (x - average) * scale
            if weight is not None:
                grad = grad * _seen(weight, layout.affine, d)
            along = _mean(grad * normalised, layout.axes)
            first = (grad - _mean(grad, layout.axes) - normalised * along) * scale
            first = first if given.shape == layout.shape else first.reshape(given.shape)
        return first, second, third


def _over_channels(x: Tensor, layout: Layout) -> Tensor:
    """The sum of a gradient over all axes that weight and bias do not have."""
    x = x if x.shape == layout.channels else x.reshape(layout.channels)
    return sum_of(x, layout.others) if layout.others else x


NativeLayerNormBackward0 = NormalizationBackward.named("NativeLayerNormBackward0")


class NativeGroupNormBackward0(NormalizationBackward):
    keeps_channels_last = True


def _normalise(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, layout: Layout, eps: float, gradient: type[Gradient]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The normalised input, its mean, variance and reciprocal deviation."""
    how = layout, eps, gradient
    result, average, variance, scale = composite(_normalised, how, input, weight, bias)
    operands = [input, weight, bias, average, scale]
    with_history(result, gradient, operands, (layout, eps), kept=[input, weight, None, average, scale])
    return result, average, variance, scale


def _layer_normalised(
    how: tuple[int, float], input: Tensor, weight: Tensor | None, bias: Tensor | None
) -> tuple[Tensor]:
    """The result alone, over the last axes: so many."""
    count, eps = how
    layout = _last_axes(input.shape, input.shape[-count:])
    assert layout is not None
    return _normalised((layout, eps, NativeLayerNormBackward0), input, weight, bias)[:1]


def _normalised(
    how: tuple[Layout, float, type[Gradient]], input: Tensor, weight: Tensor | None, bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    layout, eps, gradient = how
    input = _in_order(input, gradient is NativeGroupNormBackward0)
    statistics = _corrected_statistics if gradient is NormalizationBackward else _statistics
    average, variance, scale = statistics(_value(input, layout.shape, _wide(input)), layout.axes, eps)
    return _scaled(input, average, scale, weight, bias, layout), average, variance, scale


def _layer_layout(input: Tensor, normalized_shape: Sequence[int], **affine: Tensor | None) -> Layout:
    wanted = tuple(normalized_shape)
    if not wanted:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    for name, parameter in affine.items():
        if parameter is not None and parameter.shape != wanted:
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(parameter.shape)} and normalized_shape = {list(wanted)}"
            )
    layout = _last_axes(input.shape, wanted)
    if layout is None:
        raise RuntimeError(
            f"Given normalized_shape={list(wanted)}, expected input with shape [*, {', '.join(map(str, wanted))}], but "
            f"got input of size{list(input.shape)}"
        )
    return layout


@lru_cache(maxsize=1024)
def _last_axes(shape: Size, wanted: tuple[int, ...]) -> Layout | None:
    """The layout of normalisation over the last axes; None if these have other extents."""
    lead = len(shape) - len(wanted)
    if lead < 0 or shape[lead:] != wanted:
        return None
    return Layout(shape, tuple(range(lead, len(shape))), Size(wanted), shape, tuple(range(lead)))


@operation(method=False)
def native_layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """:func:`layer_norm` with the mean and the reciprocal standard deviation it used."""
    result, average, scale = _layer_norm(input, normalized_shape, weight, bias, eps)
    if weight is None or weight.dtype is input.dtype:  # beside parameters of float32 they stay so
        average, scale = converted(average, input.dtype), converted(scale, input.dtype)
    return result, average, scale


def _layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    layout = _checked_layout(input, normalized_shape, weight, bias)
    result, average, _, scale = _normalise(input, weight, bias, layout, eps, NativeLayerNormBackward0)
    return result, average, scale


def _checked_layout(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, bias: Tensor | None
) -> Layout:
    layout = _layer_layout(input, normalized_shape, weight=weight, bias=bias)
    _check_parameters("LayerNormKernelImpl", input, weight, bias)
    return layout


@operation(method=False)
def layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-05, cudnn_enable: bool = True,
) -> Tensor:  # fmt: skip
    """Normalise over the last dimensions, whose extents are ``normalized_shape``; weight and bias have that shape."""
    layout = _checked_layout(input, normalized_shape, weight, bias)
    if tracked(input, weight, bias):
        return _normalise(input, weight, bias, layout, eps, NativeLayerNormBackward0)[0]
    (result,) = composite(_layer_normalised, (len(layout.axes), eps), input, weight, bias)
    return result  # type: ignore[no-any-return]


@operation(method=False)
def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-05,
    cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """Normalise each of ``num_groups`` groups of channels (dimension 1) of each sample by itself."""
    return group_normalised(input, num_groups, weight, bias, eps)[0]


def group_normalised(
    input: Tensor, num_groups: int, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The result of :func:`group_norm`, and the mean and the reciprocal deviation of each group."""
    shape = input.shape
    if len(shape) < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {len(shape)}")
    samples, channels = shape[0], shape[1]
    if num_groups <= 0:
        raise RuntimeError(f"Expected num groups to be greater than 0, got {num_groups}")
    if channels % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape {list(shape)} "
            f"and num_groups={num_groups}"
        )
    for name, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and tuple(parameter.shape) != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {list(parameter.shape)} and input of shape {list(shape)}"
            )
    _check_parameters("GroupNormKernelImpl", input, weight, bias)
    rest = shape[2:].numel()
    each = channels // num_groups
    layout = Layout(
        shape=Size((samples, num_groups, each, rest)),
        axes=(2, 3),
        affine=Size((num_groups, each, 1)),
        channels=Size((samples, channels, rest)),
        others=(0, 2),
    )
    result, average, _, scale = _normalise(input, weight, bias, layout, eps, NativeGroupNormBackward0)
    return result, average, scale


class FusedRmsNormBackward0(Gradient):
    """Saved are input, weight and the reciprocal root of the mean square; ``context`` (layout, eps)."""

    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        layout, eps = self.context
        given, weight = self.input(0), self.input(1)
        d = _wide(given)
        x, grad = _seen(given, layout.shape, d), _seen(_gradient_in_order(grad, given, None), layout.shape, d)
        scale = (_mean(x * x, layout.axes) + eps).rsqrt() if local.grad else self.input(2)
        first = second = None
        if self.needs(1):
            second = _over_channels(grad * (x * scale), layout)
        if self.needs(0):
            normalised = x * scale
            if weight is not None:
                grad = grad * _seen(weight, layout.affine, d)
            first = (grad - normalised * _mean(grad * normalised, layout.axes)) * scale
        return first, second


_EPSILON = {float64: 2.0**-52, float32: 2.0**-23}


@operation("functional.rms_norm", method=False)
def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide by the root of the mean square over the last dimensions; ``eps`` defaults to that of the dtype it is computed in."""
    if input.ndim < len(normalized_shape):
        raise ValueError(f"Input tensor must have at least {len(normalized_shape)} dimensions, but got {input.ndim}")
    layout = _layer_layout(input, normalized_shape, weight=weight)
    check_floating("rms_norm", input.dtype)
    if eps is None:
        eps = _EPSILON[_wide(input)]
    result, scale = composite(_divided_by_root, (layout, eps), input, weight)
    operands = [input, weight, scale]
    return with_history(result, FusedRmsNormBackward0, operands, (layout, eps), kept=operands)


def _divided_by_root(how: tuple[Layout, float], input: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
    layout, eps = how
    x = _value(_in_order(input, True), layout.shape, _wide(input))
    scale = unary(p.RSQRT, binary(p.ADD, _mean(binary(p.MUL, x, x), layout.axes), eps))
    result = binary(p.MUL, x, scale)
    if weight is not None:
        result = binary(p.MUL, result, _value(weight, layout.affine, x.dtype))
    return _value(result, input.shape, input.dtype), scale


# --- statistics of channels ---------------------------------------------------------------------------------------


class NativeBatchNormBackward0(Gradient):
    """Saved are input, weight, nothing, mean and reciprocal deviation; ``context`` (layout, eps, training).

    The weight is the same along the axes of the statistics, so their two sums serve for weight and bias too.
    """

    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        layout, eps, training = self.context
        given, weight = self.input(0), self.input(1)
        d = _wide(given)
        grad = _gradient_in_order(grad, given, format_order(given))
        x, grad = _seen(given, layout.shape, d), _seen(grad, layout.shape, d)
        if training and local.grad:
            average, scale = _differentiable_statistics(x, layout.axes, eps)
        else:
            average, scale = self.input(3), self.input(4)
        through = training and self.needs(0)
        first = second = third = None
        if through or self.needs(1):
            second = sum_of(grad * ((x - average) * scale), layout.others)
        if through or self.needs(2):
            third = sum_of(grad, layout.others)
        if self.needs(0):
            scale_of_grad = scale if weight is None else scale * _seen(weight, layout.affine, d)
            if through:
                assert second is not None and third is not None
                count = x.numel() // max(second.numel(), 1)
                # Normalised once more: reading the input again costs less than storing what the sums were made of.
                normalised = (x - average) * scale
                part = third.reshape(layout.affine) + normalised * second.reshape(layout.affine)
                grad = grad - part / count
            first = grad * scale_of_grad
        return first, second, third


def _channel_layout(input: Tensor, **parameters: Tensor | None) -> Layout:
    shape = input.shape
    if len(shape) < 2:
        wrap_dim(1, len(shape))
    channels = shape[1]
    for name, parameter in parameters.items():
        if parameter is not None and parameter.numel() != channels:
            raise RuntimeError(f"{name} should contain {channels} elements not {parameter.numel()}")
    others = (0, *range(2, len(shape)))
    return Layout(shape, others, Size((channels, *[1] * (len(shape) - 2))), shape, others)


def _moved(running: Tensor, batch: Tensor, momentum: float, kept: float) -> Tensor:
    """``kept`` times a running statistic (C,) plus ``momentum`` times that of the batch."""
    d = batch.dtype
    new = binary(p.MUL, _value(batch, running.shape, d), momentum)
    return binary(p.ADD, new, binary(p.MUL, _value(running, running.shape, d), kept))


def _follow(running: Tensor | None, batch: Tensor, momentum: float, factor: float = 1.0) -> None:
    """Move a running statistic towards ``factor`` times that of the batch, in place."""
    if running is not None:
        assign(running, _moved(running, batch, momentum * factor, 1 - momentum))


def _unbiased(count: int) -> float:
    """What a variance over ``count`` elements is multiplied by to have the count less one as divisor."""
    return count / (count - 1) if count > 1 else math.nan


@operation(method=False)
def batch_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
    training: bool, momentum: float, eps: float, cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """Normalise each channel (dimension 1) by the batch's statistics in training, else by the running ones.

    In training the running statistics, if given, move towards the batch's by ``momentum``; the running variance is that
    divided by the count less one.
    """
    return batch_normalised(input, weight, bias, running_mean, running_var, training, momentum, eps)[0]


def batch_normalised(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
    training: bool, momentum: float, eps: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The result of :func:`batch_norm`, and the mean and the reciprocal deviation that it used."""
    layout = _channel_layout(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    check_floating("batch_norm", input.dtype)
    _check_parameters("batch_norm", input, weight, bias, running_mean, running_var)
    if not training:
        for name, given in (("running_mean", running_mean), ("running_var", running_var)):
            if given is None:
                raise RuntimeError(f"{name} must be defined in evaluation mode")
    if training and input.numel():
        count = input.numel() // layout.affine[0]
        numbers = momentum, momentum * _unbiased(count), 1 - momentum
        static = layout, eps
        result, average, scale, *moved = composite(
            _normalised_by_batch, static, input, weight, bias, running_mean, running_var, *numbers
        )
        for running, value in zip((running_mean, running_var), moved, strict=True):
            if running is not None:
                assign(running, value)
    else:
        d = _wide(input)
        if training:
            average = scale = _value(input.new_zeros(layout.affine), layout.affine, d)
        else:
            assert running_mean is not None and running_var is not None
            average = _value(running_mean, layout.affine, d)
            scale = unary(p.RSQRT, binary(p.ADD, _value(running_var, layout.affine, d), eps))
        result = _scaled(_in_order(input.detach(), True), average, scale, weight, bias, layout)
    operands = [input, weight, bias, average, scale]
    kept = [input, weight, None, average, scale]
    with_history(result, NativeBatchNormBackward0, operands, (layout, eps, training), kept)
    return result, average, scale


def _normalised_by_batch(
    how: tuple[Layout, float], input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None,
    running_var: Tensor | None, momentum: float, momentum_of_var: float, kept: float,
) -> tuple[Tensor | None, ...]:  # fmt: skip
    """The result, mean and reciprocal deviation, and what the running statistics become."""
    layout, eps = how
    input = _in_order(input, True)
    average, variance, scale = _corrected_statistics(_value(input, layout.shape, _wide(input)), layout.axes, eps)
    result = _scaled(input, average, scale, weight, bias, layout)
    mean = None if running_mean is None else _moved(running_mean, average, momentum, kept)
    var = None if running_var is None else _moved(running_var, variance, momentum_of_var, kept)
    return result, average, scale, mean, var


@operation(method=False)
def instance_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None,
    use_input_stats: bool, momentum: float, eps: float, cudnn_enabled: bool = True,
) -> Tensor:  # fmt: skip
    """Normalise each channel (dimension 1) of each sample by itself, or by the running statistics.

    Running statistics, if given, move towards the means over the samples by ``momentum``.
    """
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
        return batch_norm(input, weight, bias, running_mean, running_var, False, momentum, eps)
    layout = _channel_layout(input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    check_floating("batch_norm", input.dtype)
    _check_parameters("batch_norm", input, weight, bias, running_mean, running_var)
    layout = layout._replace(axes=layout.axes[1:])
    result, average, variance, _ = _normalise(input, weight, bias, layout, eps, NormalizationBackward)
    count = input.shape[2:].numel()
    if running_mean is not None:
        _follow(running_mean, mean_of(average, 0), momentum)
    if running_var is not None:
        _follow(running_var, mean_of(variance, 0), momentum, _unbiased(count))
    return result
