"""Lists and arrays as indices: which stand for a tuple, which for positions, as PyTorch takes them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

INDICES: dict[str, Callable[[Any], Any]] = {
    "lists of lists": lambda T: [[0, 1], [1, 0]],
    "a list in a list": lambda T: [[0, 1]],
    "three axes": lambda T: [[0, 1]] * 3,
    "nested twice": lambda T: [[[0, 1], [1, 0]]],
    "tuples in a list": lambda T: [(0, 1), (1, 0)],
    "tensors in a list": lambda T: [T.tensor([0, 1]), T.tensor([1, 0])],
    "numbers that are tensors": lambda T: [T.tensor(0), 1],
    "arrays in a list": lambda T: [np.array([0, 1]), np.array([1, 0])],
    "a slice in a list": lambda T: [0, slice(1)],
    "None in a list": lambda T: [None, 0],
    "an ellipsis in a list": lambda T: [..., 0],
    "a mask in a list": lambda T: [[True, False], [0, 1]],
    "a range in a list": lambda T: [range(2), [0, 1]],
    "a list in a tuple": lambda T: ([0, 1],),
    "many lists": lambda T: [[0]] * 40,
    "numbers": lambda T: [0, 1],
    "NumPy's numbers": lambda T: [np.int64(1), 0],
    "floats": lambda T: [1.7, 0.0],
    "an array of floats": lambda T: np.array([1.7, 0.0]),
    "a matrix of floats": lambda T: np.array([[1.0, 0.0]]),
    "short integers of an array": lambda T: np.array([1], np.int16),
    "a tensor of short integers": lambda T: T.tensor([1], dtype=T.int16),
    "nothing": lambda T: [],
    "an empty array": lambda T: np.zeros(0),
}


def outcome(run: Callable[[], Any]) -> tuple[Any, bool]:
    """The result as a list, or the type of the error; and whether PyTorch's warning was given."""
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        try:
            result = run().tolist()
        except Exception as error:
            result = type(error)
    return result, any("non-tuple sequence" in str(warning.message) for warning in given)


@pytest.mark.parametrize("name", INDICES)
def test_a_sequence_is_a_tuple_or_positions(name: str) -> None:
    def both(T: Any) -> list[Any]:
        def written() -> Any:
            x = T.arange(8.0).reshape(2, 4)
            x[INDICES[name](T)] = -1.0
            return x

        return [outcome(lambda: T.arange(8.0).reshape(2, 4)[INDICES[name](T)]), outcome(written)]

    assert both(flambeau) == both(torch)
