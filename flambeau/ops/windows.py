"""Windows for spectral analysis: vectors that fall off towards their ends."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph.bounds import check_value
from ..graph.dtypes import get_default_dtype
from .creation import finished
from .from_data import from_array
from .operation import operation
from .special import bessel


def _window(name: str, length: int, periodic: bool, shape: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    """The window ``shape(position in [0, 1])``; a periodic one is the beginning of one that is one longer."""
    d = dtype or get_default_dtype()
    if d.kind != "float":
        raise RuntimeError(f"{name} expects floating point dtypes, got: {d}")
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    check_value((length,), d)
    count = length + 1 if periodic else length
    values = np.ones(length) if length <= 1 else shape(np.arange(length) / (count - 1))
    return finished(from_array(np.asarray(values, dtype=np.float64)).to(d), requires_grad, device)


@operation(method=False)
def hann_window(window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None, device: Any = None,
                pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """0.5 - 0.5 · cos."""
    return _window(
        "hann_window", window_length, periodic, lambda t: 0.5 - 0.5 * np.cos(2 * math.pi * t), dtype, device, requires_grad
    )


@operation(method=False)
def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: Any = None,
                   layout: Any = None, device: Any = None, pin_memory: bool = False,
                   requires_grad: bool = False) -> Tensor:  # fmt: skip
    """alpha - beta · cos."""
    return _window(
        "hamming_window", window_length, periodic, lambda t: alpha - beta * np.cos(2 * math.pi * t), dtype, device,
        requires_grad,
    )  # fmt: skip


@operation(method=False)
def blackman_window(window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None,
                    device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """0.42 - 0.5 · cos + 0.08 · cos of twice the angle."""

    def shape(t: np.ndarray) -> np.ndarray:
        return 0.42 - 0.5 * np.cos(2 * math.pi * t) + 0.08 * np.cos(4 * math.pi * t)

    return _window("blackman_window", window_length, periodic, shape, dtype, device, requires_grad)


@operation(method=False)
def bartlett_window(window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None,
                    device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """A triangle."""
    return _window(
        "bartlett_window", window_length, periodic, lambda t: 1 - np.abs(2 * t - 1), dtype, device, requires_grad
    )


@operation(method=False)
def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None, layout: Any = None,
                  device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """I₀ of beta times a half circle, by I₀(beta)."""

    def shape(t: np.ndarray) -> np.ndarray:
        circle = beta * np.sqrt(np.maximum(1 - (2 * t - 1) ** 2, 0))
        return bessel(circle, 0, False) / bessel(np.array(beta), 0, False)

    return _window("kaiser_window", window_length, periodic, shape, dtype, device, requires_grad)
