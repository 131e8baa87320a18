"""What a composite records: its steps as a segment, and where its results and its numbers are.

:mod:`flambeau.core.composite` records composites and remembers them by what is found out here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, repeat
from typing import Any

from ..graph.dtypes import DType
from ..graph.placeholder import Hidden, Placeholder
from ..graph.places import index_of, node_at
from ..graph.primitives import LEAF, RANDOM_BITS
from ..graph.segments import Segment, segment_of
from ..graph.shapes import Size, View
from ..graph.trace import Node, Step, Trace, number_kind, picker
from .storage import Storage, whole
from .tensor import Tensor

_new = object.__new__
_consume: Any = deque(maxlen=0).extend
_set_trace: Any = vars(Node)["trace"].__set__

Pair = tuple[Any, View | None]
"""An operand: (node, view), (number, None), or (None, None) for one that is not there."""
Call = Callable[[Any, list[Pair]], Sequence[Any]]
"""Records a composite step by step, given what its caller gave for it and its operands."""


class Composite:
    """What is recorded at once, with places counted from its first: where its results and its numbers are.

    ``results`` has for each result the number of the operand that it is (-1: it is None), or a pair: the number of its node
    (or the complement of the number of the operand that it is another view of), and its view.
    """

    __slots__ = ("nodes", "places", "numbers", "constants", "pick", "results", "late")

    def __init__(
        self, nodes: list[tuple[int, Size, DType]], numbers: list[int], constants: list[Any], results: list[Any],
        late: list[int],
    ) -> None:  # fmt: skip
        #: The results' nodes: place, shape and dtype.
        self.nodes = nodes
        self.places = [place for place, _, _ in nodes]
        #: Which of the given numbers and, behind them, the constants each number that was recorded is.
        self.numbers = numbers
        self.constants = constants
        #: Puts them in order.
        self.pick = picker(numbers)
        self.results = results
        #: Places of steps that can find errors only when they run.
        self.late = late

    def told(self) -> tuple[Any, ...]:
        """All that it tells, to be compared: views with an offset are not one object."""
        views = [result[1] for result in self.results if type(result) is tuple and result[1] is not None]
        spelled = [(*view.sizes, *view.strides, view.offset) for view in views]
        results = [result[0] if type(result) is tuple else (result,) for result in self.results]
        return self.nodes, self.numbers, self.constants, results, spelled, self.late

    def integers(self) -> list[Any]:
        """Its sizes and constants, in the order of :meth:`at`."""
        given: list[Any] = [constant for constant in self.constants if isinstance(constant, Hidden)]
        for _, shape, _ in self.nodes:
            given += shape
        for result in self.results:
            if type(result) is tuple and result[1] is not None:
                given += (*result[1].sizes, *result[1].strides, result[1].offset)
        return given

    def at(self, integers: Iterator[Any]) -> Composite:
        """The same with other sizes and constants."""
        made: Composite = _new(Composite)
        made.numbers, made.pick, made.late, made.places = self.numbers, self.pick, self.late, self.places
        made.constants = [next(integers) if isinstance(constant, Hidden) else constant for constant in self.constants]
        made.nodes = [(place, Size(islice(integers, len(shape))), d) for place, shape, d in self.nodes]
        results = made.results = []
        for result in self.results:
            if type(result) is tuple and result[1] is not None:
                rank = len(result[1].sizes)
                view = View(tuple(islice(integers, rank)), tuple(islice(integers, rank)), next(integers))
                result = result[0], view
            results.append(result)
        return made


class Placed:
    """A composite in the trie: between the place of its first step and the step that it leads to."""

    __slots__ = ("composite", "start", "last", "mark", "places")

    def __init__(self, composite: Composite, start: int, last: Step) -> None:
        self.composite = composite
        self.start = start
        self.last = last
        self.mark = last.mark
        #: Which of its places, counted from its first, have nodes.
        self.places = composite.places


def tensor_of(value: Any, view: View | None) -> Any:
    """A value under a view as a tensor without history; numbers and None as they are."""
    if type(value) is not Node:
        return value
    tensor = _new(Tensor)
    if view is None:
        tensor._node = value
        tensor._storage = None
    else:
        tensor._node = None
        tensor._storage = Storage(value)
    tensor._view = view
    tensor._tracked = False
    tensor._gradient = None
    tensor._autograd = None
    return tensor


def values_of(results: Sequence[Tensor | None], pairs: list[Pair]) -> list[Pair]:
    """A composite's results as values and views, as they are given when they are found by one look-up.

    A view of all of a value says nothing, unless an operand was given with it.
    """
    values: list[Pair] = []
    for result in results:
        if result is None:
            values.append((None, None))
            continue
        node, view = result._read(), result._view
        given = any([seen is view and value is node for value, seen in pairs])
        values.append((node, view if given or view is None or not _shows_all(view, node.shape) else None))
    return values


def _shows_all(view: View, shape: Size) -> bool:
    return view.contiguous and not view.offset > 0 and view.sizes == shape


# --- what was recorded ---


def spelled(name: Sequence[Any], pairs: list[Pair]) -> tuple[tuple[Any, ...], list[int], list[Any]]:
    """What decides which steps a composite records, the places that it reads, each once, and the numbers given to it."""
    key: list[Any] = [*name]
    outside: list[int] = []
    given: list[Any] = []
    for value, view in pairs:
        if type(value) is Node:
            place = value.place
            if place in outside:
                key.append(outside.index(place))
            else:
                key += (value.shape, value.dtype)
                outside.append(place)
            if view is not None:
                if view.offset > 0:
                    given.append(view.offset)
                    view = view.moved
                key.append(view)
        elif value is None:
            key.append(None)
            if view is not None:
                key.append(view.moved)
        else:
            key.append("f" if type(value) is float else number_kind(value))
            given.append(value)
    return tuple(key), outside, given


def places_read(pairs: list[Pair]) -> list[int]:
    """The places of a composite's operands, each once."""
    return list(dict.fromkeys([value.place for value, _ in pairs if type(value) is Node]))


contexts: dict[Call, Callable[[Any, Sequence[Any], list[Pair]], Any]] = {}
"""What makes another context of one, for a name and operands of other sizes. For others the name itself is the context."""
patient: set[Call] = set()
"""Composites of composites: they are remembered when their structure has come :data:`PATIENCE` times, for until then what they
consist of serves as well."""
PATIENCE = 8


def shown(call: Call, context: Any, trace: Trace, name: Sequence[Any], pairs: list[Pair]) -> tuple[Segment, Composite] | None:
    """What a composite of this name records on these operands, at the end of a trace that is only to show it."""
    cursor: Any = trace.cursor
    other = contexts.get(call)
    given = without_numbers(pairs)
    results = call(tuple(name) if other is None else other(context, name, pairs), given)
    composite = observed(trace, cursor, 0, results, given)
    if composite is None:
        return None
    segment = segment_since(cursor, trace.cursor, pairs)
    return None if segment is None else (segment, composite)


def segment_since(cursor: Step, last: Step, pairs: list[Pair]) -> Segment | None:
    """The segment of what was recorded from ``cursor`` to ``last``, if it reads nothing but ``pairs``."""
    chain: list[Any] = []
    step: Any = last
    while step is not cursor:
        chain.append(step)
        step = step.parent
    return segment_of([(step, range(step.parent.depth, step.depth)) for step in reversed(chain)], places_read(pairs))


def offset_is_hidden(result: Tensor | None, given: list[Pair]) -> bool:
    """Whether a result's place in memory depends on a number given anew at each run, unless it is an operand as it was given."""
    view = None if result is None else result._view
    return view is not None and isinstance(view.offset, Placeholder) and all([view is not seen for _, seen in given])


def as_given(results: list[Pair], hidden: list[Pair], pairs: list[Pair]) -> list[Pair]:
    """Results, those that are operands with a place that was hidden as they were given."""
    given = {id(seen): pair for (_, seen), pair in zip(hidden, pairs)}
    return [
        given[id(view)] if view is not None and isinstance(view.offset, Placeholder) else (value, view)
        for value, view in results
    ]


def without_numbers(pairs: list[Pair]) -> list[Pair]:
    """The operands, with placeholders for all that is given anew at each run."""
    kept: list[Pair] = []
    count = 0
    for value, view in pairs:
        if type(value) is Node:
            if view is not None and view.moved is not view:
                view = view.moved.at(Placeholder("offset", count))  # type: ignore[arg-type]
                count += 1
        elif value is not None:
            value = Placeholder(number_kind(value), count)
            count += 1
        kept.append((value, view))
    return kept


def observed(
    trace: Trace, cursor: Step, first: int, results: Sequence[Any], pairs: list[Pair]
) -> Composite | None:
    """What was recorded since ``cursor``, if it can be recorded again by moving the trace along.

    ``pairs`` are the operands, with placeholders for all that is given anew at each run.
    """
    start = cursor.depth
    step: Any = trace.cursor
    while step is not cursor and step is not None:
        if step.primitive is LEAF or step.primitive is RANDOM_BITS:
            return None  # a value from elsewhere, which next time is another
        step = step.parent
    if step is None:
        return None
    numbers: list[int] = []
    constants: list[Any] = []
    total = sum(type(v) is not Node and v is not None for v, _ in pairs)
    total += sum(type(v) is Node and w is not None and w.moved is not w for v, w in pairs)
    for number in trace.numbers[first:]:
        if isinstance(number, Placeholder):
            numbers.append(number.number)
        else:
            numbers.append(total + len(constants))
            constants.append(number)
    within = {result._read().place for result in results if result is not None and result._read().trace is trace}
    places = sorted(place for place in within if place >= start)
    described = [_described(trace, places, result, pairs) for result in results]
    if _UNKNOWN in described:
        return None
    nodes = [(place - start, node.shape, node.dtype) for place in places for node in (node_at(trace, place),)]
    late = [place - start for place in trace.sites if place >= start]
    return Composite(nodes, numbers, constants, described, late)


_UNKNOWN = "unknown"


def _described(trace: Trace, places: list[int], result: Any, pairs: list[Pair]) -> Any:
    """Where a result is found; see :class:`Composite`."""
    if result is None:
        return -1
    node, view = result._read(), result._view
    if type(result) is not Tensor or result._tracked:
        return _UNKNOWN
    if node.trace is trace and node.place in places:
        return places.index(node.place), None if view is None or _shows_all(view, node.shape) else view
    for number, (value, seen) in enumerate(pairs):
        if value is node and (seen is view or view is not None and seen is None and view is whole(node.shape)):
            return number
    for value, seen in pairs:  # only now: another operand may have been a view of the same value, and its place may be hidden
        if value is node and (view is None or seen is not None and seen.moved is not seen):
            return _UNKNOWN
    for number, (value, _) in enumerate(pairs):
        if value is node:
            return ~number, view
    return _UNKNOWN


def take_back(trace: Trace, cursor: Step, first: int) -> None:
    """Forget what was recorded since ``cursor``: all at once, after the last call at which a signal can come in."""
    start = cursor.depth
    leaves: list[Node] = []  # values from elsewhere: they are to enter the trace again
    step: Any = trace.cursor
    while step is not None and step.depth > start:
        if step.primitive is LEAF:
            leaves.append(node_at(trace, step.depth - 1))
        step = step.parent
    index = index_of(trace, start)
    skipped = [found for found in trace.skipped if found.start < start]
    sites = {place: site for place, site in trace.sites.items() if place < start}
    rebound = [entry for entry in trace.rebound if entry[0] < start]
    entering = map(_set_trace, leaves, repeat(None))
    del trace.nodes[index:], trace.numbers[first:]
    trace.skipped, trace.sites, trace.rebound, trace.cursor = skipped, sites, rebound, cursor
    _consume(entering)
