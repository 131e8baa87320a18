"""Random numbers as transforms want them: Python numbers from the program's generator.

One number is drawn faster by Python than by a kernel, so the generator's formula (Philox 4x32-10; Salmon et al.,
"Parallel Random Numbers: As Easy as 1, 2, 3", 2011) is written out here once more; the numbers are those that
``flambeau.rand(1)`` and its like would give at the same place (before they are rounded to float32).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import flambeau
from flambeau import nn
from flambeau.random import default_generator

from ...nn.modules._layer import layer

_LOW = 0xFFFFFFFF


def _words() -> tuple[int, int]:
    """Two new words of 32 random bits."""
    seed, counter = default_generator.draw(1)
    c0, c1, c2, c3 = counter & _LOW, counter >> 32 & _LOW, 0, 0
    k0, k1 = seed & _LOW, seed >> 32 & _LOW
    for _ in range(10):
        a, b = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & _LOW, (a >> 32) ^ c3 ^ k1, a & _LOW
        k0, k1 = k0 + 0x9E3779B9 & _LOW, k1 + 0xBB67AE85 & _LOW
    return c0, c1


def unit() -> float:
    """A float from [0, 1): a multiple of 2**-24."""
    return math.ldexp(_words()[0] >> 8, -24)


def uniform(low: float, high: float) -> float:
    """A float from ``low`` to ``high``."""
    return low + unit() * (high - low)


def integer(low: int, high: int) -> int:
    """An integer from ``low`` to ``high - 1``."""
    first, second = _words()
    return low + ((second << 32 | first) >> 1 & (1 << 62) - 1) % (high - low)


def happens(probability: float) -> bool:
    """True with that probability."""
    return unit() < probability


def order(count: int) -> list[int]:
    """0 to ``count - 1`` in random order."""
    return [int(position) for position in flambeau.randperm(count).tolist()]


def place(rows: int, columns: int) -> tuple[int, int]:
    """Row and column of the corner of a rectangle that has so many rows and columns to spare."""
    return integer(0, rows + 1), integer(0, columns + 1)


def rectangles(area: int, scale: Sequence[float], ratio: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Sides of ten rectangles: with a share of ``area`` in ``scale``, the first side ``ratio`` times the second."""
    for _ in range(10):
        part = area * uniform(scale[0], scale[1])
        aspect = math.exp(uniform(math.log(ratio[0]), math.log(ratio[1])))
        yield round(math.sqrt(part * aspect)), round(math.sqrt(part / aspect))


def check_ranges(scale: Any, ratio: Any) -> None:
    """``TypeError`` unless both are sequences; a warning where they are the wrong way round."""
    for name, range_ in (("Scale", scale), ("Ratio", ratio)):
        if not isinstance(range_, Sequence):
            raise TypeError(f"{name} should be a sequence")
    if scale[0] > scale[1] or ratio[0] > ratio[1]:
        warnings.warn("Scale and ratio should be of kind (min, max)")


@layer()
class WithProbability(nn.Module):
    """Base of transforms that change a picture, by ``_changed``, with probability ``p`` and otherwise leave it."""

    p: float = 0.5

    def forward(self, img: Any) -> Any:
        return self._changed(img) if happens(self.p) else img
