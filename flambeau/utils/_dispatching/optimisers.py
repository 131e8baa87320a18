"""Steps of optimisers, as operations that modes and classes are told of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...optim._formula import _new_values
from ...optim.adam import Adam
from ...optim.sgd import SGD
from .emitting import emit


def _sgd(state: Any, parameter: Any, buffer: Any, gradient: Any, lr: Any, momentum: Any = None, fresh: Any = None,
         ahead: Any = None) -> None:  # fmt: skip
    if momentum is not None:
        if buffer is None:
            buffer = state["momentum_buffer"] = emit("clone.default", emit("detach.default", gradient))
        else:
            emit("add_.Tensor", emit("mul_.Tensor", buffer, momentum), gradient, alpha=fresh)
        gradient = buffer if ahead is None else emit("add.Tensor", gradient, buffer, alpha=ahead)
    emit("add_.Tensor", parameter, gradient, alpha=lr)


def _adam(
    state: Any, parameter: Any, average: Any, square: Any, largest: Any, gradient: Any, from_old: Any, from_new: Any, beta2: Any,
    fresh2: Any, eps: Any, correction: Any, lr: Any,
) -> None:  # fmt: skip
    emit("lerp_.Scalar", average, gradient, from_old if from_new is None else 1 + from_new)
    emit("addcmul_.default", emit("mul_.Tensor", square, beta2), gradient, gradient, value=fresh2)
    if largest is not None:
        emit("copy_.default", largest, emit("maximum.default", largest, square))
        square = largest
    size = emit("add_.Tensor", emit("div.Tensor", emit("sqrt.default", square), correction), eps)
    emit("addcdiv_.default", parameter, average, size, value=lr)


_RULES: dict[Callable[..., Any], Callable[..., None]] = {SGD._update: _sgd, Adam._update: _adam}
"""By the formulas that they are: operations in place, as PyTorch has them."""


def update(optimizer: Any, how: Any, constants: Any, entries: Any) -> None:
    """Change parameters, and what is kept for them: in place if that is written here, else by copying what the formula gives."""
    cls, names, maximize, decoupled = how
    rule = _RULES.get(cls._update)
    decay, *others = constants
    for entry in entries:
        parameter, *rest = entry
        state: Any = optimizer.state[parameter] if names else None
        if rule is None:
            for name, target, new in zip(("", *names), entry, _new_values(how, constants, entry)):
                if target is None:
                    state[name] = new
                else:
                    emit("copy_.default", target, new)
            continue
        kept = dict(zip(names, rest))
        gradient, *numbers = rest[len(names) :]
        if maximize:
            gradient = emit("neg.default", gradient)
        if decoupled:
            emit("mul_.Tensor", parameter, decay)
        elif decay is not None:
            gradient = emit("add.Tensor", gradient, parameter, alpha=decay)
        rule(state, parameter, *[kept.get(name) for name in cls._kept], gradient, *others, *numbers)
