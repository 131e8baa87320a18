"""Operations that NumPy computes between two native runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.history import INPUTS, Gradient, Packed, edge_of
from ..core.samples import one_by_one
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.dtypes import dtype as dtype_type
from ..graph.shapes import Size
from ..graph.trace import Node, local, record, record_outputs
from .dispatch import tracked
from .from_data import from_array


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
    return tuple([Tensor._from_node(node) for node in nodes])


def _readable(x: Tensor) -> tuple[Node, Any]:
    node = x._read()
    if node.dtype is dtypes.bfloat16:
        return record(p.CAST, dtypes.float32, (node, x._view)), None
    return node, x._view


def by_numpy(function: Any, x: Tensor, **parameters: Any) -> Tensor:
    """A NumPy function of float64 elements, rounded once to the result's dtype."""
    return on_host(_wide, {"function": function, "parameters": tuple(parameters.items())}, [(x.shape, x.dtype)], x)[0]


def _wide(array: np.ndarray, function: Any, parameters: tuple[tuple[str, Any], ...]) -> np.ndarray:
    with np.errstate(all="ignore"):
        return function(array.astype(np.float64), **dict(parameters))  # type: ignore[no-any-return]


# --- computed at once, with several results --------------------------------------------------------------------------


def array_of(x: Tensor) -> np.ndarray:
    """The values of ``x``, computed now; not to be kept or written."""
    return x.detach()._array_now()


def at_once(function: Callable[..., Any], *operands: Tensor) -> Any:
    """The result of a NumPy function as tensors (a tuple of them if it gives several)."""
    if local.trace.sampling:
        several = []

        def of_one(*tensors: Tensor) -> tuple[Tensor, ...]:
            made = at_once(function, *tensors)
            several.append(isinstance(made, tuple))
            return made if several[-1] else (made,)

        results = tuple(one_by_one(of_one, operands))
        return results if several[-1] else results[0]
    result = function(*map(array_of, operands))
    if isinstance(result, tuple):
        return tuple(from_array(np.ascontiguousarray(part)) for part in result)
    return from_array(np.ascontiguousarray(result))


def attach_results(
    results: Sequence[Tensor], gradient: type[Gradient], operands: Sequence[Tensor], context: Any = None
) -> None:
    """One history for several results if an operand is tracked; all operands and results are kept, in this order."""
    if not tracked(*operands):
        return
    saved = tuple((t._read(), t._view) for t in (*operands, *results))
    shapes, dtypes = [t.shape for t in results], [t.dtype for t in results]
    history = gradient.of(tuple(edge_of(t) for t in operands), saved, shapes, dtypes, context)
    if local.watched:
        history.observe()
    for number, result in enumerate(results):
        result._tracked = True
        result._gradient = (history, number)


class SeveralResults(Gradient):
    """History of an operation with several results, which it keeps behind its operands."""

    saves = INPUTS
    outputs = 2

    def output(self, number: int) -> Tensor:
        """Result ``number`` as it was, with history when gradients of gradients are recorded."""
        self.input(0)  # raises if what was saved has been freed
        node, view = self.saved[len(self.edges) + number]
        if type(node) is Packed:
            node, view = node.open()
        return self.make_tensor(node, view, (self, number) if local.grad else None)
