"""Arithmetic on SSA values: formulas are written as Python expressions, and every operation appends one instruction.

A :class:`Value` is the name of a scalar or of a vector with ``lanes`` lanes together with its element type
(``float``, ``double``, ``i32``, ``i64`` or ``i1``). ``a * b + c`` rounds twice, as it does everywhere in Flambeau;
one rounding is spelled ``fma(a, b, c)``. Python numbers are constants of the other operand's type.

Comparisons are ordered (false for NaN). ``minimum(c, x)`` and ``maximum(c, x)`` return ``x`` when ``x`` is NaN, so a
clamp passes NaN on, which ``llvm.minnum`` would not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ..ir import Builder, float_constant, vector

BITS = {"float": 32, "double": 64, "i32": 32, "i64": 64}
MANTISSA_BITS = {"float": 23, "double": 52}
EXPONENT_BIAS = {"float": 127, "double": 1023}
SMALLEST_NORMAL = {"float": 2.0**-126, "double": 2.0**-1022}
INFINITY = float("inf")
NAN = float("nan")

Number = int | float


class Value:
    """One SSA value. ``builder`` receives the instructions of every operation on it."""

    __slots__ = ("builder", "type", "lanes", "name")

    def __init__(self, builder: Builder, type: str, lanes: int, name: str) -> None:
        self.builder = builder
        self.type = type
        self.lanes = lanes
        self.name = name

    # --- building blocks -------------------------------------------------------------------------------------------

    @property
    def spelled(self) -> str:
        """The LLVM spelling of this value's type, ``<16 x float>``."""
        return vector(self.type, self.lanes)

    @property
    def integer_type(self) -> str:
        """The integer type as wide as this value's elements."""
        return f"i{BITS[self.type]}"

    @property
    def is_float(self) -> bool:
        return self.type in MANTISSA_BITS

    def operand(self, other: Value | Number) -> str:
        """How ``other`` is written as an operand beside this value: its name, or a constant in every lane."""
        if isinstance(other, Value):
            return other.name
        constant = float_constant(other, self.type) if self.is_float else str(int(other))
        return constant if self.lanes == 1 else f"splat ({self.type} {constant})"

    def constant(self, number: Number) -> Value:
        """``number`` in every lane, with this value's type."""
        return Value(self.builder, self.type, self.lanes, self.operand(number))

    def _new(self, instruction: str, type: str | None = None) -> Value:
        return Value(self.builder, type or self.type, self.lanes, self.builder.op(instruction))

    def _binary(self, opcode: str, other: Value | Number) -> Value:
        return self._new(f"{opcode} {self.spelled} {self.name}, {self.operand(other)}")

    def call(self, intrinsic: str, *others: Value | Number) -> Value:
        """Call ``llvm.<intrinsic>`` overloaded on this value's type, with operands of that type."""
        suffix = {"float": "f32", "double": "f64"}.get(self.type, self.type)
        name = f"llvm.{intrinsic}.{suffix if self.lanes == 1 else f'v{self.lanes}{suffix}'}"
        operands = [(self.spelled, self.name)] + [(self.spelled, self.operand(other)) for other in others]
        return Value(self.builder, self.type, self.lanes, self.builder.call(name, self.spelled, *operands))

    # --- arithmetic ------------------------------------------------------------------------------------------------

    def __add__(self, other: Value | Number) -> Value:
        return self._binary("fadd" if self.is_float else "add", other)

    def __sub__(self, other: Value | Number) -> Value:
        return self._binary("fsub" if self.is_float else "sub", other)

    def __mul__(self, other: Value | Number) -> Value:
        return self._binary("fmul" if self.is_float else "mul", other)

    def __truediv__(self, other: Value | Number) -> Value:
        return self._binary("fdiv", other)

    def __radd__(self, other: Number) -> Value:
        return self + other

    def __rmul__(self, other: Number) -> Value:
        return self * other

    def __rsub__(self, other: Number) -> Value:
        return self.constant(other) - self

    def __rtruediv__(self, other: Number) -> Value:
        return self.constant(other) / self

    def __neg__(self) -> Value:
        return self._new(f"fneg {self.spelled} {self.name}")

    def __abs__(self) -> Value:
        return self.call("fabs")

    def sqrt(self) -> Value:
        return self.call("sqrt")

    def copysign(self, sign: Value | Number) -> Value:
        """This magnitude with the sign of ``sign``."""
        return self.call("copysign", sign)

    # --- bits ------------------------------------------------------------------------------------------------------

    def __and__(self, other: Value | Number) -> Value:
        return self._binary("and", other)

    def __or__(self, other: Value | Number) -> Value:
        return self._binary("or", other)

    def __xor__(self, other: Value | Number) -> Value:
        return self._binary("xor", other)

    def __invert__(self) -> Value:
        """The complement of a mask."""
        return self ^ self.constant(1 if self.lanes == 1 else -1)

    def __lshift__(self, count: Value | Number) -> Value:
        return self._binary("shl", count)

    def __rshift__(self, count: Value | Number) -> Value:
        """Logical shift: zeros come in from the left."""
        return self._binary("lshr", count)

    def bits(self) -> Value:
        """The bit pattern of a floating-point value, as integers of the same width."""
        return self.bitcast(self.integer_type)

    def bitcast(self, type: str) -> Value:
        """The same bits seen as ``type``."""
        return self._convert("bitcast", type)

    # --- conversions -----------------------------------------------------------------------------------------------

    def _convert(self, opcode: str, type: str) -> Value:
        return self._new(f"{opcode} {self.spelled} {self.name} to {vector(type, self.lanes)}", type)

    def widen(self) -> Value:
        """float to double."""
        return self._convert("fpext", "double")

    def narrow(self) -> Value:
        """double to float, rounded to nearest."""
        return self._convert("fptrunc", "float")

    def to_float(self, type: str) -> Value:
        """Signed integers to floating point."""
        return self._convert("sitofp", type)

    def truncate(self, type: str) -> Value:
        """The low bits of integers."""
        return self._convert("trunc", type)

    # --- comparisons -----------------------------------------------------------------------------------------------

    def _compare(self, relation: str, other: Value | Number) -> Value:
        opcode = f"fcmp o{relation}" if self.is_float else f"icmp {'' if relation in ('eq', 'ne') else 's'}{relation}"
        return self._new(f"{opcode} {self.spelled} {self.name}, {self.operand(other)}", "i1")

    def __lt__(self, other: Value | Number) -> Value:
        return self._compare("lt", other)

    def __le__(self, other: Value | Number) -> Value:
        return self._compare("le", other)

    def __gt__(self, other: Value | Number) -> Value:
        return self._compare("gt", other)

    def __ge__(self, other: Value | Number) -> Value:
        return self._compare("ge", other)

    def equals(self, other: Value | Number) -> Value:
        return self._compare("eq", other)

    def is_nan(self) -> Value:
        return self._new(f"fcmp uno {self.spelled} {self.name}, {self.name}", "i1")

    def any(self) -> str:
        """Whether a mask is set in any lane: the name of an i1."""
        if self.lanes == 1:
            return self.name
        return self.builder.call(f"llvm.vector.reduce.or.v{self.lanes}i1", "i1", (self.spelled, self.name))


def where(mask: Value, yes: Value | Number, no: Value | Number) -> Value:
    """``yes`` where the mask is set, else ``no``; at least one of them is a :class:`Value`."""
    like = yes if isinstance(yes, Value) else no
    assert isinstance(like, Value)
    operands = f"{like.spelled} {like.operand(yes)}, {like.spelled} {like.operand(no)}"
    name = like.builder.op(f"select {mask.spelled} {mask.name}, {operands}")
    return Value(like.builder, like.type, like.lanes, name)


def fma(a: Value, b: Value | Number, c: Value | Number) -> Value:
    """``a * b + c`` rounded once."""
    return a.call("fma", b, c)


def minimum(bound: Value | Number, x: Value) -> Value:
    """The smaller one, or ``x`` where ``x`` is NaN."""
    return where(x > bound, bound, x)


def maximum(bound: Value | Number, x: Value) -> Value:
    """The larger one, or ``x`` where ``x`` is NaN."""
    return where(x < bound, bound, x)


def polynomial(x: Value, coefficients: Sequence[float]) -> Value:
    """``c0 + c1 x + c2 x² + …`` by Horner's rule, one fused multiply-add a coefficient."""
    result = x.constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = fma(x, result, coefficient)
    return result


@contextmanager
def rarely(mask: Value) -> Iterator[None]:
    """Run the block's instructions only if the mask is set in some lane. What it computes must be selected by lane
    afterwards, so that no lane's result depends on its neighbours."""
    with mask.builder.when(mask.any()):
        yield
