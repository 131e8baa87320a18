"""Forward mode of a :class:`~flambeau.autograd.function.Function` by its own ``jvp``.

Forward mode is two passes of backward (:mod:`flambeau.autograd.levels`): the first makes uᵀJ, of which only the history counts,
the second derives that in a direction. Where a function has its own ``jvp``, the first pass does not call ``backward``. It
gives stand-ins, whose history leads to u; the second pass brings the tangents of the arguments there, and ``jvp`` makes of them
the tangents of the outputs.
"""

from __future__ import annotations

from typing import Any

from ..core.history import Gradient, edge_of
from ..core.tensor import Tensor
from ..graph.trace import record_constant
from .parts import elements_of


class Tangents(Gradient):
    """History of the stand-ins: from the tangents of the arguments to those of the outputs. ``context``: the function's node."""

    __slots__ = ("outputs",)

    replayable = False
    strict = True

    def backward(self, grad: Any) -> tuple[Tensor | None, ...]:
        node = self.context
        context, function = node.context, node.function
        given = grad if type(grad) is dict else {0: grad}
        tangents: list[Any] = [None] * len(context.needs_input_grad)
        for number, place in enumerate(node.places):
            tangent = given.get(number)
            if tangent is None and context.materialize_grads:
                tangent = Tensor._from_node(record_constant(self.shape[number], 0, self.dtype[number]))
            elif context.dirty_tensors and tangent is not None:
                tangent = tangent.clone()  # which jvp may write to, as forward has done
            argument = context._arguments_of_parts.get(place)
            tangents[place] = tangent if argument is None or tangent is None else argument._gradient_of(tangent)
        with context._saved_for_jvp():
            results = function.jvp(context, *tangents)
        results = results if isinstance(results, tuple) else (results,)
        if len(results) != len(self.edges):
            raise RuntimeError(
                f"{function.__name__}.jvp returned {len(results)} values, but the function has {len(self.edges)} outputs"
            )
        return tuple([self._of_output(result) for result in results])

    def _of_output(self, tangent: Any) -> Tensor | None:
        if tangent is None:
            return None
        if not isinstance(tangent, Tensor):
            raise RuntimeError(f"{self.context.function.__name__}.jvp must give Tensors or None, but gave {type(tangent)}")
        return elements_of(tangent)


def stand_ins(node: Any, cotangents: list[Tensor | None]) -> tuple[Tensor | None, ...]:
    """What takes the place of a function's gradients in forward mode's first pass, by the tensors among its arguments."""
    metas = node.context._metas
    shapes, dtypes = [shape for shape, _ in metas], [d for _, d in metas]
    edges = tuple([None if cotangent is None else edge_of(cotangent) for cotangent in cotangents])
    history = Tangents.of(edges, (), shapes, dtypes, node)
    history.outputs = len(metas)
    made: list[Tensor | None] = []
    for number, (edge, (shape, d)) in enumerate(zip(node.edges, metas)):
        if edge is None:
            made.append(None)
            continue
        stand_in = Tensor._from_node(record_constant(shape, 0, d))
        stand_in._tracked = True
        stand_in._gradient = (history, number)
        made.append(stand_in)
    return tuple(made)
