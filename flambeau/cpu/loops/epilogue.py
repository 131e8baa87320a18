"""A program as the epilogue of a template: elementwise work on results while they are still in registers.

The program reads other values of the grid of results by three strides each and stores what is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...kernels.kernel import Epilogue
from ...kernels.program import EPILOGUE_HEADER
from ..arguments import Arguments
from ..ir import KernelBuilder
from ..values import BYTE, Value
from .body import Body, Place


class FusedEpilogue:
    """The :class:`~flambeau.cpu.epilogue.EpilogueCode` that a program describes."""

    def __init__(self, epilogue: Epilogue) -> None:
        self.program = epilogue.program
        self.key = f"fused;{epilogue.program.key};{epilogue.batch}"
        self.arguments = epilogue.arguments
        self.reads = epilogue.reads
        self.writes = epilogue.writes
        self._batch = epilogue.batch

    def begin(self, b: KernelBuilder, first_argument: int) -> None:
        """Load arguments and numbers at the kernel's entry."""
        self._a = Arguments(*EPILOGUE_HEADER, f"extents[{self._batch}]").load(b, BYTE, first_argument)
        self._body = Body(b, self.program, 2, first_argument)

    def emit(
        self, value: Value, outer: Sequence[Value], middle: Value, inner: Value, mask: Value | None = None
    ) -> None:
        """Finish and store the results at (outer, middle, inner …)."""
        body, a = self._body, self._a
        flat = outer[0] if outer else value.builder.index(0)
        for index, extent in zip(outer[1:], a.extents[1:]):
            flat = flat * extent + index
        line = (flat * a.middle + middle) * a.inner
        place = Place(value.lanes, inner, line + inner, body.pointers([flat, middle]), mask, value)
        order = [i for i, v in enumerate(self.program.values) if v.level == "element"]
        local = body.compute(order, place)
        for number, written in enumerate(self.program.stores):
            dense = body.bases["store", number][0] + place.linear
            body.store(number, body.operand(written.reference, place, local), place, dense)
