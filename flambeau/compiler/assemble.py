"""The first tier: what was never seen as a whole is put together from parts that were.

A part is one primitive, or the segment of a composite. Its outline is kept by its structure, for all sizes
(:mod:`flambeau.compiler.families`); what differs from one place in a trace to the next (slots, and the numbers of errors) are its
parameters. So a new trace costs a look-up and some arithmetic for each part, and no planning. Parts run one after the other;
values that pass between them have places in an arena, or memory of their own if somebody holds them.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np

from ..graph.primitives import FILL, LEAF
from ..graph.segments import SEGMENT, Segment
from ..graph.steps import Step, when_forgotten
from ..graph.structure import SizedStep
from ..interpreter.forks import new_lock
from ..kernels.contract import ALIGNMENT, NEW_PHASE, PADDING, STOP_ON_ERROR, Device, ReusedMemory
from ..kernels.kernel import Late, Operand
from . import plan as planning
from .families import Variants, variant_for
from .memory import FreePlaces
from .outline import Outline
from .parts import Part, last_uses, parts_of
from .templates import HostCall

MOST_VARIANTS = 16
"""Variants of a part that are kept."""

_parts: dict[Any, Variants] = {}
"""What is known of each part, by its structure, what it reads, and what is needed of it."""


class _Memory:
    """What a slot stands for: a leaf, or what the parts from ``first`` to ``last`` share.

    ``output`` is its number among the plan's outputs, ``offset`` its place in the arena where it is none.
    """

    __slots__ = ("slot", "bytes", "first", "last", "leaf", "output", "offset")

    def __init__(self, slot: int, first: int, leaf: int = -1) -> None:
        self.slot = slot
        self.bytes = 0
        self.first = self.last = first
        self.leaf = leaf
        self.output = -1
        self.offset = 0


class AssembledPlan:
    """A plan for one run, with the attributes of :class:`~flambeau.compiler.plan.Plan` that running it takes."""

    fused = False

    def __init__(self, device: Device, last: Step, live: Sequence[int]) -> None:
        self.device, self.runner, self.lock = device, device.runner, new_lock()
        self._live = live
        self._records: list[int] = []
        self._arguments = array("q")
        self._memories: list[_Memory] = []
        self._memory_at: dict[int, _Memory] = {}
        self._meta_at: dict[int, tuple[Any, Any]] = {}
        self._fills: dict[int, Part] = {}
        #: Slots of numbers, by which number, and their kinds.
        self._numbers: dict[int, tuple[int, str]] = {}
        self._slots = 2
        self.leaf_places: list[int] = []
        self.output_places: list[int] = []
        self.output_of_place: list[int] = []
        self.outputs: list[int] = []
        self.donations: list[tuple[int, int, bool]] = []
        self.segments: list[Any] = []
        self.late: list[Late] = []
        self.moved: list[tuple[int, int, int, int]] = []
        self.work: list[Any] = []
        self.scratch_stride = 0
        parts = parts_of(last)
        self.places_of_entry = [part.places[0] for part in parts if part.step.primitive is LEAF]
        self._last_use = last_uses(parts, live)
        self._last_late = max([number for number, part in enumerate(parts) if part.late], default=-1)
        for number, part in enumerate(parts):
            step = part.step
            if step.primitive is LEAF:
                memory = self._new(number, len(self.leaf_places)) if part.needed else None
                if memory is not None:
                    place = part.places[0]
                    self.leaf_places.append(place)
                    self._memory_at[place] = memory
                    self._meta_at[place] = step.shape, step.dtype
            elif step.primitive is FILL and not live[part.places[0]]:
                self._fills[part.places[0]] = part
            elif part.needed:
                self._add(number, part)
        turns = sum([len(part.places) for part in parts if part.turn])
        #: Whether most of it are turns of loops, which are fused already: then nothing is to be gained by planning it as one.
        self.loops = 2 * turns >= last.depth
        self._finish()
        #: What verifies the memory of each run, if plans are verified.
        self.check = self._check_memory if planning.CHECK else None

    # --- parts ----------------------------------------------------------------------------------------------------------

    def _new(self, first: int, leaf: int = -1) -> _Memory:
        memory = _Memory(self._slots, first, leaf)
        self._slots += 1
        self._memories.append(memory)
        return memory

    def _add(self, number: int, part: Part) -> None:
        """Put a part behind those that are there."""
        step, live, last_use = part.step, self._live, self._last_use
        kinds: list[Any] = []
        mask = bytearray()
        integers: list[int] = []
        for place in step.outside:
            fill = self._fills.get(place)
            if fill is not None:
                kinds.append((fill.step.operands[0][0], len(fill.step.shape), fill.step.dtype))
                integers.extend(fill.step.shape)
                mask.append(0)
                continue
            shape, d = self._meta_at[place]
            kinds.append((len(shape), d))
            integers.extend(shape)
            dying = not live[place] and last_use[place] == number
            if dying and self._memory_at[place].leaf >= 0 and number <= self._last_late:
                dying = False  # it must still be there if an error is found
            mask.append(not dying)
        for place in part.places:
            mask.append(live[place] or place in last_use)
        integers.extend(step.integers)
        key = self.device, step.structure, tuple(kinds), bytes(mask)
        numbers = tuple(integers)
        variants = _parts.get(key)
        if variants is None:
            variants = _parts[key] = Variants(MOST_VARIANTS)
        placing: Any = None

        def parameters(outline: Outline) -> Sequence[int]:
            nonlocal placing
            placing = _Placing(self, part, outline)
            return placing.parameters  # type: ignore[no-any-return]

        found = variants.sizes(numbers, parameters)
        if found is None:
            variants.add(variant_for(self.device, self._spelled(part), bytes(mask), numbers, (), part=True))
            found = variants.sizes(numbers, parameters)
            assert found is not None, "a part does not hold for the sizes that it was made for"
        variant, sizes = found
        if planning.CHECK:
            variant.verified(self.device, self._spelled(part), bytes(mask), numbers, sizes, placing.parameters)
        self._take(number, part, variant.outline, placing, sizes)

    def _spelled(self, part: Part) -> list[Any]:
        """The steps of a part as a trace of its own: what it reads, then itself."""
        outside = part.step.outside
        steps: list[Any] = []
        for place in outside:
            fill = self._fills.get(place)
            if fill is not None:
                steps.append(fill.step)
            else:
                shape, d = self._meta_at[place]
                steps.append(SizedStep(LEAF, (shape, d), (), shape, d, d, None))
        own = len(outside)
        if part.step.primitive is SEGMENT:
            segment: Segment = part.step.attributes
            for primitive, attributes, given, shape, d, compute in segment.steps:
                operands = [
                    (place if type(place) is str else own + place if place >= 0 else ~place, view) for place, view in given
                ]
                steps.append(SizedStep(primitive, attributes, operands, shape, d, compute, part.step.site))
        else:
            step = part.step
            operands = [(place if type(place) is str else outside.index(place), view) for place, view in step.operands]
            steps.append(SizedStep(step.primitive, step.attributes, operands, step.shape, step.dtype, step.compute, step.site))
        return steps

    def number_of(self, part: Part, index: int) -> int:
        """Which number of the trace a number of the part is: those of constants that it reads come first."""
        for place in part.step.outside:
            fill = self._fills.get(place)
            if fill is not None:
                if index == 0:
                    return fill.first_number
                index -= 1
        return part.first_number + index

    def _take(self, number: int, part: Part, outline: Outline, placing: _Placing, sizes: tuple[int, ...]) -> None:
        """Add a part's calls, and the memory that it needs."""
        outside, entries = part.step.outside, len(part.step.outside)
        self._slots = placing.slots
        self._numbers.update(placing.new_numbers)
        self.scratch_stride = max(self.scratch_stride, sizes[2])
        following = iter(sizes)
        arena, _, _ = next(following), next(following), next(following)
        if arena > PADDING:
            memory = _Memory(placing.parameters[0], number)
            memory.bytes = arena
            self._memories.append(memory)
        begin = len(self._arguments)
        count = len(outline.arguments)
        self._arguments.extend(sizes[3 : 3 + count])
        place = 3 + count
        tiles = sizes[place : place + len(outline.kernels)]
        place += len(tiles)
        memories: list[_Memory] = []
        for output, (slot, size) in enumerate(zip(placing.outputs, sizes[place : place + len(outline.outputs)])):
            memory = placing.shared.get(output) or _Memory(slot, number)
            if output not in placing.shared:
                self._memories.append(memory)
            memory.bytes = max(memory.bytes, size)
            memory.last = max(memory.last, number)
            memories.append(memory)
        place += len(memories)
        stops = False
        for leaf, output, content in outline.donations:
            given = self._memory_at[outside[outline.leaf_places[max(leaf, ~leaf)]]]
            if given.leaf >= 0:
                self._own(memories[output])
                self.donations.append((given.leaf, memories[output].output, content))
                stops = bool(self.late)
        for made, output in zip(outline.output_places, outline.output_of_place):
            at = part.places[made - entries]
            memory = self._memory_at[at] = memories[output]
            memory.last = max(memory.last, self._last_use.get(at, number))
            if self._live[at]:
                self._own(memory)
                self.output_places.append(at)
                self.output_of_place.append(memory.output)
        self._note_metas(part)
        for (position, _, index, size), fixed in zip(outline.moved, sizes[place:]):
            self.moved.append((begin + position, fixed, self.number_of(part, index), size))
        place += len(outline.moved)
        for late, extent in zip(outline.late, sizes[place:]):
            self.late.append(Late(late.check, part.places[late.place - entries], late.dim, extent, late.value))
        place += len(outline.late)
        rest = iter(sizes[place:])
        records, flags = self._records, outline.flags
        for segment in outline.segments:
            if isinstance(segment, HostCall):
                self.segments.append(self._placed_call(segment.with_sizes(rest), part, placing))
                continue
            first, length = segment
            if not self.segments or isinstance(self.segments[-1], HostCall):
                self.segments.append((len(records) // 4, 0))
            start, known = self.segments[-1]
            self.segments[-1] = start, known + length
            for k in range(first, first + length):
                flag = flags[k] | NEW_PHASE | STOP_ON_ERROR if stops and k == first else flags[k]
                records += (outline.kernels[k], begin + outline.starts[k], tiles[k], flag)
        self.work += outline.work

    def _own(self, memory: _Memory) -> None:
        """Have a value's memory be an output's: it outlives the run."""
        if memory.output < 0:
            memory.output = len(self.outputs)
            self.outputs.append(0)  # known at the end, when all that share it are

    def _note_metas(self, part: Part) -> None:
        step = part.step
        if step.primitive is SEGMENT:
            segment: Segment = step.attributes
            for place, (_, _, _, shape, d, _) in zip(part.places, segment.steps):
                if place in self._last_use:
                    self._meta_at[place] = shape, d
        else:
            self._meta_at[part.places[0]] = step.shape, step.dtype

    def _placed_call(self, call: HostCall, part: Part, placing: _Placing) -> HostCall:
        """A call of a NumPy function, its operands in the slots that they have here."""
        call = copy(call)
        call.inputs = [self._placed_array(array, part, placing) for array in call.inputs]
        call.outputs = [(number, self._placed_array(array, part, placing)) for number, array in call.outputs]
        return call

    def _placed_array(self, given: Any, part: Part, placing: _Placing) -> Any:
        placed = copy(given)
        placed.operand = Operand(given.operand.bytes, given.operand.name)
        placed.operand.slot = placing.parameters[given.operand.slot - 1]
        placed.operand.offset = given.operand.offset
        if given.number is not None:
            placed.number = self.number_of(part, given.number)
        return placed

    # --- the whole ------------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Give each value its place, and lay out what running takes."""
        self.donations.sort(key=lambda donation: donation[1])
        ends: dict[int, list[tuple[int, int]]] = {}
        free = FreePlaces()
        now = 0
        inner: list[_Memory] = []
        for memory in self._memories:
            if memory.leaf >= 0:
                continue
            if memory.output >= 0:
                self.outputs[memory.output] = memory.bytes
                continue
            while now < memory.first:
                for offset, size in ends.pop(now, ()):
                    free.give(offset, size)
                now += 1
            size = -(-memory.bytes // ALIGNMENT) * ALIGNMENT + ALIGNMENT
            memory.offset = free.take(size)
            ends.setdefault(memory.last, []).append((memory.offset, size))
            inner.append(memory)
        end = free.end
        self.arena_bytes = self.peak_bytes = end + PADDING
        self._inner = [memory.offset for memory in inner]
        self.number_indices = list(self._numbers)
        formats = ["q"] * self._slots
        order = [0] * self._slots
        outputs, leaves = len(self.outputs), len(self.leaf_places)
        for memory in self._memories:
            order[memory.slot] = memory.leaf if memory.leaf >= 0 else leaves + memory.output
        for number, memory in enumerate(inner):
            order[memory.slot] = leaves + outputs + number
        for number, (slot, kind) in enumerate(self._numbers.values()):
            order[slot] = leaves + outputs + len(inner) + number
            formats[slot] = "d" if kind == "f" else "q"
        self._order = order[2:]
        self.table = struct.Struct("qq" + "".join(formats))
        self.cell_and_table = np.zeros(self._slots + 2, np.int64)
        self.cell_address = self.cell_and_table.ctypes.data
        self.arguments: Any = np.frombuffer(self._arguments, np.int64) if self._arguments else np.zeros(1, np.int64)
        base = self.arguments.ctypes.data
        records = self._records
        records[1::4] = [base + 8 * start for start in records[1::4]]
        self._steps = array("q", records or [0])
        self.steps_address = self._steps.buffer_info()[0]
        self.memory: dict[int, ReusedMemory] = {}
        self.kept_bytes = 4000 + 10 * len(self._arguments) + 200 * len(self._memories)

    def fill(self, arena: int, leaves: Sequence[int], outputs: Sequence[int], numbers: Sequence[Any]) -> None:
        """Write addresses and numbers into the table."""
        given = [*leaves, *outputs, *[arena + offset for offset in self._inner], *numbers]
        given.append(0)
        order = [given[k] for k in self._order]
        self.table.pack_into(self.cell_and_table, 0, 0, 0, self.cell_address, arena, *order)  # type: ignore[arg-type]

    def memory_of(self, operand: Operand, leaves: list[Any], outputs: list[Any], arena: Any) -> tuple[Any, int]:
        """Memory and byte offset of an operand, for a host call."""
        which = self._order[operand.slot - 2]
        if which < len(leaves):
            return leaves[which], operand.offset
        which -= len(leaves)
        if which < len(outputs):
            return outputs[which], operand.offset
        return arena, self._inner[which - len(outputs)] + operand.offset


    def _check_memory(self, leaves: Sequence[Any], outputs: Sequence[Any], arena: Any, numbers: Sequence[Any]) -> None:
        """Memory is as large as it must be, and values that lie at one place are not alive at once."""
        inner = [memory for memory in self._memories if memory.leaf < 0 and memory.output < 0]
        inner.sort(key=lambda memory: memory.offset)
        for number, one in enumerate(inner):
            assert 0 <= one.offset and one.offset + one.bytes <= self.arena_bytes <= arena.nbytes, "a value beyond the arena"
            for other in inner[number + 1 :]:
                if other.offset >= one.offset + one.bytes:
                    break
                assert one.last < other.first or other.last < one.first, "a value where another still is"
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


class _Placing:
    """Which slots a part's temporaries, leaves, outputs and numbers take, as its outline's parameters.

    Nothing is taken before it is known that the outline holds.
    """

    __slots__ = ("parameters", "outputs", "shared", "new_numbers", "slots")

    def __init__(self, plan: AssembledPlan, part: Part, outline: Outline) -> None:
        outside = part.step.outside
        slots = plan._slots
        leaves = [plan._memory_at[outside[place]] for place in outline.leaf_places]
        #: Outputs that take the memory of a value that nobody else needs (the memory of leaves is given when the plan runs).
        self.shared: dict[int, _Memory] = {}
        for leaf, output, _ in outline.donations:
            memory = leaves[max(leaf, ~leaf)]  # a complement where an error may be found: what is lost then is computed again
            if memory.leaf < 0:
                self.shared[output] = memory
        parameters = [slots, *[memory.slot for memory in leaves]]
        slots += 1
        self.outputs: list[int] = []
        for output in range(len(outline.outputs)):
            if output in self.shared:
                self.outputs.append(self.shared[output].slot)
            else:
                self.outputs.append(slots)
                slots += 1
        self.new_numbers: dict[int, tuple[int, str]] = {}
        numbers = []
        for index, kind in zip(outline.number_indices, outline.number_kinds):
            which = plan.number_of(part, index)
            known = plan._numbers.get(which)
            if known is None:
                known = self.new_numbers[which] = slots, kind
                slots += 1
            numbers.append(known[0])
        self.slots = slots
        self.parameters = [*parameters, *self.outputs, *numbers, len(plan.late)]


when_forgotten(_parts.clear, structure=True)
