"""Losses that compare a prediction with a class or a distribution."""

from __future__ import annotations

from typing import Any

import flambeau

from ...core.composite import composite
from ...core.history import INPUTS, Gradient
from ...core.tensor import Tensor
from ...graph.checks import Check
from ...graph.dtypes import TYPE_NAMES
from ...graph.notices import warn
from ...ops.activation import logsigmoid
from ...ops.arithmetic import div_by_number
from ...ops.conversion import as_result_in, converted, rounded_once
from ...ops.dispatch import attach, checked, tracked
from ...ops.loss import cross_entropy as _cross_entropy
from ...ops.loss import nll_loss as _nll_loss
from ...ops.one_node import one_node
from ...ops.softmax import log_softmax
from .. import _reduction
from .._reduction import reduced


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Negative log-probability of the target class: ``input`` (N, C, …) or (C,) and class numbers (N, …) or ()."""
    reduction = _reduction.resolve(size_average, reduce, reduction)
    _reduction.check(reduction)
    return _nll_loss(input, target, weight, reduction, ignore_index)


@rounded_once
def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Cross-entropy between unnormalised logits (N, C, …) or (C,) and the target.

    ``target`` holds class numbers (N, …), or probabilities in the shape of ``input``. ``weight`` (C,) weighs classes;
    targets equal to ``ignore_index`` do not count; ``label_smoothing`` mixes in the uniform distribution.
    """
    reduction = _reduction.resolve(size_average, reduce, reduction)
    _reduction.check(reduction)
    shape = input.shape
    dimension = 0 if len(shape) == 1 else 1
    if target.shape == shape and target.is_floating_point():
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        return _cross_entropy_of_probabilities(input, target, weight, reduction, label_smoothing, dimension)
    if label_smoothing > 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if target.shape == shape:
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {TYPE_NAMES[target.dtype]}"
        )
    if not label_smoothing > 0.0:  # so does PyTorch take what is negative or no number
        return _cross_entropy(input, target, weight, reduction, ignore_index)
    logarithms = log_softmax(input, dimension)
    loss = _nll_loss(logarithms, target, weight, reduction, ignore_index)
    classes = input.size(dimension)
    every = -(logarithms if weight is None else logarithms * _along(weight, dimension, input)).sum(dimension)
    ignored = target.eq(ignore_index)
    smooth = every.masked_fill(ignored, 0.0)
    if reduction == "mean":
        if weight is None:
            smooth = smooth.sum() / (~ignored).sum()
        else:
            weights = weight[target.masked_fill(ignored, 0)].masked_fill(ignored, 0.0)
            smooth = smooth.sum() / weights.sum()
    else:
        smooth = reduced(smooth, reduction)
    return (1 - label_smoothing) * loss + smooth * (label_smoothing / classes)


def _along(weight: Tensor, dimension: int, input: Tensor) -> Tensor:
    return weight.reshape([-1 if axis == dimension else 1 for axis in range(input.dim())])


def _cross_entropy_of_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float, dimension: int
) -> Tensor:
    classes = input.size(dimension)
    if weight is not None and tuple(weight.shape) != (classes,):
        raise RuntimeError(
            "cross_entropy: weight tensor should be defined either for all "
            f"{classes} classes or no classes but got weight tensor of shape: {list(weight.shape)}"
        )
    if label_smoothing > 0.0:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    products = log_softmax(input, dimension) * target
    if weight is not None:
        products = products * _along(weight, dimension, input)
    if reduction == "none":
        return -products.sum(dimension)
    if reduction == "sum":
        return -products.sum()
    return div_by_number(-products.sum(), input.numel() // max(classes, 1))


cross_entropy_loss = cross_entropy


def kl_div(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", log_target: bool = False,
) -> Tensor:  # fmt: skip
    """``target (log target - input)`` with log-probabilities ``input``; "batchmean" divides by the batch size."""
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    elif reduction == "mean":
        warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides "
            "only by the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the "
            "same as 'batchmean' in the next major release.",
        )
    if reduction != "batchmean":
        _reduction.check(reduction)
    if input.dtype.category < 2 or target.dtype.category < 2:
        raise RuntimeError("kl_div: Integral inputs not supported.")
    loss = target.exp() * (target - input) if log_target else flambeau.xlogy(target, target) - target * input
    if reduction == "batchmean":
        total = loss.sum()
        return total / input.size(0) if input.dim() else total
    return reduced(loss, reduction)


class _OfProbabilities(Gradient):
    """Of each element's binary cross-entropy: the composed one is not a number where a probability is 0 or 1."""

    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        x, y = self.input(0), self.input(1)
        for_input = grad * (x - y) / ((1 - x) * x).clamp(min=1e-12)
        return for_input, grad * ((-x).log1p() - x.log()) if self.needs(1) else None


_INPUT = Check(RuntimeError, "all elements of input should be between 0 and 1")
_TARGET = Check(RuntimeError, "all elements of target should be between 0 and 1")


def _cross_entropies(how: Any, input: Any, target: Any) -> tuple[Tensor]:
    """Of each element; what is no probability raises ``RuntimeError`` when the loss is computed."""
    x = checked(input, (input >= 0) & (input <= 1), _INPUT)
    y = checked(target, (target >= 0) & (target <= 1), _TARGET)
    return ((y - 1) * (-x).log1p().clamp(min=-100) - y * x.log().clamp(min=-100),)


@one_node("BinaryCrossEntropyBackward0")
@rounded_once
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """``-(target log input + (1 - target) log(1 - input))`` for probabilities, logarithms being at least -100."""
    reduction = _reduction.resolve(size_average, reduce, reduction)
    _reduction.check(reduction)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}) is "
            "deprecated. Please ensure they have the same size."
        )
    if target.dtype is not input.dtype:
        raise RuntimeError(f"Found dtype {TYPE_NAMES[target.dtype]} but expected {TYPE_NAMES[input.dtype]}")
    if input.dtype.category < 2:
        raise NotImplementedError(f"\"binary_cross_entropy\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    (loss,) = composite(_cross_entropies, (), input, target)
    if tracked(input, target):
        attach(loss, _OfProbabilities, [input, target])
    # In the input's dtype, whatever the weight's.
    return reduced(loss if weight is None else converted(loss * weight, loss.dtype), reduction)


@one_node("BinaryCrossEntropyWithLogitsBackward0")
@rounded_once
def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean", pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """:func:`binary_cross_entropy` of ``sigmoid(input)``, exact for large logits; ``pos_weight`` weighs positives."""
    reduction = _reduction.resolve(size_average, reduce, reduction)
    _reduction.check(reduction)
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.size()}) must be the same as input size ({input.size()})")
    if target.dtype.kind == "bool":
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator "
            "instead."
        )
    return as_result_in(_with_logits(input, target, weight, reduction, pos_weight), target.dtype)


@rounded_once
def _with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, pos_weight: Tensor | None
) -> Tensor:
    logarithm = logsigmoid(input)
    if pos_weight is not None:
        logarithm = ((pos_weight - 1) * target + 1) * logarithm
    loss = (1 - target) * input - logarithm
    return reduced(loss if weight is None else loss * weight, reduction)
