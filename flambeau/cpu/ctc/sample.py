"""What the kernels of the loss and of its gradient have in common: a sample's frames, and its target."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...kernels.kernel import Alignment, Operand
from ..arguments import Arguments
from ..ir import KernelBuilder
from ..loops.body import report_error
from ..values import BYTE, LANES, Pointer, Type, Value, where
from ..vector_math import FUNCTIONS

INDICES = Type.of("i64")
NEVER = float("-inf")

FIELDS = (
    "frames samples labels blank pitch total room frame_step sample_step &log_probs &targets &lengths &target_lengths"
)
ERRORS = "negative_length long_length negative_target long_target wrong_label"


def arguments_of(problem: Alignment) -> dict[str, Any]:
    """The arguments of both kernels. A tile has scratch memory for rows of ``room`` elements."""
    frame_step, sample_step, _ = problem.log_probs.strides
    return {
        "frames": problem.frames, "samples": problem.samples, "labels": problem.labels, "blank": problem.blank,
        "pitch": problem.pitch, "total": problem.total, "room": room(problem),
        "frame_step": frame_step, "sample_step": sample_step, "log_probs": problem.log_probs.base,
        "targets": problem.targets, "lengths": problem.lengths, "target_lengths": problem.target_lengths,
    }  # fmt: skip


def room(problem: Alignment) -> int:
    """For how many states of a kind there is room in scratch memory: the longest target there may be, and vectors that go
    beyond it."""
    longest = problem.total if problem.joined else problem.pitch
    return (longest + 3 * LANES) // LANES * LANES


def reads_of(problem: Alignment) -> tuple[Operand, ...]:
    """What both kernels read."""
    return problem.log_probs.operand, problem.targets, problem.lengths, problem.target_lengths


def logsumexp(x: Value, y: Value) -> Value:
    """log(e**x + e**y) of numbers that are less than infinity; NaN wins."""
    smaller = x < y
    low, high = where(smaller, x, y), where(smaller, y, x)
    return high + FUNCTIONS["log1p"](FUNCTIONS["exp"](where(low.equals(NEVER), low, low - high)))


class Sample:
    """A tile's sample: ``length`` frames, ``count`` labels, and in scratch memory what depends on the labels alone.

    Lengths and labels that are wrong count as 0, and are reported if there are errors among the arguments (``reports``).
    """

    def __init__(self, b: KernelBuilder, a: Any, type: Type, joined: bool, reports: bool) -> None:
        self.b, self.a, self.type, self.joined = b, a, type, joined
        self.number = b.tile
        self.scratch = b.scratch
        self.log_probs: Pointer = a.log_probs.of(type) + self.number * a.sample_step
        lengths, target_lengths = a.lengths.of(INDICES), a.target_lengths.of(INDICES)
        length, count = lengths[self.number].as_index(), target_lengths[self.number].as_index()
        offset = self._offset(target_lengths)
        end = offset + count.at_least(0).at_most(a.total)
        long = (end > a.total) | (count > a.total) if joined else count > a.pitch
        if reports:
            report_error(b, length < 0, length, a.negative_length)
            report_error(b, length > a.frames, length, a.long_length)
            report_error(b, count < 0, count, a.negative_target)
            if joined:  # that they have all labels together is the last sample's to see
                unequal = (self.number + 1).equals(a.samples) & end.differs(a.total)
                report_error(b, unequal | long, end, a.long_target)
            else:
                report_error(b, long, count, a.long_target)
        bad = (length < 0) | (length > a.frames) | (count < 0) | long
        self.length, self.count = where(bad, 0, length), where(bad, 0, count)
        #: Elements of a row of states.
        self.width = self.count * 2 + 3
        #: Where the sample's rows begin among those of all samples.
        self.first = a.frames * (offset.at_most(a.total) * 2 + self.number * 3)
        self._read_labels(a.targets.of(INDICES) + where(bad, 0, offset), reports)

    def _offset(self, target_lengths: Pointer) -> Value:
        """Where the sample's target begins among all."""
        b, a = self.b, self.a
        if not self.joined:
            return self.number * a.pitch
        total = b.variable(b.index(0))
        with b.loop(0, self.number) as before:
            total.value = total.value + target_lengths[before].as_index().at_least(0).at_most(a.total)
        found: Value = total.value
        return found

    def row(self, type: Type) -> Pointer:
        """The next row of scratch memory, for as many states of a kind as there may be."""
        address = self.scratch.of(type)
        self.scratch = (address + self.a.room).of(BYTE)
        return address

    def _read_labels(self, target: Pointer, reports: bool) -> None:
        """The labels, and for each place -∞ if the label before is the same, for a blank must be between them, else 0."""
        b, a = self.b, self.a
        self.labels = self.row(Type.of("i32"))
        self.skips = self.row(self.type)
        before = b.variable(b.index(-1))
        with b.loop(0, self.count) as k:
            label = target[k].as_index()
            wrong = label.compare("uge", a.labels)
            if reports:
                report_error(b, wrong, label, a.wrong_label)
            label = where(wrong, 0, label)
            self.labels[k] = label.truncate("i32")
            self.skips[k] = where(label.equals(before.value), b.constant(self.type, NEVER), 0)
            before.value = label
        self.skips[self.count] = 0

    @contextmanager
    def vectors(self, count: Value) -> Iterator[tuple[Value, Value]]:
        """Loop over ``count`` states, sixteen at a time: the first one's number, and which of them there are."""
        with self.b.loop(0, count, LANES) as first:
            yield first, self.b.first_lanes(count - first)

    def of_labels(self, frame: Pointer, first: Value) -> Value:
        """The log-probabilities of sixteen labels at a frame; -∞ behind the last one."""
        there = self.b.first_lanes((self.count - first).at_least(0))
        labels = (self.labels + first).load(LANES, there)
        return frame.gather(labels.cast("sext", "i64"), there, NEVER)


def arguments(*more: str) -> Arguments:
    """The arguments of a kernel of samples, and more."""
    return Arguments(FIELDS, *more)
