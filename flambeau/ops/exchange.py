"""Exchange of memory with other libraries by DLPack: both sides then see the same elements.

NumPy speaks the protocol, but for bfloat16, which it has not: such a tensor goes through it as integers of 16 bits, and what the
capsule says of its elements is changed. The layout of what a capsule holds is that of ``dlpack.h``.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.device import check_device
from ..core.tensor import Tensor
from ..graph.dtypes import bfloat16, int16
from .from_data import from_numpy, sharing
from .operation import operation

_INTEGER, _BFLOAT = 0, 4
"""What the protocol calls kinds of elements."""
_KIND_AT = {b"dltensor": 20, b"dltensor_versioned": 52}
"""Where in what a capsule holds the kind of its elements stands, by the capsule's name."""


@operation(method=False)
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares the memory of an array of any library that speaks DLPack, or of a DLPack capsule.

    ``copy`` asks for memory of its own.
    """
    if device is not None:
        check_device(device)
    if copy:
        return from_dlpack(ext_tensor).clone()
    if isinstance(ext_tensor, Tensor):
        if ext_tensor.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return ext_tensor.detach()
    if isinstance(ext_tensor, np.ndarray):
        return from_numpy(np.from_dlpack(ext_tensor))
    if type(ext_tensor).__name__ == "PyCapsule":
        capsule = ext_tensor
    elif hasattr(ext_tensor, "__dlpack__"):
        capsule = ext_tensor.__dlpack__()
    else:
        raise RuntimeError(f"from_dlpack received an object without __dlpack__: {type(ext_tensor).__name__}")
    brain = _kind(capsule).value == _BFLOAT
    if brain:
        _kind(capsule).value = _INTEGER
    made = sharing(np.from_dlpack(_Exchanged(capsule)))
    # NumPy takes what comes in a capsule of the protocol's first version for read-only, which it cannot say.
    made._read().buffer.readonly = False  # type: ignore[union-attr]
    return made.view(bfloat16) if brain else made


class _Exchanged:
    """A DLPack capsule under the protocol by which it is handed over."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self, **keywords: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def _kind(capsule: Any) -> ctypes.c_uint8:
    """Where a capsule says of what kind its elements are. ``ValueError`` if nothing is in it any more."""
    name_of, pointer_of = _capsule_functions()
    name = name_of(capsule)
    if name not in _KIND_AT:
        raise ValueError(f"from_dlpack received an invalid capsule, named {name!r}. A capsule can be consumed only once")
    return ctypes.c_uint8.from_address(pointer_of(capsule, name) + _KIND_AT[name])


def _capsule_functions() -> tuple[Callable[..., Any], Callable[..., Any]]:
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return name_of, pointer_of


def _dlpack(self: Tensor, **keywords: Any) -> Any:
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if self.dtype is not bfloat16:
        return self.numpy().__dlpack__(**keywords)
    capsule = self.view(int16).numpy().__dlpack__(**keywords)
    _kind(capsule).value = _BFLOAT
    return capsule


Tensor.__dlpack__ = _dlpack  # type: ignore[attr-defined]
Tensor.__dlpack_device__ = lambda self: (1, 0)  # type: ignore[attr-defined]
