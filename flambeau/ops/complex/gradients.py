"""Gradients of and for complex numbers: those of their pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...core.tensor import Tensor
from .tensor import ComplexTensor, pair_of


def pairs_of_outputs(outputs: Sequence[Any], grads: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """What backward begins with, complex numbers as pairs. ``RuntimeError`` for those without a gradient given."""
    given = []
    for output, gradient in zip(outputs, grads):
        if isinstance(output, ComplexTensor) and gradient is None and output.requires_grad:
            raise RuntimeError(f"grad can be implicitly created only for real scalar outputs but got {output.dtype}")
        given.append(pair_of(gradient, output._pair) if isinstance(output, ComplexTensor) and gradient is not None else gradient)
    return [output.resolved() if isinstance(output, ComplexTensor) else output for output in outputs], given


def pairs_of_inputs(inputs: Sequence[Any]) -> list[Any]:
    """What gradients are asked for, complex numbers as pairs."""
    return [x._pair if isinstance(x, ComplexTensor) else x for x in inputs]


def gradients_of_pairs(
    grad: Callable[..., Any], outputs: Sequence[Any], inputs: Sequence[Any], grads: Sequence[Any], **options: Any
) -> tuple[Tensor | None, ...]:
    """``autograd.grad`` where some of the tensors are complex."""
    roots, given = pairs_of_outputs(outputs, grads)
    results = grad(roots, pairs_of_inputs(inputs), given, **options)
    return tuple(
        [
            ComplexTensor.of(result, x._conjugated) if isinstance(x, ComplexTensor) and result is not None else result
            for x, result in zip(inputs, results)
        ]
    )
