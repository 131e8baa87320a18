"""The first tier: what was never seen as a whole is put together from parts that were.

A part is one primitive, the segment of a composite, or a turn of a loop (:mod:`flambeau.compiler.parts`). What it gives is known
by its structure, for all sizes (:mod:`flambeau.compiler.fitted`); what differs from one place in a trace to the next (where its
operands are, which numbers and errors are its own) is filled in, for all parts at once, by arithmetic on arrays. So a new trace
costs a look-up for each part, and no planning. Parts run one after the other; values that pass between them have places in an
arena, or memory of their own if somebody holds them.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..graph.primitives import FILL
from ..graph.segments import SEGMENT
from ..graph.steps import Step
from ..graph.trace import lines_wanted
from ..interpreter.forks import new_lock
from ..kernels.contract import NEW_PHASE, PADDING, STOP_ON_ERROR, Device, ReusedMemory
from ..kernels.kernel import Late, Operand
from . import plan as planning
from .arrays import Ragged, begins_of, packed
from .fitted import COLUMNS, Fitted, Meta, fitted, load_kernels
from .lifetimes import Lifetimes
from .parts import parts_of, places_behind
from .templates import HostCall


class AssembledPlan:
    """A plan put together from parts, with the attributes of :class:`~flambeau.compiler.plan.Plan` that running it takes."""

    fused = False

    def __init__(self, device: Device, chain: Sequence[Step], live: bytes) -> None:
        self.device, self.runner, self.lock = device, device.runner, new_lock()
        parts = _Parts(device, chain, live)
        built = _Assembly(parts)
        memory = built.memory
        self.places_of_entry, self.leaf_places = parts.places_of_entry, parts.leaf_places
        self.output_places, self.output_of_place = built.output_places, built.output_of_place
        self.outputs: list[int] = memory.bytes[memory.outputs].tolist()
        self.donations = built.donations
        self.late, self.segments = built.late, built.segments
        self.scratch_stride = max([known.scratch for known in parts.fitted], default=0)
        self.arena_bytes = self.peak_bytes = memory.arena_bytes
        self.number_indices: list[int] = built.number_indices
        #: Whether most of it are turns of loops, which are fused already: then nothing is to be gained by planning it as one.
        self.loops = 2 * parts.places_in_turns >= len(live)
        self.arguments, self.moved = built.arguments, built.moved
        self._steps = steps = built.records
        steps[:, 1] = self.arguments.ctypes.data + 8 * steps[:, 1]
        self.steps_address = steps.ctypes.data
        addresses = 4 + len(self.leaf_places) + len(self.outputs)
        self.table = struct.Struct(f"{addresses}q{built.number_formats}")
        self.cell_and_table = np.zeros(self.table.size // 8, np.int64)
        self.cell_address = self.cell_and_table.ctypes.data
        self.memory: dict[int, ReusedMemory] = {}
        self.kept_bytes = 4000 + self.arguments.nbytes + steps.nbytes + 100 * len(memory.first)
        self._work = [known.form.outline.work for known in parts.fitted], parts.which
        #: The line that recorded each part, for reports: what parts of one structure have in common has that of the first.
        self._sites = parts.sites() if lines_wanted[0] else None
        #: What verifies the memory of each run, if plans are verified.
        self.check = self._check_memory if planning.CHECK else None
        self._lifetimes = memory if planning.CHECK else None

    @property
    def work(self) -> list[Any]:
        """What reports say of its pieces of work."""
        known, which = self._work
        if self._sites is None:
            return [work for number in which.tolist() for work in known[number]]
        return [work.at(site) for number, site in zip(which.tolist(), self._sites) for work in known[number]]

    def fill(self, arena: int, leaves: Iterable[int], outputs: Iterable[int], numbers: Sequence[Any]) -> None:
        """Write addresses and numbers into the table."""
        cell: Any = self.cell_and_table
        self.table.pack_into(cell, 0, 0, 0, self.cell_address, arena, *leaves, *outputs, *numbers)

    def memory_of(self, operand: Operand, leaves: list[Any], outputs: list[Any], arena: Any) -> tuple[Any, int]:
        """Memory and byte offset of an operand, for a host call."""
        return [arena, *leaves, *outputs][operand.slot - 1], operand.offset

    def _check_memory(self, leaves: Sequence[Any], outputs: Sequence[Any], arena: Any, numbers: Sequence[Any]) -> None:
        """Memory is as large as it must be, and values that lie at one place are not alive at once."""
        assert self._lifetimes is not None
        self._lifetimes.check()
        assert self.arena_bytes <= arena.nbytes, "an arena that is too small"
        for buffer, size in zip(outputs, self.outputs, strict=True):
            assert buffer.nbytes >= size, "an output has too little memory"
        taken = [outputs[output].address for _, output, _ in self.donations]
        fresh = [buffer for buffer in outputs if buffer.address not in taken]
        addresses = [buffer.address for buffer in (*fresh, arena)]
        assert len({*addresses, *[leaf.address for leaf in leaves]}) >= len(addresses), "values share memory"
        # What nothing has written yet is no number, so that reading it shows.
        arena.peek(np.uint8, (self.arena_bytes,))[...] = 0xFF
        for buffer in fresh:
            buffer.peek(np.uint8, (buffer.nbytes,))[...] = 0xFF


class _Parts:
    """The parts of a trace that are needed, in order, what they read and give, and what each gives for its sizes."""

    def __init__(self, device: Device, chain: Sequence[Step], live: bytes) -> None:
        leaves, rows = parts_of(chain, len(live))
        self.rows = rows
        self.live: Any = np.frombuffer(live, np.bool_)
        self.places_of_entry = [leaf.depth - 1 for leaf in leaves]
        self.places_in_turns = sum([row.width * len(row.integers) for row in rows if row.turns])
        depth = len(live)
        #: Which places are leaves'; and those of constants that are filled in as numbers: which number of the trace, or -1.
        self.is_leaf: Any = np.zeros(depth, np.bool_)
        self.is_leaf[self.places_of_entry] = True
        self.filled: Any = np.array([-1]).repeat(depth)
        # For each part its row, which of it it is, how many values it reads and gives, the first of its numbers.
        outside, first_numbers = array("q"), array("q")
        for row in rows:
            outside.extend(row.outside)
            first_numbers.extend(row.first_numbers)
        counts = packed([len(row.integers) for row in rows])
        self.row: Any = np.arange(len(rows)).repeat(counts)
        self.entries: Any = packed([row.entries for row in rows]).repeat(counts)
        self.widths: Any = packed([row.width for row in rows]).repeat(counts)
        self.turn: Any = np.arange(len(self.row)) - begins_of(counts).repeat(counts)
        self.first_number: Any = np.frombuffer(first_numbers, np.int64)
        #: The places of all values that are read, and of those that are given, of one part behind the other's.
        self.outside: Any = np.frombuffer(outside, np.int64)
        self.own: Any = places_behind(leaves, depth)
        self._fill()
        self._leave_out()
        leaf_places = (self.is_leaf & (self.last_use >= 0)).nonzero()[0]
        self.leaf_places: list[int] = leaf_places.tolist()
        self._fit(device, leaves)

    def _only(self, kept: Any) -> None:
        """Keep some of the parts."""
        self.outside, self.own = self.outside[kept.repeat(self.entries)], self.own[kept.repeat(self.widths)]
        self.row, self.turn, self.first_number = self.row[kept], self.turn[kept], self.first_number[kept]
        self.entries, self.widths = self.entries[kept], self.widths[kept]

    def _fill(self) -> None:
        """Let go constants that nobody holds: they are filled in where they are read."""
        #: Their steps and places.
        self.fills: list[tuple[Step, int]] = []
        kept = np.ones(len(self.row), np.bool_)
        for number, row in enumerate(self.rows):
            step = row.steps[0]
            if step.primitive is FILL and len(row.steps) == 1 and not self.live[step.depth - 1]:
                part = np.searchsorted(self.row, number)
                self.filled[step.depth - 1] = self.first_number[part]
                self.fills.append((step, step.depth - 1))
                kept[part] = False
        if self.fills:
            self._only(kept)

    def sites(self) -> list[tuple[str, int] | None]:
        """The line that recorded each part."""
        return [self.rows[row].steps_of(turn)[0].site for row, turn in zip(self.row.tolist(), self.turn.tolist())]

    def _leave_out(self) -> None:
        """Find for each place the last part that reads it, -1 for none, and leave out parts of which nothing is needed."""
        late = np.array([row.late for row in self.rows], np.bool_)[self.row]
        self._find_last_uses()
        if len(self.row):
            given = (self.live | (self.last_use >= 0))[self.own]
            needed = late | np.logical_or.reduceat(given, begins_of(self.widths))
            if not needed.all():
                needed = self._needed(late)
                late = late[needed]
                self._only(needed)
                self._find_last_uses()
        self.late: Any = late.nonzero()[0]
        #: The parts that are the first ones of rows, and how many there are of each.
        begins = np.ones(len(self.row), np.bool_)
        np.not_equal(self.row[1:], self.row[:-1], out=begins[1:])
        self.starts: Any = begins.nonzero()[0]
        ends = self.starts.copy()
        ends[:-1], ends[-1:] = self.starts[1:], len(self.row)
        self.counts: Any = ends - self.starts

    def _find_last_uses(self) -> None:
        #: Which part each of the values that are read is read by.
        self.reader: Any = np.arange(len(self.row)).repeat(self.entries)
        self.last_use: Any = np.array([-1]).repeat(len(self.live))
        self.last_use[self.outside] = self.reader  # of several the last one counts

    def _needed(self, late: Any) -> Any:
        """Which parts are needed: they may find errors late, or give something that is held or that a needed part reads."""
        wanted, outside, own = self.live.tolist(), self.outside.tolist(), self.own.tolist()
        reads, gives = len(outside), len(own)
        needed = late.copy()
        for number in range(len(self.row) - 1, -1, -1):
            before, start = reads - int(self.entries[number]), gives - int(self.widths[number])
            if late[number] or any([wanted[place] for place in own[start:gives]]):
                needed[number] = True
                for place in outside[before:reads]:
                    wanted[place] = True
            reads, gives = before, start
        return needed

    # --- what each part gives -----------------------------------------------------------------------------------------

    def _fit(self, device: Device, leaves: Sequence[Step]) -> None:
        #: What parts give for their sizes, each once; and which of these is each part's.
        self.fitted: list[Fitted] = []
        self.which: Any = self.row
        live, outside, own, last_use = self.live, self.outside, self.own, self.last_use
        kept = live[outside] | (last_use[outside] != self.reader)
        if len(self.late):  # a leaf must still be there if an error is found
            kept |= self.is_leaf[outside] & (self.reader <= self.late[-1])
        kept &= self.filled[outside] < 0
        given = live[own] | (last_use[own] >= 0)
        metas, meta_at = self._metas(leaves, given)
        of_outside = meta_at[outside]
        kept_bytes, given_bytes, read_bytes = kept.tobytes(), given.tobytes(), of_outside.tobytes()
        known: dict[Any, int] = {}
        which = array("q")
        before: tuple[int, bytes, bytes, tuple[int, ...]] | None = None
        reads = gives = found = 0
        for number, turn, entries, width in zip(
            self.row.tolist(), self.turn.tolist(), self.entries.tolist(), self.widths.tolist()
        ):
            row = self.rows[number]
            behind, end = reads + entries, gives + width
            mask = kept_bytes[reads:behind] + given_bytes[gives:end]
            read = read_bytes[8 * reads : 8 * behind]
            part = row.structure, mask, read, row.integers[turn]
            if before is None or part[:3] != before[:3] or part[3] is not before[3]:  # most turns are as the one before
                before = part
                found = known.get(part, -1)
                if found < 0:
                    found = known[part] = len(self.fitted)
                    read_places, places = outside[reads:behind].tolist(), own[gives:end].tolist()
                    kinds = [metas[meta] for meta in of_outside[reads:behind].tolist()]
                    spelled = partial(row.spelled, turn, read_places, places)
                    self.fitted.append(fitted(device, row.structure, mask, kinds, part[3], spelled))
            which.append(found)
            reads, gives = behind, end
        self.which = np.frombuffer(which, np.int64)
        load_kernels(device, [known.form for known in self.fitted])

    def _metas(self, leaves: Sequence[Step], given: Any) -> tuple[list[Meta], Any]:
        """What there is to know of values, and which of that is true of the value at each place, if it is read."""
        numbers: dict[Meta, int] = {}
        meta_at = array("q", bytes(8 * len(self.live)))
        view: Any = np.frombuffer(meta_at, np.int64)
        for leaf, place in zip(leaves, self.places_of_entry):
            meta_at[place] = numbers.setdefault((leaf.shape, leaf.dtype, ""), len(numbers))
        for step, place in self.fills:
            meta_at[place] = numbers.setdefault((step.shape, step.dtype, step.operands[0][0]), len(numbers))
        starts, counts = self.starts, self.counts
        gives = begins_of(self.widths)[starts]
        for number, start, count, begin in zip(self.row[starts].tolist(), starts.tolist(), counts.tolist(), gives.tolist()):
            row = self.rows[number]
            first_step = row.steps[0]
            if row.width == 1 and first_step.primitive is not SEGMENT:
                meta_at[self.own[begin]] = numbers.setdefault((first_step.shape, first_step.dtype, ""), len(numbers))
                continue
            own = self.own[begin : begin + count * row.width].reshape(count, -1)
            columns = np.logical_or.reduce(given[begin : begin + count * row.width].reshape(count, -1), 0).nonzero()[0]
            turns = self.turn[start : start + count].tolist()
            first = 0
            while first < count:
                behind = first + 1
                while behind < count and row.integers[turns[behind]] is row.integers[turns[first]]:
                    behind += 1
                metas = row.metas(turns[first], columns.tolist())
                found = [numbers.setdefault((shape, d, ""), len(numbers)) for shape, d in metas]
                view[own[first:behind, columns]] = found
                first = behind
        return [*numbers], view


class _Assembly:
    """What is put together of a trace's parts."""

    def __init__(self, parts: _Parts) -> None:
        self._parts, self._which = parts, parts.which
        self._forms = [known.form for known in parts.fitted]
        self._fitted = parts.fitted
        self._reads, self._gives = begins_of(parts.entries), begins_of(parts.widths)
        self._find_memory()
        self._find_numbers()
        self._fill_in()
        self._find_late()
        self._find_segments()

    def _rows(self, name: str) -> tuple[Ragged, Any]:
        """What of each part's form has a name: which parts the rows belong to, and its columns."""
        arrays = [getattr(form, name) for form in self._forms] or [np.zeros((0, COLUMNS[name]), np.int64)]
        ragged = Ragged(arrays, self._which)
        return ragged, ragged.of(arrays).T

    # --- memory -------------------------------------------------------------------------------------------------------

    def _find_memory(self) -> None:
        """Number the pieces of memory: of leaves, of outputs, and of what parts work in; find out who needs them for how long."""
        parts, fitted, which = self._parts, self._fitted, self._which
        leaves = len(parts.leaf_places)
        memory_at = np.array([-1]).repeat(len(parts.live))
        memory_at[parts.leaf_places] = np.arange(leaves)
        sizes = [known.outputs for known in fitted]
        outputs = Ragged(sizes, which)
        first_output = leaves + outputs.begins
        end = leaves + outputs.total
        made, (columns, made_in) = self._rows("made")
        places = parts.own[self._gives[made.part] + columns]
        memory_at[places] = pieces = first_output[made.part] + made_in
        # Turns of a loop, and neighbours of one kind, work in one piece.
        starts = parts.starts
        works = np.maximum.reduceat(packed([known.arena for known in fitted])[which], starts) if len(starts) else starts
        works = np.where(works > PADDING, works, 0)
        nothing = np.zeros(leaves, np.int64)
        first = np.concatenate([nothing, outputs.part, starts])
        last = np.concatenate([nothing, outputs.part, starts + parts.counts - 1])
        size = np.concatenate([nothing, outputs.of(sizes), works])
        np.maximum.at(last, pieces, parts.last_use[places])
        # Outputs that take the memory of what nobody needs any more: of a leaf when the plan runs, of an earlier piece here.
        within = np.arange(len(first))
        taking, (donors, outputs_taking, contents) = self._rows("taking")
        sources = parts.outside[self._reads[taking.part] + donors]
        taken = first_output[taking.part] + outputs_taking
        of_leaf = parts.is_leaf[sources]
        within[taken[~of_leaf]] = memory_at[sources[~of_leaf]]
        self.memory = memory = Lifetimes(leaves, within, first, last, size)
        held = parts.live[places]
        memory.lay_out(np.concatenate([pieces[held], taken[of_leaf]]))
        self.output_places: list[int] = places[held].tolist()
        self.output_of_place: list[int] = memory.output[pieces[held]].tolist()
        donors, taking_it = memory_at[sources[of_leaf]].tolist(), memory.output[taken[of_leaf]].tolist()
        self.donations: list[tuple[int, int, bool]] = sorted(
            zip(donors, taking_it, (contents[of_leaf] != 0).tolist()), key=lambda donation: donation[1]
        )
        #: The parts that take a leaf's memory.
        self._taking = taking.part[of_leaf]
        # For each part its pieces: what it works in, its outputs, what it reads.
        counts = np.append(outputs.begins[1:], outputs.total) - outputs.begins
        self._first_piece = first_piece = begins_of(1 + counts + parts.entries)
        self._pieces = np.empty(len(which) + outputs.total + len(parts.outside), np.int64)
        self._pieces[first_piece] = end + np.arange(len(starts)).repeat(parts.counts)
        self._pieces[np.arange(1, 1 + outputs.total) + (first_piece - outputs.begins)[outputs.part]] = np.arange(leaves, end)
        before = first_piece + 1 + counts - self._reads
        self._pieces[np.arange(len(parts.outside)) + before[parts.reader]] = memory_at[parts.outside]

    # --- numbers ------------------------------------------------------------------------------------------------------

    def _find_numbers(self) -> None:
        """Which numbers of the trace are needed, and of which kinds they are."""
        parts = self._parts
        read = (parts.filled[parts.outside] >= 0).nonzero()[0]
        self._fills, reader = parts.filled[parts.outside[read]], parts.reader[read]
        self._fills_of = np.bincount(reader, minlength=len(self._which))
        self._first_fill = begins_of(self._fills_of)
        used, (index, kinds) = self._rows("used")
        self._first_number = used.begins
        number = self._number_of(used.part, index)
        kind_of = np.zeros(int(number.max(initial=-1)) + 1, np.int64)
        kind_of[number] = kinds
        numbers = kind_of.nonzero()[0]
        #: Which of the needed numbers each of a part's is.
        self._number_at = (kind_of > 0).cumsum()[number] - 1
        self.number_indices: list[int] = numbers.tolist()
        self.number_formats = "".join(["d" if kind == ord("f") else "q" for kind in kind_of[numbers].tolist()])

    def _number_of(self, part: Any, index: Any) -> Any:
        """Which numbers of the trace numbers of parts are: those of constants that they read come first."""
        before = self._fills_of[part]
        number = self._parts.first_number[part] + index - before
        filled = index < before
        number[filled] = self._fills[(self._first_fill[part] + index)[filled]]
        return number

    # --- arguments ----------------------------------------------------------------------------------------------------

    def _fill_in(self) -> None:
        """All arguments with slots, offsets and numbers of errors as they are in this plan, and those that move with a number."""
        memory = self.memory
        templates = [known.arguments for known in self._fitted]
        ragged = Ragged(templates, self._which)
        self._begins = begins = ragged.begins
        self.arguments = arguments = ragged.of(templates) if ragged.total else np.zeros(1, np.int64)
        operands, (at, piece) = self._rows("operands")
        at = at + begins[operands.part]
        pieces = self._pieces[self._first_piece[operands.part] + piece]
        self._slots = memory.slots()
        arguments[at] = self._slots[pieces]
        arguments[at + 1] += memory.offsets[pieces]
        numbers, (at, number) = self._rows("numbers")
        slots = 2 + len(self._parts.leaf_places) + len(memory.outputs)
        arguments[begins[numbers.part] + at] = slots + self._number_at[self._first_number[numbers.part] + number]
        errors, (at,) = self._rows("errors")
        self._first_late = begins_of(packed([len(form.late) for form in self._forms])[self._which])
        arguments[begins[errors.part] + at] += self._first_late[errors.part]
        moved, (at, piece, number, units) = self._rows("moved")
        fixed = moved.of([known.moved for known in self._fitted])
        fixed = fixed + memory.offsets[self._pieces[self._first_piece[moved.part] + piece]]
        which = self._number_of(moved.part, number)
        self.moved: list[tuple[int, int, int, int]] = [
            *zip((at + begins[moved.part]).tolist(), fixed.tolist(), which.tolist(), units.tolist())
        ]

    # --- what runs ----------------------------------------------------------------------------------------------------

    def _find_late(self) -> None:
        """The errors that may be found late, with the places of what they belong to."""
        parts = self._parts
        self.late: list[Late] = []
        for part in parts.late.tolist():
            known = self._fitted[self._which[part]]
            entries, gives = int(parts.entries[part]), int(self._gives[part])
            for late, extent in zip(known.form.late, known.rest):
                place = int(parts.own[gives + late.place - entries])
                self.late.append(Late(late.check, place, late.dim, extent, late.value))

    def _find_segments(self) -> None:
        """The records of all kernels, and the native runs (first record, count) and host calls, in order."""
        which, forms = self._which, self._forms
        kernels, (starts, numbers, flags) = self._rows("kernels")
        self.records: Any = np.zeros((max(1, kernels.total), 4), np.int64)
        records = self.records[: kernels.total]
        records[:, 0] = numbers
        records[:, 1] = self._begins[kernels.part] + starts
        records[:, 2] = kernels.of([known.tiles for known in self._fitted])
        records[:, 3] = flags
        # Who takes a leaf's memory does not if an error was found before.
        taking = {part for part in self._taking.tolist() if self._first_late[part]}
        self.segments: list[Any] = []
        hosts = np.array([form.hosts for form in forms], np.bool_)[which].nonzero()[0]
        calls: list[tuple[int, HostCall]] = []
        begin = 0
        for part in sorted({*hosts.tolist(), *taking}):
            known = self._fitted[which[part]]
            rest = iter(known.rest[len(known.form.late) :])
            at = int(kernels.begins[part])
            for segment in known.form.outline.segments:
                if isinstance(segment, HostCall):
                    if at > begin:
                        self.segments.append((begin, at - begin))
                    self.segments.append(call := segment.with_sizes(rest))
                    calls.append((part, call))
                    begin = at
                else:
                    if part in taking:
                        self.records[at, 3] |= NEW_PHASE | STOP_ON_ERROR
                    at += segment[1]
        if kernels.total > begin:
            self.segments.append((begin, kernels.total - begin))
        if calls:
            self._fill_in_hosts(calls)

    def _fill_in_hosts(self, calls: Sequence[tuple[int, HostCall]]) -> None:
        """Memory and numbers of host calls of parts as they are in this plan."""
        arrays = [(part, read) for part, call in calls for read in call.arrays()]
        part = packed([part for part, _ in arrays])
        piece = packed([self._fitted[self._which[part]].form.piece(read.operand.slot) for part, read in arrays])
        pieces = self._pieces[self._first_piece[part] + piece]
        for (_, read), slot, offset in zip(arrays, self._slots[pieces].tolist(), self.memory.offsets[pieces].tolist()):
            read.operand.slot = slot
            read.operand.offset += offset
        moved = [(part, read, read.number) for part, read in arrays if read.number is not None]
        numbers = self._number_of(packed([part for part, _, _ in moved]), packed([number for _, _, number in moved]))
        for (_, read, _), number in zip(moved, numbers.tolist()):
            read.number = number
