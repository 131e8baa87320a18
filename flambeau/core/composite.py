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

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..compiler import plan as planning
from ..graph.cuts import only_leaves, time_to_cut
from ..graph.placeholder import Placeholder, ValueNeeded
from ..graph.segments import Segment, segment_step
from ..graph.sites import user_site
from ..graph.steps import CameOnce, comes_first, count_kept, find_before_leaves, hash_of, when_forgotten
from ..graph.trace import (
    CLOSED,
    UNLIMITED,
    Node,
    OnMeta,
    Step,
    Trace,
    enter,
    evaluate_trace,
    in_memory,
    leaf_step,
    leave,
    line_of,
    local,
    number_kind,
    remember_next,
)
from .recording import (
    PATIENCE,
    Call,
    Composite,
    Pair,
    Placed,
    as_given,
    observed,
    offset_is_hidden,
    patient,
    places_read,
    segment_since,
    shown,
    spelled,
    take_back,
    tensor_of,
    values_of,
    without_numbers,
)
from .sized import again, same, sizes_of, spread_out, with_symbols
from .tensor import Tensor

_new = object.__new__


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


def recorded(name: Sequence[Any], pairs: list[Pair], call: Call, context: Any) -> list[Pair]:
    """Values and views of what ``call(context, pairs)`` gives, by one look-up under ``name`` if it was recorded here before."""
    trace = local.trace
    if trace.cursor.passing:
        return _passing(trace, name, pairs, call, context)
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
                    place = trace.cursor.depth + len(leaves)
                    if buffer is None or buffer.ever_exposed and buffer.exposed() or value.trace is not None:
                        break
                    # A leaf, to be put into the trace by the same look-up. Nothing is called before it is among the leaves.
                    value.trace = trace
                    value.place = place
                    leaves += (value,)
                    key.append(value.shape)
                    key.append(value.dtype)
                if view is not None:  # operands of a key do not begin with views, so it can be told where each ends
                    if view.offset > 0:
                        given.append(view.offset)
                        view = view.moved
                    key.append(view)
            elif value is None:
                key.append(None)
                if view is not None:  # of what was not saved: how it lies may decide how its gradient is to lie
                    key.append(view.moved)
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
            return values_of(call(context, pairs), pairs)
        _settle(trace, leaves)
        return _from_memory(trace, name, pairs, call, context)
    except OnMeta:  # what has no values is recorded primitive by primitive
        _release(trace, leaves)
        return values_of(call(context, pairs), pairs)
    except BaseException:
        _release(trace, leaves)
        raise


def _release(trace: Trace, leaves: list[Node]) -> None:
    """Set leaves free again that were kept from being put into the trace."""
    for leaf in leaves:
        if leaf.trace is trace and leaf.place >= trace.cursor.depth:
            leaf.trace = None


def _passing(trace: Trace, name: Sequence[Any], pairs: list[Pair], call: Call, context: Any) -> list[Pair]:
    """:func:`recorded` behind a size that came first, where the trie keeps nothing: found by its operands' shapes instead."""
    try:
        fit = _fit(trace, pairs, enter)
    except OnMeta:
        fit = False
    if not fit:
        return values_of(call(context, pairs), pairs)
    try:
        key, outside, given = spelled(name, pairs)
        known = trace.segments.get(key) or _segments.get(key)
    except TypeError:  # a static argument that cannot be part of a key
        return values_of(call(context, pairs), pairs)
    if trace.limit <= 0:
        return values_of(call(context, pairs), pairs)
    if known is not None:
        found = _placed(trace.cursor, known, outside)
        if found.mark < trace.limit:
            return _replay(trace, [], found, given, name, pairs, call, context)
    return _unknown(trace, None, None, given, name, pairs, call, context, key, outside)


def _from_memory(trace: Trace, name: Sequence[Any], pairs: list[Pair], call: Call, context: Any) -> list[Pair]:
    """:func:`recorded` where an operand is pending elsewhere, or in memory that others can see, or no operand at all."""
    return recorded(name, pairs, call, context) if _fit(trace, pairs, in_memory) else values_of(call(context, pairs), pairs)


def _fit(trace: Trace, pairs: list[Pair], bring: Callable[[Trace, Node], Node]) -> bool:
    """Have each value that is not of the trace be brought there; whether all operands are values or numbers."""
    for index, (value, view) in enumerate(pairs):
        if type(value) is Node:
            if value.trace is not trace:
                pairs[index] = bring(trace, value), view
        elif value is not None:
            try:
                number_kind(value)
            except TypeError:  # something that only the function knows
                return False
    return True


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
    before, limit = trace.cursor, trace.limit
    try:
        known_before = lookup in before.next
    except TypeError:  # a static argument that cannot be part of a key
        known_before = True
    _settle(trace, leaves)
    cursor = trace.cursor
    key = [*name]
    for value, view in pairs:
        if type(value) is Node:
            key.append(value.place)
        else:
            key.append(None if value is None else number_kind(value))
        if view is not None:
            key.append(view.moved)
    known = trace.limit != CLOSED  # else another thread may have had operands enter its trace, at other places
    results = recorded(name, pairs, call, context)
    if not known:
        return results
    if not known_before:
        here = tuple(key)
        found = cursor.next.get(here)
        if type(found) is Placed and found.mark < limit:  # else it is looked for behind the leaves each time
            find_before_leaves(cursor, here, before, lookup)
    return results


def _unknown(
    trace: Trace, lookup: Any, found: Any, given: list[Any], name: Sequence[Any], pairs: list[Pair],
    call: Call, context: Any, key: Any = None, outside: Sequence[int] = (),
) -> list[Pair]:  # fmt: skip
    """Learn a composite, or cut the trace before one that leads beyond the budget."""
    if trace.ended:  # it is only to show what is recorded
        return values_of(call(context, pairs), pairs)
    cursor = trace.cursor
    beyond = cursor.passing and 0 < trace.limit <= cursor.mark
    if beyond and time_to_cut(trace, cursor.mark) and not only_leaves(cursor):  # what passes is not known to lead there
        evaluate_trace[0](trace)
        return recorded(name, pairs, call, context)
    with trace.lock:  # nobody closes the trace while something is taken back
        if trace.limit == CLOSED:  # by another thread, meanwhile: operands may have entered others at other places
            leave(trace, [value for value, _ in pairs if type(value) is Node])
            return recorded(name, pairs, call, context)
        if key is None:
            key, outside, _ = spelled(name, pairs)
        known = _segments.get(key) or trace.segments.get(key)
        kept = _segments
        if known is None and cursor.passing and _keys_once.first(hash_of(key)):
            kept = trace.segments  # at these sizes it may never come again
        if known is None and found is None:
            structure, integers = spread_out(name, pairs)
            sizes = sizes_of(structure)
            if call in patient and sizes.came < PATIENCE:
                sizes.came += 1
                return values_of(call(context, pairs), pairs)
            if sizes.called:
                if not comes_first(cursor, lookup):
                    remember_next(cursor, lookup, _CALLED_EACH_TIME)
                return values_of(call(context, pairs), pairs)
            known = sizes.variants.at(integers)
            if known is not None:
                if planning.CHECK:
                    other = again(partial(shown, call, context), name, pairs, integers, known)
                    forgotten = sizes_of(structure) is not sizes  # meanwhile: structures have other numbers now
                    assert forgotten or same(other, known), f"{name[0]} records something else at these sizes"
                _keep(kept, key, known)
        if found is None and trace.limit != CLOSED and known is not None:
            found = _placed(cursor, known, outside)
            if call not in patient and comes_first(cursor, lookup):
                found.last.passing = True
            else:
                remember_next(cursor, lookup, found)
            if found.mark < trace.limit:
                return _replay(trace, [], found, given, name, pairs, call, context)
        if found is None and trace.limit != CLOSED:
            results = _learn(trace, lookup, kept, key, pairs, given, call, context)
            found = cursor.next.get(lookup)
            sizes.called = results is None
            if results is not None:
                learnt = kept.get(key)
                if learnt is not None and trace.unfinished is None and sizes.wants(integers):
                    sizes.learn(partial(with_symbols, partial(shown, call, context), name, pairs, learnt, integers), integers)
                remembered = found is not None and found is not _CALLED_EACH_TIME
                if not remembered or found.mark < trace.limit or trace.cursor is not found.last:
                    return results
                # Beyond the budget: forget it again, to cut the trace where it will be cut when this is found.
                take_back(trace, cursor, len(trace.numbers) - len(found.composite.numbers))
    if found is None or found is _CALLED_EACH_TIME:
        return values_of(call(context, pairs), pairs)
    if not time_to_cut(trace, found.mark):
        return _replay(trace, [], found, given, name, pairs, call, context)
    if only_leaves(cursor):  # it alone is more than a trace may hold
        return values_of(call(context, pairs), pairs)
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
    trace: Trace, lookup: Any, kept: _Known, key: Any, pairs: list[Pair], given: list[Any], call: Call, context: Any
) -> list[Pair] | None:
    """Record a composite step by step and remember it, if it can be; None, with nothing recorded, if it looked at a value."""
    cursor, first = trace.cursor, len(trace.numbers)
    hidden = without_numbers(pairs)
    line = local.line
    site = line or user_site()
    with trace.lock:  # nobody else may evaluate numbers that are not there
        limit, unfinished, looked = trace.limit, trace.unfinished, trace.looked
        trace.limit, trace.looked = UNLIMITED, False
        local.line = site
        if unfinished is None:
            trace.unfinished = cursor
        results: Sequence[Any] | None = None
        composite = found = None
        try:
            try:
                results = call(context, hidden)
                if trace.looked or any([offset_is_hidden(result, hidden) for result in results]):
                    results = None
                else:
                    last = trace.cursor
                    composite = observed(trace, cursor, first, results, hidden)
            except ValueNeeded:
                results = None
            if results is None:
                take_back(trace, cursor, first)
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
        if found is None or not found.last.passing:
            remember_next(cursor, lookup, _CALLED_EACH_TIME if found is None else found)
        else:
            comes_first(cursor, lookup)  # noted, so that it is kept here the next time, and what is recorded behind it
        if found is not None:
            _keep_segment(trace, cursor, found, kept, key, pairs)
    return None if results is None else as_given(values_of(results, hidden), hidden, pairs)


_Known = dict[Any, tuple[Segment, Composite]]
_segments: _Known = {}
"""What was recorded for composites, by the shapes, dtypes and views of their operands: the same wherever it is recorded."""
_keys_once = CameOnce(100_000)
"""Of these, what came once where a trace passes."""


def _keep_segment(
    trace: Trace, cursor: Step, found: Placed, kept: _Known, key: tuple[Any, ...], pairs: list[Pair]
) -> None:
    """Have a composite that was just learnt be one step of the trie, and known wherever it is recorded."""
    last = found.last
    segment = segment_since(cursor, last, pairs)
    if segment is None:  # what it is called with has values besides its operands
        return
    _keep(kept, key, (segment, found.composite))
    whole = segment_step(cursor, segment, places_read(pairs), last.site)
    whole.passing = last.passing
    if trace.cursor is last:  # else a signal's handler has recorded something behind it
        found.last = trace.cursor = whole
        found.mark = whole.mark


def _keep(kept: _Known, key: tuple[Any, ...], known: tuple[Segment, Composite]) -> None:
    """Have a composite be known wherever it is recorded, or in a trace."""
    if kept is _segments:
        count_kept(300 * known[0].count)
    kept[key] = known


def _placed(cursor: Step, known: tuple[Segment, Composite], outside: Sequence[int]) -> Placed:
    """A composite that was recorded elsewhere, behind ``cursor``."""
    segment, composite = known
    return Placed(composite, cursor.depth, segment_step(cursor, segment, outside, line_of(cursor)))


def forget_composites() -> None:
    """Let go all that was recorded for composites."""
    _segments.clear()
    _keys_once.forget()


when_forgotten(forget_composites)
