"""Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011)."""

from __future__ import annotations

import numpy as np

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(seed: np.ndarray, counter: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first two words for each counter, of which the upper half is zero; as uint64."""
    seed, counter = np.broadcast_arrays(seed.astype(np.uint64), counter.astype(np.uint64))
    c0, c1, c2, c3 = counter & _LOW, counter >> _HALF, np.zeros_like(counter), np.zeros_like(counter)
    k0, k1 = seed & _LOW, seed >> _HALF
    for number in range(10):
        if number:
            k0, k1 = k0 + np.uint64(0x9E3779B9) & _LOW, k1 + np.uint64(0xBB67AE85) & _LOW
        a, b = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (b >> _HALF) ^ c1 ^ k0, b & _LOW, (a >> _HALF) ^ c3 ^ k1, a & _LOW
    return c0, c1
