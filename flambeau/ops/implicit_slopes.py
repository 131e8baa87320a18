"""How fast gamma and beta distributed numbers move with their parameters: -∂F/∂a / p at a number, where F is the
distribution function and p the density (implicit differentiation: Figurnov, Mohamed and Mnih, 2018).

With c = ψ(a) for gamma, ψ(a) - ψ(a + b) for beta, the score of a is log t - c, so ∂F/∂a is the integral of (log t - c) p(t)
from the left to the number, or minus that from the number to the right. Of these the one is taken in which the score has one
sign, but for what is near zero, where the left one has all its weight. In the coordinate y = log t or log(t / (1 - t)) the
logarithm of the density is concave, with straight tails. So the integral is one over a panel in which the density falls to
e^-36 of its value, by Gauss's formula, and what lies beyond y = -30 is known exactly. In float64 the result is right to nine
digits, and to thirteen mostly.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from ..core.composite import composite
from ..core.tensor import Tensor
from ..graph.dtypes import TYPE_NAMES
from .choice import where
from .conversion import computed_in_double
from .from_data import from_array
from .functions import digamma, exp, expm1, log, log1p
from .operation import operation

_FALL = 36.0
"""How much the logarithm of the density falls over a panel."""
_STRAIGHT = 30.0
"""From here on the tails of logarithms of densities are straight lines, as far as float64 can tell."""
_NEAR_ZERO = -4.0
"""Left of it the left integral is taken whatever the score, for the right one has too far to go."""
_FURTHEST = 700.0
"""Where exp(y) is still a number."""
_NODES = 48


@functools.cache
def _gauss() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for the unit interval."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return (nodes + 1) / 2, weights / 2


def _constants() -> tuple[Tensor, Tensor]:
    nodes, weights = _gauss()
    return from_array(nodes), from_array(weights)


def _falls_within(slope: Tensor, bend: Tensor) -> Tensor:
    """Where ``slope · v + bend · v² / 2`` reaches ``_FALL``."""
    return 2 * _FALL / (slope + (slope * slope + 2 * _FALL * bend).sqrt())


def _shorter(bent: Tensor, straight: Tensor) -> Tensor:
    """How long a panel is at most, by the bend of the density, which over a length of 1 falls to its e-th part at most,
    and by its straight tail."""
    return where(bent < 1, bent.minimum(straight), straight)


# --- gamma --------------------------------------------------------------------------------------------------------------


def _gamma_slope(static: None, a: Tensor, x: Tensor, nodes: Tensor, weights: Tensor) -> tuple[Tensor]:
    """The density's logarithm is ``a y - e^y``, up to a constant."""
    y = log(x).clamp(min=-_FURTHEST)
    centre = digamma(a)
    right = (y > centre) & (y > _NEAR_ZERO)
    leftwards = _shorter(_falls_within(a - x, x / math.e), (x + _FALL) / a).minimum((y + _STRAIGHT).clamp(min=0))
    rise = x - a
    bent = ((rise * rise + 2 * _FALL * x).sqrt() - rise) / x
    length = where(right, bent.minimum(log1p((4 * a + _FALL) / x)), -leftwards)

    def density(v: Tensor, a: Tensor, x: Tensor) -> Tensor:
        return exp(a * v - x * expm1(v))

    v = length.unsqueeze(-1) * nodes
    scores = (y - centre).unsqueeze(-1) + v
    panel = length * (weights * scores * density(v, a.unsqueeze(-1), x.unsqueeze(-1))).sum(-1)
    tail = (y + length - digamma(a + 1)) / a * density(length, a, x)
    return (x * where(right, panel, panel - tail),)


@computed_in_double
def _gamma_slopes(a: Tensor, x: Tensor) -> Tensor:
    return composite(_gamma_slope, None, a, x, *_constants())[0]  # type: ignore[no-any-return]


def _check_alike(first: Tensor, *others: Tensor) -> None:
    for other in others:
        if other.dtype is not first.dtype:
            raise RuntimeError(f"Found dtype {TYPE_NAMES[other.dtype]} but expected {TYPE_NAMES[first.dtype]}")


@operation(method=False)
def _standard_gamma_grad(self: Tensor, output: Tensor) -> Tensor:
    """The slope of gamma distributed numbers ``output`` with their concentrations ``self``."""
    _check_alike(self, output)
    x = output.detach()
    return where(x > 0, _gamma_slopes(self.detach(), x), 0.0)


# --- beta ---------------------------------------------------------------------------------------------------------------


def _log_sigmoid(y: Tensor) -> Tensor:
    return y.clamp(max=0) - log1p(exp(-y.abs()))


def _beta_slope(static: None, x: Tensor, a: Tensor, total: Tensor, nodes: Tensor, weights: Tensor) -> tuple[Tensor]:
    """The density's logarithm is ``a log σ(y) + b log σ(-y)``. What lies to the right is mirrored, to go left as well."""
    y = (log(x) - log1p(-x)).clamp(-_FURTHEST, _FURTHEST)
    centre = digamma(a) - digamma(total)
    right = (log(x) > centre) & (y > _NEAR_ZERO)
    b = total - a
    steep, flat, at = where(right, b, a), where(right, a, b), where(right, -y, y)
    bend = total * x * (1 - x)
    slope = where(right, b * x - a * (1 - x), a * (1 - x) - b * x)
    straight = _FALL / steep - total / steep * _log_sigmoid(-at)
    length = _shorter(_falls_within(slope, bend / math.e), straight).minimum((at + _STRAIGHT).clamp(min=0))
    peak = steep * _log_sigmoid(at) + flat * _log_sigmoid(-at)

    def density(w: Tensor, steep: Tensor, flat: Tensor, peak: Tensor) -> Tensor:
        return exp(steep * _log_sigmoid(w) + flat * _log_sigmoid(-w) - peak)

    w = at.unsqueeze(-1) - length.unsqueeze(-1) * nodes
    scores = where(right.unsqueeze(-1), _log_sigmoid(-w), _log_sigmoid(w)) - centre.unsqueeze(-1)
    heights = density(w, steep.unsqueeze(-1), flat.unsqueeze(-1), peak.unsqueeze(-1))
    panel = length * (weights * scores * heights).sum(-1)
    end = at - length
    left_score = end - digamma(a + 1) + digamma(total)  # less 1 / a, which ψ(a) would have lost
    tail = where(right, _log_sigmoid(-end) - centre, left_score) / steep * density(end, steep, flat, peak)
    area = panel + tail
    return (x * where(right, area, -area),)


@computed_in_double
def _beta_slopes(x: Tensor, a: Tensor, total: Tensor) -> Tensor:
    return composite(_beta_slope, None, x, a, total, *_constants())[0]  # type: ignore[no-any-return]


@operation(method=False)
def _dirichlet_grad(x: Tensor, alpha: Tensor, total: Tensor) -> Tensor:
    """The slope of shares ``x`` with their concentrations ``alpha``, divided by 1 - x, where all concentrations add up to
    ``total``: a share is beta distributed. From it follow the slopes of all shares with all concentrations."""
    _check_alike(x, alpha, total)
    return _beta_slopes(x.detach(), alpha.detach(), total.detach())
