"""``script``: functions and modules under the types that TorchScript gives them, which run as their Python.

A scripted module is a copy that shares its parameters with the original: of a class below the original's, so that its
methods (``super()`` in them, too) and tests of types mean what they meant. Its parts are scripted as well.
"""

from __future__ import annotations

import functools
import inspect
import sys
import textwrap
import types
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeVar

from ..nn.modules.module import Module
from ._serialization import archive_of, write_archive

_C = TypeVar("_C", bound=type)


class ScriptWarning(Warning):
    """What PyTorch warns of with code that TorchScript takes for something else."""


class Attribute(NamedTuple):
    """A value for an attribute, with its type; a :class:`ScriptModule` keeps the value."""

    value: Any
    type: Any


def source_of(function: Callable[..., Any]) -> str:
    """The text of a function. ``RuntimeError`` where it is not known."""
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise RuntimeError(f"the source of {getattr(function, '__qualname__', function)} is not known") from error


def _no_graph(self: Any) -> NoReturn:
    """Refused: there is no graph of TorchScript's, since what is scripted runs as its Python."""
    raise NotImplementedError(
        f"{type(self).__name__}.graph: scripted programs run as their Python and have no TorchScript graph; "
        "torch.fx.symbolic_trace and torch.export.export give graphs"
    )


# --- functions -------------------------------------------------------------------------------------------------------


class ScriptFunction:
    """A function that was scripted or traced."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    def __reduce__(self) -> Any:
        named = getattr(sys.modules.get(self._function.__module__), self._function.__qualname__, None)
        return self._function.__qualname__ if named is self else (ScriptFunction, (self._function,))

    @property
    def name(self) -> str:
        """The function's name."""
        return self._function.__name__

    @property
    def qualified_name(self) -> str:
        """The function's name behind that of its module."""
        return f"__torch__.{self._function.__module__}.{self._function.__qualname__}"

    @property
    def code(self) -> str:
        """The function's text, which is what runs."""
        return source_of(self._function)

    graph = inlined_graph = property(_no_graph)

    def save(self, filename: Any, _extra_files: dict[str, Any] | None = None) -> None:
        """Write the function to a file, as :func:`~flambeau.jit.save` does."""
        write_archive(self, filename, _extra_files)

    def save_to_buffer(self, _extra_files: dict[str, Any] | None = None) -> bytes:
        """What :meth:`save` writes, as bytes."""
        return archive_of(self, _extra_files)


# --- modules ---------------------------------------------------------------------------------------------------------


class ScriptModule(Module):
    """A module that was scripted or traced; or a program's own subclass, of which ``script_method`` marks the methods."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value.value if isinstance(value, Attribute) else value)

    @property
    def code(self) -> str:
        """The text of ``forward``, which is what runs."""
        return source_of(type(self).forward)

    @property
    def code_with_constants(self) -> tuple[str, Any]:
        """The text of ``forward``, and the constants that it names apart: none."""
        return self.code, None

    graph = inlined_graph = property(_no_graph)

    @property
    def original_name(self) -> str:
        """The name of the class that was scripted."""
        return original(type(self)).__name__

    def save(self, f: Any, _extra_files: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Write the module to a file, as :func:`~flambeau.jit.save` does."""
        write_archive(self, f, _extra_files)

    def save_to_buffer(self, _extra_files: dict[str, Any] | None = None) -> bytes:
        """What :meth:`save` writes, as bytes."""
        return archive_of(self, _extra_files)

    def define(self, src: str) -> NoReturn:
        """Refused: methods from TorchScript's text."""
        raise NotImplementedError("ScriptModule.define: methods are defined in Python, not in the text of TorchScript")

    def __reduce_ex__(self, protocol: Any) -> Any:
        made, kind = type(self), original(type(self))
        if kind is made:  # a program's own class
            return super().__reduce_ex__(protocol)
        return restored, (made.__bases__[0], kind), self.__getstate__()


class RecursiveScriptModule(ScriptModule):
    """What ``script`` makes of a module."""

    def _get_name(self) -> str:
        return "RecursiveScriptModule"

    def extra_repr(self) -> str:
        return f"original_name={self.original_name}"


def original(kind: type) -> type:
    """The class of the module that one of a scripted class was made from."""
    return kind.__bases__[1] if "__scripted__" in vars(kind) else kind


def scripted_class(base: type, kind: type) -> type:
    """The class below ``base`` (one of ``ScriptModule``'s) and a class of modules, made once."""
    made: Any
    for made in base.__subclasses__():
        if made.__bases__ == (base, kind):
            return made  # type: ignore[no-any-return]
    made = types.new_class(
        base.__name__, (base, kind), {}, lambda space: space.update(__scripted__=True, __module__=base.__module__)
    )
    made.__qualname__ = base.__qualname__
    return made


def restored(base: type, kind: type) -> Any:
    """A module of a scripted class without any state, for unpickling and copying."""
    made: Any = scripted_class(base, kind)
    return made.__new__(made)


def copied(module: Module, base: type | None = None, done: dict[int, Any] | None = None) -> Any:
    """A module and its parts as copies that share tensors with them, of scripted classes below ``base``."""
    done = {} if done is None else done
    if id(module) in done:
        return done[id(module)]
    kind = type(module)
    if base is None:
        copy: Any = kind.__new__(kind)
    elif isinstance(module, ScriptModule) and original(kind) is kind:
        return module  # a program's own subclass of ScriptModule
    else:
        copy = restored(base, original(kind))
    done[id(module)] = copy
    for name, value in vars(module).items():
        copy.__dict__[name] = value.copy() if isinstance(value, (dict, list, set)) else value
    for name, part in module._modules.items():
        if part is not None:
            copy._modules[name] = copied(part, base, done)
    return copy


def script(obj: Any, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> Any:
    """A module or function as TorchScript's; classes, lists and dictionaries as they are; also a decorator.

    ``RuntimeError`` for a class of modules, and for what is neither.
    """
    if isinstance(obj, (ScriptModule, ScriptFunction)):
        return obj
    if hasattr(obj, "__prepare_scriptable__") and not isinstance(obj, type):
        obj = obj.__prepare_scriptable__()
    if isinstance(obj, Module):
        return copied(obj, RecursiveScriptModule)
    if isinstance(obj, type):
        if issubclass(obj, Module):
            raise RuntimeError(
                f"Type '{obj}' cannot be compiled since it inherits from nn.Module, pass an instance instead"
            )
        return obj
    if inspect.isfunction(obj) or inspect.ismethod(obj):
        if hasattr(obj, "__script_unsupported"):
            raise RuntimeError("TorchScript error: " + obj.__script_unsupported)
        return ScriptFunction(getattr(obj, "__original_fn", obj))
    return obj


def script_method(fn: Any) -> Any:
    """Mark a method of a :class:`ScriptModule`: the method itself."""
    return fn


def interface(obj: _C) -> _C:
    """Mark a class as one that only says which methods others have. ``RuntimeError`` for what is no class."""
    if not isinstance(obj, type):
        raise RuntimeError("interface must be applied to a class")
    return obj


def _unwrap_optional(x: Any) -> Any:
    if x is None:
        raise AssertionError("Unwrapping null optional")
    return x


class RecursiveScriptClass:
    """An object of a class that was scripted; none is made, since such classes stay what they are."""


class CompilationUnit:
    """Functions from TorchScript's text: refused, there is no compiler for it."""

    def __init__(self, lang: str | None = None, _frames_up: int = 0) -> None:
        if lang is not None:
            self.define(lang)

    def define(self, lang: str, rcb: Any = None, _frames_up: int = 0) -> NoReturn:
        """Refused."""
        raise NotImplementedError(
            "CompilationUnit.define: functions are defined in Python, not in the text of TorchScript"
        )
