"""How calls of the package are written as operations beneath Python: ``x + 1`` is ``aten.add.Tensor(x, 1)``.

Most calls are the operation of their name: its arguments by position, without defaults at the end. :data:`OVERLOADS` says
which form of it, where there are several. What is written otherwise is in ``_written``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from .._ops import namespace
from ..core.tensor import Tensor
from ..surface.aten import function_of


def is_number(value: Any) -> bool:
    """Whether an operand is a number of Python's."""
    return isinstance(value, (bool, int, float, complex))


def _by_operand(second: Any) -> str:
    return "Scalar" if is_number(second) else "Tensor"


def _reduction(over: str) -> Callable[..., str]:
    return lambda input, dim=None, *more, **named: "default" if dim is None and "dim" not in named else over


def _extreme(input: Any, second: Any = None, *more: Any, **named: Any) -> str:
    if isinstance(second, Tensor):
        return "other"
    return "default" if second is None and "dim" not in named else "dim"


def _power(base: Any, exponent: Any) -> str:
    return "Scalar" if is_number(base) else "Tensor_Scalar" if is_number(exponent) else "Tensor_Tensor"


def _second(input: Any, second: Any, *more: Any, **named: Any) -> str:
    return _by_operand(second)


def _parts(input: Any, sections: Any, *more: Any, **named: Any) -> str:
    if isinstance(sections, Tensor):
        return "tensor_indices_or_sections"
    return "sections" if isinstance(sections, int) else "indices"


def _axes_moved(input: Any, source: Any, destination: Any) -> str:
    return "int" if isinstance(source, int) else "intlist"


def _recurrent(input: Any, second: Any, *more: Any) -> str:
    return "data" if len(more) and isinstance(more[1], (list, tuple)) else "input"


_BY_SECOND = "eq ne lt le gt ge remainder fmod bitwise_and bitwise_or bitwise_xor".split()
"""Operations of two tensors, or of a tensor and a number."""

OVERLOADS: dict[str, str | Callable[..., str]] = {
    **dict.fromkeys(["add", "sub", "mul", "add_", "sub_", "mul_"], "Tensor"),
    **dict.fromkeys(["div", "div_"], lambda a, b, **named: "Tensor_mode" if named.get("rounding_mode") else "Tensor"),
    **dict.fromkeys(["rsub", "__and__", "__or__", "__xor__", "copysign", "copysign_", "floor_divide_"], _second),
    **dict.fromkeys(["lerp", "lerp_"], lambda x, end, weight: _by_operand(weight)),
    **dict.fromkeys(["clamp", "clamp_"], lambda x, *bounds, **named: (
        "Tensor" if any(isinstance(bound, Tensor) for bound in (*bounds, *named.values())) else "default")),
    **dict.fromkeys(["clamp_min", "clamp_max", "clamp_min_", "clamp_max_"], lambda x, bound: (
        "Tensor" if isinstance(bound, Tensor) else "default")),
    **dict.fromkeys(["median", "nanmedian"], _reduction("dim")),
    **dict.fromkeys([*_BY_SECOND, *(f"{name}_" for name in _BY_SECOND)], _second),
    **dict.fromkeys(["masked_fill", "masked_fill_"], lambda x, mask, value: _by_operand(value)),
    **dict.fromkeys(["index_fill", "index_fill_"], lambda x, dim, index, value: f"int_{_by_operand(value)}"),
    **dict.fromkeys(["bitwise_left_shift", "bitwise_right_shift", "bitwise_left_shift_", "bitwise_right_shift_"],
                    lambda a, b: "Tensor" if isinstance(b, Tensor) else "Tensor_Scalar"),
    **dict.fromkeys(["lstm", "gru", "rnn_tanh", "rnn_relu"], _recurrent),
    **dict.fromkeys(["movedim", "moveaxis"], _axes_moved), "tensor_split": _parts, "unflatten": "int",
    **dict.fromkeys(["searchsorted", "bucketize", "ldexp", "frexp"], "Tensor"), "isin": "Tensor_Tensor",
    "xlogy": lambda a, b: "Scalar_Self" if is_number(a) else "Scalar_Other" if is_number(b) else "Tensor",
    "float_power": lambda a, b: f"Tensor_{_by_operand(b)}", "scatter_reduce": "two", "scatter_reduce_": "two",
    "pow_": lambda a, b: _by_operand(b),
    **dict.fromkeys(["softmax", "log_softmax", "transpose", "select", "unbind"], "int"),
    **dict.fromkeys(["sum"], _reduction("dim_IntList")), **dict.fromkeys(["mean", "any", "all"], _reduction("dim")),
    **dict.fromkeys(["max", "min"], _extreme), "squeeze": _reduction("dim"), "flatten": "using_ints", "pow": _power,
    "index": "Tensor", "slice": "Tensor",
    "repeat_interleave": lambda x, repeats, *more, **named: f"self_{'Tensor' if isinstance(repeats, Tensor) else 'int'}",
    "prod": _reduction("dim_int"),
    "conv_transpose1d": "default", "conv_transpose2d": "input", "conv_transpose3d": "input", "roll": "default",
    **dict.fromkeys(["scatter", "scatter_"], lambda x, dim, index, src: "src" if isinstance(src, Tensor) else "value"),
    "argsort": "default", "sort": "default", "copy_": "default", "fill_": lambda x, value: _by_operand(value),
}  # fmt: skip
"""The form of an operation: its name, or a function of the arguments; "default" for those that are not here."""


@cache
def _parameters(function: Callable[..., Any]) -> tuple[list[str], str | None, dict[str, Any]]:
    """Names by position (with the one for the rest, if they come one by one), and defaults."""
    parameters = inspect.signature(function).parameters.values()
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return positional, rest, {p.name: p.default for p in parameters if p.default is not p.empty}


def bound(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Arguments by position as far as they can be, without defaults at the end; sizes that come one by one as a list."""
    positional, rest, defaults = _parameters(function)
    named = dict(kwargs)
    values = [*args[: len(positional)]]
    behind = args[len(positional) :]
    for name in positional[len(values) :]:
        if name in named:
            values.append(named.pop(name))
        elif set(positional[len(values) :]) & named.keys():
            values.append(defaults.get(name))
        else:
            break
    if not behind:
        while (
            values and positional[len(values) - 1] in defaults and values[-1] is defaults[positional[len(values) - 1]]
        ):
            values.pop()
    elif rest is not None:
        values.append([*behind[0]] if len(behind) == 1 and isinstance(behind[0], (tuple, list)) else [*behind])
    if rest in named:
        values.append(named.pop(rest))
    named = {name: value for name, value in named.items() if name not in defaults or value is not defaults[name]}
    return values, named


AXES = {"sum", "mean", "amax", "amin", "logsumexp", "flip", "var", "std"}
"""Operations whose axis is a list beneath Python, though it is one."""


def overload_of(name: str, values: list[Any], named: dict[str, Any]) -> str | None:
    """The full name of the operation that a call is, or None if there is none of its name."""
    forms = getattr(namespace("aten"), name, None)
    if forms is None or function_of(name) is None:
        return None
    wanted = OVERLOADS.get(name, "default")
    if callable(wanted):
        wanted = wanted(*values, **named)
    if name in AXES and len(values) > 1 and isinstance(values[1], int):
        values[1] = [values[1]]
    if name in AXES and isinstance(named.get("dim"), int):
        named["dim"] = [named["dim"]]
    return f"{name}.{wanted}" if wanted in forms.overloads() else None


OPERATORS = {
    "__add__": "add", "__sub__": "sub", "__mul__": "mul", "__truediv__": "div", "__floordiv__": "floor_divide",
    "__mod__": "remainder", "__pow__": "pow", "__matmul__": "matmul", "__neg__": "neg", "__abs__": "abs",
    "__invert__": "bitwise_not", "__and__": "__and__", "__or__": "__or__", "__xor__": "__xor__", "__eq__": "eq",
    "__ne__": "ne", "__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge", "__iadd__": "add_", "__isub__": "sub_",
    "__imul__": "mul_", "__itruediv__": "div_", "__ifloordiv__": "floor_divide_", "__ipow__": "pow_", "__imod__": "remainder_",
    "__iand__": "bitwise_and_", "__ior__": "bitwise_or_", "__ixor__": "bitwise_xor_", "__rand__": "bitwise_and",
    "__ror__": "bitwise_or", "__rxor__": "bitwise_xor", "__lshift__": "bitwise_left_shift", "__rshift__": "bitwise_right_shift",
}  # fmt: skip
"""Operators of tensors, and the operations that they are."""

OTHER_NAMES = {
    "multiply": "mul", "subtract": "sub", "divide": "div", "true_divide": "div", "concat": "cat", "concatenate": "cat",
    "swapaxes": "transpose", "swapdims": "transpose", "negative": "neg", "absolute": "abs", "greater": "gt", "less": "lt",
    "greater_equal": "ge", "less_equal": "le", "not_equal": "ne", "clip": "clamp", "multiply_": "mul_", "subtract_": "sub_",
    "divide_": "div_", "true_divide_": "div_", "clip_": "clamp_", "negative_": "neg_", "logsigmoid": "log_sigmoid",
    "arccos": "acos", "arcsin": "asin", "arctan": "atan", "arccosh": "acosh", "arcsinh": "asinh", "arctanh": "atanh",
    "arctan2": "atan2", "fix": "trunc", "moveaxis": "movedim", "inverse": "linalg_inv",
    "linalg_matmul": "matmul", "special_expit": "sigmoid", "special_softmax": "softmax", "special_log_softmax": "log_softmax",
}  # fmt: skip
"""Names of functions that are another's beneath Python."""
