"""What a scan carries along a line, and how that goes on."""

from __future__ import annotations

from collections.abc import Sequence

from ...graph.dtypes import DType, bool_, float32, float64, int64
from ..conversion import convert, register_type, round_to
from ..elementwise import ordered
from ..ir import Builder
from ..values import LANES, Value, where
from ..vector_math import FUNCTIONS

State = tuple[Value, ...]
"""The value so far, and where in the line it was found if that is wanted."""


class Accumulation:
    """A running sum, product, extremum or logarithm of a sum of exponentials of elements of one dtype, or a recurrence.

    As in PyTorch, float32 is accumulated as float64 and the half types as float32; integers wrap.
    """

    def __init__(self, name: str, d: DType, placed: bool) -> None:
        self.name = name
        self.dtype = d
        #: The dtype of the value that is carried.
        self.carried = d
        if d.kind == "float" and name not in ("scan_max", "scan_min"):
            self.carried = float32 if d.itemsize == 2 else float64
        #: Whether the places of extrema are carried, too.
        self.placed = placed
        #: Whether a result is what is carried before its element.
        self.before = name == "scan_recurrence"

    @property
    def types(self) -> tuple[DType, ...]:
        """The dtypes of a state's parts."""
        return (self.carried, int64) if self.placed else (self.carried,)

    def none(self, b: Builder, lanes: int = LANES) -> State:
        """The state before the first element."""
        number: float = int(self.name == "scan_prod")
        d = self.dtype
        if self.name == "scan_logaddexp":
            number = float("-inf")
        elif self.name in ("scan_max", "scan_min"):
            lowest = self.name == "scan_max"
            if d.kind == "float":
                number = float("-inf" if lowest else "inf")
            elif d.signed:
                number = -(1 << 8 * d.itemsize - 1) if lowest else (1 << 8 * d.itemsize - 1) - 1
            else:
                number = 0 if lowest else -1  # all ones
        return tuple(b.constant(register_type(t, lanes), n) for t, n in zip(self.types, (number, 0)))

    def advance(self, state: State, types: Sequence[DType], values: Sequence[Value], place: Value) -> State:
        """The state behind one more element, which is made of values of some types."""
        if self.before and types[0] is bool_:
            return (where(values[0], state[0], 0) + self._carried(types[1], values[1]),)
        first, *others = [self._carried(d, x) for d, x in zip(types, values)]
        if self.before:
            return (first * state[0] + others[0],)
        return self.combine(state, (first, place) if self.placed else (first,))

    def _carried(self, d: DType, x: Value) -> Value:
        """A value as an element of the scan's dtype, in the dtype that is carried."""
        return convert(self.dtype, self.carried, convert(d, self.dtype, x))

    def result(self, state: State) -> State:
        """What is stored of a state, in registers."""
        return round_to(self.dtype, convert(self.carried, self.dtype, state[0])), *state[1:]

    def combine(self, left: State, right: State) -> State:
        """The state of a part of a line followed by another.

        Of equal extrema the last one counts, NaN is found before any number; as PyTorch has it.
        """
        (before, *_), (after, *_) = left, right
        if self.name == "scan_sum":
            return (before + after,)
        if self.name == "scan_prod":
            return (before * after,)
        if self.name == "scan_logaddexp":
            return (_logaddexp(before, after),)
        taken = self.exceeded(before, after)
        return tuple(where(taken, new, old) for new, old in zip(right, left))

    def exceeded(self, before: Value, after: Value) -> Value:
        """Whether a later extremum takes the place of an earlier one."""
        taken = ordered("ge" if self.name == "scan_max" else "le", self.dtype, after, before)
        return taken | after.is_nan() if self.dtype.kind == "float" else taken


def _logaddexp(x: Value, y: Value) -> Value:
    """log(e**x + e**y). Equal infinities stay what they are, NaN wins."""
    smaller = x < y
    low, high = where(smaller, x, y), where(smaller, y, x)
    result = FUNCTIONS["log1p"](FUNCTIONS["exp"](low - high)) + high
    return where(low.equals(high) & abs(high).equals(float("inf")), high, result)
