"""Writes ``flambeau/ops/bessel_series.py``: ``python tools/chebyshev.py`` (needs mpmath; nothing else does).

Every table is the Chebyshev series (L. N. Trefethen, "Approximation Theory and Approximation Practice", ch. 3) of a part of a
function that is smooth on an interval, from its values at Chebyshev points, computed with 240 bits. A series ends where the
coefficients fall below 2e-17 of the largest value; what is left out is then below the rounding of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mpmath import mp, mpf  # type: ignore[import-untyped]

mp.prec = 240

TARGET = Path(__file__).parent.parent / "flambeau" / "ops" / "bessel_series.py"
HEADING = '''"""Chebyshev series (lowest order first) of parts of Bessel's and Airy's functions: by ``tools/chebyshev.py``.

What each is a series of, and on which interval of which variable, stands above it.
"""

# fmt: off'''

Function = Callable[[mpf], mpf]


def series(function: Function, low: float, high: float) -> list[mpf]:
    """The Chebyshev coefficients of a function on an interval."""
    count = 96
    middle, half = (mpf(low) + mpf(high)) / 2, (mpf(high) - mpf(low)) / 2
    angles = [mp.pi * (2 * k + 1) / (2 * count) for k in range(count)]
    values = [function(middle + half * mp.cos(angle)) for angle in angles]
    found = [2 * sum(v * mp.cos(n * a) for v, a in zip(values, angles, strict=True)) / count for n in range(count)]
    found[0] /= 2
    limit = mpf("2e-17") * max(map(abs, values))
    while abs(found[-1]) < limit:
        found.pop()
    return found


def _amplitudes(order: int) -> tuple[Function, Function]:
    """P and Q·x/8 of Hankel's expansion (Abramowitz and Stegun, 9.2.5 to 9.2.10), as functions of (8/x)²."""

    def both(w: mpf) -> tuple[mpf, mpf, mpf]:
        x = 8 / mp.sqrt(w)
        angle, scale = x - (2 * order + 1) * mp.pi / 4, mp.sqrt(mp.pi * x / 2)
        j, y = mp.besselj(order, x), mp.bessely(order, x)
        c, s = mp.cos(angle), mp.sin(angle)
        return scale * (j * c + y * s), scale * (y * c - j * s), x

    return lambda w: both(w)[0], lambda w: both(w)[1] * both(w)[2] / 8


def _airy_amplitudes() -> tuple[Function, Function]:
    """P and Q·ζ of Abramowitz and Stegun, 10.4.60, as functions of (8/ζ)²."""

    def both(w: mpf) -> tuple[mpf, mpf, mpf]:
        zeta = 8 / mp.sqrt(w)
        x = (3 * zeta / 2) ** (mpf(2) / 3)
        scale = mp.sqrt(mp.pi) * x ** mpf("0.25")
        a, b = mp.airyai(-x), mp.airybi(-x)
        c, s = mp.cos(zeta + mp.pi / 4), mp.sin(zeta + mp.pi / 4)
        return scale * (a * s + b * c), scale * (b * s - a * c), zeta

    return lambda w: both(w)[0], lambda w: both(w)[1] * both(w)[2]


def _airy_decay(w: mpf) -> mpf:
    zeta = 1 / w
    x = (3 * zeta / 2) ** (mpf(2) / 3)
    return mp.airyai(x) * mp.exp(zeta) * x ** mpf("0.25")


TABLES: list[tuple[str, str, Function, float, float]] = [
    ("J0", "J₀(x) in x² from 0 to 64", lambda y: mp.besselj(0, mp.sqrt(y)), 0, 64),
    ("J1", "J₁(x) / x in x² from 0 to 64", lambda y: mp.besselj(1, mp.sqrt(y)) / mp.sqrt(y), 0, 64),
    ("Y0", "Y₀(x) - (2/π) log(x) J₀(x) in x² from 0 to 64",
     lambda y: mp.bessely(0, mp.sqrt(y)) - mp.log(y) / mp.pi * mp.besselj(0, mp.sqrt(y)), 0, 64),
    ("Y1", "(Y₁(x) - (2/π) (log(x) J₁(x) - 1/x)) / x in x² from 0 to 64",
     lambda y: (mp.bessely(1, mp.sqrt(y)) - 2 / mp.pi * (mp.log(y) / 2 * mp.besselj(1, mp.sqrt(y)) - 1 / mp.sqrt(y)))
     / mp.sqrt(y), 0, 64),
    ("P0", "P of order 0 in (8/x)² from 0 to 1", _amplitudes(0)[0], 0, 1),
    ("Q0", "Q·x/8 of order 0 in (8/x)² from 0 to 1", _amplitudes(0)[1], 0, 1),
    ("P1", "P of order 1 in (8/x)² from 0 to 1", _amplitudes(1)[0], 0, 1),
    ("Q1", "Q·x/8 of order 1 in (8/x)² from 0 to 1", _amplitudes(1)[1], 0, 1),
    ("I0", "I₀(x) in x² from 0 to 4", lambda y: mp.besseli(0, mp.sqrt(y)), 0, 4),
    ("I1", "I₁(x) / x in x² from 0 to 4", lambda y: mp.besseli(1, mp.sqrt(y)) / mp.sqrt(y), 0, 4),
    ("K0", "K₀(x) + log(x/2) I₀(x) in x² from 0 to 4",
     lambda y: mp.besselk(0, mp.sqrt(y)) + mp.log(y / 4) / 2 * mp.besseli(0, mp.sqrt(y)), 0, 4),
    ("K1", "(K₁(x) - log(x/2) I₁(x)) x in x² from 0 to 4",
     lambda y: (mp.besselk(1, mp.sqrt(y)) - mp.log(y / 4) / 2 * mp.besseli(1, mp.sqrt(y))) * mp.sqrt(y), 0, 4),
    ("K0_DECAY", "K₀(x) exp(x) √x in 1/x from 0 to 1/2",
     lambda w: mp.besselk(0, 1 / w) * mp.exp(1 / w) / mp.sqrt(w), 0, 0.5),
    ("K1_DECAY", "K₁(x) exp(x) √x in 1/x from 0 to 1/2",
     lambda w: mp.besselk(1, 1 / w) * mp.exp(1 / w) / mp.sqrt(w), 0, 0.5),
    ("AIRY_LEFT", "Ai(x) in x from -6 to -2", mp.airyai, -6, -2),
    ("AIRY_CENTRE", "Ai(x) in x from -2 to 2", mp.airyai, -2, 2),
    ("AIRY_DECAY", "Ai(x) exp(ζ) x^¼ in 1/ζ from 0 to 0.54, ζ = ⅔ x^1.5", _airy_decay, 0, 0.54),
    ("AIRY_P", "P of Ai(-x) in (8/ζ)² from 0 to 1, ζ = ⅔ x^1.5", _airy_amplitudes()[0], 0, 1),
    ("AIRY_Q", "Q·ζ of Ai(-x) in (8/ζ)² from 0 to 1, ζ = ⅔ x^1.5", _airy_amplitudes()[1], 0, 1),
]  # fmt: skip


def main() -> None:
    text = [HEADING]
    for name, meaning, function, low, high in TABLES:
        numbers = [repr(float(c)) for c in series(function, low, high)]
        lines, line = [], "   "
        for number in numbers:
            if len(line) + len(number) + 2 > 120:
                lines.append(line)
                line = "   "
            line += f" {number},"
        text += ["", f"# {meaning}", f"{name} = (", *lines, line, ")"]
        print(name, len(numbers))
    TARGET.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
