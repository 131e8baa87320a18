"""``replace_pattern``: one part of a program, wherever it is, by another."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..nn.modules.module import Module
from ._symbolic_trace import symbolic_trace
from .graph import Graph
from .graph_module import GraphModule
from .node import Node
from .passes.utils.matcher_utils import InternalMatch, SubgraphMatcher

__all__ = ["Match", "ReplacedPatterns", "replace_pattern", "replace_pattern_with_filters"]


class Match(NamedTuple):
    """A place that was replaced: the pattern's last node, and the graph's node for each of the pattern's."""

    anchor: Node
    nodes_map: dict[Node, Node]


@dataclass
class ReplacedPatterns:
    """A place that was replaced, and the nodes that are there now."""

    anchor: Node
    nodes_map: dict[Node, Node]
    replacements: list[Node]


def replace_pattern(gm: GraphModule, pattern: Any, replacement: Any) -> list[Match]:
    """Put ``replacement`` wherever the module does what ``pattern`` does: functions or modules of the same inputs.

    Where places overlap the first is replaced. Gives the places.
    """
    return [Match(match.anchor, match.nodes_map) for match in replace_pattern_with_filters(gm, pattern, replacement)]


def replace_pattern_with_filters(
    gm: GraphModule, pattern: Any, replacement: Any = None,
    match_filters: list[Callable[[InternalMatch, Graph, Graph], bool]] | None = None, ignore_literals: bool = False,
    replacement_callback: Callable[[InternalMatch, Graph, Graph], Graph] | None = None, node_name_match: str = "",
) -> list[ReplacedPatterns]:  # fmt: skip
    """:func:`replace_pattern` where all ``match_filters`` agree; the replacement may be made for each place."""
    graph, sought = gm.graph, _graph_of(pattern)
    matcher = SubgraphMatcher(sought, ignore_literals=ignore_literals)
    matches = matcher.match(graph, node_name_match)
    matches = [match for match in matches if all(agrees(match, graph, sought) for agrees in match_filters or ())]
    assert replacement is not None or replacement_callback is not None, (
        "Must provide either a replacement GraphModule or a replacement callback"
    )
    common = None if replacement is None else _graph_of(replacement)
    changed: dict[Node, Node] = {}
    replaced = []
    for match in matches:
        put = replacement_callback(match, graph, sought) if replacement_callback is not None else common
        assert put is not None
        replaced.append(_replace(graph, sought, match, put, changed))
    gm.recompile()
    if isinstance(replacement, Module):
        _take_attributes(gm, replacement)
    return replaced


def _graph_of(program: Any) -> Graph:
    if isinstance(program, GraphModule):
        return program.graph
    return program if isinstance(program, Graph) else symbolic_trace(program).graph


def _replace(
    graph: Graph, pattern: Graph, match: InternalMatch, replacement: Graph, changed: dict[Node, Node]
) -> ReplacedPatterns:
    """Replace one place. ``changed`` says which values are others since earlier places were replaced, and gets these."""
    for place, node in enumerate(match.placeholder_nodes):
        if isinstance(node, Node) and node in changed:
            match.placeholder_nodes[place] = changed[node]
            for key, value in match.nodes_map.items():
                if value is node:
                    match.nodes_map[key] = changed[node]
    inputs = [node for node in replacement.nodes if node.op == "placeholder"]
    assert len(inputs) == len(match.placeholder_nodes), (
        f"Placeholder count mismatch: {len(match.placeholder_nodes)} vs {len(inputs)}"
    )
    values: dict[Node, Any] = dict(zip(inputs, match.placeholder_nodes))
    with graph.inserting_before(_place_for(graph, match)):
        results = graph.graph_copy(replacement, values)
    results = (results,) if isinstance(results, Node) else results
    assert len(match.returning_nodes) == len(results), (
        f"Returning nodes count mismatch: {len(match.returning_nodes)} vs {len(results)}"
    )
    for old, new in zip(match.returning_nodes, results):
        old.replace_all_uses_with(new)
        changed[old] = new
    for node in reversed(pattern.nodes):
        if node.op not in ("placeholder", "output"):
            graph.erase_node(match.nodes_map[node])
    made = [node for node in values.values() if not any(node is given for given in match.placeholder_nodes)]
    return ReplacedPatterns(match.anchors[0], match.nodes_map, made)


def _place_for(graph: Graph, match: InternalMatch) -> Node:
    """The first node that uses what a place returns; if there is none, the one behind the last node that is returned."""
    users = {user for node in match.returning_nodes for user in node.users}
    for node in graph.nodes:
        if node in users:
            return node  # type: ignore[no-any-return]
    last = [node for node in graph.nodes if any(node is returned for returned in match.returning_nodes)][-1]
    return last.next  # type: ignore[no-any-return]


def _take_attributes(gm: GraphModule, replacement: Module) -> None:
    """Give a module what its graph now names and a replacement has. ``RuntimeError`` if neither has it."""
    gm.delete_all_unused_submodules()

    def found(module: Module, target: str) -> Any:
        path, _, name = target.rpartition(".")
        try:
            return getattr(module.get_submodule(path), name, None)
        except AttributeError:
            return None

    for node in gm.graph.nodes:
        if node.op not in ("call_module", "get_attr") or found(gm, node.target) is not None:
            continue
        value = found(replacement, node.target)
        if value is None:
            raise RuntimeError(
                f'Attempted to create a "{node.op}" node during subgraph rewriting with target {node.target}, but the '
                "referenced attribute does not exist in the replacement GraphModule"
            )
        if isinstance(value, Module):
            gm.add_submodule(node.target, copy.deepcopy(value))
        else:
            setattr(gm, node.target, copy.deepcopy(value))
    gm.graph.lint()
