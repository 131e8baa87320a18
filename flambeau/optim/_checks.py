"""What optimisers refuse as their options, with PyTorch's messages."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor

_NOT_NEGATIVE = {
    "lr_decay": "lr_decay", "eps": "epsilon", "momentum": "momentum", "weight_decay": "weight_decay",
    "momentum_decay": "momentum_decay", "initial_accumulator_value": "initial_accumulator_value",
}  # fmt: skip
"""Options that are numbers from 0 on, and what messages call them."""


def check_learning_rate(lr: Any) -> None:
    """``ValueError`` for a learning rate that is negative, or a tensor of several elements."""
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not 0.0 <= lr:
        raise ValueError(f"Invalid learning rate: {lr}")


def check_not_negative(name: str, value: Any) -> None:
    """``ValueError`` for an option that is negative (or no number)."""
    if not 0.0 <= value:
        raise ValueError(f"Invalid {name} value: {value}")


def check_options(options: dict[str, Any]) -> None:
    """``ValueError`` for what no optimiser that has the option accepts."""
    check_learning_rate(options["lr"])
    for option, name in _NOT_NEGATIVE.items():
        if option in options:
            check_not_negative(name, options[option])
    for place, beta in enumerate(options.get("betas", ())):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {place}: {beta}")


def check_implementation(fused: bool | None, foreach: bool | None, differentiable: bool) -> None:
    """Refuse what PyTorch refuses, though there is but one implementation here, which fuses anyway."""
    if fused:
        if differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
