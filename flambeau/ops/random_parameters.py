"""What the parameters of random numbers may be. Numbers are looked at when they are given, tensors when they are computed."""

from __future__ import annotations

import math
from typing import Any

from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.checks import Check
from ..graph.dtypes import dtype
from ..graph.limits import finfo, iinfo
from ..graph.notices import warn
from .checked import checked
from .conversion import check_floating

_PROBABILITY = Check(RuntimeError, "Expected p_in >= 0 && p_in <= 1 to be true, but got false.")
_DEVIATION = Check(RuntimeError, "normal expects all elements of std >= 0.0")


def check_continuous(distribution: str, d: dtype, specified: str) -> None:
    """``RuntimeError`` for a dtype whose numbers are not those of a continuous distribution."""
    if d.category < 2:
        raise RuntimeError(
            f"{distribution} distribution is a continuous probability distribution. dtype must be a floating point but you "
            f"specified {specified}"
        )


def check_positive(name: str, what: str, value: float) -> None:
    """``RuntimeError`` unless a parameter exceeds zero."""
    if not value > 0:
        raise RuntimeError(f"{name} expects {what} > 0.0, but found {what}={value:g}")


def check_deviation(std: float) -> None:
    """``RuntimeError`` for a negative standard deviation."""
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")


def checked_deviations(std: Tensor) -> Tensor:
    """Standard deviations; negative ones raise ``RuntimeError`` when numbers are drawn."""
    return checked(std, std.detach() >= 0, _DEVIATION)


def check_chance(chance: float) -> None:
    """``RuntimeError`` for a number that is no probability."""
    if not 0 <= chance <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={chance:g}")


def checked_chances(chance: Tensor) -> Tensor:
    """Probabilities; what is none raises ``RuntimeError`` when numbers are drawn."""
    check_floating("bernoulli_tensor_cpu_p_", chance.dtype)
    plain: Any = chance.detach()
    return checked(plain, (plain >= 0) & (plain <= 1), _PROBABILITY)


def check_interval(low: float, high: float, d: dtype) -> None:
    """``RuntimeError`` unless numbers of the floating-point dtype can be drawn evenly from [low, high)."""
    limits = finfo(d)
    for what, value in (("from", low), ("to", high)):
        if not limits.min <= value <= limits.max:
            raise RuntimeError(f"{what} is out of bounds for {p.C_NAMES[d]}")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    if high - low > limits.max:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{p.TYPE_NAMES[d]}>::max(), but found to={high:g} and "
            f"from={low:g} which result in to-from to exceed the limit"
        )


def check_integers(low: int, high: int, d: dtype) -> None:
    """``RuntimeError`` unless integers from ``low`` to ``high`` - 1 can be drawn, and the dtype has them."""
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    least, most = (0, 1) if d.kind == "bool" else (finfo(d).min, finfo(d).max) if d.kind == "float" else _limits(d)
    for what, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= most:
            raise RuntimeError(f"{what} is out of bounds for {p.C_NAMES[d]}")
        if d.kind == "float" and abs(value) > precise(d):
            bits = precise(d).bit_length() - 1
            warn(
                f"{what} is out of bounds [-(2^{bits}), 2^{bits}]. Due to precision limitations {p.C_NAMES[d]} can support "
                "discrete uniform distribution only within this range. This warning will become an error in version 1.7 "
                "release, please fix the code in advance"
            )


def precise(d: dtype) -> int:
    """The integer up to which a floating-point dtype has all of them."""
    return 2 * math.floor(1 / finfo(d).eps)


def _limits(d: dtype) -> tuple[int, int]:
    limits = iinfo(d)
    return limits.min, limits.max
