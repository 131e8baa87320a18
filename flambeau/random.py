"""Random number generators: counter-based, so that a number depends on the seed and its place alone (Philox).

Drawing numbers advances the generator's counter when the drawing is *recorded*; what is computed later, in what order
and on how many threads, changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import struct
import time
from typing import Any

import numpy as np

from .core.device import CPU, check_device
from .core.tensor import Tensor
from .graph.trace import local

_MASK = (1 << 64) - 1
_STATE = struct.Struct("<QQ")

#: PyTorch's state on the CPU: the Mersenne Twister's (seed, numbers left, whether seeded, next, 624 words) and numbers
#: drawn in advance.
_MERSENNE_STATE = 5056
_MERSENNE_WORDS = 624


def _seed_of_mersenne_twister(data: bytes) -> int:
    """A seed for each state of PyTorch's generator. ``RuntimeError`` if it is not a state."""
    _, left, seeded, following = struct.unpack_from("<QiiI", data)
    if seeded != 1 or not 1 <= left <= _MERSENNE_WORDS or following > _MERSENNE_WORDS:
        raise RuntimeError("Invalid mt19937 state")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


class Generator:
    """A stream of random numbers: a seed and how many counters were used."""

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device)
        self._seed = 67280421310721
        self._offset = 0

    @property
    def device(self) -> Any:
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

        return from_array(np.frombuffer(_STATE.pack(self._seed, self._offset), dtype=np.uint8))

    def set_state(self, state: Tensor) -> Generator:
        """Continue from a state that :meth:`get_state` gave.

        PyTorch's own state, of another kind of generator, begins a stream that its bytes determine (but not PyTorch's:
        no seed gives that). ``TypeError`` if ``state`` is no tensor of bytes, ``RuntimeError`` if it is no state.
        """
        if not isinstance(state, Tensor):
            raise TypeError(f"expected a torch.ByteTensor, but got {type(state).__name__}")
        if str(state.dtype) != "torch.uint8":
            raise TypeError("RNG state must be a torch.ByteTensor")
        data = bytes(state.flatten().tolist())
        if len(data) == _STATE.size:
            self._seed, self._offset = _STATE.unpack(data)
        elif len(data) == _MERSENNE_STATE:
            self._seed, self._offset = _seed_of_mersenne_twister(data), 0
        else:
            raise RuntimeError(
                f"Expected a generator's state of {_STATE.size} bytes, or one of PyTorch's of {_MERSENNE_STATE}, but found "
                f"the input RNG state size to be {len(data)}"
            )
        return self

    def __setstate__(self, state: Any) -> None:
        """Take the state of a pickled generator, Flambeau's or PyTorch's (seed, offset, state)."""
        if isinstance(state, dict):
            self._seed, self._offset = state["_seed"], state["_offset"]
        else:
            self.set_state(state[2])

    def clone_state(self) -> Generator:
        """Another generator in the same state."""
        other = Generator()
        other.place = self.place
        return other

    @property
    def place(self) -> tuple[int, int]:
        """The state as numbers: the seed, and how many counters were used."""
        return self._seed, self._offset

    @place.setter
    def place(self, place: tuple[int, int]) -> None:
        self._seed, self._offset = place

    def draw(self, count: int) -> tuple[int, int]:
        """Seed and first counter (as signed 64-bit integers) of ``count`` new numbers."""
        offset = self._offset
        self._offset = (offset + local.trace.draws(count)) & _MASK
        return _signed(self._seed), _signed(offset)

    def numpy(self, count: int = 1 << 32) -> np.random.Generator:
        """A NumPy generator for what is computed on the host, on counters of its own."""
        if local.trace.draws(1) > 1:
            raise RuntimeError(
                "vmap: this random operation is computed when it is called, so it cannot differ from sample to sample; "
                "please use randomness='same', or call it outside"
            )
        offset = self._offset
        self._offset = (offset + local.trace.draws(count)) & _MASK
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
        self._place = default_generator.place

    def __exit__(self, *exception: object) -> None:
        if self.enabled:
            default_generator.place = self._place
