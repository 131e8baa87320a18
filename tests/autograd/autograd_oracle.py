"""Running the same few lines on PyTorch and on Flambeau, and comparing everything that comes out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import flambeau


def plain(value: Any) -> Any:
    """Tensors as arrays, whatever the library; containers keep their form."""
    if isinstance(value, (torch.Tensor, flambeau.Tensor)):
        return np.array(value.detach().tolist(), dtype=np.float64)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(each) for each in value]
    return value


def assert_same(ours: Any, theirs: Any, tolerance: float) -> None:
    if isinstance(theirs, list):
        assert isinstance(ours, list) and len(ours) == len(theirs), (ours, theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other, tolerance)
    elif isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            assert_same(ours[key], theirs[key], tolerance)
    elif isinstance(theirs, np.ndarray):
        assert isinstance(ours, np.ndarray), (ours, theirs)
        assert ours.shape == theirs.shape, (ours, theirs)
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    else:
        assert ours == theirs, (ours, theirs)


def agree(program: Callable[[Any], Any], tolerance: float = 1e-6) -> Any:
    """``program(library)`` gives the same on both libraries; returns what Flambeau gave."""
    results = []
    for library in (torch, flambeau):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            library.manual_seed(0)
            results.append(plain(program(library)))
    assert_same(results[1], results[0], tolerance)
    return results[1]


def error(function: Callable[[], Any]) -> tuple[str, str]:
    """Type and message of what ``function`` raises."""
    try:
        function()
    except Exception as raised:
        return type(raised).__name__, str(raised)
    raise AssertionError("nothing was raised")


def leaf(library: Any, *values: Any) -> Any:
    """A float64 leaf that requires grad."""
    return library.tensor(values, dtype=library.float64, requires_grad=True)
