"""A plan: everything that evaluating a trace takes, as data. :mod:`flambeau.compiler.running` runs it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..kernels.contract import ReusedMemory
from ..kernels.kernel import Late, Operand
from .outline import Outline
from .templates import HostCall
from .verify import CHECK, verified


class Plan:
    """What an outline gives for definite sizes: ``sizes`` are the values of its :meth:`~.Outline.results`."""

    loops = False

    def __init__(self, outline: Outline, sizes: Sequence[int], live: Sequence[int], check: Any = None) -> None:
        self.outline = outline
        self.device, self.runner, self.lock, self.fused = outline.device, outline.runner, outline.lock, outline.fused
        self.places_of_entry, self.leaf_places = outline.places_of_entry, outline.leaf_places
        self.output_places, self.output_of_place = outline.output_places, outline.output_of_place
        self.donations, self.number_indices = outline.donations, outline.number_indices
        self.table, self.cell_and_table, self.cell_address = outline.table, outline.cell_and_table, outline.cell_address
        following = iter(sizes)
        self.arena_bytes, self.peak_bytes, self.scratch_stride = islice(following, 3)
        self.arguments = np.fromiter(islice(following, len(outline.arguments)), np.int64, len(outline.arguments))
        base = self.arguments.ctypes.data
        steps: list[int] = []
        for kernel, start, tiles, flags in zip(outline.kernels, outline.starts, following, outline.flags):
            steps += (kernel, base + 8 * start, tiles, flags)
        self._steps = np.array(steps or [0], dtype=np.int64)
        self.steps_address = self._steps.ctypes.data
        #: Bytes of each output.
        self.outputs = list(islice(following, len(outline.outputs)))
        #: Arguments that move with a number given at each run: (position, bytes, number, bytes per unit).
        self.moved = [(place, next(following), number, unit) for place, _, number, unit in outline.moved]
        definite = outline.sizes is None
        self.late: list[Late] = [late if definite else late.within(extent) for late, extent in zip(outline.late, following)]
        #: Native runs (first step, count) and host calls, in order.
        self.segments: list[tuple[int, int] | HostCall] = [
            piece if definite or not isinstance(piece, HostCall) else piece.with_sizes(following)
            for piece in outline.segments
        ]
        #: Where outputs that take no leaf's memory, the temporaries and the scratch memory are, by the number of threads.
        self.memory: dict[int, ReusedMemory] = {}
        #: What verifies the memory of each run, if plans are verified.
        self.check = verified(self, live) if CHECK and check is None else check
        #: What it takes in memory, about (measured; beside the memory that it keeps for its values). An outline that holds for
        #: other sizes as well is not the plan's own.
        own = 600 * len(outline.work) if definite else 0
        self.kept_bytes = 4000 + own + self.arguments.nbytes + self._steps.nbytes + 16 * outline.depth

    def fill(self, arena: int, leaves: Iterable[int], outputs: Iterable[int], numbers: Sequence[Any]) -> None:
        """Write addresses and numbers into the table."""
        cell: Any = self.cell_and_table
        self.table.pack_into(cell, 0, 0, 0, self.cell_address, arena, *leaves, *outputs, *numbers)

    def memory_of(self, operand: Operand, leaves: list[Any], outputs: list[Any], arena: Any) -> tuple[Any, int]:
        """Memory and byte offset of an operand, for a host call."""
        slot = operand.slot
        if slot == 1:
            return arena, operand.offset
        if slot - 2 < len(leaves):
            return leaves[slot - 2], 0
        return outputs[slot - 2 - len(leaves)], 0

    @property
    def work(self) -> Any:
        """What reports say of its pieces of work."""
        return self.outline.work

