"""The loss: the recursion over frames, forwards."""

from __future__ import annotations

from functools import partial

from ...kernels.kernel import Alignment, Call, Operand
from ..ir import Kernel, KernelBuilder, Module
from ..values import LANES, Pointer, Type, Value, where
from .sample import ERRORS, NEVER, Sample, arguments, arguments_of, logsumexp, reads_of, room


def lower_ctc_loss(type: Type, problem: Alignment, loss: Operand, states: Operand) -> list[Call]:
    """The call that computes each sample's loss, and keeps the rows of its states."""
    wanted = {**arguments_of(problem), **dict(zip(ERRORS.split(), problem.errors)), "loss": loss, "states": states}
    values = arguments(ERRORS, "&loss &states").values(**wanted)
    kernel = Kernel(f"ctc loss {type} joined{problem.joined:d}", partial(_emit, type, problem.joined))
    scratch = room(problem) * (4 + 3 * type.bytes)
    return [
        Call(kernel, values, problem.samples, scratch, reads_of(problem), (loss, states), label="ctc loss"),
    ]


def _emit(type: Type, joined: bool, module: Module, name: str) -> None:
    b = KernelBuilder(module, name)
    a = arguments(ERRORS, "&loss &states").load(b, type)
    sample = Sample(b, a, type, joined, reports=True)
    count = sample.count
    # Before the first frame all are at the first blank.
    row = sample.row(type)
    with b.loop(0, sample.width) as place:
        row[place] = NEVER
    row[count + 2] = 0
    previous = b.variable(row)
    with b.loop(0, sample.length) as frame:
        here = a.states + (sample.first + frame * sample.width)
        here[0] = NEVER
        _advance(sample, sample.log_probs + frame * a.frame_step, previous.value, here)
        previous.value = here
    last: Pointer = previous.value
    a.loss[sample.number] = -logsumexp(last[count * 2 + 2], last[count])
    b.finish()


def _advance(sample: Sample, frame: Pointer, before: Pointer, here: Pointer) -> None:
    """The states at a frame from those before it: a blank is reached from itself and from the label before, a label from itself,
    from the blank before and, unless that is the same, from the label before."""
    a, count = sample.a, sample.count
    blanks = count + 2
    blank = frame[a.blank].broadcast()
    with sample.vectors(count + 1) as (k, mask):

        def states(start: Value | int) -> Value:
            return (before + k + start).load(LANES, mask, NEVER)

        blank_before, label_before = states(blanks), states(0)
        reaching_blank = logsumexp(blank_before, label_before)
        (here + k + blanks).store(reaching_blank + blank, mask)
        skips = (sample.skips + k).load(LANES, mask)
        reaching = logsumexp(states(1), where(skips.equals(0), reaching_blank, blank_before))
        (here + k + 1).store(reaching + sample.of_labels(frame, k), mask)
