"""Graphs for inputs of other sizes: recorded twice, they tell what follows from a size.

While a module is recorded, the sizes of its tensors are :class:`Extent`: integers that know the tensor they are a size of, or
the arithmetic that made them. Two recordings with other sizes of the inputs must have the same operations. An integer argument
that differs between them is then the size of an input, or computed from sizes; what cannot be told is refused.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from .._ops import namespace
from ..core.tensor import Tensor
from ..fx import Graph, Node
from ..fx.node import map_aggregate

Axes = dict[str, dict[int, tuple[int, int]]]
"""{input: {axis: its size in the first recording, and in the second}}."""


class Extent(int):
    """A size, or what was computed from sizes: an integer with the function that made it, and what that was given.

    ``log`` has all extents of a recording in order.
    """

    function: Callable[..., Any]
    operands: tuple[Any, ...]
    log: list[Extent]

    def __new__(cls, value: int, function: Callable[..., Any], operands: tuple[Any, ...], log: list[Extent]) -> Extent:
        made = super().__new__(cls, value)
        made.function, made.operands, made.log = function, operands, log
        log.append(made)
        return made

    def __deepcopy__(self, memory: Any) -> int:
        return int(self)

    def __reduce__(self) -> Any:
        return int, (int(self),)


def _arithmetic(function: Callable[..., Any], name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    plain, reflected = getattr(int, f"__{name}__"), getattr(int, f"__r{name}__")

    def applied(self: Extent, other: Any) -> Any:
        value = plain(self, other)
        return value if type(value) is not int else Extent(value, function, (self, other), self.log)

    def applied_reflected(self: Extent, other: Any) -> Any:
        value = reflected(self, other)
        return value if type(value) is not int else Extent(value, function, (other, self), self.log)

    return applied, applied_reflected


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    _own, _reflected = _arithmetic(getattr(operator, _name), _name)
    setattr(Extent, f"__{_name}__", _own)
    setattr(Extent, f"__r{_name}__", _reflected)
Extent.__neg__ = lambda self: 0 - self  # type: ignore[method-assign]


def plain(value: Any) -> Any:
    """Arguments with integers in the place of extents."""
    return map_aggregate(value, lambda part: int(part) if isinstance(part, Extent) else part)


def generalise(graph: Graph, other: Graph, axes: Axes, log: list[Extent], other_log: list[Extent]) -> None:
    """Put sizes, and what is computed from them, in the place of integers that follow from sizes of inputs.

    ``RuntimeError`` if something else differs between the two graphs.
    """
    nodes, others = [*graph.nodes], [*other.nodes]
    if [(node.op, node.target) for node in nodes] != [(node.op, node.target) for node in others]:
        raise RuntimeError(
            "torch.export: the module does something else for inputs of other sizes; export it without Dims"
        )
    found = _Expressions(graph, axes, log, other_log)
    for node, second in zip(nodes, others):
        leaves: list[Any] = []
        map_aggregate((second.args, second.kwargs), leaves.append)
        values = iter(leaves)

        def compared(value: Any, node: Node = node, values: Any = values) -> Any:
            second = next(values, None)
            if isinstance(value, (Node, Tensor)) or value == second:
                return int(value) if isinstance(value, Extent) else value
            if isinstance(value, float) and value != value and second != second:
                return value
            return found.node_of(value, second, node)

        node.args, node.kwargs = map_aggregate((node.args, dict(node.kwargs)), compared)


class _Expressions:
    """The nodes that compute sizes, each made before the first that uses it."""

    def __init__(self, graph: Graph, axes: Axes, log: list[Extent], other_log: list[Extent]) -> None:
        self._graph = graph
        self._sizes = {pair: (name, axis) for name, found in axes.items() for axis, pair in found.items()}
        self._inputs = {node.name: node for node in graph.nodes if node.op == "placeholder"}
        self._first = next(node for node in graph.nodes if node.op != "placeholder")
        self._made: dict[Any, Node] = {}
        #: What ``int(extent)`` has forgotten: integers by their values in both recordings.
        self._known: dict[tuple[int, int], tuple[Extent, Extent]] = {}
        for one, two in zip(log, other_log):
            if one.function is two.function:
                self._known.setdefault((int(one), int(two)), (one, two))

    def node_of(self, value: Any, other: Any, user: Node) -> Any:
        """The node whose value is ``value`` in the one recording and ``other`` in the other."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise RuntimeError(
                f"torch.export: {user.target} of {user.name} takes {value} for the example's sizes and {other} for others, "
                "which is no integer; export it with sizes that do not change"
            )
        if (int(value), other) in self._sizes:
            return self._input_size(self._sizes[int(value), other], value)
        if isinstance(value, Extent) and isinstance(other, Extent):
            return self._computed(value, other, user)
        if (int(value), other) in self._known:
            one, two = self._known[int(value), other]
            return self._computed(one, two, user)
        raise RuntimeError(
            f"torch.export: {user.target} of {user.name} takes {value} for the example's sizes and {other} for others, "
            "which is no size of an input with a Dim, nor computed from one; export it with sizes that do not change"
        )

    def _input_size(self, place: tuple[str, int], value: int) -> Node:
        if place not in self._made:
            with self._graph.inserting_before(self._first):
                self._made[place] = self._call(namespace("aten").sym_size.int, self._inputs[place[0]], place[1])
                self._made[place].meta["val"] = int(value)
        return self._made[place]

    def _computed(self, value: Extent, other: Extent, user: Node) -> Node:
        def operand(mine: Any, theirs: Any) -> Any:
            if isinstance(mine, Node) or mine == theirs:
                return int(mine) if isinstance(mine, Extent) else mine
            return self.node_of(mine, theirs, user)

        if value.function is not other.function:
            raise RuntimeError(
                f"torch.export: {user.name} takes a size that is computed otherwise for inputs of other sizes"
            )
        operands = tuple(map(operand, value.operands, other.operands))
        key = value.function, operands
        if key not in self._made:
            with self._graph.inserting_before(user):
                self._made[key] = self._call(value.function, *operands)
                self._made[key].meta["val"] = int(value)
        return self._made[key]

    def _call(self, function: Callable[..., Any], *args: Any) -> Node:
        return self._graph.call_function(function, args)
