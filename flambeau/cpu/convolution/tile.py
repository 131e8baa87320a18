"""The register tile: how many results the micro-kernels keep in the machine's vector registers."""

from __future__ import annotations

from dataclasses import dataclass

from ..target import host


@dataclass(frozen=True, slots=True)
class Registers:
    """A machine's vector registers: how many, and of how many bits each."""

    count: int
    bits: int

    def lanes(self, item_bytes: int) -> int:
        return self.bits // (8 * item_bytes)


def host_registers() -> Registers:
    """The vector registers of the machine this runs on."""
    target = host()
    many = target.vector_bits == 512 or target.triple.startswith(("aarch64", "arm64"))
    return Registers(32 if many else 16, target.vector_bits)


@dataclass(frozen=True, slots=True)
class RegisterTile:
    """``rows`` scalars, each broadcast, times ``vectors`` vectors of ``lanes`` elements."""

    rows: int
    vectors: int
    lanes: int

    @property
    def key(self) -> str:
        return f"{self.rows}x{self.vectors}x{self.lanes}"


def choose_tile(registers: Registers, item_bytes: int, rows: int) -> RegisterTile:
    """A tile for a problem of so many rows: of those that fill the registers, the one that wastes fewest rows.

    A quarter of the registers is left for the vectors being multiplied. Tiles of few rows would be limited by loads, so
    they are only for problems of few rows.
    """
    accumulators = registers.count * 3 // 4
    most = 8 if registers.count >= 32 else 4
    candidates = range(most, most // 2, -1) if rows > most else (rows,)
    best = min(candidates, key=lambda count: (-(-rows // count) * count, -count))
    return RegisterTile(best, max(1, min(accumulators // best, 6)), registers.lanes(item_bytes))
