"""Losses on margins: between scores, between classes, between distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...graph.checks import Check
from ...graph.dtypes import TYPE_NAMES
from ...ops.activation import logsigmoid
from ...ops.conversion import as_result_in, rounded_once
from ...ops.dispatch import checked
from ...ops.one_node import one_node
from ...ops.products import pairwise_distance
from .. import _reduction
from .._reduction import reduced


@rounded_once
def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: float = 1.0, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """``input`` where the target is 1, ``max(0, margin - input)`` where it is -1."""
    reduction = _reduction.resolve(size_average, reduce, reduction)
    _reduction.check(reduction)
    if not input.is_floating_point() and reduction == "mean":
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {TYPE_NAMES[input.dtype]}"
        )
    apart = (margin - input).clamp_min(0)
    loss = flambeau.where(target.ne(1), apart, 0.0) + flambeau.where(target.ne(-1), input, 0.0)
    return reduced(loss, reduction)


@rounded_once
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """``max(0, -target (input1 - input2) + margin)``: with target 1 the first is to rank higher, with -1 the second."""
    reduction = _reduction.resolve(size_average, reduce, reduction)
    _reduction.check(reduction)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    return reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


@rounded_once
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """``1 - cos`` where the target is 1, ``max(0, cos - margin)`` where it is -1; cosines along the last dimension."""
    reduction = _reduction.resolve(size_average, reduce, reduction)
    _reduction.check(reduction)
    if target.dim() > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    epsilon = 1e-12
    product = (input1 * input2).sum(-1)
    squares = ((input1 * input1).sum(-1) + epsilon) * ((input2 * input2).sum(-1) + epsilon)
    cosine = product / squares.sqrt()
    alike = flambeau.where(target.eq(1), 1 - cosine, 0.0)
    apart = flambeau.where(target.eq(-1), (cosine - margin).clamp_min(0), 0.0)
    return reduced(alike + apart, reduction)


@one_node("SoftMarginLossBackward0")
@rounded_once
def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """``log(1 + exp(-target input))`` with targets 1 and -1."""
    reduction = _reduction.resolve(size_average, reduce, reduction)
    _reduction.check(reduction)
    shape = flambeau.broadcast_shapes(input.shape, target.shape)
    if shape != input.shape:
        raise RuntimeError(f"output with shape {list(input.shape)} doesn't match the broadcast shape {list(shape)}")
    product = target * input
    loss = -logsigmoid(product if product.is_floating_point() else product.float())
    return as_result_in(reduced(loss, reduction), input.dtype)


@rounded_once
def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Mean over the classes of binary cross-entropies with logits."""
    reduction = _reduction.resolve(size_average, reduce, reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(loss.sum(-1) / input.size(-1), reduction)


_TARGET = Check(RuntimeError, "target {value} is out of range")
_LISTED = Check(RuntimeError, "argument #2 'target' is out of range: it holds {value}")


@one_node("MultiMarginLossBackward0")
@rounded_once
def multi_margin_loss(
    input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = None,
    size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Mean over the other classes of ``max(0, margin - score of the target + score of the class)`` to the power p."""
    reduction = _reduction.resolve(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    _reduction.check(reduction)
    if input.dim() > 2 or input.numel() == 0:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}"
        )
    rows = input.reshape(-1, input.size(-1)) if input.dim() else input.reshape(1, 1)
    if target.dim() > 1 or target.numel() != rows.size(0):
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size). "
            f"Expected target size [{rows.size(0)}], but got {list(target.shape)}."
        )
    if weight is not None and weight.numel() != rows.size(1):
        raise RuntimeError(f"inconsistent weight size, expected {rows.size(1)} but got {list(weight.shape)}")
    wanted = checked(target, (target >= 0) & (target < rows.size(1)), _TARGET).reshape(-1, 1)
    others = flambeau.arange(rows.size(1)) != wanted
    loss = margin - rows.gather(1, wanted) + rows
    loss = flambeau.where((loss > 0) & others, loss, 0)  # NaN is not above zero
    if p == 2:
        loss = loss * loss
    if weight is not None:
        loss = loss * weight[wanted]
    loss = loss.sum(1) / rows.size(1)
    return reduced(loss.reshape(target.shape), reduction)


@one_node("MultilabelMarginLossBackward0")
@rounded_once
def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Tensor:
    """Hinge loss between every target class and every other class; a row's targets end at its first -1."""
    reduction = _reduction.resolve(size_average, reduce, reduction)
    _reduction.check(reduction)
    if input.dim() > 2 or input.dim() and input.size(-1) == 0:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}"
        )
    rows = input.reshape(-1, input.size(-1)) if input.dim() else input.reshape(1, 1)
    classes = rows.size(1)
    if target.shape != input.shape and (input.dim() or target.numel() != 1):
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    targets = checked(target, (target >= -1) & (target < classes), _LISTED).reshape(-1, classes)
    listed = (targets < 0).long().cumsum(1) == 0
    places = targets.clamp_min(0)
    is_target = flambeau.zeros_like(targets).scatter_add(1, places, listed.long()) > 0
    gaps = 1 - rows.gather(1, places).unsqueeze(2) + rows.unsqueeze(1)
    pairs = listed.unsqueeze(2) & ~is_target.unsqueeze(1)
    loss = flambeau.where(pairs & (gaps > 0), gaps, 0).sum((1, 2)) / classes  # NaN is not above zero
    return reduced(loss.reshape(input.shape[:-1]), reduction)


@rounded_once
def triplet_margin_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
    swap: bool = False, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with the distance of the ``p``-norm.

    ``swap`` takes the distance between positive and negative when that is the smaller one (Balntas and others 2016).
    """
    reduction = _reduction.resolve(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    _reduction.check(reduction)
    _check_dimensions(anchor, positive, negative)
    functional = flambeau.nn.functional
    return _triplet(lambda a, b: functional.pairwise_distance(a, b, p, eps), anchor, positive, negative, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0, swap: Any = False,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """:func:`triplet_margin_loss` with a distance of one's own."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    _check_dimensions(anchor, positive, negative)
    distance = distance_function or flambeau.nn.functional.pairwise_distance
    return _triplet(distance, anchor, positive, negative, margin, swap, reduction)


def _check_dimensions(anchor: Tensor, positive: Tensor, negative: Tensor) -> None:
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.dim()}D, positive {positive.dim()}D, and negative {negative.dim()}D inputs"
        )


def _triplet(
    distance: Callable[[Tensor, Tensor], Tensor], anchor: Tensor, positive: Tensor, negative: Tensor, margin: float,
    swap: bool, reduction: str,
) -> Tensor:  # fmt: skip
    near = distance(anchor, positive)
    far = distance(anchor, negative)
    if swap:
        far = flambeau.minimum(far, distance(positive, negative))
    return reduced((margin + near - far).clamp_min(0), reduction)


triplet_loss = triplet_margin_loss


@rounded_once
def contrastive_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """Draw pairs together or apart (Hadsell, Chopra and LeCun 2006).

    ``input1`` and ``input2`` (N, D), ``target`` (N,): 1 where a pair is alike, 0 where it is not. With the Euclidean
    distance d the loss is ``d² / 2`` for the former and ``max(0, margin - d)² / 2`` for the latter.
    """
    distance = pairwise_distance(input1, input2)
    alike = target.to(distance.dtype)
    loss = 0.5 * (alike * distance.square() + (1 - alike) * (margin - distance).clamp_min(0).square())
    return reduced(loss, reduction)


def accuracy(input: Tensor, target: Tensor) -> Tensor:
    """Share of rows whose largest score is at the target class, as a zero-dimensional float tensor.

    ``input`` holds scores (N, C, …) and ``target`` class numbers (N, …); an ``input`` in the target's shape holds class
    numbers itself.
    """
    predicted = input if input.dim() == target.dim() else input.argmax(1)
    return predicted.eq(target).float().mean()
