"""The operators of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.trace import Node, enter, local, new_step, overflow
from . import arithmetic, functions
from .dispatch import NUMBERS, operand
from .from_data import as_tensor
from .recording_paths import binary

_new = object.__new__


def binary_operator(function: Callable[[Any, Any], Tensor], swapped: bool = False) -> Callable[[Tensor, Any], Any]:
    """A function of two operands as an operator, which leaves what it does not know to the other side."""

    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, Tensor):
            if not isinstance(other, NUMBERS):
                return NotImplemented
            other = operand(other)
        return function(other, self) if swapped else function(self, other)

    return operator


def _recorded(primitive: p.Primitive, gradient: type[Gradient]) -> Any:
    """An operator that records one primitive, with the plainest case (no views, no history) written out in line."""

    def operator(self: Tensor, other: Any) -> Any:
        kind = type(other)
        if kind is Tensor:
            if self._storage is None and other._storage is None and not self._tracked and not other._tracked:
                trace = local.trace
                a = self._node
                b = other._node
                if a.trace is not trace:
                    a = enter(trace, a)
                if b.trace is not trace:
                    b = enter(trace, b)
                cursor = trace.cursor
                key = (primitive, a.place, b.place)
                if key in cursor.next:
                    step = cursor.next[key]
                else:
                    step = new_step(trace, key, primitive, None, ((a.place, None), (b.place, None)))
                value = _new(Node)
                value.shape = step.shape
                value.dtype = step.dtype
                value.trace = trace
                value.place = step.depth - 1
                value.buffer = None
                trace.nodes += (value,)
                trace.cursor = step
                if step.mark >= trace.limit:
                    value = overflow(trace, value, step)
                result = _new(Tensor)
                result._node = value
                result._storage = result._view = result._autograd = result._gradient = None
                result._tracked = False
                return result
            return binary(primitive, self, other, gradient)
        if kind is float or kind is int or isinstance(other, Tensor):
            return binary(primitive, self, other, gradient)
        if isinstance(other, NUMBERS):
            return binary(primitive, self, operand(other), gradient)
        return NotImplemented

    return operator


def _comparing(primitive: p.Primitive) -> Callable[[Tensor, Any], Any]:
    """An operator that compares, also with NumPy's arrays."""

    def operator(self: Tensor, other: Any) -> Any:
        if isinstance(other, (Tensor, int, float)):
            return binary(primitive, self, other)
        if isinstance(other, np.ndarray):
            return binary(primitive, self, as_tensor(other))
        return binary(primitive, self, operand(other)) if isinstance(other, NUMBERS) else NotImplemented

    return operator


_quotient = binary_operator(arithmetic.div, swapped=True)


def _divided_by(self: Tensor, other: Any) -> Any:
    # Of the operators with an array in front PyTorch has this one, as the reciprocal times the array.
    return functions.reciprocal(self) * other if isinstance(other, np.ndarray) else _quotient(self, other)


def _inverted(self: Tensor) -> Tensor:
    if self.dtype.category >= 2:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return functions.bitwise_not(self)


_add, _mul = _recorded(p.ADD, arithmetic.AddBackward0), _recorded(p.MUL, arithmetic.MulBackward0)
_OPERATORS: dict[str, Any] = {
    "add": _add, "radd": _add, "mul": _mul, "rmul": _mul,
    "sub": _recorded(p.SUB, arithmetic.SubBackward0), "rsub": binary_operator(arithmetic.rsub),
    "truediv": _recorded(p.DIV, arithmetic.DivBackward0), "rtruediv": _divided_by,
    "neg": functions.neg, "pos": arithmetic.positive, "abs": functions.abs, "invert": _inverted,
    **{name: _comparing(p.PRIMITIVES[name]) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
}  # fmt: skip
for _name, _function in {
    "floordiv": arithmetic.floor_divide, "mod": arithmetic.remainder, "pow": arithmetic.pow,
    "and": functions.bitwise_and, "or": functions.bitwise_or, "xor": functions.bitwise_xor,
    "lshift": functions.bitwise_left_shift, "rshift": functions.bitwise_right_shift,
}.items():  # fmt: skip
    _OPERATORS[_name] = binary_operator(_function)
    _OPERATORS["r" + _name] = binary_operator(_function, swapped=True)
    _OPERATORS["i" + _name] = binary_operator(getattr(Tensor, _function.__name__ + "_"))
for _name, _source in {"add": "add_", "sub": "sub_", "mul": "mul_", "truediv": "div_"}.items():
    _OPERATORS["i" + _name] = binary_operator(getattr(Tensor, _source))
for _name, _function in _OPERATORS.items():
    setattr(Tensor, f"__{_name}__", _function)
