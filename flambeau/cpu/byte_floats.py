"""Floating-point numbers of one byte: their bits from those of float32, rounded to the nearest (to even), and back."""

from __future__ import annotations

from typing import NamedTuple

from ..graph.dtypes import dtype, float8_e4m3fn, float8_e4m3fnuz, float8_e5m2, float8_e5m2fnuz, float8_e8m0fnu
from .values import Value, where

_NAN = 0x7FC00000


class ByteFloat(NamedTuple):
    """A format with a sign. What is beyond the largest number becomes that (``saturates``), infinity, or NaN."""

    fraction_bits: int
    bias: int
    largest: int
    infinity: int | None = None
    nan: int = 0x7F
    saturates: bool = False
    negative_zero: bool = True

    def decoded(self, code: Value) -> Value:
        """The float32 of a code (an ``i32`` below 256)."""
        size, sign = code & 0x7F, (code & 0x80) << 24
        # As bits of a float32 they are off by a power of two; multiplying is exact, also of what is subnormal.
        value = ((size << (23 - self.fraction_bits)).bitcast("float") * 2.0 ** (127 - self.bias)).bits()
        if self.infinity is not None:
            value = where(size.equals(self.infinity), 0x7F800000, value)
        if self.negative_zero:
            return (where(size > self._last, _NAN, value) | sign).bitcast("float")
        return where(code.equals(self.nan), _NAN, value | sign).bitcast("float")

    def encoded(self, x: Value) -> Value:
        """The code of a float32, an ``i32``."""
        bits = x.bits()
        size, sign = bits & 0x7FFFFFFF, (bits >> 24) & 0x80
        cut = 23 - self.fraction_bits
        rounded = ((size + ((1 << cut - 1) - 1) + ((size >> cut) & 1)) >> cut) - (127 - self.bias << self.fraction_bits)
        # Where numbers are evenly spaced, adding a number of that spacing's size rounds.
        first = 2.0 ** (1 - self.bias)
        magic = first * 2.0 ** (23 - self.fraction_bits)
        even = (size.bitcast("float") + magic).bits() - (size.constant(0).bitcast("float") + magic).bits()
        code = where(size.bitcast("float") < first, even, rounded)
        beyond = self.largest if self.saturates else self.nan if self.infinity is None else self.infinity
        code = where(code > self.largest, beyond, code)
        code = where(size > 0x7F800000, self.nan, code)
        if self.negative_zero:
            return code | sign
        return where(code.equals(0) | code.equals(self.nan), code, code | sign)

    @property
    def _last(self) -> int:
        """The largest code that is no NaN."""
        return self.largest if self.infinity is None else self.infinity


class Exponent:
    """Powers of two alone: the exponent of a float32, and 255 for NaN."""

    @staticmethod
    def decoded(code: Value) -> Value:
        value = where(code.equals(0), 0x00400000, code << 23)
        return where(code.equals(255), _NAN, value).bitcast("float")

    @staticmethod
    def encoded(x: Value) -> Value:
        """Rounded to the next power, upwards from halfway (but for what is subnormal); signs are lost."""
        bits = x.bits() & 0x7FFFFFFF
        exponent, fraction = bits >> 23, bits & 0x7FFFFF
        half = where(exponent.equals(0), fraction.constant(0x400000), 0x3FFFFF)
        up = (fraction > half) & (exponent < 255)
        return where(up, exponent + 1, exponent)


BYTE_FLOATS: dict[dtype, ByteFloat | Exponent] = {
    float8_e4m3fn: ByteFloat(3, 7, 0x7E, saturates=True),
    float8_e5m2: ByteFloat(2, 15, 0x7B, infinity=0x7C),
    float8_e4m3fnuz: ByteFloat(3, 8, 0x7F, nan=0x80, negative_zero=False),
    float8_e5m2fnuz: ByteFloat(2, 16, 0x7F, nan=0x80, negative_zero=False),
    float8_e8m0fnu: Exponent(),
}
