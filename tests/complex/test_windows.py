"""Window functions beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import flambeau

NAMES: dict[str, list[dict[str, Any]]] = {
    "exponential": [{}, {"tau": 2.5}], "cosine": [{}], "gaussian": [{}, {"std": 3.0}],
    "kaiser": [{}, {"beta": 4.0}, {"beta": 0.0}],
    "hamming": [{}], "hann": [{}], "blackman": [{}], "bartlett": [{}], "nuttall": [{}], "general_hamming": [{}, {"alpha": 0.3}],
    "general_cosine": [{"a": [0.5, 0.25, 0.25]}],
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_values(name: str) -> None:
    for options in NAMES[name]:
        for length in (0, 1, 2, 7, 16):
            for sym in (True, False):
                for d in ("float32", "float64"):
                    expected, result = [
                        getattr(library.signal.windows, name)(length, sym=sym, dtype=getattr(library, d), **options)
                        for library in (torch, flambeau)
                    ]
                    assert str(result.dtype) == str(expected.dtype)
                    np.testing.assert_allclose(result.numpy(), expected.numpy(), 1e-5 if d == "float32" else 1e-12, 1e-6)


@pytest.mark.parametrize(
    ("name", "options"),
    [("hann", {"M": -1}), ("exponential", {"M": 3, "tau": 0}), ("exponential", {"M": 3, "center": 1}),
     ("gaussian", {"M": 3, "std": 0}),
     ("kaiser", {"M": 3, "beta": -1}), ("general_cosine", {"M": 3, "a": []}), ("cosine", {"M": -2})],
)  # fmt: skip
def test_errors(name: str, options: dict[str, Any]) -> None:
    messages = []
    for library in (torch, flambeau):
        with pytest.raises(ValueError) as caught:
            getattr(library.signal.windows, name)(**options)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
