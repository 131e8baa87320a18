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
from .outline import Outline
from .templates import HostCall

MOST_VARIANTS = 16
"""Variants of a part that are kept."""
MOST_FITTED = 8
"""Sizes for which what a variant gives is kept."""

Meta = tuple[Any, Any, str]
"""What a part knows of a value from outside: shape, dtype, and of which kind the number is that it is filled with, if so."""


class Form:
    """What of a part's outline is the same for all sizes, as arrays, so that many parts are put together at once.

    Pieces of memory have numbers: that of its temporaries, those of the leaves that it reads, those of its outputs.
    """

    __slots__ = (
        "outline", "operands_at", "operands", "numbers_at", "numbers", "errors_at", "starts", "kernels", "flags", "leaves",
        "made", "made_in", "donors", "donated", "contents", "number_indices", "number_kinds", "moved_at", "moved", "moved_by",
        "moved_units", "hosts", "late",
    )  # fmt: skip

    def __init__(self, outline: Outline, entries: int) -> None:
        self.outline = outline
        slots = outline.arguments
        leaves, outputs = len(outline.leaf_places), len(outline.outputs)
        #: Which arguments are slots of memory, and of which piece; which are slots of numbers, and of which; numbers of errors.
        self.operands_at = packed(outline.operands_at)
        self.operands = packed([slots[at] - 1 for at in outline.operands_at])
        self.numbers_at = packed(outline.numbers_at)
        self.numbers = packed([slots[at] - 2 - leaves - outputs for at in outline.numbers_at])
        self.errors_at = packed(outline.errors_at)
        #: Of each kernel where its arguments begin, its number and its flags.
        self.starts, self.kernels, self.flags = map(packed, (outline.starts, outline.kernels, outline.flags))
        #: Which of the values from outside are its leaves.
        self.leaves = packed(outline.leaf_places)
        #: Which of its places are needed, and the output in which each of these lies.
        self.made = packed([place - entries for place in outline.output_places])
        self.made_in = packed(outline.output_of_place)
        #: Outputs that take the memory of a value from outside: which that is, the output, and whether the content must be there.
        #: (Where an error may be found, it is a complement in the outline: what is lost then is computed again.)
        self.donors = packed([outline.leaf_places[max(leaf, ~leaf)] for leaf, _, _ in outline.donations])
        self.donated = packed([output for _, output, _ in outline.donations])
        self.contents = packed([content for _, _, content in outline.donations])
        self.number_indices = packed(outline.number_indices)
        self.number_kinds = packed([*map(ord, outline.number_kinds)])
        #: Arguments that move with numbers: where they are, in which piece of memory, with which number, bytes per unit.
        self.moved_at = packed([at for at, _, _, _ in outline.moved])
        self.moved = packed([slots[at - 1] - 1 for at, _, _, _ in outline.moved])
        self.moved_by = packed([number for _, _, number, _ in outline.moved])
        self.moved_units = packed([unit for _, _, _, unit in outline.moved])
        self.hosts = any(isinstance(segment, HostCall) for segment in outline.segments)
        self.late = outline.late


class Fitted:
    """A part's form, and what it gives for definite sizes."""

    __slots__ = ("form", "arena", "scratch", "arguments", "tiles", "outputs", "moved", "rest")

    def __init__(self, form: Form, sizes: Sequence[int]) -> None:
        self.form = form
        self.arena, _, self.scratch = sizes[:3]
        arguments = 3 + len(form.outline.arguments)
        tiles = arguments + len(form.kernels)
        outputs = tiles + len(form.outline.outputs)
        moved = outputs + len(form.moved_at)
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
