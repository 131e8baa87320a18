"""A second opinion on plans: ``FLAMBEAU_CHECK=1`` verifies each one when it is made, and its memory at each run.

Nothing here asks how a plan was made. What is verified is the finished plan: the order of the calls, their arguments as
the kernels will find them, phases, places in the arena, donations and outputs, against what the trace's items mean.

* Values: what is read is at that time in the memory that it is read from; at the end every output is in its memory, and
  every leaf that somebody holds is still in its own.
* Accesses lie within their operands, operands within their slots; all that is read has been written before.
* Phases: what one call writes no other call of its phase touches; temporaries whose places overlap are not alive in the
  same phase. A call that overwrites what it reads does so element by element.
* Donations: leaves that nobody holds, each once, where no error can be found any more.

A fault is an ``AssertionError`` that names the step and the line that recorded it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..graph.primitives import FILL, LEAF
from ..kernels.contract import NEW_PHASE, STEP_BYTES, STOP_ON_ERROR
from ..kernels.kernel import Call, Late, Number, Operand, Shifted
from .accesses import Arguments, Box, ProgramAccesses, boxes_of
from .items import Access, Item
from .templates import HostCall

CHECK = os.environ.get("FLAMBEAU_CHECK", "") not in ("", "0")
"""Verify every plan."""

_ARENA, _LEAVES = 1, 2
"""The slot of the table with the arena's address, and the first one with a leaf's."""

_UPDATES = ("write", "scatter")
"""Kinds of primitives that change a copy of their first operand, or that itself."""


def verified(plan: Any, live: Sequence[int]) -> MemoryCheck:
    """Verify a plan for a trace of which the places ``live`` are held; returns what verifies the memory of each run."""
    return _Verification(plan, live).run()


class MemoryCheck:
    """What can be verified only with the memory and the numbers of a run."""

    def __init__(self, plan: Any, leaves: list[int], moving: list[tuple[str, Box]]) -> None:
        self._leaves, self._outputs = leaves, list(plan.outputs)
        self._arena = plan.arena_bytes
        self._donors = {output: leaf for leaf, output, _ in plan.donations if leaf >= 0}
        self._fresh = set(range(len(self._outputs))).difference(output for _, output, _ in plan.donations)
        self._moving = moving

    def __call__(self, leaves: Sequence[Any], outputs: Sequence[Any], arena: Any, numbers: Sequence[Any]) -> None:
        """Slots are as large as they must be and apart from each other; accesses that numbers move stay inside."""
        assert all(b.nbytes >= size for b, size in zip(leaves, self._leaves, strict=True)), "a leaf has too little memory"
        assert all(b.nbytes >= size for b, size in zip(outputs, self._outputs, strict=True)), "an output has too little"
        written = [(arena.address, self._arena, "the temporaries")]
        written += [(b.address, self._outputs[k], f"output {k}") for k, b in enumerate(outputs)]
        written.sort()
        for (start, size, name), (behind, _, other) in zip(written, written[1:]):
            assert start + size <= behind, f"{name} and {other} share memory"
        given = {outputs[output].address: leaf for output, leaf in self._donors.items()}
        for number, leaf in enumerate(leaves):
            for start, size, name in written:
                apart = start + size <= leaf.address or leaf.address + self._leaves[number] <= start
                assert apart or given.get(start) == number, f"leaf {number} shares memory with {name}, which is not given it"
        for name, box in self._moving:
            assert box.number is not None
            shift = numbers[box.number.index] * box.itemsize
            inside = 0 <= box.low + shift and box.high + shift <= box.operand.bytes
            assert inside, f"{name} moves beyond its memory with the number {numbers[box.number.index]}"
        # What nothing has written yet is no number, so that reading it shows.
        arena.peek(np.uint8, (self._arena,))[...] = 0xFF
        for number in self._fresh:
            outputs[number].peek(np.uint8, (self._outputs[number],))[...] = 0xFF


class _Verification:
    def __init__(self, plan: Any, live: Sequence[int]) -> None:
        self.plan, self.live = plan, live
        self.work: list[Call | HostCall] = plan.outline._work
        self.group_of = [plan.outline.groups[plan.outline._index[number]] for number in range(len(self.work))]
        self.leaves = [item for item in plan.outline.items if item.primitive is LEAF]
        self.first_output = _LEAVES + len(self.leaves)
        self.first_number = self.first_output + len(plan.outputs)
        #: The slot of the leaf whose memory an output takes.
        self.donors = {self.first_output + output: _LEAVES + leaf for leaf, output, _ in plan.donations if leaf >= 0}
        #: The phase of each piece of work, the phases before which errors stop the run, where arguments begin.
        self.phases: list[int] = []
        self.stopping: set[int] = set()
        self.starts: dict[int, int] = {}
        self.moving: list[tuple[str, Box]] = []

    def run(self) -> MemoryCheck:
        self.find_phases()
        for number, piece in enumerate(self.work):
            if isinstance(piece, Call):
                with self.about(number):
                    self.arguments(number, piece)
        self.values()
        self.donations()
        self.side_by_side()
        self.temporaries()
        self.contents()
        return MemoryCheck(self.plan, [item.bytes for item in self.leaves], self.moving)

    @contextmanager
    def about(self, number: int) -> Iterator[None]:
        """Says of an error found in the block which step of the plan it is about."""
        try:
            yield
        except AssertionError as error:
            raise AssertionError(f"{self.named(number)}: {error}") from None

    def named(self, number: int) -> str:
        site = next((item.site for item in self.group_of[number].items if item.site is not None), None)
        where = "" if site is None else f', recorded at File "{site[0]}", line {site[1]}'
        return f"step {number} of a plan ({self.work[number].label}{where})"

    def memory_of(self, operand: Operand) -> Any:
        """What tells memories apart: a slot, or the temporary itself (whose place is looked at elsewhere)."""
        return id(operand) if operand.slot == _ARENA else self.donors.get(operand.slot, operand.slot)

    # --- steps and their arguments -----------------------------------------------------------------------------------

    def find_phases(self) -> None:
        """What the step records say: segments are all calls in their order, with their tiles and phases."""
        plan = self.plan
        records = plan._steps[: len(plan._steps) // 4 * 4].reshape(-1, STEP_BYTES // 8).tolist()
        calls = iter(enumerate(self.work))
        place = phase = 0
        for segment in plan.segments:
            phase += 1
            if isinstance(segment, HostCall):
                number, piece = next(calls)
                assert segment is piece, f"{self.named(number)}: runs in another order"
                self.phases.append(phase)
                continue
            assert segment[0] == place, "the native runs of a plan do not follow each other"
            place += segment[1]
            for step, (_, arguments, tiles, flags) in enumerate(records[segment[0] : place]):
                number, piece = next(calls)
                phase += bool(flags & NEW_PHASE) and step > 0
                with self.about(number):
                    assert isinstance(piece, Call) and tiles == piece.tiles, f"runs with {tiles} tiles"
                    assert not flags & STOP_ON_ERROR or flags & NEW_PHASE, "looks for errors in the midst of a phase"
                    assert piece.scratch <= plan.scratch_stride, "has too little scratch memory"
                if flags & STOP_ON_ERROR:
                    self.stopping.add(phase)
                self.starts[number] = (arguments - plan.arguments.ctypes.data) // 8
                self.phases.append(phase)
        assert len(self.phases) == len(self.work), "a plan does not run all of its steps"

    def arguments(self, number: int, call: Call) -> None:
        """The packed arguments are those of the call, each beginning where its operand lies; none is used but those declared."""
        plan, start = self.plan, self.starts[number]
        packed = plan.arguments[start:].tolist()
        moved = {place: entry for place, *entry in plan.moved}
        declared = {id(operand) for operand in (*call.reads, *call.writes)}
        for place, argument in Arguments(call.arguments).at.items():
            found = packed[place]
            if isinstance(argument, Operand):
                base = argument.base if isinstance(argument, Shifted) else argument
                shift = argument.offset if isinstance(argument, Shifted) else 0
                assert id(base) in declared, f"touches {base.name} undeclared"
                assert found == base.slot, f"finds {base.name} in slot {found} instead of {base.slot}"
                if isinstance(argument, Shifted) and argument.number is not None:
                    unit = [base.offset + shift, argument.number.index, argument.itemsize]
                    assert moved.get(start + place + 1) == unit, f"{base.name} does not move with its number"
                else:
                    assert packed[place + 1] == base.offset + shift, f"enters {base.name} at byte {packed[place + 1]}"
                self.slot_holds(base)
            elif isinstance(argument, Number):
                given = plan.number_indices[max(found - self.first_number, 0) :][:1]
                assert given == [argument.index], f"takes slot {found} for number {argument.index}"
            elif isinstance(argument, Late):
                assert found > 0 and plan.late[found - 1 : found] == [argument], "reports another error"
            else:
                assert found == argument, f"has argument {place} {found} instead of {argument}"

    def slot_holds(self, operand: Operand) -> None:
        """An operand lies within its slot."""
        slot = operand.slot
        if slot == _ARENA:
            size = self.plan.arena_bytes
        elif slot < self.first_output:
            size = max(self.leaves[slot - _LEAVES].bytes, 1)
        else:
            assert slot < self.first_number, f"{operand.name} has no slot"
            size = self.plan.outputs[slot - self.first_output]
        assert 0 <= operand.offset and operand.offset + operand.bytes <= size, f"{operand.name} goes beyond its slot"

    # --- values ------------------------------------------------------------------------------------------------------

    def values(self) -> None:
        """Every value is read from memory that holds it then; what is needed is where it belongs in the end."""
        holds = {self.memory_of(item.store()): item for item in self.leaves}
        first = {index: number for number, index in reversed(self.plan.outline._index.items())}
        for index, group in enumerate(self.plan.outline.groups):
            here = {id(item) for item in group.items}
            for item in group.items if index in first else ():
                with self.about(first[index]):
                    for access in item.operands:
                        if isinstance(access, Access) and id(access.source) not in here and access.source.count:
                            self.holds(access.source, holds)
                    self.bounds(first[index], item)
            for item in group.items:
                if item.operand is not None:
                    holds[self.memory_of(item.operand)] = item
        for item in self.plan.outline.items:
            if item.live or item.primitive is LEAF and self.live[item.place]:
                memory = self.memory_of(item.store())
                if item.live:
                    slot = self.first_output + self.plan.output_of_place[self.plan.output_places.index(item.place)]
                    assert self.donors.get(slot, slot) == memory, f"{item!r} is bound to another output"
                    assert item.bytes <= self.plan.outputs[slot - self.first_output], f"{item!r} has too little memory"
                found = holds.get(memory)
                assert found is item or not item.count, f"the memory of {item!r} has {found!r} in it when the plan has run"

    def holds(self, source: Item, holds: dict[Any, Item]) -> None:
        """A value is in its memory (or a constant that needs none)."""
        if source.operand is None:
            assert source.primitive is FILL, f"reads {source!r}, which is not stored"
            return
        found = holds.get(self.memory_of(source.operand))
        assert found is source, f"reads {source!r} from memory with {found!r} in it"

    def bounds(self, number: int, item: Item) -> None:
        """What an item reads and overwrites lies within operands."""
        for box in boxes_of(item):
            self.inside(number, box)

    def inside(self, number: int, box: Box) -> None:
        if box.empty:
            return
        if box.number is not None:
            self.moving.append((self.named(number), box))
        else:
            inside = 0 <= box.low and box.high <= box.operand.bytes
            assert inside, f"reaches bytes {box.low} to {box.high} of the {box.operand.bytes} of {box.operand.name}"

    # --- donations ---------------------------------------------------------------------------------------------------

    def donations(self) -> None:
        """Memory is taken from leaves that nobody holds, once, and when no error can be found any more."""
        plan = self.plan
        outputs = [output for _, output, _ in plan.donations]
        assert outputs == sorted(set(outputs)), "outputs take memory twice, or out of order"
        given = [leaf for leaf, _, _ in plan.donations if leaf >= 0]
        assert len(given) == len(set(given)), "a leaf is given to two outputs"
        failing = [k for k, piece in enumerate(self.work) if _may_fail(piece)]
        for slot, donor in self.donors.items():
            leaf = self.leaves[donor - _LEAVES]
            writers = [k for k, piece in enumerate(self.work) if any(o.slot == slot for o in piece.writes)]
            for number in writers:
                with self.about(number):
                    assert not self.live[leaf.place], f"overwrites {leaf!r}, which is held"
                    late = [k for k in failing if self.phases[k] >= self.phases[number]]
                    assert not late, f"overwrites {leaf!r} before {self.named((late or [0])[0])}, which may fail"
                    stops = not failing or self.phases[number] in self.stopping
                    assert stops or not self.plan.late, f"overwrites {leaf!r} whatever errors were found"

    # --- memory ------------------------------------------------------------------------------------------------------

    def side_by_side(self) -> None:
        """Calls of one phase do not touch what one of them writes."""
        touched: dict[int, list[tuple[Any, int, int, bool, int]]] = {}
        for number, piece in enumerate(self.work):
            for writes, operands in ((False, piece.reads), (True, piece.writes)):
                for operand in operands:
                    slot = self.donors.get(operand.slot, operand.slot)
                    place = (slot, operand.offset, operand.offset + operand.bytes, writes, number)
                    touched.setdefault(self.phases[number], []).append(place)
        for places in touched.values():
            for first, second in _overlapping(places):
                if (first[3] or second[3]) and first[4] != second[4]:
                    with self.about(second[4]):
                        raise AssertionError(f"touches memory that {self.named(first[4])} touches in the same phase")

    def temporaries(self) -> None:
        """Temporaries whose places overlap are not alive in the same phase."""
        lives: dict[int, tuple[Operand, int, int, int]] = {}
        for number, piece in enumerate(self.work):
            for operand in (*piece.reads, *piece.writes):
                if operand.slot == _ARENA:
                    _, first, begin, _ = lives.get(id(operand), (operand, number, self.phases[number], 0))
                    lives[id(operand)] = operand, first, begin, self.phases[number]
        places = [(_ARENA, o.offset, o.offset + o.bytes, first, begin, end) for o, first, begin, end in lives.values()]
        for one, other in _overlapping(places):
            with self.about(other[3]):
                apart = one[5] < other[4] or other[5] < one[4]
                assert apart, f"has a temporary where one of {self.named(one[3])} still is"

    def contents(self) -> None:
        """All that is read has been written, byte by byte where a value is written in parts."""
        kept = [self.first_output + output for _, output, content in self.plan.donations if content]
        written: dict[Any, Any] = {id(item.operand): True for item in self.plan.outline.items if not item.count}

        def state(operand: Operand) -> Any:
            whole = operand.slot in kept or _LEAVES <= operand.slot < self.first_output
            return written.get(id(operand), True if whole else None)

        for number, piece in enumerate(self.work):
            with self.about(number):
                program = piece.program if isinstance(piece, Call) else None
                if program is None:
                    for operand in piece.reads:
                        marks = state(operand)
                        known = marks is True or marks is not None and bool(marks.all())
                        assert known, f"reads {operand.name}, which is not written yet"
                    self.overwrites_in_step(number, piece)
                    written.update((id(operand), True) for operand in piece.writes)
                    continue
                assert isinstance(piece, Call)
                accesses = ProgramAccesses(program, Arguments(piece.arguments), piece.tiles)
                accesses.check_tiles()
                loads, stores = list(accesses.loads()), list(accesses.stores())
                for index, box in loads:
                    self.inside(number, box)
                    marks = state(box.operand)
                    known = marks is True or box.empty or marks is not None and bool(box.of(marks).all())
                    assert known, f"reads {box.operand.name} where it is not written yet"
                    for store, target in stores:
                        if self.memory_of(target.operand) == self.memory_of(box.operand):
                            assert accesses.in_step(index, box, store, target), f"overwrites {box.operand.name} too early"
                for _, box in stores:
                    self.inside(number, box)
                    if state(box.operand) is True or box.empty:
                        continue
                    if box.runs in ([], [(box.operand.bytes // box.itemsize, box.itemsize)]):
                        written[id(box.operand)] = True
                        continue
                    assert box.number is None, f"begins {box.operand.name} at a place that moves"
                    marks = written.setdefault(id(box.operand), np.zeros(box.operand.bytes, bool))
                    box.of(marks)[...] = True
                    if marks.all():  # whole at last: what comes may begin at any place
                        written[id(box.operand)] = True

    def overwrites_in_step(self, number: int, piece: Call | HostCall) -> None:
        """Where a template's results take the memory of what it reads, only what follows element by element reads that."""
        targets = {self.memory_of(operand): operand for operand in piece.writes}
        group = self.group_of[number]
        template = group.items[0]
        for item in group.items:
            for place, access in enumerate(item.operands):
                if not isinstance(access, Access) or access.source.operand is None:
                    continue
                target = targets.get(self.memory_of(access.source.operand))
                if target is None or access.source in group.items:
                    continue
                if place == 0 and item.primitive.kind in _UPDATES:
                    continue
                same = item is not template and access.dense and access.source.bytes == target.bytes
                assert same, f"overwrites {access.source!r} while reading it"


def _may_fail(piece: Call | HostCall) -> bool:
    return isinstance(piece, HostCall) or any(isinstance(argument, Late) for argument in piece.arguments)


def _overlapping(places: list[Any]) -> Iterator[tuple[Any, Any]]:
    """All pairs of places (slot, start, end, …) that overlap."""
    places.sort(key=lambda place: place[:3])
    for k, one in enumerate(places):
        for other in places[k + 1 :]:
            if other[0] != one[0] or other[1] >= one[2]:
                break
            yield one, other
