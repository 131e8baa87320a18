"""Pooling against PyTorch: values, places of maxima, and gradients, for what decides which code the templates make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from kernel_calls import Prepared
from oracle import check

from flambeau.cpu.pooling import (
    lower_adaptive_average_pool,
    lower_average_pool,
    lower_average_pool_gradient,
    lower_max_pool,
)
from flambeau.cpu.values import Type
from flambeau.graph.windows import EvenWindows, SlidingMeans, SlidingWindows
from flambeau.kernels.kernel import Operand

DTYPES = (torch.float32, torch.float64)
Pair = tuple[int, int]

# (planes, height, width), kernel, stride, padding, dilation, whether the output size is rounded up
WINDOWS = {
    "two by two": ((6, 28, 28), (2, 2), (2, 2), (0, 0), (1, 1), False),
    "two by two, odd": ((3, 13, 71), (2, 2), (2, 2), (0, 0), (1, 1), False),
    "two by two, rounded up": ((3, 13, 71), (2, 2), (2, 2), (0, 0), (1, 1), True),
    "three, stride two, padded": ((4, 30, 112), (3, 3), (2, 2), (1, 1), (1, 1), False),
    "three, stride two, rounded up": ((4, 9, 10), (3, 3), (2, 2), (1, 1), (1, 1), True),
    "three, stride one": ((5, 7, 40), (3, 3), (1, 1), (1, 1), (1, 1), False),
    "one dimension": ((9, 1, 100), (1, 5), (1, 3), (0, 2), (1, 1), False),
    "stride three": ((2, 17, 90), (3, 4), (3, 3), (1, 2), (1, 1), False),
    "stride longer than window": ((2, 17, 60), (2, 1), (3, 4), (0, 0), (1, 1), True),
    "dilated": ((2, 20, 50), (3, 3), (1, 1), (1, 1), (2, 3), False),
    "dilated, strided": ((2, 20, 50), (3, 4), (2, 2), (1, 2), (3, 2), True),
    "whole plane": ((4, 7, 7), (7, 7), (7, 7), (0, 0), (1, 1), False),
    "many lines": ((300, 8, 8), (2, 2), (2, 2), (0, 0), (1, 1), False),
}


def values(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(sum(shape)).standard_normal(shape)).to(dtype)


def compare(pooled: Callable[[Any, Any], Any], x: torch.Tensor) -> None:
    """Values and gradients, one primitive at a time and fused; a few units in the last place are left to the order of sums."""
    check(lambda T, x: pooled(T.nn.functional, x), x, tolerance=2 * torch.finfo(x.dtype).eps if x.is_floating_point() else 0.0)


def max_pool(window: tuple[Any, ...]) -> Callable[[Any, Any], Any]:
    """Maxima with their places, and alone."""
    return lambda F, x: (*F.max_pool2d(x, *window, True), F.max_pool2d(x.detach(), *window))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WINDOWS)
def test_max_pool(name: str, dtype: torch.dtype) -> None:
    shape, *window = WINDOWS[name]
    compare(max_pool(tuple(window)), values(shape, dtype).round(decimals=1).requires_grad_())  # with ties


@pytest.mark.parametrize("name", ["three, stride one", "three, stride two, padded", "dilated, strided", "stride three"])
def test_max_pool_of_what_is_not_finite(name: str) -> None:
    shape, *window = WINDOWS[name]
    random = np.random.default_rng(5)
    x = random.choice(np.array([np.nan, -np.inf, np.inf, 1, 2], np.float32), shape, p=[0.05, 0.8, 0.05, 0.05, 0.05])
    x[0] = -np.inf
    compare(max_pool(tuple(window)), torch.from_numpy(x))


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8])
def test_max_pool_of_integers(dtype: torch.dtype) -> None:
    x = torch.from_numpy(np.random.default_rng(1).integers(-128, 128, (3, 9, 40))).to(dtype)
    compare(max_pool((3, 2, 1, 1, False)), x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name, window in WINDOWS.items() if window[4] == (1, 1)])
def test_average_pool(name: str, dtype: torch.dtype) -> None:
    shape, kernel, stride, padding, _, ceil = WINDOWS[name]
    for include, divisor in ((True, None), (False, None), (True, 3), (False, -5)):
        options = (kernel, stride, padding, ceil, include, divisor)
        compare(lambda F, x, o=options: F.avg_pool2d(x, *o), values(shape, dtype).requires_grad_())  # type: ignore[misc]


ADAPTIVE = [
    ((5, 8, 40), (4, 4)),
    ((3, 7, 7), (1, 1)),
    ((2, 10, 13), (7, 5)),
    ((4, 3, 5), (6, 8)),
    ((2, 40, 70), (3, 2)),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "out"), [*ADAPTIVE, ((300, 9, 9), (1, 1)), ((0, 3, 8, 8), (4, 4))])
def test_adaptive_average_pool(shape: tuple[int, ...], out: Pair, dtype: torch.dtype) -> None:
    compare(lambda F, x: F.adaptive_avg_pool2d(x, out), values(shape, dtype).requires_grad_())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "out"), ADAPTIVE)
def test_adaptive_max_pool(shape: tuple[int, int, int], out: Pair, dtype: torch.dtype) -> None:
    x = values(shape, dtype).round(decimals=1)
    x[0, 1, 1] = x[0, 2, 4] = float("nan")
    x[1] = -float("inf")
    compare(lambda F, x: F.adaptive_max_pool2d(x, out, True), x.requires_grad_())


def test_order_of_tiles_does_not_show() -> None:
    grad_y = values((40, 33, 47), torch.float32).numpy()
    window: tuple[Pair, Pair, Pair] = ((3, 3), (1, 1), (1, 1))
    operands = [Operand(grad_y.nbytes) for _ in range(2)]
    for lower in (lower_average_pool, lower_average_pool_gradient):
        results = []
        for backwards in (False, True):
            result = np.full_like(grad_y, np.nan)
            geometry = SlidingMeans(40, 33, 47, *window, 33, 47, True, None)
            calls = lower(Type.of("float"), geometry, operands[0], operands[1])
            prepared = Prepared(calls, {operands[0]: grad_y, operands[1]: result})
            assert calls[0].tiles > 4
            if backwards:
                prepared.run_backwards()
            else:
                prepared.run()
            results.append(result)
        np.testing.assert_array_equal(results[0], results[1])


def test_impossible_windows_are_refused() -> None:
    type, x, y = Type.of("float"), Operand(0), Operand(0)
    one, none = (1, 1), (0, 0)
    for kernel, stride, padding, out in (
        ((0, 1), one, none, one),
        (one, (0, 1), none, one),
        (one, one, one, one),
        (one, one, none, (1, 6)),
        (one, one, none, (0, 1)),
    ):
        with pytest.raises(ValueError):
            lower_max_pool(type, SlidingWindows(1, 5, 5, kernel, stride, padding, one, *out), x, y)
    with pytest.raises(ValueError):
        lower_average_pool(type, SlidingMeans(1, 5, 5, one, one, none, 5, 5, True, 0), x, y)
    with pytest.raises(ValueError):
        lower_adaptive_average_pool(type, EvenWindows(1, 0, 5, 1, 1), x, y)
