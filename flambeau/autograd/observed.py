"""Who is told of what backward computes: nobody, as long as no dispatch mode is entered (``utils/_dispatching``)."""

from __future__ import annotations

from typing import Any

from ..core.history import Gradient
from ..core.tensor import Tensor


class Observer:
    """What backward asks while somebody is told of operations."""

    def ones(self, tensor: Tensor) -> Tensor:
        """The gradient with which backward begins."""
        raise NotImplementedError

    def gradients(self, node: Gradient, value: Any) -> Any:
        """The gradients for the edges of one node, given that of its result."""
        raise NotImplementedError

    def arrive(self, leaf: Tensor, value: Tensor) -> Tensor | None:
        """A gradient that comes to a leaf; None if it was added to ``grad``, being of a class that has its own way."""
        raise NotImplementedError

    def update(self, optimizer: Any, how: Any, constants: Any, entries: Any) -> bool:
        """Change an optimiser's parameters in operations that somebody is told of; whether that was done."""
        raise NotImplementedError


OBSERVERS: list[Observer] = []
"""The one that is asked, if there is one."""
