"""Stretches: nodes of the history that are run one after the other, and recorded as one composite.

What a node's gradients record is found by one look-up (:func:`flambeau.autograd.node.gradients_of`). What a program did turn by
turn and layer by layer comes back the same way, so nodes that follow each other are put together, and what they record, sums of
gradients included, is found by one look-up for all: a loop's turns by themselves, and what lies between loops in pieces.

A stretch that has not come often enough is run node by node, as are nodes that have hooks or cannot be recorded by look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

from ..compiler.repeats import turns_in
from ..core.composite import recorded
from ..core.history import Gradient
from ..core.recording import Pair, contexts, patient, tensor_of
from ..core.tensor import Tensor
from .leaves import has_hooks
from .node import Input, gradients_of, saving

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


def stretches_in(order: Sequence[Gradient], alone: Callable[[Gradient], bool] | None) -> list[Sequence[Gradient]]:
    """Nodes in the order in which they are run, in stretches; those that cannot be recorded by look-up stand ``alone``, too."""
    stretches: list[Sequence[Gradient]] = []
    position = 0
    turns = turns_in([type(node).__name__ for node in order], LEAST_IN_TURNS, MOST_IN_TURNS) if len(order) > MOST else ()
    for first, count in (*turns, (len(order), 0)):
        _cut(order[position:first], MOST, alone, stretches)
        position = first + count
        _cut(order[first:position], count, alone, stretches)
    return stretches


def _cut(
    nodes: Sequence[Gradient], most: int, alone: Callable[[Gradient], bool] | None, stretches: list[Sequence[Gradient]]
) -> None:
    """Cut nodes into stretches of at most so many."""
    begin = 0
    for number, node in enumerate(nodes):
        if not node.recurs() or alone is not None and alone(node):
            if begin < number:
                stretches.append(nodes[begin:number])
            stretches.append((node,))
            begin = number + 1
        elif number - begin == most:
            stretches.append(nodes[begin:number])
            begin = number
    if begin < len(nodes):
        stretches.append(nodes[begin:])


_FIRST = (0,)


def run_together(
    nodes: Sequence[Gradient], pending: dict[Gradient, Any], leaves: dict[int, tuple[Tensor, Tensor]],
    wanted: Callable[[Any, int], bool] | None,
) -> bool:  # fmt: skip
    """Run a stretch on the gradients that are ``pending``; those of nodes and leaves outside that are ``wanted`` go there, and to
    ``leaves``.

    False, with nothing done, if its nodes must be run one by one: for hooks, or since a user's kind of tensor came in.
    """
    numbers = {id(node): number for number, node in enumerate(nodes)}
    name: list[Any] = [len(nodes)]
    pairs: list[Pair] = []
    outside: dict[Any, int] = {}
    targets: list[tuple[Any, int]] = []
    for node in nodes:
        saved, edges, shape, d = node.saved, node.edges, node.shape, node.dtype
        if saved is None or node.attached is not None:
            return False
        value = pending.get(node)
        given: tuple[int, ...] = ()
        if value is not None:
            given = _FIRST if type(value) is not dict else tuple(value)
            for part in (value,) if given is _FIRST else value.values():
                if type(part) is not Tensor:
                    return False
                pairs.append((part._node if part._storage is None else part._read(), part._view))
        pairs += saved
        if type(shape) is list:
            shape, d = tuple(shape), tuple(d)
        name += (type(node), node.context, shape, d, len(saved), given, len(edges))
        for edge in edges:
            if edge is None:
                name.append(None)
                continue
            number = 0
            if type(edge) is tuple:
                edge, number = edge
            place = numbers.get(id(edge))
            if place is not None:
                name.append((place, number) if number else place)
                continue
            key = (id(edge), number) if number else id(edge)
            place = outside.get(key)
            if place is None:
                place = outside[key] = ~len(targets)
                targets.append((edge, number))
            name.append(place)
    for target, number in targets:
        if isinstance(target, Gradient):
            held = pending.get(target)
            if type(held) is dict:
                held = held.get(number)
        else:
            if target._autograd is not None and has_hooks(target):
                return False
            held = leaves.get(id(target))
            if held is not None:
                held = held[1]
        name += target._output_meta(number)
        name.append(held is not None)
        if held is not None:
            if type(held) is not Tensor:
                return False
            pairs.append((held._node if held._storage is None else held._read(), held._view))
    results = recorded(name, pairs, _computed_together, (nodes, name))
    for node in nodes:
        pending.pop(node, None)
    for (target, number), (value, view) in zip(targets, results):
        if value is None or wanted is not None and not wanted(target, number):
            continue
        gradient = tensor_of(value, view)
        if not isinstance(target, Gradient):
            leaves[id(target)] = target, gradient
        elif target.outputs == 1:
            pending[target] = gradient
        else:
            pending.setdefault(target, {})[number] = gradient
    return True


class _Described(NamedTuple):
    """What a stretch's name tells of one of its nodes."""

    kind: type[Gradient]
    context: Any
    shape: Any
    dtype: Any
    #: How many values it saved, and of which outputs gradients are given.
    saved: int
    given: tuple[int, ...]
    #: Where the gradients of its inputs go: the number of a node of the stretch (if not to its first output, with that one's
    #: number), or the complement of the number of a place outside.
    places: Sequence[Any]


def _described(name: Sequence[Any]) -> tuple[list[_Described], list[Any]]:
    """A stretch's nodes and the places outside: shape and dtype of each, and whether there is a gradient already."""
    following = iter(name[1:])
    nodes = []
    for _ in range(name[0]):
        *told, count = islice(following, 7)
        nodes.append(_Described._make((*told, tuple(islice(following, count)))))
    rest = tuple(following)
    return nodes, [rest[at : at + 3] for at in range(0, len(rest), 3)]


Context = tuple[Sequence[Gradient], Sequence[Any]]
"""A stretch: its nodes, and the name under which it is recorded."""


def _computed_together(context: Context, pairs: list[Pair]) -> Sequence[Tensor | None]:
    """The gradients at a stretch's places outside, run node by node."""
    nodes, name = context
    described, places_outside = _described(name)
    following = iter(pairs)
    pending: list[dict[int, Tensor]] = []
    shown: list[Gradient] = []
    for node, told in zip(nodes, described):
        pending.append({number: tensor_of(*next(following)) for number in told.given})
        shown.append(saving(node, tuple(islice(following, told.saved))))
    outside = [{0: tensor_of(*next(following))} if held else {} for _, _, held in places_outside]
    for number, (node, told) in enumerate(zip(shown, described)):
        value = pending[number]
        if not value:
            continue
        pending[number] = {}
        for place, result in zip(told.places, gradients_of(node, value if node.outputs > 1 else value[0])):
            if place is None or result is None:
                continue
            at, output = place if type(place) is tuple else (place, 0)
            slot = pending[at] if at >= 0 else outside[~at]
            slot[output] = slot[output] + result if output in slot else result
    return [slot.get(0) for slot in outside]


patient.add(_computed_together)


def _like(_: Context, name: Sequence[Any], pairs: list[Pair]) -> Context:
    """A stretch as it would be with other sizes: those in the name."""
    described, places_outside = _described(name)
    inputs = [Input(shape, d) for shape, d, _ in places_outside]
    nodes: list[Any] = [None] * len(described)
    for number in reversed(range(len(nodes))):  # those that its gradients go to first
        told = described[number]
        edges: list[Any] = []
        for place in told.places:
            at, output = place if type(place) is tuple else (place, 0)
            target = None if at is None else nodes[at] if at >= 0 else inputs[~at]
            edges.append((target, output) if output else target)
        several = told.kind.outputs > 1
        shape, d = (list(told.shape), list(told.dtype)) if several else (told.shape, told.dtype)
        nodes[number] = told.kind.of(tuple(edges), (), shape, d, told.context)
    return nodes, name


contexts[_computed_together] = _like
