"""Unpickling that cannot run anything: only what checkpoints are made of, and what the user declared safe.

Pickles are programs. This reader knows the instructions that build data, and lets two of them (calling something, and
giving an object its state) act on an allow-list alone. Names in the file are looked up in that list, never imported.
"""

from __future__ import annotations

import codecs
import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import IO, Any

import flambeau

from .. import _utils
from ..device import device
from ..graph.dtypes import ALL
from ..graph.shapes import Size
from ..naming import published_module
from ..tensor import Tensor
from .memory import STORAGE_DTYPES, UNKNOWN_STORAGES, storage_type

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
        name = f"{published_module(value.__module__)}.{value.__qualname__}"
    return name, value


def _allowed() -> dict[str, Any]:
    """By full name: what any checkpoint may mention."""
    from .._tensor import _rebuild_from_type_v2

    allowed: dict[str, Any] = {
        "collections.OrderedDict": OrderedDict,
        "collections.Counter": Counter,
        "builtins.set": set,
        "builtins.complex": complex,
        "builtins.bytearray": bytearray,
        "_codecs.encode": codecs.encode,
        "torch.Size": Size,
        "torch.device": device,
        "torch.Tensor": Tensor,
        "torch._tensor._rebuild_from_type_v2": _rebuild_from_type_v2,
        "torch.nn.parameter.Parameter": flambeau.nn.Parameter,
        "torch.nn.Parameter": flambeau.nn.Parameter,
    }
    for function in _utils.REBUILDING:
        allowed[f"torch._utils.{function.__name__}"] = function
    for d in ALL:
        allowed[f"torch.{d.name}"] = d
    for name in (*STORAGE_DTYPES, *UNKNOWN_STORAGES):
        allowed[f"torch.{name}"] = storage_type(name)
    allowed["torch.storage.UntypedStorage"] = allowed["torch.UntypedStorage"] = storage_type("UntypedStorage")
    return allowed


_PythonUnpickler: Any = pickle._Unpickler  # type: ignore[attr-defined]


class RestrictedUnpickler(_PythonUnpickler):
    """Reads a pickle of data. Raises ``UnpicklingError`` when it asks for more."""

    def __init__(self, file: IO[bytes], load_memory: Callable[[Any], Any], **options: Any) -> None:
        super().__init__(file, **options)
        self.persistent_load = load_memory
        self._names = {**_allowed(), **_user_safe}
        self._callable = {id(value) for value in self._names.values()}
        # Tensors are not among these: their state is what native code trusts.
        self._with_state = {OrderedDict, Counter, *(value for value in _user_safe.values() if isinstance(value, type))}

    def load(self) -> Any:
        try:
            return super().load()
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            # What bytes that are no pickle, or one with other instructions, lead to.
            raise pickle.UnpicklingError(f"damaged, or not a pickle of data: {error!r}") from error

    def find_class(self, module: str, name: str) -> Any:
        full = f"{'builtins' if module == '__builtin__' else module}.{name}"
        if full not in self._names:
            raise pickle.UnpicklingError(_refusal(full))
        return self._names[full]

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError(_refusal(f"extension code {code}"))

    def _check_callable(self, function: Any) -> None:
        if id(function) not in self._callable:
            raise pickle.UnpicklingError(_refusal(f"a call of {function!r}"))

    def load_reduce(self) -> None:
        self._check_callable(self.stack[-2])
        super().load_reduce()

    def load_newobj(self) -> None:
        self._check_callable(self.stack[-2])
        super().load_newobj()

    def load_build(self) -> None:
        kind = type(self.stack[-2])
        if kind not in self._with_state:
            raise pickle.UnpicklingError(_refusal(f"setting the state of a {kind.__name__}"))
        if kind in (OrderedDict, Counter):  # `_metadata` of state dicts
            state = self.stack.pop()
            self.stack[-1].__dict__.update(state)
        else:
            super().load_build()

    dispatch = {
        **{
            opcode: handler
            for opcode, handler in _PythonUnpickler.dispatch.items()
            if opcode not in {code[0] for code in (pickle.INST, pickle.OBJ, pickle.NEWOBJ_EX, pickle.NEXT_BUFFER)}
        },
        pickle.REDUCE[0]: load_reduce,
        pickle.NEWOBJ[0]: load_newobj,
        pickle.BUILD[0]: load_build,
    }


def _refusal(what: str) -> str:
    return (
        "Weights only load failed. This file can still be loaded, to do so you have two options, \033[1mdo those steps "
        "only if you trust the source of the checkpoint\033[0m. \n"
        "\t(1) Re-running `torch.load` with `weights_only` set to `False` will likely succeed, but it can result in "
        "arbitrary code execution. Do it only if you got the file from a trusted source.\n"
        "\t(2) Alternatively, to load with `weights_only=True` please check the recommended steps in the following "
        "error message.\n"
        f"\tWeightsUnpickler error: Unsupported global: GLOBAL {what} was not an allowed global by default. Please use "
        f"`torch.serialization.add_safe_globals([{what.rpartition('.')[2]}])` or the "
        f"`torch.serialization.safe_globals([{what.rpartition('.')[2]}])` context manager to allowlist this global if "
        "you trust this class/function."
    )
