"""What becomes of products of queries and keys: scale and mask, and which weights are dropped; sixteen at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...kernels.kernel import Attention
from ..conversion import register_type
from ..elementwise import philox
from ..ir import KernelBuilder
from ..values import BYTE, LANES, Type, Value, placed, where
from ..vector_math.exponential import EXP_BOUNDS, exponential
from ..vector_math.formats import maximum


@dataclass(frozen=True)
class ScoreCode:
    """What the code depends on.

    ``across``: lanes are queries, else keys. ``mask``: the kind of the mask's elements, or nothing. ``mask_step``: how
    far apart those of neighbouring lanes lie: 0, 1, or (s) an argument; or (k) its rows are packed like those of queries.
    """

    type: Type
    rank: int
    across: bool
    causal: bool
    mask: str
    mask_step: str
    dropped: bool

    @classmethod
    def of(cls, attention: Attention, across: bool) -> ScoreCode:
        kind = step = ""
        if attention.mask is not None:
            kind = attention.mask.dtype.kind
            other, stride = attention.mask.strides[-2:][:: -1 if across else 1]
            step = "0" if stride == 0 else "1" if stride == 1 else "k" if across and other == 1 else "s"
        return cls(
            register_type(attention.dtype), len(attention.batch), across, attention.causal, kind, step,
            attention.dropout is not None,
        )  # fmt: skip

    @property
    def key(self) -> str:
        flags = "".join(f" {name}" for name, held in (("causal", self.causal), ("dropped", self.dropped)) if held)
        return f"{self.type}/{self.rank}{f' {self.mask}{self.mask_step}' if self.mask else ''}{flags}"

    @property
    def mask_type(self) -> Type:
        """What the mask's elements are in memory."""
        return BYTE if self.mask == "bool" else self.type

    @property
    def arguments(self) -> str:
        """Numbers that the run gives are places in the table."""
        mask = f" &mask mask_batch[{self.rank}] mask_row mask_place" if self.mask else ""
        dropout = " limit factor seed offset" if self.dropped else ""
        return f"extents[{self.rank}] rows places scale{mask}{dropout}"


def score_values(attention: Attention) -> dict[str, Any]:
    """The values of :attr:`ScoreCode.arguments`."""
    values: dict[str, Any] = {
        "extents": attention.batch, "rows": attention.rows, "places": attention.places, "scale": attention.scale,
    }  # fmt: skip
    if attention.mask is not None:
        *batch, row, place = attention.mask.strides
        values |= {"mask": attention.mask.base, "mask_batch": tuple(batch), "mask_row": row, "mask_place": place}
    if attention.dropout is not None:
        values |= dict(zip(("limit", "factor", "seed", "offset"), attention.dropout))
    return values


@dataclass(frozen=True)
class Lanes:
    """Sixteen neighbouring queries or keys: their numbers, and where their part of the mask lies."""

    numbers: Value
    exist: Value
    mask: Value


class Scores:
    """Scores of one element of the batch, whose number along each axis is given and in all is ``number``."""

    def __init__(self, b: KernelBuilder, a: Any, code: ScoreCode, indices: list[Value], number: Value) -> None:
        self.b, self.a, self.code = b, a, code
        self.scale = number_of(b, a.scale, code.type)
        if code.mask:
            self.mask = a.mask.of(code.mask_type) + placed(indices, a.mask_batch, 0)
            self.mask_steps = (a.mask_row, a.mask_place) if code.across else (a.mask_place, a.mask_row)
        if code.dropped:
            self.factor = number_of(b, a.factor, code.type)
            self.limit = b.slot(a.limit, Type.of("i64")).truncate("i32")
            self.seed = b.slot(a.seed, Type.of("i64"))
            self.first = b.slot(a.offset, Type.of("i64")) + number * a.rows * a.places

    def lanes(self, first: Value, end: Value) -> Lanes:
        """The lanes from query or key ``first`` on, which exist before ``end``."""
        numbers = self.b.lane_numbers() + first
        mask = numbers.at_most(end - 1) * self.mask_steps[0] if self.code.mask else numbers
        return Lanes(numbers, self.b.first_lanes((end - first).at_least(0)), mask)

    def mask_of(self, lanes: Lanes, other: Value) -> Value:
        """The mask's elements for the lanes and the key or query ``other``, read where they lie."""
        line = self.mask + other * self.mask_steps[1]
        if self.code.mask_step == "0":
            return line.load().broadcast()  # type: ignore[no-any-return]
        if self.code.mask_step == "1":
            return (line + lanes.numbers.lane(0)).load(LANES, lanes.exist)  # type: ignore[no-any-return]
        return line.gather(lanes.mask)

    def masked(self, product: Value, lanes: Lanes, other: Value, mask: Value | None) -> Value:
        """The scores of sixteen products; ``other`` is the number of the key or query that they have in common."""
        code = self.code
        score = product * self.scale
        if mask is not None:
            score = where(mask.differs(0), score, -math.inf) if code.mask == "bool" else score + mask
        if code.causal:
            numbers, limit = lanes.numbers.truncate("i32"), other.truncate("i32")
            score = where(numbers >= limit if code.across else numbers <= limit, score, -math.inf)
        return score

    def kept(self, lanes: Lanes, other: Value) -> Value:
        """Which of sixteen weights dropout keeps: by the random bits that belong to their places in the matrix."""
        step = self.a.places
        place = lanes.numbers * step + other if self.code.across else lanes.numbers + other * step
        bits, _ = philox(self.seed, place + self.first)
        return bits >= self.limit


def number_of(b: KernelBuilder, slot: Value, type: Type) -> Value:
    """A number that the run gives."""
    number: Value = b.slot(slot, Type.of("double"))
    return number if type is number.type else number.narrow()


def power(x: Value) -> Value:
    """exp(x) of what is not positive, or hardly."""
    return exponential(maximum(EXP_BOUNDS[x.element][1], x), x.element)
