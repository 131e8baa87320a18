"""Operations that NumPy computes between two native runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..graph import dtypes
from ..graph import primitives as p
from ..graph.dtypes import dtype as dtype_type
from ..graph.shapes import Size
from ..graph.trace import Node, record, record_outputs
from ..tensor import Tensor


def on_host(
    function: Callable[..., Any], parameters: dict[str, Any], outputs: Sequence[tuple[Sequence[int], dtype_type]],
    *operands: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Record ``function(*arrays, **parameters)``, which gives one array for each of ``outputs`` (shape, dtype).

    ``function`` must be one of a module (its identity is part of the trace), the parameters' values hashable. Arrays are
    read-only. NumPy has no bfloat16: such operands come as float32, and such outputs may be given so.
    """
    spelled = tuple(parameters.items())
    known = [(Size(shape), dtypes.float32 if d is dtypes.bfloat16 else d) for shape, d in outputs]
    pairs = [_readable(t) for t in operands]
    further = [(shape, d, number) for number, (shape, d) in enumerate(known[1:], 1)]
    nodes = record_outputs(p.HOST, (*known[0], function, spelled), further, *pairs)
    for k, (_, d) in enumerate(outputs):
        if d is dtypes.bfloat16:
            nodes[k] = record(p.CAST, d, (nodes[k], None))
    return tuple(Tensor._from_node(node) for node in nodes)


def _readable(x: Tensor) -> tuple[Node, Any]:
    node = x._read()
    if node.dtype is dtypes.bfloat16:
        return record(p.CAST, dtypes.float32, (node, x._view)), None
    return node, x._view


def working_dtype(d: dtype_type) -> str:
    """The NumPy dtype in which sums and products of elements of ``d`` are accumulated, as PyTorch does on CPUs."""
    if d.kind != "float":
        return "int64"
    return "float32" if d.itemsize == 2 else "float64"
