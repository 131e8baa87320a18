"""Reading a tensor: its values as Python's numbers and as NumPy's arrays. What is read is evaluated first."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph.dtypes import TYPE_NAMES, bfloat16, bool_, float32, float64, int64
from ..graph.meta import NOTHING
from ..graph.notices import warn_once
from ..graph.trace import evaluate, have_read, local

if TYPE_CHECKING:
    from .tensor import Tensor

_C_TYPES = {float32: ctypes.c_float, float64: ctypes.c_double, int64: ctypes.c_int64, bool_: ctypes.c_bool}


class TensorValues:
    """The part of :class:`~flambeau.Tensor` that gives out values."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def _array(self, expose: bool = False) -> np.ndarray:
        """The value as a NumPy array over this tensor's memory (evaluating it). What NumPy does not know comes as bits.

        Without ``expose`` the array must not be kept or written.
        """
        node, view = self._read(), self._view
        buffer = evaluate(node)
        d = node.dtype.memory
        size = node.dtype.itemsize
        strides: Any = None
        if view is None:
            sizes, offset = node.shape, 0
        else:
            sizes, offset = view.sizes, view.offset * size
            if not view.contiguous:
                strides = [s * size for s in view.strides]
        if not expose:
            return buffer.peek(d, sizes, strides, offset)
        have_read(node)
        array = buffer.array(d, sizes, strides, offset)
        now = self._read()
        if now is not node and now.buffer is not buffer:  # another thread wrote before it could know of the array
            return self._array(expose)
        return array

    def _array_now(self) -> np.ndarray:
        """:meth:`_array` for what looks at it for long: a copy if there are other threads, which may write to the tensor."""
        node = self._read()
        array = self._array()
        if threading.active_count() > 1:
            array = array.copy()
        del node  # it had to be held: else its memory may be given to another value
        return array

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """A NumPy array that shares this tensor's memory.

        Raises if NumPy lacks the dtype, or it requires grad (unless ``force``, or where no history is recorded).
        """
        if self.requires_grad and not force and local.grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if self._read().buffer is NOTHING:
            raise TypeError(
                "can't convert meta device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
            )
        if self.dtype.numpy is None:
            raise TypeError(f"Got unsupported ScalarType {TYPE_NAMES[self.dtype]}")
        return self._array(expose=True)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"a copy is needed to make an array of {np.dtype(dtype)} from a tensor of {self.dtype}")
            return array.astype(dtype)
        return array.copy() if copy else array

    #: Operators between an array and a tensor are the tensor's: NumPy gives way to the greater priority.
    __array_priority__ = 1000

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Tensor:
        """What NumPy's functions of a tensor give back: a tensor. Truth values are uint8, as in PyTorch."""
        return self._of_array(array.astype(np.uint8) if array.dtype.kind == "b" else array)

    #: Makes a tensor that shares an array's memory; put here by ``ops.from_data``.
    _of_array: Callable[[np.ndarray], Tensor]

    def data_ptr(self) -> int:
        """Address of the first element. The memory counts as visible to others from now on, for ever."""
        node = self._read()
        buffer = evaluate(node)
        have_read(node)
        buffer.ever_exposed = buffer.exposed_forever = True
        now = self._read()
        if now is not node and now.buffer is not buffer:  # another thread wrote before it could know of this
            return self.data_ptr()
        return buffer.address + self.storage_offset() * self.dtype.itemsize

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        if self.of_parts and type(self).item is not TensorValues.item:
            return type(self).item(self)  # the function itself was called
        node, view = self._read(), self._view  # held while the memory is read: another thread may write to the tensor
        if node.buffer is NOTHING:
            raise RuntimeError("Tensor.item() cannot be called on meta tensors")
        if (sizes := node.shape if view is None else view.sizes) and sizes.numel() != 1:
            raise RuntimeError(f"a Tensor with {sizes.numel()} elements cannot be converted to Scalar")
        d = node.dtype
        c_type = _C_TYPES.get(d)
        if c_type is not None:  # making an array takes longer than all the rest
            buffer = node.buffer
            address = evaluate(node).address if buffer is None else buffer.address
            if view is not None:
                address += view.offset * d.itemsize
            return c_type.from_address(address).value  # type: ignore[attr-defined]
        array = self._array()
        if d.numpy is not None:
            return array.item()
        if d is not bfloat16:
            return self.detach().float().item()
        bits = array.astype(np.uint32).reshape(1) << 16
        return float(bits.view(np.float32)[0])

    def tolist(self) -> Any:
        """Nested lists of Python numbers (a number for a zero-dimensional tensor)."""
        if self.dtype.numpy is None:
            return self.detach().float().tolist()
        return self._array().tolist()

    def __bool__(self) -> bool:
        count = self.numel()
        if count != 1:
            if count == 0:
                raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def _number(self) -> Any:
        if self.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def _warn_of_history(self) -> None:
        if local.grad and self.requires_grad:
            warn_once(
                "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\nConsider using "
                "tensor.detach() first."
            )

    def __float__(self) -> float:
        self._warn_of_history()
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __complex__(self) -> complex:
        self._warn_of_history()
        return complex(self.item())

    def __index__(self) -> int:
        if self.dtype.category >= 2 or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        """A zero-dimensional tensor is formatted as its number; others, and subclasses, only without ``spec``."""
        if not self.ndim and type(self).__base__ is TensorValues:
            return format(self.item(), spec)
        return object.__format__(self, spec)
