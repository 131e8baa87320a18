"""What marks functions and types for TorchScript, and says nothing here: scripted programs run as their Python.

Decorators give back what they decorate, with the marks that PyTorch puts on it; nothing is compiled from it.
"""

from __future__ import annotations

import builtins
import contextlib
import inspect
import types
from collections import defaultdict
from collections.abc import Callable
from typing import (  # noqa: UP035  # programs take them from here
    Any,
    Dict,
    Final,
    List,
    Optional,
    Tuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from .core.tensor import Tensor

_F = TypeVar("_F", bound=Callable[..., Any])
_Class = TypeVar("_Class", bound=type)

__all__ = ["Final", "FunctionModifiers", "boolean_dispatch", "export", "ignore", "is_final", "is_scripting", "unused"]


def is_scripting() -> bool:
    """False: no code runs as TorchScript."""
    return False


# --- marks on functions ----------------------------------------------------------------------------------------------


class FunctionModifiers:
    """What a function can be marked as, in its attribute ``_torchscript_modifier``."""

    UNUSED = "unused (ignored and replaced with raising of an exception)"
    IGNORE = "ignore (leave as a call to Python, cannot be torch.jit.save'd)"
    EXPORT = "export (compile this function even if nothing calls it)"
    DEFAULT = "default (if called from a exported method / forward)"
    COPY_TO_SCRIPT_WRAPPER = "if this method is not scripted, copy the python method onto the scripted model"
    _DROP = "_drop (function is fully ignored, declaration can be unscriptable)"


def _mark(function: _F, modifier: str) -> _F:
    function.__dict__["_torchscript_modifier"] = modifier
    return function


def export(fn: _F) -> _F:
    """Mark a method as one to keep. Every method of a scripted module is there."""
    return _mark(fn, FunctionModifiers.EXPORT)


def unused(fn: Any) -> Any:
    """Mark a function, or the functions of a property, as one that scripted programs do not call."""
    for function in (fn.fget, fn.fset) if isinstance(fn, property) else (fn,):
        if function is not None:
            _mark(function, FunctionModifiers.UNUSED)
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Mark a function as one to leave in Python; with or without arguments. ``RuntimeError`` unless ``drop`` is a flag."""
    if callable(drop):
        return _mark(drop, FunctionModifiers.IGNORE)
    if not isinstance(drop, bool):
        raise RuntimeError(f"Argument to @torch.jit.ignore must be a bool or a function but got {drop}")
    modifier = FunctionModifiers.UNUSED if kwargs.pop("drop_on_export", drop) else FunctionModifiers.IGNORE
    return lambda function: _mark(function, modifier)


def _drop(fn: _F) -> _F:
    return _mark(fn, FunctionModifiers._DROP)


def _copy_to_script_wrapper(fn: _F) -> _F:
    return _mark(fn, FunctionModifiers.COPY_TO_SCRIPT_WRAPPER)


class _IgnoreContextManager(contextlib.AbstractContextManager[None]):
    """A block to leave in Python, with the types of what goes in and out as keywords."""

    def __init__(self, **kwargs: Any) -> None:
        pass

    def __exit__(self, *raised: object) -> None:
        pass


def get_torchscript_modifier(fn: Any) -> str:
    """What a function, or the function of a method, is marked as."""
    return str(getattr(getattr(fn, "__func__", fn), "_torchscript_modifier", FunctionModifiers.DEFAULT))


def is_ignored_fn(fn: Any) -> bool:
    """Whether a function is marked as one that is not compiled."""
    return get_torchscript_modifier(fn) in (FunctionModifiers.UNUSED, FunctionModifiers.IGNORE, FunctionModifiers._DROP)


def should_drop(fn: Any) -> bool:
    """Whether a function is marked as unused."""
    return get_torchscript_modifier(fn) == FunctionModifiers.UNUSED


def copy_torchscript_modifier(orig: Any, new: Any) -> None:
    """Mark a function as another one is."""
    if (modifier := getattr(orig, "_torchscript_modifier", None)) is not None:
        new._torchscript_modifier = modifier


# --- overloads -------------------------------------------------------------------------------------------------------

_overloaded_fns: dict[str, list[Any]] = defaultdict(list)
_overloaded_methods: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))


def _overload(func: _F) -> _F:
    """Note a declaration of a function's types; the definition that follows under its name is what runs."""
    _overloaded_fns[_qualified_name(func)].append(func)
    return func


def _overload_method(func: _F) -> _F:
    """Note a declaration of a method's types; the definition that follows under its name is what runs."""
    cls = func.__qualname__.rpartition(".")[0]
    _overloaded_methods[_qualified_name(func)][f"{func.__module__}.{cls}"].append(func)
    return func


def _qualified_name(obj: Any, mangle_name: bool = True) -> str:
    """The name of a class or function behind ``__torch__``, by which TorchScript knows what a program defines."""
    if hasattr(obj, "_jit_override_qualname"):
        return str(obj._jit_override_qualname)
    name, module = obj.__name__, obj.__module__
    if name == "<lambda>":
        name = "_lambda"
    if module is None:
        raise RuntimeError(f"Could not get qualified name for class '{name}': __module__ can't be None.")
    if module == "__main__":
        return f"__torch__.{name}" if mangle_name else f"__main__.{name}"
    return f"__torch__.{module}.{name}" if mangle_name and not module.startswith("torch.") else f"{module}.{name}"


# --- functions chosen by a flag --------------------------------------------------------------------------------------

boolean_dispatched: dict[Any, dict[str, Any]] = {}


def boolean_dispatch(
    arg_name: str, arg_index: int, default: bool, if_true: _F, if_false: _F, module_name: str, func_name: str
) -> Any:
    """A function that is one of two, as its flag ``arg_name`` (by position ``arg_index``) says."""

    def fn(*args: Any, **kwargs: Any) -> Any:
        flag = kwargs.get(arg_name, args[arg_index] if arg_index < len(args) else default)
        return (if_true if flag else if_false)(*args, **kwargs)

    fn.__doc__ = if_true.__doc__ or if_false.__doc__
    if module_name is not None:
        fn.__module__ = module_name
    if func_name is not None:
        fn.__name__ = func_name
    boolean_dispatched[fn] = {
        "if_true": if_true, "if_false": if_false, "index": arg_index, "default": default, "arg_name": arg_name,
    }  # fmt: skip
    return fn


# --- types -----------------------------------------------------------------------------------------------------------


class BroadcastingListCls:
    """``BroadcastingList2[int]``: a list that may be given as one number. As an annotation it is any value."""

    def __getitem__(self, types: Any) -> None:
        return


BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = BroadcastingListCls()
BroadcastingList4 = BroadcastingList5 = BroadcastingList6 = BroadcastingListCls()


def is_final(ann: Any) -> bool:
    """Whether an annotation is ``Final``, of some type or by itself."""
    return ann is Final or get_origin(ann) is Final


def is_tuple(ann: Any) -> bool:
    """Whether an annotation is a type of tuples, and which: what it is without parameters is an error where it is used."""
    return get_origin(ann) is tuple


def is_list(ann: Any) -> bool:
    """Whether an annotation is a type of lists."""
    return get_origin(ann) is list


def is_dict(ann: Any) -> bool:
    """Whether an annotation is a type of dictionaries."""
    return get_origin(ann) is dict


def is_union(ann: Any) -> bool:
    """Whether an annotation is a union of types."""
    return ann is Union or get_origin(ann) in (Union, types.UnionType)


def is_optional(ann: Any) -> bool:
    """Whether an annotation is a union of one type with None."""
    return is_union(ann) and len(get_args(ann)) == 2 and type(None) in get_args(ann)


def _isinstance(obj: Any, target_type: Any) -> bool:
    """Whether a value is of a type that may have parameters, looking at what containers hold.

    ``RuntimeError`` for containers' types without parameters; an empty list or dictionary is taken for a fitting one.
    """
    if isinstance(target_type, (tuple, list)) or is_union(target_type):
        kinds = target_type if isinstance(target_type, (tuple, list)) else get_args(target_type)
        # As in PyTorch, None passes for a value of every union.
        return is_union(target_type) and obj is None or any([_isinstance(obj, kind) for kind in kinds])
    if target_type in (list, dict, tuple, List, Dict, Tuple, Optional):  # noqa: UP006
        name = str(getattr(target_type, "__name__", target_type)).capitalize()
        raise RuntimeError(
            f"Attempted to use {name} without a contained type. Please add a contained type, e.g. {name}[int]"
        )
    origin, inner = get_origin(target_type), get_args(target_type)
    if origin is None:
        return isinstance(obj, target_type)
    if not isinstance(obj, origin):
        return False
    if origin is list:
        return builtins.all(_isinstance(member, inner[0]) for member in obj)
    if origin is dict:
        return builtins.all(_isinstance(key, inner[0]) and _isinstance(value, inner[1]) for key, value in obj.items())
    if origin is tuple:
        if len(inner) == 2 and inner[1] is Ellipsis:
            return builtins.all(_isinstance(member, inner[0]) for member in obj)
        return len(obj) == len(inner) and builtins.all(map(_isinstance, obj, inner))
    return True


def get_callable_argument_names(fn: Any) -> list[str]:
    """The names of the parameters that can be given by position and by keyword; none if there are others."""
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):
        return []
    names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    return names if len(names) == len(parameters) else []


def _extract_tensors(obj: Any) -> list[Tensor]:
    """The tensors in nested containers and in the attributes of objects, each once."""
    found: dict[int, Tensor] = {}
    seen: set[int] = set()
    waiting = [obj]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            found[id(value)] = value
        elif isinstance(value, dict):
            waiting += [*reversed(value.values())]
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting += reversed([*value])
        elif hasattr(value, "__dict__") and not isinstance(value, (type, types.ModuleType, types.FunctionType)):
            waiting += reversed([*vars(value).values()])
    return list(found.values())
