"""Integer polynomials in variables that have names, and what is known of their values.

A monomial is a sorted tuple of names, each as often as it is a factor; a polynomial has its factor, which is not 0, for each.
"""

from __future__ import annotations

from collections.abc import Mapping

Monomial = tuple[str, ...]
Terms = dict[Monomial, int]


def constant(number: int) -> Terms:
    return {(): number} if number else {}


def without_zeros(terms: Terms) -> Terms:
    return {monomial: factor for monomial, factor in terms.items() if factor}


def added(one: Terms, other: Terms) -> Terms:
    """The sum of two polynomials."""
    terms = dict(one)
    for monomial, factor in other.items():
        terms[monomial] = terms.get(monomial, 0) + factor
    return without_zeros(terms)


def increased(terms: Terms, by: int) -> Terms:
    """A polynomial plus a number."""
    terms = dict(terms)
    number = terms.get((), 0) + by
    if number:
        terms[()] = number
    else:
        del terms[()]
    return terms


def scaled(terms: Terms, by: int) -> Terms:
    """A polynomial times a number that is not 0."""
    return {monomial: factor * by for monomial, factor in terms.items()}


def multiplied(one: Terms, other: Terms) -> Terms:
    """The product of two polynomials."""
    terms: Terms = {}
    for left, first in one.items():
        for right, second in other.items():
            monomial = tuple(sorted(left + right)) if left and right else left or right
            terms[monomial] = terms.get(monomial, 0) + first * second
    return without_zeros(terms)


def divided(one: Terms, other: Terms) -> Terms | None:
    """The quotient, if the divisor has one term and the quotient is a polynomial."""
    if len(other) != 1:
        return None
    ((names, by),) = other.items()
    terms: Terms = {}
    for monomial, factor in one.items():
        if factor % by:
            return None
        if names:
            left = list(monomial)
            for name in names:
                if name not in left:
                    return None
                left.remove(name)
            monomial = tuple(left)
        terms[monomial] = factor // by
    return terms


def spelled(terms: Terms) -> str:
    """A polynomial as Python's text, the same for equal ones."""
    parts = []
    for monomial, factor in sorted(terms.items()):
        factors = [str(factor)] if factor != 1 or not monomial else []
        parts.append("*".join([*factors, *monomial]))
    return "+".join(parts).replace("+-", "-") if parts else "0"


def _least_product(monomial: Monomial, least: Mapping[str, int]) -> int | None:
    """The least value of a product of variables that are not negative, or of one variable; None if it is neither."""
    if len(monomial) == 1:
        return least.get(monomial[0])
    product = 1
    for name in monomial:
        low = least.get(name, -1)
        if low < 0:
            return None
        product *= low
    return product


def least_value(terms: Terms, least: Mapping[str, int]) -> int | None:
    """A number that a polynomial is never below, given those of its variables; None if none is known.

    That is what it is where all variables have their least values, if it grows with each: if, written in what they have
    beyond these, it has no negative factor.
    """
    total = 0
    for monomial, factor in terms.items():
        if monomial:
            low = _least_product(monomial, least)
            if low is None or factor < 0:
                break
            total += factor * low
        else:
            total += factor
    else:
        return total
    shifted: Terms = {}
    for monomial, factor in terms.items():
        partial: Terms = {(): factor}
        for name in monomial:
            low = least.get(name)
            if low is None:
                return None
            grown: Terms = {}
            for other, by in partial.items():
                grown[other] = grown.get(other, 0) + by * low
                longer = tuple(sorted((*other, name)))
                grown[longer] = grown.get(longer, 0) + by
            partial = grown
        for other, by in partial.items():
            shifted[other] = shifted.get(other, 0) + by
    if any(factor < 0 for monomial, factor in shifted.items() if monomial):
        return None
    return shifted.get((), 0)
