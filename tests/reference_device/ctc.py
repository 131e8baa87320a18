"""Connectionist temporal classification, state by state: blanks and labels in turn, as papers have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from flambeau.graph.dtypes import DType, int64
from flambeau.kernels.kernel import Alignment, Call, Operand, Strided

from . import memory
from .arguments import Arguments
from .programs import places_of
from .runner import Kernel
from .templates import contiguous, store_contiguous

OPERANDS = 4
"""The log-probabilities, the targets, and both lengths: two arguments each, and then the errors."""


class Sample:
    """The frames (length, labels) of a sample, and its states: blanks around and between the labels."""

    def __init__(self, frames: np.ndarray, target: np.ndarray, blank: int) -> None:
        self.states = np.full(2 * len(target) + 1, blank)
        self.states[1::2] = target
        self.frames = frames

    def alphas(self) -> np.ndarray:
        """The logarithm of what the alignments at each state by each frame have together."""
        before = np.full(len(self.states) + 2, -np.inf)
        before[2] = 0  # at the first blank, before the first frame
        rows = [before[2:]]
        different = np.append([False, False], self.states[2:] != self.states[:-2]) & (
            np.arange(len(self.states)) % 2 == 1
        )
        for frame in self.frames:
            skipping = np.where(different, before[:-2], -np.inf)
            row = np.logaddexp(np.logaddexp(before[2:], before[1:-1]), skipping) + frame[self.states]
            before = np.append([-np.inf, -np.inf], row)
            rows.append(row)
        return np.array(rows)

    def total(self, alphas: np.ndarray) -> float:
        return float(np.logaddexp.reduce(alphas[-1][-2:]))

    def shares(self, labels: int) -> np.ndarray:
        """How probable each label is at each frame: alignments forwards and backwards, the frame counted once."""
        there = self.alphas()[1:]
        turned = Sample(self.frames[::-1], self.states[1::2][::-1], int(self.states[0]))
        back = turned.alphas()[1:][::-1, ::-1]
        both = there + back
        probable = np.exp(both - self.frames[:, self.states] - self.total(there))
        result = np.zeros((len(self.frames), labels))
        np.add.at(result, (slice(None), self.states), np.where(both == -np.inf, 0, probable))
        return result


def samples_of(p: Alignment, d: DType, arguments: Arguments, errors: int | None) -> Iterator[Sample]:
    """The samples; what is wrong with a length or a label counts as 0, and is reported if there is an error for it."""
    log_probs = memory.read(
        arguments.address(0), d.numpy, places_of((p.frames, p.samples, p.labels), p.log_probs.strides)
    )
    targets = contiguous(arguments.address(2), int64.numpy, (p.total,))
    lengths, counts = (contiguous(arguments.address(at), int64.numpy, (p.samples,)) for at in (4, 6))

    def report(number: int, bad: np.ndarray, values: np.ndarray) -> None:
        if errors is not None:
            arguments.report(errors + number, np.atleast_1d(bad), np.atleast_1d(values))

    for number, (bad, values) in enumerate(
        [(lengths < 0, lengths), (lengths > p.frames, lengths), (counts < 0, counts)]
    ):
        report(number, bad, values)
    kept = np.clip(counts, 0, p.total)
    starts = np.cumsum(kept) - kept if p.joined else np.arange(p.samples) * p.pitch
    long = starts + kept > p.total if p.joined else counts > p.pitch
    unequal = p.joined and starts[-1] + kept[-1] != p.total
    report(3, long | unequal, starts + kept if p.joined else counts)
    bad = (lengths < 0) | (lengths > p.frames) | (counts < 0) | long
    for number in range(p.samples):
        length, count = (0, 0) if bad[number] else (lengths[number], counts[number])
        target = targets[starts[number] : starts[number] + count]
        wrong = (target < 0) | (target >= p.labels)
        report(4, wrong, target)
        yield Sample(log_probs[:length, number].astype(np.float64), np.where(wrong, 0, target), p.blank)


def lower_ctc_loss(d: DType, p: Alignment, loss: Operand, states: Operand) -> list[Call]:
    def run(arguments: Arguments) -> None:
        errors = 2 * OPERANDS
        results = [-sample.total(sample.alphas()) for sample in samples_of(p, d, arguments, errors)]
        store_contiguous(arguments.address(errors + len(p.errors)), np.array(results, d.numpy))

    operands = [p.log_probs.base, p.targets, p.lengths, p.target_lengths]
    return [_call("ctc loss", d, p, run, [*operands, *p.errors, loss, states], operands, (loss, states))]


def lower_ctc_gradient(
    d: DType, p: Alignment, zero_infinity: bool, grad: Strided, loss: Operand, states: Operand, result: Operand
) -> list[Call]:
    def run(arguments: Arguments) -> None:
        grads = memory.read(arguments.address(2 * OPERANDS), d.numpy, places_of((p.samples,), grad.strides))
        losses = contiguous(arguments.address(2 * OPERANDS + 2), d.numpy, (p.samples,))
        results = np.zeros((p.frames, p.samples, p.labels))
        for number, sample in enumerate(samples_of(p, d, arguments, None)):
            length = len(sample.frames)
            if np.isinf(losses[number]):
                results[:length, number] = 0 if zero_infinity else np.nan
            elif length:
                slopes = np.exp(sample.frames) - sample.shares(p.labels)
                results[:length, number] = slopes * np.broadcast_to(grads, p.samples)[number]
        store_contiguous(arguments.address(2 * OPERANDS + 6), results.astype(d.numpy))

    operands = [p.log_probs.base, p.targets, p.lengths, p.target_lengths, grad.base, loss, states]
    name = f"ctc gradient {zero_infinity} {grad.strides}"
    return [_call(name, d, p, run, [*operands, result], operands, (result,))]


def _call(
    name: str, d: DType, p: Alignment, run: object, arguments: list[object], reads: Sequence[Operand], writes: tuple[Operand, ...]
) -> Call:  # fmt: skip
    key = f"{name} {d.name} {p[:7]} {p.log_probs.strides}"
    return Call(Kernel(key, run), arguments, 1, reads=tuple(dict.fromkeys(reads)), writes=writes, label=name)  # type: ignore[arg-type]
