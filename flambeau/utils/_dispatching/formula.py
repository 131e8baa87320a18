"""The form in which gradients are written as operations of aten's: one declaration for each operation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Formula(NamedTuple):
    """How an operation is differentiated.

    ``slopes(grad, results, wanted, arguments)`` gives a gradient for each argument; None if the operation has none. ``names`` are
    those of the arguments, with defaults.
    """

    slopes: Callable[..., Sequence[Any]] | None
    names: tuple[tuple[str, Any], ...] = ()
    #: The arguments that are saved, by their places, and the results.
    keeps: tuple[int, ...] = ()
    keeps_results: tuple[int, ...] = ()
    #: Results without a gradient, and the number at the end of the history's name.
    apart: tuple[int, ...] = ()
    number: int = 0

    def spelled(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """The arguments by position, all of them."""
        values = [*args[: len(self.names)]]
        for name, default in self.names[len(values) :]:
            values.append(kwargs.get(name, default))
        return values


FORMULAS: dict[str, Formula] = {}
"""Gradients by the full names of operations."""


def formula(
    names: str, keep: str = "", apart: tuple[int, ...] = (), number: int = 0, whole: bool = False
) -> Callable[..., Any]:
    """Decorator: a function of the result's gradient (and ``out``, the result, if it has a parameter of that name) and of the
    operation's arguments, which gives a tuple of their gradients, or functions that compute them: called if they are wanted.

    ``keep`` names the arguments that it reads; of others it sees shape and dtype alone. Of several results it sees those that
    have no gradient (``apart``), or all (``whole``). By the keyword ``wanted`` it may ask which gradients are.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        parameters = [*inspect.signature(function).parameters.values()]
        asks = any([p.name == "wanted" for p in parameters])
        with_result = len(parameters) > 1 and parameters[1].name == "out"
        own = [p for p in parameters[1 + with_result :] if p.kind is not p.KEYWORD_ONLY]
        given = [(p.name.rstrip("_"), None if p.default is p.empty else p.default) for p in own]
        order = sorted(range(len(given)), key=lambda place: given[place][0])  # as PyTorch's are computed
        keeps = tuple(k for k, (name, _) in enumerate(given) if name in keep.split())

        results: tuple[int, ...] = ()
        if with_result:
            results = (0, *apart) if whole or not apart else apart

        def computed(grad: Any, outputs: list[Any], wanted: list[bool], arguments: list[Any]) -> list[Any]:
            out = ((outputs[0] if len(outputs) == 1 else outputs),) if with_result else ()
            found = function(grad, *out, *arguments, **({"wanted": wanted} if asks else {}))
            found = found if isinstance(found, tuple) else (found,)
            found = (*found, *(None,) * (len(arguments) - len(found)))
            slopes: list[Any] = [None] * len(found)
            for place in order:
                if wanted[place]:
                    slope = found[place]
                    slopes[place] = slope() if callable(slope) else slope
            return slopes

        for name in names.split():
            FORMULAS[name] = Formula(computed, tuple(given), keeps, results, apart, number)
        return function

    return declare
