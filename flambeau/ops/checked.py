"""Values that must hold something, which is found out when they are computed."""

from __future__ import annotations

from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.checks import Check
from .dispatch import binary


def checked(value: Tensor, holds: Tensor, check: Check) -> Tensor:
    """``value`` without its history; ``check``'s error is raised at evaluation where ``holds`` (booleans) is false.

    That happens whether anything is done with the result or not.
    """
    return binary(p.CHECK, value, holds, None, check)
