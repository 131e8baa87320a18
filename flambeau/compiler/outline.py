"""From a trace's items to everything that evaluating it takes, with sizes that may be symbolic.

An :class:`Outline` holds for one structure; :class:`~flambeau.compiler.plan.Plan` is what it gives for definite sizes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from copy import copy
from operator import itemgetter
from typing import Any

import numpy as np

from ..graph.primitives import LEAF, MATMUL
from ..interpreter.forks import new_lock
from ..kernels.contract import ALIGNMENT, NEW_PHASE, PADDING, STOP_ON_ERROR, Device
from ..kernels.kernel import Call, Late, Number, Operand, Shifted
from ..kernels.symbols import Symbolic, Symbols, largest, value_of
from .epilogue import EpilogueLowering
from .fuse import Fuser, Group
from .items import Access, Item, items_of
from .lower import Lowering
from .memory import lay_out, plan_arena, share_places
from .templates import HostCall, lower_single


class Work:
    """What reports say of a piece of work: label, recording line, bytes read and written, FLOPs, and whether it is native.

    Where sizes are symbolic, numbers are those of the example that was planned.
    """

    __slots__ = ("label", "site", "bytes", "flops", "tiles", "native")

    def __init__(self, piece: Call | HostCall, group: Group) -> None:
        self.label = piece.label
        self.site = next((item.site for item in group.items if item.site is not None), None)
        self.bytes = value_of(sum(operand.bytes for operand in (*piece.reads, *piece.writes)))
        self.native = isinstance(piece, Call)
        self.flops, self.tiles = (value_of(piece.flops), value_of(piece.tiles)) if isinstance(piece, Call) else (0, 0)

    def at(self, site: tuple[str, int] | None) -> Work:
        """The same work, recorded at another line."""
        made = copy(self)
        made.site = site or self.site
        return made


class Outline:
    """How to evaluate traces of one structure with one set of needed values.

    Steps that may find an error run even if nobody needs their values: all of them, or those before place ``checked``.
    ``symbols`` are those that the steps' sizes are made of, if any are symbolic. ``places`` are which temporaries take turns,
    if that is decided already.
    """

    def __init__(
        self, device: Device, steps: Sequence[Any], live: Sequence[int], fuse: bool, checked: int | None = None,
        symbols: Symbols | None = None, places: Sequence[Sequence[int]] | None = None,
    ) -> None:  # fmt: skip
        self.device = device
        self.items = items_of(steps, live, len(steps) if checked is None else checked)
        #: Where values enter the trace, whether they are needed or not.
        self.places_of_entry = [place for place, step in enumerate(steps) if step.primitive is LEAF]
        self.groups = Fuser(self.items, fuse, device.tiling).run()
        #: Held while a plan runs: the table and the arguments that move are its own.
        self.lock = new_lock()
        self.runner = device.runner
        self.late: list[Late] = []
        self._kernels: list[Any] = []
        self._loaded: list[int] = []
        self.fused = fuse
        self.depth = len(steps)
        leaves = [item for item in self.items if item.primitive is LEAF]
        self._readers = _last_readers(self.groups)
        self._dying = {id(item) for item in leaves if not live[item.place]}
        self._updates: list[tuple[int, Item, Item]] = []
        self._work: list[Call | HostCall] = []
        self._index: dict[int, int] = {}
        for number, group in enumerate(self.groups):
            self._lower(number, group)
        outputs = [item for item in self.items if item.live and item.primitive is not LEAF]
        self._bind(leaves, outputs, numbers_of(self.items), symbols, places)
        #: What reports say. Everything else that only planning needed is let go: a program may have thousands of plans.
        self.work = [Work(piece, self.groups[self._index[k]]) for k, piece in enumerate(self._work)]
        self._symbols = symbols
        #: Gives the sizes of a plan from the symbols' values; None if nothing is symbolic.
        self.sizes: Callable[..., tuple[int, ...] | None] | None = None
        if symbols is not None:
            self.sizes = symbols.binder(self.results())

    def settle(self) -> None:
        """Have the outline stand for its example alone, as one that was planned with plain integers."""
        assert self._symbols is not None
        self._symbols.bound = False
        self.sizes = None

    def let_go(self) -> None:
        """Forget what only planning needed."""
        for group in self.groups:
            for item in group.items:
                item.group = None  # they would keep each other until the cycle collector comes
        if self._symbols is not None:
            self._symbols.let_go()
        for name in ("items", "groups", "_readers", "_dying", "_updates", "_work", "_index", "_overwritten", "_symbols"):
            delattr(self, name)

    @property
    def kernels(self) -> list[int]:
        """Numbers of the kernels that step records begin with; they are loaded when these are asked for."""
        if self._kernels:
            self._loaded, self._kernels = self.device.load(self._kernels), []
        return self._loaded

    def results(self) -> list[Any]:
        """All that depends on sizes, in the order in which a :class:`~flambeau.compiler.plan.Plan` takes it."""
        calls = [piece for piece in self._work if isinstance(piece, Call)]
        return [
            self.arena_bytes, self.peak_bytes, self.scratch_stride, *self.arguments, *[call.tiles for call in calls],
            *self.outputs, *[fixed for _, fixed, _, _ in self.moved], *[late.extent for late in self.late],
            *[size for piece in self._work if isinstance(piece, HostCall) for size in piece.sizes()],
        ]  # fmt: skip

    # --- lowering --------------------------------------------------------------------------------------------------

    def _lower(self, number: int, group: Group) -> None:
        calls: list[Any]
        if group.kind == "template" and len(group.items) > 1:
            calls = list(EpilogueLowering(group, self.device).calls())
        elif group.kind in ("single", "template"):
            item = group.items[0]
            in_place = False
            if item.primitive.kind in ("write", "scatter"):
                in_place = self._take_over(number, item)
            calls = lower_single(self.device, group, in_place)
        else:
            calls = Lowering(group, self.device).calls()
        for call in calls:
            self._index[len(self._work)] = number
            self._work.append(call)

    def _take_over(self, number: int, item: Item) -> bool:
        """Whether an update may happen in the memory of what it updates: nobody reads that afterwards."""
        access = item.operands[0]
        assert isinstance(access, Access)
        source = access.source
        if source.live or self._readers.get(id(source), -1) > number or source.count == 0:
            return False
        if any(isinstance(other, Access) and other.source is source for other in item.operands[1:]):
            return False  # what is written would be read again at other places
        if source.primitive is LEAF:
            if id(source) not in self._dying:
                return False
            self._dying.discard(id(source))
            self._updates.append((len(self._work), source, item))
            return True
        item.operand = source.store()
        return True

    # --- memory and arguments --------------------------------------------------------------------------------------

    def _bind(
        self, leaves: list[Item], outputs: list[Item], numbers: list[Number], symbols: Symbols | None,
        places: Sequence[Sequence[int]] | None,
    ) -> None:
        slots = 2
        for item in leaves:
            operand = item.store()
            operand.slot = slots
            slots += 1
        self.leaf_places = [item.place for item in leaves]
        #: Bytes of each output.
        self.outputs: list[int] = []
        output_slots: dict[int, int] = {}
        output_places: list[int] = []
        for item in outputs:
            operand = item.store()
            if id(operand) not in output_slots:
                output_slots[id(operand)] = len(self.outputs)
                operand.slot = slots
                slots += 1
                self.outputs.append(operand.bytes)
            output_places.append(item.place)
        # Values updated in a leaf's own memory that are not outputs: they stay where the leaf is.
        self.output_places = output_places
        self.output_of_place = [output_slots[id(item.store())] for item in outputs]
        for call in self._work:
            call.reads = tuple(dict.fromkeys(o.base if isinstance(o, Shifted) else o for o in call.reads))
        self._donate(leaves, output_slots)
        slots = 2 + len(leaves) + len(self.outputs)  # donation may have added outputs
        number_slots = {number.index: slots + k for k, number in enumerate(numbers)}
        self.number_indices = [number.index for number in numbers]
        self.number_kinds = [number.kind for number in numbers]
        temporaries = self._temporaries()
        phases = self._phases()
        #: Which temporaries take turns in one place, where sizes are symbolic.
        self.places: Sequence[Sequence[int]] | None = places
        if symbols is None:
            arena_bytes, self.peak_bytes = plan_arena(self._work, phases, temporaries)
        else:
            self.places = share_places(self._work, phases, temporaries) if places is None else places
            arena_bytes, self.peak_bytes = lay_out(temporaries, self.places)
        #: Scratch memory follows, from a cache line on that nobody writes beyond the end of a temporary.
        self.arena_bytes = -(-arena_bytes // ALIGNMENT) * ALIGNMENT + PADDING
        for operand in temporaries:
            operand.slot = 1
        self._pack(phases, number_slots)
        shape = "qqqq" + "q" * (len(leaves) + len(self.outputs)) + "".join("d" if n.kind == "f" else "q" for n in numbers)
        self.table = struct.Struct(shape)
        #: The error cell, and behind it the table of addresses and numbers that kernels are given. Runs take turns.
        self.cell_and_table = np.zeros(self.table.size // 8, dtype=np.int64)
        self.cell_address = self.cell_and_table.ctypes.data
        scratch = largest([0, *[call.scratch for call in self._work if isinstance(call, Call)]])
        self.scratch_stride = -(-scratch // 64) * 64

    def _donate(self, leaves: list[Item], output_slots: dict[int, int]) -> None:
        """Give outputs the memory of leaves that nobody holds any more.

        Only where a failure cannot be found afterwards: what is overwritten could not be brought back.
        """
        last_check = max((k for k, call in enumerate(self._work) if _may_fail(call)), default=-1)
        #: For each donation: leaf number, output number, and whether the content must be there beforehand.
        self.donations: list[tuple[int, int, bool]] = []
        #: The operands whose memory outputs take: whoever reads them must be done before these are written.
        self._overwritten: dict[int, int] = {}
        number_of_leaf = {id(item): k for k, item in enumerate(leaves)}
        taken: set[int] = set()
        for position, leaf, item in self._updates:
            operand = item.store()
            output = output_slots.get(id(operand))
            if output is None:
                output = output_slots[id(operand)] = len(self.outputs)
                operand.slot = 2 + len(leaves) + output
                self.outputs.append(operand.bytes)
            self.donations.append(
                (number_of_leaf[id(leaf)] if position > last_check else ~number_of_leaf[id(leaf)], output, True)
            )
            taken.add(output)
            self._overwritten[id(operand)] = id(leaf.store())
        for group_number, group in enumerate(self.groups):
            if group.kind == "single" or group.kind == "template" and group.items[0].primitive is not MATMUL:
                continue
            for item in reversed(group.items):  # a parameter's new value rather than its gradient
                if not item.live or item.level not in ("element", "result") or item.operand is None:
                    continue
                output = output_slots[id(item.operand)]
                if output in taken:
                    continue
                donor = self._donor(group, group_number, item)
                if donor is not None and self._first_call(group_number) > last_check:
                    self._dying.discard(id(donor))
                    taken.add(output)
                    self.donations.append((number_of_leaf[id(donor)], output, False))
                    self._overwritten[id(item.operand)] = id(donor.store())
        self.donations.sort(key=itemgetter(1))  # in this order they are put among the other outputs

    def _donor(self, group: Group, number: int, item: Item) -> Item | None:
        """A dying leaf that this group alone reads last, each element where the item's element is written."""
        if item.level == "element" and item.stage < max(i.stage for i in group.items if i.level == "element"):
            return None  # later passes over a row would read it again
        # The operands of a product are read again for other elements too.
        factors = group.items[0].operands if group.kind == "template" else ()
        excluded = {id(factor.source) for factor in factors if isinstance(factor, Access)}
        for user in (item, *group.items) if item.level == "element" else (item,):
            for operand in user.operands:
                if not isinstance(operand, Access) or id(operand.source) not in self._dying:
                    continue
                leaf = operand.source
                if id(leaf) in excluded or self._readers.get(id(leaf), -1) != number:
                    continue
                if leaf.bytes != item.bytes or leaf.dtype.itemsize != item.dtype.itemsize:
                    continue
                if all(self._reads_in_step(i, leaf, item.level) for i in group.items):
                    return leaf
        return None

    @staticmethod
    def _reads_in_step(reader: Item, leaf: Item, level: str) -> bool:
        """Whether ``reader`` reads of ``leaf``, if it does, just the element that is due at ``level``."""
        kind = reader.primitive.kind
        for index, operand in enumerate(reader.operands):
            if not isinstance(operand, Access) or operand.source is not leaf:
                continue
            if not operand.dense or kind == "gather" and index == 0:
                return False
            if ("element" if kind == "reduce" else reader.level) != level:
                return False
        return True

    def _first_call(self, group_number: int) -> int:
        return min((k for k, g in self._index.items() if g == group_number), default=-1)

    def _temporaries(self) -> list[Operand]:
        found: dict[int, Operand] = {}
        for call in self._work:
            for operand in (*call.reads, *call.writes):
                if operand.slot < 0:
                    found[id(operand)] = operand
        return list(found.values())

    def _phases(self) -> list[int]:
        """The phase of each piece of work: calls of one phase do not touch each other's results."""
        phases: list[int] = []
        phase = 0
        written: set[int] = set()
        read: set[int] = set()
        for call in self._work:
            reads = {id(o) for o in call.reads}
            writes = {id(o) for o in call.writes}
            writes |= {self._overwritten[o] for o in writes if o in self._overwritten}
            if isinstance(call, HostCall) or reads & written or writes & (written | read):
                phase += 1
                written, read = set(), set()
            written |= writes
            read |= reads
            phases.append(phase)
            if isinstance(call, HostCall):
                phase += 1
                written, read = set(), set()
        return phases

    def _pack(self, phases: list[int], number_slots: dict[int, int]) -> None:
        """Write the step records and all arguments; find the segments between host calls."""
        calls = [call for call in self._work if isinstance(call, Call)]
        #: The kernels that are not loaded yet, and the numbers of those that are.
        self._kernels = [call.kernel for call in calls]
        self._loaded = []
        #: The flags that step records end with.
        self.flags: list[int] = []
        #: Arguments that move with a number given at each run: (position, bytes, number, bytes per unit).
        self.moved: list[tuple[int, int, int, int]] = []
        #: Which arguments are slots of memory (offsets in it follow), slots of numbers, and numbers of errors.
        self.operands_at: list[int] = []
        self.numbers_at: list[int] = []
        self.errors_at: list[int] = []
        arguments: list[Any] = []
        starts: list[int] = []
        for call in calls:
            starts.append(len(arguments))
            for a in call.arguments:
                if type(a) is int or type(a) is Symbolic:
                    arguments.append(a)
                elif isinstance(a, Shifted):
                    self.operands_at.append(len(arguments))
                    arguments.append(a.base.slot)
                    if a.number is not None:
                        self.moved.append((len(arguments), a.base.offset + a.offset, a.number.index, a.itemsize))
                    arguments.append(a.base.offset + a.offset)
                elif isinstance(a, Operand):
                    self.operands_at.append(len(arguments))
                    arguments.append(a.slot)
                    arguments.append(a.offset)
                elif isinstance(a, Number):
                    self.numbers_at.append(len(arguments))
                    arguments.append(number_slots[a.index])
                elif isinstance(a, Late):
                    self.late.append(a)
                    self.errors_at.append(len(arguments))
                    arguments.append(len(self.late))
                else:
                    arguments.append(a)
        self.arguments = arguments
        #: Where the arguments of each call begin.
        self.starts = starts
        #: Native runs (first step, count) and host calls, in order.
        self.segments: list[tuple[int, int] | HostCall] = []
        previous = -1
        donating = {id(self._work[k]) for k in self._donating_calls()}
        for piece, phase in zip(self._work, phases):
            if isinstance(piece, HostCall):
                self.segments.append(piece)
                previous = -1
                continue
            flags = 0
            if phase != previous:
                flags |= NEW_PHASE
            if id(piece) in donating and self.late:
                flags |= NEW_PHASE | STOP_ON_ERROR
            if previous == -1:
                self.segments.append((len(self.flags), 1))
            else:
                first, length = self.segments[-1]  # type: ignore[misc]
                self.segments[-1] = (first, length + 1)
            self.flags.append(flags)
            previous = phase

    def _donating_calls(self) -> list[int]:
        outputs = {output for leaf, output, _ in self.donations if leaf >= 0}
        by_slot = {2 + len(self.leaf_places) + output for output in outputs}
        return [k for k, call in enumerate(self._work) if any(o.slot in by_slot for o in call.writes)]


def load_together(device: Device, outlines: Sequence[Outline]) -> None:
    """Load the kernels of all these: what is not compiled yet is at once, on all processors."""
    kernels = [kernel for outline in outlines for kernel in outline._kernels]
    if kernels:
        device.load(kernels)


def _may_fail(call: Call | HostCall) -> bool:
    return isinstance(call, HostCall) or any(isinstance(a, Late) for a in call.arguments)


def _last_readers(groups: list[Group]) -> dict[int, int]:
    """For each item, the last group (by order) that reads its memory."""
    last: dict[int, int] = {}
    for number, group in enumerate(groups):
        for item in group.items:
            for operand in item.operands:
                if isinstance(operand, Access) and operand.source.group is not group:
                    last[id(operand.source)] = number
                elif isinstance(operand, Access) and operand.source.primitive is LEAF:
                    last[id(operand.source)] = number
    return last


def numbers_of(items: list[Item]) -> list[Number]:
    """The Python numbers that the items use, each once."""
    found: dict[int, Number] = {}
    for item in items:
        for operand in item.operands:
            if isinstance(operand, Number):
                found[operand.index] = operand
    return list(found.values())
