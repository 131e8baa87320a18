"""Gradients of and for tensors that are made of others, complex and sparse ones: those of what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.tensor import Tensor


def _of_parts(place: Any) -> bool:
    return isinstance(place, Tensor) and place.of_parts


def outputs_as_parts(outputs: Sequence[Any], grads: Sequence[Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What backward begins with. ``RuntimeError`` for what wants a gradient and is given none."""
    plain: list[Any] = []
    given: list[Any] = []
    for output, gradient in zip(outputs, grads):
        if _of_parts(output):
            output, gradient = output._output_of(gradient)
        plain.append(output)
        given.append(gradient)
    return tuple(plain), tuple(given)


def inputs_as_parts(inputs: Sequence[Any]) -> tuple[Any, ...]:
    """What gradients are asked for."""
    return tuple([x._input_of() if _of_parts(x) else x for x in inputs])


def gradients_of_parts(
    grad: Callable[..., Any], outputs: Sequence[Any], inputs: Sequence[Any], grads: Sequence[Any], **options: Any
) -> tuple[Tensor | None, ...]:
    """``autograd.grad`` where some of the tensors are made of others."""
    roots, given = outputs_as_parts(outputs, grads)
    results = grad(roots, inputs_as_parts(inputs), given, **options)
    return tuple(
        [x._gradient_of(result) if _of_parts(x) and result is not None else result for x, result in zip(inputs, results)]
    )
