"""Matrix products of the CPU backend against PyTorch's, in one process, by turns.

Usage: ``python benchmarks/gemm.py [part of a name ...]``. For each shape it prints both median times, the rates
reached, how many times faster than PyTorch the generated kernels are, and what compiling them took.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent / "tests" / "cpu")]
# ruff: noqa: E402
from harness import Prepared, compiler, runner

from flambeau.cpu.gemm import lower_matmul
from flambeau.cpu.values import Type
from flambeau.kernels.kernel import MatrixAccess, Operand

SHAPES: list[tuple[str, tuple[int, ...], int, int, int, str]] = [
    # name, batch, m, n, k, and which operands are transposed: a letter for each, n or t
    ("square 1024", (), 1024, 1024, 1024, "nn"),
    ("square 1024, a transposed", (), 1024, 1024, 1024, "tn"),
    ("square 1000, b transposed", (), 1000, 1000, 1000, "nt"),
    ("square 512", (), 512, 512, 512, "nn"),
    ("square 256", (), 256, 256, 256, "nn"),
    ("MLP forward", (), 100, 128, 784, "nt"),
    ("MLP weight gradient", (), 128, 784, 100, "tn"),
    ("MLP input gradient", (), 100, 784, 128, "nn"),
    ("MLP last layer", (), 100, 10, 128, "nt"),
    ("MLP last layer, weight gradient", (), 10, 128, 100, "tn"),
    ("MLP last layer, input gradient", (), 100, 128, 10, "nn"),
    ("small", (), 64, 128, 128, "nn"),
    ("attention scores", (32,), 128, 128, 64, "nt"),
    ("attention values", (32,), 128, 64, 128, "nn"),
    ("many tiny", (512,), 16, 16, 16, "nn"),
    ("wide layer, batch 32", (), 32, 1024, 1024, "nt"),
    ("wide layer, batch 4", (), 4, 1024, 1024, "nt"),
    ("wide layer, batch 1", (), 1, 1024, 1024, "nt"),
    ("vector times matrix", (), 1, 1024, 1024, "nn"),
    ("matrix times vector", (), 4096, 1, 1024, "nn"),
    ("tiny vector times matrix", (), 1, 128, 4, "nn"),
    ("dot", (), 1, 1, 1 << 20, "nn"),
    ("long sums, few results", (), 10, 10, 60000, "tn"),
]


def access(tensor: torch.Tensor) -> MatrixAccess:
    *batch, row, column = tensor.stride()
    return MatrixAccess(Operand(tensor.nbytes), 0, tuple(batch), row, column)


def seconds_a_call(function: Callable[[], object]) -> float:
    """Mean over about 20 ms."""
    # PyTorch's workers spin for about 13 ms after a call, on the processors that ours are to use. Sleeping meanwhile
    # would have the system move threads around.
    start = time.perf_counter()
    while time.perf_counter() - start < 0.02:
        pass
    start = time.perf_counter()
    function()
    repeats = max(3, int(0.02 / (time.perf_counter() - start)))
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - start) / repeats


def measure(name: str, batch: tuple[int, ...], m: int, n: int, k: int, transposed: str) -> None:
    a = torch.randn(*batch, k, m).mT if transposed[0] == "t" else torch.randn(*batch, m, k)
    b = torch.randn(*batch, n, k).mT if transposed[1] == "t" else torch.randn(*batch, k, n)
    ours, theirs = torch.empty(*batch, m, n), torch.empty(*batch, m, n)
    accesses = access(a), access(b), access(ours)
    calls = lower_matmul(Type.of("float"), batch, m, n, k, *accesses, threads_hint=torch.get_num_threads())
    arrays = {
        operand.operand: (tensor.mT if tensor.mT.is_contiguous() else tensor).numpy()
        for operand, tensor in zip(accesses, (a, b, ours), strict=True)
    }
    statistics_before = compiler().statistics.emit_seconds + compiler().statistics.compile_seconds
    prepared = Prepared(calls, arrays)
    compilation = compiler().statistics.emit_seconds + compiler().statistics.compile_seconds - statistics_before
    prepared.run()
    # What a plan does: one native call, with addresses that are known.
    steps = len(prepared.tiles), prepared.scratch.ctypes.data, prepared.stride
    memory = prepared.table.ctypes.data, prepared.steps.ctypes.data, *steps
    run = runner().run
    torch.matmul(a, b, out=theirs)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
    operations = 2 * m * n * k * max(1, len(batch) and batch[0])
    times: tuple[list[float], list[float]] = [], []
    for _ in range(9):
        times[0].append(seconds_a_call(lambda: run(*memory)))
        times[1].append(seconds_a_call(lambda: torch.matmul(a, b, out=theirs)))
    here, there = (statistics.median(x) for x in times)
    print(
        f"{name:32s} {'x'.join(map(str, (*batch, m, n, k))):18s} {transposed}"
        f"  {here * 1e6:9.1f} us {operations / here / 1e9:6.1f} GFLOP/s"
        f"  PyTorch {there * 1e6:9.1f} us {operations / there / 1e9:6.1f} GFLOP/s"
        f"  {there / here:6.2f} x  compiled in {compilation * 1e3:5.1f} ms",
        flush=True,
    )


def main() -> None:
    runner().set_num_threads(torch.get_num_threads())
    wanted = sys.argv[1:]
    for shape in SHAPES:
        if not wanted or any(part in shape[0] for part in wanted):
            measure(*shape)


if __name__ == "__main__":
    main()
