"""Pooling templates against PyTorch: values, places of maxima, and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from kernel_calls import Prepared, execute

from flambeau.cpu.pooling import (
    lower_adaptive_average_pool,
    lower_adaptive_average_pool_gradient,
    lower_adaptive_max_pool,
    lower_average_pool,
    lower_average_pool_gradient,
    lower_max_pool,
    lower_max_pool_gradient,
)
from flambeau.cpu.values import Type
from flambeau.graph.pooling import EvenWindows, Pooling, SlidingMeans, SlidingWindows
from flambeau.kernels.kernel import Call, Operand

DTYPES: dict[str, type[np.generic]] = {"float": np.float32, "double": np.float64}
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


def values(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(DTYPES[dtype])


def run(lower: Any, inputs: list[np.ndarray], outputs: list[np.ndarray], dtype: str, geometry: Pooling) -> None:
    """Lower with operands for the inputs and outputs, and run."""
    operands = [Operand(array.nbytes) for array in (*inputs, *outputs)]
    calls: list[Call] = lower(Type.of(dtype), geometry, *operands)
    execute(calls, dict(zip(operands, (*inputs, *outputs), strict=True)))


def max_pool(x: np.ndarray, dtype: str, window: tuple[Pair, Pair, Pair, Pair], out: Pair) -> list[np.ndarray]:
    y, indices = np.full((len(x), *out), 77, x.dtype), np.full((len(x), *out), -1)
    geometry = SlidingWindows(*x.shape, *window, *out)
    run(lower_max_pool, [x], [y, indices], dtype, geometry)
    alone = np.full_like(y, 77)
    run(lower_max_pool, [x], [alone], dtype, geometry)
    np.testing.assert_array_equal(y, alone)
    return [y, indices]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WINDOWS)
def test_max_pool(name: str, dtype: str) -> None:
    shape, kernel, stride, padding, dilation, ceil = WINDOWS[name]
    x = values(shape, dtype).round(1)  # with ties
    tensor = torch.from_numpy(x).requires_grad_()
    expected, places = F.max_pool2d(tensor[None], kernel, stride, padding, dilation, ceil, True)
    out = expected.shape[-2], expected.shape[-1]
    y, indices = max_pool(x, dtype, (kernel, stride, padding, dilation), out)
    np.testing.assert_array_equal(y, expected[0].detach().numpy())
    np.testing.assert_array_equal(indices, places[0].numpy())
    grad_y, grad_x = values(y.shape, dtype), np.full_like(x, np.nan)
    (gradient,) = torch.autograd.grad(expected, tensor, torch.from_numpy(grad_y)[None])
    run(lower_max_pool_gradient, [grad_y, indices], [grad_x], dtype, EvenWindows(*shape, *out))
    np.testing.assert_allclose(grad_x, gradient.numpy(), rtol=0, atol=20 * np.finfo(x.dtype).eps)


@pytest.mark.parametrize("name", ["three, stride one", "three, stride two, padded", "dilated, strided", "stride three"])
def test_max_pool_of_what_is_not_finite(name: str) -> None:
    shape, kernel, stride, padding, dilation, ceil = WINDOWS[name]
    random = np.random.default_rng(5)
    x = random.choice(np.array([np.nan, -np.inf, np.inf, 1, 2], np.float32), shape, p=[0.05, 0.8, 0.05, 0.05, 0.05])
    x[0] = -np.inf
    expected, places = F.max_pool2d(torch.from_numpy(x)[None], kernel, stride, padding, dilation, ceil, True)
    out = expected.shape[-2], expected.shape[-1]
    y, indices = max_pool(x, "float", (kernel, stride, padding, dilation), out)
    np.testing.assert_array_equal(y, expected[0].numpy())
    np.testing.assert_array_equal(indices, places[0].numpy())


@pytest.mark.parametrize("dtype", ["i8", "i16", "i32", "i64"])
def test_max_pool_of_integers(dtype: str) -> None:
    x = np.random.default_rng(1).integers(-128, 128, (3, 9, 40)).astype(f"int{dtype[1:]}")
    expected, places = F.max_pool2d(torch.from_numpy(x.astype(np.float32))[None], 3, 2, 1, return_indices=True)
    y, indices = max_pool(x, dtype, ((3, 3), (2, 2), (1, 1), (1, 1)), (5, 20))
    np.testing.assert_array_equal(y, expected[0].numpy())
    np.testing.assert_array_equal(indices, places[0].numpy())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name, window in WINDOWS.items() if window[4] == (1, 1)])
def test_average_pool(name: str, dtype: str) -> None:
    shape, kernel, stride, padding, _, ceil = WINDOWS[name]
    x = values(shape, dtype)
    for include, divisor in ((True, None), (False, None), (True, 3), (False, -5)):
        tensor = torch.from_numpy(x).requires_grad_()
        expected = F.avg_pool2d(tensor[None], kernel, stride, padding, ceil, include, divisor)[0]
        out = expected.shape[-2], expected.shape[-1]
        y = np.full((len(x), *out), np.nan, x.dtype)
        geometry = SlidingMeans(*shape, kernel, stride, padding, *out, include, divisor)
        run(lower_average_pool, [x], [y], dtype, geometry)
        tolerance = 20 * np.finfo(x.dtype).eps
        np.testing.assert_allclose(y, expected.detach().numpy(), rtol=0, atol=tolerance)
        grad_y, grad_x = values(y.shape, dtype), np.full_like(x, np.nan)
        (gradient,) = torch.autograd.grad(expected, tensor, torch.from_numpy(grad_y))
        run(lower_average_pool_gradient, [grad_y], [grad_x], dtype, geometry)
        np.testing.assert_allclose(grad_x, gradient.numpy(), rtol=0, atol=tolerance)


ADAPTIVE = [
    ((5, 8, 40), (4, 4)),
    ((3, 7, 7), (1, 1)),
    ((2, 10, 13), (7, 5)),
    ((4, 3, 5), (6, 8)),
    ((2, 40, 70), (3, 2)),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "out"), [*ADAPTIVE, ((300, 9, 9), (1, 1))])
def test_adaptive_average_pool(shape: tuple[int, int, int], out: Pair, dtype: str) -> None:
    x = values(shape, dtype)
    tensor = torch.from_numpy(x).requires_grad_()
    expected = F.adaptive_avg_pool2d(tensor[None], out)[0]
    y = np.full((len(x), *out), np.nan, x.dtype)
    run(lower_adaptive_average_pool, [x], [y], dtype, EvenWindows(*shape, *out))
    tolerance = 20 * np.finfo(x.dtype).eps
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=0, atol=tolerance)
    grad_y, grad_x = values(y.shape, dtype), np.full_like(x, np.nan)
    (gradient,) = torch.autograd.grad(expected, tensor, torch.from_numpy(grad_y))
    run(lower_adaptive_average_pool_gradient, [grad_y], [grad_x], dtype, EvenWindows(*shape, *out))
    np.testing.assert_allclose(grad_x, gradient.numpy(), rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "out"), ADAPTIVE)
def test_adaptive_max_pool(shape: tuple[int, int, int], out: Pair, dtype: str) -> None:
    x = values(shape, dtype).round(1)
    x[0, 1, 1] = x[0, 2, 4] = np.nan
    x[1] = -np.inf
    expected, places = F.adaptive_max_pool2d(torch.from_numpy(x)[None], out, return_indices=True)
    y, indices = np.full((len(x), *out), 77, x.dtype), np.full((len(x), *out), -1)
    run(lower_adaptive_max_pool, [x], [y, indices], dtype, EvenWindows(*shape, *out))
    np.testing.assert_array_equal(y, expected[0].numpy())
    np.testing.assert_array_equal(indices, places[0].numpy())


def test_order_of_tiles_does_not_show() -> None:
    x, grad_y = values((40, 33, 47), "float"), values((40, 33, 47), "float")
    window: tuple[Pair, Pair, Pair] = ((3, 3), (1, 1), (1, 1))
    operands = [Operand(x.nbytes) for _ in range(2)]
    for lower in (lower_average_pool, lower_average_pool_gradient):
        results = []
        for backwards in (False, True):
            result = np.full_like(x, np.nan)
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


def test_no_planes() -> None:
    x, y, indices = np.empty((0, 8, 8), np.float32), np.empty((0, 4, 4), np.float32), np.empty((0, 4, 4), np.int64)
    window: tuple[Pair, Pair, Pair] = ((2, 2), (2, 2), (0, 0))
    sliding, means = SlidingWindows(0, 8, 8, *window, (1, 1), 4, 4), SlidingMeans(0, 8, 8, *window, 4, 4, True, None)
    even = EvenWindows(0, 8, 8, 4, 4)
    run(lower_max_pool, [x], [y, indices], "float", sliding)
    run(lower_max_pool_gradient, [y, indices], [x], "float", even)
    run(lower_average_pool, [x], [y], "float", means)
    run(lower_average_pool_gradient, [y], [x], "float", means)
    run(lower_adaptive_average_pool, [x], [y], "float", even)
    run(lower_adaptive_average_pool_gradient, [y], [x], "float", even)
    run(lower_adaptive_max_pool, [x], [y, indices], "float", even)


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
