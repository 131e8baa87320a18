"""Functions of complex numbers whose derivative is written as such.

The gradient of what is composed of real functions of the parts is that of the composition, which at an axis may be another one:
an absolute value has a kink there, and a part that is zero may have been set apart. For these functions, the derivative is given.
"""

from __future__ import annotations

from collections.abc import Callable

from ...core.history import INPUTS, Gradient, edge_of
from ...core.modes import without_history
from ...core.tensor import Tensor
from ...graph.trace import local
from .tensor import ComplexTensor

Derivative = Callable[[ComplexTensor, ComplexTensor], Tensor]
"""A function's derivative, given its argument and its result."""

_DERIVATIVES: dict[str, Derivative] = {}


class Holomorphic(Gradient):
    """History of a function that has a derivative; ``context`` is its name."""

    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        argument, result = ComplexTensor.of(self.input(0)), ComplexTensor.of(self.result())
        slope = _DERIVATIVES[self.context](argument, result)
        return (ComplexTensor.of(grad) * slope.conj()).resolved()  # type: ignore[no-any-return]


def holomorphic(
    name: str, derivative: Derivative
) -> Callable[[Callable[[ComplexTensor], Tensor]], Callable[[ComplexTensor], Tensor]]:
    """Decorator: the derivative of the function, whose history is one node, as PyTorch names it."""
    _DERIVATIVES[name] = derivative
    history = Holomorphic.named(f"{name.capitalize()}Backward0")

    def decorate(function: Callable[[ComplexTensor], Tensor]) -> Callable[[ComplexTensor], Tensor]:
        def operation(input: ComplexTensor) -> Tensor:
            pair = input.resolved()
            if not (pair.requires_grad and local.grad):
                return function(input)
            result = without_history(lambda: function(ComplexTensor.of(pair)))
            made: Tensor = result.resolved()
            saved = (pair._read(), pair._view), (made._read(), made._view)
            made._gradient = history.of((edge_of(pair),), saved, made.shape, made.dtype, name)
            made._tracked = True
            if local.watched:
                made._gradient.observe()
            return ComplexTensor.of(made)

        operation.__name__, operation.__doc__ = name, function.__doc__
        return operation

    return decorate
