"""The part of tensors that makes one an instance of a subclass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ..graph.trace import local
from .history import Gradient

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
        made: Any = data.detach().as_subclass(cls)
        made._tracked = bool(require_grad)
        return made  # type: ignore[no-any-return]

    @staticmethod
    def _make_wrapper_subclass(cls: type[_T], size: Any, *arguments: Any, **options: Any) -> _T:
        """``NotImplementedError``: a tensor without memory needs a dispatcher of operations below autograd."""
        raise NotImplementedError(
            "torch.Tensor._make_wrapper_subclass: tensors without memory of their own, whose operations __torch_dispatch__ "
            "computes, are not offered; __torch_function__ is"
        )
