"""The arithmetic of elementwise primitives: for each, the instructions that compute one value or a vector of them.

An emitter takes the compute dtype and register values of it, and returns the result (a mask for comparisons). Every
primitive rounds by itself; nothing is contracted across primitives.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..graph.dtypes import dtype
from .conversion import round_to
from .values import Type, Value, fma, where
from .vector_math import FUNCTIONS

Emitter = Callable[..., Value]


def emit(name: str, compute: dtype, result: dtype, *values: Value) -> Value:
    """Compute primitive ``name`` on register values of dtype ``compute``; the value is of dtype ``result``."""
    value = EMITTERS[name](compute, *values)
    return round_to(result, value) if result.itemsize == 2 and result.kind == "float" else value


def ordered(relation: str, d: dtype, x: Value, y: Value | int) -> Value:
    """A comparison of two values of a dtype."""
    return x.compare(relation if d.signed or d.kind == "float" else "u" + relation, y)


def _equal(relation: str, d: dtype, x: Value, y: Value) -> Value:
    return x.compare(relation, y)


def _truth(d: dtype, x: Value) -> Value:
    return x if d.kind == "bool" else x.differs(0)


def _add(d: dtype, x: Value, y: Value) -> Value:
    return x | y if d.kind == "bool" else x + y  # PyTorch adds booleans as "or" and multiplies them as "and"


def _multiply(d: dtype, x: Value, y: Value) -> Value:
    return x & y if d.kind == "bool" else x * y


def _fused_multiply_add(d: dtype, x: Value, y: Value, z: Value) -> Value:
    return fma(y, z, x) if d.kind == "float" else _add(d, x, _multiply(d, y, z))


def _absolute(d: dtype, x: Value) -> Value:
    if d.kind == "float":
        return abs(x)
    return x.builder.intrinsic("abs", x.type, x, flags="i1 false") if d.signed else x


def _relu(d: dtype, x: Value) -> Value:
    if d.kind == "float":  # NaN stays NaN, -0 becomes 0
        return where(x <= 0, 0, x)
    return where(x < 0, 0, x) if d.signed else x


def _sign(d: dtype, x: Value) -> Value:
    if d.kind == "bool":
        return x
    up, down = ordered("gt", d, x, 0), ordered("lt", d, x, 0)
    widening = "uitofp" if d.kind == "float" else "zext"
    return up.cast(widening, x.type.element) - down.cast(widening, x.type.element)


def _rounding(name: str, d: dtype, x: Value) -> Value:
    return FUNCTIONS[name](x) if d.kind == "float" else x


def _function(name: str, d: dtype, *values: Value) -> Value:
    return FUNCTIONS[name](*values)


def _extremum(larger: bool, number: bool, d: dtype, x: Value, y: Value) -> Value:
    """The larger or smaller one; of a number and a NaN the ``number`` or else the NaN."""
    if d.kind == "bool":
        return x | y if larger else x & y
    if d.kind == "integer":
        return x.call(("s" if d.signed else "u") + ("max" if larger else "min"), y)
    beyond = x > y if larger else x < y
    if number:
        return where(beyond | y.is_nan(), x, y)
    # NaN wins: take x when it is beyond y or is NaN itself; y's NaN makes the comparison false and y is taken. Written so
    # that the first selection is one instruction, x86's MAXPS or MINPS.
    missing = x.is_nan()
    return where(missing, x, where(beyond, x, y))


def _division(name: str, d: dtype, x: Value, y: Value) -> Value:
    quotient = name.endswith("divide")
    if d.kind == "float":
        return (x / y).call("trunc") if name == "trunc_divide" else FUNCTIONS[name](x, y)
    if d.kind == "bool":
        return x if quotient else x.constant(0)
    # A divisor of zero was reported as an error beforehand; here it must only not trap. -1 is done by negation, since
    # the most negative number divided by it would trap too.
    none = y.equals(0)
    if not d.signed:
        return x.binary("udiv" if quotient else "urem", where(none, 1, y))
    minus = y.equals(-1)
    special = none | minus
    safe = where(special, 1, y)

    def amount(rest: Value) -> Value:
        """1 where rounding down differs from rounding towards zero, else 0."""
        return (rest.differs(0) & ((rest ^ safe) < 0) & ~special).cast("zext", x.type.element)

    if quotient:
        towards_zero = where(minus, -x, x.binary("sdiv", safe))
        return towards_zero if name == "trunc_divide" else towards_zero - amount(x.binary("srem", safe))
    rest = x.binary("srem", safe)
    return where(special, 0, rest if name == "fmod" else rest + amount(rest) * safe)


def _power(d: dtype, x: Value, y: Value) -> Value:
    if d.kind == "float":
        return FUNCTIONS["pow"](x, y)
    if d.kind == "bool":
        return x | ~y
    # Square and multiply; a negative exponent gives 0, or ±1 for bases ±1, as PyTorch's integer powers do.
    bits = 8 * d.itemsize
    result, base = x.constant(1), x
    for bit in range(bits - (1 if d.signed else 0)):
        on = (y & (1 << bit if bit < bits - 1 else -(1 << bit))).differs(0)
        result = where(on, result * base, result)
        if bit < bits - 1:
            base = base * base
    if not d.signed:
        return result
    sign = where((y & 1).differs(0), x.constant(-1), 1)
    return where(y < 0, where(x.equals(1), 1, where(x.equals(-1), sign, 0)), result)


def _logical(operation: str, d: dtype, x: Value, y: Value) -> Value:
    return _truth(d, x).binary(operation, _truth(d, y))


def _shift(left: bool, d: dtype, x: Value, y: Value) -> Value:
    bits = 8 * d.itemsize
    wide = y.compare("uge", bits)  # also catches negative amounts
    amount = where(wide, bits - 1 if d.signed else 0, y)
    if left:
        return where(wide, 0, x << amount)
    return x.binary("ashr", amount) if d.signed else where(wide, 0, x >> amount)


def _classification(floating: Callable[[Value], Value], otherwise: bool, d: dtype, x: Value) -> Value:
    """What may hold for floats, and for anything else always does or never."""
    return floating(x) if d.kind == "float" else _always(x, otherwise)


def _always(x: Value, answer: bool) -> Value:
    """The same answer for every lane of a value."""
    return x.builder.constant(Type.of("i1", x.lanes), answer)


def _sign_bit(d: dtype, x: Value) -> Value:
    if d.kind == "float":
        return x.bits() < 0
    return x < 0 if d.signed else _always(x, False)


_INFINITY = float("inf")

EMITTERS: dict[str, Emitter] = {
    # functions of floating-point numbers; those that other dtypes have too are said again below
    **{name: partial(_function, name) for name in FUNCTIONS},
    "copy": lambda d, x: x,
    "cast": lambda d, x: x,
    "check": lambda d, x, *conditions: x,
    "where": lambda d, condition, yes, no: where(condition, yes, no),
    # arithmetic
    "add": _add,
    "sub": lambda d, x, y: x - y,
    "mul": _multiply,
    "div": lambda d, x, y: x / y,
    "fma": _fused_multiply_add,
    "neg": lambda d, x: -x,
    "abs": _absolute,
    "relu": _relu,
    "sign": _sign,
    "reciprocal": lambda d, x: 1 / x,
    "sqrt": lambda d, x: x.sqrt(),
    "rsqrt": lambda d, x: 1 / x.sqrt(),
    "pow": _power,
    **{name: partial(_rounding, name) for name in ("floor", "ceil", "trunc", "round")},
    **{name: partial(_division, name) for name in ("trunc_divide", "floor_divide", "remainder", "fmod")},
    "maximum": partial(_extremum, True, False),
    "minimum": partial(_extremum, False, False),
    "fmax": partial(_extremum, True, True),
    "fmin": partial(_extremum, False, True),
    # comparison and logic
    **{relation: partial(_equal, relation) for relation in ("eq", "ne")},
    **{relation: partial(ordered, relation) for relation in ("lt", "le", "gt", "ge")},
    **{f"logical_{operation}": partial(_logical, operation) for operation in ("and", "or", "xor")},
    "logical_not": lambda d, x: ~_truth(d, x),
    "bitwise_and": lambda d, x, y: x & y,
    "bitwise_or": lambda d, x, y: x | y,
    "bitwise_xor": lambda d, x, y: x ^ y,
    "bitwise_not": lambda d, x: ~x,
    "lshift": partial(_shift, True),
    "rshift": partial(_shift, False),
    "isnan": partial(_classification, Value.is_nan, False),
    "isinf": partial(_classification, lambda x: abs(x).equals(_INFINITY), False),
    "isfinite": partial(_classification, lambda x: abs(x) < _INFINITY, True),
    "signbit": _sign_bit,
}


# --- Philox -------------------------------------------------------------------------------------------------------

_ROUND_A, _ROUND_B = 0xD2511F53, 0xCD9E8D57
_KEY_A, _KEY_B = 0x9E3779B9, 0xBB67AE85


def philox(seed: Value, counter: Value) -> tuple[Value, Value]:
    """Two words of 32 random bits for each 64-bit ``counter``: Philox 4x32-10 (Salmon et al., 2011).

    The counter's upper 64 bits are zero; the first two words of the output are used.
    """

    def words(wide: Value) -> tuple[Value, Value]:
        """The low and the high half."""
        return wide.truncate("i32"), (wide >> 32).truncate("i32")

    def product(value: Value, factor: int) -> tuple[Value, Value]:
        return words(value.cast("zext", "i64") * factor)

    c0, c1 = words(counter)
    c2 = c3 = c0.constant(0)
    k0, k1 = words(seed)
    for round_number in range(10):
        if round_number:
            k0, k1 = k0 + _KEY_A, k1 + _KEY_B
        low_a, high_a = product(c0, _ROUND_A)
        low_b, high_b = product(c2, _ROUND_B)
        c0, c2 = high_b ^ c1 ^ k0, high_a ^ c3 ^ k1
        c1, c3 = low_b, low_a
    return c0, c1
