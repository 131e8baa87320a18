"""Random numbers that are found by trial, so that NumPy draws them between two native runs: Poisson's, binomial ones, those
of the gamma and the Dirichlet distribution.

What is recorded is 128 random bits of the generator and a host primitive that draws from the stream they begin. So a number
depends on the seed and on what was drawn before, and recording looks at no value.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.checks import Check
from ..graph.dtypes import TYPE_NAMES
from ..graph.shapes import Size, broadcast_shapes
from ..random import Generator
from .conversion import check_floating
from .dispatch import checked, no_slope
from .elementwise import differentiated
from .host import on_host
from .implicit_slopes import _standard_gamma_grad
from .operation import operation
from .random import bits

_RATE = Check(RuntimeError, "invalid Poisson rate, expected rate to be non-negative")

_LARGEST_RATE = 2.0**62
"""Beyond it NumPy has no Poisson numbers: they are 64-bit integers."""

_LARGEST_COUNT = 2.0**62


def _drawn(draw: Callable[..., np.ndarray], shape: Size, generator: Generator | None, *parameters: Tensor) -> Tensor:
    """What ``draw(stream, *arrays)`` gives for the parameters, as numbers of the first one's dtype."""
    words = bits(Size((2,)), dtypes.int64, generator)
    return on_host(draw, {}, [(shape, parameters[0].dtype)], words, *parameters)[0]


def _stream(words: np.ndarray) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=words.view(np.uint64)))


def _check_precise(kernel: str, x: Tensor) -> None:
    """``NotImplementedError`` for integers and half types, as PyTorch's kernels raise it."""
    check_floating(kernel, x.dtype)
    if x.dtype.itemsize == 2:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{TYPE_NAMES[x.dtype]}'")


# --- whole numbers ------------------------------------------------------------------------------------------------------


def _poisson(words: np.ndarray, rates: np.ndarray) -> np.ndarray:
    drawn = _stream(words).poisson(np.minimum(rates.astype(np.float64), _LARGEST_RATE))
    return np.asarray(drawn).astype(rates.dtype)


@operation(method=False)
@differentiated(no_slope)
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Poisson distributed numbers of the given rates. ``RuntimeError`` where a rate is negative."""
    check_floating("poisson_cpu", input.dtype)
    rates = input.detach()
    return _drawn(_poisson, input.shape, generator, checked(rates, rates >= 0, _RATE))


def _binomial(words: np.ndarray, counts: np.ndarray, chances: np.ndarray) -> np.ndarray:
    wide, chance = np.broadcast_arrays(counts.astype(np.float64), chances.astype(np.float64))
    trials = np.where(wide > 0, np.minimum(wide, _LARGEST_COUNT), 0).astype(np.int64)
    drawn = _stream(words).binomial(trials, np.where((chance > 0) & (chance < 1), chance, 0))
    sure = np.where(chance >= 1, np.maximum(wide, 0), drawn)
    return np.where(np.isnan(chance) | np.isnan(wide), np.nan, sure).astype(counts.dtype)


@operation(method=False)
@differentiated(no_slope, no_slope)
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """How often out of ``count`` times something happens whose probability is ``prob``, broadcast.

    ``ValueError`` for integers, ``RuntimeError`` unless both have one dtype. Counts below zero count as zero, probabilities
    below 0 and above 1 as these.
    """
    for name, x in (("count", count), ("prob", prob)):
        if x.dtype.category < 2:
            kind = TYPE_NAMES[x.dtype]
            raise ValueError(f"binomial only supports floating-point dtypes for {name}, got: {kind}")
    _check_precise("binomial_cpu", count)
    if count.dtype is not prob.dtype:
        raise RuntimeError(f"Found dtype {TYPE_NAMES[prob.dtype]} but expected {TYPE_NAMES[count.dtype]}")
    return _drawn(_binomial, broadcast_shapes(count.shape, prob.shape), generator, count.detach(), prob.detach())


# --- gamma and Dirichlet distributed ------------------------------------------------------------------------------------


def _log_gamma_numbers(words: np.ndarray, concentration: np.ndarray) -> np.ndarray:
    """Logarithms of gamma distributed numbers, which for small concentrations would be too small themselves.

    A number of concentration a is one of concentration a + 1, times u ** (1 / a) (Marsaglia and Tsang, 2000, section 6).
    """
    stream = _stream(words)
    wide = concentration.astype(np.float64)
    positive = wide > 0
    known = wide if positive.all() else np.where(positive, wide, 1.0)
    with np.errstate(over="ignore"):
        drawn = np.log(stream.standard_gamma(known + 1)) - stream.standard_exponential(known.shape) / known
    return drawn if known is wide else np.where(positive, drawn, np.where(wide == 0, -np.inf, np.nan))


def _gamma(words: np.ndarray, concentration: np.ndarray) -> np.ndarray:
    drawn = np.exp(_log_gamma_numbers(words, concentration))
    return np.maximum(drawn, np.finfo(concentration.dtype).tiny).astype(concentration.dtype)


@operation(method=False)
@differentiated(
    lambda grad, self, result: grad * _standard_gamma_grad(self.detach(), result.detach()),
    name="StandardGammaBackward0",
)
def _standard_gamma(self: Tensor, generator: Generator | None = None) -> Tensor:
    """Gamma distributed numbers of the given concentrations and of rate 1, above zero; implicitly differentiable."""
    _check_precise("gamma_cpu", self)
    return _drawn(_gamma, self.shape, generator, self.detach())


def _dirichlet(words: np.ndarray, concentration: np.ndarray) -> np.ndarray:
    logarithms = _log_gamma_numbers(words, concentration)
    if not logarithms.size:
        return concentration
    shares = np.exp(logarithms - logarithms.max(-1, keepdims=True))
    shares = (shares / shares.sum(-1, keepdims=True)).astype(concentration.dtype)
    limits = np.finfo(concentration.dtype)
    return np.clip(shares, limits.tiny, 1 - limits.epsneg)


@operation(method=False)
def _sample_dirichlet(self: Tensor, generator: Generator | None = None) -> Tensor:
    """Shares that add up to 1 along the last axis, Dirichlet distributed with the given concentrations."""
    _check_precise("dirichlet", self)
    return _drawn(_dirichlet, self.shape, generator, self.detach())


# --- angles -------------------------------------------------------------------------------------------------------------


def _von_mises(words: np.ndarray, locations: np.ndarray, concentrations: np.ndarray) -> np.ndarray:
    drawn = _stream(words).vonmises(locations.astype(np.float64), np.maximum(concentrations.astype(np.float64), 0))
    return np.asarray(drawn).astype(locations.dtype)


def von_mises_numbers(loc: Tensor, concentration: Tensor, generator: Generator | None = None) -> Tensor:
    """Angles from -π to π, von Mises distributed about ``loc``, which has the shape of ``concentration``."""
    return _drawn(_von_mises, loc.shape, generator, loc.detach(), concentration.detach())
