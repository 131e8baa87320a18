"""Random number generators: counter-based, so that a number depends on the seed and its place alone (Philox).

Drawing numbers advances the generator's counter when the drawing is *recorded*; what is computed later, in what order
and on how many threads, changes nothing.
"""

from __future__ import annotations

import os
import struct
import time
from typing import Any

import numpy as np

from .tensor import Tensor

_MASK = (1 << 64) - 1


class Generator:
    """A stream of random numbers: a seed and how many counters were used."""

    def __init__(self, device: Any = "cpu") -> None:
        from .device import check_device

        check_device(device)
        self._seed = 67280421310721
        self._offset = 0

    @property
    def device(self) -> Any:
        from .device import CPU

        return CPU

    def manual_seed(self, seed: int) -> Generator:
        """Begin the stream of ``seed`` (any integer of 64 bits). Returns the generator."""
        seed = int(seed)
        if not -(1 << 63) <= seed < (1 << 64):
            raise RuntimeError("Overflow when unpacking long")
        self._seed = seed & _MASK
        self._offset = 0
        return self

    def initial_seed(self) -> int:
        """The seed of the current stream."""
        return self._seed

    def seed(self) -> int:
        """Begin the stream of a seed from the system's entropy, and return that seed."""
        self.manual_seed(struct.unpack("<Q", os.urandom(8))[0] ^ (time.time_ns() & 0xFFFF))
        return self._seed

    def get_state(self) -> Tensor:
        """The state as a tensor of 16 bytes."""
        from .ops.from_data import from_array

        return from_array(np.frombuffer(struct.pack("<QQ", self._seed, self._offset), dtype=np.uint8))

    def set_state(self, state: Tensor) -> Generator:
        """Continue from a state that :meth:`get_state` gave. ``RuntimeError`` for anything else."""
        if not isinstance(state, Tensor) or state.numel() != 16 or str(state.dtype) != "torch.uint8":
            raise RuntimeError("RNG state is wrong size")
        self._seed, self._offset = struct.unpack("<QQ", bytes(state.tolist()))
        return self

    def clone_state(self) -> Generator:
        """Another generator in the same state."""
        other = Generator()
        other._seed, other._offset = self._seed, self._offset
        return other

    def draw(self, count: int) -> tuple[int, int]:
        """Seed and first counter (as signed 64-bit integers) of ``count`` new numbers."""
        offset = self._offset
        self._offset = (offset + count) & _MASK
        return _signed(self._seed), _signed(offset)

    def numpy(self, count: int = 1 << 32) -> np.random.Generator:
        """A NumPy generator for what is computed on the host, on counters of its own."""
        offset = self._offset
        self._offset = (offset + count) & _MASK
        return np.random.Generator(np.random.Philox(key=[self._seed, 1], counter=[0, 0, offset, 0]))


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


default_generator = Generator()
default_generator.seed()  # another one in each process, until the program says otherwise


def manual_seed(seed: int) -> Generator:
    """Seed the default generator."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the system's entropy."""
    return default_generator.seed()


def initial_seed() -> int:
    """The default generator's seed."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's state."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Put the default generator into a state that :func:`get_rng_state` gave."""
    default_generator.set_state(new_state)


class fork_rng:
    """Context manager: the default generator's state is restored on leaving."""

    def __init__(self, devices: Any = None, enabled: bool = True, **unused: Any) -> None:
        self.enabled = enabled

    def __enter__(self) -> None:
        self._state = (default_generator._seed, default_generator._offset)

    def __exit__(self, *exception: object) -> None:
        if self.enabled:
            default_generator._seed, default_generator._offset = self._state
