"""What torchvision's file of this name has: which kernel of a function is meant for which kind."""

from __future__ import annotations

from typing import Any

from ._registry import is_pure_tensor as is_pure_tensor
from ._registry import kernel_of
from ._registry import register_kernel as register_kernel


def _get_kernel(functional: Any, input_type: type, *, allow_passthrough: bool = False) -> Any:
    """The kernel of a function for a kind. ``TypeError`` if there is none."""
    return kernel_of(functional, input_type, allow_passthrough=allow_passthrough)
