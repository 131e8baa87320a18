"""The kernel of products in lane order: a matrix and a vector, or two vectors.

A product with m = 1 or n = 1 has *outputs* (the columns or the rows of the result), each the sum over k of a matrix
element times a vector element. Memory bounds it, so the matrix is read once, along whichever axis adjoins in memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir import LANES, Builder, Module, splat
from .arguments import Arguments
from .arithmetic import Element, lanes_between
from .batches import element_offset, split_index
from .epilogue import Epilogue

_ROWS = 4
"""Outputs that share the loads of the vector where k adjoins."""


@dataclass(frozen=True)
class VectorProductCode:
    """What the code of a vector product depends on.

    ``way``: which axis of the matrix adjoins in memory, ``outputs`` or ``k``, or ``any`` for neither. ``adjoining``:
    whether the vector's elements do. ``row``: the outputs are the columns of one row (m = 1), else rows of one column.
    ``rank`` and ``split`` as for the product of matrices.
    """

    element: Element
    way: str
    adjoining: bool
    row: bool
    rank: int
    split: bool

    @property
    def key(self) -> str:
        flags = f"{'row' if self.row else 'column'}{'-adjoining' if self.adjoining else ''}"
        return f"vector/{self.element.type}/{self.way}/{flags}/{self.rank}{'-split' if self.split else ''}"

    @property
    def arguments(self) -> Arguments:
        return Arguments(
            "&matrix", "matrix_offset", "output_stride", "k_stride", f"matrix_batch[{self.rank}]",
            "&vector", "vector_offset", "vector_stride", f"vector_batch[{self.rank}]",
            f"extents[{self.rank}]", "outputs", "k", "block", "tile_outputs", "output_tiles",
        )  # fmt: skip

    def scratch(self, tile_outputs: int) -> int:
        """Bytes of scratch memory: the results of a tile, and sixteen sums of each where outputs adjoin."""
        padded = -(-tile_outputs // LANES) * LANES
        return padded * self.element.bytes * (1 + LANES if self.way == "outputs" else 1)

    def emit(self, module: Module, name: str, epilogue: Epilogue) -> None:
        element, arguments = self.element, self.arguments
        b = Builder(module, name)
        epilogue.begin(b, arguments.length)
        outputs, k, block = (arguments.load(b, field) for field in ("outputs", "k", "block"))
        output_stride, k_stride = arguments.load(b, "output_stride"), arguments.load(b, "k_stride")
        vector_stride = arguments.load(b, "vector_stride")
        tile_outputs, output_tiles = arguments.load(b, "tile_outputs"), arguments.load(b, "output_tiles")
        batch = split_index(b, b.divide("%tile", output_tiles), arguments.load_all(b, "extents"))
        first = b.mul(b.remainder("%tile", output_tiles), tile_outputs)
        count = b.minimum(tile_outputs, b.sub(outputs, first))
        place = element_offset(b, arguments.load(b, "matrix_offset"), batch, arguments.load_all(b, "matrix_batch"))
        place = b.add(place, b.mul(first, output_stride))
        matrix = b.offset(element.type, arguments.load(b, "matrix"), place)
        place = element_offset(b, arguments.load(b, "vector_offset"), batch, arguments.load_all(b, "vector_batch"))
        vector = b.offset(element.type, arguments.load(b, "vector"), place)
        if self.split:
            k = b.minimum(block, b.sub(k, b.mul(batch[-1], block)))
        # Without any k there is still one (empty) block, whose sums are zeros.
        with b.loop("0", b.maximum(k, "1"), block) as first_k:
            values = {
                "results": "%scratch",
                "matrix": b.offset(element.type, matrix, b.mul(first_k, k_stride)),
                "output_stride": output_stride,
                "k_stride": k_stride,
                "vector": b.offset(element.type, vector, b.mul(first_k, vector_stride)),
                "vector_stride": vector_stride,
                "outputs": count,
                "k": b.minimum(block, b.sub(k, first_k)),
                "first": b.op(f"icmp eq i64 {first_k}, 0"),
            }
            if self.way == "outputs":
                _add_block_by_outputs(b, element, values)
            else:
                _add_block_by_k(b, element, values, self.way == "k", self.adjoining)
        if self.row:
            whole = b.mul(b.divide(count, str(LANES)), str(LANES))
            with b.loop("0", whole, str(LANES)) as i:
                result = b.load(element.vector, b.offset(element.type, "%scratch", i), 64)
                epilogue.emit(b, result, LANES, batch, "0", b.add(first, i), None)
            with b.when(b.op(f"icmp slt i64 {whole}, {count}")):
                result = b.load(element.vector, b.offset(element.type, "%scratch", whole), 64)
                mask = lanes_between(b, whole, None, count)
                epilogue.emit(b, result, LANES, batch, "0", b.add(first, whole), mask)
        else:
            with b.loop("0", count) as i:
                result = element.load(b, b.offset(element.type, "%scratch", i))
                epilogue.emit(b, result, 1, batch, b.add(first, i), "0", None)
        b.finish()


def _keep(b: Builder, element: Element, values: dict[str, str], index: str, sum: str, lanes: int) -> None:
    """Store a block's sum as the result at ``index``, or add it to the sum of the blocks before."""
    type = element.vector if lanes > 1 else element.type
    address = b.offset(element.type, values["results"], index)
    total = element.add(b, b.load(type, address, element.bytes), sum, lanes)
    b.store(type, b.op(f"select i1 {values['first']}, {type} {sum}, {type} {total}"), address, element.bytes)


def _fold(b: Builder, element: Element, sums: list[str]) -> str:
    """Add sixteen vectors pairwise: l with l + 8, then + 4, + 2, + 1."""
    while len(sums) > 1:
        half = len(sums) // 2
        sums = [element.add(b, sums[i], sums[i + half]) for i in range(half)]
    return sums[0]


def _fold_lanes(b: Builder, element: Element, sums: str) -> str:
    """Add the lanes of one vector in the same order."""
    lanes = LANES
    while lanes > 1:
        half = lanes // 2
        low = ", ".join(f"i32 {i}" for i in range(half))
        high = ", ".join(f"i32 {i + half}" for i in range(half))
        type, narrow = f"<{lanes} x {element.type}>", f"<{half} x i32>"
        x = b.op(f"shufflevector {type} {sums}, {type} poison, {narrow} <{low}>")
        y = b.op(f"shufflevector {type} {sums}, {type} poison, {narrow} <{high}>")
        add = "fadd" if element.floating else "add"
        sums = b.op(f"{add} <{half} x {element.type}> {x}, {y}")
        lanes = half
    return b.op(f"extractelement <1 x {element.type}> {sums}, i64 0")


def _add_block_by_k(b: Builder, element: Element, values: dict[str, str], contiguous: bool, adjoining: bool) -> None:
    """One K block of a tile where vectors run along k: four outputs at a time, then one."""
    in_fours = b.mul(b.divide(values["outputs"], str(_ROWS)), str(_ROWS))
    for rows, start, stop in ((_ROWS, "0", in_fours), (1, in_fours, values["outputs"])):
        function = _dot_function(b.module, element, rows, contiguous, adjoining)
        with b.loop(start, stop, str(rows)) as output:
            results = b.offset(element.type, values["results"], output)
            matrix = b.offset(element.type, values["matrix"], b.mul(output, values["output_stride"]))
            names = ("output_stride", "k_stride", "vector", "vector_stride", "k", "first")
            passed = (results, matrix, *(values[name] for name in names))
            typed = ", ".join(f"{type} {x}" for (type, _), x in zip(_DOT_PARAMETERS, passed, strict=True))
            b.do(f"call void @{function}({typed})")


_DOT_PARAMETERS = (
    ("ptr", "results"),
    ("ptr", "matrix"),
    ("i64", "output_stride"),
    ("i64", "k_stride"),
    ("ptr", "vector"),
    ("i64", "vector_stride"),
    ("i64", "k"),
    ("i1", "first"),
)


def _dot_function(module: Module, element: Element, rows: int, contiguous: bool, adjoining: bool) -> str:
    """An internal function for one K block of ``rows`` outputs, sixteen k at a time."""
    name = f"dot_{element.type}_{rows}_{'k' if contiguous else 'any'}{'_adjoining' if adjoining else ''}"
    if module.has_function(name):
        return name
    b = Builder(module, name, _DOT_PARAMETERS, internal=True, attributes="nounwind noinline")
    whole = element.vector
    sums = [b.variable(whole, "zeroinitializer", 64) for _ in range(rows)]
    starts = [b.offset(element.type, "%matrix", b.mul("%output_stride", str(row))) for row in range(rows)]

    def vector_at(start: str, k: str, stride: str, adjoins: bool, mask: str | None) -> str:
        if adjoins:
            return element.load_vector(b, b.offset(element.type, start, k), mask)
        address = b.offset(element.type, start, b.mul(k, stride))
        return element.gather(b, address, stride, mask or splat("i1", "true", LANES))

    def step(k: str, mask: str | None) -> None:
        x = vector_at("%vector", k, "%vector_stride", adjoining, mask)
        for start, place in zip(starts, sums, strict=True):
            sum = b.load(whole, place, 64)
            updated = element.multiply_add(b, vector_at(start, k, "%k_stride", contiguous, mask), x, sum)
            if mask:  # A lane without a k keeps its sum, be it a negative zero.
                updated = b.op(f"select <{LANES} x i1> {mask}, {whole} {updated}, {whole} {sum}")
            b.store(whole, updated, place, 64)

    in_vectors = b.mul(b.divide("%k", str(LANES)), str(LANES))
    with b.loop("0", in_vectors, str(LANES)) as k:
        step(k, None)
    with b.when(b.op(f"icmp slt i64 {in_vectors}, %k")):
        step(in_vectors, lanes_between(b, in_vectors, None, "%k"))
    values = {"results": "%results", "first": "%first"}
    for row, place in enumerate(sums):
        _keep(b, element, values, str(row), _fold_lanes(b, element, b.load(whole, place, 64)), 1)
    b.finish()
    return name


def _add_block_by_outputs(b: Builder, element: Element, values: dict[str, str]) -> None:
    """One K block of a tile where vectors run along outputs: sixteen arrays of sums, one for each lane of the order,
    in scratch memory, so that long stretches of the matrix are read in turn."""
    chunks = b.mul(b.divide(b.add(values["outputs"], str(LANES - 1)), str(LANES)), str(LANES))
    sums = b.offset(element.type, values["results"], chunks)
    with b.loop("0", b.mul(chunks, str(LANES)), str(LANES)) as i:
        b.store(element.vector, "zeroinitializer", b.offset(element.type, sums, i), 64)
    in_groups = b.mul(b.divide(values["k"], str(LANES)), str(LANES))
    for lanes, start, stop in ((LANES, "0", in_groups), (1, in_groups, values["k"])):
        function = _update_function(b.module, element, lanes)
        with b.loop(start, stop, str(lanes)) as k:
            lane_sums = b.offset(element.type, sums, b.mul(b.sub(k, start), chunks)) if lanes == 1 else sums
            matrix = b.offset(element.type, values["matrix"], b.mul(k, values["k_stride"]))
            vector = b.offset(element.type, values["vector"], b.mul(k, values["vector_stride"]))
            passed = (lane_sums, chunks, matrix, values["k_stride"], vector, values["vector_stride"], values["outputs"])
            typed = ", ".join(f"{type} {x}" for (type, _), x in zip(_UPDATE_PARAMETERS, passed, strict=True))
            b.do(f"call void @{function}({typed})")
    with b.loop("0", chunks, str(LANES)) as output:
        lanes_of_output = [
            b.load(element.vector, b.offset(element.type, sums, b.add(output, b.mul(chunks, str(lane)))), 64)
            for lane in range(LANES)
        ]
        _keep(b, element, values, output, _fold(b, element, lanes_of_output), LANES)


_UPDATE_PARAMETERS = (
    ("ptr", "sums"),
    ("i64", "sums_stride"),
    ("ptr", "matrix"),
    ("i64", "k_stride"),
    ("ptr", "vector"),
    ("i64", "vector_stride"),
    ("i64", "outputs"),
)


def _update_function(module: Module, element: Element, lanes: int) -> str:
    """An internal function that adds the products of ``lanes`` consecutive k to as many arrays of sums."""
    name = f"update_{element.type}_{lanes}"
    if module.has_function(name):
        return name
    b = Builder(module, name, _UPDATE_PARAMETERS, internal=True, attributes="nounwind noinline")
    in_vectors = b.mul(b.divide("%outputs", str(LANES)), str(LANES))

    def operands(lane: str) -> tuple[str, str, str]:
        """The factor of one lane in all lanes of a vector, the row of the matrix it multiplies, and the sums."""
        factor = element.load(b, b.offset(element.type, "%vector", b.mul("%vector_stride", lane)))
        row = b.offset(element.type, "%matrix", b.mul("%k_stride", lane))
        return (
            b.broadcast(element.type, factor, LANES),
            row,
            b.offset(element.type, "%sums", b.mul("%sums_stride", lane)),
        )

    def step(factor: str, row: str, sums: str, output: str, mask: str | None) -> None:
        value = element.load_vector(b, b.offset(element.type, row, output), mask)
        address = b.offset(element.type, sums, output)
        updated = element.multiply_add(b, value, factor, b.load(element.vector, address, 64))
        b.store(element.vector, updated, address, 64)

    unrolled = [operands(str(lane)) for lane in range(lanes)]
    with b.loop("0", in_vectors, str(LANES)) as output:
        for factor, row, sums in unrolled:
            step(factor, row, sums, output, None)
    with b.when(b.op(f"icmp slt i64 {in_vectors}, %outputs")):
        mask = lanes_between(b, in_vectors, None, "%outputs")
        # A loop, for where a processor has no masked loads each becomes sixteen branches.
        with b.loop("0", str(lanes)) as lane:
            step(*operands(lane), in_vectors, mask)
    b.finish()
    return name
