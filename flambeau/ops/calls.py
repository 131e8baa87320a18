"""How operations are called: the further forms in which PyTorch takes a call, and wrappers with the operation's own signature.

An operation is written in its plain form. What PyTorch takes besides follows from its declaration: ``out=``, other names of
parameters (those of overloads, and NumPy's ``axis`` and ``keepdims``), Python's types for dtypes, and the overloads of old
that have numbers first. ``ops.arguments`` exports operations in all of them; a call in the plain form goes straight on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from inspect import CO_VARARGS, CO_VARKEYWORDS
from threading import RLock
from types import CodeType
from typing import Any

from ..core.device import strided
from ..core.meta import made_on_meta, names_meta
from ..core.tensor import Tensor
from ..graph.dtypes import OF_PYTHON, dtype
from ..graph.notices import warn
from .assignment import write_results
from .operation import PLAIN, Declaration

SEQUENCES = {"size", "shape", "dims", "repeats"}
"""What operations take by position one by one or as one sequence, and by keyword under this name."""

ONE_BY_ONE = {"squeeze", "count_nonzero", "hash_tensor", "hsplit", "vsplit", "dsplit"}
"""Methods that take axes, or indices, one by one as well."""

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
        code = innermost(plain).__code__
        parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        sequence = code.co_varnames[len(parameters)] if code.co_flags & CO_VARARGS else None
        self.name = name
        self.aliases = tuple(aliases)
        self.plain = plain
        self.sequence = sequence if sequence in SEQUENCES else None
        self.least = code.co_argcount
        self.scales = declared.scales
        #: Whether what comes behind the tensor by position may come one by one.
        self.one_by_one = method and name.rstrip("_") in ONE_BY_ONE
        #: How many positional arguments the plain form has, if there is another one with more.
        self.most = parameters.index(self.scales[0]) if self.scales else 2 if self.one_by_one else 1 << 30
        #: Whether it makes tensors on a device.
        self.makes = {"device", "dtype"}.issubset(parameters)
        self.inert = INERT.difference(parameters) if self.makes else set()
        #: Whether they have a layout that is not theirs to choose.
        self.lays = self.makes and not name.startswith("sparse_")
        names = [(other, own) for other, own in NUMPY_NAMES.items() if own in parameters]
        names += [pair for form in called for pair in zip(form, parameters)]
        #: {what a parameter is called otherwise: what it is called here}.
        self.names = {other: own for other, own in names if other not in parameters}
        #: {what a parameter is called in an overload that has some of them in other places: what it is called here}.
        self.moved = next((dict(zip(form, parameters)) for form in called if _moves(form, parameters)), {})
        #: {what a parameter is called here: what it is called under a further name}.
        self.called = dict(zip(parameters, called[0])) if further else {}
        self.typed = "dtype" in parameters
        positional = parameters[: code.co_argcount]
        #: How many positional arguments come before a dtype, if that may be given by position.
        self.before_dtype = positional.index("dtype") if "dtype" in positional else 1 << 30
        self.takes_out = bool(declared.out) and not method
        self.out = declared.out if isinstance(declared.out, str) else ""
        #: The keywords that tell a further form from the plain one. (What is given as dtype may be one of Python's types.)
        self.keywords = frozenset(self.names) | self.moved.keys() | self.inert
        if self.takes_out or "dim" in parameters and "out" not in parameters:  # NumPy's functions give None
            self.keywords |= {"out"}
        if self.typed:
            self.keywords |= {"dtype"}
        if self.makes:
            self.keywords |= {"device", "layout"} if self.lays else {"device"}
        if self.sequence is not None:
            self.keywords |= {self.sequence}

    def call(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The result of a call in a further form."""
        keywords = dict(keywords)
        out = keywords.pop("out", None) if "out" in self.keywords else None
        if out is not None and not self.takes_out:
            raise TypeError(f"{self.name}() got an unexpected keyword argument 'out'")
        if self._is_moved(arguments, keywords):
            keywords = {self.moved.get(name, name): value for name, value in keywords.items()}
        if "dtype" in keywords:
            keywords["dtype"] = OF_PYTHON.get(keywords["dtype"], keywords["dtype"])
        if len(arguments) > (place := self.before_dtype):
            arguments = (*arguments[:place], OF_PYTHON.get(arguments[place], arguments[place]), *arguments[place + 1 :])
        if self.sequence in keywords:
            if len(arguments) > self.least:
                raise TypeError(f"{self.name}() got multiple values for argument '{self.sequence}'")
            arguments = (*arguments, keywords.pop(self.sequence))
        layout = keywords.pop("layout", None) if self.lays else None
        for other in self.inert.intersection(keywords):
            del keywords[other]
        if layout is not None and layout is not strided:
            return self._sparse(layout, arguments, keywords)
        renamed = {self.names[other]: keywords.pop(other) for other in self.names.keys() & keywords.keys()}
        for own in renamed.keys() & keywords.keys():
            raise TypeError(f"{self.name}() got multiple values for argument '{own}'")
        keywords.update(renamed)
        if len(arguments) > self.most:
            behind = (arguments[0], arguments[1:])
            arguments = behind if self.one_by_one else self._scales_behind(arguments, keywords)
        if self.makes and names_meta(keywords.get("device")):
            return made_on_meta(self.plain, *arguments, **keywords)
        if out is None:
            return self.plain(*arguments, **keywords)
        if self.typed and isinstance(out, Tensor) and "exact" not in self.out:
            if (keywords.get("dtype") or out.dtype) is not out.dtype:
                raise RuntimeError(
                    f"Expected out tensor to have dtype {keywords['dtype']}, but got {out.dtype} instead"
                )
            keywords["dtype"] = out.dtype
        read = _tensors_in((*arguments, *keywords.values())) if "apart" in self.out else []
        return write_results(self.name, out, self.plain(*arguments, **keywords), self.out, read)

    def _sparse(self, layout: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Zeros in a sparse layout. ``NotImplementedError`` for what is made of other elements."""
        if "zeros" not in self.name and "empty" not in self.name:
            raise NotImplementedError(f"{self.name}() makes no tensors of layout {layout}")
        requires_grad = keywords.pop("requires_grad", False)
        return self.call(arguments, keywords).zero_().to_sparse(layout=layout).requires_grad_(requires_grad)

    def _is_moved(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> bool:
        """Whether keywords are those of the overload in :attr:`moved`: some are its own, or name what is given by position."""
        if not self.moved:
            return False
        given = tuple(self.moved.values())[: len(arguments)]
        return any(name in given or name in self.names for name in keywords)

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


def _tensors_in(arguments: Iterable[Any]) -> list[Tensor]:
    """The tensors among arguments, and in sequences of them."""
    found = []
    for value in arguments:
        found += [x for x in (value if isinstance(value, (tuple, list)) else (value,)) if isinstance(x, Tensor)]
    return found


def _moves(form: Sequence[str], parameters: Sequence[str]) -> bool:
    """Whether an overload has one of a function's parameters in another place."""
    return any(name != own and name in parameters for name, own in zip(form, parameters))


def innermost(function: Callable[..., Any]) -> Any:
    """The function behind wrappers, which has the parameters."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


# --- wrappers with the signature of what they wrap --------------------------------------------------------------------


_TEXT = """
def made(_exported, _function):
    def {name}({parameters}):
        try:
            if {special}:
                return _exported.call(*_exported.given({given}))
            return _function({passed})
        except Exception as _error:
            if (_result := _exported.otherwise(_error, *_exported.given({given}))) is NotImplemented:
                raise
            return _result
    return {name}
"""

_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Specializing:
    """How the wrapper of an operation is specialized: it gets the operation's parameters.

    A wrapper that takes ``*arguments, **keywords`` packs and unpacks them at every call, which is a fifth of what recording an
    operation costs. One that has the operation's own parameters hands them on for next to nothing, but its text must be
    compiled, which takes as long as a thousand calls. So wrappers begin as the former, and those that are called often get the
    code of the latter.
    """

    DTYPE = dtype
    ELSEWHERE = staticmethod(names_meta)

    wrapper: Any

    def __init__(self, function: Any, forms: Forms, flags: Collection[str]) -> None:
        self._function, self.forms, self._flags = function, forms, flags
        code = innermost(function).__code__
        #: Whether the wrapper can be. By the parameters' own names could not be told which overload is meant that has them in
        #: other places.
        self.possible = not code.co_flags & CO_VARKEYWORDS and forms.most >= code.co_argcount and not forms.moved

    def specialize(self) -> None:
        """Change the wrapper's code; its free variables must be ``_function`` and ``_exported``."""
        with _changing:
            if _AS_GIVEN:
                return
            wrapper = self.wrapper
            if self not in _GENERAL:
                self._look()
                _GENERAL[self] = wrapper.__code__
                self._own_code = self._code()
            wrapper.__defaults__, wrapper.__kwdefaults__ = self._defaults, self._named_defaults
            wrapper.__code__ = self._own_code  # last, for it needs the defaults: another thread may be about to call

    def _look(self) -> None:
        """What is only known of operations that are called often: importing a thousand takes time enough."""
        function, forms = innermost(self._function), self.forms
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
        looked_at = ", ".join([*self._positional, *([f"*{self._rest}"] if self._rest else []), *self._named, ""])
        special = [f"ACTIVE or KINDS and not are_common(each(type_of, ({looked_at})))"]
        special += [f"{flag} is not False and {flag} is not True" for flag in self._flags]
        special += [f"{name} is ..." for name in self._late]
        special += ["_rest"] if self._rest == "_rest" else []
        special += ["dtype is not None and type(dtype) is not _exported.DTYPE"] if forms.typed else []
        special += ["out is not None"] if forms.takes_out else []
        special += ["device is not None and _exported.ELSEWHERE(device)"] if forms.makes else []
        special += ["layout is not None"] if forms.lays and "layout" in self._named else []
        special += ["_further"] if further else []
        arguments = [*self._positional, *rest, ""]
        keywords = [*further, *[f"{name!r}: {name}" for name in self._named]]
        passed = arguments if self._rest != "_rest" else self._positional
        text = _TEXT.format(
            name=forms.name,
            parameters=", ".join([*self._positional, *rest, *star, *self._named, *further]),
            special=" or ".join(special),
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


_GENERAL: dict[Specializing, CodeType] = {}
"""The code with which each specialized wrapper began."""

_changing = RLock()


# --- modes, which see what programs call before it runs ---------------------------------------------------------------

# A mode is a function of (name, the operation as it is exported, arguments, keywords) that gives the result, or
# ``NotImplemented`` if the call is none of its business. The operation that it calls in turn comes by here again.

Mode = Callable[[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]

ACTIVE: list[Mode] = []
"""The modes that some thread has entered, the innermost last; as long as there are none, calls pay next to nothing."""

KINDS: list[Mode] = []
"""The modes that know of a kind of tensors made of others, which :mod:`.of_parts` has; asked after all the active ones."""

COMMON: set[type] = {Tensor, bool, int, float, str, type(None)}
"""Types of arguments that are none of these modes' business. A call with no others costs little more for them."""

are_common, each, type_of = COMMON.issuperset, map, type
"""By names that no operation has for its parameters: wrappers look at their arguments with these."""

_AS_GIVEN: list[Mode] = []
"""Those of them that tell what is given by keyword from what is given by position."""


def enter_mode(mode: Mode, as_given: bool = False, first: bool = False) -> None:
    """Have a mode see calls, as the innermost one; as the outermost if it is ``first``.

    Of parameters of a wrapper's own nobody can tell how they were given. If the mode wants to know, all wrappers are general
    ones meanwhile.
    """
    if as_given:
        with _changing:
            _AS_GIVEN.append(mode)
            for specializing, code in _GENERAL.items():
                wrapper = specializing.wrapper
                wrapper.__code__ = code
                wrapper.__defaults__ = wrapper.__kwdefaults__ = None
    ACTIVE.insert(0 if first else len(ACTIVE), mode)


def leave_mode(mode: Mode) -> None:
    """Have a mode see no calls any more. (Wrappers get parameters of their own again when they are called.)"""
    ACTIVE.remove(mode)
    if mode in _AS_GIVEN:
        _AS_GIVEN.remove(mode)


def under_modes(
    name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any], of_kinds: bool = True
) -> Any:
    """The result of the innermost mode that has something to say, or ``NotImplemented``.

    ``of_kinds`` says that it is one of the package's operations, by its own name: kinds of tensors know no others.
    """
    for mode in reversed(ACTIVE.copy()):
        result = mode(name, call, arguments, keywords)
        if result is not NotImplemented:
            return result
    if of_kinds and KINDS and not (all(map(_is_common, arguments)) and all(map(_is_common, keywords.values()))):
        for mode in KINDS:
            result = mode(name, call, arguments, keywords)
            if result is not NotImplemented:
                return result
    return NotImplemented


def _is_common(value: Any) -> bool:
    kind = type(value)
    return kind in COMMON or (kind is tuple or kind is list) and are_common(map(type, value))


def from_a_mode() -> bool:
    """Whether what is being handled was raised under a mode, which was asked then."""
    place = sys.exc_info()[2]
    while place is not None:
        if place.tb_frame.f_code is under_modes.__code__:
            return True
        place = place.tb_next
    return False
