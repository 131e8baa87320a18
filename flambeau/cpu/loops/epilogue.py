"""A program as the epilogue of a template: elementwise work on results while they are still in registers.

The results of a product or a convolution form a grid of (outer, middle, inner) elements with the inner axis in lanes. The
program reads other values of the same grid by three strides each and stores what is needed.
"""

from __future__ import annotations

from ...kernels.kernel import Epilogue
from ...kernels.program import EPILOGUE_HEADER
from ..ir import Builder
from .body import Body, Place


class FusedEpilogue:
    """Serves the epilogue protocols of both matrix products and convolutions."""

    def __init__(self, epilogue: Epilogue) -> None:
        self.program = epilogue.program
        self.key = f"fused;{epilogue.program.key};{epilogue.batch}"
        self.arguments = epilogue.arguments
        self.reads = epilogue.reads
        self.writes = epilogue.writes
        self._batch = epilogue.batch

    def begin(self, b: Builder, first_argument: int) -> None:
        """Load arguments and numbers at the kernel's entry."""
        self._body = body = Body(b, self.program, first_argument)
        self._middle, self._inner = body.argument(0), body.argument(1)
        self._extents = [body.argument(len(EPILOGUE_HEADER) + axis) for axis in range(self._batch)]
        self._bases: dict[tuple[str, int], tuple[str, list[str], str]] = {}
        for index, value in enumerate(self.program.values):
            if value.kind == "load":
                strides = [body.argument(value.data[1] + axis) for axis in range(2)]
                self._bases["value", index] = (body.operand_address(value.data[0]), strides, value.dtype.storage)
        for number, store in enumerate(self.program.stores):
            self._bases["store", number] = (body.operand_address(store.operand), [], store.dtype.storage)
        body.numbers()

    def emit(
        self, b: Builder, value: str, lanes: int, outer: str | list[str], middle: str, inner: str, mask: str | None
    ) -> None:
        """Finish and store the results at (outer, middle, inner …); a list of batch indices counts in row-major order."""
        body = self._body
        flat = outer if isinstance(outer, str) else self._flattened(b, outer)
        pointers = {}
        for key, (base, strides, storage) in self._bases.items():
            if key[0] == "value":
                at = b.add(b.mul(flat, strides[0]), b.mul(middle, strides[1]))
                pointers[key] = b.offset(storage, base, at)
        line = b.mul(b.add(b.mul(flat, self._middle), middle), self._inner)
        place = Place(lanes, inner, b.add(line, inner), pointers, mask)
        place.result = value
        order = [i for i, v in enumerate(self.program.values) if v.level == "element"]
        local = body.compute(order, place)
        for number, store in enumerate(self.program.stores):
            base, _, storage = self._bases["store", number]
            body.store(
                store, number, body.operand(store.reference, place, local), place, b.offset(storage, base, place.linear)
            )

    def _flattened(self, b: Builder, indices: list[str]) -> str:
        flat = "0"
        for index, extent in zip(indices, self._extents):
            flat = b.add(b.mul(flat, extent), index)
        return flat
