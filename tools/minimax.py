"""Writes ``flambeau/cpu/vector_math/coefficients.py``: ``python tools/minimax.py`` (needs mpmath; nothing else does).

Every polynomial is the minimax polynomial of Remez's exchange algorithm (E. Remez, 1934; see J.-M. Muller,
"Elementary Functions", ch. 3) for the *relative* error of the function that it is part of, computed with 240 bits
and then rounded to the type it is used in. The leading terms that must be exact (the 1 + r of exp, the r of sin) are
no part of the polynomial, so that rounding its coefficients costs next to nothing.

Each table has up to three entries: ``float`` and ``double`` for arithmetic in that type, ``wide`` for arithmetic in
double whose result will be rounded to float, where fewer terms do.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mpmath import mp, mpf  # type: ignore[import-untyped]

mp.prec = 240

TARGET = Path(__file__).parent.parent / "flambeau" / "cpu" / "vector_math" / "coefficients.py"
WIDTH = 120
HEADING = '''"""Constants and polynomials (lowest power first) of the vector functions, written by ``tools/minimax.py``.

``float`` and ``double``: for arithmetic in that type; ``wide``: in double, for results that are rounded to float.
"""

# fmt: off'''

Function = Callable[[mpf], mpf]


@dataclass
class Fit:
    """``fits(function ≈ P, weight)`` on an interval, with the number of coefficients for each precision."""

    name: str
    meaning: str
    function: Function
    weight: Function
    low: mpf
    high: mpf
    terms: dict[str, int]


def remez(function: Function, weight: Function, low: mpf, high: mpf, terms: int) -> tuple[list[mpf], mpf]:
    """Coefficients of the polynomial with ``terms`` terms that minimises max |weight (function - P)|, and that
    maximum. Extrema are looked for on a fixed grid of Chebyshev points, which is near enough for our purposes."""
    count = 24 * terms
    middle, half = (low + high) / 2, (high - low) / 2
    nodes = [mp.cos(mp.pi * (2 * k + 1) / (2 * count)) for k in reversed(range(count))]
    grid = [middle + half * node for node in nodes]
    values = [function(x) for x in grid]
    weights = [abs(weight(x)) for x in grid]
    reference = [round(k * (count - 1) / terms) for k in range(terms + 1)]
    for _ in range(12):
        matrix = mp.matrix(terms + 1, terms + 1)
        right = mp.matrix(terms + 1, 1)
        for row, k in enumerate(reference):
            for power in range(terms):
                matrix[row, power] = nodes[k] ** power
            matrix[row, terms] = (-1) ** row / weights[k]
            right[row] = values[k]
        solution = mp.lu_solve(matrix, right)
        scaled, level = list(solution)[:terms], abs(solution[terms])
        errors = [w * (v - mp.polyval(scaled[::-1], x)) for w, v, x in zip(weights, values, nodes, strict=True)]
        # One extremum in each run of errors of one sign, then the terms + 1 consecutive runs with the largest ones.
        extrema: list[int] = []
        for k, error in enumerate(errors):
            if extrema and (error > 0) == (errors[extrema[-1]] > 0):
                if abs(error) > abs(errors[extrema[-1]]):
                    extrema[-1] = k
            else:
                extrema.append(k)
        while len(extrema) > terms + 1:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        worst = max(abs(error) for error in errors)
        if len(extrema) < terms + 1 or worst < level * mpf("1.01"):
            break
        reference = extrema
    return unscale(scaled, middle, half), worst


def unscale(scaled: list[mpf], middle: mpf, half: mpf) -> list[mpf]:
    """From powers of ``(x - middle) / half`` to powers of ``x``."""
    result = [mpf(0)]
    for coefficient in reversed(scaled):
        shifted = [mpf(0), *result]
        result = [(s - middle * r) / half for s, r in zip(shifted, [*result, mpf(0)], strict=True)]
        result[0] += coefficient
    return result[: len(scaled)]


def log_tail(f: mpf) -> mpf:
    return (mp.log1p(f) - f) / f**2


def erfc_ratio(t: mpf) -> mpf:
    x = 4 * (1 + t) / (1 - t)
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


def erfinv_ratio(w: mpf) -> mpf:
    x = mp.sqrt(-mp.expm1(-w))
    return mp.erfinv(x) / x


def stirling(inverse: mpf) -> mpf:
    x = 1 / inverse
    return x * (mp.loggamma(x) - (x - mpf(1) / 2) * (mp.log(x) - 1) - mp.log(2 * mp.pi) / 2 + mpf(1) / 2)


def root(function: Function) -> Function:
    """``function(sqrt(z))``: for polynomials in the square of the argument."""
    return lambda z: function(mp.sqrt(z))


TINY = mpf("1e-9")
DIGAMMA_ROOT = mp.findroot(mp.digamma, mpf("1.4616"))
HALF_LN2 = mp.log(2) / 2 * mpf("1.0001")
HALF_PI = mp.pi / 2 * mpf("1.01")

# fmt: off
FITS = [
    Fit("EXP", "exp(r) = 1 + r + r² P(r), |r| <= ln(2)/2", lambda r: (mp.expm1(r) - r) / r**2,
        lambda r: r**2 / mp.exp(r), -HALF_LN2, HALF_LN2, {"float": 5, "double": 10, "wide": 6}),
    Fit("EXPM1", "exp(r) - 1 = r + r² P(r), |r| <= ln(2)/2", lambda r: (mp.expm1(r) - r) / r**2,
        lambda r: r**2 / mp.expm1(r), -HALF_LN2, HALF_LN2, {"float": 6, "double": 10}),
    Fit("EXP2", "2**f = 1 + f P(f), |f| <= 1/2", lambda f: mp.expm1(f * mp.log(2)) / f,
        lambda f: f / mp.mpf(2) ** f, mpf(-1) / 2, mpf(1) / 2, {"float": 6, "double": 11, "wide": 7}),
    Fit("TANH", "tanh(x) = x + x³ P(x²), |x| <= 15/16", root(lambda x: (mp.tanh(x) - x) / x**3),
        root(lambda x: x**3 / mp.tanh(x)), TINY, mpf(225) / 256, {"float": 7, "double": 14}),
    Fit("SINH", "sinh(x) = x + x³ P(x²), |x| <= 1", root(lambda x: (mp.sinh(x) - x) / x**3),
        root(lambda x: x**3 / mp.sinh(x)), TINY, mpf(1), {"float": 4, "double": 7}),
    Fit("LOG", "log(1 + f) = f + f² P(f), |f| <= 1/3", log_tail,
        lambda f: f**2 / mp.log1p(f), mpf(-1) / 3, mpf(1) / 3, {"float": 9, "double": 20, "wide": 12}),
    Fit("ATANH_LOG2", "2 artanh(s) / ln(2) = 2/ln(2) s + 2/(3 ln(2)) s³ + s⁵ P(s²), |s| <= 1/5",
        root(lambda s: 2 * (mp.atanh(s) - s - s**3 / 3) / s**5 / mp.log(2)),
        root(lambda s: s**5 * mp.log(2) / 2 / mp.atanh(s)), TINY, mpf(1) / 25, {"double": 8}),
    Fit("SIN", "sin(r) = r + r³ P(r²), |r| <= pi/2", root(lambda r: (mp.sin(r) - r) / r**3),
        root(lambda r: r**3 / mp.sin(r)), TINY, HALF_PI**2, {"double": 8}),
    Fit("SIN_QUARTER", "sin(r) = r + r³ P(r²), |r| <= pi/4", root(lambda r: (mp.sin(r) - r) / r**3),
        root(lambda r: r**3 / mp.sin(r)), TINY, HALF_PI**2 / 4, {"float": 3, "double": 6, "wide": 4}),
    Fit("COS_QUARTER", "cos(r) = 1 - r²/2 + r⁴ P(r²), |r| <= pi/4",
        root(lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4), root(lambda r: r**4 / mp.cos(r)),
        TINY, HALF_PI**2 / 4, {"float": 3, "double": 6, "wide": 3}),
    Fit("ASIN", "asin(x) = x + x³ P(x²), |x| <= 1/2", root(lambda x: (mp.asin(x) - x) / x**3),
        root(lambda x: x**3 / mp.asin(x)), TINY, mpf(1) / 4, {"float": 5, "double": 13}),
    Fit("ATAN", "atan(x) = x + x³ P(x²), |x| <= 1", root(lambda x: (mp.atan(x) - x) / x**3),
        root(lambda x: x**3 / mp.atan(x)), TINY, mpf(1), {"float": 9, "double": 20}),
    Fit("ERF", "erf(x) = x + x P(x²), |x| <= 1", root(lambda x: mp.erf(x) / x - 1),
        root(lambda x: x / mp.erf(x)), TINY, mpf(1), {"float": 7, "double": 14}),
    Fit("ERF_TAIL", "erf(x) = 1 - P(x - 5/2), 1 <= x <= 4", lambda t: mp.erfc(t + mpf(5) / 2),
        lambda t: mpf(1), mpf(-3) / 2, mpf("1.45"), {"float": 16}),
    Fit("ERFC", "erfc(x) = exp(-x²) P(t) / (1 + 2x), t = (x - 4) / (x + 4), x >= 0", erfc_ratio,
        lambda t: 1 / erfc_ratio(t), mpf(-1), mpf("0.745"), {"double": 23, "wide": 13}),
    Fit("ERFINV_CENTRE", "erfinv(x) = x P(w - 25/8), w = -log(1 - x²) <= 25/4",
        lambda t: erfinv_ratio(t + mpf(25) / 8), lambda t: 1 / erfinv_ratio(t + mpf(25) / 8),
        mpf(-25) / 8, mpf(25) / 8, {"double": 24, "wide": 12}),
    Fit("ERFINV_TAIL", "erfinv(x) = x P(sqrt(w) - 13/4), 5/2 <= sqrt(w) <= 4",
        lambda t: erfinv_ratio((t + mpf(13) / 4) ** 2), lambda t: 1 / erfinv_ratio((t + mpf(13) / 4) ** 2),
        mpf(-3) / 4, mpf(3) / 4, {"double": 20, "wide": 10}),
    Fit("ERFINV_FAR_TAIL", "erfinv(x) = x P(sqrt(w) - 5), 4 <= sqrt(w)",
        lambda t: erfinv_ratio((t + 5) ** 2), lambda t: 1 / erfinv_ratio((t + 5) ** 2),
        mpf(-1), mpf("1.01"), {"double": 18}),
    Fit("LGAMMA", "lgamma(1 + u) = u (u - 1) P(u - 3/4), 0 <= u <= 3/2",
        lambda t: mp.loggamma(t + mpf(7) / 4) / (t + mpf(3) / 4) / (t - mpf(1) / 4),
        lambda t: (t + mpf(3) / 4) * (t - mpf(1) / 4) / mp.loggamma(t + mpf(7) / 4),
        mpf(-3) / 4, mpf(3) / 4, {"double": 26}),
    Fit("LGAMMA_STIRLING", "lgamma(x) = (x - 1/2) (log(x) - 1) + log(2 pi)/2 - 1/2 + P(1/x²) / x, x >= 8",
        root(stirling), lambda z: mpf(1), TINY, mpf(1) / 64, {"double": 8}),
    Fit("DIGAMMA", "digamma(x) = (x - root) P(x - 3/2), 1 <= x <= 2",
        lambda t: mp.digamma(t + mpf(3) / 2) / (t + mpf(3) / 2 - DIGAMMA_ROOT),
        lambda t: (t + mpf(3) / 2 - DIGAMMA_ROOT) / mp.digamma(t + mpf(3) / 2),
        mpf(-1) / 2, mpf(1) / 2, {"double": 22}),
    Fit("DIGAMMA_TAIL", "digamma(x) = log(x) - 1/(2x) - P(1/x²) / x², x >= 10",
        root(lambda i: (mp.log(1 / i) - i / 2 - mp.digamma(1 / i)) / i**2), lambda z: mpf(1),
        mpf("1e-12"), mpf(1) / 100, {"double": 8}),
]
# fmt: on


@dataclass
class Split:
    """A constant as an unevaluated sum of numbers of a type: each rounds what the ones before it left over, to nearest
    or, so that all are positive, down."""

    name: str
    meaning: str
    value: mpf
    parts: int
    rounding: str = "n"
    spare: bool = False  # whether the first part has so few bits that its products with exponents are exact


SPLITS = [
    Split("LN2", "ln(2)", mp.log(2), 2),
    Split("LN2_SHORT", "ln(2)", mp.log(2), 2, spare=True),
    Split("LOG10_2", "log10(2)", mp.log10(2), 2),
    Split("LOG2_E", "log2(e)", 1 / mp.log(2), 2),
    Split("LOG10_E", "log10(e)", 1 / mp.log(10), 2),
    Split("TWICE_LOG2_E", "2 log2(e)", 2 / mp.log(2), 2),
    Split("ATANH_LOG2_CUBE", "2/3 log2(e)", 2 / mp.log(2) / 3, 2),
    Split("DIGAMMA_ROOT", "the positive root of digamma", DIGAMMA_ROOT, 2),
    Split("PI", "pi", +mp.pi, 2),
    Split("PI_ROUNDED_DOWN", "pi", +mp.pi, 3, rounding="d"),
]


def rounded(value: mpf, precision: str, rounding: str = "n") -> float:
    """The nearest number of the type that polynomials of this precision are evaluated in."""
    return float(mp.fadd(value, 0, prec=24 if precision == "float" else 53, rounding=rounding))


def rounded_fit(fit: Fit, precision: str) -> tuple[list[float], mpf]:
    """The coefficients, and the error before they were rounded.

    Those of odd and even functions, which are polynomials of a square, are rounded one after the other, lowest power
    first, each time fitting the rest anew so that it makes good what rounding lost (in double, that matters for the
    first two only). On both sides of zero that would be no Chebyshev system.
    """
    terms = fit.terms[precision]
    coefficients, error = remez(fit.function, fit.weight, fit.low, fit.high, terms)
    done: list[float] = []
    function, weight = fit.function, fit.weight
    one_sided = 4 if precision == "float" else 2
    for _ in range(min(terms - 1, one_sided if fit.low > 0 else 0)):
        first = rounded(coefficients[0], precision)
        done.append(first)
        function, weight = without_first(function, first), times_argument(weight)
        coefficients, _ = remez(function, weight, fit.low, fit.high, terms - len(done))
    return [*done, *(rounded(coefficient, precision) for coefficient in coefficients)], error


def without_first(function: Function, coefficient: float) -> Function:
    return lambda x: (function(x) - mpf(coefficient)) / x


def times_argument(weight: Function) -> Function:
    return lambda x: weight(x) * x


def split(constant: Split, precision: str) -> list[float]:
    result: list[float] = []
    value = constant.value
    for _ in range(constant.parts):
        result.append(rounded(value, precision, constant.rounding))
        if constant.spare and len(result) == 1:
            bits = 15 if precision == "float" else 41
            result = [float(mp.fadd(value, 0, prec=bits))]
        value -= mpf(result[-1])
    return result


def table(name: str, rows: dict[str, list[float]]) -> str:
    """A table in as many lines as its numbers need."""
    lines = [f"{name} = {{"]
    for precision, numbers in rows.items():
        text = f"{precision!r}: ({', '.join(map(repr, numbers))}),".replace("'", '"')
        lines += textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="        ")
    return "\n".join([*lines, "}"])


def fitted(fit: Fit) -> str:
    rows, errors = {}, []
    for precision in fit.terms:
        rows[precision], error = rounded_fit(fit, precision)
        errors.append(f"2**{float(mp.log(error, 2)):.1f} ({precision})")
    return f"# {fit.meaning}\n# relative error {', '.join(errors)}\n{table(fit.name, rows)}"


def main() -> None:
    constants = [
        f"# {each.meaning}\n{table(each.name, {type: split(each, type) for type in ('float', 'double')})}"
        for each in SPLITS
    ]
    parts = [HEADING, "# --- constants, each as a sum", *constants, "# --- polynomials", *map(fitted, FITS)]
    TARGET.write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
