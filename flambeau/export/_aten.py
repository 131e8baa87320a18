"""How calls of the package are written as operations beneath Python: ``x + 1`` is ``aten.add.Tensor(x, 1)``.

Most calls are the operation of their name: its arguments by position, without defaults at the end. :data:`OVERLOADS` says
which form of it, where there are several, and :data:`WRITTEN` what is written otherwise.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import flambeau

from .._ops import namespace
from ..core.device import device, strided
from ..core.tensor import Tensor
from ..graph.dtypes import dtype
from ..nn import functional
from ..ops import NAMESPACE

Emit = Callable[..., Any]
"""Records a call of an operation by its name and form, and gives its result: ``emit("add.Tensor", x, 1)``."""


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


def _where(condition: Any, input: Any, other: Any) -> str:
    kinds = {(False, False): "self", (False, True): "ScalarOther", (True, False): "ScalarSelf", (True, True): "Scalar"}
    return kinds[is_number(input), is_number(other)]


OVERLOADS: dict[str, str | Callable[..., str]] = {
    **dict.fromkeys(["add", "sub", "mul", "add_", "sub_", "mul_"], "Tensor"),
    **dict.fromkeys(["div", "div_"], lambda a, b, **named: "Tensor_mode" if named.get("rounding_mode") else "Tensor"),
    **dict.fromkeys(
        "eq ne lt le gt ge remainder fmod rsub bitwise_and bitwise_or bitwise_xor __and__ __or__ __xor__".split(),
        lambda a, b: _by_operand(b),
    ),
    **dict.fromkeys(["softmax", "log_softmax", "transpose", "select", "unbind"], "int"),
    **dict.fromkeys(["sum"], _reduction("dim_IntList")), **dict.fromkeys(["mean", "any", "all"], _reduction("dim")),
    **dict.fromkeys(["max", "min"], _extreme), "squeeze": _reduction("dim"), "flatten": "using_ints", "pow": _power,
    "where": _where, "index": "Tensor", "slice": "Tensor", "masked_fill": lambda x, mask, value: _by_operand(value),
    "var": "correction", "std": "correction", "repeat_interleave": "self_int", "prod": _reduction("dim_int"),
    "conv_transpose1d": "default", "conv_transpose2d": "input", "conv_transpose3d": "input", "roll": "default",
    "norm": "ScalarOpt_dim", "scatter": lambda x, dim, index, src: "src" if isinstance(src, Tensor) else "value",
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
    if forms is None:
        return None
    wanted = OVERLOADS.get(name, "default")
    if callable(wanted):
        wanted = wanted(*values, **named)
    if name in AXES and len(values) > 1 and isinstance(values[1], int):
        values[1] = [values[1]]
    if name in AXES and isinstance(named.get("dim"), int):
        named["dim"] = [named["dim"]]
    return f"{name}.{wanted}" if wanted in forms.overloads() else None


# --- what is written otherwise ---------------------------------------------------------------------------------------


def _listed(value: Any, count: int) -> list[Any]:
    return [*value] if isinstance(value, (tuple, list)) else [value] * count


def _without_defaults(values: list[Any], defaults: list[Any]) -> list[Any]:
    values = [*values]
    while defaults and not isinstance(values[-1], Tensor) and values[-1] == defaults[-1]:
        values.pop()
        defaults = defaults[:-1]
    return values


def _convolution(count: int) -> Callable[..., Any]:
    def write(
        emit: Emit, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1,
    ) -> Any:  # fmt: skip
        form = "padding" if isinstance(padding, str) else "default"
        pad = padding if form == "padding" else _listed(padding, count)
        values = [bias, _listed(stride, count), pad, _listed(dilation, count), groups]
        defaults = [None, [1] * count, "valid" if form == "padding" else [0] * count, [1] * count, 1]
        return emit(f"conv{count}d.{form}", input, weight, *_without_defaults(values, defaults))

    return write


def _pool(name: str, count: int) -> Callable[..., Any]:
    def write(
        emit: Emit, input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
        ceil_mode: bool = False, return_indices: bool = False,
    ) -> Any:  # fmt: skip
        kernel, step = _listed(kernel_size, count), _listed(kernel_size if stride is None else stride, count)
        values = [step, _listed(padding, count), _listed(dilation, count), ceil_mode]
        form = f"max_pool{count}d{'_with_indices' if return_indices else ''}.default"
        # What is not given is as wide as the kernel; given, it is said.
        defaults = [kernel if stride is None else [], [0] * count, [1] * count, False]
        return emit(form, input, kernel, *_without_defaults(values, defaults))

    return write


def _batch_norm(
    emit: Emit, input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Any:  # fmt: skip
    return emit("batch_norm.default", input, weight, bias, running_mean, running_var, training, momentum, eps, False)


def _layer_norm(
    emit: Emit, input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    return emit("layer_norm.default", input, [*normalized_shape], weight, bias, eps, False)


def _group_norm(
    emit: Emit, input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    return emit("group_norm.default", input, num_groups, weight, bias, eps, False)


def _dropout(emit: Emit, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    return emit("dropout_.default" if inplace else "dropout.default", input, p, training)


def _embedding(
    emit: Emit, input: Any, weight: Any, padding_idx: int | None = None, max_norm: Any = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    values = [-1 if padding_idx is None else padding_idx, scale_grad_by_freq, sparse]
    return emit("embedding.default", weight, input, *_without_defaults(values, [-1, False, False]))


_REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}


def _cross_entropy(
    emit: Emit, input: Any, target: Any, weight: Any = None, size_average: Any = None, ignore_index: int = -100,
    reduce: Any = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    values = [weight, _REDUCTIONS[reduction], ignore_index, label_smoothing]
    return emit("cross_entropy_loss.default", input, target, *_without_defaults(values, [None, 1, -100, 0.0]))


def _loss(name: str) -> Callable[..., Any]:
    """A loss that has nothing but a reduction."""

    def write(
        emit: Emit, input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> Any:
        input, target = emit("broadcast_tensors.default", [input, target])
        return emit(f"{name}.default", input, target, *_without_defaults([_REDUCTIONS[reduction]], [1]))

    return write


def _softmax(name: str) -> Callable[..., Any]:
    def write(emit: Emit, input: Any, dim: Any = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
        return emit(f"{name}.int", input, dim, *([] if dtype is None else [dtype]))

    return write


def _split(emit: Emit, tensor: Any, split_size_or_sections: Any, dim: int = 0) -> Any:
    name = "split.Tensor" if isinstance(split_size_or_sections, int) else "split_with_sizes.default"
    return emit(name, tensor, split_size_or_sections, *([dim] if dim else []))


def _to(emit: Emit, input: Any, *args: Any, **kwargs: Any) -> Any:
    _assert_kind(emit, input)
    kinds = [value for value in (*args, kwargs.get("dtype")) if isinstance(value, dtype)]
    if kinds:
        return emit("to.dtype", input, kinds[0])
    return emit("to.dtype_layout", input, dtype=input.dtype, layout=strided, device=input.device)


def _cast(name: str) -> Callable[..., Any]:
    def write(emit: Emit, input: Any) -> Any:
        _assert_kind(emit, input)
        return emit("to.dtype", input, getattr(flambeau, name))

    return write


def _assert_kind(emit: Emit, input: Any) -> None:
    """What stands before each conversion: the input is what it was in the example."""
    emit("_assert_tensor_metadata.default", input, dtype=input.dtype, device=input.device, layout=strided)


def _constant(emit: Emit, *args: Any, **kwargs: Any) -> Any:
    """A tensor made of numbers, which is a constant of the program."""
    return emit("detach_.default", emit("lift_fresh_copy.default", flambeau.tensor(*args, **kwargs)))


def _items(emit: Emit, input: Any, key: Any) -> Any:
    """``input[key]``, one axis after another."""
    parts = [*key] if isinstance(key, tuple) else [key]
    taken = sum(part is not None and part is not ... for part in parts)
    if ... in [part for part in parts if not isinstance(part, Tensor)]:
        place = next(place for place, part in enumerate(parts) if part is ...)
        parts[place : place + 1] = [slice(None)] * (input.ndim - taken)
    axis, indices = 0, {}
    for part in parts:
        if part is None:
            input, axis = emit("unsqueeze.default", input, axis), axis + 1
        elif isinstance(part, (Tensor, list)):
            indices[axis], axis = part, axis + 1
        elif isinstance(part, slice):
            size = input.shape[axis]
            start, end, step = part.indices(size)
            if (start, end, step) != (0, size, 1):
                stop = 2**63 - 1 if part.stop is None else part.stop
                begin = 0 if part.start is None else part.start
                input = emit("slice.Tensor", input, axis, begin, stop, *([] if step == 1 else [step]))
            axis += 1
        else:
            input = emit("select.int", input, axis, int(part))
    if indices:
        input = emit("index.Tensor", input, [indices.get(place) for place in range(max(indices) + 1)])
    return input


def _activation(name: str) -> Callable[..., Any]:
    """A function of ``nn.functional`` with a parameter ``inplace``, which is in the operation's name."""

    def write(emit: Emit, *args: Any, **kwargs: Any) -> Any:
        values, _ = bound(getattr(functional, name), args, kwargs)
        place = [*inspect.signature(getattr(functional, name)).parameters].index("inplace")
        inplace = values.pop(place) if len(values) > place else False
        if name in ("elu", "celu") and len(values) == 1:
            values.append(1.0)
        return emit(f"{name}{'_' if inplace else ''}.default", *values)

    return write


def _created(name: str, said: dict[str, Any]) -> Callable[..., Any]:
    """A function that makes a tensor, with what is said of where it is."""

    def write(emit: Emit, *args: Any, **kwargs: Any) -> Any:
        values, named = bound(NAMESPACE[name], args, {key: kwargs[key] for key in kwargs if key not in said})
        form = "default"
        if name == "arange" and len(values) > 1:
            form = "start_step" if len(values) > 2 else "start"
        return emit(f"{name}.{form}", *values, **named, **said)

    return write


_HERE = {"device": device("cpu"), "pin_memory": False}

WRITTEN: dict[str, Callable[..., Any]] = {
    **{f"conv{count}d": _convolution(count) for count in (1, 2, 3)},
    **{f"max_pool{count}d": _pool("max_pool", count) for count in (1, 2, 3)},
    **{
        name: _activation(name)
        for name in "relu elu selu celu silu mish hardswish hardsigmoid hardtanh leaky_relu relu6".split()
    },
    **{name: _created(name, _HERE) for name in ("ones", "zeros", "full", "arange", "empty", "rand", "randn", "eye")},
    **{name: _created(name, {"pin_memory": False}) for name in ("ones_like", "zeros_like", "full_like", "rand_like")},
    **{name: _cast({"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32"}.get(name, name))
       for name in ("float", "double", "half", "bfloat16", "long", "int", "bool")},
    "functional.batch_norm": _batch_norm, "functional.layer_norm": _layer_norm, "functional.group_norm": _group_norm,
    "dropout": _dropout,
    "functional.embedding": _embedding, "cross_entropy": _cross_entropy, "mse_loss": _loss("mse_loss"),
    "l1_loss": _loss("l1_loss"), "softmax": _softmax("softmax"), "log_softmax": _softmax("log_softmax"),
    "split": _split, "to": _to, "__getitem__": _items,
    "__radd__": lambda emit, x, y: emit("add.Tensor", x, y), "__rmul__": lambda emit, x, y: emit("mul.Tensor", x, y),
    "__rsub__": lambda emit, x, y: emit("rsub.Scalar", x, y), "__rpow__": lambda emit, x, y: emit("pow.Scalar", y, x),
    "__rtruediv__": lambda emit, x, y: emit("mul.Tensor", emit("reciprocal.default", x), y),
    **dict.fromkeys(["tensor", "as_tensor", "from_numpy", "asarray"], _constant),
    "T": lambda emit, x: emit("numpy_T.default", x), "mT": lambda emit, x: emit("mT.default", x),
}  # fmt: skip
"""{name of a call: how it is written}."""

OPERATORS = {
    "__add__": "add", "__sub__": "sub", "__mul__": "mul", "__truediv__": "div", "__floordiv__": "floor_divide",
    "__mod__": "remainder", "__pow__": "pow", "__matmul__": "matmul", "__neg__": "neg", "__abs__": "abs",
    "__invert__": "bitwise_not", "__and__": "__and__", "__or__": "__or__", "__xor__": "__xor__", "__eq__": "eq",
    "__ne__": "ne", "__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge", "__iadd__": "add_", "__isub__": "sub_",
    "__imul__": "mul_", "__itruediv__": "div_",
}  # fmt: skip
"""Operators of tensors, and the operations that they are."""

OTHER_NAMES = {
    "multiply": "mul", "subtract": "sub", "divide": "div", "true_divide": "div", "concat": "cat", "concatenate": "cat",
    "swapaxes": "transpose", "swapdims": "transpose", "negative": "neg", "absolute": "abs", "greater": "gt", "less": "lt",
    "greater_equal": "ge", "less_equal": "le", "not_equal": "ne", "clip": "clamp",
}  # fmt: skip
"""Names of functions that are another's beneath Python."""
