"""Vectors whose lanes are combined or change places."""

from __future__ import annotations

from collections.abc import Sequence

from .values import LANES, Value


def sum_of_lanes(lanes: Value) -> Value:
    """The sum of sixteen lanes, l and l + 8 added first, then l + 4, + 2, + 1."""
    while lanes.lanes > 1:
        low, high = lanes.halves()
        lanes = low + high
    return lanes


def transposed(rows: Sequence[Value]) -> list[Value]:
    """The transpose of sixteen vectors of sixteen lanes.

    Two stages interleave within quarters of four lanes, two move whole quarters: for 32-bit elements each shuffle is
    one instruction on vectors of 512 bits, and the latter two vanish on vectors of 128 bits.
    """

    def within(*pattern: int) -> list[int]:
        """One pattern of four picks in each quarter; picks from 4 on are of the second vector."""
        return [4 * quarter + pick % 4 + LANES * (pick // 4) for quarter in range(4) for pick in pattern]

    def quarters(*pattern: int) -> list[int]:
        """Whole quarters; numbers from 4 on are those of the second vector."""
        return [4 * quarter + lane for quarter in pattern for lane in range(4)]

    def stage(
        four: Sequence[Value], first: tuple[list[int], list[int]], second: tuple[list[int], list[int]]
    ) -> list[Value]:
        x, y, z, w = four
        pairs = [(x.pick(picks, y), z.pick(picks, w)) for picks in first]
        return [left.pick(picks, right) for left, right in pairs for picks in second]

    low_and_high = within(0, 4, 1, 5), within(2, 6, 3, 7)
    pairs = within(0, 1, 4, 5), within(2, 3, 6, 7)
    even_and_odd = quarters(0, 2, 4, 6), quarters(1, 3, 5, 7)
    groups = [stage(rows[g : g + 4], low_and_high, pairs) for g in range(0, LANES, 4)]
    columns = [stage([group[j] for group in groups], even_and_odd, even_and_odd) for j in range(4)]
    return [columns[j][quarter] for quarter in (0, 2, 1, 3) for j in range(4)]
