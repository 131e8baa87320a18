"""Points that fill a cube evenly."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import flambeau

from .core.tensor import Tensor

__all__ = ["SobolEngine"]


class SobolEngine:
    """Points of a Sobol' sequence in the unit cube of ``dimension`` axes, with the direction numbers of Joe and Kuo (2008).

    ``scramble`` shuffles their digits by chance, from ``seed`` on (Owen 1998, Matoušek 1998); such points differ from
    PyTorch's. SciPy has the sequence, and is needed.
    """

    MAXBIT = 30
    MAXDIM = 21201

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None) -> None:
        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]")
        self.dimension, self.scramble, self.seed = dimension, scramble, seed
        if scramble and seed is None:
            seed = int(flambeau.randint(2**62, (1,)).item())
        self._points = _sequence(dimension, scramble, seed)
        self.num_generated = 0

    def draw(self, n: int = 1, out: Tensor | None = None, dtype: Any = None) -> Tensor:
        """The next ``n`` points (n, dimension)."""
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n * self.dimension}: [{n}, {self.dimension}]")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # how many points are balanced is said by `draw_base2`
            points = self._points.random(n) if n else np.empty((0, self.dimension))
        self.num_generated += n
        made = flambeau.from_numpy(points).to(dtype or flambeau.get_default_dtype())
        return made if out is None else out.resize_(made.shape).copy_(made)

    def draw_base2(self, m: int, out: Tensor | None = None, dtype: Any = None) -> Tensor:
        """The next ``2**m`` points; ``ValueError`` unless all that were drawn are then a power of two."""
        n = 2**m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError(
                "The balance properties of Sobol' points require n to be a power of 2. "
                f"{self.num_generated} points have been previously generated, then: n={self.num_generated}+2**{m}={total}. If "
                "you still want to do this, please use 'SobolEngine.draw()' instead."
            )
        return self.draw(n, out, dtype)

    def reset(self) -> SobolEngine:
        """Begin again."""
        self._points.reset()
        self.num_generated = 0
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Leave out the next ``n`` points."""
        self._points.fast_forward(n)
        self.num_generated += n
        return self

    def __repr__(self) -> str:
        told = [f"dimension={self.dimension}"]
        told += ["scramble=True"] if self.scramble else []
        told += [f"seed={self.seed}"] if self.seed is not None else []
        return f"{type(self).__name__}({', '.join(told)})"


def _sequence(dimension: int, scramble: bool, seed: int | None) -> Any:
    try:
        from scipy.stats import qmc
    except ImportError as error:
        raise ImportError("torch.quasirandom.SobolEngine needs SciPy") from error
    return qmc.Sobol(dimension, scramble=scramble, bits=SobolEngine.MAXBIT, seed=seed)
