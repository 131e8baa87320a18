"""Composites: several primitives recorded by one look-up.

An operation made of several primitives (a loss, a normalisation, an optimiser's update, the gradient of an operation) is
written as a function of tensors that records them one by one. When it is recorded again at the same place of the trie, on
operands at the same places of the trace, every one of its steps would be found there again: so the step that it ends in
is remembered, with where its results are and where its numbers go, and the function is not called.

The steps are the same either way, and so are plans and results. What is remembered of the first call must hold for all:
the function may depend on the operands' shapes, dtypes and views, which its place implies, and on its static arguments,
which are part of the key. Values of numbers are hidden from it (:class:`~flambeau.graph.placeholder.Placeholder`). A function
that looks at one all the same, or at a tensor's value, is not remembered and is called each time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice, repeat
from typing import Any

from ..compiler import plan as planning
from ..graph.dtypes import DType
from ..graph.placeholder import Hidden, Placeholder, ValueNeeded
from ..graph.primitives import LEAF, RANDOM_BITS
from ..graph.segments import Segment, segment_of, segment_step
from ..graph.shapes import Size, View
from ..graph.steps import comes_first, count_kept, when_forgotten
from ..graph.trace import (
    CLOSED,
    UNLIMITED,
    Node,
    Step,
    Trace,
    evaluate_trace,
    in_memory,
    index_of,
    leaf_step,
    leave,
    local,
    node_at,
    number_kind,
    only_leaves,
    picker,
    remember_next,
    time_to_cut,
    user_site,
)
from .sized import again, same, sizes_of, spread_out, with_symbols
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
        results = [
            (result[0], (*result[1].sizes, *result[1].strides, result[1].offset)) if type(result) is tuple and result[1] else result
            for result in self.results
        ]
        return self.nodes, self.numbers, self.constants, results, self.late

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
        constants = [next(integers) if isinstance(constant, Hidden) else constant for constant in self.constants]
        nodes = [(place, Size(islice(integers, len(shape))), d) for place, shape, d in self.nodes]
        results: list[Any] = []
        for result in self.results:
            if type(result) is tuple and result[1] is not None:
                rank = len(result[1].sizes)
                view = View(tuple(islice(integers, rank)), tuple(islice(integers, rank)), next(integers))
                result = result[0], view
            results.append(result)
        return Composite(nodes, self.numbers, constants, results, self.late)


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


class _CalledEachTime:
    """What stands in the trie for composites that cannot be remembered: always beyond the limit."""

    mark = UNLIMITED


_CALLED_EACH_TIME: Any = _CalledEachTime()


def composite(define: Callable[..., Sequence[Tensor | None]], static: Any, *operands: Any) -> list[Any]:
    """The results of ``define(static, *operands)``, without history, by one look-up when that was recorded here before.

    ``operands`` are tensors, numbers or None. ``define`` is given the tensors without their history and must treat the
    numbers as unknown; it writes nothing in place. ``static`` is hashable and decides, with the tensors' shapes, dtypes
    and views, what ``define`` records. Results share memory neither with operands nor with each other.
    """
    return [tensor_of(value, view) for value, view in composite_values(define, static, operands)]


def composite_values(
    define: Callable[..., Sequence[Tensor | None]], static: Any, operands: Sequence[Any]
) -> list[Pair]:
    """The results of :func:`composite` as values and views, for callers that do not need tensors."""
    pairs: list[Pair] = []
    for x in operands:
        if isinstance(x, Tensor):
            pairs.append((x._node if x._storage is None else x._read(), x._view))
        else:
            pairs.append((x, None))
    name = define, static
    return recorded(name, pairs, _defined, name)


def _defined(name: tuple[Callable[..., Sequence[Tensor | None]], Any], given: list[Pair]) -> Sequence[Tensor | None]:
    define, static = name
    return define(static, *[tensor_of(value, view) for value, view in given])


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


def values_of(results: Sequence[Tensor | None]) -> list[Pair]:
    """Tensors as values and views."""
    return [(None, None) if result is None else (result._read(), result._view) for result in results]


def recorded(name: Sequence[Any], pairs: list[Pair], call: Call, context: Any) -> list[Pair]:
    """Values and views of what ``call(context, pairs)`` gives, by one look-up under ``name`` if it was recorded here before."""
    trace = local.trace
    leaves: list[Node] = []
    try:
        key = [*name]
        given: list[Any] = []
        for value, view in pairs:
            if type(value) is Node:
                if value.trace is trace:
                    key.append(value.place)
                else:
                    buffer = value.buffer
                    if buffer is None or buffer.ever_exposed and buffer.exposed() or value.trace is not None:
                        break
                    # A leaf, to be put into the trace by the same look-up; among the leaves first, for a signal may come.
                    place = trace.cursor.depth + len(leaves)
                    leaves.append(value)
                    value.trace = trace
                    value.place = place
                    key.append(value.shape)
                    key.append(value.dtype)
                if view is not None:  # operands of a key do not begin with views, so it can be told where each ends
                    if view.offset > 0:
                        given.append(view.offset)
                        view = view.moved
                    key.append(view)
            elif value is None:
                key.append(None)
            else:
                try:
                    key.append("f" if type(value) is float else number_kind(value))
                except TypeError:  # something that only the function knows
                    break
                given.append(value)
        else:
            lookup = tuple(key)
            found: Any = None
            try:
                found = trace.cursor.next.get(lookup)
            except TypeError:  # a static argument that cannot be part of a key
                found = _CALLED_EACH_TIME
            if found is not None and found.mark < trace.limit:
                return _replay(trace, leaves, found, given, name, pairs, call, context)
            if leaves:
                return _behind_leaves(trace, leaves, lookup, name, pairs, call, context)
            if found is not _CALLED_EACH_TIME and trace.limit > 0:
                return _unknown(trace, lookup, found, given, name, pairs, call, context)
            return values_of(call(context, pairs))
        _settle(trace, leaves)
        return _from_memory(trace, name, pairs, call, context)
    except BaseException:
        for leaf in leaves:  # those that a signal kept from being put into the trace are free again
            if leaf.trace is trace and leaf.place >= trace.cursor.depth:
                leaf.trace = None
        raise


def _from_memory(trace: Trace, name: Sequence[Any], pairs: list[Pair], call: Call, context: Any) -> list[Pair]:
    """:func:`recorded` where an operand is pending elsewhere, or in memory that others can see, or no operand at all."""
    for index, (value, view) in enumerate(pairs):
        if type(value) is Node:
            if value.trace is not trace:
                pairs[index] = in_memory(trace, value), view
        elif value is not None:
            try:
                number_kind(value)
            except TypeError:
                return values_of(call(context, pairs))
    return recorded(name, pairs, call, context)


def _settle(trace: Trace, leaves: list[Node]) -> None:
    """Put leaves, which the trace has claimed, into it as steps of their own."""
    for leaf in leaves:
        step = leaf_step(trace, leaf)
        trace.nodes += (leaf,)
        trace.cursor = step


def _behind_leaves(
    trace: Trace, leaves: list[Node], lookup: Any, name: Sequence[Any], pairs: list[Pair], call: Call, context: Any
) -> list[Pair]:
    """Put the leaves into the trie as steps of their own and record what follows them, for the next time as one."""
    before = trace.cursor
    _settle(trace, leaves)
    cursor = trace.cursor
    key = [*name]
    for value, view in pairs:
        if type(value) is Node:
            key.append(value.place)
            if view is not None:
                key.append(view.moved)
        else:
            key.append(None if value is None else number_kind(value))
    results = recorded(name, pairs, call, context)
    try:
        found = cursor.next.get(tuple(key))
    except TypeError:
        return results
    if found is not None:
        remember_next(before, lookup, found)
    return results


def _unknown(
    trace: Trace, lookup: Any, found: Any, given: list[Any], name: Sequence[Any], pairs: list[Pair],
    call: Call, context: Any,
) -> list[Pair]:  # fmt: skip
    """Learn a composite, or cut the trace before one that leads beyond the budget."""
    if trace.ended:  # it is only to show what is recorded
        return values_of(call(context, pairs))
    cursor = trace.cursor
    beyond = cursor.passing and 0 < trace.limit <= cursor.mark
    if beyond and time_to_cut(trace, cursor.mark) and not only_leaves(cursor):  # what passes is not known to lead there
        evaluate_trace[0](trace)
        return recorded(name, pairs, call, context)
    with trace.lock:  # nobody closes the trace while something is taken back
        kept = trace.segments if cursor.passing else _segments
        key = _key(name, pairs)
        known = _segments.get(key) or trace.segments.get(key)
        if known is None and found is None:
            structure, integers = spread_out(name, pairs)
            sizes = sizes_of(structure)
            known = sizes.at(integers)
            if known is not None:
                if planning.CHECK:
                    shown = again(partial(_shown, call, context), name, pairs, integers, known)
                    assert same(shown, known), f"{name[0]} records something else at these sizes"
                _keep(kept, key, known)
        if found is None and trace.limit != CLOSED and known is not None:
            found = _placed(trace, cursor, known, pairs)
            if comes_first(cursor, lookup):
                found.last.passing = True
            else:
                remember_next(cursor, lookup, found)
            if found.mark < trace.limit:
                return _replay(trace, [], found, given, name, pairs, call, context)
        if found is None and trace.limit != CLOSED:
            results = _learn(trace, lookup, key, pairs, given, call, context)
            found = cursor.next.get(lookup)
            if results is not None:
                learnt = kept.get(key)
                if learnt is not None and trace.unfinished is None and sizes.wants(integers):
                    sizes.learn(partial(with_symbols, partial(_shown, call, context), name, pairs, learnt, integers), integers)
                remembered = found is not None and found is not _CALLED_EACH_TIME
                if not remembered or found.mark < trace.limit or trace.cursor is not found.last:
                    return results
                # Beyond the budget: forget it again, to cut the trace where it will be cut when this is found.
                _take_back(trace, cursor, len(trace.numbers) - len(found.composite.numbers))
    if found is None or found is _CALLED_EACH_TIME:
        return values_of(call(context, pairs))
    if not time_to_cut(trace, found.mark):
        return _replay(trace, [], found, given, name, pairs, call, context)
    if only_leaves(cursor):  # it alone is more than a trace may hold
        return values_of(call(context, pairs))
    evaluate_trace[0](trace)
    return recorded(name, pairs, call, context)


def _replay(
    trace: Trace, leaves: list[Node], found: Placed, given: list[Any], name: Sequence[Any], pairs: list[Pair],
    call: Call, context: Any,
) -> list[Pair]:  # fmt: skip
    """Move the trace to the composite's end. Of its nodes only the results' are made: nobody could hold the others."""
    composite, start = found.composite, found.start
    if composite.late:
        site = local.line or user_site()
        for place in composite.late:
            trace.sites[start + place] = site
    made: list[Node] = []
    for place, shape, d in composite.nodes:
        node = _new(Node)
        node.shape = shape
        node.dtype = d
        node.trace = trace
        node.place = start + place
        node.buffer = None
        made.append(node)
    numbers: Sequence[Any] = ()
    if composite.numbers:
        numbers = composite.pick(given + composite.constants if composite.constants else given)
    trace.numbers += numbers
    trace.nodes += leaves
    trace.nodes += made
    trace.skipped += (found,)
    trace.cursor = found.last
    if trace.limit == CLOSED:  # by another thread, meanwhile
        leave(trace, [value for value, _ in pairs if type(value) is Node])
        return recorded(name, pairs, call, context)
    results: list[Pair] = []
    for result in composite.results:
        if type(result) is int:
            results.append(pairs[result] if result >= 0 else (None, None))
        else:
            number, view = result
            results.append((made[number] if number >= 0 else pairs[~number][0], view))
    return results


def _learn(
    trace: Trace, lookup: Any, key: Any, pairs: list[Pair], given: list[Any], call: Call, context: Any
) -> list[Pair] | None:
    """Record a composite step by step and remember it, if it can be; None, with nothing recorded, if it looked at a value."""
    cursor, first = trace.cursor, len(trace.numbers)
    with trace.lock:  # nobody else may evaluate numbers that are not there
        limit, unfinished, looked = trace.limit, trace.unfinished, trace.looked
        trace.limit, trace.looked = UNLIMITED, False
        line = local.line
        if line is None:
            local.line = user_site()
        if unfinished is None:
            trace.unfinished = cursor
        results: Sequence[Any] | None = None
        composite = found = None
        try:
            try:
                results = call(context, _without_numbers(pairs))
                if trace.looked or any(result is not None and _offset_is_placeholder(result) for result in results):
                    results = None
                else:
                    last = trace.cursor
                    composite = _observed(trace, cursor, first, results, pairs)
            except ValueNeeded:
                results = None
            if results is None:
                _take_back(trace, cursor, first)
            else:
                numbers = [given[n.number] if isinstance(n, Placeholder) else n for n in trace.numbers[first:]]
                trace.numbers[first:] = numbers
        except BaseException:  # as good as closed: what has no numbers is never evaluated
            trace.limit = CLOSED
            raise
        finally:
            local.line = line
        trace.limit, trace.unfinished = limit, unfinished
        trace.looked = trace.looked or looked
        if composite is not None:
            found = Placed(composite, cursor.depth, last)
        remember_next(cursor, lookup, _CALLED_EACH_TIME if found is None else found)
        if found is not None:
            _keep_segment(trace, cursor, found, key, pairs)
    return None if results is None else values_of(results)


_segments: dict[Any, tuple[Segment, Composite]] = {}
"""What was recorded for composites, by the shapes, dtypes and views of their operands: the same wherever it is recorded."""


def _key(name: Sequence[Any], pairs: list[Pair]) -> tuple[Any, ...]:
    """What decides which steps a composite records."""
    key: list[Any] = [*name]
    places: dict[int, int] = {}
    for value, view in pairs:
        if type(value) is Node:
            key.append(value.shape)
            key.append(value.dtype)
            key.append(places.setdefault(value.place, len(places)))
            key.append(view if view is None else view.moved)
        else:
            key.append(None if value is None else number_kind(value))
    return tuple(key)


def _outside(pairs: list[Pair]) -> list[int]:
    """The places of a composite's operands, each once."""
    return list(dict.fromkeys([value.place for value, _ in pairs if type(value) is Node]))


def _keep_segment(trace: Trace, cursor: Step, found: Placed, key: tuple[Any, ...], pairs: list[Pair]) -> None:
    """Have a composite that was just learnt be one step of the trie, and known wherever it is recorded."""
    last = found.last
    segment = _segment_since(cursor, last, pairs)
    if segment is None:  # what it is called with has values besides its operands
        return
    _keep(trace.segments if cursor.passing else _segments, key, (segment, found.composite))
    whole = segment_step(cursor, segment, _outside(pairs), last.site)
    if trace.cursor is last:  # else a signal's handler has recorded something behind it
        found.last = trace.cursor = whole
        found.mark = whole.mark


def _keep(kept: dict[Any, tuple[Segment, Composite]], key: tuple[Any, ...], known: tuple[Segment, Composite]) -> None:
    """Have a composite be known wherever it is recorded, or in a trace."""
    if kept is _segments:
        count_kept(300 * known[0].count)
    kept[key] = known


contexts: dict[Call, Callable[[Any, Sequence[Any], list[Pair]], Any]] = {}
"""What makes another context of one, for a name and operands of other sizes. For others the name itself is the context."""


def _shown(call: Call, context: Any, trace: Trace, name: Sequence[Any], pairs: list[Pair]) -> tuple[Segment, Composite] | None:
    """What a composite of this name records on these operands, at the end of a trace that is only to show it."""
    cursor: Any = trace.cursor
    other = contexts.get(call)
    given = _without_numbers(pairs)
    results = call(tuple(name) if other is None else other(context, name, pairs), given)
    composite = _observed(trace, cursor, 0, results, pairs)
    if composite is None:
        return None
    segment = _segment_since(cursor, trace.cursor, pairs)
    return None if segment is None else (segment, composite)


def _segment_since(cursor: Step, last: Step, pairs: list[Pair]) -> Segment | None:
    """The segment of what was recorded from ``cursor`` to ``last``, if it reads nothing but ``pairs``."""
    chain: list[Any] = []
    step: Any = last
    while step is not cursor:
        chain.append(step)
        step = step.parent
    return segment_of([(step, range(step.parent.depth, step.depth)) for step in reversed(chain)], _outside(pairs))


def _placed(trace: Trace, cursor: Step, known: tuple[Segment, Composite], pairs: list[Pair]) -> Placed:
    """A composite that was recorded elsewhere, behind ``cursor``."""
    segment, composite = known
    return Placed(composite, cursor.depth, segment_step(cursor, segment, _outside(pairs), local.line or user_site()))


def forget_composites() -> None:
    """Let go all that was recorded for composites."""
    _segments.clear()


when_forgotten(forget_composites)


def _offset_is_placeholder(result: Tensor) -> bool:
    return result._view is not None and isinstance(result._view.offset, Placeholder)


def _without_numbers(pairs: list[Pair]) -> list[Pair]:
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


def _observed(
    trace: Trace, cursor: Step, first: int, results: Sequence[Any], pairs: list[Pair]
) -> Composite | None:
    """What was recorded since ``cursor``, if it can be recorded again by moving the trace along."""
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
        return places.index(node.place), view
    for number, (value, seen) in enumerate(pairs):
        if value is node:
            if seen is view or view is not None and seen is None and view is whole(node.shape):
                return number
            if view is None or seen is not None and seen.moved is not seen:
                return _UNKNOWN
            return ~number, view
    return _UNKNOWN


def _take_back(trace: Trace, cursor: Step, first: int) -> None:
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
