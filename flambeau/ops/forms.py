"""The further forms in which PyTorch lets operations be called.

An operation is written in its plain form. What PyTorch takes besides follows from its declaration: ``out=``, other names of
parameters (those of overloads, and NumPy's ``axis`` and ``keepdims``), Python's types for dtypes, and the overloads of old
that have numbers first. ``ops.arguments`` exports operations in all of them; a call in the plain form goes straight on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from inspect import CO_VARARGS
from typing import Any

from ..core.tensor import Tensor
from ..graph.dtypes import OF_PYTHON
from ..graph.notices import warn
from .assignment import write_results
from .operation import PLAIN, Declaration

SEQUENCES = {"size", "shape", "dims", "repeats"}
"""What operations take by position one by one or as one sequence, and by keyword under this name."""

INERT = {"layout", "pin_memory"}
"""What functions that make tensors on a device take, of which there is one kind here."""

NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim"}
"""NumPy's names of parameters, which all operations take."""


class Forms:
    """The further forms of one operation: what tells that a call is in one, and what it is in the plain form."""

    def __init__(
        self, name: str, aliases: Iterable[str], plain: Callable[..., Any], declared: Declaration = PLAIN,
        called: Sequence[Sequence[str]] = (), further: bool = False, method: bool = False,
    ) -> None:  # fmt: skip
        """``called``: what parameters are called under this name, in order; ``further`` if this is not the function's own."""
        code = _innermost(plain).__code__
        parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        sequence = code.co_varnames[len(parameters)] if code.co_flags & CO_VARARGS else None
        self.name = name
        self.aliases = tuple(aliases)
        self.plain = plain
        self.sequence = sequence if sequence in SEQUENCES else None
        self.least = code.co_argcount
        self.scales = declared.scales
        #: How many positional arguments the plain form has, if there is another one with more.
        self.most = parameters.index(self.scales[0]) if self.scales else 1 << 30
        self.inert = INERT.difference(parameters) if {"device", "dtype"}.issubset(parameters) else set()
        names = [(other, own) for other, own in NUMPY_NAMES.items() if own in parameters]
        names += [pair for form in called for pair in zip(form, parameters)]
        #: {what a parameter is called otherwise: what it is called here}.
        self.names = {other: own for other, own in names if other not in parameters}
        #: {what a parameter is called here: what it is called under a further name}.
        self.called = dict(zip(parameters, called[0])) if further else {}
        self.typed = "dtype" in parameters
        positional = parameters[: code.co_argcount]
        #: How many positional arguments come before a dtype, if that may be given by position.
        self.before_dtype = positional.index("dtype") if "dtype" in positional else 1 << 30
        self.takes_out = bool(declared.out) and not method
        self.out = declared.out if isinstance(declared.out, str) else ""
        #: The keywords that tell a further form from the plain one. (What is given as dtype may be one of Python's types.)
        self.keywords = frozenset(self.names) | self.inert
        if self.takes_out or "dim" in parameters and "out" not in parameters:  # NumPy's functions give None
            self.keywords |= {"out"}
        if self.typed:
            self.keywords |= {"dtype"}
        if self.sequence is not None:
            self.keywords |= {self.sequence}

    def call(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The result of a call in a further form."""
        keywords = dict(keywords)
        out = keywords.pop("out", None) if "out" in self.keywords else None
        if out is not None and not self.takes_out:
            raise TypeError(f"{self.name}() got an unexpected keyword argument 'out'")
        if "dtype" in keywords:
            keywords["dtype"] = OF_PYTHON.get(keywords["dtype"], keywords["dtype"])
        if len(arguments) > (place := self.before_dtype):
            arguments = (*arguments[:place], OF_PYTHON.get(arguments[place], arguments[place]), *arguments[place + 1 :])
        if self.sequence in keywords:
            if len(arguments) > self.least:
                raise TypeError(f"{self.name}() got multiple values for argument '{self.sequence}'")
            arguments = (*arguments, keywords.pop(self.sequence))
        for other in self.inert.intersection(keywords):
            del keywords[other]
        for other in self.names.keys() & keywords.keys():
            own = self.names[other]
            if own in keywords:
                raise TypeError(f"{self.name}() got multiple values for argument '{own}'")
            keywords[own] = keywords.pop(other)
        if len(arguments) > self.most:
            arguments = self._scales_behind(arguments, keywords)
        if out is None:
            return self.plain(*arguments, **keywords)
        if self.typed and isinstance(out, Tensor) and "exact" not in self.out:
            if (keywords.get("dtype") or out.dtype) is not out.dtype:
                raise RuntimeError(
                    f"Expected out tensor to have dtype {keywords['dtype']}, but got {out.dtype} instead"
                )
            keywords["dtype"] = out.dtype
        read = [x for x in (*arguments, *keywords.values()) if isinstance(x, Tensor)] if "apart" in self.out else []
        return write_results(self.name, out, self.plain(*arguments, **keywords), self.out, read)

    def _scales_behind(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
        """The tensors of a call of an old overload; its numbers become keywords."""
        given = [a for a in arguments if not isinstance(a, Tensor)]
        if not 0 < len(given) <= len(self.scales) or not isinstance(arguments[-1], Tensor):
            return arguments
        warn(
            f"This overload of {self.name} is deprecated: give {' and '.join(self.scales)} by keyword, behind the tensors."
        )
        keywords.update(zip(self.scales, given))
        return tuple([a for a in arguments if isinstance(a, Tensor)])


def _innermost(function: Callable[..., Any]) -> Any:
    """The function behind wrappers, which has the parameters."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function
