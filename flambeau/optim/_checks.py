"""What optimisers refuse as their options, with PyTorch's messages."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor

_NOT_NEGATIVE = {
    "lr_decay": "lr_decay", "eps": "epsilon", "momentum": "momentum", "weight_decay": "weight_decay",
    "momentum_decay": "momentum_decay", "initial_accumulator_value": "initial_accumulator_value",
}  # fmt: skip
"""Options that are numbers from 0 on, and what messages call them."""


def check_learning_rate(lr: Any, nan: bool = False) -> None:
    """``ValueError`` for a learning rate that is negative (or NaN, unless it may be), or a tensor of several elements."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if lr < 0.0 or not (nan or 0.0 <= lr):
        raise ValueError(f"Invalid learning rate: {lr}")


def check_not_negative(name: str, value: Any, nan: bool = False) -> None:
    """``ValueError`` for an option that is negative (or NaN, unless it may be)."""
    if value < 0.0 or not (nan or 0.0 <= value):
        raise ValueError(f"Invalid {name} value: {value}")


def check_options(options: dict[str, Any], nan: bool = False) -> None:
    """``ValueError`` for what no optimiser that has the option accepts; ``nan`` if they may be NaN."""
    check_learning_rate(options["lr"], nan)
    for option, name in _NOT_NEGATIVE.items():
        if option in options:
            check_not_negative(name, options[option], nan)
    for place in (0, 1) if "betas" in options else ():
        if not 0.0 <= (beta := options["betas"][place]) < 1.0:
            raise ValueError(f"Invalid beta parameter at index {place}: {beta}")


def check_implementation(fused: bool | None, foreach: bool | None, differentiable: bool) -> None:
    """Refuse what PyTorch refuses, though there is but one implementation here, which fuses anyway."""
    if fused:
        if differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
