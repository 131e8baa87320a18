"""``SubgraphMatcher``: where a graph does what a pattern does.

It begins at the values that a pattern returns, takes each node that could be such a one for it, and compares the two
graphs backwards from there, argument by argument.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from ....core.tensor import Tensor
from ...graph import Graph
from ...graph_module import _get_attr
from ...node import Node

__all__ = ["InternalMatch", "SubgraphMatcher"]


@dataclass
class InternalMatch:
    """A place where a pattern was found: ``nodes_map`` has the graph's node for each of the pattern's."""

    anchors: list[Node]
    nodes_map: dict[Node, Node] = field(default_factory=dict)
    placeholder_nodes: list[Node] = field(default_factory=list)
    returning_nodes: list[Node] = field(default_factory=list)
    name_node_map: dict[str, Node] = field(default_factory=dict)

    def __copy__(self) -> InternalMatch:
        return InternalMatch(
            self.anchors, self.nodes_map.copy(), self.placeholder_nodes.copy(), self.returning_nodes.copy()
        )


class SubgraphMatcher:
    """Finds a pattern in graphs. ``ValueError`` for an empty one.

    Inputs of the pattern stand for any value unless ``match_placeholder``; with ``ignore_literals`` so do numbers. Of
    places that overlap the first is taken, unless ``remove_overlapping_matches`` is False.
    """

    def __init__(
        self, pattern: Graph, match_output: bool = False, match_placeholder: bool = False,
        remove_overlapping_matches: bool = True, ignore_literals: bool = False,
    ) -> None:  # fmt: skip
        self.pattern, self.match_output, self.match_placeholder = pattern, match_output, match_placeholder
        self.remove_overlapping_matches, self.ignore_literals = remove_overlapping_matches, ignore_literals
        if not len(pattern.nodes):
            raise ValueError("SubgraphMatcher cannot be initialized with an empty pattern")
        for node in pattern.nodes:
            if node.op != "output" and not node.is_impure():
                assert node.users, "SubgraphMatcher cannot be initialized with an pattern with dead code"
        self.pattern_placeholder_nodes = [node for node in pattern.nodes if node.op == "placeholder"]
        output = pattern.output_node()
        self.pattern_returning_nodes = output.all_input_nodes
        alone = [node for node in output.all_input_nodes if len(node.users) == 1]
        self.pattern_anchors = [output] if match_output else alone

    def match(self, graph: Graph, node_name_match: str = "") -> list[InternalMatch]:
        """The places in a graph where the pattern was found, whose inner values nothing else uses."""
        candidates = [
            (anchor, [node for node in graph.nodes if self._nodes_are_equal(anchor, node, node_name_match)])
            for anchor in self.pattern_anchors
        ]
        matches: list[InternalMatch] = []

        def search(place: int, match: InternalMatch) -> None:
            if place == len(candidates):
                match.placeholder_nodes = [match.nodes_map[node] for node in self.pattern_placeholder_nodes]
                match.returning_nodes = [match.nodes_map[node] for node in self.pattern_returning_nodes]
                matches.append(match)
                return
            anchor, nodes = candidates[place]
            for node in nodes:
                attempt = copy.copy(match)
                if self._match_nodes(anchor, node, attempt, node_name_match):
                    search(place + 1, attempt)

        if candidates and all(nodes for _, nodes in candidates):
            search(0, InternalMatch(anchors=self.pattern_anchors))
        matches = [match for match in matches if self._is_contained(match.nodes_map) and not _forms_cycle(match)]
        return self._remove_overlapping_matches(matches) if self.remove_overlapping_matches else matches

    # --- comparing nodes

    def _nodes_are_equal(self, pn: Node, gn: Node, node_name_match: str = "") -> bool:
        """Whether a node could be one of the pattern's, whatever its arguments are."""
        if not self.match_placeholder and pn.op == "placeholder":
            return True
        if node_name_match and node_name_match in gn.name:
            return True
        if pn.op != gn.op:
            return False
        if pn.op == "get_attr":
            return self._match_attributes(pn, gn)
        return pn.op in ("placeholder", "output") or pn.target == gn.target

    def _match_attributes(self, pn: Node, gn: Node) -> bool:
        ours, theirs = (_get_attr(node.graph.owning_module, str(node.target)) for node in (pn, gn))
        if type(ours) is not type(theirs):
            return False
        if not isinstance(ours, Tensor):
            raise RuntimeError(f"Unsupported type {ours} when matching attributes")
        return True

    def _match_nodes(self, pn: Node, gn: Node, match: InternalMatch, node_name_match: str = "") -> bool:
        """Whether a node does what one of the pattern's does, and what leads to it as well; ``match`` gets them all."""
        if pn in match.nodes_map:
            return match.nodes_map[pn] is gn
        if any(gn is known for known in match.nodes_map.values()) or not self._nodes_are_equal(pn, gn, node_name_match):
            return False
        match.nodes_map[pn] = gn
        if pn.op == "placeholder":
            return True
        if len(pn.args) != len(gn.args) or [*pn.kwargs] != [*gn.kwargs]:
            return False
        return self._match_arguments((*pn.args, *pn.kwargs.values()), (*gn.args, *gn.kwargs.values()), match)

    def _match_arguments(self, ours: Any, theirs: Any, match: InternalMatch) -> bool:
        return len(ours) == len(theirs) and all(
            self._match_argument(one, other, match) for one, other in zip(ours, theirs)
        )

    def _match_argument(self, one: Any, other: Any, match: InternalMatch) -> bool:
        if isinstance(one, Node) and isinstance(other, Node):
            return self._match_nodes(one, other, match)
        if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
            return self._match_arguments(one, other, match)
        return self._match_literals(one, other, match) or self.ignore_literals

    def _match_literals(self, one: Any, other: Any, match: InternalMatch) -> bool:
        if isinstance(one, Node):  # an input of the pattern stands for a number as well, the same one each time
            return one.op == "placeholder" and match.nodes_map.setdefault(one, other) == other
        return not isinstance(other, Node) and type(one) is type(other) and one == other

    # --- comparing places

    def _is_contained(self, nodes_map: dict[Node, Node]) -> bool:
        """Whether nothing else uses what the pattern does not return."""
        found = {gn: pn for pn, gn in nodes_map.items() if pn.op != "placeholder"}
        return all(
            pn in self.pattern_returning_nodes or all(user in found for user in gn.users) for gn, pn in found.items()
        )

    def _remove_overlapping_matches(self, matches: list[InternalMatch]) -> list[InternalMatch]:
        kept: list[InternalMatch] = []
        taken: set[Node] = set()
        for match in matches:
            nodes = _computed(match)
            if taken.isdisjoint(nodes):
                kept.append(match)
                taken.update(nodes)
        return kept


def _computed(match: InternalMatch) -> list[Node]:
    return [gn for pn, gn in match.nodes_map.items() if pn.op not in ("placeholder", "output")]


def _forms_cycle(match: InternalMatch) -> bool:
    """Whether something outside of a place needs one of its values, and another one needs that."""
    inside = set(_computed(match))
    waiting = [user for node in inside for user in node.users if user not in inside]
    seen = set(waiting)
    while waiting:
        for user in waiting.pop().users:
            if user in inside:
                return True
            if user not in seen:
                seen.add(user)
                waiting.append(user)
    return False
