"""Connectionist temporal classification (Graves and others 2006)."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...ops.from_data import tensor
from ...ops.one_node import one_node
from .. import _reduction

_NEVER = -1e30
"""The logarithm of a probability of 0: finite, so that gradients stay numbers."""


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
    loss of targets that are too long for their input 0.
    """
    _reduction.check(reduction)
    alone = log_probs.dim() == 2
    if alone:
        log_probs = log_probs.unsqueeze(1)
        targets = targets.unsqueeze(0) if targets.dim() == 1 else targets
    lengths_in, lengths = _lengths("input_lengths", input_lengths), _lengths("target_lengths", target_lengths)
    samples = log_probs.size(1)
    if log_probs.dim() != 3 or not 1 <= targets.dim() <= 2:
        raise RuntimeError(
            f"Expected 3-dimensional 'log_probs' and 1 to 2 dimensions for 'targets', but got {log_probs.dim()} and "
            f"{targets.dim()} (while checking arguments for ctc_loss_allocate_outputs)"
        )
    frames = log_probs.size(0)
    for name, given in (("input_lengths", lengths_in), ("target_lengths", lengths)):
        if len(given) != samples:
            raise RuntimeError(f"{name} must be of size batch_size")
    for name, given in (("input_lengths", lengths_in), ("target_lengths", lengths)):
        if given and min(given) < 0:
            raise RuntimeError(
                f"Expected {name} to have value at least 0, but got value {min(given)} (while checking arguments for "
                "ctc_loss_cpu)"
            )
    if lengths_in and max(lengths_in) > frames:
        raise RuntimeError(
            f"Expected input_lengths to have value at most {frames}, but got value {max(lengths_in)} "
            "(while checking arguments for ctc_loss_cpu)"
        )
    rows = _rows(targets, lengths)
    loss = _losses(log_probs, rows, lengths_in, lengths, blank)
    if zero_infinity:
        loss = flambeau.where(loss == math.inf, 0.0, loss)
    if reduction == "mean":
        divisors = tensor([max(length, 1) for length in lengths], dtype=loss.dtype)
        return (loss / divisors).mean()
    if reduction == "sum":
        return loss.sum()
    return loss.squeeze(0) if alone else loss


def _lengths(name: str, given: Any) -> list[int]:
    if isinstance(given, Tensor):
        if given.dtype.category != 1:
            raise RuntimeError(f"{name} must be integral")
        given = given.reshape(-1)
    values = given.tolist() if isinstance(given, Tensor) else list(given)
    return [int(value) for value in (values if isinstance(values, list) else [values])]


def _rows(targets: Tensor, lengths: list[int]) -> Tensor:
    """The targets as one row a sample, padded with zeros to the longest."""
    longest = max(lengths, default=0)
    if targets.dim() == 2:
        return targets[:, :longest].long()
    flat = targets.tolist()
    if len(flat) != sum(lengths):
        raise RuntimeError(
            f"Expected tensor to have size {sum(lengths)} at dimension 0, but got size {len(flat)} for argument #2 'targets' "
            "(while checking arguments for ctc_loss_allocate_outputs)"
        )
    rows, start = [], 0
    for length in lengths:
        rows.append([*flat[start : start + length], *[0] * (longest - length)])
        start += length
    return tensor(rows, dtype=flambeau.long).reshape(len(lengths), longest)


@one_node("CtcLossBackward0")
def _losses(log_probs: Tensor, rows: Tensor, lengths_in: list[int], lengths: list[int], blank: int) -> Tensor:
    """What each sample loses, infinite where its target is too long for its input."""
    loss = _negative_logarithms(log_probs, rows, lengths_in, lengths, blank)
    return loss.masked_fill(loss > -_NEVER / 2, math.inf)  # type: ignore[no-any-return]


def _negative_logarithms(
    log_probs: Tensor, rows: Tensor, lengths_in: list[int], lengths: list[int], blank: int
) -> Tensor:
    """The forward recursion over frames, for all samples and all places of the targets at once."""
    samples, longest = rows.shape
    places = 2 * longest + 1
    # Blanks around and between the labels.
    extended = flambeau.full((samples, places), blank, dtype=flambeau.long)
    extended[:, 1::2] = rows
    # A label may follow the one before it without a blank between them, unless they are the same.
    skips = flambeau.zeros(samples, places, dtype=flambeau.bool)
    skips[:, 3::2] = extended[:, 3::2].ne(extended[:, 1:-2:2])
    scores = log_probs.gather(2, extended.unsqueeze(0).expand(log_probs.size(0), -1, -1))
    start = flambeau.arange(places).unsqueeze(0) < 2
    alpha = flambeau.where(start, scores[0], _NEVER)
    nothing = alpha.new_full((samples, 2), _NEVER)
    ends = tensor(lengths_in).unsqueeze(1)
    for frame in range(1, log_probs.size(0)):
        padded = flambeau.cat([nothing, alpha], 1)
        jumped = padded[:, :-2].masked_fill(~skips, _NEVER)
        arrived = flambeau.stack([alpha, padded[:, 1:-1], jumped]).logsumexp(0) + scores[frame]
        # Probabilities stay what they are once a sample's input has ended.
        alpha = flambeau.where(ends > frame, arrived.clamp_min(_NEVER), alpha)
    last = tensor([2 * length for length in lengths]).unsqueeze(1)
    final = flambeau.cat([alpha.gather(1, last), alpha.gather(1, (last - 1).clamp_min(0))], 1)
    # An empty target has one place to end at, not two.
    final = flambeau.where(flambeau.cat([last >= 0, last > 0], 1), final, _NEVER)
    return -final.logsumexp(1)
