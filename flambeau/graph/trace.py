"""Recording: nodes, and the trie of traces that recording follows.

A *trace* is what one thread has recorded since its last evaluation. Every operation adds a :class:`Node` (a value to
be) and moves the trace's cursor one :class:`Step` down a trie that all traces share. A step is found by the primitive,
its attributes and the places of its operands, so a program that does again what it did before only looks things up:
shapes were checked and dtypes promoted when the step was first made, and the step that ends a trace holds its plans.

Nodes do not know their operands: the structure lives in the trie alone. A value is needed exactly if something
outside the trace still holds its node, which the node's reference count tells.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from operator import itemgetter
from threading import get_ident
from typing import Any

from ..interpreter.forks import in_child, new_lock
from . import cuts
from .bounds import LARGEST, SMALLEST
from .dtypes import DType
from .placeholder import Hidden, ValueNeeded
from .places import node_at
from .primitives import FILL, LEAF, OUTPUT, Primitive, nbytes
from .results import form_of, result_of
from .segments import find_structure
from .shapes import MOVED, Size, View
from .sites import user_site
from .steps import BYTE_BUDGET, Operand, Step, comes_first, remember_next, root_of

UNLIMITED = 1 << 41
"""The limit of a trace that must not be cut now."""
CLOSED = -1
"""The limit of a trace that was evaluated, or is not to be continued."""
SHOW = os.environ.get("FLAMBEAU_SHOW", "") not in ("", "0")
"""Report each evaluation (see :mod:`flambeau.compiler.report`)."""
lines_wanted = [SHOW]
"""Whether the line of all that is recorded is looked for, as reports and profiles want it."""
EAGER = os.environ.get("FLAMBEAU_EAGER", "") not in ("", "0")
"""Evaluate each operation when it is recorded (with the same bits)."""


_new = object.__new__


class Node:
    """A value: pending in a trace, or in memory. Its shape, dtype and value never change."""

    __slots__ = ("shape", "dtype", "trace", "place", "buffer", "__weakref__")

    shape: Size
    dtype: DType
    trace: Trace | None
    place: int
    buffer: Any  # memory of the device (see `flambeau.kernels.contract`), or None

    def __init__(
        self, shape: Size, dtype: DType, trace: Trace | None, place: int, buffer: Any = None
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.trace = trace
        self.place = place
        self.buffer = buffer

    @property
    def device(self) -> str:
        """The name of the device that has the value, or is to compute it."""
        if self.buffer is not None:
            return self.buffer.device
        assert self.trace is not None
        return self.trace.device

    def __repr__(self) -> str:
        state = "in memory" if self.buffer is not None else f"pending at {self.place}"
        return f"Node({tuple(self.shape)}, {self.dtype}, {state})"


def picker(places: Sequence[int]) -> Callable[[list[Any]], Sequence[Any]]:
    """A function that picks what is at ``places`` of a list, in one call of C."""
    if len(places) > 1:
        return itemgetter(*places)
    first = places[0] if places else 0
    return itemgetter(slice(first, first + len(places)))


class _Own(threading.local):
    def __init__(self) -> None:
        self.lock = new_lock()


_own = _Own()


class Trace:
    """What one thread has recorded since its last evaluation; used for one evaluation only.

    Its numbers, nodes, skipped composites and cursor move together, in statements that call nothing: signals and other
    threads come in at calls (and at jumps back), so they find them as they belong together.
    """

    __slots__ = (
        "device", "nodes", "skipped", "numbers", "cursor", "limit", "unfinished", "looked", "lock", "sites", "kept", "rebound",
        "ended", "error", "told", "owner", "forms", "segments", "__weakref__",
    )  # fmt: skip

    #: Whether its values stand for those of many samples (see :mod:`flambeau.core.samples`), so that there are none to look at.
    sampling = False

    def __init__(self, device: str = "cpu") -> None:
        #: Where it will be evaluated, and where the memory of its values is.
        self.device = device
        #: What was recorded, in order, without the values inside composites, which nobody can hold.
        self.nodes: list[Node] = []
        #: The composites (see :mod:`flambeau.core.composite`) some of whose places have no nodes.
        self.skipped: list[Any] = []
        self.numbers: list[float] = []
        self.cursor = root_of(device)
        #: Steps marked with this or more are looked at in :func:`overflow`: 0 asks for evaluation at once, and a
        #: negative limit says that the trace was closed by another thread.
        self.limit: int = 0 if EAGER else cuts.SOFT_BUDGET
        #: While several steps are recorded that belong together (a composite that is learnt, a primitive and its further
        #: outputs): the step before them. Behind it nothing can be evaluated yet, or ever if that was interrupted.
        self.unfinished: Step | None = None
        #: Whether something was evaluated meanwhile.
        self.looked = False
        #: Held while it is evaluated, or recorded in ways that must not be interrupted by that; one for all of a thread's.
        self.lock = _own.lock
        #: Recording lines of steps that may find an error late, by place.
        self.sites: dict[int, tuple[str, int] | None] = {}
        #: Leaves' nodes that recording replaced by a copy are kept here until evaluation.
        self.kept: list[Any] = []
        #: What was written in place after a step that may find an error late: (place, weak owner, attribute, old node or
        #: its place (the node itself would seem to be needed), or an old number, and the weak new node).
        self.rebound: list[tuple[int, Any, str, Node | int | float, Any]] = []
        #: Whether all that is needed of it was computed, or nothing more can be.
        self.ended = False
        self.error: Exception | None = None
        #: Whether the thread that recorded it knows of the error: another one may have found it.
        self.told = False
        self.owner = get_ident()
        #: A step for each primitive with its attributes and its operands' shapes, dtypes and views: others like it give the same.
        self.forms: dict[Any, Step] = {}
        #: Segments that are known in this trace alone, whose sizes may never come again.
        self.segments: dict[Any, Any] = {}

    def bring(self, node: Node) -> Node:
        """A node of this trace for a value from outside, if it only shows what is recorded (and is of a kind that knows one)."""
        raise ValueNeeded

    def memory(self, node: Node) -> Any:
        """The memory of a value pending here, which is evaluated for it."""
        _evaluate_for(node, self)
        if node.buffer is None:  # recorded in a composite that is learnt
            raise ValueNeeded
        return node.buffer

    def draws(self, count: int) -> int:
        """How many random numbers are drawn where an operation wants so many."""
        return count


class Local(threading.local):
    """A thread's own state: its trace, and the modes that autograd looks at while recording."""

    def __init__(self) -> None:
        self.trace = Trace()
        self.grad = True
        self.inference = False
        self.anomaly = False
        #: How many functions are being differentiated in forward mode, for which histories are recorded in any case.
        self.forward = 0
        #: The recording line of all that is recorded now, where that is known: in a backward pass, or a composite.
        self.line: tuple[str, int] | None = None
        self.check_nan = True
        #: Pairs (pack, unpack) of hooks on saved tensors, the innermost last.
        self.pack_hooks: list[tuple[Callable[[Any], Any], Callable[[Any], Any]]] = []
        #: Whether anomaly detection or hooks on saved tensors want to see each new history.
        self.watched = False


local = Local()


def _turn_to_a_new_trace() -> None:
    local.trace = Trace(local.trace.device)


in_child(_turn_to_a_new_trace)  # a signal's handler may have forked while something was recorded

class OnMeta(Exception):
    """A value that has no memory was to become a leaf of a trace that is evaluated (see :mod:`flambeau.graph.meta`)."""


without_memory: list[Callable[..., Any]] = []
"""Calls a function again where what it records has no memory; put here by :mod:`flambeau.graph.meta`."""

evaluate_trace: list[Callable[[Trace], None]] = []
"""The evaluator, put here by the compiler (the graph knows nothing of what is below it)."""


def line_of(step: Step) -> tuple[str, int] | None:
    """The line that records what follows a step, for reports. Looking for it takes as long as recording: not for what passes."""
    return local.line or (user_site() if lines_wanted[0] or not step.passing else None)


def new_step(
    trace: Trace, key: Any, primitive: Primitive, attributes: Any, operands: tuple[Operand, ...], values: Sequence[Any]
) -> Step:
    """The step for something not recorded at this point before: applies the primitive's rule, which may raise.

    ``values`` are the operands' nodes and numbers. ``RuntimeError`` also for a view that reaches outside what it is a view of,
    and for a value that is too large.
    """
    form, outside = form_of(primitive, attributes, operands, values)
    known = trace.forms.get(form)
    parent = trace.cursor
    line = line_of(parent)
    if known is None:
        result = result_of(primitive, attributes, operands, values)
        if result[1].kind == "complex":
            raise NotImplementedError(f"{primitive.name} gives no {result[1]}: complex numbers are tensors of pairs")
        step = Step(parent, primitive, attributes, operands, *result, line)
        find_structure(step)
        trace.forms[form] = step
    else:
        step = known.behind(parent, attributes, operands, outside, line)
    if not parent.passing:
        if comes_first(parent, key, primitive):
            step.passing = True
        else:
            remember_next(parent, key, step)
    return step


def enter(trace: Trace, node: Node) -> Node:
    """Make a value that is not of this trace usable in it: a leaf. Returns the node to use (a copy if exposed)."""
    while True:
        node = in_memory(trace, node)
        if node.trace is trace or claim(trace, node, leaf_step(trace, node)):
            return node


def leaf_step(trace: Trace, node: Node) -> Step:
    """The step that makes a value in memory a leaf."""
    key = (node.shape, node.dtype)
    cursor = trace.cursor
    step: Step | None = cursor.next.get(key)
    if step is None:
        step = new_step(trace, key, LEAF, key, (), ())
    return step


def claim(trace: Trace, node: Node, step: Step) -> bool:
    """Put a value in memory at the end of the trace, unless another thread's trace has it."""
    if node.trace is not None:
        return False
    node.trace = trace
    node.place = step.depth - 1
    trace.nodes += (node,)
    trace.cursor = step
    return True


SNAPSHOT_BYTES = 1 << 20
"""Values of up to so many bytes are copied where others can write to them."""


def in_memory(trace: Trace, node: Node) -> Node:
    """A node with the value of one that is not of this trace, fit to be a leaf of it.

    Memory that others can write is read now: it is copied when small; else it becomes a leaf here, and the trace is to be
    evaluated at once. A leaf of another thread's trace gets a second node: each knows its place in one trace.
    """
    if trace.ended and trace.limit == UNLIMITED:  # it only shows what is recorded, and is never evaluated
        return trace.bring(node)
    other = node.trace
    if other is not None:
        if node.buffer is None:  # pending in another thread's trace
            _evaluate_for(node, other)
        elif other.owner == get_ident() or other.owner not in sys._current_frames():
            # Left behind: by a signal that came during its evaluation, or by a thread that ended.
            try:
                evaluate_trace[0](other)
            except Exception as error:
                if error is not other.error:  # that concerns those who look at its values
                    raise
        if other.limit == CLOSED:
            with other.lock:
                _let_go(other, (node,))
        other = node.trace
    buffer = node.buffer
    assert buffer is not None
    exposed = buffer.ever_exposed and buffer.exposed()
    size = nbytes(node.shape, node.dtype)
    if exposed and size <= SNAPSHOT_BYTES:
        node = Node(node.shape, node.dtype, None, 0, buffer.copy(size))
        trace.kept.append(node)
    elif other is not None and other is not trace:
        trace.kept.append(node)
        buffer.recyclable = False  # who holds one node does not know of the other
        node = Node(node.shape, node.dtype, None, 0, buffer)
        trace.kept.append(node)
        _borrowing.add(weakref.ref(trace, _borrowing.discard))
    if exposed and size > SNAPSHOT_BYTES:
        trace.limit = 0
        if not claim(trace, node, leaf_step(trace, node)):
            return in_memory(trace, node)
    return node


_borrowing: set[weakref.ref[Trace]] = set()
"""Traces with second nodes for leaves of others."""


def have_read(node: Node) -> None:
    """Have what was recorded read a value in memory, before others can write there."""
    if node.trace is not None:
        _evaluate_for(node, node.trace)
    for reference in list(_borrowing):
        trace = reference()
        if trace is not None and any([kept.buffer is node.buffer for kept in list(trace.kept)]):
            _evaluate_for(node, trace)


def note_rebinding(owner: Any, attribute: str, before: Node, value: Node) -> None:
    """Note that ``value`` took the place of ``before``, in case a step recorded earlier fails when it runs."""
    trace = value.trace
    if trace is not None and trace.sites:
        old = before.place if before.trace is trace else before
        trace.rebound.append((value.place, weakref.ref(owner), attribute, old, weakref.ref(value)))


def note_change(owner: Any, attribute: str, before: float) -> None:
    """Note that a number of Python's was changed, in case a step recorded earlier fails when it runs."""
    trace = local.trace
    if trace.sites:
        trace.rebound.append((trace.cursor.depth, weakref.ref(owner), attribute, before, None))


def overflow(trace: Trace, node: Node, step: Step) -> Node:
    """Called when a step's mark has reached the trace's limit: evaluates if it is time to. Returns the node to use."""
    with trace.lock:  # nobody closes the trace meanwhile
        if trace.limit == CLOSED:
            operands = _operands_of(trace, step)
            leave(trace, [value for value, _ in operands if type(value) is Node])
        elif trace.limit == 0 or step.own > BYTE_BUDGET:
            evaluate_trace[0](trace)
            return node
        elif not cuts.time_to_cut(trace, step.mark) or cuts.only_leaves(step.parent):
            return node  # behind nothing but leaves, a step is all that there is to evaluate
        else:
            # Evaluate what was recorded before the step, and record that again. Its result is not bound to anything yet:
            # evaluated with the rest, what it replaces would seem to be needed.
            operands = _operands_of(trace, step)
            count = len(trace.numbers) - _number_count(step)
            trace.sites.pop(step.depth - 1, None)
            assert step.parent is not None
            trace.cursor = step.parent
            del trace.nodes[-1:], trace.numbers[count:]
            evaluate_trace[0](trace)
    return record(step.primitive, step.attributes, *operands)


def leave(trace: Trace, claimed: Sequence[Node]) -> None:
    """Turn to a new trace, another thread having closed this one, perhaps without noticing the leaves claimed last."""
    with trace.lock:  # when that evaluation has ended
        _let_go(trace, claimed)
    if local.trace is trace:
        local.trace = Trace(local.trace.device)
    tell(trace)


def tell(trace: Trace) -> None:
    """Raise the error that another thread has found in this one's trace."""
    if trace.error is not None and not trace.told:
        trace.told = True
        raise trace.error.with_traceback(None)


def _let_go(trace: Trace, nodes: Sequence[Node]) -> None:
    for node in nodes:
        if node.trace is trace and node.buffer is not None:
            node.trace = None


def _number_count(step: Step) -> int:
    return sum(type(place) is str or (view is not None and view.offset == MOVED) for place, view in step.operands)


def _operands_of(trace: Trace, step: Step) -> list[tuple[Any, View | None]]:
    """The operands of the step that was recorded last, as :func:`record` takes them."""
    operands: list[tuple[Any, View | None]] = []
    numbers = iter(trace.numbers[len(trace.numbers) - _number_count(step) :])
    for place, view in step.operands:
        if type(place) is str:
            operands.append((next(numbers), view))
            continue
        if view is not None and view.offset == MOVED:
            view = View(view.sizes, view.strides, int(next(numbers)))
        operands.append((node_at(trace, place), view))
    return operands


def number_kind(value: Any) -> str:
    """``"f"``, ``"i"`` or ``"b"`` for a Python number; ``TypeError`` for anything else, ``OverflowError`` beyond 64 bits."""
    kind = type(value)
    if kind is float:
        return "f"
    if kind is int:
        if not SMALLEST <= value <= LARGEST:
            raise OverflowError(f"int too big to convert: {value} takes more than 64 bits")
        return "i"
    if kind is bool:
        return "b"
    if isinstance(value, bool):
        return "b"
    if isinstance(value, int):
        return "i"
    if isinstance(value, float):
        return "f"
    if isinstance(value, Hidden):
        return value.kind
    if isinstance(value, complex):
        raise NotImplementedError("operations are not implemented for complex numbers")
    raise TypeError(f"expected a number or a tensor, but got {kind.__name__}")


def record(
    primitive: Primitive, attributes: Any, *operands: tuple[Any, View | None], trace: Trace | None = None
) -> Node:
    """Record a primitive on operands given as (node, view) or (Python number, None); returns the new node.

    This is the general form; :mod:`flambeau.ops.dispatch` holds its unrolled forms for one and two tensors.
    """
    if trace is None:
        trace = local.trace
    key: list[Any] = [primitive, attributes]
    numbers: tuple[Any, ...] = ()
    values: list[Any] = []  # held, for copies are in no other place
    for value, view in operands:
        if type(value) is Node:
            if value.trace is not trace:
                try:
                    value = enter(trace, value)
                except OnMeta:
                    return without_memory[0](record, primitive, attributes, *operands)  # type: ignore[no-any-return]
            key.append(value.place)
            if view is not None and view.offset > 0:
                numbers += (view.offset,)
                view = view.moved
        else:
            key.append(number_kind(value))
            numbers += (value,)
        key.append(view)
        values.append(value)
    lookup = tuple(key)
    step = trace.cursor.next.get(lookup)
    if step is None:
        step = new_step(trace, lookup, primitive, attributes, tuple(zip(key[2::2], key[3::2])), values)
    if primitive.late:
        trace.sites[step.depth - 1] = user_site()
    node: Node = _new(Node)
    node.shape = step.shape
    node.dtype = step.dtype
    node.trace = trace
    node.place = step.depth - 1
    node.buffer = None
    trace.numbers += numbers
    trace.nodes += (node,)
    trace.cursor = step
    if step.mark >= trace.limit:
        return overflow(trace, node, step)
    return node


def record_constant(shape: Sequence[int], number: Any, d: DType) -> Node:
    """Record a value whose elements are all one Python number: :func:`record` unrolled for this."""
    trace = local.trace
    kind = number_kind(number)
    key = (FILL, shape, d, kind)
    step = trace.cursor.next.get(key)
    if step is None:
        step = new_step(trace, key, FILL, (shape, d), ((kind, None),), (number,))
    node = Node(step.shape, step.dtype, trace, step.depth - 1)
    trace.numbers += (number,)
    trace.nodes += (node,)
    trace.cursor = step
    return overflow(trace, node, step) if step.mark >= trace.limit else node


def record_outputs(
    primitive: Primitive, attributes: Any, outputs: Sequence[Any], *operands: tuple[Any, View | None]
) -> list[Node]:
    """Record a primitive and its further outputs (attributes of OUTPUT steps); no evaluation comes between them."""
    trace = local.trace
    for value, _ in operands:
        if type(value) is Node and value.buffer is None and value.trace is not trace and not trace.ended:
            evaluate(value)  # before the lock is taken
    with trace.lock:
        if trace.limit == CLOSED:  # by another thread
            local.trace = Trace(local.trace.device)
            tell(trace)
            trace = local.trace
        limit, trace.limit = trace.limit, UNLIMITED
        unfinished = trace.unfinished
        if unfinished is None:
            trace.unfinished = trace.cursor
        try:
            nodes = [record(primitive, attributes, *operands, trace=trace)]
            nodes += [record(OUTPUT, output, (nodes[0], None), trace=trace) for output in outputs]
        except BaseException:
            trace.limit = CLOSED
            raise
        trace.limit, trace.unfinished = limit, unfinished
    if trace.limit == 0:
        evaluate_trace[0](trace)
    return nodes


def evaluate(node: Node) -> Any:
    """The memory of a node's value, evaluating the trace it is pending in if need be."""
    if node.buffer is None:
        assert node.trace is not None
        return node.trace.memory(node)
    return node.buffer


def _evaluate_for(node: Node, trace: Trace) -> None:
    """Evaluate a trace for the sake of one value.

    An error that another thread will hear of, for it recorded what was wrong, is none here if the value is there all the same.
    """
    try:
        evaluate_trace[0](trace)
    except Exception as error:
        elsewhere = trace.owner != get_ident() and trace.owner in sys._current_frames()
        if error is not trace.error or node.buffer is None or not elsewhere:
            raise


def step_boundary() -> None:
    """A natural place to evaluate what this thread has pending (the end of an optimiser's step)."""
    trace = local.trace
    if trace.cursor.depth:
        evaluate_trace[0](trace)


def set_eager(eager: bool) -> None:
    """Switch evaluation at each operation on or off while the program runs, for traces that begin from now on."""
    global EAGER
    step_boundary()
    EAGER = eager
    local.trace = Trace(local.trace.device)
