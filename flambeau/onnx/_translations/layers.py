"""Convolutions, normalisations and dropout."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import flambeau

from .._builder import Builder, Value
from .shapes import reshape

Row = Callable[..., Any]


# --- convolutions ----------------------------------------------------------------------------------------------------


def listed(value: Any, count: int) -> list[int]:
    """A setting of each dimension."""
    found = [*value] if isinstance(value, (list, tuple)) else [value]
    return found * count if len(found) == 1 else found


def with_batch(g: Builder, x: Value, count: int) -> tuple[Value, bool]:
    """A value with a dimension of batches, if it has none; and whether it had one."""
    if x.rank > count + 1:
        return x, True
    made: Value = g.Unsqueeze(x, [0])
    made.shape = (1, *x.shape)  # type: ignore[misc]
    return made, False


def _convolution(count: int) -> Row:
    def row(
        g: Builder, x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Any:  # fmt: skip
        x, batched = with_batch(g, x, count)
        dilations = listed(dilation, count)
        if padding == "valid":
            padding = 0
        if padding == "same":
            total = [step * (size - 1) for step, size in zip(dilations, weight.shape[2:])]
            pads = [one // 2 for one in total] + [one - one // 2 for one in total]
        else:
            pads = listed(padding, count) * 2
        made = g.Conv(
            x, weight, bias, strides=listed(stride, count), pads=pads, dilations=dilations, group=groups,
            kernel_shape=[*weight.shape[2:]],
        )  # fmt: skip
        return made if batched else g.Squeeze(made, [0])

    return row


def _transposed_convolution(count: int) -> Row:
    def row(
        g: Builder, x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, dilation: Any = 1,
    ) -> Any:  # fmt: skip
        x, batched = with_batch(g, x, count)
        made = g.ConvTranspose(
            x, weight, bias, strides=listed(stride, count), pads=listed(padding, count) * 2,
            output_padding=listed(output_padding, count), dilations=listed(dilation, count), group=groups,
            kernel_shape=[*weight.shape[2:]],
        )  # fmt: skip
        return made if batched else g.Squeeze(made, [0])

    return row


def _general_convolution(
    g: Builder, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool, output_padding: Any,
    groups: int, *further: Any,
) -> Any:  # fmt: skip
    count = weight.rank - 2
    if transposed:
        return _transposed_convolution(count)(g, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _convolution(count)(g, x, weight, bias, stride, padding, dilation, groups)


# --- normalisations --------------------------------------------------------------------------------------------------


def _ones(g: Builder, count: Any, kind: Any) -> Value:
    return g.constant(np.ones(count, kind.numpy))


def _channels(g: Builder, x: Value, weight: Any, bias: Any, count: int) -> tuple[Any, Any]:
    """Factors and summands of channels: ones and zeros where there are none."""
    weight = _ones(g, count, x.dtype) if weight is None else weight
    return weight, g.constant(np.zeros(count, x.dtype.numpy)) if bias is None else bias


def _batch_norm(
    g: Builder, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, momentum: float, eps: float,
    cudnn_enabled: bool = False,
) -> Any:  # fmt: skip
    channels = x.shape[1]
    scale, shift = _channels(g, x, weight, bias, channels)
    if mean is None or training:
        axes = [0, *range(2, x.rank)]
        center = g.reduce("ReduceMean", x, axes, False)
        apart = g.Sub(x, _along_channels(g, center, x))
        spread = g.reduce("ReduceMean", g.Mul(apart, apart), axes, False)
        return g.BatchNormalization(x, scale, shift, center, spread, epsilon=float(eps))
    return g.BatchNormalization(x, scale, shift, mean, variance, epsilon=float(eps))


def _along_channels(g: Builder, value: Value, x: Value) -> Value:
    return g.Reshape(value, [-1, *[1] * (x.rank - 2)])  # type: ignore[no-any-return]


def _instance_norm(
    g: Builder, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, use_input_stats: bool, momentum: float, eps: float,
    cudnn_enabled: bool = False,
) -> Any:  # fmt: skip
    scale, shift = _channels(g, x, weight, bias, x.shape[1])
    if use_input_stats:
        return g.InstanceNormalization(x, scale, shift, epsilon=float(eps))
    return g.BatchNormalization(x, scale, shift, mean, variance, epsilon=float(eps))


def _layer_norm(
    g: Builder, x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, cudnn: bool = False
) -> Any:
    count = len(normalized_shape)
    if g.opset < 17:
        axes = [*range(-count, 0)]
        apart = g.Sub(x, g.reduce("ReduceMean", x, axes, True))
        spread = g.Add(g.reduce("ReduceMean", g.Mul(apart, apart), axes, True), eps)
        made = g.Div(apart, g.Sqrt(spread))
        made = made if weight is None else g.Mul(made, weight)
        return made if bias is None else g.Add(made, bias)
    weight = _ones(g, [int(size) for size in normalized_shape], x.dtype) if weight is None else weight
    return g.LayerNormalization(x, weight, bias, axis=-count, epsilon=float(eps))


def _rms_norm(g: Builder, x: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    axes = [*range(-len(normalized_shape), 0)]
    eps = flambeau.finfo(x.dtype).eps if eps is None else eps
    mean = g.reduce("ReduceMean", g.Mul(x, x), axes, True)
    made = g.Div(x, g.Sqrt(g.Add(mean, eps)))
    return made if weight is None else g.Mul(made, weight)


def _group_norm(
    g: Builder, x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, cudnn: bool = False
) -> Any:
    scale, shift = _ones(g, num_groups, x.dtype), g.constant(np.zeros(num_groups, x.dtype.numpy))
    # What is normalised together lies in one row.
    rows = g.InstanceNormalization(reshape(g, x, [g.size_of(x, 0), num_groups, -1]), scale, shift, epsilon=float(eps))
    made = g.Reshape(rows, g.shape_of(x))
    for factor, kind in ((weight, "Mul"), (bias, "Add")):
        if factor is not None:
            made = g.node(kind, made, _along_channels(g, factor, x))
    return made


def _weight_norm(g: Builder, v: Any, scale: Any, dim: int = 0) -> Any:
    axes = [axis for axis in range(v.rank) if axis != dim % v.rank] if dim != -1 else None
    return g.Mul(v, g.Div(scale, g.reduce("ReduceL2", v, axes, True)))


# --- dropout ---------------------------------------------------------------------------------------------------------


def _dropout(g: Builder, x: Any, p: float = 0.5, train: bool = True) -> Any:
    if not train or p == 0:
        return x
    return g.Dropout(x, g.number(p, flambeau.float32), g.number(True, flambeau.bool))


def _feature_dropout(g: Builder, x: Any, p: float = 0.5, train: bool = True) -> Any:
    if not train or p == 0:
        return x
    channels = g.sizes([g.size_of(x, 0), g.size_of(x, 1), *[1] * (x.rank - 2)])
    ones = g.Expand(g.number(1, x.dtype), channels)
    return g.Mul(x, g.Dropout(ones, g.number(p, flambeau.float32), g.number(True, flambeau.bool)))


def _inference_only(g: Builder, x: Any, p: float = 0.5, train: bool = False) -> Any:
    if train and p > 0:
        raise g.unsupported("it is random in training")
    return x


# --- padding ---------------------------------------------------------------------------------------------------------

_PADDINGS = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _pad(g: Builder, x: Any, pad: Sequence[Any], mode: str = "constant", value: Any = None) -> Any:
    count = len(pad) // 2
    before = [0] * (x.rank - count) + [pad[2 * place] for place in reversed(range(count))]
    behind = [0] * (x.rank - count) + [pad[2 * place + 1] for place in reversed(range(count))]
    kind = x.dtype
    if mode == "circular" and g.opset < 19:
        return _circular(g, x, before, behind)
    number = (0 if value is None else value) if mode == "constant" else None
    if kind is flambeau.bool:
        made = g.Pad(g.cast(x, flambeau.int32), g.sizes(before + behind), number, mode=_PADDINGS[mode])
        return g.cast(made, kind)
    return g.Pad(x, g.sizes(before + behind), number, mode=_PADDINGS[mode])


def _circular(g: Builder, x: Value, before: list[Any], behind: list[Any]) -> Any:
    for axis, (first, last) in enumerate(zip(before, behind)):
        if first == last == 0:
            continue
        pieces = [x]
        if first:
            pieces.insert(0, g.slice(x, -first, 2**63 - 1, axis))
        if last:
            pieces.append(g.slice(x, 0, last, axis))
        shape = x.shape
        x = g.joined(pieces, axis)
        x.shape = tuple([None if place == axis else size for place, size in enumerate(shape)])  # type: ignore[arg-type]
    return x


def _fixed_pad(mode: str) -> Row:
    return lambda g, x, pad, *value: _pad(g, x, pad, mode, *value)


# --- windows as columns ----------------------------------------------------------------------------------------------


def _im2col(g: Builder, x: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    """(N, C, H, W) as (N, C · window, places): by a convolution whose filters pick one element each."""
    x, batched = with_batch(g, x, 2)
    kernel, channels = listed(kernel_size, 2), x.shape[1]
    if channels is None:
        raise g.unsupported("the number of channels may differ")
    window = math.prod(kernel)
    filters = np.tile(np.eye(window, dtype=x.dtype.numpy).reshape(window, 1, *kernel), (channels, 1, 1, 1))
    made = g.Conv(
        x, filters, strides=listed(stride, 2), pads=listed(padding, 2) * 2, dilations=listed(dilation, 2), group=channels,
        kernel_shape=kernel,
    )  # fmt: skip
    made = reshape(g, made, [g.size_of(x, 0), channels * window, -1])
    return made if batched else g.Squeeze(made, [0])


def _col2im(g: Builder, x: Any, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    g.needs(18)
    x, batched = with_batch(g, x, 1)
    made = g.Col2Im(
        x, g.sizes(listed(output_size, 2)), g.sizes(listed(kernel_size, 2)), dilations=listed(dilation, 2),
        pads=listed(padding, 2) * 2, strides=listed(stride, 2),
    )  # fmt: skip
    return made if batched else g.Squeeze(made, [0])


ROWS: dict[str, Row] = {
    **{f"conv{count}d": _convolution(count) for count in (1, 2, 3)}, "convolution": _general_convolution,
    "conv_transpose1d": _transposed_convolution(1), "conv_transpose2d": _transposed_convolution(2),
    "conv_transpose3d": _transposed_convolution(3), "batch_norm": _batch_norm, "instance_norm": _instance_norm,
    "layer_norm": _layer_norm, "rms_norm": _rms_norm, "group_norm": _group_norm, "_weight_norm": _weight_norm,
    "dropout": _dropout, "feature_dropout": _feature_dropout, "alpha_dropout": _inference_only,
    "feature_alpha_dropout": _inference_only, "pad": _pad,
    "constant_pad_nd": _fixed_pad("constant"), **{f"reflection_pad{count}d": _fixed_pad("reflect") for count in (1, 2, 3)},
    **{f"replication_pad{count}d": _fixed_pad("replicate") for count in (1, 2, 3)}, "im2col": _im2col, "col2im": _col2im,
}  # fmt: skip
