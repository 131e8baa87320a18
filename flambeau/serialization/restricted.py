"""Unpickling that cannot run anything: only what checkpoints are made of, and what the user declared safe.

The lists are here; how a pickle is read with them is in ``unpickling.py``.
"""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any

import flambeau

from .. import _utils
from ..core.device import device
from ..core.tensor import Tensor
from ..graph.dtypes import BY_NAME
from ..graph.named_dtypes import NAMED_DTYPES
from ..graph.schemes import SCHEMES
from ..graph.shapes import Size
from ..interpreter.naming import published_module
from ..ops.storages import UntypedStorage
from .memory import STORAGES, UNKNOWN_STORAGES, _get_layout, storage_class
from .source import Source, describe
from .unpickling import BoundedUnpickler, ListedUnpickler, encode, make_bytearray

_user_safe: dict[str, Any] = {}


def add_safe_globals(safe_globals: list[Any]) -> None:
    """Let ``load`` make instances of these classes and call these functions from now on.

    An entry may also be a pair of a class or function and the full name that files call it by.
    """
    _user_safe.update(map(_named, safe_globals))


def get_safe_globals() -> list[Any]:
    """What was declared safe."""
    return list(_user_safe.values())


def clear_safe_globals() -> None:
    """Declare nothing safe any more."""
    _user_safe.clear()


class safe_globals(ContextDecorator):
    """Declares classes and functions safe within a ``with`` block."""

    def __init__(self, safe_globals: list[Any]) -> None:
        self._entries = dict(map(_named, safe_globals))
        self._before: dict[str, Any] = {}

    def __enter__(self) -> None:
        self._before = dict(_user_safe)
        _user_safe.update(self._entries)

    def __exit__(self, *exception: object) -> None:
        _user_safe.clear()
        _user_safe.update(self._before)


def _named(entry: Any) -> tuple[str, Any]:
    value, name = entry if isinstance(entry, tuple) else (entry, None)
    if name is None:
        known = getattr(value, "__qualname__", None) or str(value).rpartition(".")[2]  # of a dtype, which is no class
        name = f"{published_module(value.__module__)}.{known}"
    return name, value


def _size(sizes: Any = ()) -> Size:
    if not isinstance(sizes, (tuple, list)) or not all(isinstance(extent, int) for extent in sizes):
        raise pickle.UnpicklingError(f"sizes that are not integers: {describe(sizes)}")
    return Size(sizes)


def _callable() -> dict[str, Any]:
    """By full name: what any checkpoint may call."""
    from .._tensor import _rebuild_from_type_v2

    allowed: dict[str, Any] = {
        "collections.OrderedDict": OrderedDict,
        "collections.Counter": Counter,
        "builtins.set": set,
        "builtins.complex": complex,
        "builtins.bytearray": make_bytearray,
        "_codecs.encode": encode,
        "torch.Size": _size,
        "torch.device": device,
        "torch.serialization._get_layout": _get_layout,
        "torch._tensor._rebuild_from_type_v2": _rebuild_from_type_v2,
    }
    for function in _utils.REBUILDING:
        allowed[f"torch._utils.{function.__name__}"] = function
    return allowed


def _mentionable() -> dict[str, Any]:
    """By full name: what any checkpoint may mention as well, but not call."""
    allowed: dict[str, Any] = {
        "torch.Tensor": Tensor,
        "torch.nn.parameter.Parameter": flambeau.nn.Parameter,
        "torch.nn.Parameter": flambeau.nn.Parameter,
        "torch.storage.UntypedStorage": UntypedStorage,
    }
    named: Any
    for named in (*BY_NAME.values(), *NAMED_DTYPES, *SCHEMES.values()):
        allowed[f"torch.{named.name}"] = named
    for name in (*STORAGES, *UNKNOWN_STORAGES):
        allowed[f"torch.{name}"] = storage_class(name)
    return allowed


class RestrictedUnpickler(ListedUnpickler):
    """Reads a pickle of data. Raises ``UnpicklingError`` when it asks for more."""

    def __init__(self, source: Source, load_memory: Callable[[Any], Any], **options: Any) -> None:
        super().__init__(source, {**_callable(), **_user_safe}, _mentionable(), **options)
        self.persistent_load = load_memory

    def refusal(self, what: str) -> pickle.UnpicklingError:
        return pickle.UnpicklingError(_refusal(what))

    def check_callable(self, function: Any) -> None:
        super().check_callable(function)
        if function is self._names["torch._tensor._rebuild_from_type_v2"]:
            super().check_callable(self.stack[-1][0])  # which it calls

    def set_state(self, instance: Any, state: Any) -> None:
        # Tensors take none: their state is what native code trusts.
        kind = type(instance)
        if kind in (OrderedDict, Counter) and isinstance(state, dict):  # `_metadata` of state dicts
            instance.__dict__.update(state)
        elif any(kind is safe for safe in _user_safe.values()):
            self.append(state)
            BoundedUnpickler.load_build(self)
        else:
            raise self.refusal(f"setting the state of a {kind.__name__}")


def _refusal(what: str) -> str:
    what = what.removeprefix("builtins.")
    return (
        "Weights only load failed. This file can still be loaded, to do so you have two options, \033[1mdo those steps "
        "only if you trust the source of the checkpoint\033[0m. \n"
        "\t(1) Re-running `torch.load` with `weights_only` set to `False` will likely succeed, but it can result in "
        "arbitrary code execution. Do it only if you got the file from a trusted source.\n"
        "\t(2) Alternatively, to load with `weights_only=True` please check the recommended steps in the following "
        "error message.\n"
        f"\tWeightsUnpickler error: Unsupported global: GLOBAL {what} was not an allowed global by default. Please use "
        f"`torch.serialization.add_safe_globals([{what}])` or the `torch.serialization.safe_globals([{what}])` context "
        "manager to allowlist this global if you trust this class/function."
    )
