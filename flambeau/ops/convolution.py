"""Convolutions in one, two and three dimensions, and transposed ones.

Three primitives are closed under differentiation: y = forward(x, w), x' = input_gradient(y', w) and
w' = weight_gradient(y', x) are each linear in both operands, and the gradient of any of them is made of the other two.
A transposed convolution is the input gradient as an operation; one dimension is a plane of height one; in three the
planes of one depth of the window at a time are convolved, and added up.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ..core.history import CROSSWISE, Gradient, shown_as
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.bounds import LARGEST
from ..graph.dtypes import TYPE_NAMES, DType, dtype, float32, float64
from ..graph.notices import warn_once
from ..graph.shapes import Size, View
from ..graph.trace import record
from ..graph.windows import Convolution
from .conversion import in_order, with_gradient_in_order
from .creation import filled
from .dispatch import attach, tracked
from .memory_order import Order, format_order, lay
from .one_node import one_node
from .operation import operation, titled
from .padding import constant_pad_nd
from .recording_paths import binary
from .reductions import sum as sum_of
from .views import contiguous_node
from .views import geometry as geometry_of

Ints = tuple[int, ...]

_AXES = {1: ("L", "k"), 2: ("H, W", "kh, kw"), 3: ("D, H, W", "kd, kh, kw")}
"""The axes of inputs and of windows, as docstrings name them."""

# --- the three primitives ------------------------------------------------------------------------------------------


class Geometry(NamedTuple):
    """One convolution: the backend's description of it (None if it is empty), the shapes of the user's tensors, and the
    order in memory that all results have: channels last if the input or the weight lies so."""

    problem: Convolution | None
    x: Size
    w: Size
    y: Size
    dtype: DType
    order: Order


def _recorded(primitive: p.Primitive, geometry: Geometry, shape: Size, a: Tensor, b: Tensor) -> Tensor:
    """A primitive of two operands; zeros without running anything where an operand is empty."""
    if geometry.problem is None:
        return filled(shape, 0, geometry.dtype)
    attributes = (shape, geometry.dtype, geometry.problem)
    return Tensor._from_node(record(primitive, attributes, (contiguous_node(a), None), (contiguous_node(b), None)))


def _differentiable(
    result: Tensor, gradient: type[Gradient], geometry: Geometry, a: Tensor, b: Tensor, *more: Tensor | None
) -> Tensor:
    """The result with its history, each of the two operands kept if the other one wants a gradient."""
    lay(result, geometry.order)
    if tracked(a, b, *more):
        saved = [(a._read() if b._tracked else None, a._view), (b._read() if a._tracked else None, b._view)]
        attach(result, gradient, [a, b, *more], saved, geometry)
    return result


class ConvolutionBackward0(Gradient):
    """Inputs are the input, the weight and, if there is one, the bias."""

    saves = CROSSWISE

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        first = input_gradient(self.context, grad, self.input(1)) if self.needs(0) else None
        second = weight_gradient(self.context, grad, self.input(0)) if self.needs(1) else None
        if len(self.edges) == 2:
            return first, second
        return first, second, over_channels(grad) if self.needs(2) else None


@shown_as("ConvolutionBackward0")
class TransposedConvolutionBackward0(Gradient):
    """Of :func:`input_gradient`, a function of the result's gradient, the weight and perhaps a bias."""

    saves = CROSSWISE

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        first = forward(self.context, grad, self.input(1)) if self.needs(0) else None
        second = weight_gradient(self.context, self.input(0), grad) if self.needs(1) else None
        if len(self.edges) == 2:
            return first, second
        return first, second, over_channels(grad) if self.needs(2) else None


class ConvolutionWeightBackward(Gradient):
    """Of :func:`weight_gradient`, a function of the result's gradient and the input."""

    saves = CROSSWISE

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        return (
            forward(self.context, self.input(1), grad) if self.needs(0) else None,
            input_gradient(self.context, self.input(0), grad) if self.needs(1) else None,
        )


def over_channels(grad: Tensor) -> Tensor:
    """The sum over all but the channels (dimension 1): a bias's gradient."""
    return sum_of(grad, (0, *range(2, grad.ndim)))


def _with_bias(result: Tensor, bias: Tensor) -> Tensor:
    """A bias (C,) added to (N, C, …), without history."""
    step = geometry_of(bias)[1][0]
    rest = result.ndim - 2
    view = View((bias.shape[0], *[1] * rest), (step, *[1] * rest), geometry_of(bias)[2])
    return binary(p.ADD, result, Tensor._saved(bias._read(), view, None))


def forward(geometry: Geometry, x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    """The convolution of ``x`` with ``w``."""
    result = _recorded(p.CONVOLUTION, geometry, geometry.y, x, w)
    if bias is None:
        return _differentiable(result, ConvolutionBackward0, geometry, x, w)
    return _differentiable(_with_bias(result, bias), ConvolutionBackward0, geometry, x, w, bias)


def input_gradient(geometry: Geometry, grad: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    """What flows into the input when ``grad`` flows into the result; with a bias, a transposed convolution."""
    result = _recorded(p.CONVOLUTION_INPUT, geometry, geometry.x, grad, w)
    if bias is None:
        return _differentiable(result, TransposedConvolutionBackward0, geometry, grad, w)
    return _differentiable(_with_bias(result, bias), TransposedConvolutionBackward0, geometry, grad, w, bias)


def weight_gradient(geometry: Geometry, grad: Tensor, x: Tensor) -> Tensor:
    """What flows into the weight when ``grad`` flows into the result."""
    result = _recorded(p.CONVOLUTION_WEIGHT, geometry, geometry.w, grad, x)
    return _differentiable(result, ConvolutionWeightBackward, geometry, grad, x)


# --- arguments ----------------------------------------------------------------------------------------------------


def _numbers(name: str, value: Any, count: int) -> Ints:
    """One integer for every dimension; ``RuntimeError`` if there are neither one nor ``count`` of them."""
    if isinstance(value, int):
        return (value,) * count
    numbers = tuple(map(operator.index, value))
    if len(numbers) == 1:
        return numbers * count
    if len(numbers) != count:
        raise RuntimeError(
            f"expected {name} to be a single integer value or a list of {count} values to match the convolution "
            f"dimensions, but got {name}={list(numbers)}"
        )
    return numbers


def _check_numbers(stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int]) -> None:
    if min(padding) < 0:
        raise RuntimeError("negative padding is not supported")
    if min(stride) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if min(dilation) <= 0:
        raise RuntimeError(f"dilation should be greater than zero, but got {list(dilation)}")
    for axis, edge in enumerate(padding):
        if edge > LARGEST // 2:
            raise RuntimeError(f"Given padding={edge} at dimension {axis} , expected padding to be at most {LARGEST // 2}")


_C_TYPES = {"Float": "float", "Double": "double", "Half": "c10::Half", "BFloat16": "c10::BFloat16"}


def _check_operands(
    input: Tensor, weight: Tensor, bias: Tensor | None, groups: int, transposed: bool, name: str, count: int
) -> None:  # fmt: skip
    """Ranks, channels and dtypes; PyTorch's messages."""
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")
    sizes, kernel = input.shape, weight.shape
    if len(sizes) not in (count + 1, count + 2):
        raise RuntimeError(
            f"Expected {count + 1}D (unbatched) or {count + 2}D (batched) input to {name}, but got input of size: "
            f"{list(sizes)}"
        )
    if len(kernel) != count + 2:
        raise RuntimeError(
            f"expected stride to be a single integer value or a list of {len(kernel) - 2} values to match the "
            f"convolution dimensions, but got stride={[1] * count}"
        )
    if input.dtype is not weight.dtype:
        types = [f"torch.{TYPE_NAMES[t.dtype]}Tensor" for t in (input, weight)]
        raise RuntimeError(
            f"Input type ({types[0]}) and weight type ({types[1]}) should be the same or input should be a MKLDNN "
            "tensor and weight is a dense tensor"
        )
    if bias is not None and bias.dtype is not input.dtype:
        types = [_C_TYPES.get(TYPE_NAMES[t.dtype], str(t.dtype)) for t in (input, bias)]
        raise RuntimeError(f"Input type ({types[0]}) and bias type ({types[1]}) should be the same")
    if kernel[0] < groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of size "
            f"{list(kernel)} instead"
        )
    if kernel[0] % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of "
            f"size [{list(kernel)}] instead"
        )
    channels = sizes[len(sizes) - count - 1]
    wanted = kernel[0] if transposed else kernel[1] * groups
    if channels != wanted:
        first = "transposed=1" if transposed else f"groups={groups}"
        raise RuntimeError(
            f"Given {first}, weight of size {list(kernel)}, expected input{list(sizes)} to have {wanted} channels, "
            f"but got {channels} channels instead"
        )
    outputs = kernel[1] * groups if transposed else kernel[0]
    if bias is not None and tuple(bias.shape) != (outputs,):
        first = "transposed=1, " if transposed else ""
        raise RuntimeError(
            f"Given {first}weight of size {list(kernel)}, expected bias to be 1-dimensional with {outputs} elements, "
            f"but got bias of size {list(bias.shape)} instead"
        )


def _times(numbers: Sequence[int]) -> str:
    return " x ".join(map(str, numbers))


@lru_cache(maxsize=1024)
def _geometry(
    x: Size, w: Size, d: dtype, stride: Ints, padding: Ints, dilation: Ints, groups: int, order: Order
) -> Geometry:
    """The convolution of batches ``x`` with ``w``, in one or two dimensions; ``RuntimeError`` if nothing comes out."""
    count = len(stride)
    padded = [n + 2 * edge for n, edge in zip(x[2:], padding, strict=True)]
    reach = [step * (n - 1) + 1 for n, step in zip(w[2:], dilation, strict=True)]
    if any(n < r for n, r in zip(padded, reach, strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({_times(padded)}). Kernel size: ({_times(reach)}). Kernel "
            "size can't be greater than actual input size"
        )
    stride = tuple(map(min, stride, padded))  # beyond the end they all lead to the same: nowhere
    out = [(n - r) // step + 1 for n, r, step in zip(padded, reach, stride, strict=True)]
    y = Size((x[0], w[0], *out))
    if x.numel() == 0 or w.numel() == 0:
        return Geometry(None, x, w, y, d, order)

    def pair(numbers: Sequence[int], single: int) -> tuple[int, int]:
        return (single, numbers[0]) if count == 1 else (numbers[0], numbers[1])

    height, width = pair(x[2:], 1)
    window, steps, edges, gaps = pair(w[2:], 1), pair(stride, 1), pair(padding, 0), pair(dilation, 1)
    problem = Convolution(d, x[0], x[1], height, width, w[0], window, steps, edges, gaps, groups)
    return Geometry(problem, x, w, y, d, order)


def computed_in(d: dtype) -> dtype:
    """Half types are computed in float32, integers in float64 (exact up to 2**53)."""
    if d.category < 2:
        return float64
    return d if d.itemsize > 2 else float32


# --- convolutions -------------------------------------------------------------------------------------------------


def _padding(value: Any, kernel: Ints, stride: Ints, dilation: Ints, count: int) -> list[tuple[int, int]]:
    """Zeros before and after each dimension; "same" puts an odd one after."""
    if not isinstance(value, str):
        return [(n, n) for n in _numbers("padding", value, count)]
    if value == "valid":
        return [(0, 0)] * count
    if value != "same":
        raise RuntimeError(f"Invalid padding string: '{value}'")
    if max(stride) > 1:
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    totals = [step * (n - 1) for n, step in zip(kernel, dilation, strict=True)]
    if any(total % 2 for total in totals):
        warn_once(
            "Using padding='same' with even kernel lengths and odd dilation may require a zero-padded copy of the input be "
            "created"
        )
    return [(total // 2, total - total // 2) for total in totals]


def _grown(x: Tensor, edges: Sequence[tuple[int, int]]) -> Tensor:
    """``x`` with zeros before and after its last dimensions."""
    return constant_pad_nd(x, [n for pair in reversed(edges) for n in pair])


def _volume_order(x: Tensor, w: Tensor) -> Order:
    """The order of a convolution of volumes; PyTorch's of float64 never has channels last."""
    return None if x.dtype is float64 else format_order(x, w)


def _convolve(
    name: str, count: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Tensor:  # fmt: skip
    _check_operands(input, weight, bias, groups, False, name, count)
    steps, gaps = _numbers("stride", stride, count), _numbers("dilation", dilation, count)
    edges = _padding(padding, weight.shape[2:], steps, gaps, count)
    _check_numbers(steps, [before for before, _ in edges], gaps)
    d, work = input.dtype, computed_in(input.dtype)
    x, w, b = (t if t is None or d is work else t.to(work) for t in (input, weight, bias))
    assert x is not None and w is not None
    if x.ndim == count + 1:
        x = x.unsqueeze(0)
    if any(before != after for before, after in edges):
        x = _grown(x, [(0, after - before) for before, after in edges])
    even = tuple(before for before, _ in edges)
    convolve = _plane if count < 3 else _volume
    result = convolve(x, w, b, steps, even, gaps, groups)
    result = result if d is work else result.to(d)
    return result if input.ndim == count + 2 else result.squeeze(0)


def _plane(x: Tensor, w: Tensor, b: Tensor | None, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> Tensor:
    order = format_order(x, w)
    return forward(_geometry(x.shape, w.shape, x.dtype, stride, padding, dilation, groups, order), x, w, b)


@one_node("ConvolutionBackward0")
def _volume(x: Tensor, w: Tensor, b: Tensor | None, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> Tensor:
    """The sum over the window's depth of convolutions of planes."""
    order = _volume_order(x, w)
    x = with_gradient_in_order(x, order)
    if padding[0]:
        x = _grown(x, [(padding[0], padding[0]), (0, 0), (0, 0)])
    samples, channels, depth, *plane = x.shape
    reach = dilation[0] * (w.shape[2] - 1) + 1
    if depth < reach:
        padded = [depth, *(n + 2 * edge for n, edge in zip(plane, padding[1:], strict=True))]
        window = [step * (n - 1) + 1 for n, step in zip(w.shape[2:], dilation, strict=True)]
        raise RuntimeError(
            f"Calculated padded input size per channel: ({_times(padded)}). Kernel size: ({_times(window)}). Kernel "
            "size can't be greater than actual input size"
        )
    planes = (depth - reach) // stride[0] + 1
    total: Tensor | None = None
    for tap in range(w.shape[2]):
        first = tap * dilation[0]
        slices = x[:, :, first : first + (planes - 1) * stride[0] + 1 : stride[0]].transpose(1, 2)
        flat = slices.reshape(samples * planes, channels, *plane)
        part = _plane(flat, w[:, :, tap], b if tap == 0 else None, stride[1:], padding[1:], dilation[1:], groups)
        total = part if total is None else total + part
    assert total is not None
    return in_order(total.reshape(samples, planes, *total.shape[1:]).transpose(1, 2), order)


def _convolution(count: int) -> Any:
    name = f"conv{count}d"

    def convolution(
        input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:  # fmt: skip
        return _convolve(name, count, input, weight, bias, stride, padding, dilation, groups)

    axes, window = _AXES[count]
    meaning = f"Cross-correlation of (N, C, {axes}) or (C, {axes}) with ``weight`` (out, C / groups, {window})."
    return operation(f"functional.{name}", method=False)(titled(convolution, name, meaning))


conv1d, conv2d, conv3d = map(_convolution, (1, 2, 3))


# --- transposed convolutions --------------------------------------------------------------------------------------


def _transpose(
    name: str, count: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any,
    output_padding: Any, groups: int, dilation: Any,
) -> Tensor:  # fmt: skip
    _check_operands(input, weight, bias, groups, True, name, count)
    steps, edges = _numbers("stride", stride, count), _numbers("padding", padding, count)
    extra, gaps = _numbers("output_padding", output_padding, count), _numbers("dilation", dilation, count)
    _check_numbers(steps, edges, gaps)
    if min(extra) < 0:
        raise RuntimeError("negative output_padding is not supported")
    if any(more >= step and more >= gap for more, step, gap in zip(extra, steps, gaps, strict=True)):
        axes = ("depth", "height", "width")[3 - count :]
        pairs = zip(("output_padding", "stride", "dilation"), (extra, steps, gaps), strict=True)
        shown = [f"{name}_{axis}: {n}" for name, numbers in pairs for axis, n in zip(axes, numbers, strict=True)]
        raise RuntimeError(
            f"output padding must be smaller than either stride or dilation, but got {' '.join(shown)}"
        )
    d, work = input.dtype, computed_in(input.dtype)
    x, w, b = (t if t is None or d is work else t.to(work) for t in (input, weight, bias))
    assert x is not None and w is not None
    if x.ndim == count + 1:
        x = x.unsqueeze(0)
    if any(more >= step for more, step in zip(extra, steps, strict=True)):
        # Whole further steps at the end are those of a longer input that ends in zeros.
        x = _grown(x, [(0, more // step) for more, step in zip(extra, steps, strict=True)])
        extra = tuple(more % step for more, step in zip(extra, steps, strict=True))
    sizes = [
        (n - 1) * step - 2 * edge + gap * (k - 1) + more + 1
        for n, step, edge, gap, k, more in zip(x.shape[2:], steps, edges, gaps, w.shape[2:], extra, strict=True)
    ]
    if min(sizes) <= 0:
        raise RuntimeError(
            f"Given input size per channel: ({_times(x.shape[2:])}). Calculated output size per channel: "
            f"({_times(sizes)}). Output size is too small"
        )
    transpose = _plane_transpose if count < 3 else _volume_transpose
    result = transpose(x, w, b, sizes, steps, edges, gaps, groups)
    result = result if d is work else result.to(d)
    return result if input.ndim == count + 2 else result.squeeze(0)


def _plane_transpose(
    x: Tensor, w: Tensor, b: Tensor | None, sizes: Sequence[int], stride: Ints, padding: Ints,
    dilation: Ints, groups: int,
) -> Tensor:  # fmt: skip
    shape = Size((x.shape[0], w.shape[1] * groups, *sizes))
    order = format_order(x, w)
    return input_gradient(_geometry(shape, w.shape, x.dtype, stride, padding, dilation, groups, order), x, w, b)


@one_node("ConvolutionBackward0")
def _volume_transpose(
    x: Tensor, w: Tensor, b: Tensor | None, sizes: Sequence[int], stride: Ints, padding: Ints,
    dilation: Ints, groups: int,
) -> Tensor:  # fmt: skip
    """Each depth of the window gives planes that are added at their places; what lies in the padding is cut off."""
    order = _volume_order(x, w)
    x = with_gradient_in_order(x, order)
    samples, channels, depth, *plane = x.shape
    flat = x.transpose(1, 2).reshape(samples * depth, channels, *plane)
    whole = (depth - 1) * stride[0] + dilation[0] * (w.shape[2] - 1) + 1
    whole = max(whole, sizes[0] + padding[0])
    result = filled(Size((samples, w.shape[1] * groups, whole, *sizes[1:])), 0, x.dtype)
    for tap in range(w.shape[2]):
        part = _plane_transpose(flat, w[:, :, tap], None, sizes[1:], stride[1:], padding[1:], dilation[1:], groups)
        part = part.reshape(samples, depth, *part.shape[1:]).transpose(1, 2)
        first = tap * dilation[0]
        result[:, :, first : first + (depth - 1) * stride[0] + 1 : stride[0]] += part
    inside = result[:, :, padding[0] : padding[0] + sizes[0]]
    return in_order(inside if b is None else inside + b.reshape(-1, 1, 1, 1), order)


def _transposed_convolution(count: int) -> Any:
    name = f"conv_transpose{count}d"

    def transposed(
        input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
    ) -> Tensor:  # fmt: skip
        return _transpose(name, count, input, weight, bias, stride, padding, output_padding, groups, dilation)

    weight = f"``weight`` (C, out / groups, {_AXES[count][1]})"
    meaning = f"The gradient of :func:`conv{count}d` in its input, as an operation: {weight}."
    return operation(f"functional.{name}", method=False)(titled(transposed, name, meaning))


conv_transpose1d, conv_transpose2d, conv_transpose3d = map(_transposed_convolution, (1, 2, 3))
