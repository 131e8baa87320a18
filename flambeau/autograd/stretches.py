"""Stretches: nodes of the history that are run one after the other, and recorded as one composite.

What a node's gradients record is found by one look-up (:func:`flambeau.autograd.node.gradients_of`). What a program did turn by
turn and layer by layer comes back the same way, so nodes that follow each other are put together, and what they record, sums of
gradients included, is found by one look-up for all: a loop's turns by themselves, and what lies between loops in pieces.

The first time that a stretch comes it is run node by node, as are nodes that have hooks or cannot be recorded by look-up.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

from ..compiler.repeats import turns_in
from ..core.composite import recorded
from ..core.history import Gradient
from ..core.recording import Pair, contexts, patient, tensor_of
from ..core.tensor import Tensor
from .leaves import has_hooks
from .node import Input, gradients_of

LEAST_IN_TURNS = 6
"""Nodes of a loop's turn, at least: shorter ones are put together."""
MOST_IN_TURNS = 120
"""Nodes of a loop's turn, at most."""
MOST = 24
"""Nodes of other stretches, at most."""


def in_order(begin: Sequence[Any], within: Container[Gradient] | None = None) -> list[Gradient]:
    """The nodes that backward from ``begin`` can come to, from the latest recorded to the earliest.

    Given nodes ``within`` which it stays, of others only those that these lead to.
    """
    seen: set[Gradient] = set()
    waiting = [node for node in begin if isinstance(node, Gradient)]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            if within is not None and node not in within:
                continue
            for edge in node.edges:
                target = edge[0] if type(edge) is tuple else edge
                if isinstance(target, Gradient):
                    waiting.append(target)
    return sorted(seen, key=attrgetter("sequence"), reverse=True)


def stretches_in(order: Sequence[Gradient]) -> list[Sequence[Gradient]]:
    """Nodes in the order in which they are run, in stretches."""
    stretches: list[Sequence[Gradient]] = []
    position = 0
    turns = turns_in([type(node).__name__ for node in order], LEAST_IN_TURNS, MOST_IN_TURNS)
    for first, count in (*turns, (len(order), 0)):
        _cut(order[position:first], MOST, stretches)
        position = first + count
        _cut(order[first:position], count, stretches)
    return stretches


def _cut(nodes: Sequence[Gradient], most: int, stretches: list[Sequence[Gradient]]) -> None:
    """Cut nodes into stretches of at most so many; what cannot be recorded by look-up stands alone."""
    begin = 0
    for number, node in enumerate(nodes):
        if not node.recurs():
            if begin < number:
                stretches.append(nodes[begin:number])
            stretches.append((node,))
            begin = number + 1
        elif number - begin == most:
            stretches.append(nodes[begin:number])
            begin = number
    if begin < len(nodes):
        stretches.append(nodes[begin:])


class Stretch:
    """Nodes, and where their gradients go.

    A place is the number of a node of the stretch (if it is not its first output's, with that one's number), or the complement
    of the number of a place outside.
    """

    __slots__ = ("nodes", "given", "places", "held")

    def __init__(
        self, nodes: Sequence[Gradient], given: list[tuple[int, ...]], places: list[tuple[Any, ...]], held: list[bool]
    ) -> None:
        self.nodes = nodes
        #: For each node how many values it saved, and of which outputs gradients are given.
        self.given = given
        #: For each node where the gradients of its inputs go.
        self.places = places
        #: Whether there is a gradient already at each place outside.
        self.held = held


def run_together(
    nodes: Sequence[Gradient], pending: dict[Gradient, Any], leaves: dict[int, tuple[Tensor, Tensor]]
) -> bool:
    """Run a stretch on the gradients that are ``pending``; those of nodes and leaves outside go there, and to ``leaves``.

    False, with nothing done, if its nodes must be run one by one: for hooks, or since a user's kind of tensor came in.
    """
    numbers = {id(node): number for number, node in enumerate(nodes)}
    name: list[Any] = [len(nodes)]
    pairs: list[Pair] = []
    given: list[tuple[int, ...]] = []
    places: list[tuple[Any, ...]] = []
    outside: dict[tuple[int, int], int] = {}
    targets: list[tuple[Any, int]] = []
    for node in nodes:
        saved = node.saved
        if saved is None or node.attached is not None:
            return False
        value = pending.get(node)
        count: tuple[int, ...] = (len(saved),)
        if value is not None:
            parts = value if type(value) is dict else {0: value}
            for number, part in parts.items():
                if type(part) is not Tensor:
                    return False
                count += (number,)
                pairs.append((part._node if part._storage is None else part._read(), part._view))
        pairs += saved
        going: list[Any] = []
        for edge in node.edges:
            if edge is None:
                going.append(None)
                continue
            target, number = edge if type(edge) is tuple else (edge, 0)
            place = numbers.get(id(target))
            if place is None:
                key = id(target), number
                place = outside.get(key)
                if place is None:
                    place = outside[key] = ~len(targets)
                    targets.append((target, number))
            going.append((place, number) if number and place >= 0 else place)
        shape, d = node.shape, node.dtype
        if type(shape) is list:
            shape, d = tuple(shape), tuple(d)
        wiring = tuple(going)
        given.append(count)
        places.append(wiring)
        name += (type(node), node.context, shape, d, count, wiring)
    held: list[bool] = []
    for target, number in targets:
        if isinstance(target, Gradient):
            found = pending.get(target)
            found = found.get(number) if type(found) is dict else found
        else:
            if target._autograd is not None and has_hooks(target):
                return False
            found = leaves.get(id(target))
            found = None if found is None else found[1]
        held.append(found is not None)
        if found is not None:
            if type(found) is not Tensor:
                return False
            pairs.append((found._node if found._storage is None else found._read(), found._view))
        name += (*target._output_meta(number), found is not None)
    results = recorded(name, pairs, _computed_together, Stretch(nodes, given, places, held))
    for node in nodes:
        pending.pop(node, None)
    for (target, number), (value, view) in zip(targets, results):
        if value is None:
            continue
        gradient = tensor_of(value, view)
        if not isinstance(target, Gradient):
            leaves[id(target)] = target, gradient
        elif target.outputs == 1:
            pending[target] = gradient
        else:
            pending.setdefault(target, {})[number] = gradient
    return True


def _computed_together(stretch: Stretch, pairs: list[Pair]) -> Sequence[Tensor | None]:
    """The gradients at a stretch's places outside, run node by node."""
    nodes = stretch.nodes
    following = iter(pairs)
    before = [node.saved for node in nodes]
    pending: list[dict[int, Tensor]] = []
    try:
        for node, (count, *numbers) in zip(nodes, stretch.given):
            pending.append({number: tensor_of(*next(following)) for number in numbers})
            node.saved = tuple(islice(following, count))
        outside = [{0: tensor_of(*next(following))} if held else {} for held in stretch.held]
        for number, (node, places) in enumerate(zip(nodes, stretch.places)):
            value = pending[number]
            if not value:
                continue
            pending[number] = {}
            for place, result in zip(places, gradients_of(node, value if node.outputs > 1 else value[0])):
                if place is None or result is None:
                    continue
                at, output = place if type(place) is tuple else (place, 0)
                slot = pending[at] if at >= 0 else outside[~at]
                slot[output] = slot[output] + result if output in slot else result
    finally:
        for node, saved in zip(nodes, before):
            node.saved = saved
    return [slot.get(0) for slot in outside]


patient.add(_computed_together)


def _like(_: Stretch, name: Sequence[Any], pairs: list[Pair]) -> Stretch:
    """A stretch as it would be with other sizes: those in the name."""
    following = iter(name[1:])
    described = [tuple(islice(following, 6)) for _ in range(name[0])]
    metas = [tuple(islice(following, 3)) for _ in range((len(name) - 1 - 6 * name[0]) // 3)]
    inputs = [Input(shape, d) for shape, d, _ in metas]
    nodes: list[Gradient] = []
    for kind, context, shape, d, _, places in reversed(described):
        edges: list[Any] = []
        for place in places:
            at, number = place if type(place) is tuple else (place, 0)
            if at is None:
                edges.append(None)
            elif at < 0:
                edges.append(inputs[~at])
            else:
                target = nodes[len(described) - 1 - at]
                edges.append((target, number) if number else target)
        several = kind.outputs > 1
        nodes.append(kind.of(tuple(edges), (), list(shape) if several else shape, list(d) if several else d, context))
    nodes.reverse()
    return Stretch(nodes, [d[4] for d in described], [d[5] for d in described], [held for _, _, held in metas])


contexts[_computed_together] = _like
