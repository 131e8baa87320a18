"""Wrappers with the signature of what they wrap.

A wrapper that takes ``*arguments, **keywords`` packs and unpacks them at every call, which is a fifth of what recording an
operation costs. One that has the operation's own parameters hands them on for next to nothing, but its text must be
compiled, which takes as long as a thousand calls. So wrappers begin as the former, and those that are called often get the
code of the latter.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import CodeType
from typing import Any

from ..graph.dtypes import dtype
from .forms import Forms

_TEXT = """
def made(_own, _function):
    def {name}({parameters}):
        try:
            if {special}:
                return _own.call(*_own.given({given}))
            return _function({passed})
        except Exception as _error:
            _own.refuse(_error, *_own.given({given}))
            raise
    return {name}
"""

_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


class OwnSignature:
    """The signature of an operation, and how a wrapper with it tells that a call is in the operation's plain form."""

    DTYPE = dtype

    wrapper: Any

    def __init__(self, function: Any, forms: Forms, flags: Collection[str]) -> None:
        self._function, self.forms, self._flags = function, forms, flags
        code = function.__code__
        #: Whether a wrapper can have it.
        self.plain = (
            not code.co_flags & CO_VARKEYWORDS
            and forms.most >= code.co_argcount
            and not hasattr(function, "__wrapped__")
        )

    def give(self) -> None:
        """Give it to the wrapper, whose free variables must be ``_function`` and ``_own``."""
        self._look()
        code, wrapper = self._code(), self.wrapper
        wrapper.__defaults__, wrapper.__kwdefaults__ = self._defaults, self._named_defaults
        wrapper.__code__ = code  # last, for it needs the defaults: another thread may be about to call

    def _look(self) -> None:
        """What is only known of operations that are called often: importing a thousand takes time enough."""
        function, forms = self._function, self.forms
        code = function.__code__
        count = code.co_argcount
        names = code.co_varnames[: count + code.co_kwonlyargcount]
        defaults = function.__defaults__ or ()
        required = names[: count - len(defaults)]
        # What has another name cannot be required, nor what comes behind it: ``...`` says that it was not given.
        own = set(forms.names.values())
        self._late = [name for place, name in enumerate(required) if not own.isdisjoint(required[: place + 1])]
        self._positional, self._passed = names[:count], names[count:]
        self._named = (*self._passed, "out") if forms.takes_out else self._passed
        self._defaults = (*[...] * len(self._late), *defaults)
        self._named_defaults = dict(function.__kwdefaults__ or {})
        if forms.takes_out:
            self._named_defaults["out"] = None
        self._rest = code.co_varnames[len(names)] if code.co_flags & CO_VARARGS else "_rest" if forms.most == count else ""

    def _code(self) -> CodeType:
        forms = self.forms
        rest = [f"*{self._rest}"] if self._rest else []
        star = ["*"] if self._named and not rest else []
        further = ["**_further"] if forms.keywords.difference(self._named) else []
        special = ["ACTIVE"] + [f"{flag} is not False and {flag} is not True" for flag in self._flags]
        special += [f"{name} is ..." for name in self._late]
        special += ["_rest"] if self._rest == "_rest" else []
        special += ["dtype is not None and type(dtype) is not _own.DTYPE"] if forms.typed else []
        special += ["out is not None"] if forms.takes_out else []
        special += ["_further"] if further else []
        arguments = [*self._positional, *rest, ""]
        keywords = [*further, *[f"{name!r}: {name}" for name in self._named]]
        passed = arguments if self._rest != "_rest" else self._positional
        text = _TEXT.format(
            name=forms.name,
            parameters=", ".join([*self._positional, *rest, *star, *self._named, *further]),
            special=" or ".join(special) or "False",
            given=f"({', '.join(arguments)}), {{{', '.join(keywords)}}}",
            passed=", ".join([*filter(None, passed), *[f"{name}={name}" for name in self._passed]]),
        )
        space: dict[str, Any] = {}
        exec(compile(text, f"{_FOLDER}<call of {forms.name}>", "exec"), space)
        code: CodeType = space["made"](None, None).__code__
        return code

    def given(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments as they were given: without those that are the defaults."""
        keywords = {
            name: value
            for name, value in keywords.items()
            if name not in self._named_defaults or value is not self._named_defaults[name]
        }
        values = list(arguments)
        names = self._positional
        if len(values) == len(names):
            required = len(names) - len(self._defaults)
            while len(values) > required and values[-1] is self._defaults[len(values) - 1 - required]:
                values.pop()
            for place, value in enumerate(values):
                if value is ...:
                    behind = zip(names[place + 1 :], values[place + 1 :])
                    keywords.update((name, other) for name, other in behind if other is not ...)
                    del values[place:]
                    break
        return tuple(values), keywords
