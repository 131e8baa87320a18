"""The operators of tensors."""

from __future__ import annotations

import operator as python
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.at_once import change_element
from ..core.tensor import Tensor
from ..graph import primitives as p
from . import arithmetic, functions
from .dispatch import NUMBERS, beside, operand
from .from_data import as_tensor
from .recording_paths import binary, not_its_own, recorded_operator


def binary_operator(
    function: Callable[[Any, Any], Tensor], swapped: bool = False, native: bool = False
) -> Callable[[Tensor, Any], Any]:
    """A function of two operands as an operator, which leaves what it does not know to the other side.

    What is ``native`` in PyTorch refuses to be called itself with something else in the tensor's place.
    """

    def operator(self: Tensor, other: Any) -> Any:
        if native and not isinstance(self, Tensor):
            raise not_its_own(operator.__name__, self)
        if not isinstance(other, Tensor):
            if not isinstance(other, NUMBERS):
                return beside(function.__name__, *((other, self) if swapped else (self, other)))
            other = operand(other)
        return function(other, self) if swapped else function(self, other)

    return operator


def _comparing(primitive: p.Primitive) -> Callable[[Tensor, Any], Any]:
    """An operator that compares, also with NumPy's arrays."""

    def operator(self: Tensor, other: Any) -> Any:
        if isinstance(other, (Tensor, int, float)):
            return binary(primitive, self, other)
        if isinstance(other, np.ndarray):
            return binary(primitive, self, as_tensor(other))
        if isinstance(other, NUMBERS):
            return binary(primitive, self, operand(other))
        return beside(primitive.name, self, other)

    return operator


_quotient = binary_operator(arithmetic.div, swapped=True)


def _divided_by(self: Tensor, other: Any) -> Any:
    if not isinstance(self, Tensor):
        raise AttributeError(f"'{type(self).__name__}' object has no attribute 'reciprocal'")
    # Of the operators with an array in front PyTorch has this one, as the reciprocal times the array.
    return functions.reciprocal(self) * other if isinstance(other, np.ndarray) else _quotient(self, other)


def _in_place(function: Callable[[Any, Any], Tensor], of_numbers: Callable[[Any, Any], Any]) -> Callable[[Tensor, Any], Any]:
    """An operator in place. What it does to an element with a number, as in ``counts[k] += 1``, is done at once."""
    recorded = binary_operator(function)

    def operator(self: Tensor, other: Any) -> Any:
        view = self._view
        if view is not None and not view.sizes and change_element(self, of_numbers, other):
            return self
        try:
            return recorded(self, other)
        except AttributeError:  # a kind of tensor that is no value of its own
            if (result := beside(function.__name__, self, other)) is NotImplemented:
                raise
            return result

    return operator


def _inverted(self: Tensor) -> Tensor:
    if self.dtype.category >= 2:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return functions.bitwise_not(self)


_add, _mul = recorded_operator(p.ADD, arithmetic.AddBackward0), recorded_operator(p.MUL, arithmetic.MulBackward0)
_OPERATORS: dict[str, Any] = {
    "add": _add, "radd": _add, "mul": _mul, "rmul": _mul,
    "sub": recorded_operator(p.SUB, arithmetic.SubBackward0), "rsub": binary_operator(arithmetic.rsub),
    "truediv": recorded_operator(p.DIV, arithmetic.DivBackward0), "rtruediv": _divided_by,
    "neg": functions.neg, "pos": arithmetic.positive, "abs": functions.abs, "invert": _inverted,
    **{name: _comparing(p.PRIMITIVES[name]) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
}  # fmt: skip
for _name, _function in {
    "floordiv": arithmetic.floor_divide, "mod": arithmetic.remainder, "pow": arithmetic.pow,
    "and": functions.bitwise_and, "or": functions.bitwise_or, "xor": functions.bitwise_xor,
    "lshift": functions.bitwise_left_shift, "rshift": functions.bitwise_right_shift,
}.items():  # fmt: skip
    _bits = _name in ("and", "or", "xor")
    _OPERATORS[_name] = binary_operator(_function, native=_bits)
    _OPERATORS["r" + _name] = binary_operator(_function, swapped=True, native=_bits)
    _OPERATORS["i" + _name] = binary_operator(getattr(Tensor, _function.__name__ + "_"))
_OPERATORS["itruediv"] = _OPERATORS["idiv"] = binary_operator(Tensor.div_)
_OPERATORS["div"], _OPERATORS["rdiv"] = _OPERATORS["truediv"], _OPERATORS["rtruediv"]  # under their names of old
for _name in ("add", "sub", "mul"):
    _OPERATORS["i" + _name] = _in_place(getattr(Tensor, _name + "_"), getattr(python, _name))
for _name, _function in _OPERATORS.items():
    setattr(Tensor, f"__{_name}__", _function)
    if _function.__name__ == "operator":  # as it is told to those that see calls
        _function.__name__ = f"__{_name}__"
