"""Native code as the compiler knows it: a description that is its key, and the function that writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .ir import Module


@dataclass(frozen=True, slots=True)
class Kernel:
    """Native code that knows no sizes.

    ``key`` describes the code completely (two kernels with one key are interchangeable), so it names the object on
    disk. ``emit(module, name)`` writes the function ``name`` with the signature of :mod:`flambeau.cpu.ir`.
    """

    key: str
    emit: Callable[[Module, str], None] = field(compare=False, hash=False)
