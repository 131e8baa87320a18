"""Integers that stand for sizes not fixed yet, so that what is planned with them holds for other sizes.

Planning and lowering are written for plain integers. Given :class:`Symbolic` ones, what they compute is a polynomial in
symbols, and what they decide by a comparison becomes a *guard*: a condition under which all that was decided holds. An answer
that follows from symbols being at least 2 needs no guard. Where a symbol is used as a plain integer (an index, part of a text
or of a key), its value becomes part of the guards too: nothing that was decided is ever assumed silently.

:meth:`Symbols.binder` compiles guards and results to one Python function of the symbols' values.

Dynamo's ``ShapeEnv`` and JAX's shape polymorphism rest on the same idea.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

LEAST = 2
"""The least value of a symbol: extents of none and of one change what is computed, so they are never symbols."""

_Terms = dict[tuple[str, ...], int]


class Symbols:
    """The symbols of one plan, what is computed from them beyond polynomials, and the guards."""

    def __init__(self) -> None:
        #: Names of the symbols, in the order in which values are given.
        self.names: list[str] = []
        #: What names stand for that are not symbols: the text of an expression, and the names that it needs.
        self.definitions: dict[str, tuple[str, set[str]]] = {}
        self._named: dict[str, Symbolic] = {}
        #: The least value that each name can have, where that is known.
        self.least: dict[str, int] = {}
        #: Conditions as texts, with the names that they need.
        self.guards: dict[str, set[str]] = {}
        self.functions: dict[str, Callable[..., Any]] = {}
        #: Whether guards and results were made a function.
        self.bound = False

    def symbol(self, value: int) -> Symbolic:
        """A new symbol, which has the given value (at least :data:`LEAST`) in the example that is being planned."""
        name = f"n{len(self.names)}"
        self.names.append(name)
        self.least[name] = LEAST
        return Symbolic(self, {(name,): 1}, value)

    def defined(self, text: str, needs: set[str], value: int, least: int | None) -> Symbolic:
        """What an expression gives that is no polynomial."""
        found = self._named.get(text)
        if found is None:
            name = f"q{len(self.definitions)}"
            self.definitions[name] = text, needs
            if least is not None:
                self.least[name] = least
            found = self._named[text] = Symbolic(self, {(name,): 1}, value)
        return found

    def guard(self, text: str, needs: set[str]) -> None:
        """Note a condition under which what was decided holds. ``AssertionError`` when planning is over: too late."""
        assert not self.bound, f"planning is over, and something rests on {text}"
        self.guards[text] = needs

    def binder(self, results: Sequence[Any]) -> Callable[..., tuple[int, ...] | None]:
        """A function of the symbols' values: the results' values, or None where a guard does not hold."""
        self.bound = True
        lines: list[str] = []
        known = {*self.names}

        def define(needs: set[str]) -> None:
            for name in sorted(needs - known, key=lambda q: int(q[1:])):
                text, inner = self.definitions[name]
                define(inner)
                known.add(name)
                lines.append(f"    {name} = {text}")

        for text, needs in sorted(self.guards.items(), key=lambda guard: not guard[1] <= known):
            define(needs)
            lines.append(f"    if not {text}: return None")
        texts = []
        for result in results:
            if isinstance(result, Symbolic):
                define(result.names)
                texts.append(result.text)
            else:
                texts.append(repr(int(result)))
        lines.append(f"    return ({''.join(text + ',' for text in texts)})")
        source = f"def bind({', '.join(self.names)}):\n" + "\n".join(lines)
        space: dict[str, Any] = dict(self.functions)
        exec(compile(source, "<a plan's sizes>", "exec"), space)
        return space["bind"]  # type: ignore[no-any-return]


def _text(terms: _Terms) -> str:
    """A polynomial as Python's text, the same for equal ones."""
    parts = []
    for monomial, factor in sorted(terms.items()):
        factors = [str(factor)] if factor != 1 or not monomial else []
        parts.append("*".join([*factors, *monomial]))
    return "+".join(parts).replace("+-", "-") if parts else "0"


class Symbolic:
    """An integer polynomial in symbols and in what is defined by them; ``value`` is what it is in the example."""

    __slots__ = ("space", "terms", "value")

    def __init__(self, space: Symbols, terms: _Terms, value: int) -> None:
        self.space = space
        self.terms = terms
        self.value = value

    @property
    def text(self) -> str:
        return _text(self.terms)

    @property
    def names(self) -> set[str]:
        return {name for monomial in self.terms for name in monomial}

    @property
    def least(self) -> int | None:
        """A number that it is never below, or None if none is known.

        That is what it is where all names have their least values, if it grows with each: if, written in what they have
        beyond these, it has no negative factor.
        """
        shifted: _Terms = {}
        for monomial, factor in self.terms.items():
            partial: _Terms = {(): factor}
            for name in monomial:
                low = self.space.least.get(name)
                if low is None:
                    return None
                grown: _Terms = {}
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

    # --- arithmetic ---------------------------------------------------------------------------------------------------

    def _made(self, terms: _Terms, value: int) -> Any:
        terms = {monomial: factor for monomial, factor in terms.items() if factor}
        if not terms:
            return 0
        if len(terms) == 1 and () in terms:
            return terms[()]
        return Symbolic(self.space, terms, value)

    def __add__(self, other: Any) -> Any:
        terms = dict(self.terms)
        for monomial, factor in _terms_of(other).items():
            terms[monomial] = terms.get(monomial, 0) + factor
        return self._made(terms, self.value + value_of(other))

    __radd__ = __add__

    def __neg__(self) -> Any:
        return self._made({monomial: -factor for monomial, factor in self.terms.items()}, -self.value)

    def __pos__(self) -> Symbolic:
        return self

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, (int, Symbolic)):
            return NotImplemented
        terms: _Terms = {}
        for one, first in self.terms.items():
            for two, second in _terms_of(other).items():
                monomial = tuple(sorted(one + two))
                terms[monomial] = terms.get(monomial, 0) + first * second
        return self._made(terms, self.value * value_of(other))

    __rmul__ = __mul__

    def _quotient(self, other: Any) -> Any:
        """The quotient if it is a polynomial; else None."""
        divisor = _terms_of(other)
        if len(divisor) != 1:
            return None
        ((names, by),) = divisor.items()
        terms: _Terms = {}
        for monomial, factor in self.terms.items():
            left = list(monomial)
            for name in names:
                if name not in left:
                    return None
                left.remove(name)
            if factor % by:
                return None
            terms[tuple(left)] = factor // by
        return self._made(terms, self.value // value_of(other))

    def __floordiv__(self, other: Any) -> Any:
        quotient = self._quotient(other)
        if quotient is not None:
            return quotient
        least = None
        if isinstance(other, int) and other > 0 and self.least is not None:
            least = self.least // other
        elif isinstance(other, Symbolic) and (other.least or 0) > 0 and (self.least or -1) >= 0:
            least = 0
        return self._defined("//", self, other, self.value // value_of(other), least)

    def __rfloordiv__(self, other: Any) -> Any:
        least = 0 if other >= 0 and (self.least or 0) > 0 else None
        return self._defined("//", other, self, other // self.value, least)

    def __mod__(self, other: Any) -> Any:
        if self._quotient(other) is not None:
            return 0
        positive = isinstance(other, int) and other > 0 or isinstance(other, Symbolic) and (other.least or 0) > 0
        return self._defined("%", self, other, self.value % value_of(other), 0 if positive else None)

    def __rmod__(self, other: Any) -> Any:
        return self._defined("%", other, self, other % self.value, 0 if (self.least or 0) > 0 else None)

    def _defined(self, sign: str, one: Any, two: Any, value: int, least: int | None) -> Symbolic:
        text = f"({_text(_terms_of(one))}){sign}({_text(_terms_of(two))})"
        return self.space.defined(text, names_of(one) | names_of(two), value, least)

    def __and__(self, other: Any) -> Any:
        return self._defined("&", self, other, self.value & value_of(other), None)

    __rand__ = __and__

    def __or__(self, other: Any) -> Any:
        return self._defined("|", self, other, self.value | value_of(other), 0 if (self.least or -1) >= 0 else None)

    __ror__ = __or__

    def __lshift__(self, by: int) -> Any:
        return self * (1 << by)

    def __rshift__(self, by: int) -> Any:
        return self // (1 << by)

    # --- decisions ----------------------------------------------------------------------------------------------------

    def _compared(self, other: Any, sign: str, answer: bool) -> bool:
        """Note that the comparison with another number has this answer."""
        if not answer:
            sign = {"<": ">=", ">=": "<", "==": "!=", "!=": "=="}[sign]
        difference = self - other
        self.space.guard(f"{difference.text}{sign}0", difference.names)
        return answer

    def __lt__(self, other: Any) -> bool:
        if not isinstance(other, (int, Symbolic)):
            return NotImplemented
        above = self - other
        if isinstance(above, int):
            return above < 0
        least = above.least
        if least is not None and least >= 0:
            return False
        below = other - self
        least = below.least
        if least is not None and least > 0:
            return True
        return self._compared(other, "<", self.value < value_of(other))

    def __ge__(self, other: Any) -> bool:
        less = self.__lt__(other)
        return less if less is NotImplemented else not less

    def __gt__(self, other: Any) -> bool:
        if not isinstance(other, (int, Symbolic)):
            return NotImplemented
        return self >= other + 1

    def __le__(self, other: Any) -> bool:
        greater = self.__gt__(other)
        return greater if greater is NotImplemented else not greater

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (int, Symbolic)):
            return NotImplemented
        difference: Any = self - other
        if isinstance(difference, int):
            return difference == 0
        least, most = difference.least, (-difference).least
        if least is not None and least > 0 or most is not None and most > 0:
            return False
        return self._compared(other, "==", self.value == value_of(other))

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __bool__(self) -> bool:
        return self != 0

    def __index__(self) -> int:
        """The value as a plain integer, on which everything then depends."""
        self.space.guard(f"{self.text}=={self.value}", self.names)
        return self.value

    __int__ = __index__

    def __hash__(self) -> int:
        """Equal polynomials are one in a set; others may happen to have equal values, so no set may rely on it."""
        return hash((id(self.space), self.text))

    def __repr__(self) -> str:
        return repr(self.__index__())

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return format(self.__index__(), specification)


def _terms_of(number: Any) -> _Terms:
    if isinstance(number, Symbolic):
        return number.terms
    return {(): int(number)} if number else {}


def value_of(number: Any) -> int:
    """What a number is in the example that is being planned; deciding anything by that needs a guard of its own."""
    return number.value if isinstance(number, Symbolic) else number


def names_of(number: Any) -> set[str]:
    return number.names if isinstance(number, Symbolic) else set()


def computed(function: Callable[..., tuple[int, ...]], *arguments: Any) -> tuple[Any, ...]:
    """What ``function(*arguments)`` gives, a tuple of integers of a fixed length: without guards, computed for each size.

    For choices among numbers that do not show in what is computed, only in how the work is cut.
    """
    spaces = [argument.space for argument in arguments if isinstance(argument, Symbolic)]
    values = function(*map(value_of, arguments))
    if not spaces:
        return values
    space, names = spaces[0], set[str]().union(*map(names_of, arguments))
    name = next((known for known, other in space.functions.items() if other is function), f"f{len(space.functions)}")
    space.functions[name] = function
    called = f"{name}({', '.join(_spelled(argument) for argument in arguments)})"
    whole = space.defined(called, names, 0, None)
    return tuple(space.defined(f"{whole.text}[{k}]", whole.names, value, None) for k, value in enumerate(values))


def _spelled(argument: Any) -> str:
    return argument.text if isinstance(argument, Symbolic) else repr(argument)


def largest(numbers: Sequence[Any]) -> Any:
    """The largest of some numbers: without guards, computed for each size."""
    symbolic = {n.text: n for n in numbers if isinstance(n, Symbolic)}
    plain = [n for n in numbers if not isinstance(n, Symbolic)]
    if not symbolic:
        return max(plain)
    if plain:
        most = max(plain)
        if any((n.least or 0) >= most for n in symbolic.values()):
            plain = []
    if len(symbolic) == 1 and not plain:
        return next(iter(symbolic.values()))
    space = next(iter(symbolic.values())).space
    if plain:
        symbolic[str(max(plain))] = max(plain)  # type: ignore[assignment]
    needs = set[str]().union(*map(names_of, symbolic.values()))
    return space.defined(f"max({', '.join(symbolic)})", needs, max(map(value_of, symbolic.values())), None)


def definite(value: Any) -> Any:
    """A number, or whatever has some (tuples, named ones too, and data classes), with plain integers in place of symbolic ones.

    For devices whose kernels know sizes: what they make holds for these alone.
    """
    if isinstance(value, Symbolic):
        return value.__index__()
    if isinstance(value, tuple):
        parts = [definite(part) for part in value]
        if all(part is old for part, old in zip(parts, value)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if is_dataclass(value) and not isinstance(value, type):
        old = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        changed = {name: definite(part) for name, part in old.items()}
        return value if all(changed[name] is old[name] for name in old) else replace(value, **changed)
    return value
