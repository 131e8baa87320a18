"""What parts give for definite sizes: the outline of each is kept by its structure, for all sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..graph.primitives import FILL, LEAF
from ..graph.steps import count_structure, when_forgotten
from ..graph.structure import SizedStep
from ..kernels.contract import Device
from ..kernels.patterns import Variants
from . import plan as planning
from .arrays import packed
from .families import Variant, variant_for
from .outline import Outline, load_together
from .templates import HostCall

MOST_VARIANTS = 16
"""Variants of a part that are kept."""
MOST_FITTED = 8
"""Sizes for which what a variant gives is kept."""

Meta = tuple[Any, Any, str]
"""What a part knows of a value from outside: shape, dtype, and of which kind the number is that it is filled with, if so."""


COLUMNS = {"operands": 2, "numbers": 2, "errors": 1, "kernels": 3, "made": 2, "taking": 3, "used": 2, "moved": 4}
"""How many columns the arrays of a form have."""


class Form:
    """What of a part's outline is the same for all sizes, as arrays with a row for each thing (:data:`COLUMNS`), so that many
    parts are put together at once.

    A part's pieces of memory have numbers: that of its temporaries, those of its outputs, those of the values that it reads.
    """

    __slots__ = ("outline", *COLUMNS, "hosts", "late")

    operands: Any
    numbers: Any
    errors: Any
    kernels: Any
    made: Any
    taking: Any
    used: Any
    moved: Any

    def __init__(self, outline: Outline, entries: int) -> None:
        self.outline = outline
        slots, outputs = outline.arguments, len(outline.outputs)
        numbers = 2 + len(outline.leaf_places) + outputs
        #: Arguments that are slots of memory: where they are, and of which piece.
        self.operands = _rows("operands", [(at, self.piece(slots[at])) for at in outline.operands_at])
        #: Those that are slots of numbers, and of which; those that are numbers of errors.
        self.numbers = _rows("numbers", [(at, slots[at] - numbers) for at in outline.numbers_at])
        self.errors = _rows("errors", [(at,) for at in outline.errors_at])
        #: Where the arguments of each kernel begin, its number and its flags; see :func:`load_kernels`.
        self.kernels = None
        #: Its places that are needed, and the output in which each of these lies.
        made = zip(outline.output_places, outline.output_of_place)
        self.made = _rows("made", [(place - entries, output) for place, output in made])
        #: Outputs that take the memory of a value from outside: which that is, the output, and whether the content must be there.
        #: (Where an error may be found, it is a complement in the outline: what is lost then is computed again.)
        leaves = outline.leaf_places
        self.taking = _rows("taking", [(leaves[max(leaf, ~leaf)], *further) for leaf, *further in outline.donations])
        #: The numbers that it is given, and of which kinds they are.
        self.used = _rows("used", [*zip(outline.number_indices, map(ord, outline.number_kinds))])
        #: Arguments that move with numbers: where they are, in which piece of memory, with which number, bytes per unit.
        self.moved = _rows("moved", [(at, self.piece(slots[at - 1]), number, unit) for at, _, number, unit in outline.moved])
        self.hosts = any(isinstance(segment, HostCall) for segment in outline.segments)
        self.late = outline.late

    def piece(self, slot: int) -> int:
        """The number of the piece of memory that has a slot in its outline."""
        leaves, outputs = self.outline.leaf_places, len(self.outline.outputs)
        if slot == 1:
            return 0
        number = slot - 2
        return 1 + outputs + leaves[number] if number < len(leaves) else 1 + number - len(leaves)


def load_kernels(device: Device, forms: Sequence[Form]) -> None:
    """Have the kernels of parts be ready to run: those of all parts that are new are compiled together."""
    new = [form for form in forms if form.kernels is None]
    load_together(device, [form.outline for form in new])
    for form in new:
        outline = form.outline
        form.kernels = _rows("kernels", [*zip(outline.starts, outline.kernels, outline.flags)])


def _rows(name: str, rows: Sequence[tuple[int, ...]]) -> Any:
    return packed([number for row in rows for number in row]).reshape(-1, COLUMNS[name])


class Fitted:
    """A part's form, and what it gives for definite sizes."""

    __slots__ = ("form", "arena", "scratch", "arguments", "tiles", "outputs", "moved", "rest")

    def __init__(self, form: Form, sizes: Sequence[int]) -> None:
        self.form = form
        self.arena, _, self.scratch = sizes[:3]
        arguments = 3 + len(form.outline.arguments)
        tiles = arguments + len(form.outline.starts)
        outputs = tiles + len(form.outline.outputs)
        moved = outputs + len(form.moved)
        numbers = packed(sizes[:moved])
        self.arguments, self.tiles = numbers[3:arguments], numbers[arguments:tiles]
        self.outputs, self.moved = numbers[tiles:outputs], numbers[outputs:moved]
        #: The extents of errors that may be found late, then what host calls take.
        self.rest = sizes[moved:]


class _PartVariant:
    """A variant of a part, with what it gave for the sizes that came last."""

    __slots__ = ("variant", "form", "_fitted")

    def __init__(self, variant: Variant, entries: int) -> None:
        self.variant = variant
        self.form = Form(variant.outline, entries)
        count_structure(3000 + 16 * MOST_FITTED * len(variant.outline.arguments))
        self._fitted: dict[tuple[int, ...], Fitted] = {}

    def at(self, integers: tuple[int, ...]) -> Fitted | None:
        """What it gives for these integers, or None if it does not hold for them."""
        fitted = self._fitted.get(integers)
        if fitted is None:
            found = self.variant.at(integers)
            if found is None:
                return None
            fitted = Fitted(self.form, found[1])
            if len(self._fitted) >= MOST_FITTED:
                self._fitted = {}
            self._fitted[integers] = fitted
        return fitted


_parts: dict[Any, Variants] = {}
"""What is known of each part, by its structure, what it reads, and what is needed of it."""


def fitted(
    device: Device, structure: int, mask: bytes, metas: Sequence[Meta], integers: tuple[int, ...],
    spelled: Callable[[], list[SizedStep]],
) -> Fitted:  # fmt: skip
    """What a part gives that has these integers, and reads values of these kinds.

    The ``mask`` has a byte for each of these, 0 for what nobody needs afterwards, then one for each of the part's places, 0 for
    what nobody needs. Its steps are ``spelled`` out if there is no variant that holds.
    """
    integers = (*[extent for shape, _, _ in metas for extent in shape], *integers)
    key = device, structure, tuple([(len(shape), d, number) for shape, d, number in metas]), mask
    variants = _parts.get(key)
    if variants is None:
        variants = _parts[key] = Variants(MOST_VARIANTS)
    found: Fitted | None = variants.at(integers)
    if found is None:
        steps = _outside(metas) + spelled()
        variants.add(_PartVariant(variant_for(device, steps, mask, integers, (), part=True), len(metas)))
        found = variants.at(integers)
        assert found is not None, "a part does not hold for the sizes that it was made for"
    if planning.CHECK:
        variant: Variant = variants.known[0].variant
        again = variant.at(integers)
        assert again is not None
        variant.verified(device, _outside(metas) + spelled(), mask, integers, again[1])
    return found


def _outside(metas: Sequence[Meta]) -> list[SizedStep]:
    """What a part reads, as the beginning of a trace of its own."""
    steps: list[SizedStep] = []
    for shape, d, number in metas:
        if number:
            steps.append(SizedStep(FILL, (shape, d), ((number, None),), shape, d, d, None))
        else:
            steps.append(SizedStep(LEAF, (shape, d), (), shape, d, d, None))
    return steps


when_forgotten(_parts.clear, structure=True)
