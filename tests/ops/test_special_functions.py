"""Special functions that are only in ``torch.special``: against SciPy, at their ends against PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from oracle import array, as_flambeau, assert_same, check, error, floats
from scipy import special

import flambeau
import flambeau.special

BESSEL = {
    "bessel_j0": special.j0, "bessel_j1": special.j1, "bessel_y0": special.y0, "bessel_y1": special.y1,
    "modified_bessel_i0": special.i0, "modified_bessel_i1": special.i1, "modified_bessel_k0": special.k0,
    "modified_bessel_k1": special.k1, "scaled_modified_bessel_k0": special.k0e, "scaled_modified_bessel_k1": special.k1e,
    "spherical_bessel_j0": lambda x: special.spherical_jn(0, np.abs(x)), "airy_ai": lambda x: special.airy(x)[0],
}  # fmt: skip
ENDS = torch.tensor(
    [0.0, -0.0, -1.0, math.inf, -math.inf, math.nan, 1e-30, 2.0, -2.0, 8.0, -8.0, -6.0], dtype=torch.float64
)
FAMILIES = ("chebyshev_polynomial_{}", "shifted_chebyshev_polynomial_{}")
POLYNOMIALS = [
    *(family.format(letter) for family in FAMILIES for letter in "tuvw"),
    "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
]  # fmt: skip


@pytest.mark.parametrize("name", BESSEL)
def test_bessel_functions(name: str) -> None:
    function = getattr(flambeau.special, name)
    x = np.concatenate([np.linspace(-30, 30, 1207), np.geomspace(1e-12, 1, 50), [250.0, 690.0]])
    with np.errstate(all="ignore"):
        exact = BESSEL[name](x)
    here = array(function(flambeau.tensor(x)))
    np.testing.assert_allclose(here, exact, rtol=2e-14, atol=6e-15)
    assert function(flambeau.tensor(x).float()).dtype is flambeau.float32
    np.testing.assert_allclose(array(function(flambeau.arange(1, 9))), BESSEL[name](np.arange(1.0, 9.0)), rtol=1e-6)
    assert_same(function(as_flambeau(ENDS)), getattr(torch.special, name)(ENDS), 1e-6)
    half = torch.ones(3, dtype=torch.float16)
    assert error(function, as_flambeau(half)) == error(getattr(torch.special, name), half)
    out = flambeau.empty(3)
    assert function(flambeau.ones(3), out=out) is out
    assert not function(flambeau.ones(3, requires_grad=True)).requires_grad  # as in PyTorch


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_polynomials(name: str) -> None:
    x = torch.tensor([-1.0, 1.0, 0.5, 2.0, -2.0, 0.0, 0.999999, -0.99999, 1.0001, -1.0001, 0.1], dtype=torch.float64)
    degrees = torch.tensor([-1.0, 0.0, 1.0, 2.0, 3.0, 3.7, 7.0, 8.0, 20.0], dtype=torch.float64)
    for pair in ((x[:, None], degrees), (x, 5), (3, degrees), (torch.arange(-3, 4)[:, None], torch.arange(5))):
        expected = getattr(torch.special, name)(*pair)
        actual = getattr(flambeau.special, name)(*as_flambeau(pair))
        assert actual.dtype is flambeau.float64 or str(actual.dtype) == str(expected.dtype)
        close = 1e-11 if expected.dtype is torch.float64 else 2e-6
        np.testing.assert_allclose(array(actual), array(expected), rtol=close, atol=close)
    assert error(getattr(flambeau.special, name), 1, 2)[0] == error(getattr(torch.special, name), 1, 2)[0]


def test_zeta() -> None:
    x = torch.tensor([-1.0, 0.5, 1.0, 1.001, 1.5, 2.0, 2.5, 3.0, 10.0], dtype=torch.float64)[:, None]
    q = torch.tensor([-30.5, -20.0, -2.5, -1.0, 0.0, 0.1, 1.0, 1.5, 30.0, 1e5, math.inf, math.nan], dtype=torch.float64)
    assert_same(flambeau.special.zeta(as_flambeau(x), as_flambeau(q)), torch.special.zeta(x, q), 1e-12)
    check(lambda T, q: T.special.zeta(2.5, q.abs() + 0.5), floats(5, dtype=torch.float64), tolerance=1e-12)


def test_incomplete_gamma_functions() -> None:
    a = np.array([0, 1e-3, 0.1, 0.5, 1, 2, 5, 10, 29, 31, 100, 1e3, 1e5, math.inf, -1, math.nan])[:, None]
    x = np.array([0, 1e-5, 0.1, 0.5, 1, 2, 5, 10, 29, 31, 33, 50, 90, 100, 120, 1e3, 1.1e3, 1e5, 1.01e5, math.inf, -1])
    with np.errstate(all="ignore"):
        for ours, theirs in ((flambeau.igamma, special.gammainc), (flambeau.special.gammaincc, special.gammaincc)):
            here = array(ours(flambeau.tensor(a), flambeau.tensor(x)))
            exact = theirs(a, x)
            known = ~np.isnan(a + 0 * x)
            np.testing.assert_allclose(here[known], exact[known], rtol=1e-11, atol=1e-300)
    x = floats(4, 3, dtype=torch.float64).abs().detach() + 0.1
    a = torch.tensor([0.5, 2.0, 7.0], dtype=torch.float64)
    check(lambda T, x: T.igamma(T.tensor(a.tolist(), dtype=x.dtype), x), x.requires_grad_(), tolerance=1e-9)
    check(lambda T, x: T.tensor(a.tolist(), dtype=x.dtype).expand(4, 3).igammac(x), x, tolerance=1e-9)
    given = flambeau.tensor([1, 2])
    wrong = torch.tensor([1, 2])
    assert error(flambeau.igamma, given, given) == error(torch.igamma, wrong, wrong)


def test_polygamma_in_place() -> None:
    x = flambeau.tensor([1.5, 2.5])
    assert x.polygamma_(1) is x
    assert_same(x, torch.polygamma(1, torch.tensor([1.5, 2.5])))
