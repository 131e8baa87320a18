"""Pooling over windows that slide over planes, or that divide them evenly.

One dimension is a plane of height one. In three dimensions planes are pooled first, then what they gave along
the depth.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.bounds import check_fits
from ..graph.dtypes import TYPE_NAMES, dtype, float32, float64, int16, int32, int64, uint8
from ..graph.shapes import Size
from ..graph.trace import record, record_outputs
from ..graph.windows import MOST_PLACES, EvenWindows, Pooling, SlidingMeans, SlidingWindows
from .conversion import check_floating, with_gradient_in_order
from .convolution import computed_in
from .creation import filled
from .dispatch import tracked, with_history
from .gather_scatter import gather
from .memory_order import Order, format_order, lay
from .one_node import one_node
from .operation import operation
from .reductions import mean
from .views import contiguous_node

Ints = tuple[int, ...]

# --- recording -----------------------------------------------------------------------------------------------------


def _planes(x: Tensor) -> tuple[int, int, int]:
    """How many planes there are, and their extents."""
    return x.shape[:-2].numel(), x.shape[-2], x.shape[-1]


def _recorded(
    primitive: p.Primitive, shape: Sequence[int], d: dtype, window: Pooling, order: Order, *operands: Tensor
) -> Tensor:
    """A pooling primitive over contiguous operands; nothing is run where there is nothing to pool."""
    size = Size(shape)
    if any(t.numel() == 0 for t in operands):
        return filled(size, 0, d)
    return lay(
        Tensor._from_node(record(primitive, (size, d, window), *((contiguous_node(t), None) for t in operands))), order
    )


def _maxima(
    primitive: p.Primitive, out: Sequence[int], window: Pooling, input: Tensor, gradient: type[Gradient]
) -> tuple[Tensor, Tensor]:
    """Maxima with their history, and where in its plane each was found."""
    d, work = input.dtype, _compared_as(input.dtype)
    x = input if d is work else input.to(work)
    size = Size((*x.shape[:-2], *out))
    if x.numel() == 0:
        values, places = filled(size, 0, x.dtype), filled(size, 0, int64)
    else:
        nodes = record_outputs(primitive, (size, x.dtype, window), [(size, int64, 1)], (contiguous_node(x), None))
        values, places = map(Tensor._from_node, nodes)
    order = format_order(x)
    with_history(values, gradient, [x], (x.shape, order), kept=[places])
    values, places = lay(values, order), lay(places, order)
    return values if d is work else values.to(d), places


class MaxPool2DWithIndicesBackward0(Gradient):
    """``saved``: the places; ``context``: the input's shape and order in memory."""

    saves = INPUTS
    zero_curvature = True

    def backward(self, grad: Tensor) -> Tensor:
        return _put_at_places(grad, self.input(0), *self.context)


class PlacesBackward(Gradient):
    """Of the gradient of a maximum: what stands at the places."""

    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        places = self.input(0)
        return gather(grad.flatten(-2), -1, places.flatten(-2)).reshape(places.shape)


def _put_at_places(grad: Tensor, places: Tensor, shape: Size, order: Order) -> Tensor:
    """Zeros, with ``grad`` added at its places in each plane."""
    window = EvenWindows(_planes(grad)[0], *shape[-2:], *grad.shape[-2:])
    result = _recorded(p.MAX_POOL_GRADIENT, shape, grad.dtype, window, order, grad, places)
    return with_history(result, PlacesBackward, [grad], kept=[places])


# --- arguments ----------------------------------------------------------------------------------------------------


def _pair(name: str, what: str, value: Any, count: int = 2, optional: bool = False) -> Ints:
    numbers = (value,) if isinstance(value, int) else tuple(map(operator.index, value))
    if len(numbers) == 1:
        numbers *= count
    if len(numbers) != count:
        words = {1: "one int", 2: "two ints", 3: "three ints"}[count]
        either = "be omitted, " if optional else "be "
        raise RuntimeError(f"{name}: {what} must either {either}a single int, or a tuple of {words}")
    if count > 1:
        for number in numbers:
            check_fits(number, int32)
    return numbers


def _stride(name: str, value: Any, kernel: Ints, count: int = 2) -> Ints:
    if value is None or not isinstance(value, int) and len(value) == 0:
        return kernel
    return _pair(name, "stride", value, count, True)


def _out_extent(n: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows there are; with ``ceil_mode`` also one that reaches beyond the end, if it starts before it."""
    reach = dilation * (kernel - 1) + 1
    count = (n + 2 * padding - reach + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (count - 1) * stride >= n + padding:
        count -= 1
    return count


def _windows(
    input: Tensor, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> tuple[list[int], Ints]:
    """Numbers of windows down and across, and strides that lead to the same; PyTorch's errors for what does not fit.

    A stride beyond the padded plane leads nowhere, so it may as well lead just beyond it.
    """
    if min(stride) == 0:
        raise RuntimeError("stride should not be zero")
    if min(stride) < 0:
        raise RuntimeError("stride should be greater than zero, but got dH: {} dW: {}".format(*stride[-2:]))
    if min(kernel) <= 0:
        raise RuntimeError("kernel size should be greater than zero, but got kH: {} kW: {}".format(*kernel[-2:]))
    if min(dilation) <= 0:
        down, across = dilation[-2:]
        raise RuntimeError(f"dilation should be greater than zero, but got dilationH: {down} dilationW: {across}")
    for edge, window, gap in zip(padding, kernel, dilation, strict=True):
        if edge < 0:
            raise RuntimeError(f"pad must be non-negative, but got pad: {edge}")
        if edge > ((window - 1) * gap + 1) // 2:
            raise RuntimeError(
                "pad should be at most half of effective kernel size, but got "
                f"pad={edge}, kernel_size={window} and dilation={gap}"
            )
    extents = input.shape[-2:]
    if input.ndim not in (3, 4) or 0 in input.shape[-3:]:
        if input.ndim not in (3, 4):
            raise RuntimeError("non-empty 3D or 4D (batch mode) tensor expected for input")
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:"
            f"{list(input.shape)}"
        )
    out = [_out_extent(*axis, ceil_mode) for axis in zip(extents, kernel, stride, padding, dilation, strict=True)]
    if min(out) < 1:
        channels = input.shape[-3]
        raise RuntimeError(
            f"Given input size: ({channels}x{extents[0]}x{extents[1]}). Calculated output size: "
            f"({channels}x{out[0]}x{out[1]}). Output size is too small"
        )
    if max(extents[0] * extents[1], kernel[0] * kernel[1], *padding, *dilation) >= MOST_PLACES:
        raise RuntimeError(
            f"planes and windows must have fewer than 2**31 elements, but got planes of {list(extents)} and windows of "
            f"{list(kernel)} with padding {list(padding)} and dilation {list(dilation)}"
        )
    return out, tuple(min(step, n + 2 * edge) for step, n, edge in zip(stride, extents, padding, strict=True))


def _check_rank(name: str, input: Tensor) -> None:
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' (while "
            f"checking arguments for {name})"
        )


# --- maximum ------------------------------------------------------------------------------------------------------


def _compared_as(d: dtype) -> dtype:
    """The dtype in which maxima are found; it holds all values exactly."""
    if d is uint8:
        return int16
    return float32 if d.category == 2 and d.itemsize == 2 else d


@operation(only="functional.max_pool2d_with_indices")
def max_pool2d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Largest value of each window of (N, C, H, W) or (C, H, W), and its place in the plane (int64)."""
    kernel = _pair("max_pool2d", "kernel_size", kernel_size)
    steps = _stride("max_pool2d", stride, kernel)
    edges, gaps = _pair("max_pool2d", "padding", padding), _pair("max_pool2d", "dilation", dilation)
    out, steps = _windows(input, kernel, steps, edges, gaps, ceil_mode)
    if input.dtype.kind == "bool":
        raise NotImplementedError("\"max_pool2d\" not implemented for 'Bool'")
    window = SlidingWindows(*_planes(input), kernel, steps, edges, gaps, *out)
    return _maxima(p.MAX_POOL, out, window, input, MaxPool2DWithIndicesBackward0)


@operation("functional.max_pool2d", method=False)
def max_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Largest value of each window of (N, C, H, W) or (C, H, W), and its place in the plane if ``return_indices``.

    NaN is larger than all, the first of equals is the one found; padding takes no part.
    """
    values, places = max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return (values, places) if return_indices else values


@operation("functional.max_pool1d_with_indices", method=False)
def max_pool1d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Largest value of each window of (N, C, L) or (C, L), and its place (int64)."""
    if input.ndim not in (2, 3) or 0 in input.shape[-2:]:
        raise RuntimeError(
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:"
            f"{list(input.shape)}"
        )
    (kernel,) = _pair("max_pool1d", "kernel_size", kernel_size, 1)
    (step,) = _stride("max_pool1d", stride, (kernel,), 1)
    (edge,), (gap,) = _pair("max_pool1d", "padding", padding, 1), _pair("max_pool1d", "dilation", dilation, 1)
    for what, number in (("kernel_size", kernel), ("stride", step), ("dilation", gap)):
        if number <= 0:
            raise RuntimeError(f"max_pool1d() {what} must be greater than zero, but got {number}")
    if edge < 0:
        raise RuntimeError(f"max_pool1d() padding must be non-negative, but got {edge}")
    if edge > kernel // 2:
        raise RuntimeError(
            f"max_pool1d() padding should be at most half of kernel size, but got padding={edge} and "
            f"kernel_size={kernel}"
        )
    out = _out_extent(input.shape[-1], kernel, step, edge, gap, ceil_mode)
    if out <= 0:
        raise RuntimeError(f"max_pool1d() Invalid computed output size: {out}")
    values, places = max_pool2d_with_indices(
        input.unsqueeze(-2), (1, kernel), (1, min(step, input.shape[-1] + 2 * edge)), (0, edge), (1, gap), ceil_mode
    )
    return values.squeeze(-2), places.squeeze(-2)


@operation("functional.max_pool1d", method=False)
def max_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Largest value of each window of (N, C, L) or (C, L), and its place if ``return_indices``."""
    if not return_indices and not tracked(input):
        input = input.contiguous()  # as PyTorch's shorter way does, which keeps no order
    values, places = max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return (values, places) if return_indices else values


@operation("functional.max_pool3d", method=False)
@one_node("MaxPool3DWithIndicesBackward0")
def max_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Largest value of each window of (N, C, D, H, W) or (C, D, H, W), and its place if ``return_indices``."""
    _check_volume("max_pool3d", input)
    kernel = _pair("max_pool3d", "kernel_size", kernel_size, 3)
    steps = _stride("max_pool3d", stride, kernel, 3)
    edges, gaps = _pair("max_pool3d", "padding", padding, 3), _pair("max_pool3d", "dilation", dilation, 3)
    depth, height, width = input.shape[-3:]
    order = format_order(input)
    input = with_gradient_in_order(input, order)
    flat, places = max_pool2d_with_indices(
        input.reshape(-1, depth, height, width), kernel[1:], steps[1:], edges[1:], gaps[1:], ceil_mode
    )
    rows, columns = flat.shape[-2:]
    # Along the depth, with what the planes gave as the other axis.
    values, levels = max_pool2d_with_indices(
        flat.flatten(-2), (kernel[0], 1), (steps[0], 1), (edges[0], 0), (gaps[0], 1), ceil_mode
    )
    shape = (*input.shape[:-3], values.shape[-2], rows, columns)
    values = lay(values.reshape(shape), order)
    if not return_indices:
        return values
    within = gather(places.reshape(-1, depth * rows * columns), -1, levels.flatten(-2))
    level = (levels // (rows * columns)).flatten(-2)
    return values, lay((level * (height * width) + within).reshape(shape), order)


def _check_volume(name: str, input: Tensor) -> None:
    if input.ndim not in (4, 5) or 0 in input.shape[-4:]:
        raise RuntimeError(
            f"{name}: Expected 4D or 5D (batch mode) tensor with optional 0 dim batch size for input, but got:"
            f"{list(input.shape)}"
        )


@operation(only="functional.adaptive_max_pool2d_with_indices")
def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> tuple[Tensor, Tensor]:
    """Maxima over ``output_size`` windows that divide the plane evenly, and their places in it (int64)."""
    out = _output_size("adaptive_max_pool2d", input, output_size, 2)
    check_floating("adaptive_max_pool2d", input.dtype)
    if 0 in out:
        shape = Size((*input.shape[:-2], *out))
        return filled(shape, 0, input.dtype), filled(shape, 0, int64)
    window = EvenWindows(*_planes(input), *out)
    gradient = MaxPool2DWithIndicesBackward0.named("AdaptiveMaxPool2DBackward0")
    return _maxima(p.ADAPTIVE_MAX_POOL, out, window, input, gradient)


@operation(only="functional.adaptive_max_pool3d_with_indices")
@one_node("AdaptiveMaxPool3DBackward0")
def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> tuple[Tensor, Tensor]:
    """Maxima over ``output_size`` windows that divide the volume evenly, and their places in it (int64)."""
    out = _output_size("adaptive_max_pool3d", input, output_size, 3)
    check_floating("adaptive_max_pool3d_cpu", input.dtype)
    depth, height, width = input.shape[-3:]
    shape = (*input.shape[:-3], *out)
    if 0 in shape:
        return filled(Size(shape), 0, input.dtype), filled(Size(shape), 0, int64)
    flat, places = adaptive_max_pool2d(input.reshape(-1, depth, height, width), out[1:])
    # Along the depth, with what the planes gave as the other axis.
    area = out[1] * out[2]
    values, levels = adaptive_max_pool2d(flat.flatten(-2), (out[0], area))
    within = gather(places.reshape(-1, depth * area), -1, levels.flatten(-2))
    level = (levels // area).flatten(-2)
    return values.reshape(shape), (level * (height * width) + within).reshape(shape)


@operation("functional.adaptive_max_pool1d_with_indices", method=False)
def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> tuple[Tensor, Tensor]:
    """Maxima over ``output_size`` windows that divide the length evenly, and their places (int64)."""
    _check_rank("adaptive_max_pool1d", input)
    (out,) = _output_size("adaptive_max_pool1d", input, output_size, 1)
    values, places = adaptive_max_pool2d(input.unsqueeze(-2), (1, out))
    return values.squeeze(-2), places.squeeze(-2)


# --- mean ---------------------------------------------------------------------------------------------------------


class AvgPool2DBackward0(Gradient):
    """``context`` (input's shape, window, order in memory)."""

    zero_curvature = True

    def backward(self, grad: Tensor) -> Tensor:
        shape, window, order = self.context
        kind = _MEANS[type(window)]
        result = _recorded(kind.gradient, shape, grad.dtype, window, order, grad)
        return with_history(result, kind.second_history, [grad], (grad.shape, window, order))


class AvgPool2DBackwardBackward0(Gradient):
    """``context`` (shape of the means, window, order in memory)."""

    def backward(self, grad: Tensor) -> Tensor:
        return _average(grad, *self.context)


class _Means(NamedTuple):
    """What is recorded for means over one kind of windows, and under which names of history."""

    primitive: p.Primitive
    gradient: p.Primitive
    history: type[Gradient] = AvgPool2DBackward0
    second_history: type[Gradient] = AvgPool2DBackwardBackward0


_MEANS = {
    SlidingMeans: _Means(p.AVERAGE_POOL, p.AVERAGE_POOL_GRADIENT),
    EvenWindows: _Means(
        p.ADAPTIVE_POOL, p.ADAPTIVE_POOL_GRADIENT, AvgPool2DBackward0.named("AdaptiveAvgPool2DBackward0"),
        AvgPool2DBackwardBackward0.named("AdaptiveAvgPool2DBackwardBackward"),
    ),
}  # fmt: skip


def _average(x: Tensor, shape: Size, window: Pooling, order: Order) -> Tensor:
    kind = _MEANS[type(window)]
    result = _recorded(kind.primitive, shape, x.dtype, window, order, x)
    return with_history(result, kind.history, [x], (x.shape, window, order))


def _means(input: Tensor, out: Sequence[int], window: Pooling) -> Tensor:
    """``out`` means of each plane, of half types and integers added in a wider dtype."""
    d, work = input.dtype, computed_in(input.dtype)
    x = input if d is work else input.to(work)
    result = _average(x, Size((*x.shape[:-2], *out)), window, format_order(x))
    return result if d is work else result.to(d)


@operation(only="functional.avg_pool2d", out=True)
def avg_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """Mean of each window of (N, C, H, W) or (C, H, W); the padding's zeros count if ``count_include_pad``.

    The sum is divided by ``divisor_override`` instead of the number of elements if that is given.
    """
    kernel = _pair("avg_pool2d", "kernel_size", kernel_size)
    steps, edges = _stride("avg_pool2d", stride, kernel), _pair("avg_pool2d", "padding", padding)
    if divisor_override == 0:
        raise RuntimeError("divisor must be not zero")
    if input.ndim < 3:
        input.size(-3)  # an IndexError, before anything else is looked at
    out, steps = _windows(input, kernel, steps, edges, (1, 1), ceil_mode)
    d = input.dtype
    if d.category < 2 and d is not int64:
        raise NotImplementedError(f"\"avg_pool2d\" not implemented for '{TYPE_NAMES[d]}'")
    window = SlidingMeans(*_planes(input), kernel, steps, edges, out[0], out[1], count_include_pad, divisor_override)
    return _means(input, out, window)


@operation("functional.avg_pool1d", method=False)
def avg_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """Mean of each window of (N, C, L) or (C, L)."""
    _check_rank("avg_pool1d", input)
    (kernel,) = _pair("avg_pool1d", "kernel_size", kernel_size, 1)
    (step,) = _stride("avg_pool1d", stride, (kernel,), 1)
    (edge,) = _pair("avg_pool1d", "padding", padding, 1)
    return avg_pool2d(
        input.unsqueeze(-2), (1, kernel), (1, step), (0, edge), ceil_mode, count_include_pad
    ).squeeze(-2)


@operation(only="functional.avg_pool3d", out=True)
@one_node("AvgPool3DBackward0")
def avg_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """Mean of each window of (N, C, D, H, W) or (C, D, H, W)."""
    _check_volume("avg_pool3d", input)
    kernel = _pair("avg_pool3d", "kernel_size", kernel_size, 3)
    steps, edges = _stride("avg_pool3d", stride, kernel, 3), _pair("avg_pool3d", "padding", padding, 3)
    if input.dtype is int64:
        return _whole_means(input, (kernel, steps, edges, ceil_mode), count_include_pad, divisor_override)
    # The mean of means: a window's number of elements is the product of those along depth and plane.
    over_plane, over_depth = (None, None) if divisor_override is None else (1, divisor_override)
    depth, height, width = input.shape[-3:]
    planes = input.reshape(-1, depth, height, width)
    flat = avg_pool2d(planes, kernel[1:], steps[1:], edges[1:], ceil_mode, count_include_pad, over_plane)
    rows, columns = flat.shape[-2:]
    result = avg_pool2d(
        flat.flatten(-2), (kernel[0], 1), (steps[0], 1), (edges[0], 0), ceil_mode, count_include_pad, over_depth
    )
    return result.reshape(*input.shape[:-3], -1, rows, columns)


def _whole_means(input: Tensor, window: tuple[Any, Any, Any, bool], count_include_pad: bool, divisor: int | None) -> Tensor:
    """:func:`avg_pool3d` of integers: sums, divided once and towards zero."""
    count: Any = divisor
    if divisor is None:
        ones = input.new_ones((1, *input.shape[-3:]), dtype=float64)
        count = avg_pool3d(ones, *window, True, 1)
        if count_include_pad:
            count = (count / avg_pool3d(ones, *window)).round()
    sums = avg_pool3d(input.to(float64), *window, True, 1)
    return sums.div(count, rounding_mode="trunc").to(int64)  # type: ignore[no-any-return]


def _output_size(name: str, input: Tensor, output_size: Any, count: int) -> Ints:
    """The wanted extents; None keeps the input's."""
    if count > 1 and not isinstance(output_size, int) and output_size is not None and input.ndim <= len(output_size):
        raise ValueError(f"Input dimension should be at least {len(output_size) + 1}")
    if isinstance(output_size, int) or output_size is None:
        wanted: tuple[Any, ...] = (output_size,) * count
    else:
        wanted = tuple(output_size)
        if len(wanted) != count:
            if count == 1:
                raise RuntimeError(f"{name}() argument 'output_size' should contain one int (got {len(wanted)})")
            raise RuntimeError(f"{name}: output_size must be {count}")
    colon = ":" if "max" in name else ""
    if input.ndim not in (count + 1, count + 2):
        raise RuntimeError(
            f"{name}(): Expected {count + 1}D or {count + 2}D tensor, but got{colon} {list(input.shape)}"
        )
    for axis in range(input.ndim - count, input.ndim):
        if input.shape[axis] == 0:
            raise RuntimeError(
                f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input has sizes "
                f"{list(input.shape)} with dimension {axis} being empty"
            )
    out = tuple(n if w is None else operator.index(w) for n, w in zip(input.shape[-count:], wanted, strict=True))
    if min(out) < 0:
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0 but received "
            f"{{{', '.join(map(str, out))}}}"
        )
    return out


@operation(only="functional.adaptive_avg_pool2d")
def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over ``output_size`` windows that divide the plane evenly; None keeps an extent."""
    out = _output_size("adaptive_avg_pool2d", input, output_size, 2)
    if out == (1, 1):
        return mean(input, (-2, -1), True)
    check_floating("adaptive_avg_pool2d", input.dtype)
    if 0 in out:
        return filled(Size((*input.shape[:-2], *out)), 0, input.dtype)
    return _means(input, out, EvenWindows(*_planes(input), *out))


@operation("functional.adaptive_avg_pool1d", method=False)
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means over ``output_size`` windows that divide the length evenly."""
    _check_rank("adaptive_avg_pool1d", input)
    (out,) = _output_size("adaptive_avg_pool1d", input, output_size, 1)
    return adaptive_avg_pool2d(input.unsqueeze(-2), (1, out)).squeeze(-2)


@operation(only="functional.adaptive_avg_pool3d")
@one_node("AdaptiveAvgPool3DBackward0")
def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means over ``output_size`` windows that divide the volume evenly; None keeps an extent."""
    out = _output_size("adaptive_avg_pool3d", input, output_size, 3)
    depth, height, width = input.shape[-3:]
    flat = adaptive_avg_pool2d(input.reshape(-1, depth, height, width), out[1:])
    result = adaptive_avg_pool2d(flat.flatten(-2), (out[0], out[1] * out[2]))
    return result.reshape(*input.shape[:-3], *out)
