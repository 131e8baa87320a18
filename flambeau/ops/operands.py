"""What stands beside a tensor in an operation: tensors, Python's numbers and NumPy's scalars."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph.given import Given

NUMBERS = (int, float, Given, np.generic)


def operand(value: Any) -> Any:
    """A tensor or Python number as it is, a NumPy scalar as a Python number (its booleans as floats, as in PyTorch).

    ``TypeError`` for anything else, arrays too: operators leave those to NumPy (see :meth:`Tensor.__array_wrap__`).
    """
    if isinstance(value, (Tensor, int, float, Given)):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return float(value) if isinstance(value, np.bool_) else value.item()
    if isinstance(value, (complex, np.complexfloating)):
        raise NotImplementedError("operations are not implemented for complex numbers")
    raise TypeError(f"unsupported operand type for a tensor operation: '{type(value).__name__}'")


def binary_operator(function: Callable[[Any, Any], Tensor], swapped: bool = False) -> Callable[[Tensor, Any], Any]:
    """A function of two operands as an operator, which leaves what it does not know to the other side."""

    def operator(self: Tensor, other: Any) -> Any:
        if not isinstance(other, Tensor):
            if not isinstance(other, NUMBERS):
                return NotImplemented
            other = operand(other)
        return function(other, self) if swapped else function(self, other)

    return operator
