"""Plans for all sizes: what recurs in structure is planned once, with sizes as symbols.

A *family* has the plans for traces of one structure of which the same values are needed. The first trace is run one primitive
at a time. When the structure recurs with other sizes it is fused, with a symbol for each integer that differed (those that
were equal each time share one); what was the same each time is a constant. The plan then holds for all sizes that have the same
pattern and satisfy the guards that planning left (:mod:`flambeau.kernels.symbols`); sizes that do not get a further variant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph.segments import expanded, find_structure
from ..graph.steps import CameOnce, Step, count_structure, when_forgotten
from ..graph.structure import with_integers
from ..kernels.contract import Device
from ..kernels.patterns import Pattern, Variants
from ..kernels.symbols import Symbols
from . import plan as planning
from .outline import Outline
from .plan import Plan

MOST_VARIANTS = 32
"""Variants of a family that are kept, those that were used last."""
VARIANTS_AT_ONCE = 4
"""A family gets so many variants as they are needed (see :class:`~flambeau.kernels.patterns.Variants`); traces that have none
are assembled."""
STEPS_AT_ONCE, STEPS_A_VISIT = 192, 16
"""A structure of so many steps is planned as a whole when it is seen twice; a larger one after a visit for each so many."""
MOST_STEPS = 2048
"""A longer trace is turns of loops, or it would have been cut (:mod:`flambeau.graph.trace`), and is never planned as a whole."""
MOST_SAMPLES = 6
"""Sizes of a family that are remembered, to tell what varies."""


def planned(device: Device, steps: Sequence[Any], live: bytes, fuse: bool, checked: int | None = None) -> Plan:
    """A plan for the sizes that the steps have."""
    outline = Outline(device, steps, live, fuse, checked)
    plan = Plan(outline, outline.results(), live)
    outline.let_go()
    return plan


class Variant:
    """An outline, and for which sizes it holds: a trace's integers are the symbols' values and constants, in a pattern."""

    __slots__ = ("outline", "pattern")

    outline: Outline

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern

    def at(self, integers: tuple[int, ...]) -> tuple[Variant, tuple[int, ...]] | None:
        """Itself and the sizes of its plan for a trace's integers, if it holds for them."""
        values = self.pattern.values(integers)
        if values is None:
            return None
        assert self.outline.sizes is not None
        sizes = self.outline.sizes(*values)
        return None if sizes is None else (self, sizes)

    def planned(
        self, device: Device, steps: Sequence[Any], live: bytes, integers: tuple[int, ...],
        places: Sequence[Sequence[int]] | None = None,
    ) -> Outline:  # fmt: skip
        """An outline with these integers as the example."""
        symbols = Symbols()
        following = self.pattern.symbolic(symbols, integers)
        sized = [with_integers(step, following) for step in steps]
        return Outline(device, sized, live, True, symbols=symbols, places=places)

    def verified(
        self, device: Device, steps: Sequence[Any], live: bytes, integers: tuple[int, ...], sizes: tuple[int, ...]
    ) -> Any:
        """Planning with these integers as the example must give the same; returns what verifies the memory of a run.

        (That of a part is verified as if it were a plan of its own.)
        """
        outline = self.planned(device, steps, live, integers, self.outline.places)
        same = outline.kernels == self.outline.kernels and outline.flags == self.outline.flags
        assert same, "other sizes would have other kernels"
        values = self.pattern.values(integers)
        assert outline.sizes is not None and values is not None
        again = outline.sizes(*values)
        assert again is not None, "a plan does not hold for the sizes that it was made for"
        for number, (one, other) in enumerate(zip(again, sizes, strict=True)):
            assert one == other, f"number {number} of a plan is {other} instead of {one}"
        outline.settle()
        check = planning.Plan(outline, again, live).check
        outline.let_go()
        return check


class Family:
    """The variants for one structure and one set of needed values."""

    __slots__ = ("samples", "variants", "visits")

    def __init__(self) -> None:
        self.samples: list[tuple[int, ...]] = []
        self.visits = 0
        self.variants = Variants(MOST_VARIANTS, VARIANTS_AT_ONCE)


_families: dict[Any, Family] = {}
"""By the device, what is needed, and the structures of all steps with the places that they read."""

_long_once = CameOnce(10_000)
"""Long structures that came once: a loop may never turn as often again."""


def planned_for_any_size(device: Device, chain: Sequence[Step], live: bytes) -> Plan | None:
    """A plan for a trace, if its structure was seen before; None if it is new."""
    if len(live) > MOST_STEPS:
        return None
    for step in chain:
        if step.structure is None:
            find_structure(step)
    if len(live) > STEPS_AT_ONCE and _long_once.first(hash(tuple([step.structure for step in chain]))):
        return None
    structure: list[Any] = [device, live]
    spread_out: list[int] = []
    for step in chain:
        structure.append(step.structure)
        structure += step.outside
        spread_out += step.integers
    key, integers = tuple(structure), tuple(spread_out)
    family = _families.get(key)
    if family is None:
        count_structure(500 + 8 * len(key) + 40 * len(integers))
        family = _families[key] = Family()
    found = family.variants.at(integers)
    if found is not None:
        return _plan(device, chain, integers, live, *found)
    family.visits += 1
    early = len(live) > STEPS_AT_ONCE and family.visits * STEPS_A_VISIT < len(live)
    if early or not family.samples:
        family.samples[1:] = [integers]
        return None
    if integers in family.samples:  # the very same trace again
        return planned(device, expanded(chain), live, fuse=True)
    if not family.variants.wanted():
        return None
    family.samples[MOST_SAMPLES:] = []
    family.variants.add(variant_for(device, expanded(chain), live, integers, family.samples))
    family.samples.append(integers)
    found = family.variants.at(integers)
    assert found is not None, "a plan does not hold for the sizes that it was made for"
    return _plan(device, chain, integers, live, *found)


def _plan(
    device: Device, chain: Sequence[Step], integers: tuple[int, ...], live: bytes, variant: Variant, sizes: tuple[int, ...]
) -> Plan:
    """The plan that a variant gives for a trace's integers."""
    check = variant.verified(device, expanded(chain), live, integers, sizes) if planning.CHECK else None
    return Plan(variant.outline, sizes, live, check)


def variant_for(
    device: Device, steps: Sequence[Any], live: bytes, integers: tuple[int, ...], samples: Sequence[tuple[int, ...]],
    part: bool = False,
) -> Variant:  # fmt: skip
    """A variant that holds for ``integers``, those of the steps in their order.

    What differs from any of the samples is symbolic; in a ``part`` all is, but what is less than a symbol can be.
    """
    variant = Variant(Pattern(integers, samples, all_vary=part))
    variant.outline = outline = variant.planned(device, steps, live, integers)
    outline.let_go()
    count_structure(5000 + 1500 * len(outline.work) + 100 * len(integers))
    return variant


when_forgotten(_families.clear, structure=True)
when_forgotten(_long_once.forget, structure=True)

__all__ = ["planned", "planned_for_any_size"]
