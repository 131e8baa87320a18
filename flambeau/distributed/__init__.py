"""``torch.distributed``: work shared by several processes, of which there is one so far.

A group of one process works whole; more processes are refused in words. Everything is imported when it is first used.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ..interpreter.lazy import lazy_attribute

_MODULES = {
    "algorithms", "autograd", "checkpoint", "constants", "device_mesh", "distributed_c10d", "elastic", "fsdp", "launch",
    "launcher", "nn", "optim", "pipelining", "rendezvous", "rpc", "run", "tensor", "utils",
}  # fmt: skip
_NAMES = {
    "DeviceMesh": "device_mesh", "init_device_mesh": "device_mesh", "register_rendezvous_handler": "rendezvous",
    "rendezvous": "rendezvous",
}  # fmt: skip
_PRIVATE = ("_all_gather_base", "_broadcast_coalesced", "_get_default_group", "_reduce_scatter_base")


def is_available() -> bool:
    """Whether there is ``torch.distributed``: for groups of one process."""
    return True


def __getattr__(name: str) -> Any:
    if name == "__all__" or (name not in _NAMES and name not in _MODULES and not name.startswith("__")):
        c10d = importlib.import_module(f"{__name__}.distributed_c10d")
        if name == "__all__":
            return ["is_available", *_NAMES, *c10d.__all__]
        if name in c10d.__all__ or name in _PRIVATE:
            value = getattr(c10d, name)
            setattr(sys.modules[__name__], name, value)
            return value
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        setattr(sys.modules[__name__], name, value)
        return value
    return lazy_attribute(__name__, name, _MODULES)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *__getattr__("__all__")})
