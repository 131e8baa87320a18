"""Gradients that are operations of their own beneath Python (``gelu_backward``), with the arguments that they have there.

Each is the gradient of a function of the package; that is differentiated in turn where the gradient itself has a history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from ..autograd import engine
from ..core.modes import enable_grad
from ..core.tensor import Tensor
from ..graph.trace import local
from ..nn import functional as F
from .aten_layers import BENEATH, REDUCTIONS


def _slopes(function: Callable[..., Any], grad: Any, *inputs: Any) -> list[Any]:
    """The gradients of ``function(*inputs)`` with respect to those inputs that are given: None for None."""
    given = [x for x in inputs if x is not None]
    again = local.grad and any([isinstance(x, Tensor) and x.requires_grad for x in (grad, *given)])
    with enable_grad():
        # Each is a tensor of its own, also where one is given twice.
        seen = [x.view_as(x) if again and x.requires_grad else x.detach().requires_grad_() for x in given]
        rest = iter(seen)
        result = function(*[None if x is None else next(rest) for x in inputs])
        found = iter(engine.grad(result, seen, grad, create_graph=again, allow_unused=True))
    return [None if x is None else next(found) for x in inputs]


def _slope(function: Callable[..., Any], grad: Any, input: Any) -> Any:
    return _slopes(function, grad, input)[0]


def _of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of a function of the input and of settings behind it."""
    return lambda grad, input, *settings: _slope(lambda x: function(x, *settings), grad, input)


def _of_loss(name: str, setting: str = "") -> Callable[..., Any]:
    def slope(grad: Any, input: Any, target: Any, reduction: int, *settings: Any) -> Any:
        options = dict(zip((setting,), settings))
        loss = getattr(F, name)
        return _slope(lambda x: loss(x, target, reduction=REDUCTIONS[reduction], **options), grad, input)

    return slope


def _of_part(part: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient of a view of a tensor of the given sizes."""

    def slope(grad: Any, sizes: Any, *where: Any) -> Any:
        return _slope(lambda x: part(x, *where), grad, flambeau.zeros(sizes, dtype=grad.dtype))

    return slope


def _elu(grad: Any, alpha: float, scale: float, input_scale: float, is_result: bool, value: Any) -> Any:
    below = (value + alpha * scale if is_result else alpha * scale * (value * input_scale).exp()) * input_scale
    return grad * flambeau.where(value <= 0, below, scale)


def _leaky(grad: Any, value: Any, negative_slope: float, is_result: bool) -> Any:
    return flambeau.where(value > 0, grad, grad * negative_slope)


def _masked(found: list[Any], output_mask: Any) -> tuple[Any, ...]:
    return tuple([x if wanted else None for x, wanted in zip(found, output_mask)])


def _convolution(
    grad: Any, input: Any, weight: Any, bias_sizes: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
    output_padding: Any, groups: int, output_mask: Any,
) -> tuple[Any, ...]:  # fmt: skip
    how = stride, padding, dilation, transposed, output_padding, groups
    inputs = [x if wanted else None for x, wanted in zip((input, weight), output_mask)]

    def convolved(x: Any, w: Any) -> Any:
        given = input if x is None else x, weight if w is None else w
        return BENEATH["convolution"](*given, None, *how)

    found = _slopes(convolved, grad, *inputs) if any(x is not None for x in inputs) else inputs
    bias = grad.sum([0, *range(2, grad.ndim)]) if output_mask[2] else None
    return *found, bias


def _batch_norm(
    grad: Any, input: Any, weight: Any, running_mean: Any, running_var: Any, save_mean: Any, save_invstd: Any, train: bool,
    eps: float, output_mask: Any,
) -> tuple[Any, ...]:  # fmt: skip
    bias = flambeau.zeros(input.shape[1], dtype=grad.dtype)
    average, spread = (None, None) if train else (running_mean, running_var)
    normed = lambda x, w, b: F.batch_norm(x, average, spread, w, b, train, eps=eps)  # noqa: E731
    return _masked(_slopes(normed, grad, input, weight, bias), output_mask)


def _layer_norm(
    grad: Any, input: Any, normalized_shape: Any, mean: Any, rstd: Any, weight: Any, bias: Any, output_mask: Any
) -> tuple[Any, ...]:
    # The numbers that were found are used: the epsilon that they were found with is not told.
    wide = (input - mean) * rstd
    lead = [*range(input.ndim - len(normalized_shape))]
    axes = [*range(len(lead), input.ndim)]
    scaled = grad if weight is None else grad * weight
    into = (scaled - scaled.mean(axes, keepdim=True) - wide * (scaled * wide).mean(axes, keepdim=True)) * rstd
    beside = [(grad * wide).sum(lead) if lead else grad * wide, grad.sum(lead) if lead else grad]
    return _masked([into, *beside], output_mask)


def _group_norm(
    grad: Any, input: Any, mean: Any, rstd: Any, weight: Any, N: int, C: int, HxW: int, group: int, output_mask: Any
) -> tuple[Any, ...]:
    shape = N, group, C // group, HxW
    seen, given = input.reshape(shape), grad.reshape(shape)
    wide = (seen - mean.reshape(N, group, 1, 1)) * rstd.reshape(N, group, 1, 1)
    scaled = given if weight is None else given * weight.reshape(1, group, C // group, 1)
    level, slope = scaled.mean((2, 3), keepdim=True), (scaled * wide).mean((2, 3), keepdim=True)
    into = (scaled - level - wide * slope) * rstd.reshape(N, group, 1, 1)
    beside = [x.sum((0, 3)).reshape(C) for x in (given * wide, given)]
    return _masked([into.reshape(input.shape), *beside], output_mask)


def _embedding(grad: Any, indices: Any, num_weights: int, padding_idx: int, scale_grad_by_freq: bool) -> Any:
    weight = flambeau.zeros(num_weights, grad.shape[-1], dtype=grad.dtype)
    padding = None if padding_idx < 0 else padding_idx
    return _slope(lambda w: F.embedding(indices, w, padding, scale_grad_by_freq=scale_grad_by_freq), grad, weight)


def _adaptive_max(grad: Any, input: Any, indices: Any) -> Any:
    flat = input.new_zeros(input.shape).flatten(-2)
    return flat.scatter_add(-1, indices.flatten(-2), grad.flatten(-2)).reshape(input.shape)


def _resized(name: str) -> Callable[..., Any]:
    def slope(grad: Any, output_size: Any, input_size: Any, *how: Any) -> Any:
        return _slope(lambda x: BENEATH[name](x, output_size, *how), grad, flambeau.zeros(input_size, dtype=grad.dtype))

    return slope


def _attention(
    grad: Any, query: Any, key: Any, value: Any, out: Any, logsumexp: Any, dropout_p: float, is_causal: bool, *,
    attn_mask: Any = None, scale: Any = None,
) -> tuple[Any, ...]:  # fmt: skip
    attended = lambda q, k, v: F.scaled_dot_product_attention(  # noqa: E731
        q, k, v, attn_mask, dropout_p, is_causal, scale=scale
    )
    return tuple(_slopes(attended, grad, query, key, value))


def _nll(grad: Any, input: Any, target: Any, weight: Any, reduction: int, ignore_index: int, total_weight: Any) -> Any:
    kind = REDUCTIONS[reduction]
    return _slope(lambda x: F.nll_loss(x, target, weight, ignore_index=ignore_index, reduction=kind), grad, input)


SLOPES: dict[str, Callable[..., Any]] = {
    "threshold_backward": lambda grad, value, threshold: flambeau.where(value <= threshold, 0.0, grad),
    "tanh_backward": lambda grad, output: grad * (1 - output * output),
    "sigmoid_backward": lambda grad, output: grad * ((1 - output) * output),
    "gelu_backward": lambda grad, input, *, approximate="none": _slope(
        lambda x: F.gelu(x, approximate=approximate), grad, input
    ),
    **{
        f"{name}_backward": _of(getattr(F, name))
        for name in ("silu", "mish", "hardswish", "hardsigmoid", "softplus", "hardtanh", "hardshrink", "softshrink", "glu")
    },
    "elu_backward": _elu, "leaky_relu_backward": _leaky,
    "log_sigmoid_backward": lambda grad, input, buffer: _slope(F.logsigmoid, grad, input),
    "_prelu_kernel_backward": lambda grad, input, weight: (
        flambeau.where(input > 0, grad, grad * weight), flambeau.where(input > 0, 0.0, input * grad)),
    "mse_loss_backward": _of_loss("mse_loss"), "smooth_l1_loss_backward": _of_loss("smooth_l1_loss", "beta"),
    "huber_loss_backward": _of_loss("huber_loss", "delta"),
    "binary_cross_entropy_backward": lambda grad, input, target, weight=None, reduction=1: _slope(
        lambda x: F.binary_cross_entropy(x, target, weight, reduction=REDUCTIONS[reduction]), grad, input),
    "nll_loss_backward": _nll, "nll_loss2d_backward": _nll,
    "convolution_backward": _convolution, "native_batch_norm_backward": _batch_norm, "native_layer_norm_backward": _layer_norm,
    "native_group_norm_backward": _group_norm, "embedding_dense_backward": _embedding,
    "adaptive_max_pool2d_backward": _adaptive_max,
    "avg_pool2d_backward": lambda grad, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override: (
        _slope(lambda x: F.avg_pool2d(
            x, kernel_size, stride or None, padding, ceil_mode, count_include_pad, divisor_override), grad, input)),
    "_adaptive_avg_pool2d_backward": lambda grad, input: _slope(
        lambda x: F.adaptive_avg_pool2d(x, grad.shape[-2:]), grad, input),
    "select_backward": _of_part(lambda x, dim, index: x.select(dim, index)),
    "slice_backward": _of_part(lambda x, dim, start, end, step: (
        x[(slice(None),) * (dim % x.ndim) + (slice(start, end, step),)])),
    "diagonal_backward": _of_part(lambda x, offset, dim1, dim2: x.diagonal(offset, dim1, dim2)),
    "upsample_nearest2d_backward": _resized("upsample_nearest2d"),
    "upsample_bilinear2d_backward": _resized("upsample_bilinear2d"),
    **{f"{name}_backward": _of(BENEATH[name])
       for name in ("reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d")},
    "_scaled_dot_product_flash_attention_for_cpu_backward": _attention,
}  # fmt: skip
"""{name of an operation: what computes it}."""
