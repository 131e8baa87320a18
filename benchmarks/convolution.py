"""Convolutions and poolings against PyTorch's, in alternating runs on the same operands.

``python benchmarks/convolution.py [name ...]`` prints, for each case whose name contains one of the words given (all
without any), medians in milliseconds, the ratio (above one: faster than PyTorch) and the time of preparing the first
call, compilation included. Conversions of layout count; fresh memory for results counts on PyTorch's side only.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent / "tests" / "cpu")]
# ruff: noqa: E402
from harness import Prepared, runner

from flambeau.cpu import pooling
from flambeau.cpu.convolution import lower_forward, lower_input_gradient, lower_weight_gradient
from flambeau.cpu.values import Type
from flambeau.graph.windows import Convolution, EvenWindows, SlidingMeans, SlidingWindows
from flambeau.kernels.kernel import Call, Operand

# batch, in_channels, height = width, out_channels, kernel, stride, padding, groups
CONVOLUTIONS = {
    "3x3, 64": (100, 64, 32, 64, 3, 1, 1, 1),
    "3x3, 128": (100, 128, 16, 128, 3, 1, 1, 1),
    "3x3, 256": (100, 256, 8, 256, 3, 1, 1, 1),
    "3x3, 512": (100, 512, 4, 512, 3, 1, 1, 1),
    "3x3 stride 2": (100, 64, 32, 128, 3, 2, 1, 1),
    "LeNet 1": (100, 3, 32, 6, 5, 1, 0, 1),
    "LeNet 2": (100, 6, 14, 16, 5, 1, 0, 1),
    "1x1": (100, 64, 32, 256, 1, 1, 0, 1),
    "1x1 stride 2": (100, 256, 32, 512, 1, 2, 0, 1),
    "7x7 stride 2, first of ResNet": (8, 3, 224, 64, 7, 2, 3, 1),
    "depthwise": (100, 128, 32, 128, 3, 1, 1, 128),
}

# planes, height = width, kernel, stride, padding
POOLINGS = {
    "2x2, LeNet": (600, 28, 2, 2, 0),
    "2x2": (6400, 32, 2, 2, 0),
    "3x3 stride 2, ResNet": (512, 112, 3, 2, 1),
}


def race(calls: list[Call], arrays: dict[Operand, np.ndarray], reference: Callable[[], object]) -> tuple[float, ...]:
    """Median milliseconds of both, and milliseconds until ours was ready to run."""
    start = time.perf_counter()
    prepared = Prepared(calls, arrays)
    ready = time.perf_counter() - start
    prepared.run()
    reference()
    ours: list[float] = []
    theirs: list[float] = []
    until = time.perf_counter() + 0.5
    while time.perf_counter() < until or len(ours) < 7:
        start = time.perf_counter()
        prepared.run()
        middle = time.perf_counter()
        reference()
        end = time.perf_counter()
        ours.append(middle - start)
        theirs.append(end - middle)
    return 1e3 * statistics.median(ours), 1e3 * statistics.median(theirs), 1e3 * ready


def report(name: str, results: dict[str, tuple[float, ...]], gigaflops: float = 0) -> None:
    parts = []
    for what, (ours, theirs, ready) in results.items():
        rate = f" {1e3 * gigaflops / ours:3.0f} GFLOP/s" if gigaflops else ""
        parts.append(f"{what} {ours:6.2f} / {theirs:6.2f} = {theirs / ours:5.2f}x{rate} (ready in {ready:3.0f})")
    ours, theirs = (sum(times[index] for times in results.values()) for index in (0, 1))
    print(f"{name:30} | {' | '.join(parts)} | all {theirs / ours:5.2f}x", flush=True)


def bind(*tensors: torch.Tensor) -> tuple[list[Operand], dict[Operand, np.ndarray]]:
    arrays = [tensor.numpy() for tensor in tensors]
    operands = [Operand(array.nbytes) for array in arrays]
    return operands, dict(zip(operands, arrays, strict=True))


def convolution(name: str) -> None:
    batch, channels, size, outputs, kernel, stride, padding, groups = CONVOLUTIONS[name]
    c = Convolution(
        "float", batch, channels, size, size, outputs,
        (kernel, kernel), (stride, stride), (padding, padding), (1, 1), groups,
    )  # fmt: skip
    x, w = torch.randn(batch, channels, size, size), torch.randn(outputs, channels // groups, kernel, kernel)
    grad_y = torch.randn(batch, outputs, c.out_height, c.out_width)
    results = torch.empty_like(grad_y), torch.empty_like(x), torch.empty_like(w)
    (ox, ow, ograd_y, oy, ograd_x, ograd_w), arrays = bind(x, w, grad_y, *results)

    def backward(*mask: bool) -> Callable[[], object]:
        options = [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, mask
        return lambda: torch.ops.aten.convolution_backward(grad_y, x, w, None, *options)

    forward = lambda: F.conv2d(x, w, None, stride, padding, 1, groups)  # noqa: E731
    times = {
        "y": race(lower_forward(c, ox, ow, oy), arrays, forward),
        "grad_x": race(lower_input_gradient(c, ograd_y, ow, ograd_x), arrays, backward(True, False, False)),
        "grad_w": race(lower_weight_gradient(c, ograd_y, ox, ograd_w), arrays, backward(False, True, False)),
    }
    report(name, times, c.flops / 1e9)


def pool(name: str) -> None:
    planes, size, kernel, stride, padding = POOLINGS[name]
    x = torch.randn(planes, size, size)
    y, indices = F.max_pool2d(x, kernel, stride, padding, return_indices=True)
    grad_y, grad_x, out = torch.randn_like(y), torch.empty_like(x), y.shape[-1]
    (ox, oy, oindices, ograd_y, ograd_x), arrays = bind(x, y.clone(), indices.clone(), grad_y, grad_x)
    type, windows = Type.of("float"), ((kernel, kernel), (stride, stride), (padding, padding))
    sliding = SlidingWindows(planes, size, size, *windows, (1, 1), out, out)
    means = SlidingMeans(planes, size, size, *windows, out, out, True, None)
    pair, aten = ([kernel] * 2, [stride] * 2, [padding] * 2), torch.ops.aten
    times = {
        "max": race(
            pooling.lower_max_pool(type, sliding, ox, oy, oindices),
            arrays,
            lambda: F.max_pool2d(x, kernel, stride, padding, return_indices=True),
        ),
        "its gradient": race(
            pooling.lower_max_pool_gradient(
                type, EvenWindows(planes, size, size, out, out), ograd_y, oindices, ograd_x
            ),
            arrays,
            lambda: aten.max_pool2d_with_indices_backward(grad_y, x, *pair, [1, 1], False, indices),
        ),
        "average": race(
            pooling.lower_average_pool(type, means, ox, oy),
            arrays,
            lambda: F.avg_pool2d(x[None], kernel, stride, padding),
        ),
        "its gradient ": race(
            pooling.lower_average_pool_gradient(type, means, ograd_y, ograd_x),
            arrays,
            lambda: aten.avg_pool2d_backward(grad_y, x, *pair, False, True, None),
        ),
    }
    report(f"pool {name}", times)


def main() -> None:
    torch.set_num_threads(runner().num_threads())
    print(f"{runner().num_threads()} threads; milliseconds, Flambeau / PyTorch")
    for cases, measure in ((CONVOLUTIONS, convolution), (POOLINGS, pool)):
        for name in cases:
            label = name if measure is convolution else f"pool {name}"
            if not sys.argv[1:] or any(word in label for word in sys.argv[1:]):
                measure(name)


if __name__ == "__main__":
    main()
