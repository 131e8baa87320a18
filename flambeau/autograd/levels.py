"""Differentiating functions: tensors that mark where a function begins, and derivatives between these and its results.

A function is differentiated with respect to *entered* tensors: aliases of its arguments whose history begins with an entrance,
which leads on to the argument's own. So functions that differentiate can be nested, and
a derivative has a history just if something outside wants one.

Forward mode is two passes of backward: uᵀJ is a linear function of u, and its derivative in the direction v is J v. That is exact
for every operation whose derivative is written with operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..core.history import Edge, Gradient, edge_of
from ..core.tensor import Tensor
from ..ops.creation import ones_like, zeros_like
from ..ops.one_node import Entrance
from .engine import Run, _run
from .roots import key_of
from .samples import SampleEntrance

_new = object.__new__


class Level:
    """One function being differentiated. While it is called it is ``active``: derivatives inside keep their history."""

    __slots__ = ("active",)

    def __init__(self, active: bool = True) -> None:
        self.active = active


ENDED = Level(False)


class LevelEntrance(Entrance):
    """Where the history of a function begins that is differentiated; ``context`` is the level."""


def entered(tensor: Tensor, level: Level) -> Tensor:
    """An alias of a tensor by which can be differentiated. ``RuntimeError`` if it has no derivatives."""
    shape, d = tensor._output_meta(0)
    if d.category < 2:
        raise RuntimeError("only Tensors of floating point dtype can require gradients")
    alias = _new(Tensor)
    node = tensor._read()
    alias._node = node if tensor._storage is None else None
    alias._storage = tensor._storage
    alias._view = tensor._view
    alias._tracked = True
    alias._gradient = LevelEntrance.of((edge_of(tensor),), (), shape, d, level)
    alias._autograd = None
    return alias


def reaches_outside(edges: Iterable[Edge]) -> bool:
    """Whether a history leads to something that wants gradients: a leaf, or a function that is being differentiated."""
    seen: set[int] = set()
    waiting = [edge for edge in edges if edge is not None]
    while waiting:
        edge = waiting.pop()
        node = edge[0] if type(edge) is tuple else edge
        if not isinstance(node, Gradient) or isinstance(node, LevelEntrance) and node.context.active:
            return True
        if id(node) not in seen:
            seen.add(id(node))
            edges = node.context[1:] if isinstance(node, SampleEntrance) else node.edges
            waiting += [following for following in edges if following is not None]
    return False


def released(tensor: Any, keep: bool) -> Any:
    """What a function that differentiates gives: with its history if that is to be kept and leads outside, else without."""
    if not isinstance(tensor, Tensor) or not tensor._tracked or keep and reaches_outside((edge_of(tensor),)):
        return tensor
    return tensor.detach()


def pulled_back(
    outputs: Sequence[Tensor], cotangents: Sequence[Tensor], inputs: Sequence[Tensor], create_graph: bool
) -> list[Tensor]:
    """The gradients of entered ``inputs``, given those of ``outputs``; zeros where there is no dependence."""
    pairs = [(edge_of(output), cotangent) for output, cotangent in zip(outputs, cotangents) if output.requires_grad]
    keys = [key_of(edge_of(x)) for x in inputs]
    targets: dict[Any, Tensor | None] = dict.fromkeys(keys)
    if pairs:
        _run(Run(True, targets, False), pairs, create_graph)
    found = [targets[key] for key in keys]
    return [zeros_like(x).detach() if gradient is None else gradient for x, gradient in zip(inputs, found)]


class Linear:
    """The derivative of outputs with respect to entered inputs, as a function of directions (forward mode)."""

    def __init__(self, outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
        self._outputs = outputs
        self._weights = [
            entered(ones_like(output).detach(), ENDED) if output.requires_grad else None for output in outputs
        ]
        there = [(output, weight) for output, weight in zip(outputs, self._weights) if weight is not None]
        keys = [key_of(edge_of(x)) for x in inputs]
        targets: dict[Any, Tensor | None] = dict.fromkeys(keys)
        if there:
            _run(Run(True, targets, False), [(edge_of(output), weight) for output, weight in there], True)
        self._products = [targets[key] for key in keys]

    def tangents(self, directions: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
        """The derivative of each output in a direction, which has a part for each input."""
        pairs = [
            (edge_of(product), direction if direction.dtype is product.dtype else direction.to(product.dtype))
            for product, direction in zip(self._products, directions)
            if product is not None and product.requires_grad
        ]
        weights = [weight for weight in self._weights if weight is not None]
        targets: dict[Any, Tensor | None] = {key_of(edge_of(weight)): None for weight in weights}
        if pairs:
            _run(Run(True, targets, False), pairs, create_graph)
        found = []
        for output, weight in zip(self._outputs, self._weights):
            tangent = None if weight is None else targets[key_of(edge_of(weight))]
            found.append(zeros_like(output).detach() if tangent is None else tangent)
        return found

    def reaches_outside(self) -> bool:
        """Whether a tangent depends on something outside that wants gradients."""
        return reaches_outside(edge_of(product) for product in self._products if product is not None)

