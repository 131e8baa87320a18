"""``torch.cuda`` as it is on a machine without CUDA: it says so, and what needs no device does nothing.

Asking for a device, or putting a tensor on one, raises what PyTorch built without CUDA raises.
"""

from __future__ import annotations

import contextlib
from typing import Any

from ..interpreter.lazy import lazy_attribute
from ..surface.answers import NO_CUDA
from ..surface.inert import inert
from . import amp
from .errors import AcceleratorError, OutOfMemoryError
from .streams import Event, Stream, StreamContext

_FUNCTIONS = {**inert("torch.cuda.memory"), **inert("torch.cuda")}
globals().update(_FUNCTIONS)

__all__ = [
    *(name for name in _FUNCTIONS if not name.startswith("_")),
    "AcceleratorError", "Event", "OutOfMemoryError", "Stream", "StreamContext", "amp", "device", "device_of",
    "set_device", "stream",
]  # fmt: skip

stream = StreamContext

has_magma = has_half = False
default_generators: tuple[Any, ...] = ()


def set_device(device: Any) -> None:
    """Choose a device: raises ``AssertionError`` unless ``device`` is negative, which chooses none."""
    index = getattr(device, "index", device)
    if not isinstance(index, int) or index >= 0:
        NO_CUDA()


class device(contextlib.nullcontext[None]):
    """A context with another current device: without devices, nothing changes."""

    def __init__(self, device: Any) -> None:
        super().__init__()


class device_of(device):
    """A context with the device of a tensor as the current one."""


_TYPES = ("Float", "Double", "Half", "BFloat16", "Byte", "Char", "Short", "Int", "Long", "Bool")


def __getattr__(name: str) -> Any:
    """Old tensor types such as ``FloatTensor``: nothing is one, and none can be made."""
    if name.removesuffix("Tensor") in _TYPES and name.endswith("Tensor"):
        made = type(name, (), {"__module__": "torch.cuda", "__new__": lambda cls, *args, **options: NO_CUDA()})
        globals()[name] = made
        return made
    return lazy_attribute(__name__, name, ("memory", "random"))
