"""Orthogonal polynomials of Chebyshev, Hermite, Laguerre and Legendre, whose degree may differ from element to element.

A degree that is no whole number counts as its integer part; polynomials of negative degree are 0. As in PyTorch, results have
no gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.shapes import broadcast_shapes
from .choice import where
from .conversion import computed_in_double, floating, in_common_dtype
from .dispatch import number_or_tensor
from .from_data import tensor
from .functions import acos, acosh, cos, cosh, sin, sinh
from .host import on_host
from .operation import operation, titled

Closed = Callable[[Tensor, Tensor], Tensor]
Step = Callable[[Any, Any, Any, Any], Any]


def _operands(x: Any, n: Any) -> tuple[Tensor, Tensor]:
    """Argument and degree as tensors of the floating-point dtype that they are promoted to, without history."""
    if isinstance(x, Tensor) and isinstance(n, Tensor):
        return in_common_dtype(*_floating_pair(x.detach(), n.detach()))
    if isinstance(x, Tensor):
        x = floating(x.detach())
        return x, tensor(float(n), dtype=x.dtype)
    n = floating(n.detach())
    return number_or_tensor(x, n.dtype), n


def _floating_pair(x: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
    """Two whole tensors as the default floating-point dtype; else as they are."""
    if x.dtype.category < 2 and n.dtype.category < 2:
        return floating(x), floating(n)
    return x, n


def _declare(name: str, meaning: str, compute: Closed) -> Any:
    def apply(x: Any, n: Any) -> Tensor:
        return compute(*_operands(x, n))

    title = f"{name} of degree ``n``: {meaning}."
    return operation(only=f"special.{name}", out=True)(titled(apply, name, title))


# --- Chebyshev's: trigonometric between -1 and 1, hyperbolic outside ------------------------------------------------------
# (J. C. Mason and D. C. Handscomb, "Chebyshev Polynomials", 1.2 and 1.5)


def _of_angles(closed: tuple[Closed, Closed, Closed], shifted: bool) -> Closed:
    """A polynomial by its forms in acos(x), in acosh(x), and in acosh(-x) with the sign of (-1)ⁿ."""
    inside, right, left = closed

    @computed_in_double
    def compute(x: Tensor, n: Tensor) -> Tensor:
        x, n = (2 * x - 1 if shifted else x), n.trunc()
        size = x.abs()
        angle, outer = acos(x.clamp(-1.0, 1.0)), acosh(size.clamp(min=1.0))
        odd = n.remainder(2) != 0
        mirrored = left(n, outer)
        value = where(x > 1, right(n, outer), where(x < -1, where(odd, -mirrored, mirrored), inside(n, angle)))
        return where(n < 0, 0.0, where(n == 0, 1.0, where(x.isnan(), x, value)))

    return compute


def _quotient(numerator: Tensor, denominator: Tensor, limit: Tensor) -> Tensor:
    """A quotient with its limit where both parts vanish."""
    return where(denominator.abs() < 1e-9, limit, numerator / where(denominator == 0, 1.0, denominator))


def _second_inside(n: Tensor, angle: Tensor) -> Tensor:
    end = where((angle > 1) & (n.remainder(2) != 0), -(n + 1), n + 1)
    return _quotient(sin((n + 1) * angle), sin(angle), end)


def _second_outside(n: Tensor, angle: Tensor) -> Tensor:
    return _quotient(sinh((n + 1) * angle), sinh(angle), n + 1)


def _halves_of_cosh(n: Tensor, angle: Tensor) -> Tensor:
    return cosh((n + 0.5) * angle) / cosh(angle * 0.5)


def _halves_of_sinh(n: Tensor, angle: Tensor) -> Tensor:
    return _quotient(sinh((n + 0.5) * angle), sinh(angle * 0.5), 2 * n + 1)


def _signed(n: Tensor, value: Tensor) -> Tensor:
    return where(n.remainder(2) != 0, -value, value)


_FORMS: dict[str, tuple[str, tuple[Closed, Closed, Closed]]] = {
    "t": (
        "of the first kind, cos(n θ) for x = cos θ",
        (lambda n, a: cos(n * a), lambda n, a: cosh(n * a), lambda n, a: cosh(n * a)),
    ),
    "u": (
        "of the second kind, sin((n + 1) θ) / sin θ for x = cos θ",
        (_second_inside, _second_outside, _second_outside),
    ),
    "v": (
        "of the third kind, cos((n + ½) θ) / cos(θ / 2) for x = cos θ",
        (lambda n, a: _quotient(cos((n + 0.5) * a), cos(a * 0.5), _signed(n, 2 * n + 1)), _halves_of_cosh, _halves_of_sinh),
    ),
    "w": (
        "of the fourth kind, sin((n + ½) θ) / sin(θ / 2) for x = cos θ",
        (lambda n, a: _quotient(sin((n + 0.5) * a), sin(a * 0.5), 2 * n + 1), _halves_of_sinh, _halves_of_cosh),
    ),
}  # fmt: skip

for _letter, (_meaning, _closed) in _FORMS.items():
    for _shifted in (False, True):
        _name = f"{'shifted_' * _shifted}chebyshev_polynomial_{_letter}"
        _text = _meaning.replace("x =", "2 x - 1 =") if _shifted else _meaning
        globals()[_name] = _declare(_name, f"Chebyshev's polynomial {_text}", _of_angles(_closed, _shifted))


# --- the others, by their recurrences of three terms (Abramowitz and Stegun, 22.7) ----------------------------------------


def _hermite_h(k: Any, x: Any, value: Any, before: Any) -> Any:
    return 2 * (x * value - k * before)


def _hermite_he(k: Any, x: Any, value: Any, before: Any) -> Any:
    return x * value - k * before


def _laguerre(k: Any, x: Any, value: Any, before: Any) -> Any:
    return ((2 * k + 1 - x) * value - k * before) / (k + 1)


def _legendre(k: Any, x: Any, value: Any, before: Any) -> Any:
    return ((2 * k + 1) * x * value - k * before) / (k + 1)


_STEPS: dict[str, Step] = {f.__name__: f for f in (_hermite_h, _hermite_he, _laguerre, _legendre)}
_HIGHEST = {dtypes.float32: 128, dtypes.float64: 512}
"""PyTorch's Hermite polynomials beyond are NaN."""


def _recurrence(x: np.ndarray, n: np.ndarray, step: str, highest: int) -> np.ndarray:
    """The polynomial of each element's degree, up to the highest of them: how far that is, the values tell."""
    x, n = np.broadcast_arrays(x.astype(np.float64), np.trunc(n.astype(np.float64)))
    advance = _STEPS[step]
    with np.errstate(all="ignore"):
        before, value = np.zeros_like(x), np.ones_like(x)
        result = np.where(n == 0, 1.0, 0.0)
        finite = n[np.isfinite(n)]
        for k in range(int(min(finite.max(initial=0), highest))):
            value, before = advance(k, x, value, before), value
            result = np.where(n == k + 1, value, result)
    return np.where(n > highest, np.nan, result)


def _by_recurrence(step: str, limited: bool) -> Closed:
    def compute(x: Tensor, n: Tensor) -> Tensor:
        highest = _HIGHEST.get(x.dtype, 128) if limited else 1 << 20
        shape = broadcast_shapes(x.shape, n.shape)
        return on_host(_recurrence, {"step": step, "highest": highest}, [(shape, x.dtype)], x, n)[0]

    return compute


hermite_polynomial_h = _declare(
    "hermite_polynomial_h", "Hermite's polynomial of the physicists", _by_recurrence("_hermite_h", True)
)
hermite_polynomial_he = _declare(
    "hermite_polynomial_he", "Hermite's polynomial of probability theory", _by_recurrence("_hermite_he", True)
)
laguerre_polynomial_l = _declare("laguerre_polynomial_l", "Laguerre's polynomial", _by_recurrence("_laguerre", False))
legendre_polynomial_p = _declare("legendre_polynomial_p", "Legendre's polynomial", _by_recurrence("_legendre", False))
