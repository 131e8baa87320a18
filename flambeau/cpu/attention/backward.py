"""The kernel of attention's gradients: a panel of keys at a time, their weights a block of queries at a time.

With P the weights, D what dropout multiplies them by, and G the gradient of the result: the gradient of the value is (D P)ᵀ G,
that of the scores is P (D (G vᵀ) - delta), where ``delta`` of a row is the sum of G times the result, and those of query and
key are products of the latter with the key and the query, times the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...kernels.kernel import Attention, Call, Operand, Strided
from ..arguments import Arguments
from ..ir import Kernel, KernelBuilder, Module
from ..values import LANES, Type, Value, unraveled, where
from ..zeros import emit_zero
from .matrix import Matrix, matrix_arguments, matrix_of, matrix_values, way_of_packing
from .panels import PADDING_ROWS, Panels, scale_rows, unpack_function
from .scores import ScoreCode, Scores, number_of, power, score_values

KEYS_BACKWARD = 32
"""Keys of a block: a panel of them, or two."""

QUERIES = 64
"""Queries of a block."""

ENOUGH_TILES = 16
FEWEST_BLOCKS = 4
"""Keys of an element of the batch are cut into parts of at least so many blocks, if there are not enough elements."""

ROWS_A_TILE = 64
"""Queries of which the parts of gradients are added up by one tile."""

SCRATCH = ("keys values key_rows grad_keys grad_values weights slopes").split()
"""What a tile has in scratch memory."""


def lower_attention_gradient(
    attention: Attention, gradient: Strided, sums: Operand, delta: Operand, results: tuple[Operand, Operand, Operand]
) -> list[Call]:
    """The calls that compute the gradients of query, key and value, all contiguous, from that of the result, the logarithms of
    the ``sums`` of exponentials and ``delta`` (batch, rows)."""
    scores = ScoreCode.of(attention, across=False)
    panels = Panels(scores.type)
    ways = way_of_packing(attention.key), way_of_packing(attention.value)
    code = BackwardCode(scores, panels.key, ways)
    matrices = 1
    for extent in attention.batch:
        matrices = matrices * extent
    padded = -(-attention.width // panels.width) * panels.width
    blocks = -(-attention.places // KEYS_BACKWARD)
    parts = max(1, min(-(-ENOUGH_TILES // matrices), blocks // FEWEST_BLOCKS))
    blocks_a_part = -(-blocks // parts)
    parts = -(-blocks // blocks_a_part)
    part_pitch = (attention.rows + PADDING_ROWS) * padded
    partial = Operand(matrices * parts * part_pitch * scores.type.bytes, "parts of the queries' gradients")
    block = (QUERIES + PADDING_ROWS) * KEYS_BACKWARD
    sizes = (
        attention.width * KEYS_BACKWARD, attention.value_width * KEYS_BACKWARD, KEYS_BACKWARD * padded,
        (attention.width + PADDING_ROWS) * KEYS_BACKWARD, (attention.value_width + PADDING_ROWS) * KEYS_BACKWARD, block, block,
    )  # fmt: skip
    places: dict[str, Any] = {}
    end = 0
    for name, size in zip(SCRATCH, sizes, strict=True):
        places[f"{name}_at"] = end
        end = end + size
    grad_query, grad_key, grad_value = results
    arguments = code.arguments.values(
        **matrix_values(query=attention.query, key=attention.key, value=attention.value, gradient=gradient),
        sums=sums, delta=delta,
        partial=partial, grad_key=grad_key, grad_value=grad_value, width=attention.width, value_width=attention.value_width,
        padded=padded, parts=parts, part_pitch=part_pitch, keys_a_part=blocks_a_part * KEYS_BACKWARD, **places,
        **score_values(attention),
    )  # fmt: skip
    mask = () if attention.mask is None else (attention.mask.operand,)
    read = (attention.query.operand, attention.key.operand, attention.value.operand, gradient.operand, sums, delta, *mask)
    call = Call(
        Kernel(code.key, code.emit),
        arguments,
        tiles=matrices * parts,
        scratch=end * scores.type.bytes,
        reads=read,
        writes=(partial, grad_key, grad_value),
        flops=2 * matrices * attention.rows * attention.places * (3 * attention.width + 2 * attention.value_width),
        label="attention gradient",
    )
    row_tiles = -(-attention.rows // ROWS_A_TILE)
    combined = COMBINE_ARGUMENTS.values(
        partial=partial, grad_query=grad_query, rows=attention.rows, width=attention.width, padded=padded, parts=parts,
        part_pitch=part_pitch, row_tiles=row_tiles, scale=attention.scale,
    )  # fmt: skip
    type = scores.type
    kernel = Kernel(f"attention combine {type}", lambda module, name: _emit_combine(module, name, type))
    label = "combine queries' gradients"
    return [call, Call(kernel, combined, matrices * row_tiles, reads=(partial,), writes=(grad_query,), label=label)]


COMBINE_ARGUMENTS = Arguments("&partial &grad_query rows width padded parts part_pitch row_tiles scale")


def _emit_combine(module: Module, name: str, type: Type) -> None:
    """Add up the parts of each row in order, and multiply by the scale."""
    b = KernelBuilder(module, name)
    a = COMBINE_ARGUMENTS.load(b, type)
    scale = number_of(b, a.scale, type)
    matrix, first = b.tile // a.row_tiles, b.tile % a.row_tiles * ROWS_A_TILE
    with b.loop(first, (first + ROWS_A_TILE).at_most(a.rows)) as row:
        source = a.partial + (matrix * a.parts * a.part_pitch + row * a.padded)
        target = a.grad_query + (matrix * a.rows + row) * a.width
        for element, mask in b.vectors(0, a.width):
            total = b.variable((source + element).load(LANES))
            with b.loop(1, a.parts) as part:
                total.value = total.value + (source + (part * a.part_pitch + element)).load(LANES)
            (target + element).store(total.value * scale, mask)
    b.finish()


@dataclass(frozen=True)
class BackwardCode:
    """What the code of the kernel depends on: ``ways`` are those of packing keys and values."""

    scores: ScoreCode
    panels: str
    ways: tuple[str, str]

    @property
    def key(self) -> str:
        return f"attention gradient {self.scores.key} {self.panels} {' '.join(self.ways)}"

    @property
    def arguments(self) -> Arguments:
        """``padded`` is the width of rows of ``partial``, the parts of the queries' gradients, which are ``part_pitch`` apart."""
        return Arguments(
            matrix_arguments(self.scores.rank, "query", "key", "value", "gradient"),
            "&sums &delta &partial &grad_key &grad_value width value_width padded parts part_pitch keys_a_part",
            " ".join(f"{name}_at" for name in SCRATCH),
            self.scores.arguments,
        )

    def emit(self, module: Module, name: str) -> None:
        _Writer(self, KernelBuilder(module, name)).write()


class _Writer:
    """Writes the function, from the loop over keys inwards. Panels of a block of keys stand side by side in its rows."""

    def __init__(self, code: BackwardCode, b: KernelBuilder) -> None:
        self.b, self.code = b, code
        self.type = type = code.scores.type
        self.a: Any = code.arguments.load(b, type)
        self.panels = Panels(type)
        self.unpack = unpack_function(b.module, type, KEYS_BACKWARD)
        scratch = b.scratch.of(type)
        self.at = {name: scratch + getattr(self.a, f"{name}_at") for name in SCRATCH}

    def write(self) -> None:
        b, a = self.b, self.a
        self.number = number = b.tile // a.parts
        indices = unraveled(number, a.extents)
        names = "query", "key", "value", "gradient"
        self.query, self.key, self.value, self.gradient = (matrix_of(a, name, indices) for name in names)
        self.scores = Scores(b, a, self.code.scores, indices, number)
        self.sums, self.delta = a.sums + number * a.rows, a.delta + number * a.rows
        self.grad_queries = a.partial + b.tile * a.part_pitch
        emit_zero(b, self.grad_queries, a.rows * a.padded)
        first = b.tile % a.parts * a.keys_a_part
        with b.loop(first, (first + a.keys_a_part).at_most(a.places), KEYS_BACKWARD) as key:
            self._keys(key, (a.places - key).at_most(KEYS_BACKWARD))
        b.finish()

    def _keys(self, key: Value, keys: Value) -> None:
        """The gradients of ``keys`` keys and values from ``key`` on, and what they add to the queries' gradients."""
        b, a, at, width = self.b, self.a, self.at, self.panels.width
        self.lanes = [self.scores.lanes(key + lane, key + keys) for lane in range(0, KEYS_BACKWARD, LANES)]
        for way, matrix, panel, extent in (
            (self.code.ways[0], self.key, at["keys"], a.width), (self.code.ways[1], self.value, at["values"], a.value_width)
        ):  # fmt: skip
            for lane in range(0, KEYS_BACKWARD, width):
                start = (keys - 1).at_most(lane)  # where there are no more keys the last is packed again
                columns = (keys - start).at_most(width)
                self.panels.pack(b, way, matrix.from_row(key + start), columns, extent, panel + extent * lane)
        self._copy_keys(key, keys)
        begin = key if self.code.scores.causal else 0  # queries before the keys do not see them
        for gradient, extent in (("grad_keys", a.width), ("grad_values", a.value_width)):
            emit_zero(b, at[gradient], extent * KEYS_BACKWARD)
        with b.loop(begin, a.rows, QUERIES) as row:
            self._queries(key, keys, row, (a.rows - row).at_most(QUERIES))
        scale_rows(b, at["grad_keys"], a.width, KEYS_BACKWARD, [self.scores.scale.broadcast()] * (KEYS_BACKWARD // LANES))
        first = self.number * a.places + key
        for gradient, target, extent in (("grad_keys", a.grad_key, a.width), ("grad_values", a.grad_value, a.value_width)):
            self.unpack(
                b, panel=at[gradient], target=target + first * extent, target_row=extent, rows=keys, columns=extent
            )

    def _copy_keys(self, key: Value, keys: Value) -> None:
        """Rows of keys with nothing in between, filled up with zeros to whole panels."""
        b, a = self.b, self.a
        rows = self.at["key_rows"]
        emit_zero(b, rows, keys * a.padded)
        with b.loop(0, keys) as number:
            source, target = self.key.from_row(key + number), rows + number * a.padded
            if self.code.ways[0] == "k":
                for element, mask in b.vectors(0, a.width):
                    (target + element).store((source.start + element).load(LANES, mask), mask)
            else:
                with b.loop(0, a.width) as element:
                    target[element] = source.start[element * source.element]

    def _queries(self, key: Value, keys: Value, row: Value, rows: Value) -> None:
        """What ``rows`` queries from ``row`` on add."""
        b, a, at, width = self.b, self.a, self.at, self.panels.width
        multiply = self.panels.multiply
        query, gradient = self.query.from_row(row), self.gradient.from_row(row)
        weights, slopes, grad_keys, grad_values = (
            Matrix(at[name], KEYS_BACKWARD) for name in ("weights", "slopes", "grad_keys", "grad_values")
        )
        lanes = range(0, KEYS_BACKWARD, width)
        for lane in lanes:
            keys_panel, values_panel = (
                Matrix(panel + extent * lane, width) for panel, extent in ((at["keys"], a.width), (at["values"], a.value_width))
            )
            multiply(b, rows, a.width, query, keys_panel, weights.from_element(lane), 1)
            multiply(b, rows, a.value_width, gradient, values_panel, slopes.from_element(lane), 1)
        with b.loop(0, rows) as number:
            self._weigh(number, row + number)
        for lane in lanes:
            right = weights.from_element(lane)
            multiply(b, a.value_width, rows, gradient.turned, right, grad_values.from_element(lane), 0)
            right = slopes.from_element(lane)
            multiply(b, a.width, rows, query.turned, right, grad_keys.from_element(lane), 0)
        grad_queries, key_rows = Matrix(self.grad_queries, a.padded).from_row(row), Matrix(at["key_rows"], a.padded)
        with b.loop(0, a.padded, width) as element:
            multiply(b, rows, keys, slopes, key_rows.from_element(element), grad_queries.from_element(element), 0)

    def _weigh(self, number: Value, row: Value) -> None:
        """From products with keys and values, the weights that multiply values and the gradients of scores."""
        scores = self.scores
        logarithm, delta = self.sums[row], self.delta[row]
        for vector, lanes in enumerate(self.lanes):
            place = number * KEYS_BACKWARD + vector * LANES
            weights, slopes = self.at["weights"] + place, self.at["slopes"] + place
            mask = scores.mask_of(lanes, row) if self.code.scores.mask else None
            weight = power(scores.masked(weights.load(LANES), lanes, row, mask) - logarithm)
            slope = slopes.load(LANES)
            dropped = weight
            if self.code.scores.dropped:
                factor = where(scores.kept(lanes, row), scores.factor.broadcast(), 0)
                slope, dropped = slope * factor, weight * factor
            weights.store(dropped)
            slopes.store(weight * (slope - delta))
