"""What the paths of recording (``ops/recording_paths.py``) leave to others: operands, histories, the order in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.history import NOTHING, RESULT, Gradient, sequence
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.checks import Check
from ..graph.dtypes import DType
from ..graph.placeholder import Hidden
from ..graph.primitives import Primitive
from ..graph.shapes import View
from ..graph.trace import local, record, record_constant
from .memory_order import record_in_memory_order

_new = object.__new__

NUMBERS = (int, float, Hidden, np.integer, np.floating, np.bool_)
"""What may stand beside a tensor in an operation, besides tensors."""


FURTHER: list[Callable[..., Any]] = []
"""What may give the result where an operation has failed, or an operator knows nothing of its operand: modes (see ``ops.calls``)
that are asked only then."""


def beside(name: str, a: Any, b: Any) -> Any:
    """What an operator gives for operands that are none of its business: ``NotImplemented``, unless something else knows them."""
    for further in FURTHER:
        result = further(name, None, (a, b), {})
        if result is not NotImplemented:
            return result
    return NotImplemented


def operand(value: Any) -> Any:
    """A tensor or Python number as it is, a NumPy scalar as a Python number (its booleans as floats, as in PyTorch).

    ``TypeError`` for anything else, arrays too: operators leave those to NumPy (see :meth:`Tensor.__array_wrap__`).
    """
    if isinstance(value, (Tensor, int, float, Hidden)):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return float(value) if isinstance(value, np.bool_) else value.item()
    if isinstance(value, (complex, np.complexfloating)):
        raise NotImplementedError("operations are not implemented for complex numbers")
    raise TypeError(f"unsupported operand type for a tensor operation: '{type(value).__name__}'")


def not_a_tensor(function: str, **arguments: Any) -> TypeError:
    """What PyTorch's argument parser says of the first argument that should be a tensor and is none."""
    others = [k for k, value in enumerate(arguments.values()) if not isinstance(value, Tensor)]
    name, value = list(arguments.items())[others[0]]
    return TypeError(
        f"{function}(): argument '{name}' (position {others[0] + 1}) must be Tensor, not {type(value).__name__}"
    )


def in_memory_order(
    primitive: Primitive,
    operands: Sequence[Any],
    gradient: type[Gradient] | None,
    attributes: Any,
    context: Any = None,
) -> Tensor | None:
    """The operation on operands that do not lie in logical order; None if its result does all the same."""
    result = record_in_memory_order(primitive, operands, attributes)
    if result is None or gradient is None:
        return result
    return with_history(result, gradient, operands, context if context is not None else attributes)


def attach(
    result: Tensor,
    gradient: type[Gradient],
    operands: Sequence[Any],
    saved: Sequence[tuple[Any, View | None]] | None = None,
    context: Any = None,
) -> None:
    """Give ``result`` a history of class ``gradient`` over ``operands``.

    What is kept is decided by ``gradient.saves`` unless it is given as ``saved`` pairs (node, view).
    """
    history = _new(gradient)
    history.edges = tuple([(t._gradient or t) if isinstance(t, Tensor) and t._tracked else None for t in operands])
    saves = gradient.saves
    if saved is None and saves != NOTHING:
        saved = [(t._read(), t._view) if isinstance(t, Tensor) else (t, None) for t in operands]
    if saves == NOTHING or saved is None:
        history.saved = ()
    elif saves == RESULT:
        history.saved = (*saved, (result._read(), result._view))
    else:
        history.saved = tuple(saved)
    history.shape, history.dtype = result._output_meta(0)
    history.sequence = sequence()
    history.attached = None
    history.context = context
    result._tracked = True
    result._gradient = history
    if result._autograd is not None:
        result._autograd.base = None  # what it was reshaped from was never seen; the history is its own
    if local.watched:
        history.observe()


def share(history: Gradient, results: Sequence[Tensor]) -> None:
    """Give results a history that is new and has them as its outputs."""
    if local.watched:
        history.observe()
    for number, result in enumerate(results):
        result._tracked = True
        result._gradient = history, number


def with_history(
    result: Tensor, gradient: type[Gradient], operands: Sequence[Any], context: Any = None,
    kept: Sequence[Tensor | None] | None = None,
) -> Tensor:  # fmt: skip
    """``result``, with a history of class ``gradient`` if an operand is to be differentiated.

    What is kept is decided by ``gradient.saves`` unless it is told: ``kept`` stands in the places of the operands.
    """
    if local.grad:
        for tensor in operands:
            if isinstance(tensor, Tensor) and tensor._tracked:
                saved = None if kept is None else [(None, None) if t is None else (t._read(), t._view) for t in kept]
                attach(result, gradient, operands, saved, context)
                break
    return result


def no_slope(grad: Tensor) -> Tensor:
    """Zeros in the place of a gradient; zero times an infinite one would not be a number."""
    return Tensor._from_node(record_constant(tuple(grad.shape), 0, grad.dtype))


def number_or_tensor(x: Any, d: DType) -> Tensor:
    """An operand of which a gradient needs a tensor: a number has no dimensions and the dtype given."""
    return x if isinstance(x, Tensor) else Tensor._from_node(record_constant((), x, d))


def tracked(*tensors: Any) -> bool:
    """Whether an operation on these operands is to be differentiated."""
    if local.grad:
        for tensor in tensors:
            if isinstance(tensor, Tensor) and tensor._tracked:
                return True
    return False


def checked(value: Tensor, holds: Tensor, check: Check) -> Tensor:
    """``value`` without its history; ``check``'s error is raised at evaluation where ``holds`` (booleans) is false.

    That happens whether anything is done with the result or not.
    """
    ordered = record_in_memory_order(p.CHECK, (value, holds), check)
    if ordered is not None:
        return ordered
    return Tensor._from_node(record(p.CHECK, check, (value._read(), value._view), (holds._read(), holds._view)))
