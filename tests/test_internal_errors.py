"""Calls with arguments of the wrong kind: what is raised is never an error of the inside (a `KeyError`, a list too short)."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

import flambeau
import flambeau.nn.functional
from flambeau.graph.trace import step_boundary

INTERNAL = (
    AttributeError, KeyError, StopIteration, UnboundLocalError, ZeroDivisionError, RecursionError,
)  # fmt: skip
OF_LISTS = ("tuple index out of range", "list index out of range", "list assignment index out of range", "pop from empty")
LEFT_OUT = {"compile", "manual_seed", "seed", "load", "save", "set_rng_state", "fork_rng"}


def arguments() -> Iterator[tuple[Any, ...]]:
    x, number, none = flambeau.ones(2, 3), flambeau.tensor(1.0), flambeau.ones(0)
    places = flambeau.zeros(2, 3, dtype=flambeau.int64)
    for first in (x, number, none, x.long(), x.bool(), 3, None, "a", [], [x, x]):
        yield (first,)
    for second in (0, -1, x, x.bool(), places, "a", None, [], (), (0, 0), (5,), 1.5):
        yield x, second
    for first in (number, none):
        for second in (0, first, ()):
            yield first, second
    yield from ((x, x, x), (x, 0, places - 1), (x, 0, places[0] + 9), (x, 1, 1), (x, 0, 0, 0), (number, places, x))


def internal(function: Any, given: tuple[Any, ...]) -> Exception | None:
    """The error of the inside that a call ends in, if it does."""
    try:
        result = function(*given)
        for part in result if isinstance(result, tuple | list) else (result,):
            if isinstance(part, flambeau.Tensor):
                part.detach().numpy()
    except INTERNAL as error:
        return error
    except IndexError as error:
        return error if str(error).startswith(OF_LISTS) else None
    except Exception:
        return None
    finally:
        with suppress(Exception):
            step_boundary()  # what was recorded for results that nobody holds may fail too
    return None


def functions(module: Any) -> list[str]:
    names = [name for name in dir(module) if not name.startswith(("_", "set_")) and name not in LEFT_OUT]
    return [name for name in names if inspect.isfunction(getattr(module, name, None))]


@pytest.mark.parametrize("module", [flambeau, flambeau.nn.functional], ids=lambda module: module.__name__)
def test_no_error_of_the_inside(module: Any) -> None:
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in functions(module):
            for given in arguments():
                error = internal(getattr(module, name), given)
                if error is not None and not (name == "group_norm" and isinstance(error, ZeroDivisionError)):
                    # PyTorch, too, divides by the number of groups
                    shown = [list(each.shape) if isinstance(each, flambeau.Tensor) else each for each in given]
                    found.append(f"{name}{shown}: {error!r}")
    assert not found, "\n".join(found)
