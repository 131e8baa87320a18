"""The closed set of primitives that every operation is composed of, one row each.

A primitive has a name, a kind (how the compiler treats it), a rule that gives the shape, the dtype and the dtype in which it
computes (:mod:`flambeau.graph.rules`), and a cost: about how many instructions a vector of results takes once its operands
are there. A device finds what computes it by its name (``cpu/elementwise.py``, ``cpu/loops/reducers.py``, ``cpu/device.py``).
"""

from __future__ import annotations

from math import prod
from typing import Any

from . import rules
from .dtypes import dtype
from .rules import Rule, arithmetic, comparison, floating, from_attributes, integral, like_first, numbers


class Primitive:
    """One primitive. ``late`` says that it can find errors only when it runs (an index out of range)."""

    __slots__ = ("name", "kind", "rule", "cost", "late")

    def __init__(self, name: str, kind: str, rule: Rule, cost: int = 1, late: bool = False) -> None:
        self.name = name
        self.kind = kind
        self.rule = rule
        self.cost = cost
        self.late = late

    def __repr__(self) -> str:
        return self.name


PRIMITIVES: dict[str, Primitive] = {}


def define(name: str, kind: str, rule: Rule, cost: int = 1, late: bool = False) -> Primitive:
    """Add a primitive to the set."""
    primitive = PRIMITIVES[name] = Primitive(name, kind, rule, cost, late)
    return primitive


def several(names: str, kind: str, rule: Rule, cost: int = 1, late: bool = False) -> tuple[Primitive, ...]:
    """Primitives that differ in their names alone."""
    return tuple([define(name, kind, rule, cost, late) for name in names.split()])


# --- elementwise -------------------------------------------------------------------------------------------------------

ADD, MUL, MAXIMUM, MINIMUM, FMAX, FMIN = several("add mul maximum minimum fmax fmin", "map", arithmetic)
SUB = define("sub", "map", rules.difference)
DIV = define("div", "map", floating, cost=4)
FMA = define("fma", "map", arithmetic)
"""Operands a, b, c: a + b * c, rounded once."""
FLOOR_DIVIDE = define("floor_divide", "map", numbers("div_floor_cpu"), cost=40, late=True)
TRUNC_DIVIDE = define("trunc_divide", "map", numbers("div_trunc_cpu"), cost=40, late=True)
REMAINDER = define("remainder", "map", numbers("remainder_cpu"), cost=40, late=True)
FMOD = define("fmod", "map", numbers("fmod_cpu"), cost=40, late=True)
POW = define("pow", "map", numbers("pow"), cost=32)
ATAN2 = define("atan2", "map", floating, cost=32)
COPYSIGN = define("copysign", "map", floating)
NEXTAFTER = define("nextafter", "map", numbers("nextafter_cpu", 2))

COPY, SIGN, RELU = several("copy sign relu", "map", arithmetic)
NEG = define("neg", "map", rules.negative)
ABS = define("abs", "map", numbers("abs_cpu"))
FLOOR, CEIL, TRUNC, ROUND = (define(n, "map", numbers(f"{n}_vml_cpu")) for n in ("floor", "ceil", "trunc", "round"))

FLOAT_FUNCTIONS = {
    function.name: function
    for function in (
        *several("sqrt rsqrt reciprocal", "map", floating, cost=4),
        *several("exp exp2 expm1 log log2 log10 log1p", "map", floating, cost=24),
        *several("sin cos tan sinh cosh tanh asin acos atan", "map", floating, cost=24),
        *several("asinh acosh atanh erf erfc erfcx erfinv sigmoid lgamma digamma", "map", floating, cost=32),
    )
}
EXP, LOG, SQRT, RSQRT, RECIPROCAL = (FLOAT_FUNCTIONS[n] for n in ("exp", "log", "sqrt", "rsqrt", "reciprocal"))
TANH, SIGMOID, ERF = (FLOAT_FUNCTIONS[n] for n in ("tanh", "sigmoid", "erf"))

EQ, NE, LT, LE, GT, GE = several("eq ne lt le gt ge", "map", comparison)
LOGICAL_AND, LOGICAL_OR, LOGICAL_XOR, LOGICAL_NOT = several(
    "logical_and logical_or logical_xor logical_not", "map", comparison
)
ISNAN, ISINF, ISFINITE, SIGNBIT = several("isnan isinf isfinite signbit", "map", comparison)
BITWISE_AND, BITWISE_OR, BITWISE_XOR, BITWISE_NOT, LEFT_SHIFT, RIGHT_SHIFT = (
    define(n, "map", integral(n))
    for n in ("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "lshift", "rshift")
)
WHERE = define("where", "map", rules.where)
CAST = define("cast", "map", rules.cast)
CHECK = define("check", "map", rules.checked, late=True)
"""Operands: a value, and booleans that broadcast to it. ``attributes``: the :class:`Check` of which the error is raised where
one is false. The result is the value."""

# --- sources: values made from an element's place alone ------------------------------------------------------------

FILL = define("fill", "map", from_attributes)
"""``attributes`` (shape, dtype); one Python number: every element is that number."""
IOTA = define("iota", "map", from_attributes)
"""``attributes`` (shape, dtype); numbers (start, step): element i, counted in row-major order, is start + i * step."""
RANDOM_BITS = define("random_bits", "map", from_attributes, cost=64)
"""``attributes`` (shape, int32 or int64); integers (seed, offset): Philox bits of counter offset + element number."""

# --- indexing: loads and stores whose offset is computed from index values -----------------------------------------

GATHER = define("gather", "gather", like_first, cost=16, late=True)
"""Operands: source, then index tensors (integers), each expandable to the result's shape.

The source's view has the result's shape; along axes that only the indices walk its stride is 0. Element i of the result is
the one that lies ``sum(wrap(index_k[i], extents[k]) * index_strides[k])`` elements behind element i of that view.
``attributes`` (extents, index_strides, check): the :class:`Check` says what an index out of range raises, and whether negative
ones count from the end.
"""
SCATTER = define("scatter", "scatter", like_first, cost=16, late=True)
"""Operands: destination, value, then index tensors, all expandable to ``attributes[0]``, the shape iterated over.

``attributes`` (shape, strides, offset, extents, index_strides, mode, check): element i, in row-major order of the shape, goes to
the flat position ``offset + sum(i * strides)`` and as far behind it as a gather's indices say; mode is "set", "add", "mul",
"amax" or "amin". The result is the destination so changed.
"""
WRITE = define("write", "write", like_first)
"""Operands: destination and value (expandable). ``attributes``: the View of the destination that takes the value."""
JOIN = define("join", "join", from_attributes)
"""Operands: any number of parts. ``attributes`` (shape, dtype, axis, stacked): the parts one behind the other along
``axis``; if ``stacked`` the parts lack that axis and take one place of it each."""

# --- reductions: over one run of neighbouring axes -----------------------------------------------------------------

SUM, PROD, MAX, MIN, ANY, ALL = several(
    "reduce_sum reduce_prod reduce_max reduce_min reduce_any reduce_all", "reduce", rules.reduction
)
ARGMAX, ARGMIN = several("reduce_argmax reduce_argmin", "reduce", rules.position)
"""``attributes`` (first axis, last axis, axes that the result lacks, dtype). The operand is seen as (outer, reduced, inner);
the tree of a sum depends on (reduced, inner == 1) alone."""


def reduced_extents(attributes: tuple[int, int, Any, dtype], shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(outer, reduced, inner) of a reduction over an operand of that shape."""
    first, last = attributes[:2]
    return prod(shape[:first]), prod(shape[first : last + 1]), prod(shape[last + 1 :])


# --- scans: what is accumulated along one axis, at each element of it ------------------------------------------------

SCAN_SUM, SCAN_PROD, SCAN_LOGADDEXP = several("scan_sum scan_prod scan_logaddexp", "scan", from_attributes)
SCAN_MAX, SCAN_MIN = several("scan_max scan_min", "scan", from_attributes)
"""``attributes`` (shape, dtype, axis, whether it goes from the last element to the first); the operand, of that shape, is
converted to the dtype. Extrema have their places along the axis (int64) as a further output: the last ones of equals."""
SCAN_RECURRENCE = define("scan_recurrence", "scan", from_attributes)
"""Two operands, factors a and terms b: the result's first element is 0, the one behind element r of places a and b is a r + b.
Boolean factors choose between r and 0."""

# --- templates -----------------------------------------------------------------------------------------------------

MATMUL = define("matmul", "matmul", rules.matrix_product)
"""Operands a (..., m, k) and b (..., k, n) as views, batch axes broadcast."""
CONVOLUTION, CONVOLUTION_INPUT, CONVOLUTION_WEIGHT = several(
    "convolution convolution_input_gradient convolution_weight_gradient", "template", from_attributes
)
"""``attributes`` (shape, dtype, geometry) with contiguous operands: x, w; gradient of y, w; gradient of y, x. Geometries,
here and below, are those of :mod:`flambeau.graph.windows`."""
MAX_POOL, MAX_POOL_GRADIENT, AVERAGE_POOL, AVERAGE_POOL_GRADIENT = several(
    "max_pool max_pool_gradient average_pool average_pool_gradient", "template", from_attributes
)
ADAPTIVE_POOL, ADAPTIVE_POOL_GRADIENT, ADAPTIVE_MAX_POOL = several(
    "adaptive_pool adaptive_pool_gradient adaptive_max_pool", "template", from_attributes
)
"""Of contiguous planes: the windows' maxima or means, or the sum of their gradients; the gradient of maxima has their places
(int64) as a second operand. Maxima have their places as a further output."""
ATTENTION = define("attention", "attention", rules.attention)
"""Operands query (…, L, E), key (…, S, E), value (…, S, Ev) and perhaps a mask (…, L, S), with the same batch axes; then
the numbers scale and perhaps limit, factor, seed and offset (see :class:`~flambeau.kernels.kernel.Attention`). ``attributes``
(causal, masked, order): the result (…, L, Ev) has its axes in that order, if it is not None. The second output are the
logarithms of the sums of exponentials (…, L)."""
ATTENTION_GRADIENT = define("attention_gradient", "attention", rules.like_second)
"""Operands: the result's gradient, those of :data:`ATTENTION`, the logarithms and the sums of the gradient times the result
(…, L), both contiguous, then the numbers. ``attributes`` (causal, masked). Gives the gradients of query, key and value."""
CTC_LOSS = define("ctc_loss", "ctc", from_attributes, late=True)
"""``attributes`` (shape, dtype, blank, checks) with operands log-probabilities (T, N, C), targets, and the lengths of inputs and
of targets: (N, S), of which each row is a target and more, or all targets one after the other. The states of its recursion
are a further output. The :class:`Check` s are of what :class:`~flambeau.kernels.kernel.Alignment` says."""
CTC_GRADIENT = define("ctc_gradient", "ctc", from_attributes)
"""``attributes`` (shape, dtype, blank, whether infinite losses count as 0) with the operands of the loss, the gradient of
the losses, these, and the states."""
RECURRENT = define("recurrent", "recurrent", from_attributes)
"""One direction of a recurrent layer over packed rows (see :class:`~flambeau.kernels.kernel.Recurrent`). ``attributes`` (shape,
dtype, kind, reverse, whether there is a bias, whether more is kept for the gradient) with operands: what the input gives to
the gates (rows, gates · hidden), the numbers of sequences of each step (int64, contiguous), the weight, the states (sequences,
hidden) at the beginning, of which elements adjoin along rows, and perhaps the bias, contiguous. Further outputs are the states
at the end, and if they are kept, activations (rows, kept · hidden) and the states before each row."""
RECURRENT_GRADIENT = define("recurrent_gradient", "recurrent", from_attributes)
"""``attributes`` (shape, dtype, kind, reverse, whether there is a gradient of the output) with operands: the numbers of
sequences, the weight, what was kept (activations, and states before each row), the gradients of the states at the end, and
perhaps that of the output. Further outputs are the gradients of the states at the beginning, and for a GRU that of what the
state gives to the gates."""
HOST = define("host", "host", from_attributes)
"""``attributes`` (shape, dtype, function, parameters): ``function(*arrays, **dict(parameters))`` in NumPy gives the value
(or a tuple, when more outputs follow)."""
OUTPUT = define("output", "output", from_attributes)
"""A further output of the step named by its one operand: ``attributes`` (shape, dtype, number)."""
COLUMN_SUMS = define("column_sums", "partial", from_attributes)
"""Made by the compiler alone: sums of a matrix's columns over runs of its rows, one row of results for each run, which are
added up afterwards. ``attributes`` (shape, dtype)."""
LEAF = define("leaf", "leaf", from_attributes)
"""A value already in memory: ``attributes`` (shape, dtype)."""


def nbytes(shape: tuple[int, ...], d: dtype) -> int:
    """Bytes that a contiguous value takes."""
    return prod(shape) * d.itemsize

# --- dtypes that are only stored ----------------------------------------------------------------------------------------

MOVING = {
    COPY, CAST, WHERE, CHECK, FILL, LEAF, OUTPUT, GATHER, SCATTER, WRITE, JOIN, EQ, NE, ISNAN, ISINF, ISFINITE, LOGICAL_NOT,
}  # fmt: skip
"""What is done with numbers of any dtype: made, moved, converted and compared."""
OF_BITS = {BITWISE_AND, BITWISE_OR, BITWISE_XOR, BITWISE_NOT, RANDOM_BITS, HOST}
"""What is done with integers of any dtype besides."""
