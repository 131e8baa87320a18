"""Files as memory: what a storage or a tensor reads of a file is read when it is looked at."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import dtype as dtype_type
from ..graph.dtypes import get_default_dtype
from .creation import finished
from .from_data import from_array, sharing
from .operation import operation


class File:
    """A file of which parts are mapped, open as long as somebody may ask for more of them."""

    def __init__(self, filename: Any, shared: bool) -> None:
        name = os.fspath(filename)
        try:
            self.descriptor = os.open(name, os.O_RDWR | os.O_CREAT if shared else os.O_RDONLY, 0o600)
        except OSError as error:
            how = "read-write" if shared else "read-only"
            raise RuntimeError(f"unable to open file <{name}> in {how} mode: {error.strerror} ({error.errno})") from None
        self.name, self.shared = name, shared

    def __del__(self, close: Callable[[int], None] = os.close) -> None:  # which module `os` may have lost by then
        if hasattr(self, "descriptor"):
            close(self.descriptor)

    def bytes(self, start: int, nbytes: int) -> Tensor:
        """Bytes of the file as a tensor (nbytes); ``RuntimeError`` if it has not so many, or could not be made to have them."""
        if nbytes < 0:
            raise RuntimeError(f"unable to mmap {nbytes} bytes from file <{self.name}>: Cannot allocate memory (12)")
        size = os.fstat(self.descriptor).st_size
        if size < start + nbytes and not self.shared:
            raise RuntimeError(f"file <{self.name}> size <{size}> is smaller than the required mapping size <{start + nbytes}>")
        if size < start + nbytes:
            try:
                os.ftruncate(self.descriptor, start + nbytes)
            except (OSError, OverflowError) as error:
                raise RuntimeError(f"unable to stretch file <{self.name}> to {start + nbytes} bytes: {error}") from None
        if not nbytes:
            return sharing(np.empty(0, np.uint8))
        before = start % mmap.ALLOCATIONGRANULARITY
        access = mmap.ACCESS_WRITE if self.shared else mmap.ACCESS_COPY
        try:
            memory = mmap.mmap(self.descriptor, before + nbytes, access=access, offset=start - before)
        except (OSError, OverflowError) as error:
            raise RuntimeError(f"unable to mmap {nbytes} bytes from file <{self.name}>: {error}") from None
        octets = np.frombuffer(memory, np.uint8, nbytes, before)
        if start % LARGEST_ELEMENT:
            return from_array(octets)
        made = sharing(octets)
        buffer = made._node.buffer if made._node is not None else None
        if buffer is not None and not self.shared:  # nobody else has this memory
            buffer.ever_exposed = buffer.exposed_forever = False
        return made


LARGEST_ELEMENT = 8
"""Bytes of the largest numbers that files of tensors have: at other places, a copy is made that any numbers may be read of."""


@operation(method=False)
def from_file(
    filename: str,
    shared: bool | None = None,
    size: int | None = 0,
    *,
    dtype: dtype_type | None = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """The first ``size`` elements of a file as a tensor (size); ``shared``: what is written is written to it."""
    if not isinstance(filename, str):
        raise TypeError(f"from_file(): argument 'filename' (position 1) must be str, not {type(filename).__name__}")
    d = dtype or get_default_dtype()
    elements = File(filename, bool(shared)).bytes(0, (size or 0) * d.itemsize)
    return finished(elements if d is dtypes.uint8 else elements.view(d), requires_grad, device)
