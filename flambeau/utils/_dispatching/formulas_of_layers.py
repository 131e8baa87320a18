"""Gradients of products, activations, layers and losses, as PyTorch writes them in operations of aten's."""

from __future__ import annotations

from typing import Any

from ...core.device import contiguous_format
from .emitting import emit
from .formula import formula
from .formulas import later, product, times

# --- products -----------------------------------------------------------------------------------------------------------


def _by_columns(x: Any) -> bool:
    """Whether a matrix lies column by column: its gradient is then computed so, too."""
    return x.stride(0) == 1 and x.stride(1) == x.shape[0] and not (x.shape[0] == 1 or x.shape[1] == 1)


def _left(grad: Any, left: Any, right: Any) -> Any:
    """The gradient of the first factor."""
    if _by_columns(left):
        return emit("t.default", emit("mm.default", right, emit("t.default", grad)))
    return emit("mm.default", grad, emit("t.default", right))


def _right(grad: Any, left: Any, right: Any) -> Any:
    """The gradient of the second factor."""
    if _by_columns(right):
        return emit("t.default", emit("mm.default", emit("t.default", grad), left))
    return emit("mm.default", emit("t.default", left), grad)


def _of_stacks(grad: Any, left: Any, right: Any, first: bool) -> Any:
    """The gradient of a stack of matrices."""
    if first:
        return emit("bmm.default", grad, emit("transpose.int", right, 1, 2))
    return emit("bmm.default", emit("transpose.int", left, 1, 2), grad)


@formula("mm.default", keep="self mat2")
def _mm(grad: Any, self: Any, mat2: Any) -> Any:
    return lambda: _left(grad, self, mat2), lambda: _right(grad, self, mat2)


@formula("bmm.default", keep="self mat2")
def _bmm(grad: Any, self: Any, mat2: Any) -> Any:
    return lambda: _of_stacks(grad, self, mat2, True), lambda: _of_stacks(grad, self, mat2, False)


@formula("addmm.default", keep="mat1 mat2")
def _addmm(grad: Any, self: Any, mat1: Any, mat2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    alpha = 1 if alpha is None else alpha
    return (
        lambda: times(grad, 1 if beta is None else beta),
        lambda: times(_left(grad, mat1, mat2), alpha), lambda: times(_right(grad, mat1, mat2), alpha),
    )  # fmt: skip


@formula("baddbmm.default", keep="batch1 batch2")
def _baddbmm(grad: Any, self: Any, batch1: Any, batch2: Any, beta: Any = 1, alpha: Any = 1) -> Any:
    alpha = 1 if alpha is None else alpha
    return (
        lambda: times(grad, 1 if beta is None else beta),
        lambda: times(_of_stacks(grad, batch1, batch2, True), alpha),
        lambda: times(_of_stacks(grad, batch1, batch2, False), alpha),
    )  # fmt: skip


@formula("mv.default", keep="self vec")
def _mv(grad: Any, self: Any, vec: Any) -> Any:
    def matrix() -> Any:
        return product(emit("view.default", grad, [grad.shape[0], 1]), vec)

    return matrix, lambda: emit("mv.default", emit("t.default", self), grad)


@formula("dot.default", keep="self tensor")
def _dot(grad: Any, self: Any, tensor: Any) -> Any:
    return later("mul.Tensor", grad, tensor), later("mul.Tensor", grad, self)


# --- activations --------------------------------------------------------------------------------------------------------


@formula("relu.default")
def _relu(grad: Any, out: Any, self: Any) -> Any:
    return emit("threshold_backward.default", grad, out, 0)


@formula("threshold.default", keep="self")
def _threshold(grad: Any, self: Any, threshold: Any, value: Any) -> Any:
    return emit("threshold_backward.default", grad, self, threshold)


@formula("gelu.default", keep="self")
def _gelu(grad: Any, self: Any, approximate: str = "none") -> Any:
    return emit("gelu_backward.default", grad, self, **({} if approximate == "none" else {"approximate": approximate}))


for _name in ("silu", "mish", "hardswish", "hardsigmoid"):

    @formula(f"{_name}.default", keep="self")
    def _of_input(grad: Any, self: Any, *, name: str = _name) -> Any:
        return emit(f"{name}_backward.default", grad, self)


@formula("elu.default", keep="self")
def _elu(grad: Any, self: Any, alpha: Any = 1.0, scale: Any = 1.0, input_scale: Any = 1.0) -> Any:
    return emit("elu_backward.default", grad, alpha, scale, input_scale, False, self)


@formula("celu.default", keep="self")
def _celu(grad: Any, self: Any, alpha: Any = 1.0) -> Any:
    return emit("elu_backward.default", grad, alpha, 1, 1.0 / alpha, False, self)


@formula("leaky_relu.default", keep="self")
def _leaky_relu(grad: Any, self: Any, negative_slope: Any = 0.01) -> Any:
    return emit("leaky_relu_backward.default", grad, self, negative_slope, False)


@formula("softplus.default", keep="self")
def _softplus(grad: Any, self: Any, beta: Any = 1, threshold: Any = 20) -> Any:
    return emit("softplus_backward.default", grad, self, beta, threshold)


@formula("hardtanh.default", keep="self")
def _hardtanh(grad: Any, self: Any, min_val: Any = -1, max_val: Any = 1) -> Any:
    return emit("hardtanh_backward.default", grad, self, min_val, max_val)


for _name in ("hardshrink", "softshrink"):

    @formula(f"{_name}.default", keep="self")
    def _of_shrinking(grad: Any, self: Any, lambd: Any = 0.5, *, name: str = _name) -> Any:
        return emit(f"{name}_backward.default", grad, self, lambd)


@formula("log_sigmoid_forward.default", keep="self", apart=(1,))
def _log_sigmoid(grad: Any, out: Any, self: Any) -> Any:
    return emit("log_sigmoid_backward.default", grad[0], self, out[1])


@formula("glu.default", keep="self")
def _glu(grad: Any, self: Any, dim: int = -1) -> Any:
    return emit("glu_backward.default", grad, self, dim)


@formula("_prelu_kernel.default", keep="self weight")
def _prelu(grad: Any, self: Any, weight: Any) -> Any:
    return tuple(emit("_prelu_kernel_backward.default", grad, self, weight))


@formula("_softmax.default")
def _softmax(grad: Any, out: Any, self: Any, dim: int, half_to_float: bool) -> Any:
    return emit("_softmax_backward_data.default", grad, out, dim, self.dtype)


@formula("_safe_softmax.default")
def _safe_softmax(grad: Any, out: Any, self: Any, dim: int, dtype: Any = None) -> Any:
    return emit("_softmax_backward_data.default", grad, out, dim, self.dtype)


@formula("_log_softmax.default")
def _log_softmax(grad: Any, out: Any, self: Any, dim: int, half_to_float: bool) -> Any:
    return emit("_log_softmax_backward_data.default", grad, out, dim, self.dtype)


# --- layers -------------------------------------------------------------------------------------------------------------


@formula("convolution.default", keep="input weight")
def _convolution(
    grad: Any, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
    output_padding: Any, groups: int, *, wanted: Any,
) -> Any:  # fmt: skip
    sizes = None if bias is None else [*bias.shape]
    how = stride, padding, dilation, transposed, output_padding, groups
    return tuple(emit("convolution_backward.default", grad, input, weight, sizes, *how, wanted[:3]))


@formula("native_batch_norm.default", keep="input weight running_mean running_var", apart=(1, 2))
def _batch_norm(
    grad: Any, out: Any, input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool,
    momentum: float, eps: float, *, wanted: Any,
) -> Any:  # fmt: skip
    return tuple(emit(
        "native_batch_norm_backward.default", grad[0], input, weight, running_mean, running_var, out[1], out[2], training, eps,
        wanted[:3],
    ))  # fmt: skip


@formula("native_layer_norm.default", keep="input weight bias", apart=(1, 2))
def _layer_norm(
    grad: Any, out: Any, input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float, *, wanted: Any
) -> Any:
    found = emit(
        "native_layer_norm_backward.default", grad[0], input, normalized_shape, out[1], out[2], weight, bias,
        [wanted[0], *wanted[2:4]],
    )  # fmt: skip
    return found[0], None, found[1], found[2]


@formula("native_group_norm.default", keep="input weight", apart=(1, 2))
def _group_norm(
    grad: Any, out: Any, input: Any, weight: Any, bias: Any, N: int, C: int, HxW: int, group: int, eps: float, *, wanted: Any
) -> Any:
    if not grad[0].is_contiguous():
        grad = [emit("clone.default", grad[0], memory_format=contiguous_format)]
    return tuple(emit(
        "native_group_norm_backward.default", grad[0], input, out[1], out[2], weight, N, C, HxW, group,
        wanted[:3],
    ))  # fmt: skip


@formula("max_pool2d_with_indices.default", keep="self", apart=(1,))
def _max_pool(
    grad: Any, out: Any, self: Any, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False,
) -> Any:  # fmt: skip
    pads, wide = ([value, value] if isinstance(value, int) else value for value in (padding, dilation))
    how = kernel_size, stride or [], pads, wide, ceil_mode
    return emit("max_pool2d_with_indices_backward.default", grad[0], self, *how, out[1])


@formula("avg_pool2d.default", keep="self")
def _avg_pool(
    grad: Any, self: Any, kernel_size: Any, stride: Any = (), padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: Any = None,
) -> Any:  # fmt: skip
    pads = [padding, padding] if isinstance(padding, int) else padding
    how = kernel_size, stride or [], pads, ceil_mode, count_include_pad, divisor_override
    return emit("avg_pool2d_backward.default", grad, self, *how)


@formula("_adaptive_avg_pool2d.default", keep="self")
def _adaptive_avg_pool(grad: Any, self: Any, output_size: Any) -> Any:
    return emit("_adaptive_avg_pool2d_backward.default", grad, self)


@formula("adaptive_max_pool2d.default", keep="self", apart=(1,))
def _adaptive_max_pool(grad: Any, out: Any, self: Any, output_size: Any) -> Any:
    return emit("adaptive_max_pool2d_backward.default", grad[0], self, out[1])


@formula("embedding.default", keep="indices")
def _embedding(grad: Any, weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False,
               sparse: bool = False) -> Any:  # fmt: skip
    how = weight.shape[0], padding_idx, bool(scale_grad_by_freq)
    return emit("embedding_dense_backward.default", grad, indices, *how)


@formula("upsample_nearest2d.default")
def _nearest(grad: Any, self: Any, output_size: Any, scales_h: Any = None, scales_w: Any = None) -> Any:
    return emit("upsample_nearest2d_backward.default", grad, output_size, [*self.shape], scales_h, scales_w)


@formula("upsample_bilinear2d.default")
def _bilinear(
    grad: Any, self: Any, output_size: Any, align_corners: bool, scales_h: Any = None, scales_w: Any = None
) -> Any:
    how = output_size, [*self.shape], align_corners, scales_h, scales_w
    return emit("upsample_bilinear2d_backward.default", grad, *how)


@formula("pixel_shuffle.default")
def _pixel_shuffle(grad: Any, self: Any, upscale_factor: int) -> Any:
    return emit("pixel_unshuffle.default", grad, upscale_factor)


@formula("pixel_unshuffle.default")
def _pixel_unshuffle(grad: Any, self: Any, downscale_factor: int) -> Any:
    return emit("pixel_shuffle.default", grad, downscale_factor)


@formula("im2col.default")
def _im2col(grad: Any, self: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    return emit("col2im.default", grad, [*self.shape[-2:]], kernel_size, dilation, padding, stride)


@formula("col2im.default")
def _col2im(grad: Any, self: Any, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    return emit("im2col.default", grad, kernel_size, dilation, padding, stride)


@formula("constant_pad_nd.default")
def _constant_pad(grad: Any, self: Any, pad: Any, value: Any = 0) -> Any:
    return emit("constant_pad_nd.default", grad, [-n for n in pad])


for _name in ("reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d"):

    @formula(f"{_name}.default", keep="self")
    def _of_padding(grad: Any, self: Any, padding: Any, *, name: str = _name) -> Any:
        return emit(f"{name}_backward.default", grad, self, padding)


@formula(
    "_scaled_dot_product_flash_attention_for_cpu.default", keep="query key value attn_mask", apart=(1,), whole=True
)
def _attention(
    grad: Any, out: Any, query: Any, key: Any, value: Any, dropout_p: float = 0.0, is_causal: bool = False,
    attn_mask: Any = None, scale: Any = None,
) -> Any:  # fmt: skip
    named = {name: given for name, given in (("attn_mask", attn_mask), ("scale", scale)) if given is not None}
    given = grad[0], query, key, value, *out, dropout_p, is_causal
    return tuple(emit("_scaled_dot_product_flash_attention_for_cpu_backward.default", *given, **named))


# --- losses -------------------------------------------------------------------------------------------------------------


@formula("nll_loss_forward.default", keep="self target weight", apart=(1,))
def _nll(grad: Any, out: Any, self: Any, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    return emit("nll_loss_backward.default", grad[0], self, target, weight, reduction, ignore_index, out[1])


@formula("nll_loss2d_forward.default", keep="self target weight", apart=(1,))
def _nll2d(grad: Any, out: Any, self: Any, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    return emit("nll_loss2d_backward.default", grad[0], self, target, weight, reduction, ignore_index, out[1])


@formula("mse_loss.default", keep="self target")
def _mse(grad: Any, self: Any, target: Any, reduction: int = 1) -> Any:
    return (
        later("mse_loss_backward.default", grad, self, target, reduction),
        later("mse_loss_backward.default", grad, target, self, reduction),
    )  # fmt: skip


for _name in ("smooth_l1_loss", "huber_loss"):

    @formula(f"{_name}.default", keep="self target")
    def _smooth(
        grad: Any, self: Any, target: Any, reduction: int = 1, setting: float = 1.0, *, name: str = _name
    ) -> Any:
        return (
            later(f"{name}_backward.default", grad, self, target, reduction, setting),
            later(f"{name}_backward.default", grad, target, self, reduction, setting),
        )  # fmt: skip


@formula("binary_cross_entropy.default", keep="self target weight")
def _bce(grad: Any, self: Any, target: Any, weight: Any = None, reduction: int = 1) -> Any:
    return emit("binary_cross_entropy_backward.default", grad, self, target, weight, reduction)


@formula("binary_cross_entropy_with_logits.default", keep="self target weight pos_weight")
def _bce_with_logits(
    grad: Any, self: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: int = 1
) -> Any:
    if pos_weight is None:
        slope = product(emit("sub.Tensor", emit("sigmoid.default", self), target), grad)
    else:
        more = product(pos_weight, target)
        slope = emit("sub.Tensor", emit("add.Scalar", more, 1), target)
        slope = product(emit("sub.Tensor", product(slope, emit("sigmoid.default", self)), more), grad)
    slope = slope if weight is None else product(slope, weight)
    return emit("div_.Scalar", slope, self.numel()) if reduction == 1 else slope
