"""Connectionist temporal classification (Graves and others 2006)."""

from __future__ import annotations

import math
from operator import index
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...graph.checks import Check
from ...ops.ctc import LONG_LENGTH, LONG_TARGET, NEGATIVE_LENGTH, NEGATIVE_TARGET, UNEQUAL_TARGETS, ctc_losses
from ...ops.from_data import tensor
from .. import _reduction


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Negative log-probability of the target sequences, summed over all their alignments with the input.

    ``log_probs`` (T, N, C) or (T, C); ``targets`` (N, S), or all targets one after the other; the lengths are tensors
    or tuples of N numbers. "mean" divides each sample's loss by its target's length first. ``zero_infinity`` makes the
    loss of targets that are too long for their input 0. The gradient is that of log-probabilities which add up to 1, as
    ``log_softmax`` gives them; as in PyTorch, it cannot be differentiated again.
    """
    _reduction.check(reduction)
    alone = log_probs.dim() != 3
    if alone:
        log_probs = log_probs.unsqueeze(1)
    if isinstance(input_lengths, Tensor) is not isinstance(target_lengths, Tensor):
        raise _wrong_lengths(input_lengths, target_lengths)
    lengths = _lengths("input_lengths", input_lengths)
    target_lengths = _lengths("target_lengths", target_lengths)
    _check(log_probs, targets, lengths, target_lengths, blank)
    counts = _as_tensor(target_lengths)
    loss = ctc_losses(log_probs, targets, _as_tensor(lengths), counts, blank, zero_infinity)
    if zero_infinity:
        loss = flambeau.where(loss == math.inf, 0.0, loss)
    if reduction == "mean":
        return (loss / counts.to(loss.dtype).clamp_min(1)).mean()
    if reduction == "sum":
        return loss.sum()
    return loss.squeeze(0) if alone else loss


def _lengths(name: str, given: Any) -> Any:
    """Lengths as one row of integers, in a tensor or a list."""
    if isinstance(given, Tensor):
        if given.dtype.category != 1:
            raise RuntimeError(f"{name} must be integral")
        return given.reshape(-1)
    if not isinstance(given, (tuple, list)):
        raise _wrong_lengths(given)
    return [index(length) for length in given]


def _wrong_lengths(*given: Any) -> TypeError:
    names = ", ".join(type(each).__name__ for each in given)
    return TypeError(f"ctc_loss(): both lengths must be tensors or both tuples of ints, not {names}")


def _as_tensor(lengths: Any) -> Tensor:
    return lengths if isinstance(lengths, Tensor) else tensor(lengths, dtype=flambeau.long)


def _check(log_probs: Tensor, targets: Tensor, lengths: Any, target_lengths: Any, blank: int) -> None:
    """What is wrong with shapes, and with lengths that are Python's numbers."""
    if log_probs.numel() == 0:
        raise RuntimeError("log_probs tensor must not be empty")
    where = "(while checking arguments for ctc_loss_allocate_outputs)"
    if log_probs.dim() != 3:
        raise RuntimeError(
            f"Expected 3-dimensional tensor, but got {log_probs.dim()}-dimensional tensor for argument #1 'log_probs' {where}"
        )
    if not 1 <= targets.dim() <= 2:
        raise RuntimeError(
            f"Expected 1 to 2 dimensions, but got {targets.dim()}-dimensional tensor for argument #2 'targets' {where}"
        )
    frames, samples, labels = log_probs.shape
    if not 0 <= blank < labels:
        raise RuntimeError("blank must be in label range")
    for name, given in (("input_lengths", lengths), ("target_lengths", target_lengths)):
        if len(given) != samples:
            raise RuntimeError(f"{name} must be of size batch_size")
    if targets.dim() == 2 and targets.size(0) != samples:
        _refuse(Check(RuntimeError, UNEQUAL_TARGETS.words), samples, targets.size(0))
    if isinstance(lengths, list):
        if min(lengths) < 0:
            _refuse(NEGATIVE_LENGTH, min(lengths))
        if max(lengths) > frames:
            _refuse(LONG_LENGTH, next(length for length in lengths if length > frames), frames)
    if isinstance(target_lengths, list):
        if min(target_lengths) < 0:
            _refuse(NEGATIVE_TARGET, min(target_lengths))
        if targets.dim() == 1 and sum(target_lengths) != targets.size(0):
            _refuse(UNEQUAL_TARGETS, sum(target_lengths), targets.size(0))
        if targets.dim() == 2 and max(target_lengths) > targets.size(1):
            _refuse(LONG_TARGET, max(target_lengths), targets.size(1))


def _refuse(check: Check, value: int, size: int = 0) -> None:
    raise check.exception(value, 0, size, "")
