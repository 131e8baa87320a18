"""Merging dimensions and splitting one."""

from __future__ import annotations

from typing import Any

import flambeau

from ...core.tensor import Tensor
from ._layer import layer
from .module import Module


@layer(flambeau.flatten)
class Flatten(Module):
    """Merge the dimensions from ``start_dim`` to ``end_dim``."""

    start_dim: int = 1
    end_dim: int = -1


@layer()
class Unflatten(Module):
    """Split dimension ``dim`` into ``unflattened_size``."""

    dim: int | str
    unflattened_size: Any

    def _settle(self) -> None:
        if isinstance(self.dim, str):
            raise NotImplementedError("flambeau has no named dimensions: Unflatten takes a number")
        size = self.unflattened_size
        if not isinstance(size, (tuple, list)):
            raise TypeError(f"unflattened_size must be a tuple of ints, but found type {type(size).__name__}")
        for place, extent in enumerate(size):
            if not isinstance(extent, int):
                raise TypeError(
                    f"unflattened_size must be tuple of ints, but found element of type {type(extent).__name__} at pos "
                    f"{place}"
                )

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)  # type: ignore[arg-type]
