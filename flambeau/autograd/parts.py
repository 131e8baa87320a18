"""Gradients of and for tensors that are made of others (:mod:`flambeau.ops.of_parts`): those of what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.tensor import Tensor


def _of_parts(place: Any) -> bool:
    return isinstance(place, Tensor) and place.of_parts


def elements_of(tensor: Tensor) -> Tensor:
    """What has a tensor's history: its elements, if it is made of others, else the tensor itself."""
    return tensor._input_of() if tensor.of_parts else tensor  # type: ignore[no-any-return]


def kind_of(tensor: Tensor) -> Callable[[Tensor], Tensor] | None:
    """Gives other elements (a gradient) as a tensor like this one, whose history it does not hold; None if it is a plain one."""
    return tensor.detach()._gradient_of if tensor.of_parts else None  # type: ignore[no-any-return]


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
    return tuple([elements_of(x) if isinstance(x, Tensor) else x for x in inputs])


def gradients_of_parts(
    grad: Callable[..., Any], outputs: Sequence[Any], inputs: Sequence[Any], grads: Sequence[Any], **options: Any
) -> tuple[Tensor | None, ...]:
    """``autograd.grad`` where some of the tensors are made of others."""
    roots, given = outputs_as_parts(outputs, grads)
    results = grad(roots, inputs_as_parts(inputs), given, **options)
    return tuple(
        [x._gradient_of(result) if _of_parts(x) and result is not None else result for x, result in zip(inputs, results)]
    )
