"""Norms of no elements: 0 where sums and largest elements have an identity, PyTorch's errors elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

import flambeau

NORMS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "vector_norm": lambda T, x, order: T.linalg.vector_norm(x, order),
    "vector_norm, an axis": lambda T, x, order: T.linalg.vector_norm(x, order, dim=-1, keepdim=True),
    "norm, an axis": lambda T, x, order: x.norm(order, dim=0),
    "matrix_norm": lambda T, x, order: T.linalg.matrix_norm(x, order),
    "linalg.norm": lambda T, x, order: T.linalg.norm(x, order),
    "dist": lambda T, x, order: T.dist(x, x, order),
}


@pytest.mark.parametrize("name", NORMS)
def test_norms_of_nothing(name: str) -> None:
    def outcome(T: Any, shape: tuple[int, ...], order: float) -> Any:
        try:
            return NORMS[name](T, T.zeros(shape), order).tolist()
        except Exception as error:
            return type(error)

    for shape in ((0, 3), (3, 0), (2, 0, 3), (0,)):
        for order in (1, -1, 2, -2, 0.5, 0, math.inf, -math.inf):
            assert outcome(flambeau, shape, order) == outcome(torch, shape, order), (shape, order)
