"""Plans are verified: every kind of fault put into a finished plan is seen, and said of the step that has it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

import flambeau
from flambeau.compiler import plan as planning
from flambeau.compiler.accesses import Arguments
from flambeau.compiler.templates import HostCall
from flambeau.compiler.verify import verified
from flambeau.graph.steps import forget_steps
from flambeau.kernels.contract import NEW_PHASE, STOP_ON_ERROR
from flambeau.kernels.kernel import Operand, Shifted


class Held(Exception):
    """Ends the evaluation of the plan that a test was after."""


Look = Callable[[Any, bytes], None]


def hold(program: Callable[[], Any], kernel: str, look: Look) -> None:
    """Have ``look`` see the fused plan with a kernel, and what is live, in the moment when it would be verified.

    The plan is that of the whole program, not of a part: it has most places.
    """
    most = 0

    def fits(plan: Any) -> bool:
        return plan.fused and any(kernel in piece.label for piece in plan.outline._work)

    def measured(plan: Any, live: bytes) -> Any:
        nonlocal most
        most = max(most, len(live) if fits(plan) else 0)
        return verified(plan, live)

    def caught(plan: Any, live: bytes) -> Any:
        if fits(plan) and len(live) == most:
            verified(plan, live)
            look(plan, live)
            raise Held
        return verified(plan, live)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "CHECK", True)
        for seen in (measured, caught):
            patch.setattr(planning, "verified", seen)
            forget_steps()
            with pytest.raises(Held) if seen is caught else nullcontext():
                for _ in range(4):
                    program()


def layers() -> None:
    """Products with epilogues, reductions by rows and by columns, a function of NumPy's, temporaries in turn."""
    x, w = flambeau.ones(40, 30), flambeau.ones(30, 20, requires_grad=True)
    hidden = flambeau.softmax(x @ w, 1)
    ((hidden.sort(1)[0] @ w.T).softmax(0) @ w).sum().backward()
    assert w.grad is not None and w.grad.numpy() is not None


def update() -> None:
    """A parameter's new value takes the old one's memory, behind an index that may be wrong."""
    weight, table, places = flambeau.rand(6, 4), flambeau.rand(9, 4), flambeau.randint(0, 9, (6,))
    for value in (weight, table, places):
        value.numpy()
    picked = table[places] @ table.T
    weight = weight * 0.5 + picked[:, :4] + weight.exp()
    weight.sum(1).numpy()


def writes() -> None:
    """Parts of a value written where numbers say, and parts joined."""
    x = flambeau.zeros(8, 5) + flambeau.ones(5)
    for k in (1, 4):
        x[k : k + 2] = flambeau.ones(5) * 2
    (flambeau.cat([x, x * 2]) * x[2]).sum().item()


def seen(plan: Any, live: bytes, *words: str) -> None:
    """Something is found wrong with a plan, in these words."""
    with pytest.raises(AssertionError) as found:
        verified(plan, live)
    assert any(word in str(found.value) for word in words), found.value


def entries(plan: Any) -> Iterator[tuple[Any, int, Any, int]]:
    """Each argument of each native call: the call, the argument's place, itself, its place among the packed ones."""
    step = 0
    for piece in plan.outline._work:
        if not isinstance(piece, HostCall):
            start = (int(plan._steps[4 * step + 1]) - plan.arguments.ctypes.data) // 8
            for place, argument in Arguments(piece.arguments).at.items():
                yield piece, place, argument, start + place
            step += 1


@pytest.mark.parametrize(("program", "kernel"), [(layers, "matmul"), (update, "exp"), (writes, "join")])
def test_every_argument_and_every_barrier_counts(program: Callable[[], Any], kernel: str) -> None:
    def look(plan: Any, live: bytes) -> None:
        used = {at + part for _, _, argument, at in entries(plan) for part in range(1 + isinstance(argument, Operand))}
        moved = {at for at, *_ in plan.moved}
        for place in used - moved:  # those are written at each run
            plan.arguments[place] += 1
            seen(plan, live, "step")
            plan.arguments[place] -= 1
        for place in range(len(plan._steps) // 4):
            plan._steps[4 * place + 2] += 1
            seen(plan, live, "tiles")
            plan._steps[4 * place + 2] -= 1
            flags = plan._steps[4 * place + 3]
            if flags & NEW_PHASE and place not in {first for first, _ in native(plan)} and tiles_of_phase(plan, place - 1):
                plan._steps[4 * place + 3] = flags & ~NEW_PHASE
                seen(plan, live, "phase")
                plan._steps[4 * place + 3] = flags

    hold(program, kernel, look)


def tiles_of_phase(plan: Any, last: int) -> int:
    """How many tiles the phase has that ends with a step. Behind none a barrier is not needed."""
    tiles = plan._steps[4 * last + 2]
    while last > 0 and not plan._steps[4 * last + 3] & NEW_PHASE:
        last -= 1
        tiles += plan._steps[4 * last + 2]
    return int(tiles)


def native(plan: Any) -> list[tuple[int, int]]:
    return [segment for segment in plan.segments if not isinstance(segment, HostCall)]


def temporaries(plan: Any) -> list[Operand]:
    found = {id(o): o for piece in plan.outline._work for o in (*piece.reads, *piece.writes) if o.slot == 1}
    return list(found.values())


def move(plan: Any, operand: Operand, offset: int) -> None:
    """Have a temporary lie somewhere else, in all arguments."""
    for _, _, argument, at in entries(plan):
        base = argument.base if isinstance(argument, Shifted) else argument
        if base is operand:
            plan.arguments[at + 1] += offset - operand.offset
    operand.offset = offset


@pytest.mark.parametrize("program", [layers, writes])
def test_places_of_temporaries(program: Callable[[], Any]) -> None:
    def look(plan: Any, live: bytes) -> None:
        clashes = 0
        for operand in temporaries(plan):
            before = operand.offset
            move(plan, operand, plan.arena_bytes)
            seen(plan, live, "beyond its slot")
            for other in temporaries(plan):
                move(plan, operand, before)
                together = [{operand, other} & {*piece.reads, *piece.writes} == {operand, other} for piece in plan.outline._work]
                if other is not operand and any(together):
                    move(plan, operand, other.offset + other.bytes - 1)
                    clashes += 1
                    seen(plan, live, "still is", "same phase", "beyond its slot")
            move(plan, operand, before)
        assert clashes

    hold(program, "", look)


def test_what_calls_declare_and_their_order() -> None:
    def look(plan: Any, live: bytes) -> None:
        for piece, _, argument, _ in list(entries(plan)):
            base = argument.base if isinstance(argument, Shifted) else argument
            if isinstance(base, Operand) and (base in piece.reads) != (base in piece.writes):
                reads, written = piece.reads, piece.writes
                piece.reads = tuple(o for o in reads if o is not base)
                piece.writes = tuple(o for o in written if o is not base)
                seen(plan, live, "undeclared")
                piece.reads, piece.writes = reads, written
        groups = list(plan.outline.groups)
        for place in range(len(groups) - 1):
            if set(groups[place].items) & {a.source for i in groups[place + 1].items for a in i.operands if hasattr(a, "source")}:
                plan.outline.groups[place : place + 2] = reversed(groups[place : place + 2])
                seen(plan, live, "from memory with", "not stored")
                plan.outline.groups[:] = groups
        plan.segments.reverse()
        seen(plan, live, "follow each other", "another order")

    hold(layers, "matmul", look)


def test_accesses_beyond_their_memory() -> None:
    """Also where a call says the same in all places."""

    def look(plan: Any, live: bytes) -> None:
        found = 0
        for piece, place, argument, at in list(entries(plan)):
            if type(argument) is int and argument == 5 and place not in (3, 4) and "mul" in piece.label:  # tiles may be larger
                index = list(Arguments(piece.arguments).at).index(place)
                piece.arguments[index] = plan.arguments[at] = 5000
                seen(plan, live, "reaches bytes", "elements out", "as the header says")
                piece.arguments[index] = plan.arguments[at] = 5
                found += 1
        assert found
        access = next(a for item in plan.outline.items for a in item.operands if getattr(a, "sizes", ()) == (16, 5))
        access.strides = (50, 1)
        seen(plan, live, "reaches bytes")

    hold(writes, "join", look)


def test_donations() -> None:
    def look(plan: Any, live: bytes) -> None:
        assert plan.donations
        seen(plan, bytes([1] * len(live)), "in it when the plan has run")
        plan.donations.append(plan.donations[0])
        seen(plan, live, "memory twice")
        plan.donations.pop()
        flags = plan._steps[3::4]
        for place, flag in enumerate(flags.tolist()):
            if flag & STOP_ON_ERROR:
                flags[place] = NEW_PHASE
                seen(plan, live, "whatever errors")
                flags[place] = flag
        leaf, output, content = plan.donations[0]
        for other in range(len(plan.leaf_places)):
            if other != leaf:
                plan.donations[0] = other, output, content
                seen(plan, live, "overwrites", "goes beyond", "same phase", "in it")
        plan.donations.clear()

    hold(update, "exp", look)


def test_memory_of_a_run() -> None:
    """Slots that share memory, that are too small, and numbers that move accesses beyond their memory."""

    def look(plan: Any, live: bytes) -> None:
        check = verified(plan, live)
        sizes = [*plan.outputs, plan.arena_bytes + plan.scratch_stride]
        buffers = [flambeau.cpu.memory.allocate(size) for size in sizes]
        numbers = [0] * 20
        for _, _, number, _ in plan.moved:
            numbers[number] = 1
        *outputs, arena = buffers
        check([], outputs, arena, numbers)
        with pytest.raises(AssertionError, match="share memory"):
            check([], [arena] * len(outputs), arena, numbers)
        with pytest.raises(AssertionError, match="too little"):
            check([], [SimpleNamespace(nbytes=1, address=0)] * len(outputs), arena, numbers)
        with pytest.raises(AssertionError, match=r"moves beyond.*40"):
            check([], outputs, arena, [40 if n == 1 else n for n in numbers])

    hold(writes, "join", look)


def test_a_value_written_in_parts_is_whole_at_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that may begin anywhere follows the parts of a join: all of it has been written by then."""
    monkeypatch.setattr(planning, "CHECK", True)
    for part in (1, 0, 1):
        x = flambeau.arange(3.0)
        x.numpy()
        joined = flambeau.stack([x, x])
        joined.unbind(1)[part].add_(1)
        assert joined.sum(0).tolist() == [2.0 * (part == 0), 2.0 + 2 * (part == 1), 4.0]


def test_the_environment_asks_for_it() -> None:
    program = "import flambeau; from flambeau.compiler import plan; print(plan.CHECK, (flambeau.ones(3) * 2).sum().item())"
    for value, said in (("1", "True 6.0"), ("0", "False 6.0"), ("", "False 6.0")):
        environment = {**os.environ, "FLAMBEAU_CHECK": value}
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, env=environment)
        assert result.stdout.strip() == said, result.stderr
