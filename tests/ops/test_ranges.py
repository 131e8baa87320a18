"""Ranges against PyTorch over many ends, steps, counts and dtypes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

DTYPES = ["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8"]
STARTS, ENDS = (0, 1, -3, 2.5, -7.9, 100), (0, 10, -10, 5.5, -0.3)


def outcome(library: Any, name: str, arguments: tuple[Any, ...], dtype: str) -> Any:
    try:
        return getattr(library, name)(*arguments, dtype=getattr(library, dtype)).double().numpy()
    except (RuntimeError, ValueError) as error:
        return type(error)


def compare(name: str, arguments: tuple[Any, ...], dtype: str, epsilon: float) -> str | None:
    ours, theirs = (outcome(library, name, arguments, dtype) for library in (flambeau, torch))
    if isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray) and ours.shape == theirs.shape:
        if (np.abs(ours - theirs) <= epsilon * np.abs(theirs).max(initial=0)).all():
            return None
    elif ours is theirs:
        return None
    return f"{name}{arguments} as {dtype}: {ours} instead of {theirs}"


@pytest.mark.parametrize("dtype", DTYPES)
def test_ranges(dtype: str) -> None:
    epsilon = {"float32": 2.0**-22, "float64": 2.0**-51, "float16": 2.0**-9}.get(dtype, 0.0)
    failures = []
    for start, end in itertools.product(STARTS, ENDS):
        if dtype == "uint8" and min(start, end) < 0:
            continue  # what C++ makes of negative numbers as bytes is not defined
        for count in (2, 3, 7, 16, 31, 100):
            failures.append(compare("linspace", (start, end, count), dtype, epsilon))
            if abs(start) < 3 and abs(end) < 6:
                failures.append(compare("logspace", (start, end, count, 2.0), dtype, 8 * epsilon))
        for step in (1, 2, -1, 0.3, -2.5, 1.7):
            failures.append(compare("arange", (start, end, step), dtype, epsilon))
    assert not any(failures), "\n".join(text for text in failures if text)
