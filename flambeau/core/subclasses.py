"""The part of tensors that makes one an instance of a subclass."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ..graph.dtypes import get_default_dtype
from ..graph.meta import NOTHING
from ..graph.shapes import Size, View, contiguous_strides
from ..graph.trace import Node, local
from .device import CPU
from .device import device as device_of
from .history import Gradient
from .storage import Storage

if TYPE_CHECKING:
    from .tensor import Tensor

_T = TypeVar("_T")
_new = object.__new__


class AliasBackward0(Gradient):
    """Of the same tensor as an instance of another class."""

    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad


class TensorSubclasses:
    """The part of :class:`~flambeau.Tensor` that is about subclasses."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def as_subclass(self, cls: type[_T]) -> _T:
        """The same tensor as an instance of ``cls``, a subclass of Tensor."""
        made: Any = _new(cls)
        if made._asked_beneath:
            cls._begin_asking(cls)  # type: ignore[attr-defined]
        storage = self._share()
        made._node = None
        made._storage = storage
        made._view = self._view
        made._tracked = tracked = self._tracked and local.grad
        made._gradient = AliasBackward0.of((self._gradient or self,), (), self.shape, self.dtype) if tracked else None
        made._autograd = None
        return made  # type: ignore[no-any-return]

    @staticmethod
    def _make_subclass(cls: type[_T], data: Tensor, require_grad: bool = False, **options: Any) -> _T:
        """An instance of ``cls``, a subclass of Tensor, that shares the memory of ``data`` and has no history."""
        made: Any = data.as_subclass(cls)
        made._tracked, made._gradient = bool(require_grad), None
        return made  # type: ignore[no-any-return]

    @staticmethod
    def _make_wrapper_subclass(
        cls: type[_T], size: Any, strides: Any = None, storage_offset: int | None = None, memory_format: Any = None,
        dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
        dispatch_sizes_strides_policy: str | None = None, dispatch_device: bool = False, dispatch_layout: bool = False,
        _extra_dispatch_keys: Any = None, storage_size: Any = None,
    ) -> _T:  # fmt: skip
        """An instance of ``cls`` that has sizes, strides and a dtype, and no memory: ``__torch_dispatch__`` knows what it is."""
        if not isinstance(cls, type):
            raise TypeError(f"cls must be a type (got {type(cls).__name__})")
        made: Any = _new(cls)
        cls._begin_asking(cls)  # type: ignore[attr-defined]
        d = get_default_dtype() if dtype is None else dtype
        shape = Size(size)
        made._storage = made._view = None
        made._node = Node(shape, d, None, 0, NOTHING)
        if strides is not None or storage_offset:
            steps = contiguous_strides(shape) if strides is None else tuple(strides)
            made._view = View(shape, steps, storage_offset or 0)
            made._storage = Storage(made._node)
            made._node = None
        made._tracked, made._gradient, made._autograd = bool(requires_grad), None, None
        made.__dict__["_said_device"] = device_of(device if device is not None else CPU)
        return made  # type: ignore[no-any-return]

    #: What is done before there is the first instance of a class with ``__torch_dispatch__``; put here by the package.
    _begin_asking: Callable[[type], None]
