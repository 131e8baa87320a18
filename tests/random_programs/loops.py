"""What a loop's body does in each step: mostly the same."""

from __future__ import annotations

from dataclasses import replace

from .program import Instruction

MOVED = {
    "select": "b", "narrow": "b", "item of": "a", "last of": "a", "unbind": "b", "roll": "b",
    "times": "a", "plus": "a", "minus": "a", "whole times": "b",
}  # fmt: skip
"""Instructions that may mean another place, or another number, in each step, and by which of their numbers."""


def in_step(i: Instruction, number: int) -> Instruction | None:
    """What an instruction of a loop's body is in a step; None if it is left out, as in one branch of an ``if``."""
    if i.c % 16 == 1 and number % 3 == 1:
        return None
    if i.name in MOVED and i.c % 2:
        return replace(i, **{MOVED[i.name]: getattr(i, MOVED[i.name]) + number})
    return i
