"""Integers that stand for sizes: what is computed and decided with them holds wherever the guards do."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flambeau.kernels.symbols import Symbols, computed, definite, largest, value_of

Numbers = list[Any]


def _halves(a: int, b: int) -> tuple[int, int]:
    return a // 2 + b, a * b % 7


def _other(a: int, b: int) -> tuple[int]:
    return (a * 3 + b,)


_other.__name__ = _halves.__name__  # functions are told apart, not their names


OPERATIONS = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "//": lambda a, b: a // b if b > 0 else a,
    "%": lambda a, b: a % b if b > 0 else b, "|": lambda a, b: a | 1, "max": max, "min": min, "negative": lambda a, b: -a,
    "ceil": lambda a, b: -(-a // 16), "largest": lambda a, b: largest([a, b, 3]), "half": lambda a, b: computed(_halves, a, b)[0],
    "rest": lambda a, b: computed(_halves, a, b)[1], "where": lambda a, b: a if a == b else b,
    "sorted": lambda a, b: sorted([a, b])[0], "other": lambda a, b: computed(_other, a, b)[0],
}  # fmt: skip


def result(program: Sequence[tuple[str, int, int]], given: Numbers) -> Numbers:
    """A program of operations on numbers given, and on what it has computed."""
    numbers = [*given, 1, 12]
    for name, first, second in program:
        value = OPERATIONS[name](numbers[first % len(numbers)], numbers[second % len(numbers)])
        numbers.append(value if abs(value_of(value)) < 1 << 40 else 5)
    return numbers


programs = st.lists(st.tuples(st.sampled_from(list(OPERATIONS)), st.integers(0, 40), st.integers(0, 40)), max_size=14)
sizes = st.lists(st.integers(2, 60), min_size=3, max_size=3)


@settings(max_examples=400, deadline=None)
@given(programs, sizes, st.lists(sizes, max_size=6))
def test_results_hold_wherever_the_guards_do(program: Any, example: list[int], others: list[list[int]]) -> None:
    symbols = Symbols()
    bind = symbols.binder(result(program, [symbols.symbol(n) for n in example]))
    assert bind(*example) == tuple(result(program, example))
    for other in others:
        found = bind(*other)
        assert found is None or found == tuple(result(program, other))


def test_what_follows_from_two_at_least_needs_no_guard() -> None:
    symbols = Symbols()
    n, k = symbols.symbol(32), symbols.symbol(784)
    assert n != 1 and n and not n < 1 and n * k > n and n * k >= 2 * k and max(n, 1) is n
    assert n * k // k == n and n * k % k == 0 and (n * 64) // 16 == n * 4 and n - n == 0
    assert symbols.guards == {}
    assert n < 64
    assert len(symbols.guards) == 1


def test_there_is_one_object_for_each_polynomial() -> None:
    symbols = Symbols()
    n, k = symbols.symbol(5), symbols.symbol(5)
    assert n * k is k * n and (n + k) * 2 is k + n + n + k and n - 1 + 1 is n and n * 3 // 3 is n and 0 - (0 - n) is n
    assert n // 4 is (n * k) // k // 4 and (n + 3) % 4 is (3 + n) % 4 and n // 4 is not k // 4
    assert n * 0 == 0 and n - n == 0 and n * k - k * n == 0 and not symbols.guards
    assert len({n, k, n + k, k + n}) == 3  # in a set they are apart, though their values are equal


def test_what_is_known_of_quotients_needs_no_guard() -> None:
    symbols = Symbols()
    n, k = symbols.symbol(70), symbols.symbol(9)
    blocks = -(-n // 64)  # rounded up
    assert blocks >= 1 and blocks is (n + 63) // 64 and -(-n // k) >= 1 and (n + k) // k >= 1 and (n * 64) // 100 >= 1
    assert (k + 3) // k >= 1 and n // k >= 0 and not symbols.guards
    bind = symbols.binder([blocks, -(-n // k), (-n) // 7, -(n - k) // 5])
    for pair in ((70, 9), (64, 2), (65, 3), (2, 50)):
        assert bind(*pair) == (-(-pair[0] // 64), -(-pair[0] // pair[1]), -pair[0] // 7, -(pair[0] - pair[1]) // 5)


def test_results_that_are_plain_numbers_or_there_several_times() -> None:
    symbols = Symbols()
    n = symbols.symbol(5)
    assert symbols.binder([n * 2, 7, n, n * 2, True, 7, n // 2])(9) == (18, 7, 9, 18, 1, 7, 4)


def test_what_planning_leaves_behind_is_no_cycle() -> None:
    symbols = Symbols()
    n, k = symbols.symbol(5), symbols.symbol(7)
    kept = (n * k + 3) // 16
    assert n < k and max(n, kept) is n
    bind = symbols.binder([kept])
    left = weakref.ref(symbols)
    symbols.let_go()
    gc.disable()
    try:
        del symbols, n, k, kept
        assert bind(5, 7) == (2,)  # the example's sizes: nothing was made for others yet
        assert bind(8, 9) == (4,) and bind(7, 5) is None
        assert left() is None
    finally:
        gc.enable()
    assert bind(5, 7) == (2,)


@pytest.mark.parametrize("use", [range, str, repr, "{}".format, lambda n: [0] * n, lambda n: [*range(99)][n], definite])
def test_what_becomes_a_plain_integer_holds_for_that_alone(use: Any) -> None:
    symbols = Symbols()
    n = symbols.symbol(7)
    use(n)
    bind = symbols.binder([n])
    assert bind(7) == (7,) and bind(8) is None
