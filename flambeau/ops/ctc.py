"""Connectionist temporal classification (Graves and others 2006): the losses of samples, and their gradient."""

from __future__ import annotations

from typing import Any

from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph.checks import Check
from ..graph.dtypes import TYPE_NAMES
from ..graph.primitives import COPY, CTC_GRADIENT, CTC_LOSS
from ..graph.trace import record, record_outputs
from .dispatch import with_history
from .views import contiguous_node

_WHILE = "(while checking arguments for ctc_loss_allocate_outputs)"


def _length(name: str, bound: str) -> Check:
    return Check(RuntimeError, f"Expected {name} to have value at {bound}, but got value {{value}} {_WHILE}")


def _size(bound: str, dimension: int) -> Check:
    words = f"Expected tensor to have size {bound}{{value}} at dimension {dimension}, but got size {{size}} for argument #2 "
    return Check(RuntimeError, f"{words}'targets' {_WHILE}")


NEGATIVE_LENGTH, LONG_LENGTH = _length("input_lengths", "least 0"), _length("input_lengths", "most {size}")
NEGATIVE_TARGET = _length("target_lengths", "least 0")
LONG_TARGET = _size("at least ", 1)
UNEQUAL_TARGETS = _size("", 0)
WRONG_LABEL = Check(IndexError, "Target {value} is out of bounds.")


def ctc_losses(
    log_probs: Tensor, targets: Tensor, lengths: Tensor, target_lengths: Tensor, blank: int, zero_infinity: bool
) -> Tensor:
    """What each sample loses, infinite where its target is too long for its input.

    ``log_probs`` (T, N, C); ``targets`` (N, S), or all targets one after the other; lengths (N). What is wrong with their values
    is found when they are known. With ``zero_infinity`` an infinite loss has no gradient.
    """
    d = log_probs.dtype
    if d.kind != "float" or d.itemsize == 2:
        raise NotImplementedError(f"\"ctc_loss_cpu\" not implemented for '{TYPE_NAMES[d]}'")
    if log_probs.stride()[-1] != 1:
        log_probs = log_probs.contiguous()
    operands = [
        (log_probs._read(), log_probs._view),
        *((_whole(x.long()), None) for x in (targets, lengths, target_lengths)),
    ]
    frames, samples, _ = log_probs.shape
    unfit = LONG_TARGET if targets.ndim == 2 else UNEQUAL_TARGETS
    checks = (NEGATIVE_LENGTH, LONG_LENGTH, NEGATIVE_TARGET, unfit, WRONG_LABEL)
    kept = frames * (2 * targets.numel() + 3 * samples)
    nodes = record_outputs(CTC_LOSS, ((samples,), d, blank, checks), [((kept,), d, 1)], *operands)
    loss, states = map(Tensor._from_node, nodes)
    saved = [log_probs, *(Tensor._from_node(node) for node, _ in operands[1:]), loss, states]
    return with_history(loss, CtcLossBackward0, saved, (blank, zero_infinity))


def _whole(x: Tensor) -> Any:
    """A node that holds a tensor's elements and has its shape, which tells how targets lie."""
    node = contiguous_node(x)
    return node if node.shape == x.shape else record(COPY, None, (x._read(), x._view))


class CtcLossBackward0(Gradient):
    """``saved``: the loss's operands, the losses, and the states of their recursion."""

    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        log_probs, *others = map(self.input, range(6))
        lengths_and_targets, (loss, states) = others[:3], others[3:]
        read = [(x._read(), x._view) for x in (log_probs, *lengths_and_targets, grad, loss, states)]
        result = Tensor._from_node(record(CTC_GRADIENT, (log_probs.shape, log_probs.dtype, *self.context), *read))
        return with_history(result, NoSecondGradient.named("NotImplemented"), [grad, log_probs], kept=[])


class NoSecondGradient(Gradient):
    """The history of a gradient that PyTorch, too, does not differentiate."""

    def backward(self, grad: Tensor) -> Any:
        raise RuntimeError("derivative for aten::_ctc_loss_backward is not implemented")
