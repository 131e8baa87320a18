"""Modules that are a function with settings: the body of the class names the settings, and all else follows from it."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar, dataclass_transform

from ...core.tensor import Tensor
from .. import functional
from .module import Module

M = TypeVar("M", bound=type[Module])

_EMPTY, _VARIADIC = inspect.Parameter.empty, (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_EXTENTS = {1: "dimension", 2: "two dimensions", 3: "three dimensions"}

_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep


@dataclass_transform()
def layer(
    function: Callable[..., Any] | None = None, *, shows: str | None = None, own_first: bool = False
) -> Callable[[M], M]:
    """Decorator of a module that hands its inputs and its settings to ``function``.

    The settings are what the class annotates, with their defaults; those behind ``_: KW_ONLY`` are given by keyword alone.
    They make

    - the constructor, which hands on those that the constructor of the base class takes (where the class names none of
      them, they come first, or last if ``own_first``), keeps the others (tensors as buffers) and calls ``_settle()``, if
      there is such a method, to check or convert them;
    - ``__constants__``, and the values for modules that were pickled before there was such a setting;
    - ``extra_repr``: ``name=value`` of all, of ``inplace`` only where it is true, or what the format ``shows`` makes of them;
    - ``forward``, which hands them to the parameters of the same names. The function's other parameters are inputs, if they
      have no default, and ``training`` is the module's.

    What the class defines itself is left as it is. A base class may be declared so without a function.
    """

    def declare(cls: M) -> M:
        base: Any = cls.__mro__[1]
        hints = {name: hint for name, hint in inspect.get_annotations(cls).items() if "ClassVar" not in str(hint)}
        defaults = {name: vars(cls)[name] for name in hints if name in vars(cls)}
        for name in defaults:
            delattr(cls, name)
        taken = _parameters_of(base.__init__) if hints else {}
        if not any(name in hints for name in taken):
            inherited = {name: parameter.annotation for name, parameter in taken.items()}
            hints = {**hints, **inherited} if own_first else {**inherited, **hints}
            defaults |= {name: parameter.default for name, parameter in taken.items() if parameter.default is not _EMPTY}
        kept = [name for name in hints if name not in taken and name != "_"]
        members: dict[str, Any] = {
            "__settings__": {**base.__settings__, **{name: defaults.get(name, ...) for name in kept}},
            "__constants__": [*getattr(base, "__constants__", ()), *[n for n in kept if "Tensor" not in str(hints[n])]],
        }
        if shows is not None:
            members["extra_repr"] = lambda self: shows.format_map(vars(self))
        elif base is Module:
            members["extra_repr"] = lambda self: _shown(self, kept)
        if hints:
            members["__init__"] = _AtFirstUse(cls, "__init__", lambda: _constructor(cls, hints, defaults, taken))
        if function is not None:
            members["forward"] = _AtFirstUse(cls, "forward", lambda: _forward(cls, function))
        for name, member in members.items():
            if name not in vars(cls):
                setattr(cls, name, member)
        return cls

    return declare


def in_dimensions(base: type[Module], also: Sequence[type[Module]] = ()) -> tuple[Any, Any, Any]:
    """The classes ``Name1d``, ``Name2d`` and ``Name3d`` of a base ``_Name`` (or ``_NameNd``) that asks for ``_dimensions``.

    ``also`` are further bases, one for each; ``{}`` in the base's docstring stands for the dimensions.
    """
    made = []
    for count, words in _EXTENTS.items():
        name = f"{base.__name__.removeprefix('_').removesuffix('Nd')}{count}d"
        members = {"_dimensions": count, "__doc__": (base.__doc__ or "").format(words), "__module__": base.__module__}
        made.append(type(name, (base, *also[count - 1 : count]), members))
    return made[0], made[1], made[2]


def _parameters_of(constructor: Any) -> dict[str, inspect.Parameter]:
    _, *parameters = inspect.signature(constructor).parameters.values()
    return {parameter.name: parameter for parameter in parameters if parameter.kind not in _VARIADIC}


Parts = tuple[list[str], list[str], dict[str, Any], dict[str, Any]]
"""What a method is made of: its parameters, its lines, what they use besides, and annotations."""


class _AtFirstUse:
    """A method that is compiled when it is first looked up: compiling a hundred of them at import would take too long."""

    def __init__(self, owner: type, name: str, parts: Callable[[], Parts]) -> None:
        self.owner, self.name, self.parts = owner, name, parts

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        owner, name = self.owner, self.name
        parameters, lines, given, types = self.parts()
        text = "\n        ".join([f"    def {name}({', '.join(['self', *parameters])}):", *lines])
        text = f"def made({', '.join(given)}):\n{text}\n    return {name}"
        title = f"{owner.__qualname__}.{name}"
        space: dict[str, Any] = {}
        exec(compile(text, f"{_FOLDER}<{title}>", "exec"), vars(sys.modules[owner.__module__]), space)
        method = space["made"](**given)
        method.__qualname__, method.__annotations__ = title, types
        setattr(owner, name, method)
        return method.__get__(instance, cls)


def _constructor(cls: type[Module], hints: dict[str, Any], defaults: dict[str, Any], taken: Collection[str]) -> Parts:
    """``taken`` are the parameters of the base class's constructor."""
    parameters = ["*" if n == "_" else f"{n}=_defaults[{n!r}]" if n in defaults else n for n in hints]
    lines = [f"_super(_class, self).__init__({', '.join(f'{name}={name}' for name in hints if name in taken)})"]
    for name, hint in hints.items():
        if name not in taken and name != "_":
            lines += [f"self.register_buffer({name!r}, {name})" if "Tensor" in str(hint) else f"self.{name} = {name}"]
    if hasattr(cls, "_settle"):
        lines += ["self._settle()"]
    types = {name: hint for name, hint in hints.items() if name != "_"}
    return parameters, lines, {"_super": super, "_class": cls, "_defaults": defaults}, {**types, "return": None}


def _forward(cls: type[Module], function: Callable[..., Any]) -> Parts:
    """The function is looked up by its name at each call: a program may have put another in its place."""
    inputs, passed = [], []
    by_keyword = False
    for parameter in inspect.signature(function).parameters.values():
        name = parameter.name
        if name not in cls.__settings__ and name != "training":
            if parameter.default is not parameter.empty:
                by_keyword = True
                continue
            inputs.append(name)
            passed.append(name)
        elif by_keyword or parameter.kind is parameter.KEYWORD_ONLY:
            passed.append(f"{name}=self.{name}")
        else:
            passed.append(f"self.{name}")
    name = function.__name__
    module = functional if getattr(functional, name, None) is function else sys.modules[function.__module__]
    types = dict.fromkeys((*inputs, "return"), Tensor)
    return inputs, [f"return _module.{name}({', '.join(passed)})"], {"_module": module}, types


def _shown(module: Module, names: list[str]) -> str:
    values = [(name, getattr(module, name)) for name in names]
    return ", ".join(f"{name}={value!r}" for name, value in values if name != "inplace" or value)


def unusual(module: Module, **usual: Any) -> str:
    """``, name=value`` for each setting of a module that is not what it usually is."""
    return "".join(f", {name}={getattr(module, name)}" for name, value in usual.items() if getattr(module, name) != value)
