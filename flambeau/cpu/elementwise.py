"""The arithmetic of elementwise primitives: for each, the instructions that compute ``lanes`` values at once.

An emitter takes register values of the compute dtype and returns the result's (``i1`` for comparisons). Every primitive
rounds by itself; nothing is contracted across primitives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..graph.dtypes import dtype
from .conversion import register_type, round_to
from .ir import Builder, float_constant, splat, vector
from .vector_math import FUNCTIONS

Emitter = Callable[..., str]
EMITTERS: dict[str, Emitter] = {}


def emitter(*names: str) -> Callable[[Emitter], Emitter]:
    """Register a function as the emitter of the named primitives."""

    def register(function: Emitter) -> Emitter:
        for name in names:
            EMITTERS[name] = function
        return function

    return register


def emit(b: Builder, name: str, attributes: Any, compute: dtype, result: dtype, lanes: int, *values: str) -> str:
    """Compute primitive ``name`` on register values of dtype ``compute``; the value is of dtype ``result``."""
    value = EMITTERS[name](b, name, compute, lanes, *values)
    return round_to(b, result, lanes, value) if result.itemsize == 2 and result.kind == "float" else value


def zero(d: dtype, lanes: int) -> str:
    """The constant 0 of a dtype as an operand."""
    if lanes > 1:
        return "zeroinitializer"
    return "0.0" if d.kind == "float" else "0" if d.kind == "integer" else "false"


def constant(d: dtype, lanes: int, value: float) -> str:
    """A constant of a dtype as an operand."""
    if d.kind == "float":
        return splat(d.llvm, float_constant(value, d.llvm), lanes)
    if d.kind == "bool":
        return splat("i1", "true" if value else "false", lanes)
    return splat(d.llvm, str(int(value)), lanes)


def suffix(d: dtype, lanes: int) -> str:
    """The overload suffix of intrinsics, ``.v16f32``."""
    short = {"float": "f32", "double": "f64"}.get(d.llvm, d.llvm)
    return f".v{lanes}{short}" if lanes > 1 else "." + short


def intrinsic(b: Builder, name: str, d: dtype, lanes: int, *values: str) -> str:
    """Call ``llvm.<name>`` on values of one type."""
    t = register_type(d, lanes)
    return b.call("llvm." + name + suffix(d, lanes), t, *((t, v) for v in values))


def select(b: Builder, d: dtype, lanes: int, condition: str, yes: str, no: str) -> str:
    """``condition ? yes : no`` in each lane."""
    t = register_type(d, lanes)
    return b.op(f"select {vector('i1', lanes)} {condition}, {t} {yes}, {t} {no}")


# --- arithmetic ---------------------------------------------------------------------------------------------------

_FLOAT_OPS = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}


@emitter("add", "sub", "mul", "div")
def _arithmetic(b: Builder, name: str, d: dtype, lanes: int, x: str, y: str) -> str:
    t = register_type(d, lanes)
    if d.kind == "float":
        return b.op(f"{_FLOAT_OPS[name]} {t} {x}, {y}")
    if d.kind == "bool":  # PyTorch adds booleans as "or" and multiplies them as "and"
        return b.op(f"{'and' if name == 'mul' else 'or'} {t} {x}, {y}")
    return b.op(f"{name} {t} {x}, {y}")


@emitter("fma")
def _fma(b: Builder, name: str, d: dtype, lanes: int, x: str, y: str, z: str) -> str:
    if d.kind == "float":
        return intrinsic(b, "fma", d, lanes, y, z, x)
    return _arithmetic(b, "add", d, lanes, x, _arithmetic(b, "mul", d, lanes, y, z))


@emitter("neg")
def _neg(b: Builder, name: str, d: dtype, lanes: int, x: str) -> str:
    t = register_type(d, lanes)
    return b.op(f"fneg {t} {x}" if d.kind == "float" else f"sub {t} {zero(d, lanes)}, {x}")


@emitter("abs")
def _abs(b: Builder, name: str, d: dtype, lanes: int, x: str) -> str:
    if d.kind == "float":
        return intrinsic(b, "fabs", d, lanes, x)
    if not d.signed:
        return x
    t = register_type(d, lanes)
    return b.call("llvm.abs" + suffix(d, lanes), t, (t, x), ("i1", "false"))


@emitter("copy", "cast", "check")
def _copy(b: Builder, name: str, d: dtype, lanes: int, x: str, *others: str) -> str:
    return x


@emitter("relu")
def _relu(b: Builder, name: str, d: dtype, lanes: int, x: str) -> str:
    t = register_type(d, lanes)
    if d.kind == "float":  # NaN stays NaN, -0 becomes 0
        negative = b.op(f"fcmp ole {t} {x}, {zero(d, lanes)}")
    elif d.kind == "bool" or not d.signed:
        return x
    else:
        negative = b.op(f"icmp slt {t} {x}, {zero(d, lanes)}")
    return select(b, d, lanes, negative, zero(d, lanes), x)


@emitter("sign")
def _sign(b: Builder, name: str, d: dtype, lanes: int, x: str) -> str:
    t = register_type(d, lanes)
    if d.kind == "bool":
        return x
    if d.kind == "float":
        up, down = b.op(f"fcmp ogt {t} {x}, {zero(d, lanes)}"), b.op(f"fcmp olt {t} {x}, {zero(d, lanes)}")
        up = b.op(f"uitofp {vector('i1', lanes)} {up} to {t}")
        down = b.op(f"uitofp {vector('i1', lanes)} {down} to {t}")
        return b.op(f"fsub {t} {up}, {down}")
    compare = "s" if d.signed else "u"
    up, down = b.op(f"icmp {compare}gt {t} {x}, {zero(d, lanes)}"), b.op(f"icmp {compare}lt {t} {x}, {zero(d, lanes)}")
    up = b.op(f"zext {vector('i1', lanes)} {up} to {t}")
    down = b.op(f"zext {vector('i1', lanes)} {down} to {t}")
    return b.op(f"sub {t} {up}, {down}")


@emitter("floor", "ceil", "trunc", "round")
def _rounding(b: Builder, name: str, d: dtype, lanes: int, x: str) -> str:
    if d.kind != "float":
        return x
    return intrinsic(b, "roundeven" if name == "round" else name, d, lanes, x)


@emitter("reciprocal")
def _reciprocal(b: Builder, name: str, d: dtype, lanes: int, x: str) -> str:
    return b.op(f"fdiv {register_type(d, lanes)} {constant(d, lanes, 1)}, {x}")


@emitter("sqrt")
def _sqrt(b: Builder, name: str, d: dtype, lanes: int, x: str) -> str:
    return intrinsic(b, "sqrt", d, lanes, x)


@emitter("rsqrt")
def _rsqrt(b: Builder, name: str, d: dtype, lanes: int, x: str) -> str:
    return _reciprocal(b, name, d, lanes, intrinsic(b, "sqrt", d, lanes, x))


@emitter("maximum", "minimum", "fmax", "fmin")
def _extremum(b: Builder, name: str, d: dtype, lanes: int, x: str, y: str) -> str:
    t = register_type(d, lanes)
    larger = name in ("maximum", "fmax")
    if d.kind == "bool":
        return b.op(f"{'or' if larger else 'and'} {t} {x}, {y}")
    if d.kind == "integer":
        return intrinsic(b, ("s" if d.signed else "u") + ("max" if larger else "min"), d, lanes, x, y)
    if name.startswith("f"):  # a NaN yields to a number
        chosen = b.op(f"fcmp {'ogt' if larger else 'olt'} {t} {x}, {y}")
        missing = b.op(f"fcmp uno {t} {y}, {y}")
        take = b.op(f"or {vector('i1', lanes)} {chosen}, {missing}")
        return select(b, d, lanes, take, x, y)
    # NaN wins: take x when it is beyond y or is NaN itself; y's NaN makes the comparison false and y is taken. Written so
    # that the first selection is one instruction, x86's MAXPS or MINPS.
    beyond = b.op(f"fcmp {'ogt' if larger else 'olt'} {t} {x}, {y}")
    missing = b.op(f"fcmp uno {t} {x}, {x}")
    return select(b, d, lanes, missing, x, select(b, d, lanes, beyond, x, y))


@emitter("trunc_divide", "floor_divide", "remainder", "fmod")
def _division(b: Builder, name: str, d: dtype, lanes: int, x: str, y: str) -> str:
    t = register_type(d, lanes)
    if d.kind == "float":
        if name == "trunc_divide":
            return intrinsic(b, "trunc", d, lanes, b.op(f"fdiv {t} {x}, {y}"))
        return FUNCTIONS[name].emit(b, d.llvm, lanes, x, y)
    ones = vector("i1", lanes)
    if d.kind == "bool":
        return x if name.endswith("divide") else zero(d, lanes)
    # A divisor of zero was reported as an error beforehand; here it must only not trap. -1 is done by negation, since
    # the most negative number divided by it would trap too.
    none = b.op(f"icmp eq {t} {y}, {zero(d, lanes)}")
    if not d.signed:
        safe = select(b, d, lanes, none, constant(d, lanes, 1), y)
        return b.op(f"{'udiv' if name.endswith('divide') else 'urem'} {t} {x}, {safe}")
    minus = b.op(f"icmp eq {t} {y}, {constant(d, lanes, -1)}")
    special = b.op(f"or {ones} {none}, {minus}")
    safe = select(b, d, lanes, special, constant(d, lanes, 1), y)
    if name.endswith("divide"):
        quotient = b.op(f"sdiv {t} {x}, {safe}")
        negated = b.op(f"sub {t} {zero(d, lanes)}, {x}")
        quotient = select(b, d, lanes, minus, negated, quotient)
        if name == "trunc_divide":
            return quotient
        rest = b.op(f"srem {t} {x}, {safe}")
        return b.op(f"sub {t} {quotient}, {_wrap_amount(b, d, lanes, rest, safe, special)}")
    rest = b.op(f"srem {t} {x}, {safe}")
    if name == "fmod":
        return select(b, d, lanes, special, zero(d, lanes), rest)
    amount = _wrap_amount(b, d, lanes, rest, safe, special)
    wide = b.op(f"mul {t} {amount}, {safe}")
    return select(b, d, lanes, special, zero(d, lanes), b.op(f"add {t} {rest}, {wide}"))


def _wrap_amount(b: Builder, d: dtype, lanes: int, rest: str, divisor: str, special: str) -> str:
    """1 where rounding down differs from rounding towards zero, else 0."""
    t = register_type(d, lanes)
    ones = vector("i1", lanes)
    some = b.op(f"icmp ne {t} {rest}, {zero(d, lanes)}")
    mixed = b.op(f"icmp slt {t} {b.op(f'xor {t} {rest}, {divisor}')}, {zero(d, lanes)}")
    wrap = b.op(f"and {ones} {some}, {mixed}")
    ordinary = b.op(f"xor {ones} {special}, {splat('i1', 'true', lanes)}")
    return b.op(f"zext {ones} {b.op(f'and {ones} {wrap}, {ordinary}')} to {t}")


@emitter("pow")
def _pow(b: Builder, name: str, d: dtype, lanes: int, x: str, y: str) -> str:
    if d.kind == "float":
        return FUNCTIONS["pow"].emit(b, d.llvm, lanes, x, y)
    t = register_type(d, lanes)
    if d.kind == "bool":
        inverted = b.op(f"xor {t} {y}, {splat('i1', 'true', lanes)}")
        return b.op(f"or {t} {x}, {inverted}")
    # Square and multiply; a negative exponent gives 0, or ±1 for bases ±1, as PyTorch's integer powers do.
    bits = 8 * d.itemsize
    result, base = constant(d, lanes, 1), x
    for bit in range(bits - (1 if d.signed else 0)):
        mask = b.op(f"and {t} {y}, {constant(d, lanes, 1 << bit if bit < bits - 1 else -(1 << bit))}")
        on = b.op(f"icmp ne {t} {mask}, {zero(d, lanes)}")
        result = select(b, d, lanes, on, b.op(f"mul {t} {result}, {base}"), result)
        if bit < bits - 1:
            base = b.op(f"mul {t} {base}, {base}")
    if not d.signed:
        return result
    negative = b.op(f"icmp slt {t} {y}, {zero(d, lanes)}")
    one = b.op(f"icmp eq {t} {x}, {constant(d, lanes, 1)}")
    minus = b.op(f"icmp eq {t} {x}, {constant(d, lanes, -1)}")
    odd = b.op(f"icmp ne {t} {b.op(f'and {t} {y}, {constant(d, lanes, 1)}')}, {zero(d, lanes)}")
    sign = select(b, d, lanes, odd, constant(d, lanes, -1), constant(d, lanes, 1))
    other = select(b, d, lanes, minus, sign, zero(d, lanes))
    inverse = select(b, d, lanes, one, constant(d, lanes, 1), other)
    return select(b, d, lanes, negative, inverse, result)


# --- comparison and logic -----------------------------------------------------------------------------------------

_FLOAT_COMPARE = {"eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge"}


@emitter("eq", "ne", "lt", "le", "gt", "ge")
def _compare(b: Builder, name: str, d: dtype, lanes: int, x: str, y: str) -> str:
    t = register_type(d, lanes)
    if d.kind == "float":
        return b.op(f"fcmp {_FLOAT_COMPARE[name]} {t} {x}, {y}")
    sign = "" if name in ("eq", "ne") else "s" if d.signed else "u"
    return b.op(f"icmp {sign}{name} {t} {x}, {y}")


def _truth(b: Builder, d: dtype, lanes: int, x: str) -> str:
    t = register_type(d, lanes)
    if d.kind == "bool":
        return x
    return b.op(f"{'fcmp une' if d.kind == 'float' else 'icmp ne'} {t} {x}, {zero(d, lanes)}")


@emitter("logical_and", "logical_or", "logical_xor")
def _logical(b: Builder, name: str, d: dtype, lanes: int, x: str, y: str) -> str:
    return b.op(f"{name[8:]} {vector('i1', lanes)} {_truth(b, d, lanes, x)}, {_truth(b, d, lanes, y)}")


@emitter("logical_not")
def _logical_not(b: Builder, name: str, d: dtype, lanes: int, x: str) -> str:
    return b.op(f"xor {vector('i1', lanes)} {_truth(b, d, lanes, x)}, {splat('i1', 'true', lanes)}")


@emitter("bitwise_and", "bitwise_or", "bitwise_xor")
def _bitwise(b: Builder, name: str, d: dtype, lanes: int, x: str, y: str) -> str:
    return b.op(f"{name[8:]} {register_type(d, lanes)} {x}, {y}")


@emitter("bitwise_not")
def _bitwise_not(b: Builder, name: str, d: dtype, lanes: int, x: str) -> str:
    ones = splat("i1", "true", lanes) if d.kind == "bool" else constant(d, lanes, -1)
    return b.op(f"xor {register_type(d, lanes)} {x}, {ones}")


@emitter("lshift", "rshift")
def _shift(b: Builder, name: str, d: dtype, lanes: int, x: str, y: str) -> str:
    t = register_type(d, lanes)
    bits = 8 * d.itemsize
    wide = b.op(f"icmp uge {t} {y}, {constant(d, lanes, bits)}")  # also catches negative amounts
    amount = select(b, d, lanes, wide, constant(d, lanes, bits - 1 if d.signed else 0), y)
    if name == "lshift":
        return select(b, d, lanes, wide, zero(d, lanes), b.op(f"shl {t} {x}, {amount}"))
    if d.signed:
        return b.op(f"ashr {t} {x}, {amount}")
    return select(b, d, lanes, wide, zero(d, lanes), b.op(f"lshr {t} {x}, {amount}"))


@emitter("isnan", "isinf", "isfinite", "signbit")
def _classify(b: Builder, name: str, d: dtype, lanes: int, x: str) -> str:
    t = register_type(d, lanes)
    if d.kind != "float":
        if name == "signbit" and d.signed:
            return b.op(f"icmp slt {t} {x}, {zero(d, lanes)}")
        return splat("i1", "true" if name == "isfinite" else "false", lanes)
    if name == "isnan":
        return b.op(f"fcmp uno {t} {x}, {x}")
    if name == "signbit":
        ints = vector("i64" if d.llvm == "double" else "i32", lanes)
        return b.op(f"icmp slt {ints} {b.op(f'bitcast {t} {x} to {ints}')}, {'zeroinitializer' if lanes > 1 else '0'}")
    size = intrinsic(b, "fabs", d, lanes, x)
    infinity = constant(d, lanes, float("inf"))
    return b.op(f"fcmp {'oeq' if name == 'isinf' else 'olt'} {t} {size}, {infinity}")


@emitter("where")
def _where(b: Builder, name: str, d: dtype, lanes: int, condition: str, yes: str, no: str) -> str:
    return select(b, d, lanes, condition, yes, no)


def _vector_function(b: Builder, name: str, d: dtype, lanes: int, *values: str) -> str:
    return FUNCTIONS[name].emit(b, d.llvm, lanes, *values)


for _name in (
    "exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh "
    "erf erfc erfcx erfinv sigmoid lgamma digamma atan2 copysign nextafter"
).split():
    EMITTERS[_name] = _vector_function


# --- Philox -------------------------------------------------------------------------------------------------------

_ROUND_A, _ROUND_B = 0xD2511F53, 0xCD9E8D57
_KEY_A, _KEY_B = 0x9E3779B9, 0xBB67AE85


def philox(b: Builder, lanes: int, seed: str, counter: str) -> tuple[str, str]:
    """Two words of 32 random bits for each 64-bit ``counter``: Philox 4x32-10 (Salmon et al., 2011).

    The counter's upper 64 bits are zero; the first two words of the output are used.
    """
    t, w = vector("i64", lanes), vector("i32", lanes)

    def low(value: str) -> str:
        return b.op(f"trunc {t} {value} to {w}")

    def high(value: str) -> str:
        shifted = b.op(f"lshr {t} {value}, {splat('i64', '32', lanes)}")
        return b.op(f"trunc {t} {shifted} to {w}")

    def product(value: str, factor: int) -> tuple[str, str]:
        wide = b.op(f"zext {w} {value} to {t}")
        whole = b.op(f"mul {t} {wide}, {splat('i64', str(factor), lanes)}")
        return high(whole), low(whole)

    c0, c1 = low(counter), high(counter)
    c2 = c3 = splat("i32", "0", lanes)
    k0, k1 = low(seed), high(seed)
    for round_number in range(10):
        if round_number:
            k0 = b.op(f"add {w} {k0}, {splat('i32', str(_KEY_A), lanes)}")
            k1 = b.op(f"add {w} {k1}, {splat('i32', str(_KEY_B), lanes)}")
        high_a, low_a = product(c0, _ROUND_A)
        high_b, low_b = product(c2, _ROUND_B)
        c0 = b.op(f"xor {w} {b.op(f'xor {w} {high_b}, {c1}')}, {k0}")
        c2 = b.op(f"xor {w} {b.op(f'xor {w} {high_a}, {c3}')}, {k1}")
        c1, c3 = low_b, low_a
    return c0, c1
