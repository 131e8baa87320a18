"""Graphs for inputs of other sizes: recorded twice, they tell what follows from a size.

Two recordings with other sizes of the inputs must have the same operations. An integer argument that differs between them is
the size of an input that has these two values; anything else cannot be told, and is refused.
"""

from __future__ import annotations

from typing import Any

from .._ops import namespace
from ..fx import Graph, Node
from ..fx.node import map_aggregate

Axes = dict[str, dict[int, tuple[int, int]]]
"""{input: {axis: its size in the first recording, and in the second}}."""


def generalise(graph: Graph, other: Graph, axes: Axes) -> None:
    """Put sizes of inputs in the place of integers that follow from them. ``RuntimeError`` if something else differs."""
    sizes = {pair: (name, axis) for name, found in axes.items() for axis, pair in found.items()}
    inputs = {node.name: node for node in graph.nodes if node.op == "placeholder"}
    first = next(node for node in graph.nodes if node.op != "placeholder")
    made: dict[tuple[str, int], Node] = {}

    def size_node(pair: tuple[int, int], node: Node) -> Node:
        if pair not in sizes:
            raise RuntimeError(
                f"torch.export: {node.target} of {node.name} takes {pair[0]} for the example's sizes and {pair[1]} for others, "
                "which is no size of an input with a Dim; export it with sizes that do not change"
            )
        place = sizes[pair]
        if place not in made:
            with graph.inserting_before(first):
                made[place] = graph.call_function(namespace("aten").sym_size.int, (inputs[place[0]], place[1]))
                made[place].meta["val"] = pair[0]
        return made[place]

    nodes, others = [*graph.nodes], [*other.nodes]
    if [(node.op, node.target) for node in nodes] != [(node.op, node.target) for node in others]:
        raise RuntimeError(
            "torch.export: the module does something else for inputs of other sizes; export it without Dims"
        )
    for node, second in zip(nodes, others):
        leaves: list[Any] = []
        map_aggregate((second.args, second.kwargs), leaves.append)
        values = iter(leaves)

        def compared(value: Any, node: Node = node, values: Any = values) -> Any:
            found = next(values)
            if isinstance(value, Node) or value == found or type(value) is not int:
                return value
            return size_node((value, found), node)

        node.args, node.kwargs = map_aggregate((node.args, dict(node.kwargs)), compared)
