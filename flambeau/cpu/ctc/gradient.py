"""The gradient: the recursion over frames, backwards, and how probable each label is at each frame."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...kernels.kernel import Alignment, Call, Operand, Strided
from ..ir import Kernel, KernelBuilder, Module
from ..lanes import sum_of_lanes
from ..values import LANES, Pointer, Type, Value, where
from ..vector_math import FUNCTIONS
from ..zeros import emit_zero
from .sample import NEVER, Sample, arguments, arguments_of, logsumexp, reads_of, room

FIELDS = "zero_infinity grad_step &grad &loss &states &result"
ROWS = 4


def lower_ctc_gradient(
    type: Type, problem: Alignment, zero_infinity: bool, grad: Strided, loss: Operand, states: Operand, result: Operand
) -> list[Call]:
    """The call that computes the gradient of the log-probabilities from those of the losses."""
    wanted = {
        **arguments_of(problem), "zero_infinity": int(zero_infinity), "grad_step": grad.strides[0], "grad": grad.base,
        "loss": loss, "states": states, "result": result,
    }  # fmt: skip
    kernel = Kernel(f"ctc gradient {type} joined{problem.joined:d}", partial(_emit, type, problem.joined))
    scratch = room(problem) * (4 + (1 + ROWS) * type.bytes)
    reads = tuple(dict.fromkeys((*reads_of(problem), grad.operand, loss, states)))
    return [
        Call(
            kernel, arguments(FIELDS).values(**wanted), problem.samples, scratch, reads, (result,), label="ctc gradient"
        ),
    ]


def _emit(type: Type, joined: bool, module: Module, name: str) -> None:
    b = KernelBuilder(module, name)
    a = arguments(FIELDS).load(b, type)
    sample = Sample(b, a, type, joined, reports=False)
    _Backwards(sample, a).write()
    b.finish()


class _Backwards:
    """``labels`` and ``blanks``: what the alignments from each state at the frame behind on have together."""

    def __init__(self, sample: Sample, a: Any) -> None:
        self.sample, self.a, self.b = sample, a, sample.b
        self.labels, self.blanks, self.reaching, self.shares = (sample.row(sample.type) for _ in range(ROWS))
        self.loss: Value = a.loss[sample.number]
        self.grad: Value = a.grad[sample.number * a.grad_step]

    def write(self) -> None:
        b, a, sample = self.b, self.a, self.sample
        infinite = self.loss.equals(float("inf"))
        ignored = infinite & a.zero_infinity.differs(0)
        length = where(ignored, 0, sample.length)
        with b.loop(length, a.frames) as frame:
            emit_zero(b, self._row(frame), a.labels)
        # Behind the last frame all are at the last blank.
        with b.loop(0, sample.count + LANES) as k:
            self.labels[k], self.blanks[k] = NEVER, NEVER
        self.blanks[sample.count] = 0
        with b.loop(0, length) as passed:
            self._frame(length - 1 - passed)

    def _row(self, frame: Value) -> Pointer:
        """Where a frame's gradients go."""
        return self.a.result + (frame * self.a.samples + self.sample.number) * self.a.labels  # type: ignore[no-any-return]

    def _frame(self, frame: Value) -> None:
        b, a, sample = self.b, self.a, self.sample
        log_probs, result = sample.log_probs + frame * a.frame_step, self._row(frame)
        # An infinite loss has no gradient: it is NaN.
        none = (self.loss - self.loss).broadcast()
        for label, mask in b.vectors(0, a.labels):
            probability = FUNCTIONS["exp"]((log_probs + label).load(LANES, mask))
            (result + label).store((probability + none) * self.grad.broadcast(), mask)
        total = self._advance(log_probs, a.states + (sample.first + frame * sample.width), log_probs[a.blank])
        result[a.blank] = result[a.blank] - total * self.grad
        with b.loop(0, sample.count) as k:
            label = sample.labels[k].cast("sext", "i64")
            result[label] = result[label] - self.shares[k] * self.grad

    def _advance(self, frame: Pointer, before: Pointer, blank: Value) -> Value:
        """The states at a frame from those behind it. How probable those of labels are goes to ``shares``; how probable the
        blanks are together is the result."""
        b, sample = self.b, self.sample
        count = sample.count
        with sample.vectors(count + 1) as (k, _):
            both = logsumexp((self.blanks + k).load(LANES), (self.labels + k).load(LANES))
            (self.reaching + k).store(both)
        of_blanks = b.variable(b.constant(sample.type.vector(), 0))
        with sample.vectors(count + 1) as (k, mask):
            skips = (sample.skips + (k + 1)).load(LANES)
            leading = where(skips.equals(0), (self.reaching + (k + 1)).load(LANES), (self.blanks + (k + 1)).load(LANES))
            log_probs = sample.of_labels(frame, k)
            labels = logsumexp((self.labels + k).load(LANES), leading) + log_probs
            labels = where(b.first_lanes((count - k).at_least(0)), labels, NEVER)
            blanks = where(mask, (self.reaching + k).load(LANES) + blank, NEVER)
            (self.labels + k).store(labels)
            (self.blanks + k).store(blanks)
            (self.shares + k).store(self._share(before + (k + 1), labels, log_probs, mask))
            shares = self._share(before + (k + count + 2), blanks, blank.broadcast(), mask)
            of_blanks.value = of_blanks.value + shares
        return sum_of_lanes(of_blanks.value)

    def _share(self, before: Pointer, behind: Value, log_probs: Value, mask: Value) -> Value:
        """How probable states are: what leads to them and what leads on, at this frame counted once, of all that there is."""
        both = before.load(LANES, mask, NEVER) + behind
        return where(both.equals(NEVER), 0, FUNCTIONS["exp"](both - log_probs + self.loss))
