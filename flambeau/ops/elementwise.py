"""How operations that work element by element are declared: what they record, and the formulas of their gradients.

A formula is a function of ``grad``, of the operation's parameters and of ``result``, as far as it names them: what recording
keeps follows from the names. One formula gives the gradients of all operands (one, or a tuple of them); a tuple of formulas
has one an operand, of which those are called that are wanted. Formulas are written in tensor operations, so gradients of
gradients come for free; the engine reduces what was broadcast and casts what was promoted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, TypeVar

from ..core.history import CROSSWISE, INPUTS, NOTHING, RESULT, Gradient
from ..core.tensor import Tensor
from ..graph.primitives import PRIMITIVES, Primitive
from ..graph.trace import local
from .calls import innermost
from .dispatch import attach, not_a_tensor
from .operation import operation, titled
from .recording_paths import binary, unary

Function = Callable[[Tensor], Tensor]
Formula = Callable[..., Any]
Formulas = Formula | tuple[Formula, ...]

_F = TypeVar("_F", bound=Callable[..., Any])


def gradient_class(
    name: str, formulas: Formulas, parameters: Sequence[str], operands: int, zero_curvature: bool = False
) -> type[Gradient]:
    """The history of an operation whose first ``operands`` parameters are differentiated: ``name`` is PyTorch's for it.

    Its ``context`` is the value of the further parameter that formulas name, or a tuple of several.
    """
    each = formulas if isinstance(formulas, tuple) else (formulas,)
    named = [_parameters_of(formula)[1:] for formula in each]
    kept = set().union(*named).intersection(parameters[:operands])
    settings = [p for p in parameters[operands:] if any(p in names for names in named)]

    def reader(name: str) -> Callable[[Gradient], Any]:
        if name == "result":
            return Gradient.result
        if name in settings:
            place = settings.index(name)
            return lambda node: node.context[place] if len(settings) > 1 else node.context
        place = parameters.index(name)
        return lambda node: node.input(place)

    calls = [(formula, [reader(name) for name in names]) for formula, names in zip(each, named)]
    if isinstance(formulas, tuple):

        def backward(self: Gradient, grad: Tensor) -> Any:
            return tuple(
                [
                    formula(grad, *[read(self) for read in reads]) if edge is not None else None
                    for (formula, reads), edge in zip(calls, self.edges)
                ]
            )

    else:
        formula, reads = calls[0]

        def backward(self: Gradient, grad: Tensor) -> Any:
            return formula(grad, *[read(self) for read in reads])

    if any("result" in names for names in named):
        saves = RESULT
    elif len(named) == 2 and set(parameters[:1]).isdisjoint(named[0]) and set(parameters[1:2]).isdisjoint(named[1]):
        saves = CROSSWISE if kept else NOTHING
    else:
        saves = INPUTS if kept else NOTHING
    members = {"__slots__": (), "saves": saves, "backward": backward, "zero_curvature": zero_curvature}
    return type(name, (Gradient,), {**members, "settings": settings, "keeps_operands": bool(kept)})


def _parameters_of(function: Any) -> tuple[str, ...]:
    code = innermost(function).__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]  # type: ignore[no-any-return]


def _defaults_of(function: Any, parameters: Sequence[str]) -> tuple[Any, ...]:
    """The parameters' defaults, in their order; None for those that have none."""
    function = innermost(function)
    positional = function.__code__.co_argcount
    defaults = dict(zip(reversed(parameters[:positional]), reversed(function.__defaults__ or ())))
    defaults |= function.__kwdefaults__ or {}
    return tuple([defaults.get(parameter) for parameter in parameters])


def history_name(operation: str) -> str:
    """PyTorch's name for the history of an operation: ``log1p`` leaves a Log1PBackward0."""
    return operation.title().replace("_", "") + "Backward0"


def differentiated(
    *formulas: Formula, name: str = "", operands: int = 0, zero_curvature: bool = False
) -> Callable[[_F], _F]:
    """Decorator: the history of what the function is composed of is one node, with gradients by formulas.

    One formula gives the gradients of the first parameter, or of as many as ``operands`` says; of several each gives one.
    (:func:`~flambeau.ops.one_node.one_node` derives the gradient from the composition instead.)
    """

    def decorate(function: _F) -> _F:
        parameters = _parameters_of(function)
        count = operands or len(formulas)
        gradient: Any = gradient_class(
            name or history_name(function.__name__), formulas if len(formulas) > 1 else formulas[0], parameters, count,
            zero_curvature,
        )  # fmt: skip
        defaults = _defaults_of(function, parameters)
        settings = [parameters.index(setting) for setting in gradient.settings]
        chosen = itemgetter(*settings) if settings else None
        saved: list[Any] | None = None if gradient.keeps_operands else []
        typed = "dtype" in parameters  # which may ask for integers, that have no gradient

        @functools.wraps(function)
        def called(*arguments: Any, **keywords: Any) -> Any:
            for value in chain(arguments, keywords.values()) if keywords else arguments:
                if isinstance(value, Tensor) and value._tracked and local.grad:
                    break
            else:
                return function(*arguments, **keywords)
            try:  # what ``without_history`` does, in line
                local.grad = False
                result = function(*arguments, **keywords)
            finally:
                local.grad = True
            if typed and result.dtype.category < 2:
                return result
            if keywords or chosen is not None:
                values = arguments + defaults[len(arguments) :]
                values = tuple([keywords.get(name, value) for name, value in zip(parameters, values)]) if keywords else values
                attach(result, gradient, values[:count], saved, None if chosen is None else chosen(values))
            else:
                attach(result, gradient, arguments[:count], saved)
            return result

        return called  # type: ignore[return-value]

    return decorate


def _declared(function: Any, name: str, meaning: str) -> Any:
    function.__code__ = function.__code__.replace(co_name=name, co_qualname=name)
    return titled(function, name, meaning)


def function(
    name: str, meaning: str, formula: Formula | None = None, *names: str, primitive: Primitive | None = None,
    inplace: bool = True, out: bool | str = True, zero_curvature: bool = False, history: str = "",
) -> Function:  # fmt: skip
    """Declare a function of each element: a primitive (of its name, unless told otherwise), and its derivative if it has one.

    ``formula`` names ``input`` or ``result``. For ``names`` and what follows see :func:`~flambeau.ops.operation.operation`.
    """
    recorded = primitive or PRIMITIVES[name]
    history = history or history_name(name)
    gradient = None if formula is None else gradient_class(history, formula, ("input",), 1, zero_curvature)

    def apply(input: Tensor) -> Tensor:
        return unary(recorded, input, gradient)

    return operation(*names, inplace=inplace, out=out)(_declared(apply, name, meaning))  # type: ignore[no-any-return]


def function_of_two(
    name: str, meaning: str, formulas: Formulas | None = None, *names: str, primitive: Primitive | None = None,
    numbers: str = "", inplace: bool = True, out: bool | str = True, zero_curvature: bool = False,
) -> Callable[[Any, Any], Tensor]:  # fmt: skip
    """Declare a function of two elements, broadcast and promoted. Formulas name ``input``, ``other`` and ``result``.

    ``numbers`` tells which operands may be Python numbers: none, the "other" one, or "either" (one of them).
    """
    recorded = primitive or PRIMITIVES[name]
    gradient = None if formulas is None else gradient_class(history_name(name), formulas, ("input", "other"), 2, zero_curvature)

    def of_tensors(input: Tensor, other: Tensor) -> Tensor:
        if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
            raise not_a_tensor(name, input=input, other=other)
        return binary(recorded, input, other, gradient)

    def of_any_other(input: Tensor, other: Any) -> Tensor:
        if not isinstance(input, Tensor):
            raise not_a_tensor(name, input=input)
        return binary(recorded, input, other, gradient)

    def of_either(input: Any, other: Any) -> Tensor:
        if not (isinstance(input, Tensor) or isinstance(other, Tensor)):
            raise not_a_tensor(name, input=input)
        return binary(recorded, input, other, gradient)

    apply = {"": of_tensors, "other": of_any_other, "either": of_either}[numbers]
    return operation(*names, inplace=inplace, out=out)(_declared(apply, name, meaning))  # type: ignore[no-any-return]
