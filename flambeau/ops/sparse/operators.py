"""The operators of sparse tensors, which are the operations of these names."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ..by_name import real
from .calls import not_run
from .tensor import SparseTensor

_OPERANDS = (Tensor, int, float, np.integer, np.floating, np.bool_)


def _operator(name: str, swapped: bool) -> Any:
    def operator(self: SparseTensor, other: Any) -> Any:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        function = getattr(real, name)
        return function(other, self) if swapped else function(self, other)

    return operator


def _in_place(name: str) -> Any:
    def operator(self: SparseTensor, other: Any) -> Any:
        return getattr(self, name + "_")(other) if isinstance(other, _OPERANDS) else NotImplemented

    return operator


def _refusing(name: str) -> Any:
    def operator(self: SparseTensor, other: Any) -> Any:
        if other is None:
            return NotImplemented
        raise not_run(name, self)

    return operator


for _dunder, _name in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "pow": "pow", "matmul": "matmul",
}.items():  # fmt: skip
    setattr(SparseTensor, f"__{_dunder}__", _operator(_name, False))
    setattr(SparseTensor, f"__r{_dunder}__", _operator(_name, True))
    if _dunder != "matmul":
        setattr(SparseTensor, f"__i{_dunder}__", _in_place(_name))
for _dunder, _name in {"neg": "neg", "pos": "positive", "abs": "abs", "invert": "bitwise_not"}.items():
    setattr(SparseTensor, f"__{_dunder}__", lambda self, _named=_name: getattr(self, _named)())
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "mod", "and", "or", "xor", "lshift", "rshift"):
    setattr(SparseTensor, f"__{_name}__", _refusing(_name))
    if _name not in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(SparseTensor, f"__r{_name}__", _refusing(_name))
