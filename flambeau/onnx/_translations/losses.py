"""Losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._builder import Builder

Row = Callable[..., Any]

_REDUCTIONS = ("none", "mean", "sum")


def _reduced(g: Builder, loss: Any, reduction: int) -> Any:
    if reduction == 0:
        return loss
    return g.node("ReduceMean" if reduction == 1 else "ReduceSum", loss, keepdims=0)


def _cross_entropy(
    g: Builder, x: Any, target: Any, weight: Any = None, reduction: int = 1, ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    axis = 1 if x.rank > 1 else 0
    if target.dtype.is_floating_point:
        logs = g.LogSoftmax(x, axis=axis)
        if weight is not None or label_smoothing:
            raise g.unsupported("targets are probabilities, with weights or smoothing")
        loss = g.Neg(g.reduce("ReduceSum", g.Mul(logs, target), [axis], False))
        if reduction != 1:
            return _reduced(g, loss, reduction)
        return g.ReduceMean(loss, keepdims=0)
    if label_smoothing:
        raise g.unsupported("labels are smoothed")
    if x.rank == 1:
        x, target = g.Unsqueeze(x, [0]), g.Unsqueeze(target, [0])
    how = {"reduction": _REDUCTIONS[reduction], "ignore_index": ignore_index}
    made = g.SoftmaxCrossEntropyLoss(x, target, weight, **how)
    return made


def _nll_loss(g: Builder, x: Any, target: Any, weight: Any = None, reduction: int = 1, ignore_index: int = -100) -> Any:
    if x.rank == 1:
        x, target = g.Unsqueeze(x, [0]), g.Unsqueeze(target, [0])
    return g.NegativeLogLikelihoodLoss(x, target, weight, reduction=_REDUCTIONS[reduction], ignore_index=ignore_index)


def _distance(formula: Callable[[Builder, Any], Any]) -> Row:
    def row(g: Builder, x: Any, target: Any, reduction: int = 1) -> Any:
        return _reduced(g, formula(g, g.Sub(x, g.cast(target, x.dtype))), reduction)

    return row


def _smooth_l1(g: Builder, x: Any, target: Any, reduction: int = 1, beta: float = 1.0) -> Any:
    apart = g.Abs(g.Sub(x, target))
    if beta == 0:
        return _reduced(g, apart, reduction)
    near = g.Mul(g.Mul(apart, apart), 0.5 / beta)
    return _reduced(g, g.Where(g.Less(apart, beta), near, g.Sub(apart, 0.5 * beta)), reduction)


def _huber(g: Builder, x: Any, target: Any, reduction: int = 1, delta: float = 1.0) -> Any:
    apart = g.Abs(g.Sub(x, target))
    near, far = g.Mul(g.Mul(apart, apart), 0.5), g.Mul(g.Sub(apart, 0.5 * delta), delta)
    return _reduced(g, g.Where(g.LessOrEqual(apart, delta), near, far), reduction)


def _binary_cross_entropy(g: Builder, x: Any, target: Any, weight: Any = None, reduction: int = 1) -> Any:
    # Logarithms are not below -100.
    one, two = (g.Max(g.Log(value), -100.0) for value in (x, g.Sub(g.number(1, x.dtype), x)))
    loss = g.Neg(g.Add(g.Mul(target, one), g.Mul(g.Sub(g.number(1, x.dtype), target), two)))
    return _reduced(g, loss if weight is None else g.Mul(loss, weight), reduction)


def _with_logits(g: Builder, x: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: int = 1) -> Any:
    soft = g.Softplus(g.Neg(g.Abs(x)))
    low = g.Add(soft, g.Max(g.Neg(x), 0.0))  # -log sigmoid(x)
    if pos_weight is not None:
        factor = g.Add(g.Mul(g.Sub(pos_weight, 1.0), target), 1.0)
        low = g.Mul(low, factor)
    loss = g.Add(g.Mul(g.Sub(g.number(1, x.dtype), target), x), low)
    return _reduced(g, loss if weight is None else g.Mul(loss, weight), reduction)


def _kl_div(g: Builder, x: Any, target: Any, reduction: int = 1, *, log_target: bool = False) -> Any:
    if log_target:
        loss = g.Mul(g.Exp(target), g.Sub(target, x))
    else:
        safe = g.where(g.Greater(target, 0), target, 1.0, target.dtype)
        loss = g.Sub(g.Mul(target, g.Log(safe)), g.Mul(target, x))
    return _reduced(g, loss, reduction)


ROWS: dict[str, Row] = {
    "cross_entropy_loss": _cross_entropy, "nll_loss": _nll_loss, "nll_loss_nd": _nll_loss, "nll_loss2d": _nll_loss,
    "mse_loss": _distance(lambda g, x: g.Mul(x, x)), "l1_loss": _distance(lambda g, x: g.Abs(x)), "smooth_l1_loss": _smooth_l1,
    "huber_loss": _huber, "binary_cross_entropy": _binary_cross_entropy, "binary_cross_entropy_with_logits": _with_logits,
    "kl_div": _kl_div,
    "soft_margin_loss": lambda g, x, target, reduction=1: _reduced(
        g, g.Softplus(g.Neg(g.Mul(x, g.cast(target, x.dtype)))), reduction
    ),
}  # fmt: skip

