"""The trie of steps that all traces share: what was recorded before, and what it led to.

A step is found by the primitive, its attributes and the places of its operands, and the step that ends a trace holds its
plans. All is forgotten when a program that never repeats itself has filled the trie.
"""

from __future__ import annotations

from typing import Any

from .dtypes import DType, scalar_dtype
from .primitives import LEAF, SCATTER, WRITE, Primitive, nbytes
from .shapes import Size, View

BYTE_BUDGET = 2 << 30
"""Bytes of recorded values at which a trace is cut."""
KEPT_BYTES = 64 << 20
"""Bytes of steps and plans kept, about; all is forgotten when a program that never repeats itself has filled them."""
STEP_BYTES = 1200
"""What a step or a composite takes in the trie, with its key, its shape and its operands, about."""

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
        "next", "plans", "site", "kind", "structure", "integers", "outside",
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
        self.next: dict[Any, Any] = {}
        #: How to evaluate the trace that ends here (see :mod:`flambeau.compiler.evaluate`).
        self.plans: dict[Any, Any] = {}
        #: What all up to it has in common with traces of other sizes; found when a trace that ends here is evaluated.
        self.kind: Kind | None = None
        #: What the step itself has in common with those of other sizes, the integers in which it differs from them, and the
        #: places that it reads; found when they are needed.
        self.structure: Any = None
        self.integers: tuple[int, ...] = ()
        self.outside: tuple[int, ...] = ()


class Kind:
    """What traces of one structure have in common (see :mod:`flambeau.graph.structure`): a trie beside that of steps."""

    __slots__ = ("next", "families")

    def __init__(self) -> None:
        self.next: dict[Any, Kind] = {}
        #: Plans for the traces that end here, by what is needed of them (see :mod:`flambeau.compiler.families`).
        self.families: dict[Any, Any] = {}


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
_kept_bytes = 0


def root_of(device: str) -> Step:
    """Where the traces of a device begin: what one of them plans and compiles is of no use to another."""
    root = _roots.get(device)
    if root is None:
        root = _roots[device] = Step(None, LEAF, None, (), Size(), scalar_dtype("b"), scalar_dtype("b"), None)
    return root


def remember_next(step: Step, key: Any, following: Any) -> None:
    """Put what may follow a step into the trie."""
    count_kept(STEP_BYTES)
    step.next[key] = following


def count_kept(size: int) -> None:
    """Note that so many bytes are about to be kept with a step; forgets all that is kept when it becomes too much."""
    global _kept_bytes
    _kept_bytes += size
    if _kept_bytes > KEPT_BYTES:
        forget_steps()


_when_forgotten: list[Any] = []


def when_forgotten(action: Any) -> None:
    """Have a function called whenever steps are forgotten."""
    _when_forgotten.append(action)


def forget_steps() -> None:
    """Let the trie start anew: it is full, or what its steps were derived from (the default dtype) has changed.

    Steps know their parents, so each is cut off from what follows it, for memory to come back without the cycle collector.
    Traces that are being recorded go on from the step that they have reached.
    """
    global _kept_bytes
    _kept_bytes = 0
    for action in _when_forgotten:
        action()
    forgotten: list[Any] = [*_roots.values()]
    while forgotten:
        step = forgotten.pop()
        if type(step) is Step:
            forgotten += step.next.values()
            step.next.clear()
            step.plans.clear()
            step.kind = None
