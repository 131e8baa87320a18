"""The closed set of primitives that every operation is composed of.

A primitive has a name, a kind (how the compiler treats it) and a rule that gives the shape, the dtype and the dtype in
which it computes. Operands of elementwise primitives are broadcast and promoted by the primitive itself, so an
operation on mixed shapes and dtypes is still one step of the trace.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from . import dtypes
from .checks import Check
from .dtypes import DType, dtype
from .shapes import Size, broadcast_shapes


class Meta(NamedTuple):
    """What a rule may know of an operand. ``priority``: 0 tensor, 1 zero-dimensional tensor, 2 Python number."""

    shape: tuple[int, ...]
    dtype: DType
    priority: int


class Result(NamedTuple):
    """Shape and dtype of a primitive's value, and the dtype that it computes in."""

    shape: Size
    dtype: DType
    compute: DType


Rule = Callable[[Any, list[Meta]], Result]


class Primitive:
    """One primitive. ``late`` says that it can find errors only when it runs (an index out of range)."""

    __slots__ = ("name", "kind", "rule", "late")

    def __init__(self, name: str, kind: str, rule: Rule, late: bool = False) -> None:
        self.name = name
        self.kind = kind
        self.rule = rule
        self.late = late

    def __repr__(self) -> str:
        return self.name


PRIMITIVES: dict[str, Primitive] = {}


def define(name: str, kind: str, rule: Rule, late: bool = False) -> Primitive:
    """Add a primitive to the set."""
    primitive = PRIMITIVES[name] = Primitive(name, kind, rule, late)
    return primitive


# --- elementwise: operands are broadcast and promoted -------------------------------------------------------------


def _promoted(metas: list[Meta]) -> dtype:
    first = metas[0].dtype
    for meta in metas:
        if meta.dtype is not first:
            return dtypes.result_type([(m.dtype, m.priority) for m in metas])
    return first


def _arithmetic(attributes: Any, metas: list[Meta]) -> Result:
    d = _promoted(metas)
    return Result(broadcast_shapes(*(m.shape for m in metas)), d, d)


def _floating(attributes: Any, metas: list[Meta]) -> Result:
    d = _promoted(metas)
    if d.category < 2:
        d = dtypes.get_default_dtype()
    return Result(broadcast_shapes(*(m.shape for m in metas)), d, d)


def _comparison(attributes: Any, metas: list[Meta]) -> Result:
    return Result(broadcast_shapes(*(m.shape for m in metas)), dtypes.bool_, _promoted(metas))


def _integral(name: str) -> Rule:
    def rule(attributes: Any, metas: list[Meta]) -> Result:
        d = _promoted(metas)
        if d.category >= 2 or d.category == 0 and name.endswith("shift"):
            raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{TYPE_NAMES[d]}'")
        return Result(broadcast_shapes(*(m.shape for m in metas)), d, d)

    return rule


def _difference(attributes: Any, metas: list[Meta]) -> Result:
    masks = [m.dtype.kind == "bool" for m in metas]
    if any(masks):
        raise RuntimeError(_SUBTRACT_BOOL if all(masks) else _NEGATE_BOOL.replace("Negation", "Subtraction"))
    return _arithmetic(attributes, metas)


def _negative(attributes: Any, metas: list[Meta]) -> Result:
    if metas[0].dtype.kind == "bool":
        raise RuntimeError(_NEGATE_BOOL)
    return _arithmetic(attributes, metas)


def _numbers(kernel: str, least: int = 1, result: Rule = _arithmetic) -> Rule:
    """Not for results of a lower category (0 boolean, 1 integer, 2 floating-point); ``kernel`` is PyTorch's name for it."""

    def rule(attributes: Any, metas: list[Meta]) -> Result:
        d = _promoted(metas)
        if d.category < least:
            raise NotImplementedError(f"\"{kernel}\" not implemented for '{TYPE_NAMES[d]}'")
        return result(attributes, metas)

    return rule


def _where(attributes: Any, metas: list[Meta]) -> Result:
    condition, *branches = metas
    if condition.dtype.kind != "bool" and condition.dtype is not dtypes.uint8:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {TYPE_NAMES[condition.dtype]}"
        )
    d = _promoted(branches)
    return Result(broadcast_shapes(*(m.shape for m in metas)), d, d)


def _cast(attributes: dtype, metas: list[Meta]) -> Result:
    return Result(Size(metas[0].shape), attributes, attributes)


def _checked(attributes: Check, metas: list[Meta]) -> Result:
    return Result(broadcast_shapes(*(m.shape for m in metas)), metas[0].dtype, metas[0].dtype)


TYPE_NAMES = {
    dtypes.float64: "Double",
    dtypes.float32: "Float",
    dtypes.float16: "Half",
    dtypes.bfloat16: "BFloat16",
    dtypes.int64: "Long",
    dtypes.int32: "Int",
    dtypes.int16: "Short",
    dtypes.int8: "Char",
    dtypes.uint8: "Byte",
    dtypes.bool_: "Bool",
}

C_NAMES = {
    dtypes.float64: "double",
    dtypes.float32: "float",
    dtypes.float16: "c10::Half",
    dtypes.bfloat16: "c10::BFloat16",
    dtypes.int64: "long int",
    dtypes.int32: "int",
    dtypes.int16: "short int",
    dtypes.int8: "signed char",
    dtypes.uint8: "unsigned char",
    dtypes.bool_: "bool",
}
"""What PyTorch's messages call dtypes that must agree."""

_SUBTRACT_BOOL = (
    "Subtraction, the `-` operator, with two bool tensors is not supported. "
    "Use the `^` or `logical_xor()` operator instead."
)
_NEGATE_BOOL = (
    "Negation, the `-` operator, on a bool tensor is not supported. "
    "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
)

ADD = define("add", "map", _arithmetic)
SUB = define("sub", "map", _difference)
MUL = define("mul", "map", _arithmetic)
DIV = define("div", "map", _floating)
FMA = define("fma", "map", _arithmetic)
"""Operands a, b, c: a + b * c, rounded once."""
MAXIMUM = define("maximum", "map", _arithmetic)
MINIMUM = define("minimum", "map", _arithmetic)
FMAX = define("fmax", "map", _arithmetic)
FMIN = define("fmin", "map", _arithmetic)
FLOOR_DIVIDE = define("floor_divide", "map", _numbers("div_floor_cpu"), late=True)
TRUNC_DIVIDE = define("trunc_divide", "map", _numbers("div_trunc_cpu"), late=True)
REMAINDER = define("remainder", "map", _numbers("remainder_cpu"), late=True)
FMOD = define("fmod", "map", _numbers("fmod_cpu"), late=True)
POW = define("pow", "map", _numbers("pow"))
ATAN2 = define("atan2", "map", _floating)
COPYSIGN = define("copysign", "map", _floating)
NEXTAFTER = define("nextafter", "map", _numbers("nextafter_cpu", 2))

NEG = define("neg", "map", _negative)
ABS = define("abs", "map", _numbers("abs_cpu"))
SIGN = define("sign", "map", _arithmetic)
FLOOR, CEIL, TRUNC, ROUND = (define(n, "map", _numbers(f"{n}_vml_cpu")) for n in ("floor", "ceil", "trunc", "round"))
COPY = define("copy", "map", _arithmetic)
RELU = define("relu", "map", _arithmetic)

FLOAT_FUNCTIONS = {
    name: define(name, "map", _floating)
    for name in (
        "exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh "
        "erf erfc erfcx erfinv sigmoid sqrt rsqrt reciprocal lgamma digamma"
    ).split()
}
EXP, LOG, SQRT, RSQRT, RECIPROCAL = (FLOAT_FUNCTIONS[n] for n in ("exp", "log", "sqrt", "rsqrt", "reciprocal"))
TANH, SIGMOID, ERF = (FLOAT_FUNCTIONS[n] for n in ("tanh", "sigmoid", "erf"))

EQ, NE, LT, LE, GT, GE = (define(n, "map", _comparison) for n in ("eq", "ne", "lt", "le", "gt", "ge"))
LOGICAL_AND, LOGICAL_OR, LOGICAL_XOR = (
    define(n, "map", _comparison) for n in ("logical_and", "logical_or", "logical_xor")
)
LOGICAL_NOT = define("logical_not", "map", _comparison)
ISNAN, ISINF, ISFINITE, SIGNBIT = (define(n, "map", _comparison) for n in ("isnan", "isinf", "isfinite", "signbit"))
BITWISE_AND, BITWISE_OR, BITWISE_XOR, BITWISE_NOT, LEFT_SHIFT, RIGHT_SHIFT = (
    define(n, "map", _integral(n))
    for n in ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "lshift", "rshift")
)
WHERE = define("where", "map", _where)
CAST = define("cast", "map", _cast)
CHECK = define("check", "map", _checked, late=True)
"""Operands: a value, and booleans that broadcast to it. ``attributes``: the :class:`Check` of which the error is raised where
one is false. The result is the value."""

# --- sources: values made from an element's place alone ------------------------------------------------------------


def _source(attributes: tuple[tuple[int, ...], dtype], metas: list[Meta]) -> Result:
    shape, d = attributes
    return Result(Size(shape), d, d)


FILL = define("fill", "map", _source)
"""``attributes`` (shape, dtype); one Python number: every element is that number."""
IOTA = define("iota", "map", _source)
"""``attributes`` (shape, dtype); numbers (start, step): element i, counted in row-major order, is start + i * step."""
RANDOM_BITS = define("random_bits", "map", _source)
"""``attributes`` (shape, int32 or int64); integers (seed, offset): Philox bits of counter offset + element number."""

# --- indexing: loads whose offset is computed from index values ----------------------------------------------------


def _gather(attributes: tuple[Any, ...], metas: list[Meta]) -> Result:
    return Result(Size(metas[0].shape), metas[0].dtype, metas[0].dtype)


GATHER = define("gather", "gather", _gather, late=True)
"""Operands: source, then index tensors (integers), each expandable to the result's shape.

The source's view has the result's shape; along axes that only the indices walk its stride is 0. Element i of the result is
the one that lies ``sum(wrap(index_k[i], extents[k]) * index_strides[k])`` elements behind element i of that view.
``attributes`` (extents, index_strides, check): the :class:`Check` says what an index out of range raises, and whether negative
ones count from the end.
"""


def _scatter(attributes: tuple[Any, ...], metas: list[Meta]) -> Result:
    return Result(Size(metas[0].shape), metas[0].dtype, metas[0].dtype)


SCATTER = define("scatter", "scatter", _scatter, late=True)
"""Operands: destination, value, then index tensors, all expandable to ``attributes[0]``, the shape iterated over.

``attributes`` (shape, strides, offset, extents, index_strides, mode, check): element i, in row-major order of the shape, goes to
the flat position ``offset + sum(i * strides)`` and as far behind it as a gather's indices say; mode is "set", "add", "mul",
"amax" or "amin". The result is the destination so changed.
"""

WRITE = define("write", "write", lambda attributes, metas: Result(Size(metas[0].shape), metas[0].dtype, metas[0].dtype))
"""Operands: destination and value (expandable). ``attributes``: the View of the destination that takes the value."""

JOIN = define("join", "join", lambda attributes, metas: Result(Size(attributes[0]), attributes[1], attributes[1]))
"""Operands: any number of parts. ``attributes`` (shape, dtype, axis, stacked): the parts one behind the other along
``axis``; if ``stacked`` the parts lack that axis and take one place of it each."""

# --- reductions: over one run of axes, the value seen as (outer, reduced, inner) -----------------------------------


def _reduce(attributes: tuple[Size, int, int, int, dtype], metas: list[Meta]) -> Result:
    shape, _, _, _, d = attributes
    return Result(shape, d, d)


def _reduce_index(attributes: tuple[Size, int, int, int, dtype], metas: list[Meta]) -> Result:
    return Result(attributes[0], dtypes.int64, metas[0].dtype)


SUM, PROD, MAX, MIN = (define(n, "reduce", _reduce) for n in ("reduce_sum", "reduce_prod", "reduce_max", "reduce_min"))
ANY, ALL = (define(n, "reduce", _reduce) for n in ("reduce_any", "reduce_all"))
ARGMAX, ARGMIN = (define(n, "reduce", _reduce_index) for n in ("reduce_argmax", "reduce_argmin"))
"""``attributes`` (result shape, outer, reduced, inner, dtype). The tree of a sum depends on (reduced, inner == 1) alone."""

# --- templates -----------------------------------------------------------------------------------------------------


def _attributed(attributes: tuple[Any, ...], metas: list[Meta]) -> Result:
    return Result(Size(attributes[0]), attributes[1], attributes[1])


MATMUL = define("matmul", "matmul", _attributed)
"""Operands a (..., m, k) and b (..., k, n) as views; ``attributes`` (shape, dtype)."""
CONVOLUTION, CONVOLUTION_INPUT, CONVOLUTION_WEIGHT = (
    define(n, "template", _attributed)
    for n in ("convolution", "convolution_input_gradient", "convolution_weight_gradient")
)
"""``attributes`` (shape, dtype, geometry) with contiguous operands."""
MAX_POOL, MAX_POOL_GRADIENT, AVERAGE_POOL, AVERAGE_POOL_GRADIENT = (
    define(n, "template", _attributed)
    for n in ("max_pool", "max_pool_gradient", "average_pool", "average_pool_gradient")
)
ADAPTIVE_POOL, ADAPTIVE_POOL_GRADIENT, ADAPTIVE_MAX_POOL = (
    define(n, "template", _attributed) for n in ("adaptive_pool", "adaptive_pool_gradient", "adaptive_max_pool")
)
HOST = define("host", "host", _attributed)
"""``attributes`` (shape, dtype, function, parameters): ``function(*arrays, **dict(parameters))`` in NumPy gives the value
(or a tuple, when more outputs follow)."""
OUTPUT = define("output", "output", _attributed)
"""A further output of the step named by its one operand: ``attributes`` (shape, dtype, number)."""


def _leaf(attributes: tuple[Size, dtype], metas: list[Meta]) -> Result:
    return Result(attributes[0], attributes[1], attributes[1])


LEAF = define("leaf", "leaf", _leaf)
"""A value already in memory: ``attributes`` (shape, dtype)."""


def nbytes(shape: tuple[int, ...], d: dtype) -> int:
    """Bytes that a contiguous value takes."""
    return prod(shape) * d.itemsize
