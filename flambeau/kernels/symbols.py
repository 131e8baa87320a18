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
from functools import lru_cache
from operator import itemgetter
from typing import Any

from ..graph.placeholder import Hidden
from .polynomials import Monomial, Terms, added, constant, divided, increased, least_value, multiplied, scaled, spelled

LEAST = 2
"""The least value of a symbol: extents of none and of one change what is computed, so they are never symbols."""

Names = frozenset[str]


class Symbols:
    """The symbols of one plan, what is computed from them beyond polynomials, and the guards."""

    def __init__(self) -> None:
        #: Names of the symbols, in the order in which values are given, and their values in the example.
        self.names: list[str] = []
        self.values: list[int] = []
        #: What names stand for that are not symbols: the text of an expression, and the names that it needs.
        self.definitions: dict[str, tuple[str, Names]] = {}
        self._named: dict[str, Symbolic] = {}
        self._polynomials: dict[frozenset[tuple[Monomial, int]], Symbolic] = {}
        #: The least value that each name can have, where that is known.
        self.least: dict[str, int] = {}
        #: Conditions as texts, with the names that they need.
        self.guards: dict[str, Names] = {}
        self.functions: dict[str, Callable[..., Any]] = {}
        #: Whether guards and results were made a function.
        self.bound = False
        #: Whether something symbolic was used as a plain integer.
        self.pinned = False

    def symbol(self, value: int) -> Symbolic:
        """A new symbol, which has the given value (at least :data:`LEAST`) in the example that is being planned."""
        name = f"n{len(self.names)}"
        self.names.append(name)
        self.values.append(value)
        self.least[name] = LEAST
        return self._variable(name, value)

    def _variable(self, name: str, value: int) -> Symbolic:
        made: Symbolic = self.polynomial({(name,): 1}, value)
        return made

    def polynomial(self, terms: Terms, value: int) -> Any:
        """The number that a polynomial is, which has the given value in the example; a plain one if it is constant."""
        if not terms:
            return 0
        if len(terms) == 1 and () in terms:
            return terms[()]
        key = frozenset(terms.items())
        found = self._polynomials.get(key)
        if found is None:
            found = self._polynomials[key] = Symbolic(self, terms, value, len(self._polynomials))
        return found

    def defined(self, text: str, needs: Names, value: int, least: int | None) -> Symbolic:
        """What an expression gives that is no polynomial."""
        found = self._named.get(text)
        if found is None:
            name = f"q{len(self.definitions)}"
            self.definitions[name] = text, needs
            if least is not None:
                self.least[name] = least
            found = self._named[text] = self._variable(name, value)
        return found

    def guard(self, text: str, needs: Names) -> None:
        """Note a condition under which what was decided holds. ``AssertionError`` when planning is over: too late."""
        assert not self.bound, f"planning is over, and something rests on {text}"
        self.guards[text] = needs

    def let_go(self) -> None:
        """Forget what operations gave, when planning is over: polynomials would keep each other until the cycle collector
        comes, and as long as one of them is kept."""
        for made in self._polynomials.values():
            made.known.clear()
        self._polynomials.clear()
        self._named.clear()

    def binder(self, results: Sequence[Any]) -> Binder:
        """A function of the symbols' values: the results' values, or None where a guard does not hold."""
        self.bound = True
        return Binder(self, results)

    def compiled(self, results: Sequence[Any]) -> Callable[..., tuple[int, ...] | None]:
        """The same as plain code."""
        lines: list[str] = []
        known = {*self.names}
        for text, needs in sorted(self.guards.items(), key=lambda guard: not guard[1] <= known):
            self._define(needs, known, lines)
            lines.append(f"    if not {text}: return None")
        # Most results are plain numbers or repeated: each polynomial is computed once, and a C function does the rest.
        places: dict[int, int] = {}
        fixed: dict[int, int] = {}
        texts: list[str] = []
        order: list[int] = []
        for result in results:
            if type(result) is Symbolic:
                if result.number not in places:
                    places[result.number] = len(texts)
                    self._define(result.names, known, lines)
                    texts.append(result.text)
                order.append(places[result.number])
            else:
                order.append(~fixed.setdefault(int(result), len(fixed)))
        count = len(texts)
        lines.append(f"    return pick(({''.join([text + ',' for text in texts])}) + fixed)")
        source = f"def bind({', '.join(self.names)}):\n" + "\n".join(lines)
        space: dict[str, Any] = dict(self.functions)
        space["pick"] = picker([place if place >= 0 else count + ~place for place in order])
        space["fixed"] = tuple(fixed)
        exec(compile(source, "<a plan's sizes>", "exec"), space)
        return space["bind"]  # type: ignore[no-any-return]

    def _define(self, needs: Names, known: set[str], lines: list[str]) -> None:
        """Add lines that define the names needed which are not ``known`` yet, and those that they need."""
        for name in sorted(needs - known, key=lambda name: int(name[1:])):
            text, inner = self.definitions[name]
            self._define(inner, known, lines)
            known.add(name)
            lines.append(f"    {name} = {text}")


class Binder:
    """What :meth:`Symbols.binder` gives. Its code is made when it is asked for other sizes than the example's: most of what a
    program plans at its first step never has others.
    """

    __slots__ = ("_code", "_pending", "_example")

    def __init__(self, symbols: Symbols, results: Sequence[Any]) -> None:
        self._code: Callable[..., tuple[int, ...] | None] | None = None
        self._pending: Any = symbols, results
        self._example = tuple(symbols.values), tuple([int(value_of(result)) for result in results])

    def __call__(self, *values: int) -> tuple[int, ...] | None:
        code = self._code
        if code is None:
            pending, (example, results) = self._pending, self._example
            if values == example:
                return results
            if pending is None:  # another thread has been here meanwhile
                return self(*values)
            symbols, wanted = pending
            code = self._code = symbols.compiled(wanted)
            self._pending = None
        return code(*values)


def picker(places: Sequence[int]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that gives the elements at ``places`` of a sequence."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda numbers: tuple([numbers[place] for place in places])


def _remembered(sign: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator of an operation of a polynomial and another number: what it gave is kept with the polynomial, for planning does
    the same sums for one value after the other."""

    def decorate(compute: Callable[..., Any]) -> Callable[..., Any]:
        def operation(self: Symbolic, other: Any) -> Any:
            key: tuple[Any, ...]
            if type(other) is int:
                key = sign, other
            elif type(other) is Symbolic:
                key = sign, None, other.number
            else:
                return compute(self, other)
            found = self.known.get(key)
            if found is None:
                found = self.known[key] = compute(self, other)
            return found

        return operation

    return decorate


_UNASKED = object()


class Symbolic(Hidden):
    """An integer polynomial in symbols and in what is defined by them; ``value`` is what it is in the example.

    There is one object for each polynomial of a space (:meth:`Symbols.polynomial`).
    """

    __slots__ = ("space", "terms", "value", "number", "known", "_text", "_names", "_least")

    kind = "i"
    symbolic = True

    def __init__(self, space: Symbols, terms: Terms, value: int, number: int) -> None:
        self.space = space
        self.terms = terms
        self.value = value
        #: Which one it is of those of the space.
        self.number = number
        #: What operations with others gave.
        self.known: dict[tuple[Any, ...], Any] = {}
        self._text: str | None = None
        self._names: Names | None = None
        self._least: Any = _UNASKED

    @property
    def text(self) -> str:
        text = self._text
        if text is None:
            text = self._text = spelled(self.terms)
        return text

    @property
    def names(self) -> Names:
        names = self._names
        if names is None:
            names = self._names = frozenset([name for monomial in self.terms for name in monomial])
        return names

    @property
    def least(self) -> int | None:
        """A number that it is never below, or None if none is known."""
        least = self._least
        if least is _UNASKED:
            least = self._least = least_value(self.terms, self.space.least)
        return least  # type: ignore[no-any-return]

    # --- arithmetic ---------------------------------------------------------------------------------------------------

    @_remembered("+")
    def __add__(self, other: Any) -> Any:
        if type(other) is int:
            return self.space.polynomial(increased(self.terms, other), self.value + other) if other else self
        return self.space.polynomial(added(self.terms, _terms_of(other)), self.value + value_of(other))

    __radd__ = __add__

    def __neg__(self) -> Any:
        return self * -1

    def __pos__(self) -> Symbolic:
        return self

    def __abs__(self) -> Any:
        return -self if self < 0 else self

    @_remembered("-")
    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    @_remembered("*")
    def __mul__(self, other: Any) -> Any:
        if type(other) is int:
            if other == 1:
                return self
            return self.space.polynomial(scaled(self.terms, other), self.value * other) if other else 0
        if not isinstance(other, (int, Symbolic)):
            return NotImplemented
        return self.space.polynomial(multiplied(self.terms, _terms_of(other)), self.value * value_of(other))

    __rmul__ = __mul__

    def _quotient(self, other: Any) -> Any:
        """The quotient if it is a polynomial; else None."""
        terms = divided(self.terms, _terms_of(other))
        return None if terms is None else self.space.polynomial(terms, self.value // value_of(other))

    @_remembered("//")
    def __floordiv__(self, other: Any) -> Any:
        quotient = self._quotient(other)
        if quotient is not None:
            return quotient
        least = None
        if _is_at_least(other, 1):
            if self.least is None and (-self).least is not None:
                # -a // b, of which there is no least value, is minus a rounded up quotient.
                return -((other - 1 - self) // other)
            if self.least is not None and isinstance(other, int):
                least = self.least // other
            elif _is_at_least(self, 0):
                least = int(_is_at_least(self - other, 0))
        return self._defined("//", self, other, self.value // value_of(other), least)

    def __rfloordiv__(self, other: Any) -> Any:
        least = 0 if other >= 0 and (self.least or 0) > 0 else None
        return self._defined("//", other, self, other // self.value, least)

    @_remembered("%")
    def __mod__(self, other: Any) -> Any:
        if self._quotient(other) is not None:
            return 0
        positive = isinstance(other, int) and other > 0 or isinstance(other, Symbolic) and (other.least or 0) > 0
        return self._defined("%", self, other, self.value % value_of(other), 0 if positive else None)

    def __rmod__(self, other: Any) -> Any:
        return self._defined("%", other, self, other % self.value, 0 if (self.least or 0) > 0 else None)

    def _defined(self, sign: str, one: Any, two: Any, value: int, least: int | None) -> Symbolic:
        text = f"({_spelled(one)}){sign}({_spelled(two)})"
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
            sign = {"<": ">=", "==": "!="}[sign]
        difference = self - other
        self.space.guard(f"{difference.text}{sign}0", difference.names)
        return answer

    @_remembered("<")
    def __lt__(self, other: Any) -> bool:
        if not isinstance(other, (int, Symbolic)):
            return NotImplemented
        above = self - other
        if isinstance(above, int):
            return above < 0
        least = above.least
        if least is not None and least >= 0:
            return False
        least = (-above).least
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

    @_remembered("==")
    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, (int, Symbolic)):
            return NotImplemented
        difference = self - other
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
        self.space.pinned = True
        self.space.guard(f"{self.text}=={self.value}", self.names)
        return self.value

    __int__ = __index__

    def __hash__(self) -> int:
        """Equal polynomials are one in a set; others may happen to have equal values, so no set may rely on it."""
        return hash((id(self.space), self.number))

    def __repr__(self) -> str:
        return repr(self.__index__())

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return format(self.__index__(), specification)


def _terms_of(number: Any) -> Terms:
    return number.terms if type(number) is Symbolic else constant(int(number))


def _is_at_least(number: Any, bound: int) -> bool:
    """Whether it is known, without a guard, that a number is not less."""
    least = number.least if isinstance(number, Symbolic) else number
    return least is not None and least >= bound


def value_of(number: Any) -> int:
    """What a number is in the example that is being planned; deciding anything by that needs a guard of its own."""
    return number.value if type(number) is Symbolic else number


def names_of(number: Any) -> Names:
    return number.names if isinstance(number, Symbolic) else frozenset()


def computed(function: Callable[..., tuple[int, ...]], *arguments: Any) -> tuple[Any, ...]:
    """What ``function(*arguments)`` gives, a tuple of integers of a fixed length: without guards, computed for each size.

    For choices among numbers that do not show in what is computed, only in how the work is cut. The function knows nothing but
    its arguments: what it gave is remembered, for other parts of a program have the same extents.
    """
    function = _remembering(function)
    spaces = [argument.space for argument in arguments if isinstance(argument, Symbolic)]
    values = function(*map(value_of, arguments))
    if not spaces:
        return values
    space, names = spaces[0], frozenset[str]().union(*map(names_of, arguments))
    name = next((known for known, other in space.functions.items() if other is function), f"f{len(space.functions)}")
    space.functions[name] = function
    called = f"{name}({', '.join(_spelled(argument) for argument in arguments)})"
    whole = space.defined(called, names, 0, None)
    return tuple(space.defined(f"{whole.text}[{k}]", whole.names, value, None) for k, value in enumerate(values))


@lru_cache(maxsize=256)
def _remembering(function: Callable[..., tuple[int, ...]]) -> Callable[..., tuple[int, ...]]:
    return lru_cache(maxsize=128)(function)


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
    needs = frozenset[str]().union(*map(names_of, symbolic.values()))
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
