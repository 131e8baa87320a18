"""What the shapes of tiles need to know of the machine: its vector registers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from ..target import host


@dataclass(frozen=True)
class VectorRegisters:
    """How wide the vector registers are, how many there are, and whether a load can leave out lanes cheaply."""

    bytes: int
    count: int
    masked_loads: bool


@cache
def host_registers() -> VectorRegisters:
    """The registers of the machine this runs on."""
    target = host()
    bytes = target.vector_bits // 8
    many = bytes == 64 or target.triple.startswith(("aarch64", "arm64"))
    return VectorRegisters(bytes, 32 if many else 16, bytes >= 32)
