"""Composites at sizes that never came: what one records follows from what it recorded at others.

What a composite records depends on its name and on its operands' shapes, dtypes and views. Two recordings of one *structure*
differ in integers alone. When the same structure comes with other integers, the composite is recorded once more with symbols in
their place (:mod:`flambeau.kernels.symbols`): shapes, views and constants become expressions, decisions become guards. From then
on it costs the arithmetic of these, for all sizes for which the guards hold.

Symbols are recorded in a thread of its own, where no signal's handler and no mode of the user's comes in, in a trace that nobody
evaluates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from itertools import islice
from typing import Any

from ..compiler import plan as planning
from ..graph.dtypes import scalar_dtype
from ..graph.placeholder import ValueNeeded
from ..graph.primitives import LEAF
from ..graph.segments import Segment
from ..graph.shapes import MOVED, Size, View
from ..graph.steps import Step, count_structure, when_forgotten
from ..graph.trace import UNLIMITED, Node, Trace, local
from ..graph.windows import Convolution
from ..interpreter.undisturbed import elsewhere
from ..kernels.patterns import Pattern, Variants
from ..kernels.symbols import Symbols

Pair = tuple[Any, View | None]
Known = tuple[Segment, Any]
"""A segment, and its composite (:class:`~flambeau.core.composite.Composite`)."""

MOST_VARIANTS = 8
"""Variants of a composite's structure that are kept."""
VARIANTS_AT_ONCE = 2
"""So many variants are made as they are needed (see :class:`~flambeau.kernels.patterns.Variants`)."""
MOST_SAMPLES = 4
"""Integers that are remembered, to tell what varies."""


# --- structure and integers -------------------------------------------------------------------------------------------


def spread_out(name: Sequence[Any], pairs: Sequence[Pair]) -> tuple[Any, tuple[int, ...]]:
    """What a composite records but for integers, hashable if the name is, and these."""
    integers: list[int] = []
    structure: list[Any] = [
        _without_integers(part, integers) if isinstance(part, (tuple, View, Convolution)) else part for part in name
    ]
    places: list[int] = []
    for value, view in pairs:
        if type(value) is Node:
            place = value.place
            if place in places:
                structure.append(places.index(place))
            else:
                places.append(place)
                shape = value.shape
                integers.extend(shape)
                structure += (len(shape), value.dtype)
        else:
            structure.append(None if value is None else type(value))
        if view is not None:
            integers.extend(view.sizes)
            integers.extend(view.strides)
            structure += ("view", len(view.sizes), view.offset > 0)
    return tuple(structure), tuple(integers)


def _without_integers(value: Any, integers: list[int], sizes: bool = False) -> Any:
    """A part of a name without what are sizes: the integers of shapes and views, and those that are fields of a named tuple
    or of a convolution by themselves. Others may be dimensions."""
    kind = type(value)
    if kind is int and sizes:
        integers.append(value)
        return int
    if isinstance(value, tuple):
        return kind, *[_without_integers(part, integers, kind is not tuple) for part in value]
    if kind is View:
        integers.extend(value.sizes)
        integers.extend(value.strides)
        integers.append(value.offset)
        return View, len(value.sizes)
    if kind is Convolution:
        return kind, *[_without_integers(getattr(value, field.name), integers, True) for field in fields(value)]
    return value


def _with_integers(value: Any, integers: Iterator[Any], sizes: bool = False) -> Any:
    """The same with other integers, in the same order."""
    kind = type(value)
    if kind is int and sizes:
        return next(integers)
    if isinstance(value, tuple):
        parts = [_with_integers(part, integers, kind is not tuple) for part in value]
        return kind(*parts) if hasattr(value, "_fields") else kind(parts)
    if kind is View:
        rank = len(value.sizes)
        return View(tuple(islice(integers, rank)), tuple(islice(integers, rank)), next(integers))
    if kind is Convolution:
        return Convolution(*[_with_integers(getattr(value, field.name), integers, True) for field in fields(value)])
    return value


# --- variants ---------------------------------------------------------------------------------------------------------


class Variant:
    """What a composite records at all sizes of a pattern that satisfy the guards."""

    __slots__ = ("_pattern", "_bind", "segment", "_composite")

    def __init__(
        self, pattern: Pattern, bind: Callable[..., tuple[int, ...] | None], segment: Segment, composite: Any
    ) -> None:
        self._pattern = pattern
        #: The integers of the segment, its bytes, and the integers of the composite, for the symbols' values.
        self._bind = bind
        self.segment = segment
        self._composite = composite

    def at(self, integers: tuple[int, ...]) -> Known | None:
        """The segment and the composite for these integers, if it holds for them."""
        values = self._pattern.values(integers)
        sizes = None if values is None else self._bind(*values)
        if sizes is None:
            return None
        symbolic = self.segment
        count = len(symbolic.integers)
        segment = symbolic.at(sizes[:count], sizes[count])
        return segment, self._composite.at(iter(sizes[count + 1 :]))


class Sizes:
    """What is known of one structure."""

    __slots__ = ("samples", "variants", "called", "fixed", "came")

    def __init__(self) -> None:
        #: How often it came while nothing was known of it.
        self.came = 0
        #: Whether it must be called each time, because it looks at a value.
        self.called = False
        #: Whether it cannot be recorded with symbols.
        self.fixed = False
        self.samples: list[tuple[int, ...]] = []
        self.variants = Variants(MOST_VARIANTS, VARIANTS_AT_ONCE)

    def wants(self, integers: tuple[int, ...]) -> bool:
        """Note a recording for which no variant holds; whether one is to be made."""
        if self.fixed or integers in self.samples:
            return False
        self.samples.append(integers)
        if len(self.samples) == 1:
            return False
        del self.samples[:-MOST_SAMPLES]
        return self.variants.wanted()

    def learn(self, make: Callable[[Pattern], Variant | None], integers: tuple[int, ...]) -> None:
        """Have a variant made for these integers."""
        variant = make(Pattern(integers, self.samples))
        if variant is None:
            self.fixed = True
        else:
            count_structure(2000 + 400 * len(variant.segment.steps))
            self.variants.add(variant)


_sizes: dict[Any, Sizes] = {}


def sizes_of(structure: Any) -> Sizes:
    """What is known of a structure."""
    found = _sizes.get(structure)
    if found is None:
        count_structure(1000)
        found = _sizes[structure] = Sizes()
    return found


when_forgotten(_sizes.clear, structure=True)


def same(one: Known | None, other: Known | None) -> bool:
    """Whether two recordings are the same in all that their segments and composites tell."""
    if one is None or other is None:
        return False
    mine, theirs = one[0], other[0]
    alike = (mine.structure, mine.integers, mine.own) == (theirs.structure, theirs.integers, theirs.own)
    return alike and one[1].told() == other[1].told()


# --- recording with symbols -------------------------------------------------------------------------------------------

Record = Callable[[Trace, Sequence[Any], list[Pair]], Known | None]
"""Records a composite of this name and these operands, without numbers, at the end of a trace."""


def with_symbols(
    record: Record, name: Sequence[Any], pairs: Sequence[Pair], like: Known, integers: tuple[int, ...], pattern: Pattern
) -> Variant | None:
    """The variant of a composite that recorded ``like`` for these integers; None if that does not show for others."""
    made: list[Variant] = []
    failed: list[Exception] = []
    device = local.trace.device
    modes = {mode: state for mode, state in vars(local).items() if mode != "trace"}

    def run() -> None:
        vars(local).update(modes)
        try:
            variant = _recorded(record, name, pairs, pattern, integers, like, device)
        except Exception as error:
            failed.append(error)
        else:
            if variant is not None:
                made.append(variant)

    elsewhere(run)
    if failed and planning.CHECK:  # else it is recorded anew at each size
        raise failed[0]
    return made[0] if made else None


def again(record: Record, name: Sequence[Any], pairs: Sequence[Pair], integers: tuple[int, ...], like: Known) -> Known | None:
    """What a composite records for these integers, found out by recording it once more."""
    variant = with_symbols(record, name, pairs, like, integers, Pattern(integers, [integers]))
    return None if variant is None else variant.at(integers)


def _recorded(
    record: Record, name: Sequence[Any], pairs: Sequence[Pair], pattern: Pattern, integers: tuple[int, ...], like: Known,
    device: str,
) -> Variant | None:  # fmt: skip
    symbols = Symbols()
    following = pattern.symbolic(symbols, integers)
    trace = local.trace = Trace(device)
    trace.limit = UNLIMITED
    trace.ended, trace.error = True, ValueNeeded()  # for those who would look at a value
    none = scalar_dtype("b")
    trace.cursor = Step(None, LEAF, None, (), Size(), none, none, None)
    trace.cursor.passing = True
    known = View.count_known()
    try:
        other = [_with_integers(part, following) for part in name]
        found = record(trace, other, _leaves(trace, pairs, following))
        if found is None:
            return None
        segment, composite = found
        if segment.structure != like[0].structure:
            return None
        bind = symbols.binder([*segment.integers, segment.own, *composite.integers()])
    except (ValueNeeded, TypeError):
        return None
    finally:
        View.forget_symbolic(known)
        symbols.let_go()
    if symbols.pinned:
        return None
    variant = Variant(pattern, bind, segment, composite)
    assert same(variant.at(integers), like), "symbols lead elsewhere than their values"
    return variant


def _leaves(trace: Trace, pairs: Sequence[Pair], integers: Iterator[Any]) -> list[Pair]:
    """Operands with these integers, as leaves of the trace."""
    operands: list[Pair] = []
    places: dict[int, Node] = {}
    for value, view in pairs:
        if type(value) is Node:
            node = places.get(value.place)
            if node is None:
                shape = Size(islice(integers, len(value.shape)))
                step = Step(trace.cursor, LEAF, (shape, value.dtype), (), shape, value.dtype, value.dtype, None)
                node = places[value.place] = Node(shape, value.dtype, trace, step.depth - 1)
                trace.nodes.append(node)
                trace.cursor = step
            value = node
        if view is not None:
            rank = len(view.sizes)
            sizes, strides = tuple(islice(integers, rank)), tuple(islice(integers, rank))
            hidden = view.offset > 0  # it may be a placeholder, in a composite that is learnt with another
            view = View(sizes, strides, MOVED if hidden else 0)
            if hidden:
                view = view.at(1)  # any: its value is hidden
        operands.append((value, view))
    return operands
