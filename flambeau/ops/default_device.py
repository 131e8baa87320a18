"""Where tensors are made when nobody says: contexts (``with torch.device("meta"):``), and the default of the process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from ..core.device import CPU, check_device, device
from ..core.meta import names_meta
from .calls import ACTIVE, enter_mode, innermost, leave_mode


class _Chosen(threading.local):
    """A thread's own contexts, the innermost last."""

    def __init__(self) -> None:
        self.contexts: list[device] = []


_chosen = _Chosen()
_default = [CPU]
_entered = [0]
"""How many contexts all threads have entered."""

_CREATORS = frozenset(
    "arange as_tensor asarray bartlett_window blackman_window empty empty_permuted empty_strided eye full hamming_window "
    "hann_window kaiser_window linspace logspace normal ones rand randint randn randperm range scalar_tensor sparse_coo_tensor "
    "tensor tril_indices triu_indices zeros".split()
)
"""What makes tensors of nothing that lies on a device."""


@cache
def _place(call: Callable[..., Any]) -> int | None:
    """Where among a call's arguments the device is; beyond any if it is taken by keyword alone, None if it is not taken."""
    code = innermost(call).__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if "device" not in names:
        return None
    place = names.index("device")
    return place if place < code.co_argcount else sys.maxsize


def _choose(name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The mode: a call that makes tensors, and does not say where, is told."""
    if name not in _CREATORS or keywords.get("device") is not None or (place := _place(call)) is None:
        return NotImplemented
    if place >= len(arguments):
        return call(*arguments, **{**keywords, "device": current()})
    if arguments[place] is not None:
        return NotImplemented
    return call(*arguments[:place], current(), *arguments[place + 1 :], **keywords)


def _check(wanted: Any) -> device:
    chosen = device(wanted)
    if not names_meta(chosen):
        check_device(chosen)
    return chosen


def _update() -> None:
    """See what programs call as long as anybody has chosen another device than the CPU, or a context."""
    wanted = _entered[0] > 0 or _default[0].type != "cpu"
    if wanted and _choose not in ACTIVE:
        enter_mode(_choose)
    elif not wanted and _choose in ACTIVE:
        leave_mode(_choose)


def _enter(self: device) -> device:
    _chosen.contexts.append(_check(self))
    _entered[0] += 1
    _update()
    return self


def _leave(self: device, *exception: object) -> None:
    _chosen.contexts.pop()
    _entered[0] -= 1
    _update()


device.__enter__, device.__exit__ = _enter, _leave  # type: ignore[method-assign, assignment]


def set_default_device(device: Any) -> None:
    """Where tensors are made from now on, if nobody says otherwise: the CPU (None), or ``"meta"``."""
    _default[0] = CPU if device is None else _check(device)
    _update()


def current() -> device:
    """Where tensors are made now, if nobody says otherwise."""
    return _chosen.contexts[-1] if _chosen.contexts else _default[0]
