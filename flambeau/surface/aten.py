"""PyTorch's own operations by the names and forms that they have beneath Python, as far as Flambeau offers them.

Most have the name, and the order of arguments, of a function of the package or a method of tensors. ``OTHERWISE`` has the
others. What is not offered is there too, and says so when it is called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import flambeau

from ..nn import functional
from ..nn.functional.vision import _resized as _resized_by
from ..ops.operation import NAMESPACE
from .aten_layers import BENEATH, LAYERS, RESIZED
from .aten_slopes import SLOPES
from .pytorch_names import names_of
from .refusals import refused_function

_REDUCTIONS = ("none", "mean", "sum")


def _loss(name: str, *between: str) -> Callable[..., Any]:
    """A loss whose reduction is a number, with further arguments before it."""

    def loss(input: Any, target: Any, *arguments: Any, **options: Any) -> Any:
        given = dict(zip((*between, "reduction"), arguments)) | options
        given["reduction"] = _REDUCTIONS[given.get("reduction", 1)]
        return getattr(functional, name)(input, target, **given)

    return loss


def _index(input: Any, indices: Any) -> Any:
    return input[tuple(slice(None) if index is None else index for index in indices)]


def _slice(input: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Any:
    return input[(slice(None),) * (dim % input.ndim) + (slice(start, end, step),)]


def _softmax(name: str) -> Callable[..., Any]:
    def softmax(input: Any, dim: int, half_to_float: bool) -> Any:
        return NAMESPACE[name](input, dim, dtype=flambeau.float32 if half_to_float else None)

    return softmax


def _copy(name: str) -> Callable[..., Any]:
    """A view as a tensor of its own."""

    def copy(input: Any, *arguments: Any, **options: Any) -> Any:
        function = NAMESPACE.get(name) or getattr(flambeau.Tensor, name)
        found = function(input, *arguments, **options)
        return [part.clone() for part in found] if isinstance(found, (list, tuple)) else found.clone()

    return copy


def _safe_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """Softmax with zeros in the place of rows that hold nothing but -inf."""
    if not input.is_floating_point():
        return flambeau.softmax(input, dim, dtype=dtype)
    nothing = (input == -float("inf")).all(dim, keepdim=True)
    return flambeau.softmax(input.masked_fill(nothing, 0.0), dim, dtype=dtype).masked_fill(nothing, 0.0)


def _softmax_slope(grad: Any, output: Any, dim: int, input_dtype: Any) -> Any:
    share = grad * output
    return (share - output * share.sum(dim, keepdim=True)).to(input_dtype)


def _log_softmax_slope(grad: Any, output: Any, dim: int, input_dtype: Any) -> Any:
    return (grad - output.exp() * grad.sum(dim, keepdim=True)).to(input_dtype)


def _resizing(mode: str) -> Callable[..., Any]:
    def resized(
        input: Any, output_size: Any, align_corners: bool, scales_h: Any = None, scales_w: Any = None, *,
        scale_factors: Any = None,
    ) -> Any:  # fmt: skip
        if output_size is None:
            return functional.interpolate(input, None, scale_factors, mode, align_corners=align_corners, antialias=True)
        return _resized_by(input, list(output_size), [scales_h, scales_w], mode, align_corners, True)

    return resized


def _max_pool_slope(grad: Any, input: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil: bool, places: Any) -> Any:
    flat = input.new_zeros(input.shape).flatten(-2)
    return flat.scatter_add(-1, places.flatten(-2), grad.flatten(-2)).reshape(input.shape)


def _batch_norm_with_update(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, momentum: float, eps: float
) -> Any:
    found = flambeau.native_batch_norm(input, weight, bias, running_mean, running_var, True, momentum, eps)
    return (*found, flambeau.empty(0, dtype=flambeau.uint8))


OTHERWISE: dict[str, Callable[..., Any]] = {
    **LAYERS,
    **BENEATH,
    **SLOPES,
    "_local_scalar_dense": lambda input: input.item(),
    "_batch_norm_with_update": _batch_norm_with_update,
    "_log_softmax": _softmax("log_softmax"),
    "_log_softmax_backward_data": _log_softmax_slope,
    "_safe_softmax": _safe_softmax,
    "_softmax_backward_data": _softmax_slope,
    "_upsample_bicubic2d_aa": _resizing("bicubic"),
    "_upsample_bilinear2d_aa": _resizing("bilinear"),
    "_reshape_alias": lambda input, size, stride: input.as_strided(size, stride),
    "_softmax": _softmax("softmax"),
    "_to_copy": lambda input, *, non_blocking=False, **options: input.to(copy=True, **{"dtype": input.dtype, **options}),
    "_unsafe_view": lambda input, size: input.reshape(size),
    "_assert_tensor_metadata": lambda input, size=None, stride=None, dtype=None, *, device=None, layout=None: None,
    "_is_all_true": lambda input: input.all(),
    "_is_any_true": lambda input: input.any(),
    "_shape_as_tensor": lambda input: flambeau.tensor(input.shape),
    "alias": lambda input: input.view(input.shape),
    "binary_cross_entropy": _loss("binary_cross_entropy", "weight"),
    "copy": lambda input, src, non_blocking=False: src.to(input.dtype).expand(input.shape).clone(),
    "cross_entropy_loss": lambda input, target, weight=None, reduction=1, ignore_index=-100, label_smoothing=0.0: (
        functional.cross_entropy(
            input, target, weight, ignore_index=ignore_index, reduction=_REDUCTIONS[reduction], label_smoothing=label_smoothing
        )
    ),
    "huber_loss": lambda input, target, reduction=1, delta=1.0: functional.huber_loss(
        input, target, _REDUCTIONS[reduction], delta
    ),
    "index": _index,
    "l1_loss": _loss("l1_loss"),
    "lift_fresh": lambda input: input,
    "lift_fresh_copy": lambda input: input.clone(),
    "max_pool2d_with_indices": lambda input, kernel_size, stride=(), padding=0, dilation=1, ceil_mode=False: (
        functional.max_pool2d_with_indices(input, kernel_size, stride or None, padding, dilation, ceil_mode)
    ),
    "max_pool2d_with_indices_backward": _max_pool_slope,
    "mT": lambda input: input.transpose(-2, -1),
    "mse_loss": _loss("mse_loss"),
    "native_dropout_backward": lambda grad_output, mask, scale: grad_output * mask * scale,
    "numpy_T": lambda input: input.permute(*reversed(range(input.ndim))),
    "pad": lambda input, pad, mode="constant", value=None: functional.pad(input, pad, mode, value),
    "scaled_dot_product_attention": functional.scaled_dot_product_attention,
    "slice": _slice,
    "smooth_l1_loss": lambda input, target, reduction=1, beta=1.0: functional.smooth_l1_loss(
        input, target, reduction=_REDUCTIONS[reduction], beta=beta
    ),
    "soft_margin_loss": _loss("soft_margin_loss"),
    "sym_numel": lambda input: input.numel(),
    "sym_size": lambda input, dim=None: input.size() if dim is None else input.size(dim),
    "sym_storage_offset": lambda input: input.storage_offset(),
    "sym_stride": lambda input, dim=None: input.stride() if dim is None else input.stride(dim),
}
"""What is called otherwise in Python."""

OTHER_ORDER = {"cross_entropy_loss", "ctc_loss", "kl_div", "multi_margin_loss", "multilabel_margin_loss", "nll_loss", "pad"}
OTHER_ORDER |= {"cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "triplet_margin_loss", "embedding_bag"}
OTHER_ORDER |= {"binary_cross_entropy_with_logits", "poisson_nll_loss", "scaled_dot_product_attention"}
"""Functions of ``nn.functional`` whose arguments differ from the operation's."""

MODULES = {"fft": "fft", "linalg": "linalg", "special": "special"}
"""Where operations are whose names begin with these words."""


def function_of(name: str) -> Callable[..., Any] | None:
    """What runs an operation, or None if it is not offered."""
    if name in OTHERWISE:
        return OTHERWISE[name]
    if name in NAMESPACE:
        return NAMESPACE[name]
    if name.endswith("_copy") and (name[:-5] in NAMESPACE or hasattr(flambeau.Tensor, name[:-5])):
        return _copy(name[:-5])
    prefix, _, rest = name.partition("_")
    if prefix in MODULES:
        return vars(getattr(flambeau, MODULES[prefix])).get(rest)
    if name in vars(functional) and name not in OTHER_ORDER:
        return vars(functional)[name]  # type: ignore[no-any-return]
    method = getattr(flambeau.Tensor, name, None)
    if callable(method):
        return method
    if name in flambeau._LAZY_NAMES:
        return getattr(flambeau, name)  # type: ignore[no-any-return]
    layer = vars(functional).get(name[:-1]) if name.endswith("_") else None
    if layer is not None and "inplace" in inspect.signature(layer).parameters:
        return partial(layer, inplace=True)
    return None


def _called(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function with what is ``self`` beneath Python, by position."""
    if "self" in options:
        arguments = (options.pop("self"), *arguments)
    return function(*arguments, **options)


def overloads(name: str, namespace: str = "aten") -> dict[str, Callable[..., Any]]:
    """The forms of an operation; none if PyTorch has no such operation. Those of other namespaces than aten are refused."""
    found = names_of(f"torch.ops.{namespace}").get(name)
    if found is None:
        return {}
    function = function_of(name) if namespace == "aten" else None
    call = refused_function(f"torch.ops.{namespace}.{name}") if function is None else partial(_called, function)
    forms = dict.fromkeys(found[1], call)
    if name in RESIZED:
        forms["vec"] = partial(_called, RESIZED[name])
    return forms
