"""Layers and losses that PyTorch composes of operations before modes see them."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import prod
from typing import Any

from ...graph.dtypes import bool_
from ...graph.limits import finfo
from ...graph.trace import local
from .composed import COMPOSED, composed, matmul, reshape
from .emitting import emit


def _listed(value: Any, count: int) -> list[Any]:
    return [*value] * (count if len(value) == 1 else 1) if isinstance(value, (list, tuple)) else [value] * count


# --- convolutions and windows -------------------------------------------------------------------------------------------


def _batched(input: Any, count: int, function: Callable[[Any], Any]) -> Any:
    """A layer whose input may lack the axis of the batch."""
    if input.ndim > count + 1:
        return function(input)
    return emit("squeeze.dim", function(emit("unsqueeze.default", input, 0)), 0)


def _convolution(count: int) -> Callable[..., Any]:
    def convolution(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
    ) -> Any:
        steps, wide = _listed(stride, count), _listed(dilation, count)
        nothing = [0] * count

        def convolved(x: Any) -> Any:
            pads = nothing if padding == "valid" else padding
            if padding == "same":
                total = [d * (n - 1) for d, n in zip(wide, weight.shape[2:])]
                if any(n % 2 for n in total):  # more behind than before
                    behind = [n % 2 for n in reversed(total)]
                    x = emit("constant_pad_nd.default", x, [part for n in behind for part in (0, n)])
                pads = [n // 2 for n in total]
            return emit(
                "convolution.default", x, weight, bias, steps, _listed(pads, count), wide, False, nothing, groups
            )

        return _batched(input, count, convolved)

    return convolution


def _transposed(count: int) -> Callable[..., Any]:
    def convolution(
        input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1,
        dilation: Any = 1,
    ) -> Any:  # fmt: skip
        settings = [_listed(value, count) for value in (stride, padding, dilation)]
        more = _listed(output_padding, count)
        return _batched(
            input, count, lambda x: emit("convolution.default", x, weight, bias, *settings, True, more, groups)
        )

    return convolution


for _count in (1, 2, 3):
    COMPOSED[f"conv{_count}d.default"] = COMPOSED[f"conv{_count}d.padding"] = _convolution(_count)
    COMPOSED[f"conv_transpose{_count}d.{'default' if _count == 1 else 'input'}"] = _transposed(_count)


@composed("max_pool2d.default")
def _max_pool2d(input: Any, *args: Any) -> Any:
    return emit("max_pool2d_with_indices.default", input, *args)[0]


@composed("max_pool3d.default")
def _max_pool3d(input: Any, *args: Any) -> Any:
    return emit("max_pool3d_with_indices.default", input, *args)[0]


@composed("max_pool1d.default")
def _max_pool1d(input: Any, *args: Any) -> Any:
    if not (local.grad and input.requires_grad):
        return emit("max_pool1d.default", input, *args)
    return [emit("squeeze.dim", part, -2) for part in max_pool1d_with_indices(input, *args)][0]


def max_pool1d_with_indices(input: Any, *args: Any) -> Any:
    """Maxima along one axis: those of a picture of one row, which still has that."""
    given = [*args]
    defaults = [1, 1, 0, 1]
    for place, one in enumerate(defaults[: len(given)]):
        if given[place] not in ([], ()):
            given[place] = [one, *_listed(given[place], 1)]
    return emit("max_pool2d_with_indices.default", emit("unsqueeze.default", input, -2), *given)


def _adaptive(count: int) -> Callable[..., Any]:
    def pooled(input: Any, output_size: Any) -> Any:
        sizes = _listed(output_size, count)
        if count > 1 and all(size == 1 for size in sizes):
            return emit("mean.dim", input, [*range(-1, -count - 1, -1)], True)
        if count == 1:
            flat = emit("unsqueeze.default", input, -2)
            return emit("squeeze.dim", pooled2(flat, [1, *sizes]), -2)
        if count == 2:
            return emit("_adaptive_avg_pool2d.default", input, sizes)
        return emit("adaptive_avg_pool3d.default", input, sizes)

    return pooled


def pooled2(input: Any, sizes: Any) -> Any:
    """Means over windows of pictures."""
    return COMPOSED["adaptive_avg_pool2d.default"](input, sizes)


for _count in (1, 2, 3):
    COMPOSED[f"adaptive_avg_pool{_count}d.default"] = _adaptive(_count)


def _resized(name: str) -> Callable[..., Any]:
    def resize(input: Any, output_size: Any, *more: Any) -> Any:
        *corners, scales = more
        if output_size is None:
            output_size = [int(n * scale) for n, scale in zip(input.shape[2:], scales)]
            given = [*scales]
        else:
            given = []
        return emit(f"{name}.default", input, [*output_size], *corners, *given)

    return resize


for _name in ("upsample_nearest2d", "upsample_bilinear2d"):
    COMPOSED[f"{_name}.vec"] = _resized(_name)


@composed("pad.default")
def _pad(input: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    if mode == "constant":
        return emit("constant_pad_nd.default", input, pad, *([] if value is None else [value]))
    name = {"reflect": "reflection_pad", "replicate": "replication_pad"}.get(mode)
    if name is None:
        return emit("pad.default", input, pad, mode)
    return emit(f"{name}{len(pad) // 2}d.default", input, pad)


# --- normalisations -----------------------------------------------------------------------------------------------------


@composed("batch_norm.default")
def _batch_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
    _: bool,
) -> Any:
    statistics = running_mean, running_var, training, momentum, eps
    return emit("native_batch_norm.default", input, weight, bias, *statistics)[0]


@composed("instance_norm.default")
def _instance_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, use_input_stats: bool, momentum: float, eps: float,
    fast: bool,
) -> Any:  # fmt: skip
    if running_mean is not None:
        return emit(
            "instance_norm.default",
            input,
            weight,
            bias,
            running_mean,
            running_var,
            use_input_stats,
            momentum,
            eps,
            fast,
        )
    batch, channels = input.shape[:2]
    repeated = [None if x is None else emit("repeat.default", x, [batch]) for x in (weight, bias)]
    flat = emit("view.default", input, [1, batch * channels, *input.shape[2:]])
    found = _batch_norm(flat, *repeated, None, None, use_input_stats, momentum, eps, fast)
    return emit("view.default", found, [*input.shape])


@composed("layer_norm.default")
def _layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, _: bool = True
) -> Any:
    return emit("native_layer_norm.default", input, normalized_shape, weight, bias, eps)[0]


@composed("group_norm.default")
def _group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, _: bool = True
) -> Any:
    sizes = input.shape[0], input.shape[1], prod(input.shape[2:])
    given = COMPOSED["contiguous.default"](input)
    return emit("native_group_norm.default", given, weight, bias, *sizes, num_groups, eps)[0]


@composed("rms_norm.default")
def _rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: Any = None) -> Any:
    axes = [*range(input.ndim - len(normalized_shape), input.ndim)]
    mean = emit("mean.dim", emit("pow.Tensor_Scalar", input, 2), axes, True)
    scale = emit("rsqrt.default", emit("add_.Scalar", mean, finfo(input.dtype).eps if eps is None else eps))
    found = emit("mul.Tensor", input, scale)
    return found if weight is None else emit("mul.Tensor", found, weight)


@composed("dropout.default")
def _dropout(input: Any, p: float, train: bool) -> Any:
    if p == 0 or not train or not input.numel():
        return input
    if p == 1:
        return emit("mul.Tensor", input, emit("zeros.default", []))
    noise = emit("bernoulli_.float", emit("empty_like.default", input), 1 - p)
    return emit("mul.Tensor", input, emit("div_.Scalar", noise, 1 - p))


@composed("dropout_.default")
def _dropout_in_place(input: Any, p: float, train: bool) -> Any:
    if p == 0 or not train or not input.numel():
        return input
    noise = emit("bernoulli_.float", emit("empty_like.default", input), 1 - p)
    return emit("mul_.Tensor", input, emit("div_.Scalar", noise, 1 - p))


# --- activations and losses ---------------------------------------------------------------------------------------------


def _softmax(name: str) -> Callable[..., Any]:
    def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
        if dtype is not None:
            input = COMPOSED["to.dtype"](input, dtype)
        return emit(f"_{name}.default", input, dim, False)

    return softmax


COMPOSED["softmax.int"], COMPOSED["log_softmax.int"] = _softmax("softmax"), _softmax("log_softmax")


@composed("selu.default")
def _selu(input: Any) -> Any:
    return emit("elu.default", input, 1.6732632423543772, 1.0507009873554805)


@composed("relu6.default")
def _relu6(input: Any) -> Any:
    return emit("hardtanh.default", input, 0, 6)


@composed("log_sigmoid.default")
def _log_sigmoid(input: Any) -> Any:
    return emit("log_sigmoid_forward.default", input)[0]


@composed("prelu.default")
def _prelu(input: Any, weight: Any) -> Any:
    if weight.ndim == 1 and input.ndim:
        weight = reshape(weight, [weight.shape[0] if k == min(1, input.ndim - 1) else 1 for k in range(input.ndim)])
    return emit("_prelu_kernel.default", input, weight)


@composed("nll_loss_nd.default", "nll_loss.default")
def nll_loss(input: Any, target: Any, weight: Any = None, reduction: int = 1, ignore_index: int = -100) -> Any:
    """The loss of classes, in the first axis or in the second."""
    if input.ndim <= 2:
        return emit("nll_loss_forward.default", input, target, weight, reduction, ignore_index)[0]
    if input.ndim == 4:
        return emit("nll_loss2d_forward.default", input, target, weight, reduction, ignore_index)[0]
    batch, channels = input.shape[:2]
    rest = [*input.shape[2:]]
    flat, places = reshape(input, [batch, channels, 1, -1]), reshape(target, [batch, 1, -1])
    found = emit("nll_loss2d_forward.default", flat, places, weight, reduction, ignore_index)[0]
    return found if reduction else emit("view.default", found, [batch, *rest])


@composed("cross_entropy_loss.default")
def _cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    reduction: int = 1,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    if target.shape == input.shape or label_smoothing:
        return _smoothed(input, target, weight, reduction, ignore_index, label_smoothing)
    logs = emit("_log_softmax.default", input, 0 if input.ndim == 1 else 1, False)
    return nll_loss(logs, target, weight, reduction, ignore_index)


def _smoothed(input: Any, target: Any, weight: Any, reduction: int, ignore_index: int, label_smoothing: float) -> Any:
    axis = 0 if input.ndim == 1 else 1
    probabilities = target.shape == input.shape and target.dtype.category >= 2
    if weight is not None or not probabilities and input.ndim != 2:
        how = weight, reduction, ignore_index, label_smoothing
        return emit("cross_entropy_loss.default", input, target, *how)
    logs = emit("_log_softmax.default", input, axis, False)
    if probabilities:
        if label_smoothing:
            spread = emit("mul.Tensor", target, 1 - label_smoothing)
            target = emit("add.Tensor", spread, label_smoothing / input.shape[axis])
        loss = emit("mul.Tensor", logs, target)
        if not reduction:
            return emit("neg.default", emit("sum.dim_IntList", loss, [axis]))
        total = emit("neg.default", emit("sum.default", loss))
        count = input.numel() // input.shape[axis]
        return emit("div.Scalar", total, count) if reduction == 1 else total
    plain = emit("nll_loss_forward.default", logs, target, None, reduction, ignore_index)[0]
    smooth = emit("neg.default", emit("sum.dim_IntList", logs, [axis]))
    ignored = emit("eq.Scalar", target, ignore_index)
    smooth = emit("masked_fill_.Scalar", smooth, ignored, 0.0)
    if reduction:
        smooth = emit("sum.default", smooth)
    if reduction == 1:
        counted = emit("sum.default", emit("bitwise_not.default", ignored))
        smooth = emit("div.Tensor", smooth, counted)
    each = label_smoothing / input.shape[axis]
    return emit("add.Tensor", emit("mul.Scalar", plain, 1 - label_smoothing), emit("mul.Scalar", smooth, each))


@composed("l1_loss.default")
def _l1_loss(input: Any, target: Any, reduction: int = 1) -> Any:
    difference = emit("abs.default", emit("sub.Tensor", input, target))
    return _reduced(difference, reduction)


def _reduced(value: Any, reduction: int) -> Any:
    return value if not reduction else emit("mean.default" if reduction == 1 else "sum.default", value)


@composed("kl_div.default")
def _kl_div(input: Any, target: Any, reduction: int = 1, log_target: bool = False) -> Any:
    product = emit("mul.Tensor", target, input)
    if log_target:
        share = emit("sub.Tensor", target, input)
        return _reduced(emit("mul.Tensor", emit("exp.default", target), share), reduction)
    return _reduced(emit("sub.Tensor", emit("xlogy.Tensor", target, target), product), reduction)


def _added(mask: Any, query: Any) -> Any:
    """A mask as what is added to scores."""
    if mask is None or mask.dtype is not bool_:
        return mask
    zero, nothing = (emit("scalar_tensor.default", number, dtype=query.dtype) for number in (0.0, -math.inf))
    return emit("where.self", mask, zero, nothing)


def _attention_by_products(
    query: Any, key: Any, value: Any, attn_mask: Any, dropout_p: float, is_causal: bool, scale: Any, enable_gqa: bool
) -> Any:
    """Scores, their softmax, and a product with the values; queries and keys are scaled by the root of the scale each."""
    root = (query.shape[-1] ** -0.5 if scale is None else scale) ** 0.5
    query = emit("mul.Scalar", query, root)
    if enable_gqa:
        shares = query.shape[-3] // key.shape[-3]
        key, value = (emit("repeat_interleave.self_int", x, shares, -3) for x in (key, value))
    if is_causal:
        rows = emit("ones.default", [query.shape[-2], key.shape[-2]], dtype=bool_)
        attn_mask = emit("tril.default", rows)
    attn_mask = _added(attn_mask, query)
    scores = matmul(query, emit("mul.Scalar", emit("transpose.int", key, -2, -1), root))
    if attn_mask is not None:
        scores = emit("add.Tensor", scores, attn_mask)
    weights = emit("_safe_softmax.default", scores, -1)
    return matmul(_dropout(weights, dropout_p, True), value)


@composed("scaled_dot_product_attention.default")
def _attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False, *,
    scale: Any = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    same = query.ndim == key.ndim == value.ndim == 4 and query.shape[-1] == key.shape[-1] == value.shape[-1]
    learnt = attn_mask is not None and attn_mask.requires_grad
    if not same or enable_gqa or dropout_p or learnt or query.shape[1] != key.shape[1]:
        return _attention_by_products(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa)
    attn_mask = _added(attn_mask, query)
    named = {name: given for name, given in (("attn_mask", attn_mask), ("scale", scale)) if given is not None}
    how = [dropout_p, is_causal] if is_causal else []
    return emit("_scaled_dot_product_flash_attention_for_cpu.default", query, key, value, *how, **named)[0]
