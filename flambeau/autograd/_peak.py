"""What one core of this machine reaches: in a product of large matrices, and in copying so many bytes."""

from __future__ import annotations

import functools

from ..compiler.report import Evaluation, listeners
from ..core.tensor import Tensor
from ..graph.trace import evaluate_trace, local
from ..ops.creation import ones

_SIZE = 640
_TURNS = 5


def _fastest(work: str, operand: Tensor) -> float:
    """The least time, in ns, that a product of an operand with itself, or its double, took."""
    times: list[int] = []

    def listen(evaluation: Evaluation) -> None:
        times.append(sum(evaluation.times))

    evaluate_trace[0](local.trace)
    listeners.append(listen)
    try:
        for _ in range(_TURNS):
            result = operand @ operand if work == "product" else operand * 2
            evaluate_trace[0](local.trace)
            del result
    finally:
        listeners.remove(listen)
    return max(1.0, float(min(times)))


@functools.cache
def flops_per_ns() -> float:
    """Floating-point operations in float32 that one thread does in a nanosecond, multiplying large matrices."""
    return 2 * _SIZE**3 / _fastest("product", ones(_SIZE, _SIZE))


@functools.cache
def _bytes_per_ns(exponent: int) -> float:
    count = 1 << exponent
    return count / _fastest("copy", ones(count // 8))  # half of them are read, half written


def bytes_per_ns(count: float) -> float:
    """Bytes that one thread moves in a nanosecond, where about so many are moved: small arrays stay in caches."""
    return _bytes_per_ns(min(max(int(count).bit_length(), 14), 27))


def share(flops: float, bytes: float, time: float) -> float:
    """How much of what this machine can do a kernel did that took ``time`` ns: 1 where either limit was reached."""
    if not time:
        return 0.0
    return max(flops / flops_per_ns(), bytes / bytes_per_ns(bytes)) / time


__all__ = ["share"]
