"""What PyTorch's optimisers are written with, and optimisers of programs too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import flambeau

from ..core.modes import set_grad_enabled
from ..core.tensor import Tensor


def _use_grad_for_differentiable(func: Callable[..., Any]) -> Callable[..., Any]:
    """A method ``step`` that keeps histories if the optimiser was made with ``differentiable``, and not otherwise."""

    @wraps(func)
    def step(*args: Any, **kwargs: Any) -> Any:
        with set_grad_enabled(args[0].defaults["differentiable"]):
            return func(*args, **kwargs)

    return step


def _get_value(x: Any) -> Any:
    """The number in a tensor of one element; a number is one already."""
    return x.item() if isinstance(x, Tensor) else x


def _stack_if_compiling(x: Any) -> Any:
    """``x``: PyTorch's compilers would stack it."""
    return x


def _default_to_fused_or_foreach(params: Sequence[Any], differentiable: bool, use_fused: bool = False) -> tuple[bool, bool]:
    """Whether an update is better done in one piece, or by lists of tensors: neither, since updates are compiled."""
    return False, False


def _get_capturable_supported_devices(supports_xla: bool = True) -> list[str]:
    """The types of devices whose work PyTorch can capture, of which none is here."""
    return ["cuda", "xpu", "hpu", "privateuseone", *(["xla"] if supports_xla else [])]


def _view_as_real(params: list[Tensor], *state_and_grads: list[Tensor]) -> None:
    """Put pairs of real numbers in the places of complex parameters in lists, and of what belongs to them."""
    for place, parameter in enumerate(params):
        if parameter.is_complex():
            for values in (params, *state_and_grads):
                values[place] = flambeau.view_as_real(values[place])
