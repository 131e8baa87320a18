"""Gradients that go through a communication hook together."""

from __future__ import annotations

from ...core.tensor import Tensor

__all__ = ["GradBucket"]


class GradBucket:
    """The gradients of some parameters in one vector: here, of one parameter, as soon as it is complete."""

    def __init__(self, index: int, parameter: Tensor, gradient: Tensor, is_last: bool) -> None:
        self._index, self._parameter, self._is_last = index, parameter, is_last
        self._shape = gradient.shape
        self._buffer = gradient.detach().reshape(-1)

    def index(self) -> int:
        """Its number among those of one backward pass."""
        return self._index

    def buffer(self) -> Tensor:
        """The vector."""
        return self._buffer

    def set_buffer(self, tensor: Tensor) -> None:
        """Put another vector in its place."""
        self._buffer = tensor

    def gradients(self) -> list[Tensor]:
        """The gradients, each in its shape: views of the vector."""
        return [self._buffer.view(self._shape)]

    def parameters(self) -> list[Tensor]:
        """The parameters, in the order of their gradients."""
        return [self._parameter]

    def is_last(self) -> bool:
        """Whether the backward pass is complete with it."""
        return self._is_last
