"""The kernel of attention: a panel of queries at a time, their scores a block of keys at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...kernels.kernel import Attention, Call, Operand, Strided
from ..arguments import Arguments
from ..ir import Kernel, KernelBuilder, Module
from ..values import LANES, Value, unraveled, where
from ..vector_math import FUNCTIONS
from .matrix import Matrix, matrix_arguments, matrix_of, matrix_values, way_of_packing
from .panels import PADDING_ROWS, Panels, scale_rows, unpack_function
from .scores import Lanes, ScoreCode, Scores, power, score_values

KEYS = 64
"""Keys of a block: they and their values stay in the first-level cache."""


def lower_attention(attention: Attention, result: Strided, sums: Operand) -> list[Call]:
    """The calls that compute the ``result``, whose elements adjoin along the last axis, and the logarithms of the ``sums`` of
    exponentials (batch, rows), contiguous."""
    scores = ScoreCode.of(attention, across=True)
    panels = Panels(scores.type)
    code = ForwardCode(scores, panels.key, way_of_packing(attention.query))
    width = panels.width
    blocks = -(-attention.rows // width)
    matrices = 1
    for extent in attention.batch:
        matrices = matrices * extent
    packed = attention.width * width
    results_at = packed + (KEYS + PADDING_ROWS) * width
    mask_at = results_at + (attention.value_width + PADDING_ROWS) * width
    arguments = code.arguments.values(
        **matrix_values(query=attention.query, key=attention.key, value=attention.value, result=result), sums=sums,
        width=attention.width, value_width=attention.value_width, blocks=blocks, scores_at=packed, results_at=results_at,
        mask_at=mask_at, **score_values(attention),
    )  # fmt: skip
    mask = () if attention.mask is None else (attention.mask.operand,)
    return [
        Call(
            Kernel(code.key, code.emit),
            arguments,
            tiles=matrices * blocks,
            scratch=(mask_at + KEYS * width) * scores.type.bytes,
            reads=(attention.query.operand, attention.key.operand, attention.value.operand, *mask),
            writes=(result.operand, sums),
            flops=2 * matrices * attention.rows * attention.places * (attention.width + attention.value_width),
            label="attention",
        )
    ]


@dataclass(frozen=True)
class ForwardCode:
    """What the code of the kernel depends on: ``way`` is that of packing queries."""

    scores: ScoreCode
    panels: str
    way: str

    @property
    def key(self) -> str:
        return f"attention {self.scores.key} {self.panels} {self.way}"

    @property
    def arguments(self) -> Arguments:
        """``blocks`` of queries are tiles; what ends in ``_at`` are places in scratch memory, in elements."""
        matrices = matrix_arguments(self.scores.rank, "query", "key", "value", "result")
        return Arguments(matrices, "&sums width value_width blocks scores_at results_at mask_at", self.scores.arguments)

    def emit(self, module: Module, name: str) -> None:
        _Writer(self, KernelBuilder(module, name)).write()


class _Writer:
    """Writes the function."""

    def __init__(self, code: ForwardCode, b: KernelBuilder) -> None:
        self.b, self.code = b, code
        self.a: Any = code.arguments.load(b, code.scores.type)
        self.panels = Panels(code.scores.type)
        scratch = b.scratch.of(code.scores.type)
        self.queries, self.weights, self.results = scratch, scratch + self.a.scores_at, scratch + self.a.results_at
        self.mask = (scratch + self.a.mask_at).of(code.scores.mask_type)

    def write(self) -> None:
        b, a, type, width = self.b, self.a, self.code.scores.type, self.panels.width
        number = b.tile // a.blocks
        indices = unraveled(number, a.extents)
        self.first = first = b.tile % a.blocks * width
        self.count = count = (a.rows - first).at_most(width)
        query = matrix_of(a, "query", indices).from_row(first)
        self.key, self.value = (matrix_of(a, name, indices) for name in ("key", "value"))
        self.panels.pack(b, self.code.way, query, count, a.width, self.queries)
        self.scores = Scores(b, a, self.code.scores, indices, number)
        starts = [first + vector * LANES for vector in range(self.panels.vectors)]
        self.lanes = [self.scores.lanes(start, first + count) for start in starts]
        self.highest = [b.variable(b.constant(type.vector(), -math.inf)) for _ in starts]
        self.totals = [b.variable(b.constant(type.vector(), 0)) for _ in starts]
        limit = a.places.at_most(first + count) if self.code.scores.causal else a.places
        with b.loop(0, limit, KEYS) as key:
            self._block(key, (limit - key).at_most(KEYS))
        inverses = []
        for start, lanes, highest, total in zip(starts, self.lanes, self.highest, self.totals):
            nothing = total.value.equals(0)
            inverses.append(where(nothing, 0, 1 / total.value))
            logarithm = where(nothing, math.inf, highest.value + FUNCTIONS["log"](total.value))
            (a.sums + (number * a.rows + start)).store(logarithm, lanes.exist)
        scale_rows(b, self.results, a.value_width, width, inverses)
        result = matrix_of(a, "result", indices).from_row(first)
        unpack_function(b.module, type, width)(
            b, panel=self.results, target=result.start, target_row=result.row, rows=count, columns=a.value_width
        )
        b.finish()

    def _block(self, key: Value, keys: Value) -> None:
        """Take in ``keys`` keys from ``key`` on."""
        b, a, width = self.b, self.a, self.panels.width
        first = key.equals(0)
        weights = Matrix(self.weights, width)
        self.panels.multiply(b, keys, a.width, self.key.from_row(key), Matrix(self.queries, width), weights, 1)
        if self.code.scores.mask_step == "k":
            mask = Matrix(self.scores.mask, a.mask_row).from_row(self.first).from_element(key)
            self.panels.pack(b, "k", mask, self.count, keys, self.mask)
        tops = [b.variable(highest.value) for highest in self.highest]
        with b.loop(0, keys) as row:
            for vector, (lanes, top) in enumerate(zip(self.lanes, tops)):
                at = row * width + vector * LANES
                place = self.weights + at
                score = self.scores.masked(place.load(LANES), lanes, key + row, self._mask(lanes, key + row, at))
                place.store(score)
                top.value = where(score > top.value, score, top.value)
        shifts = []
        factors = []
        for top, highest, total in zip(tops, self.highest, self.totals):
            shift = where(top.value.equals(-math.inf), 0, top.value)
            factor = power(highest.value - shift)
            highest.value = top.value
            total.value = total.value * factor
            shifts.append(shift)
            factors.append(factor)
        with b.loop(0, keys) as row:
            for vector, (lanes, shift, total) in enumerate(zip(self.lanes, shifts, self.totals)):
                place = self.weights + (row * width + vector * LANES)
                weight = power(place.load(LANES) - shift)
                total.value = total.value + weight
                place.store(self._dropped(weight, lanes, key + row))
        for beginning in b.either(first):
            if not beginning:
                scale_rows(b, self.results, a.value_width, width, factors)
        values = self.value.from_row(key).turned
        self.panels.multiply(b, a.value_width, keys, values, weights, Matrix(self.results, width), first)

    def _mask(self, lanes: Lanes, key: Value, at: Value) -> Value | None:
        """The mask of scores that lie ``at`` a place of the block."""
        code = self.code.scores
        if code.mask_step == "k":
            return (self.mask + at).load(LANES)  # type: ignore[no-any-return]
        return self.scores.mask_of(lanes, key) if code.mask else None

    def _dropped(self, weight: Value, lanes: Lanes, key: Value) -> Value:
        if not self.code.scores.dropped:
            return weight
        return where(self.scores.kept(lanes, key), weight * self.scores.factor, 0)
