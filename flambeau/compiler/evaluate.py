"""Evaluating a trace: which of its values are needed, the plan for that, the run, and what happens when it fails."""

from __future__ import annotations

from collections.abc import Sequence
from threading import get_ident
from time import perf_counter_ns
from typing import Any

import numpy as np

from ..graph import trace as recording
from ..graph.cuts import note_loop
from ..graph.places import node_at, places_of
from ..graph.primitives import LEAF
from ..graph.segments import expanded
from ..graph.steps import Step, chain_to, count_steps, note_use, remember_plan
from ..graph.trace import Node, Trace, local
from ..interpreter.holders import shared
from ..kernels.contract import Device, device_called
from ..kernels.kernel import Late
from .assemble import AssembledPlan
from .families import planned, planned_for_any_size
from .plan import Plan
from .report import Evaluation, listeners, remember
from .running import PlacedPlan

_SEEN = object()
"""Marks a trace that was evaluated one primitive at a time; when it recurs it is worth a fused plan."""


def evaluate_trace(trace: Trace) -> None:
    """Compute every value of ``trace`` that something outside it still holds, and end it.

    Raises what running finds (an index out of range), naming the line that recorded it; values recorded before that
    line are computed, tensors written in place after it keep what they held.
    """
    with trace.lock:
        owned = trace.owner == get_ident()
        if trace.ended:
            if trace.error is not None:
                trace.told |= owned
                raise trace.error.with_traceback(None)
            return
        before = trace.limit
        if not owned:
            # Its owner may be recording at this moment: it records again what it puts behind ``last``. Nothing is called between
            # this and looking where that is.
            trace.limit = recording.CLOSED
        last, skipped = trace.unfinished or trace.cursor, (*trace.skipped,)
        nodes = trace.nodes  # no copy: a second list would make every node seem to be held
        if owned and before == recording.UNLIMITED:
            _look(trace, last, nodes)
            return
        if local.trace is trace:
            local.trace = Trace(trace.device)  # for what a signal's handler, or a finaliser, may record meanwhile
        try:
            late = _run(trace, last, skipped, nodes)
            if trace.error is not None:  # found where a signal's handler has looked at one of the values meanwhile
                raise trace.error.with_traceback(None)
            if late is not None:
                _fail(trace, last, nodes, late)
        finally:
            if not trace.ended:  # it stays as it was, to be evaluated when somebody looks again
                trace.limit = before
            elif trace.error is None:
                trace.limit = recording.CLOSED
                trace.kept.clear()
                # The list itself goes with the trace. Its owner may be about to record a step again, with operands from it.
                for node in nodes:
                    node.trace = None


def _run(trace: Trace, last: Step, skipped: tuple[Any, ...], nodes: list[Node]) -> Late | None:
    """Find or make the plan, and run it.

    The last step keeps plans by which of all places are held, and besides, to find them fast, by which of the nodes that
    there are in the list are, and what is skipped there.
    """
    if last.depth == 0:
        trace.ended = True
        return None
    began = perf_counter_ns() if listeners else 0
    held = bytes(shared(nodes))
    key = held, skipped
    note_use(last, _same_steps)
    placed: PlacedPlan | None = last.plans.get(key)
    if placed is None:
        placed = _placed(device_called(trace.device), last, held, places_of(skipped, last.depth))
        if placed.plan.fused or placed.plan.loops or recording.EAGER:
            remember_plan(last, key, placed)
    if not began:
        remember(placed.plan, None)
        return placed.run(trace, nodes)
    planned = perf_counter_ns()
    timings: list[np.ndarray] = []
    late = placed.run(trace, nodes, timings)
    evaluation = Evaluation(placed.plan, [int(time) for times in timings for time in times], began, planned, perf_counter_ns())
    remember(placed.plan, evaluation.times)
    for listen in tuple(listeners):
        listen(evaluation)
    return late


def _placed(device: Device, last: Step, held: bytes, places: Sequence[int]) -> PlacedPlan:
    """The plan for a trace, made if need be, for a list of nodes that are at ``places`` and are held or not."""
    live = bytearray(last.depth)
    for place, flag in zip(places, held):
        live[place] = flag
    values = bytes(live)
    known = last.plans.get(values)
    if known is None or known is _SEEN:
        known = _made(device, last, values, known is _SEEN)
    return PlacedPlan(known, places)


def _made(device: Device, last: Step, live: bytes, again: bool) -> Plan | AssembledPlan:
    """The plan for a trace that has none: it is new, or it was seen once and runs ``again``."""
    plan: Plan | AssembledPlan | None
    chain = chain_to(last)
    if recording.EAGER:
        plan = planned(device, expanded(chain), live, fuse=False)
    elif again:
        plan = planned(device, expanded(chain), live, fuse=True)
    else:
        plan = planned_for_any_size(device, chain, live)
        if plan is None:
            plan = AssembledPlan(device, chain, live)
            if not plan.loops:
                remember_plan(last, live, _SEEN)
                return plan
            note_loop(last.depth)
    remember_plan(last, live, plan)
    if not last.passing:  # else it goes with the trace
        count_steps(plan.kept_bytes)
    return plan


def _same_steps(last: Step, other: Step) -> bool:
    """Whether the traces that end in two steps are of the same steps, recorded by whatever composites."""
    mine, theirs = chain_to(last), chain_to(other)
    return mine[0].parent is theirs[0].parent and all(
        [
            a.primitive is b.primitive and a.attributes == b.attributes and tuple(a.operands) == tuple(b.operands)
            and a.shape == b.shape and a.dtype is b.dtype and a.compute is b.compute
            for a, b in zip(expanded(mine), expanded(theirs), strict=True)
        ]
    )  # fmt: skip


def _look(trace: Trace, last: Step, nodes: list[Node]) -> None:
    """Compute values recorded up to ``last``, while the steps of a composite are recorded behind it. The trace goes on."""
    trace.looked = True
    if last.depth:
        places = places_of(trace.skipped, last.depth)
        live = bytearray(last.depth)
        for place, flag in zip(places, shared(nodes)):
            live[place] = flag
        steps = expanded(chain_to(last))
        for place, step in enumerate(steps):
            if step.primitive is LEAF:
                live[place] = True  # their memory is read again
        plan = planned(device_called(trace.device), steps, bytes(live), fuse=False)
        late = PlacedPlan(plan, places, ends=False).run(trace, nodes)
        if late is not None:
            raise _exception(late, trace.sites.get(late.place))


def _fail(trace: Trace, last: Step, nodes: list[Node], late: Late) -> None:
    """Undo what was written in place after the failing step, compute what does not follow from it, and raise."""
    place = late.place
    error = _exception(late, trace.sites.get(place))
    for recorded_at, owner, attribute, old, new in reversed(trace.rebound):
        target = owner()
        if recorded_at < place or target is None:
            continue
        if (storage := getattr(target, "_storage", None)) is not None:
            target, attribute = storage, "node"
        if new is not None and new() is not getattr(target, attribute):
            continue  # another thread has written since
        setattr(target, attribute, node_at(trace, old) if type(old) is int else old)
        if attribute == "node":
            target.version += 1
    trace.error = error
    trace.told = trace.owner == get_ident()
    trace.limit = recording.CLOSED
    try:
        again = _run_others(trace, last, place, nodes)
    finally:
        trace.ended = True
    if again is not None:
        error = trace.error = _exception(again, trace.sites.get(again.place))
    raise error


def _run_others(trace: Trace, last: Step, place: int, nodes: list[Node]) -> Late | None:
    """Compute what does not follow from the failing step at ``place``, nor from later ones that may fail."""
    steps = expanded(chain_to(last))
    lost: set[Any] = {place}
    for at, step in enumerate(steps):
        if at > place and (step.primitive.late or any(source in lost for source, _ in step.operands)):
            lost.add(at)
    places = places_of(trace.skipped, last.depth)
    live = bytearray(last.depth)
    for at in places:
        live[at] = at not in lost
    plan = planned(device_called(trace.device), steps, bytes(live), fuse=False, checked=place)
    return PlacedPlan(plan, places).run(trace, nodes)


def _exception(late: Late, site: tuple[str, int] | None) -> Exception:
    """PyTorch's exception for a late error, with the line that recorded the operation."""
    where = "" if site is None else f' (recorded at File "{site[0]}", line {site[1]})'
    return late.check.exception(late.value, late.dim, late.extent, where)


recording.evaluate_trace.append(evaluate_trace)
