"""The first tier: what was never seen as a whole is put together from parts that were.

A part is one primitive, the segment of a composite, or a turn of a loop (:mod:`flambeau.compiler.parts`). Its outline is kept by
its structure, for all sizes (:mod:`flambeau.compiler.families`); what differs from one place in a trace to the next (where its
operands are, which numbers and errors are its own) is filled in. So a new trace costs a look-up and some arithmetic for each
part, and no planning; turns of one loop are put down together. Parts run one after the other; values that pass between them
have places in an arena, or memory of their own if somebody holds them.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..graph.primitives import FILL, LEAF
from ..graph.segments import SEGMENT
from ..graph.steps import Step, when_forgotten
from ..graph.structure import SizedStep
from ..interpreter.forks import new_lock
from ..kernels.contract import NEW_PHASE, PADDING, STOP_ON_ERROR, Device, ReusedMemory
from ..kernels.kernel import Late, Operand
from ..kernels.patterns import Variants
from . import plan as planning
from .families import variant_for
from .lifetimes import Lifetimes
from .outline import Outline
from .parts import Body, Part, note_uses, parts_of
from .templates import HostCall

MOST_VARIANTS = 16
"""Variants of a part that are kept."""
TURNS_AT_ONCE = 3
"""So many turns of a loop are put down together; of fewer each by itself."""

_parts: dict[Any, Variants] = {}
"""What is known of each part, by its structure, what it reads, and what is needed of it."""

Meta = tuple[Any, Any, str]
"""What a part knows of a value from outside: shape, dtype, and of which kind the number is that it is filled with, if so."""


class AssembledPlan:
    """A plan put together from parts, with the attributes of :class:`~flambeau.compiler.plan.Plan` that running it takes."""

    fused = False

    def __init__(self, device: Device, chain: Sequence[Step], live: bytes) -> None:
        self.device, self.runner, self.lock = device, device.runner, new_lock()
        built = _Assembly(device, chain, live)
        memory = built.memory
        memory.lay_out()
        self.places_of_entry, self.leaf_places = built.places_of_entry, built.leaf_places
        self.output_places, self.output_of_place = built.output_places, built.output_of_place
        self.outputs = [memory.bytes[number] for number in memory.outputs]
        self.donations = sorted(built.donations, key=lambda donation: donation[1])
        self.late, self.work, self.segments = built.late, built.work, built.segments
        self.scratch_stride = built.scratch_stride
        self.arena_bytes = self.peak_bytes = memory.arena_bytes
        self.number_indices = list(built.number_kinds)
        #: Whether most of it are turns of loops, which are fused already: then nothing is to be gained by planning it as one.
        self.loops = 2 * built.places_in_turns >= len(live)
        self.arguments, self.moved = _filled_in(built, self.number_indices)
        base = self.arguments.ctypes.data
        steps = np.frombuffer(built.records or array("q", bytes(32)), np.int64).reshape(-1, 4)
        steps[:, 1] = base + 8 * steps[:, 1]
        self._steps = steps
        self.steps_address = steps.ctypes.data
        formats = "".join("d" if kind == "f" else "q" for kind in built.number_kinds.values())
        self.table = struct.Struct(f"{4 + memory.leaves + len(self.outputs)}q{formats}")
        self.cell_and_table = np.zeros(self.table.size // 8, np.int64)
        self.cell_address = self.cell_and_table.ctypes.data
        self.memory: dict[int, ReusedMemory] = {}
        self.kept_bytes = 4000 + self.arguments.nbytes + steps.nbytes + 100 * len(memory.first)
        #: What verifies the memory of each run, if plans are verified.
        self.check = self._check_memory if planning.CHECK else None
        self._lifetimes = memory if planning.CHECK else None

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


def _filled_in(built: _Assembly, numbers: Sequence[int]) -> tuple[Any, list[tuple[int, int, int, int]]]:
    """All arguments with slots and offsets as they are in this plan, and those that move with a number."""
    memory = built.memory
    arguments: Any = np.frombuffer(built.arguments, np.int64) if built.arguments else np.zeros(1, np.int64)
    slots, offsets = memory.slots(), np.array(memory.offsets, np.int64)
    at, which = np.array(built.operands_at, np.int64), np.array(built.operands, np.int64)
    arguments[at] = slots[which]
    arguments[at + 1] += offsets[which]
    slot_of_number = {number: 2 + memory.leaves + len(memory.outputs) + k for k, number in enumerate(numbers)}
    if built.numbers_at:
        arguments[np.array(built.numbers_at, np.int64)] = [slot_of_number[number] for number in built.numbers]
    for operand, number in built.host_operands:
        operand.slot = int(slots[number])
        operand.offset += memory.offsets[number]
    moved = [
        (position, fixed + memory.offsets[number], index, unit) for position, fixed, number, index, unit in built.moved
    ]
    return arguments, moved


class _Fitted:
    """A part's outline, and what it gives for definite sizes."""

    __slots__ = ("outline", "arena", "scratch", "arguments", "tiles", "outputs", "moved", "extents", "rest")

    def __init__(self, outline: Outline, sizes: Sequence[int]) -> None:
        self.outline = outline
        following = iter(sizes)
        self.arena, _, self.scratch = islice(following, 3)
        self.arguments = array("q", islice(following, len(outline.arguments)))
        self.tiles = [*islice(following, len(outline.kernels))]
        self.outputs = [*islice(following, len(outline.outputs))]
        self.moved = [*islice(following, len(outline.moved))]
        self.extents = [*islice(following, len(outline.late))]
        self.rest = [*following]


class _Assembly:
    """What is put together of a trace's parts."""

    def __init__(self, device: Device, chain: Sequence[Step], live: bytes) -> None:
        self._device, self._live = device, live
        leaves, parts = parts_of(chain)
        self.places_of_entry = [leaf.depth - 1 for leaf in leaves]
        nothing = array("q", [-1])
        #: For each place the last part that reads it, and the number of its memory.
        self._last_use, self._memory_at = nothing * len(live), nothing * len(live)
        note_uses(parts, live, self._last_use)
        self._metas: dict[int, Meta] = {}
        self._fills: dict[int, Part] = {}
        self.leaf_places: list[int] = []
        for leaf in leaves:
            place = leaf.depth - 1
            if self._last_use[place] >= 0:
                self._memory_at[place] = len(self.leaf_places)
                self._metas[place] = leaf.shape, leaf.dtype, ""
                self.leaf_places.append(place)
        self.memory = Lifetimes(len(self.leaf_places))
        self.records, self.arguments = array("q"), array("q")
        #: Which arguments are slots of which memory, and of which numbers.
        self.operands_at, self.operands = array("q"), array("q")
        self.numbers_at, self.numbers = array("q"), array("q")
        self.number_kinds: dict[int, str] = {}
        #: Operands of host calls, and their memory.
        self.host_operands: list[tuple[Operand, int]] = []
        #: Arguments that move with a number given at each run: (position, bytes, memory, number, bytes per unit).
        self.moved: list[tuple[int, int, int, int, int]] = []
        self.output_places: list[int] = []
        self.output_of_place: list[int] = []
        self.donations: list[tuple[int, int, bool]] = []
        self.segments: list[Any] = []
        self.late: list[Late] = []
        self.work: list[Any] = []
        self.scratch_stride = 0
        self._known: dict[Any, _Fitted] = {}
        self._last_late = max([number for number, part in enumerate(parts) if part.body.late], default=-1)
        self.places_in_turns = sum([len(part.places) for part in parts if part.body.turn])
        self._add_all(parts)

    def _add_all(self, parts: Sequence[Part]) -> None:
        behind = 0
        for number, part in enumerate(parts):
            if number < behind or not part.needed:
                continue
            behind = number + 1
            step, place = part.body.steps[0], part.places[0]
            if step.primitive is FILL and len(part.body.steps) == 1 and not self._live[place]:
                self._fills[place] = part
                self._metas[place] = step.shape, step.dtype, step.operands[0][0]
                continue
            while behind < len(parts) and parts[behind].body is part.body and parts[behind].needed:
                behind += 1
            if behind - number >= TURNS_AT_ONCE:
                self._add_turns(number, parts[number:behind])
            else:
                for each in range(number, behind):
                    self._add(each, parts[each])

    # --- which outline ------------------------------------------------------------------------------------------------

    def _add(self, number: int, part: Part) -> None:
        """Put a part behind those that are there."""
        live, last_use, memory_at = self._live, self._last_use, self._memory_at
        mask = bytearray()
        for place in part.outside:
            if place in self._fills:
                mask.append(False)
                continue
            dying = not live[place] and last_use[place] == number
            if dying and number <= self._last_late and memory_at[place] < self.memory.leaves:
                dying = False  # it must still be there if an error is found
            mask.append(not dying)
        for place in part.places:
            mask.append(live[place] or last_use[place] >= 0)
        self._take(number, part, self._fitted(part, bytes(mask)))
        self._note_metas((part,), bytes(mask))

    def _fitted(self, part: Part, mask: bytes) -> _Fitted:
        """The outline for a part of which that is needed, with its sizes."""
        body = part.body
        metas = tuple([self._metas[place] for place in part.outside])
        name = body.structure, mask, metas, body.integers
        known = self._known.get(name)
        if known is not None:
            return known
        kinds = tuple([(len(shape), d, number) for shape, d, number in metas])
        integers = (*[extent for shape, _, _ in metas for extent in shape], *body.integers)
        key = self._device, body.structure, kinds, mask
        variants = _parts.get(key)
        if variants is None:
            variants = _parts[key] = Variants(MOST_VARIANTS)
        found = variants.at(integers)
        if found is None:
            variants.add(variant_for(self._device, _spelled(body, metas), mask, integers, (), part=True))
            found = variants.at(integers)
            assert found is not None, "a part does not hold for the sizes that it was made for"
        variant, sizes = found
        if planning.CHECK:
            variant.verified(self._device, _spelled(body, metas), mask, integers, sizes)
        known = self._known[name] = _Fitted(variant.outline, sizes)
        return known

    def _note_metas(self, turns: Sequence[Part], mask: bytes) -> None:
        """Note shapes and dtypes of what a body's parts give and others read."""
        body = turns[0].body
        outside = len(body.outside)
        step: Any = body.steps[0]
        if len(body.steps) == 1 and step.primitive is not SEGMENT:
            self._metas[turns[0].places[0]] = step.shape, step.dtype, ""
            return
        for index, (shape, d) in enumerate(body.metas()):
            if mask[outside + index]:
                self._metas.update(dict.fromkeys([part.places[index] for part in turns], (shape, d, "")))

    # --- one part -----------------------------------------------------------------------------------------------------

    def _take(self, number: int, part: Part, fitted: _Fitted) -> None:
        """Add a part's calls, and the memory that it needs."""
        outline, memory, memory_at, late = fitted.outline, self.memory, self._memory_at, len(self.late)
        outside, entries = part.outside, len(part.outside)
        begin = len(self.arguments)
        self.scratch_stride = max(self.scratch_stride, fitted.scratch)
        self.arguments.extend(fitted.arguments)
        leaves = [memory_at[outside[place]] for place in outline.leaf_places]
        given: dict[int, int] = {}
        donated: list[tuple[int, int, bool]] = []
        for leaf, output, content in outline.donations:
            source = leaves[max(leaf, ~leaf)]  # a complement where an error may be found: what is lost then is computed again
            if source < memory.leaves:
                donated.append((source, output, content))
            else:  # the memory of leaves is given when the plan runs
                given[output] = source
        pieces = [memory.new(number, number, fitted.arena) if fitted.arena > PADDING else -1, *leaves]
        outputs: list[int] = []
        for output, size in enumerate(fitted.outputs):
            if output in given:
                memory.share(given[output], number, size)
                outputs.append(given[output])
            else:
                outputs.append(memory.new(number, number, size))
        pieces += outputs
        for source, output, content in donated:
            self.donations.append((source, memory.own(outputs[output]), content))
        for made, output in zip(outline.output_places, outline.output_of_place):
            at = part.places[made - entries]
            piece = memory_at[at] = outputs[output]
            memory.share(piece, self._last_use[at], 0)
            if self._live[at]:
                self.output_places.append(at)
                self.output_of_place.append(memory.own(piece))
        arguments = self.arguments
        for position in outline.operands_at:
            self.operands_at.append(begin + position)
            self.operands.append(pieces[fitted.arguments[position] - 1])
        if outline.number_indices:
            numbers = [self._number_of(part, index) for index in outline.number_indices]
            self.number_kinds.update(zip(numbers, outline.number_kinds))
            for position in outline.numbers_at:
                self.numbers_at.append(begin + position)
                self.numbers.append(numbers[fitted.arguments[position] - 1 - len(pieces)])
        for position in outline.errors_at:
            arguments[begin + position] += late
        self._take_moved(part, fitted, begin, pieces)
        self._take_late(part, fitted)
        stop = NEW_PHASE | STOP_ON_ERROR if donated and late else 0
        rest = iter(fitted.rest)
        for segment in outline.segments:
            if isinstance(segment, HostCall):
                self.segments.append(call := segment.with_sizes(rest))
                for array in call.arrays():
                    self.host_operands.append((array.operand, pieces[array.operand.slot - 1]))
                    if array.number is not None:
                        array.number = self._number_of(part, array.number)
                continue
            first, length = segment
            self._take_segment(length)
            for k in range(first, first + length):
                flags = outline.flags[k] | stop if k == first else outline.flags[k]
                self.records.extend((outline.kernels[k], begin + outline.starts[k], fitted.tiles[k], flags))
        self.work += outline.work

    def _number_of(self, part: Part, index: int) -> int:
        """Which number of the trace a number of the part is: those of constants that it reads come first."""
        if self._fills:
            for place in part.outside:
                fill = self._fills.get(place)
                if fill is not None:
                    if index == 0:
                        return fill.first_number
                    index -= 1
        return part.first_number + index

    def _take_moved(self, part: Part, fitted: _Fitted, begin: int, pieces: Sequence[int]) -> None:
        for (position, _, index, unit), fixed in zip(fitted.outline.moved, fitted.moved):
            piece = pieces[fitted.arguments[position - 1] - 1]
            self.moved.append((begin + position, fixed, piece, self._number_of(part, index), unit))

    def _take_late(self, part: Part, fitted: _Fitted) -> None:
        entries = len(part.outside)
        for late, extent in zip(fitted.outline.late, fitted.extents):
            self.late.append(Late(late.check, part.places[late.place - entries], late.dim, extent, late.value))

    def _take_segment(self, length: int) -> None:
        """Have the last native run go on for so many calls."""
        if not self.segments or isinstance(self.segments[-1], HostCall):
            self.segments.append((len(self.records) // 4, 0))
        start, known = self.segments[-1]
        self.segments[-1] = start, known + length

    # --- turns of a loop ----------------------------------------------------------------------------------------------

    def _add_turns(self, number: int, turns: Sequence[Part]) -> None:
        """Put turns of one body down, those together of which the same is needed."""
        live, last_use = np.frombuffer(self._live, np.uint8), np.frombuffer(self._last_use, np.int64)
        memory_at = np.frombuffer(self._memory_at, np.int64)
        own = np.array([part.places for part in turns], np.int64)
        outside = np.array([part.outside for part in turns], np.int64)
        times = np.arange(number, number + len(turns))[:, None]
        kept = (live[outside] != 0) | (last_use[outside] != times)
        if number <= self._last_late:
            is_leaf = (memory_at[outside] >= 0) & (memory_at[outside] < self.memory.leaves)
            kept |= is_leaf & (times <= self._last_late)
        if self._fills:
            of_fills = [[place in self._fills for place in part.outside] for part in turns]
            kept &= ~np.array(of_fills, bool)
        masks = np.hstack([kept, (live[own] != 0) | (last_use[own] >= 0)]).astype(np.uint8)
        rows = [row.tobytes() for row in masks]
        self._note_metas(turns, masks.max(0).tobytes())
        metas = [[self._metas[place] for place in part.outside] for part in turns]
        first = 0
        while first < len(turns):
            behind = first + 1
            while behind < len(turns) and rows[behind] == rows[first] and metas[behind] == metas[first]:
                behind += 1
            fitted = self._fitted(turns[first], rows[first])
            together = behind - first >= TURNS_AT_ONCE
            if together and not any(isinstance(segment, HostCall) for segment in fitted.outline.segments):
                at = slice(first, behind)
                self._take_turns(times[at], turns[at], own[at], outside[at], fitted)
            else:
                for each in range(first, behind):
                    self._take(number + each, turns[each], fitted)
            first = behind

    def _take_turns(self, times: Any, turns: Sequence[Part], own: Any, outside: Any, fitted: _Fitted) -> None:
        """As :meth:`_take` for each of these turns, whose first ones are at ``times``: all that does not follow from the turn
        before at once."""
        outline, memory, count = fitted.outline, self.memory, len(turns)
        memory_at, last_use = np.frombuffer(self._memory_at, np.int64), np.frombuffer(self._last_use, np.int64)
        begins = len(self.arguments) + len(fitted.arguments) * np.arange(count)[:, None]
        self.scratch_stride = max(self.scratch_stride, fitted.scratch)
        # Memory: of temporaries one piece for all, of outputs one for each turn, unless they take that of an operand.
        start = int(times[0, 0])
        arena = memory.new(start, start + count - 1, fitted.arena) if fitted.arena > PADDING else -1
        width = len(fitted.outputs)
        outputs = len(memory.first) + np.arange(count * width).reshape(count, width)
        columns = [made - outside.shape[1] for made in outline.output_places]
        made = own[:, columns]
        uses = last_use[made]
        last = np.repeat(times, width, 1)
        of_place = np.array(outline.output_of_place, np.int64)
        np.maximum.at(last, (np.arange(count)[:, None], of_place[None, :]), uses)
        sizes = [0 if output in {o for _, o, _ in outline.donations} else size for output, size in enumerate(fitted.outputs)]
        memory.extend(np.repeat(times, width).tolist(), last.ravel().tolist(), sizes * count)
        memory_at[made] = outputs[:, of_place]
        donated = bool(outline.donations) and self._donate(turns, made, outputs, last, fitted)
        rows, places = np.nonzero(np.frombuffer(self._live, np.uint8)[made])
        self.output_places += made[rows, places].tolist()
        self.output_of_place += [memory.own(piece) for piece in outputs[rows, of_place[places]].tolist()]
        # Arguments.
        leaves = memory_at[outside[:, outline.leaf_places]] if outline.leaf_places else outside[:, :0]
        pieces = np.hstack([np.full((count, 1), arena), leaves, outputs])
        template = np.array(fitted.arguments, np.int64)
        arguments = np.tile(template, (count, 1))
        slots = template[outline.operands_at] if outline.operands_at else template[:0]
        self.operands_at.frombytes((begins + np.array(outline.operands_at, np.int64)).tobytes())
        self.operands.frombytes(pieces[:, slots - 1].tobytes())
        if outline.number_indices:
            numbers = [[self._number_of(part, index) for index in outline.number_indices] for part in turns]
            for row in numbers:
                self.number_kinds.update(zip(row, outline.number_kinds))
            if outline.numbers_at:
                which = template[outline.numbers_at] - 1 - pieces.shape[1]
                self.numbers_at.frombytes((begins + np.array(outline.numbers_at, np.int64)).tobytes())
                self.numbers.frombytes(np.array(numbers, np.int64)[:, which].tobytes())
        if outline.errors_at:
            arguments[:, outline.errors_at] += len(self.late) + len(outline.late) * np.arange(count)[:, None]
        stop = NEW_PHASE | STOP_ON_ERROR if donated and self.late else 0
        if outline.moved:
            for part, begin, row in zip(turns, begins.ravel().tolist(), pieces.tolist()):
                self._take_moved(part, fitted, begin, row)
        if outline.late:
            for part in turns:
                self._take_late(part, fitted)
        self.arguments.frombytes(arguments.tobytes())
        if outline.kernels:
            records = np.empty((count, len(outline.kernels), 4), np.int64)
            records[:, :, 0] = outline.kernels
            records[:, :, 1] = begins + np.array(outline.starts)
            records[:, :, 2] = fitted.tiles
            records[:, :, 3] = outline.flags
            records[:, 0, 3] |= stop
            self._take_segment(count * len(outline.kernels))
            self.records.frombytes(records.tobytes())
        self.work += outline.work * count

    def _donate(self, turns: Sequence[Part], made: Any, outputs: Any, last: Any, fitted: _Fitted) -> bool:
        """Have outputs of turns take the memory of operands, turn by turn, for that may be an output of the turn before.

        Returns whether leaves are among them.
        """
        outline, memory, memory_at = fitted.outline, self.memory, self._memory_at
        found = False
        for row, part in enumerate(turns):
            for leaf, output, content in outline.donations:
                source = memory_at[part.outside[outline.leaf_places[max(leaf, ~leaf)]]]
                if source < memory.leaves:
                    found = True
                    piece = int(outputs[row, output])
                    memory.bytes[piece] = fitted.outputs[output]
                    self.donations.append((source, memory.own(piece), content))
                    continue
                memory.share(source, int(last[row, output]), fitted.outputs[output])
                outputs[row, output] = source
                for column, which in enumerate(outline.output_of_place):
                    if which == output:
                        memory_at[int(made[row, column])] = source
        return found


def _spelled(body: Body, metas: Sequence[Meta]) -> list[SizedStep]:
    """The steps of a body as a trace of its own: what it reads, then itself."""
    steps: list[SizedStep] = []
    for shape, d, number in metas:
        if number:
            steps.append(SizedStep(FILL, (shape, d), ((number, None),), shape, d, d, None))
        else:
            steps.append(SizedStep(LEAF, (shape, d), (), shape, d, d, None))
    return steps + body.spelled()


when_forgotten(_parts.clear, structure=True)
