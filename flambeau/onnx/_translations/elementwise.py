"""Operations of each element. A row gets the builder, and what the operation gets: values, and numbers as they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import flambeau

from .._builder import Builder, Value

Row = Callable[..., Any]


# --- of one operand --------------------------------------------------------------------------------------------------


def _same(kind: str) -> Row:
    """An operator of ONNX of the same name, of the result's dtype: integers become floats where PyTorch makes them so."""
    return lambda g, x: g.node(kind, g.cast(x, g.result.dtype))


def _as(formula: Callable[[Builder, Value], Any]) -> Row:
    """A formula of an operand of the result's dtype."""
    return lambda g, x: formula(g, g.cast(x, g.result.dtype))


def _scaled_log(base: float) -> Row:
    return _as(lambda g, x: g.Div(g.Log(x), math.log(base)))


def _round(g: Builder, x: Any, decimals: int = 0) -> Any:
    if not x.dtype.is_floating_point:
        return x
    if decimals == 0:
        return g.Round(x)
    scale = 10.0**decimals
    return g.Div(g.Round(g.Mul(x, scale)), scale)


def _trunc(g: Builder, x: Any) -> Any:
    return g.Mul(g.Sign(x), g.Floor(g.Abs(x))) if x.dtype.is_floating_point else x


def _gelu(g: Builder, x: Any, approximate: str = "none") -> Any:
    if g.opset >= 20:
        return g.Gelu(x, approximate=approximate)
    if approximate == "tanh":
        inner = g.Mul(g.Add(x, g.Mul(g.Mul(g.Mul(x, x), x), 0.044715)), math.sqrt(2 / math.pi))
        return g.Mul(g.Mul(x, 0.5), g.Add(g.Tanh(inner), 1))
    return g.Mul(g.Mul(x, 0.5), g.Add(g.Erf(g.Div(x, math.sqrt(2))), 1))


def _softplus(g: Builder, x: Any, beta: float = 1, threshold: float = 20) -> Any:
    scaled = g.Mul(x, beta) if beta != 1 else x
    soft = g.Softplus(scaled)
    return g.Where(g.Greater(scaled, threshold), x, g.Div(soft, beta) if beta != 1 else soft, dtype=x.dtype)


def _elu(g: Builder, x: Any, alpha: float = 1.0, scale: float = 1, input_scale: float = 1) -> Any:
    if input_scale != 1:
        low = g.Mul(g.Sub(g.Exp(g.Mul(x, input_scale)), 1), alpha)
        return g.Mul(g.Where(g.Greater(x, 0), x, low, dtype=x.dtype), scale)
    made = g.Elu(x, alpha=float(alpha))
    return g.Mul(made, scale) if scale != 1 else made


def _celu(g: Builder, x: Any, alpha: float = 1.0) -> Any:
    low = g.Mul(g.Sub(g.Exp(g.Div(g.Min(x, 0), alpha)), 1), alpha)
    return g.Add(g.Max(x, 0), low)


def _prelu(g: Builder, x: Any, weight: Any) -> Any:
    if x.rank > 2 and weight.shape != (1,):
        weight = g.Reshape(weight, [-1, *[1] * (x.rank - 2)])
    return g.PRelu(x, weight)


def _clamp(g: Builder, x: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    kind = g.result.dtype
    x = g.cast(x, kind)
    if min is not None:
        x = g.Max(x, g.operand(min, kind))
    return x if max is None else g.Min(x, g.operand(max, kind))


def _hardtanh(g: Builder, x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    return _clamp(g, x, min_val, max_val)


def _nan_to_num(g: Builder, x: Any, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    if not x.dtype.is_floating_point:
        return x
    largest = flambeau.finfo(x.dtype).max
    high = largest if posinf is None else posinf
    low = -largest if neginf is None else neginf
    x = g.where(g.IsNaN(x), 0.0 if nan is None else nan, x, x.dtype)
    x = g.where(g.Equal(x, math.inf), high, x, x.dtype)
    return g.where(g.Equal(x, -math.inf), low, x, x.dtype)


def _logit(g: Builder, x: Any, eps: float | None = None) -> Any:
    x = g.cast(x, g.result.dtype)
    x = x if eps is None else g.Min(g.Max(x, eps), 1 - eps)
    return g.Log(g.Div(x, g.Sub(g.number(1, x.dtype), x)))


def _sinc(g: Builder, x: Any) -> Any:
    x = g.Mul(g.cast(x, g.result.dtype), math.pi)
    none = g.Equal(x, 0)
    return g.where(none, 1.0, g.Div(g.Sin(x), g.where(none, 1.0, x, x.dtype)), x.dtype)


def _isinf(g: Builder, x: Any) -> Any:
    return g.IsInf(x) if x.dtype.is_floating_point else g.Not(g.Equal(x, x))


def _isnan(g: Builder, x: Any) -> Any:
    return g.IsNaN(x) if x.dtype.is_floating_point else g.Not(g.Equal(x, x))


def _bitwise_not(g: Builder, x: Any) -> Any:
    if x.dtype is flambeau.bool:
        return g.Not(x)
    g.needs(18)
    return g.BitwiseNot(x)


def _truth(g: Builder, x: Any) -> Any:
    return g.cast(x, flambeau.bool)


# --- of two ----------------------------------------------------------------------------------------------------------


def common(g: Builder, *operands: Any) -> Any:
    """The dtype in which operands meet: of numbers only the kind counts."""
    tensors = [value for value in operands if isinstance(value, Value) and not value.size]
    kind = tensors[0].dtype
    for value in tensors[1:]:
        if (value.rank == 0) == (tensors[0].rank == 0) or value.dtype.category > kind.category:
            kind = flambeau.promote_types(kind, value.dtype)
        elif tensors[0].rank == 0 and value.dtype.category >= kind.category:
            kind = value.dtype
    for value in operands:
        if isinstance(value, float) and not isinstance(value, bool) and not kind.is_floating_point:
            kind = flambeau.get_default_dtype()
        elif (isinstance(value, int) and not isinstance(value, bool) or isinstance(value, Value) and value.size) and (
            kind is flambeau.bool
        ):
            kind = flambeau.int64
    return kind


def _binary(kind: str) -> Row:
    """An operator of two operands of the result's dtype."""
    return lambda g, x, y: g.node(kind, g.operand(x, g.result.dtype), g.operand(y, g.result.dtype))


def _compared(kind: str, negated: bool = False) -> Row:
    def row(g: Builder, x: Any, y: Any) -> Any:
        meet = common(g, x, y)
        # Truths are compared as numbers.
        meet = flambeau.int32 if meet is flambeau.bool and kind != "Equal" else meet
        made = g.node(kind, g.operand(x, meet), g.operand(y, meet), dtype=flambeau.bool)
        return g.Not(made) if negated else made

    return row


def _sum(kind: str) -> Row:
    def row(g: Builder, x: Any, y: Any, alpha: Any = 1) -> Any:
        meet = g.result.dtype
        x, y = g.operand(x, meet), g.operand(y, meet)
        if meet is flambeau.bool:
            return g.Or(x, y)
        return g.node(kind, x, y if alpha == 1 else g.Mul(y, alpha))

    return row


def _mul(g: Builder, x: Any, y: Any) -> Any:
    x, y = g.operand(x, g.result.dtype), g.operand(y, g.result.dtype)
    return g.And(x, y) if g.result.dtype is flambeau.bool else g.Mul(x, y)


def _floor_of_integers(g: Builder, x: Any, y: Any) -> Any:
    """The quotient of integers rounded down: ONNX rounds towards zero."""
    quotient = g.Div(x, y)
    uneven = g.Not(g.Equal(g.Mul(quotient, y), x))
    apart = g.Xor(g.Less(x, 0), g.Less(y, 0))
    return g.Sub(quotient, g.cast(g.And(uneven, apart), x.dtype))


def _div(g: Builder, x: Any, y: Any, rounding_mode: str | None = None) -> Any:
    kind = g.result.dtype
    x, y = g.operand(x, kind), g.operand(y, kind)
    if rounding_mode is None:
        return g.Div(x, y)
    if not kind.is_floating_point:
        return g.Div(x, y) if rounding_mode == "trunc" else _floor_of_integers(g, x, y)
    return g.Floor(g.Div(x, y)) if rounding_mode == "floor" else _trunc(g, g.Div(x, y))


def _remainder(g: Builder, x: Any, y: Any) -> Any:
    kind = g.result.dtype
    x, y = g.operand(x, kind), g.operand(y, kind)
    return g.Sub(x, g.Mul(g.Floor(g.Div(x, y)), y)) if kind.is_floating_point else g.Mod(x, y)


def _pow(g: Builder, x: Any, y: Any) -> Any:
    kind = g.result.dtype
    if y == 2 and isinstance(x, Value):
        x = g.cast(x, kind)
        return g.Mul(x, x)
    if y == 0.5:
        return g.Sqrt(g.cast(x, kind))
    return g.Pow(g.operand(x, kind), g.operand(y, kind))


def _logical(kind: str) -> Row:
    return lambda g, x, y: g.node(kind, g.operand(x, flambeau.bool), g.operand(y, flambeau.bool))


def _bitwise(kind: str) -> Row:
    def row(g: Builder, x: Any, y: Any) -> Any:
        meet = g.result.dtype
        x, y = g.operand(x, meet), g.operand(y, meet)
        if meet is flambeau.bool:
            return g.node(kind, x, y)
        g.needs(18)
        return g.node(f"Bitwise{kind}", x, y)

    return row


def _shift(left: bool) -> Row:
    def row(g: Builder, x: Any, y: Any) -> Any:
        kind = g.result.dtype
        x, factor = g.operand(x, kind), g.Pow(g.number(2, kind), g.operand(y, kind))
        return g.Mul(x, factor) if left else _floor_of_integers(g, x, factor)

    return row


def _extreme(kind: str, known: bool) -> Row:
    """The larger or smaller one; with ``known``, the other if one is no number."""

    def row(g: Builder, x: Any, y: Any) -> Any:
        meet = g.result.dtype
        x, y = g.operand(x, meet), g.operand(y, meet)
        if meet is flambeau.bool:
            return g.node("Or" if kind == "Max" else "And", x, y)
        made = g.node(kind, x, y)
        if not known or not meet.is_floating_point:
            return made
        return g.Where(g.IsNaN(x), y, g.Where(g.IsNaN(y), x, made, dtype=meet), dtype=meet)

    return row


def _atan2(g: Builder, y: Any, x: Any) -> Any:
    kind = g.result.dtype
    y, x = g.operand(y, kind), g.operand(x, kind)
    none = g.Equal(x, 0)
    angle = g.Atan(g.Div(y, g.where(none, 1.0, x, kind)))
    turned = g.Where(g.Less(y, 0), g.Sub(angle, math.pi), g.Add(angle, math.pi), dtype=kind)
    upright = g.Mul(g.Sign(y), math.pi / 2)
    return g.Where(none, upright, g.Where(g.Less(x, 0), turned, angle, dtype=kind), dtype=kind)


def _copysign(g: Builder, x: Any, y: Any) -> Any:
    kind = g.result.dtype
    x, y = g.Abs(g.operand(x, kind)), g.operand(y, kind)
    return g.Where(g.Less(y, 0), g.Neg(x), x, dtype=kind)


def _hypot(g: Builder, x: Any, y: Any) -> Any:
    return g.Sqrt(g.Add(g.Mul(x, x), g.Mul(y, y)))


def _xlogy(g: Builder, x: Any, y: Any) -> Any:
    kind = g.result.dtype
    x, y = g.operand(x, kind), g.operand(y, kind)
    return g.Where(g.Equal(x, 0), g.Mul(x, 0), g.Mul(x, g.Log(y)), dtype=kind)


def _isclose(g: Builder, x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    meet = flambeau.promote_types(common(g, x, y), flambeau.float32)
    x, y = g.operand(x, meet), g.operand(y, meet)
    near = g.LessOrEqual(g.Abs(g.Sub(x, y)), g.Add(g.Mul(g.Abs(y), rtol), atol))
    made = g.Or(g.Equal(x, y), near)
    return g.Or(made, g.And(g.IsNaN(x), g.IsNaN(y))) if equal_nan else made


# --- of three --------------------------------------------------------------------------------------------------------


def _where(g: Builder, condition: Any, x: Any, y: Any) -> Any:
    return g.where(g.cast(condition, flambeau.bool), x, y, g.result.dtype)


def _masked_fill(g: Builder, x: Any, mask: Any, value: Any) -> Any:
    return g.where(g.cast(mask, flambeau.bool), value, x, g.result.dtype)


def _addcmul(kind: str) -> Row:
    def row(g: Builder, x: Any, one: Any, two: Any, value: Any = 1) -> Any:
        meet = g.result.dtype
        made = g.node(kind, g.operand(one, meet), g.operand(two, meet))
        return g.Add(g.operand(x, meet), made if value == 1 else g.Mul(made, value))

    return row


def _lerp(g: Builder, x: Any, end: Any, weight: Any) -> Any:
    return g.Add(x, g.Mul(g.Sub(end, x), g.operand(weight, x.dtype)))


def _threshold(g: Builder, x: Any, threshold: float, value: float) -> Any:
    return g.where(g.Greater(x, threshold), x, value, x.dtype)


def _heaviside(g: Builder, x: Any, values: Any) -> Any:
    above = g.where(g.Greater(x, 0), 1, 0, x.dtype)
    return g.Where(g.Equal(x, 0), values, above, dtype=x.dtype)


# --- softmax and what has halves -------------------------------------------------------------------------------------


def _softmax(kind: str) -> Row:
    def row(g: Builder, x: Any, dim: int, dtype: Any = None) -> Any:
        x = g.cast(x, g.result.dtype)
        if x.rank == 0:
            return g.Reshape(g.node(kind, g.Reshape(x, [1]), axis=0), np.zeros(0, np.int64))
        return g.node(kind, x, axis=dim)

    return row


def _glu(g: Builder, x: Any, dim: int = -1) -> Any:
    one, two = split(g, x, 2, dim)
    return g.Mul(one, g.Sigmoid(two))


def split(g: Builder, x: Value, count: int, dim: int) -> Any:
    """So many equal parts along an axis."""
    told: dict[str, Any] = {"num_outputs": count} if g.opset >= 18 else {}
    return g.node("Split", x, outputs=count, axis=dim, **told)


ROWS: dict[str, Row] = {
    **{name: _same(kind) for name, kind in {
        "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "erf": "Erf", "special_erf": "Erf", "sin": "Sin", "cos": "Cos", "tan": "Tan",
        "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "asinh": "Asinh",
        "acosh": "Acosh", "atanh": "Atanh", "sigmoid": "Sigmoid", "special_expit": "Sigmoid", "abs": "Abs", "neg": "Neg",
        "sign": "Sign", "sgn": "Sign", "reciprocal": "Reciprocal", "relu": "Relu",
    }.items()},
    **{name: (lambda g, x, kind=kind: g.node(kind, x) if x.dtype.is_floating_point else x)
       for name, kind in {"ceil": "Ceil", "floor": "Floor"}.items()},
    "round": _round, "trunc": _trunc, "exp2": _as(lambda g, x: g.Exp(g.Mul(x, math.log(2)))),
    "expm1": _as(lambda g, x: g.Sub(g.Exp(x), 1)), "log1p": _as(lambda g, x: g.Log(g.Add(x, 1))), "log2": _scaled_log(2),
    "log10": _scaled_log(10), "rsqrt": _as(lambda g, x: g.Reciprocal(g.Sqrt(x))), "square": _as(lambda g, x: g.Mul(x, x)),
    "erfc": _as(lambda g, x: g.Sub(g.number(1, x.dtype), g.Erf(x))), "logit": _logit, "sinc": _sinc,
    "deg2rad": _as(lambda g, x: g.Mul(x, math.pi / 180)), "rad2deg": _as(lambda g, x: g.Mul(x, 180 / math.pi)),
    "logical_not": lambda g, x: g.Not(_truth(g, x)), "bitwise_not": _bitwise_not, "isnan": _isnan, "isinf": _isinf,
    "isfinite": lambda g, x: g.Not(g.Or(_isinf(g, x), _isnan(g, x))), "nan_to_num": _nan_to_num, "positive": lambda g, x: x,
    "isposinf": lambda g, x: g.Equal(x, math.inf), "isneginf": lambda g, x: g.Equal(x, -math.inf),
    "signbit": lambda g, x: g.Less(x, 0),
    # activations
    "gelu": _gelu, "silu": lambda g, x: g.Mul(x, g.Sigmoid(x)), "mish": lambda g, x: g.Mul(x, g.Tanh(g.Softplus(x))),
    "hardswish": lambda g, x: g.Mul(x, g.HardSigmoid(x, alpha=1 / 6, beta=0.5)),
    "hardsigmoid": lambda g, x: g.HardSigmoid(x, alpha=1 / 6, beta=0.5),
    "hardtanh": _hardtanh, "relu6": lambda g, x: _clamp(g, x, 0, 6), "elu": _elu, "selu": lambda g, x: g.Selu(x), "celu": _celu,
    "leaky_relu": lambda g, x, negative_slope=0.01: g.LeakyRelu(x, alpha=float(negative_slope)), "prelu": _prelu,
    "rrelu": lambda g, x, lower=1 / 8, upper=1 / 3, training=False, generator=None: _rrelu(g, x, lower, upper, training),
    "threshold": _threshold, "softplus": _softplus, "log_sigmoid": lambda g, x: g.Neg(g.Softplus(g.Neg(x))),
    "softshrink": lambda g, x, lambd=0.5: g.Shrink(x, lambd=float(lambd), bias=float(lambd)),
    "hardshrink": lambda g, x, lambd=0.5: g.Shrink(x, lambd=float(lambd), bias=0.0),
    "softmax": _softmax("Softmax"), "log_softmax": _softmax("LogSoftmax"), "glu": _glu,
    "_softmax": lambda g, x, dim, half_to_float: _softmax("Softmax")(g, x, dim),
    "_log_softmax": lambda g, x, dim, half_to_float: _softmax("LogSoftmax")(g, x, dim),
    "clamp": _clamp, "clamp_min": _clamp, "clamp_max": lambda g, x, high: _clamp(g, x, None, high),
    # two operands
    "add": _sum("Add"), "sub": _sum("Sub"), "rsub": lambda g, x, y, alpha=1: _sum("Sub")(g, y, x, alpha), "mul": _mul,
    "div": _div,
    "floor_divide": lambda g, x, y: _div(g, x, y, "floor"), "remainder": _remainder,
    "fmod": lambda g, x, y: g.Mod(g.operand(x, g.result.dtype), g.operand(y, g.result.dtype), fmod=1), "pow": _pow,
    "float_power": _pow, "maximum": _extreme("Max", False), "minimum": _extreme("Min", False), "fmax": _extreme("Max", True),
    "fmin": _extreme("Min", True), "atan2": _atan2, "hypot": _hypot, "copysign": _copysign, "xlogy": _xlogy,
    "special_xlogy": _xlogy, "isclose": _isclose,
    "ldexp": lambda g, x, y: g.Mul(x, g.Pow(g.number(2, x.dtype), g.cast(y, x.dtype))),
    "eq": _compared("Equal"), "ne": _compared("Equal", True), "lt": _compared("Less"), "le": _compared("LessOrEqual"),
    "gt": _compared("Greater"), "ge": _compared("GreaterOrEqual"),
    "logical_and": _logical("And"), "logical_or": _logical("Or"), "logical_xor": _logical("Xor"),
    **{name: _bitwise(kind) for name, kind in {
        "bitwise_and": "And", "__and__": "And", "bitwise_or": "Or", "__or__": "Or", "bitwise_xor": "Xor", "__xor__": "Xor",
    }.items()},
    "bitwise_left_shift": _shift(True), "bitwise_right_shift": _shift(False), "heaviside": _heaviside,
    # three
    "where": _where, "masked_fill": _masked_fill, "addcmul": _addcmul("Mul"), "addcdiv": _addcmul("Div"), "lerp": _lerp,
}  # fmt: skip


def _rrelu(g: Builder, x: Any, lower: float, upper: float, training: bool) -> Any:
    if training:
        raise g.unsupported("its slopes are random in training")
    return g.LeakyRelu(x, alpha=(lower + upper) / 2)
