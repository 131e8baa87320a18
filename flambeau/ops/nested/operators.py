"""The operators of nested tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.tensor import Tensor
from ..dispatch import NUMBERS
from ..operation import NAMESPACE
from .calls import nested_call
from .tensor import NestedTensor

_BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder", "pow": "pow",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor", "matmul": "matmul",
}  # fmt: skip
_UNARY = {"neg": "neg", "abs": "abs", "invert": "bitwise_not", "pos": "positive"}


def _operator(name: str, swapped: bool) -> Callable[..., Any]:
    def operator(self: NestedTensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, *NUMBERS)):
            return NotImplemented
        return nested_call(name, NAMESPACE[name], (other, self) if swapped else (self, other), {})

    return operator


def _in_place(name: str) -> Callable[..., Any]:
    def operator(self: NestedTensor, other: Any) -> Any:
        return nested_call(name + "_", getattr(Tensor, name + "_"), (self, other), {})

    return operator


def _unary(name: str) -> Callable[..., Any]:
    return lambda self: nested_call(name, NAMESPACE[name], (self,), {})


for _dunder, _name in _BINARY.items():
    setattr(NestedTensor, f"__{_dunder}__", _operator(_name, False))
    setattr(NestedTensor, f"__r{_dunder}__", _operator(_name, True))
    if _name != "matmul":
        setattr(NestedTensor, f"__i{_dunder}__", _in_place(_name))
for _dunder, _name in _UNARY.items():
    setattr(NestedTensor, f"__{_dunder}__", _unary(_name))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(NestedTensor, f"__{_name}__", _operator(_name, False))
