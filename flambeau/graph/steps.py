"""The trie of steps that all traces share: what was recorded before, and what it led to.

A step is found by the primitive, its attributes and the places of its operands, and the step that ends a trace holds its
plans. Those that were of no use for longest are forgotten when a program that never repeats itself has filled the trie.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..interpreter.forks import new_lock
from .dtypes import DType, scalar_dtype
from .primitives import LEAF, SCATTER, WRITE, Primitive, nbytes
from .shapes import Size, View

BYTE_BUDGET = 2 << 30
"""Bytes of recorded values at which a trace is cut."""
KEPT_BYTES = 256 << 20
"""Bytes kept, about: of steps, their plans, and what holds for all sizes, which may take half of it."""
STEP_BYTES = 700
"""What a step or a composite takes in the trie, with its key, its shape and its operands, about."""


class Plans(dict[Any, Any]):
    """How to evaluate traces of the same steps, whatever composites recorded these."""

    #: How many steps of the trie these traces end in.
    ends = 0


NOTHING: Any = Plans()
"""What follows a step that nothing follows yet: most steps of a program that never repeats itself need no dictionary."""

NONE: Any = frozenset()
"""What is found from before a step's leaves, where nothing is."""

ALWAYS = 1 << 40
"""The mark of a step whose trace has run out of bytes."""

Operand = tuple[Any, View | None]
"""A step's operand: (place, view), or ("f" | "i" | "b", None) for a Python number given anew each time.

A view's offset, unless it is zero, is given anew each time too: it stands among the numbers, in operand order.
"""


class Step:
    """One step of the trie: a primitive applied to earlier steps, and what may follow it."""

    __slots__ = (
        "parent", "depth", "mark", "primitive", "attributes", "operands", "shape", "dtype", "compute", "own", "bytes",
        "next", "aside", "plans", "site", "structure", "integers", "outside", "passing",
    )  # fmt: skip

    def __init__(
        self, parent: Step | None, primitive: Primitive, attributes: Any, operands: tuple[Operand, ...],
        shape: Size, dtype: DType, compute: DType, site: tuple[str, int] | None, count: int = 1, own: int | None = None,
    ) -> None:  # fmt: skip
        self.parent = parent
        #: The place behind it: a segment (see :mod:`flambeau.graph.segments`) takes several.
        self.depth: int = 0 if parent is None else parent.depth + count
        self.primitive = primitive
        self.attributes = attributes
        self.operands = operands
        self.shape = shape
        self.dtype = dtype
        self.compute = compute
        self.site = site
        #: Bytes that it counts against the budget, and all up to it.
        self.own = _bytes_recorded(primitive, attributes, shape, dtype) if own is None else own
        self.bytes: int = self.own if parent is None else parent.bytes + self.own
        #: Compared with the trace's limit after each step: its depth, or "always" when the bytes have run out.
        self.mark = ALWAYS if self.bytes > BYTE_BUDGET else self.depth
        #: What may follow: steps by what they do, and composites (see :mod:`flambeau.core.composite`) by theirs.
        self.next: dict[Any, Any] = NOTHING
        #: Steps that follow it and are found from before it alone (see :func:`find_before_leaves`).
        self.aside: set[Step] = NONE
        #: How to evaluate the trace that ends here (see :mod:`flambeau.compiler.evaluate`).
        self.plans: Plans = NOTHING
        #: Whether it goes with its trace: it is of a size that came here for the first time, as others did before.
        self.passing: bool = parent is not None and parent.passing
        #: What it has in common with steps of other sizes (see :mod:`flambeau.graph.segments`), the integers in which it differs
        #: from them, and the places that it reads; found when they are needed.
        self.structure: Any = None
        self.integers: tuple[int, ...] = ()
        self.outside: tuple[int, ...] = ()


    def behind(
        self, parent: Step, attributes: Any, operands: tuple[Operand, ...], outside: tuple[int, ...], site: tuple[str, int] | None
    ) -> Step:
        """A step that does the same elsewhere, with operands that differ in nothing but their places."""
        made: Step = object.__new__(Step)
        own = self.own
        depth = parent.depth + 1
        total = parent.bytes + own
        made.parent = parent
        made.depth = depth
        made.primitive = self.primitive
        made.attributes = attributes
        made.operands = operands
        made.shape = self.shape
        made.dtype = self.dtype
        made.compute = self.compute
        made.site = site
        made.own = own
        made.bytes = total
        made.mark = ALWAYS if total > BYTE_BUDGET else depth
        made.next = made.plans = NOTHING
        made.aside = NONE
        made.passing = parent.passing
        made.structure = self.structure
        made.integers = self.integers
        made.outside = outside
        return made


def chain_to(last: Step) -> list[Step]:
    """The steps of the trace that ends in ``last``, in recorded order, segments as one."""
    steps: list[Step] = []
    step: Step | None = last
    while step is not None and step.parent is not None:
        steps.append(step)
        step = step.parent
    steps.reverse()
    return steps


def _bytes_recorded(primitive: Primitive, attributes: Any, shape: Size, dtype: DType) -> int:
    """What a step counts against the byte budget: for updates of part of a value, that part."""
    if primitive is LEAF:
        return 0
    if primitive is WRITE:
        return nbytes(attributes.sizes, dtype)
    if primitive is SCATTER:
        return nbytes(attributes[0], dtype)
    return nbytes(shape, dtype)


#: Where the traces of each device begin.
_roots: dict[str, Step] = {}
_step_bytes = 0
_kept_bytes = 0
_structure_bytes = 0


def root_of(device: str) -> Step:
    """Where the traces of a device begin: what one of them plans and compiles is of no use to another."""
    root = _roots.get(device)
    if root is None:
        root = _roots[device] = Step(None, LEAF, None, (), Size(), scalar_dtype("b"), scalar_dtype("b"), None)
    return root


def remember_next(step: Step, key: Any, following: Any) -> None:
    """Put what may follow a step into the trie."""
    if step.passing:
        return
    count_steps(STEP_BYTES)
    if _waiting:
        _cut_off(4)
    _followers(step)[key] = following


def _followers(step: Step) -> dict[Any, Any]:
    """What follows a step, to be added to. (Another thread may find at any time that nothing does.)"""
    followers = step.next
    if followers is NOTHING:
        followers = step.next = {}
    return followers


def find_before_leaves(step: Step, key: Any, before: Step, lookup: Any) -> None:
    """Have a composite that follows ``step`` be found from ``before`` the leaves that lead there, which it then claims itself.

    Leaves that nothing else follows are looked up no more, and leave the trie: of a short trace, they are most steps.
    """
    following = step.next.pop(key, None)
    if following is None:  # another thread was here first
        return
    _followers(before)[lookup] = following
    behind: Step = following.last
    leaf: Any = None
    while True:
        if behind.parent is step:
            if not step.aside:
                step.aside = set()
            step.aside.add(behind)
        if step is before or step.parent is None or step.next or step.plans is not NOTHING or step in _ends:
            break
        leaf = step.attributes
        step.next = NOTHING
        behind, step = step, step.parent
        step.next.pop(leaf, None)
    if leaf is not None:
        _followers(step)[_rank(leaf)] = None


def _rank(leaf: Any) -> Any:
    """What stands among the followers of a step where a leaf came that had so many axes and this dtype."""
    shape, dtype = leaf
    return len(shape), dtype


_ends: dict[Step, None] = {}
"""Steps of the trie at which traces were evaluated, in the order in which that was last."""


_alike: dict[tuple[int, int], Step] = {}
"""The latest of these, by what traces of the same steps have in common."""


def note_use(step: Step, same: Callable[[Step, Step], bool]) -> None:
    """Note that the trace that ends in a step is evaluated now. If it is for the first time, it shares the plans of another one
    that is of the ``same`` steps: what a program does again and again is recorded by ever fewer look-ups, and that is no reason
    to plan it anew.
    """
    if step.passing:
        return
    if step.plans is NOTHING:
        key = step.depth, step.bytes
        other = _alike.get(key)
        alike = other is not None and other.plans is not NOTHING and same(step, other)
        step.plans = other.plans if other is not None and alike else Plans()
        step.plans.ends += 1
        _alike[key] = step
    _ends.pop(step, None)
    _ends[step] = None


def remember_plan(step: Step, key: Any, plan: Any) -> None:
    """Keep how to evaluate the trace that ends in a step."""
    if step.plans is NOTHING:
        step.plans = Plans()
        step.plans.ends = 1
        if not step.passing:  # another thread has forgotten it while this was made
            _ends[step] = None
    step.plans[key] = plan


def count_steps(size: int) -> None:
    """Note that so many bytes are about to be kept in the trie; forgets what was of no use for longest when it is too much."""
    global _step_bytes
    _step_bytes += size
    if _step_bytes + _kept_bytes + _structure_bytes > KEPT_BYTES:
        _forget_some()


def count_kept(size: int) -> None:
    """Note that so many bytes are about to be kept of what holds for definite sizes, beside the trie."""
    global _kept_bytes
    _kept_bytes += size
    if _step_bytes + _kept_bytes + _structure_bytes > KEPT_BYTES:
        _forget_some()


def count_structure(size: int) -> None:
    """Note that so many bytes are about to be kept for all sizes; forgets everything when it becomes too much."""
    global _structure_bytes
    _structure_bytes += size
    if _structure_bytes > KEPT_BYTES // 2:
        forget_steps()


_when_forgotten: tuple[list[Callable[[], None]], list[Callable[[], None]]] = [], []


def when_forgotten(action: Callable[[], None], structure: bool = False) -> None:
    """Have a function called when steps are forgotten; or, if it lets go what holds for all sizes, when that is forgotten."""
    _when_forgotten[structure].append(action)


class CameOnce:
    """What came once, by its hash: so many of them, then it begins anew."""

    def __init__(self, most: int) -> None:
        self._numbers: set[int] = set()
        self._most = most

    def first(self, number: int) -> bool:
        """Whether this number comes for the first time."""
        if number in self._numbers:
            return False
        if len(self._numbers) >= self._most:
            self._numbers.clear()
        self._numbers.add(number)
        return True

    def forget(self) -> None:
        """Begin anew."""
        self._numbers.clear()


_steps_once = CameOnce(100_000)


def comes_first(step: Step, key: Any, primitive: Primitive | None = None) -> bool:
    """Whether something comes behind a step for the first time, where something else came before (as a leaf, another size).

    It may never come again: a size, or the end of a loop that turns so often. What is recorded behind it goes with its trace,
    and is kept from the second time on.
    """
    if step.passing:
        return True
    if primitive is LEAF:
        if step.next is NOTHING or not key[0]:
            return False
        rank = _rank(key)
        if rank not in step.next:  # noted where more than one thing follows
            alike = any([_rank(other) == rank for other in list(step.next) if type(other[0]) is Size])
            _followers(step)[rank] = None
            if not alike:
                return False
    elif not step.next or step.parent is None:
        return False
    return _steps_once.first(hash((id(step), hash_of(key))))


def hash_of(key: tuple[Any, ...]) -> int:
    """The hash of a key with views by what they say: one that nothing holds is another object the next time."""
    return hash(tuple([part.spelled() if type(part) is View else part for part in key]))


_waiting: list[Any] = []
"""Steps that are forgotten, and not yet cut off from what follows them."""


def _cut_off(count: int) -> None:
    """Cut so many forgotten steps off from what follows them: a few at a time, for it may be a hundred thousand.

    Steps know their parents, so without that their memory would wait for the cycle collector.
    """
    while count:
        try:
            step = _waiting.pop()
        except IndexError:  # no more, or another thread has cut off the last one
            return
        step = getattr(step, "last", step)  # what follows a composite follows its last step
        if type(step) is Step:
            _waiting.extend((*step.next.values(), *step.aside))
            step.next = step.plans = NOTHING
            step.aside = NONE
            step.passing = True
            count -= 1


_forgetting = new_lock()


def _forget_some() -> None:
    """:func:`_forget_a_part`, unless another thread is at it: both would count off what goes."""
    if _forgetting.acquire(blocking=False):
        try:
            _forget_a_part()
        finally:
            _forgetting.release()


def _forget_a_part() -> None:
    """Let a part of what is kept go: all that is kept beside the trie, if that is much, else what was of no use for longest.

    A little at a time, so that no step of a program takes long. What holds for all sizes stays.
    """
    global _step_bytes, _kept_bytes
    if _kept_bytes > KEPT_BYTES // 4:
        _kept_bytes = 0
        for action in _when_forgotten[0]:
            action()
    limit = KEPT_BYTES - _structure_bytes - _kept_bytes - KEPT_BYTES // 16
    gone: set[Step] = set()
    left: dict[Step, int] = {}  # how many steps still follow those of which one has gone
    for end in list(_ends):
        if _step_bytes <= limit:
            break
        step = end
        _ends.pop(end, None)
        plans, step.plans = step.plans, NOTHING
        plans.ends -= 1
        if not plans.ends:
            size = sum([getattr(plan, "kept_bytes", 0) for plan in plans.values()])
            _step_bytes -= size  # nothing is called meanwhile: other threads add to it
        key = step.depth, step.bytes
        if _alike.get(key) is step:  # else it would be kept, with all that leads to it
            _alike.pop(key, None)
        while step.parent is not None and not step.passing and step not in _ends and not _following(step, left):
            gone.add(step)
            step.passing = True  # for a trace that has just reached it
            _step_bytes -= STEP_BYTES
            left[step.parent] = _following(step.parent, left) - 1
            step = step.parent
    for step in dict.fromkeys([before for after in left if after not in gone for before in _from_before_leaves(after)]):
        for key in [key for key, following in list(step.next.items()) if getattr(following, "last", following) in gone]:
            _waiting.append(step.next.pop(key, None))
        _waiting.extend(step.aside & gone)
        if step.aside:
            step.aside -= gone
    if _step_bytes > limit:  # traces that nobody evaluated
        _forget_sizes()


def _from_before_leaves(step: Step) -> list[Step]:
    """A step and those from which what follows it may be found: before the leaves that it ends with."""
    steps = [step]
    while step.primitive is LEAF and step.parent is not None:
        step = step.parent
        steps.append(step)
    return steps


def _following(step: Step, left: dict[Step, int]) -> int:
    """How many steps follow one, those included that are found from before it."""
    known = left.get(step)
    if known is None:
        targets = [getattr(following, "last", following) for following in list(step.next.values())]
        known = len({*step.aside, *[target for target in targets if type(target) is Step and target.parent is step]})
    return known


def _forget_sizes() -> None:
    """Let the trie start anew. What holds for all sizes is kept.

    Traces that are being recorded go on from the step that they have reached.
    """
    global _step_bytes, _kept_bytes
    _step_bytes = _kept_bytes = 0
    for action in _when_forgotten[0]:
        action()
    _ends.clear()
    _alike.clear()
    for root in _roots.values():
        _waiting.extend((*root.next.values(), *root.aside))
        root.next = root.plans = NOTHING
        root.aside = NONE


def forget_steps() -> None:
    """Let all start anew: it is full, or what it was derived from (the default dtype) has changed."""
    global _structure_bytes
    _structure_bytes = 0
    _forget_sizes()
    for action in _when_forgotten[1]:
        action()
