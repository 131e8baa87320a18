"""Differentiating functions: tensors that mark where a function begins, and derivatives between these and its results.

A function is differentiated with respect to *entered* tensors: aliases of its arguments whose history begins with an entrance,
which leads on to the argument's own. So functions that differentiate can be nested, and
a derivative has a history just if something outside wants one.

Forward mode is two passes of backward: uᵀJ is a linear function of u, and its derivative in the direction v is J v. That is exact
for every operation whose derivative is written with operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..core.history import Edge, Gradient, edge_of
from ..core.tensor import Tensor
from ..ops.creation import ones_like, zeros_like
from ..ops.one_node import Entrance
from .engine import Run, _run
from .forward_rule import Tangents
from .parts import elements_of, kind_of
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


class ProtectedEntrance(LevelEntrance):
    """The same for a function that is differentiated in reverse: what begins there is a leaf to it."""

    protected = True


class Mark(NamedTuple):
    """A place where a function's history begins: an alias that no one writes to, and what gives tensors of its kind."""

    alias: Tensor
    kind: Callable[[Tensor], Tensor] | None

    def of(self, value: Tensor | None) -> Tensor:
        """A derivative by what begins here; zeros if there is none."""
        value = zeros_like(self.alias).detach() if value is None else value
        return value if self.kind is None else self.kind(value)

    def direction(self, tangent: Tensor) -> Tensor:
        """A tangent as one of what the argument is made of."""
        return tangent if self.kind is None else self.kind(self.alias.detach())._gradient_given(tangent)  # type: ignore[no-any-return]


def history_of(tensor: Tensor) -> Edge:
    """Where a tensor's history begins, or that of what it is made of."""
    return edge_of(elements_of(tensor) if tensor.of_parts else tensor)


def entered(tensor: Tensor, level: Level, forward: bool = False) -> tuple[Tensor, Mark]:
    """An alias of a tensor by which can be differentiated, and its mark. ``RuntimeError`` if it has no derivatives.

    In forward mode it may be written to in place, which the tensor sees; else it is a leaf.
    """
    if tensor.of_parts:
        kind = kind_of(tensor)
        elements, mark = entered(elements_of(tensor), level, forward)
        return kind(elements), Mark(mark.alias, kind)  # type: ignore[misc]
    shape, d = tensor._output_meta(0)
    if d.category < 2:
        raise RuntimeError("only Tensors of floating point dtype can require gradients")
    node = tensor._read()
    if forward:
        tensor._share()
    kind_of_entrance = LevelEntrance if forward else ProtectedEntrance
    entrance = kind_of_entrance.of((edge_of(tensor),), (), shape, d, level)
    return _alias(tensor, node, entrance), Mark(_alias(tensor, node, entrance), None)


def _alias(tensor: Tensor, node: Any, history: Edge) -> Tensor:
    alias = _new(Tensor)
    alias._node = node if tensor._storage is None else None
    alias._storage = tensor._storage
    alias._view = tensor._view
    alias._tracked = True
    alias._gradient = history
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
            if isinstance(node, Tangents):  # its results are made of what its function was given, too
                edges = (*edges, *node.context.edges)
            waiting += [following for following in edges if following is not None]
    return False


def released(tensor: Any, keep: bool) -> Any:
    """What a function that differentiates gives: with its history if that is to be kept and leads outside, else without."""
    if not isinstance(tensor, Tensor) or not tensor.requires_grad or keep and reaches_outside((history_of(tensor),)):
        return tensor
    return tensor.detach()


def pulled_back(
    outputs: Sequence[Tensor], cotangents: Sequence[Tensor], marks: Sequence[Mark], create_graph: bool
) -> list[Tensor]:
    """The gradients of what was entered, given those of ``outputs``; zeros where there is no dependence."""
    pairs = [
        (history_of(output), output._gradient_given(cotangent) if output.of_parts else cotangent)
        for output, cotangent in zip(outputs, cotangents)
        if output.requires_grad
    ]
    keys = [key_of(edge_of(mark.alias)) for mark in marks]
    targets: dict[Any, Tensor | None] = dict.fromkeys(keys)
    if pairs:
        _run(Run(True, targets, False), pairs, create_graph)
    return [mark.of(targets[key]) for mark, key in zip(marks, keys)]


class Linear:
    """The derivative of outputs with respect to what was entered, as a function of directions (forward mode)."""

    def __init__(self, outputs: Sequence[Tensor], marks: Sequence[Mark]) -> None:
        self._kinds = [kind_of(output) for output in outputs]
        self._outputs = outputs = [elements_of(output) for output in outputs]
        self._marks = marks
        self._weights = [
            entered(ones_like(output).detach(), ENDED) if output.requires_grad else None for output in outputs
        ]
        there = [(output, weight[0]) for output, weight in zip(outputs, self._weights) if weight is not None]
        keys = [key_of(edge_of(mark.alias)) for mark in marks]
        targets: dict[Any, Tensor | None] = dict.fromkeys(keys)
        if there:
            run = Run(True, targets, False)
            run.forward = True
            _run(run, [(edge_of(output), weight) for output, weight in there], True)
        self._products = [targets[key] for key in keys]

    def tangents(self, directions: Sequence[Tensor], create_graph: bool) -> list[Tensor]:
        """The derivative of each output in a direction, which has a part for each input."""
        parts = [mark.direction(x) for mark, x in zip(self._marks, directions)]
        pairs = [
            (edge_of(product), direction if direction.dtype is product.dtype else direction.to(product.dtype))
            for product, direction in zip(self._products, parts)
            if product is not None and product.requires_grad
        ]
        weights = [weight[0] for weight in self._weights if weight is not None]
        targets: dict[Any, Tensor | None] = {key_of(edge_of(weight)): None for weight in weights}
        if pairs:
            _run(Run(True, targets, False), pairs, create_graph)
        found = []
        for output, weight, kind in zip(self._outputs, self._weights, self._kinds):
            tangent = None if weight is None else targets[key_of(edge_of(weight[0]))]
            tangent = zeros_like(output).detach() if tangent is None else tangent
            found.append(tangent if kind is None else kind(tangent))
        return found

    def reaches_outside(self) -> bool:
        """Whether a tangent depends on something outside that wants gradients."""
        return reaches_outside(edge_of(product) for product in self._products if product is not None)
