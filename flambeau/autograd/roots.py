"""Where backward begins and what it is asked for: tensors as edges of the history, and the gradients given for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.history import AccumulateGrad, Edge, edge_of
from ..core.meta import is_meta, without_values
from ..core.tensor import Tensor
from ..graph.trace import record_constant
from .observed import OBSERVERS

Key = tuple[int, int]
"""An edge as a key: identity of the node or leaf, and output number."""
Roots = list[tuple[Edge, Tensor]]


class GradientEdge(NamedTuple):
    """A place in the history: a gradient node and the number of one of its outputs."""

    node: Any
    output_nr: int
    ownership_token: Any = None


def sequence_of(tensors: Any) -> tuple[Any, ...]:
    """One tensor or edge, or an iterable of them, as a tuple."""
    return (tensors,) if isinstance(tensors, (Tensor, GradientEdge)) else tuple(tensors)


def any_of_parts(places: Sequence[Any]) -> bool:
    """Whether one of the tensors is made of others: complex, or sparse."""
    return any([isinstance(place, Tensor) and place.of_parts for place in places])


def as_edge(place: Tensor | GradientEdge) -> Edge:
    """A tensor's edge, or the one that a :class:`GradientEdge` stands for."""
    if isinstance(place, GradientEdge):
        node = place.node
        return node.variable if isinstance(node, AccumulateGrad) else (node, place.output_nr)
    return edge_of(place)


def key_of(edge: Edge) -> Key:
    """The key of an edge."""
    return (id(edge[0]), edge[1]) if isinstance(edge, tuple) else (id(edge), 0)


def roots_of(tensors: Sequence[Any], grads: Sequence[Any]) -> Roots:
    """The edges that backward begins with, and the gradient given (or, for scalars, implied) for each."""
    if len(grads) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(grads)} gradients")
    roots: Roots = []
    for index, (tensor, given) in enumerate(zip(tensors, grads, strict=True)):
        if isinstance(tensor, GradientEdge):
            edge = as_edge(tensor)
            if given is None:
                shape, d = edge[0]._output_meta(edge[1]) if isinstance(edge, tuple) else edge._output_meta(0)
                if shape.numel() != 1:
                    raise RuntimeError("grad can be implicitly created only for scalar outputs")
                given = Tensor._from_node(record_constant(shape, 1, d))
            roots.append((edge, given))
            continue
        if not tensor.requires_grad:
            raise RuntimeError(f"element {index} of tensors does not require grad and does not have a grad_fn")
        if given is None:
            if tensor.numel() != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            if OBSERVERS:
                given = OBSERVERS[0].ones(tensor)
            else:
                given = Tensor._from_node(record_constant(tensor.shape, 1, tensor.dtype))
        elif not isinstance(given, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(given).__name__}")
        elif given.shape != tensor.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{index}] has a shape of {given.shape} and output[{index}] has a shape of "
                f"{tensor.shape}."
            )
        if given.dtype is not tensor.dtype:
            given = given.to(tensor.dtype)
        if is_meta(tensor) and not is_meta(given):
            given = without_values(given)
        roots.append((as_edge(tensor), given))
    return roots
