"""What a tensor has seldom, hooks and a kept gradient among it."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .handle import RemovableHandle

if TYPE_CHECKING:
    from .tensor import Tensor


class Extra:
    """The seldom-used part of a tensor. What was not set is found in the class, so that making one costs little."""

    grad: Tensor | None = None
    #: For a differentiable view: the tensor whose history it derives from, and that tensor's version then seen.
    base: Tensor | None = None
    seen = 0
    #: How often this tensor's own history was replaced by writing in place.
    version = 0
    retains = False
    hooks: OrderedDict[int, Callable[..., Any]] | None = None
    accumulate_hooks: OrderedDict[int, Callable[..., Any]] | None = None
    name: str | None = None
    inference = False


class Hooks:
    """The methods of tensors that have something run, or kept, when their gradient is computed."""

    __slots__ = ()
    if TYPE_CHECKING:
        requires_grad: bool
        @property
        def output_nr(self) -> int: ...
        @property
        def grad_fn(self) -> Any: ...
        _gradient: Any
        _extra: Extra | None
        _more: Callable[[], Extra]
        _retained: Callable[[], dict[int, Any]]

    def register_hook(self, hook: Callable[[Tensor], Any]) -> RemovableHandle:
        """``hook(grad)`` runs when this tensor's gradient is computed; what it returns takes the gradient's place."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._gradient is None:
            extra = self._more()
            if extra.hooks is None:
                extra.hooks = OrderedDict()
            return RemovableHandle.add(extra.hooks, hook)
        hooks = self.grad_fn._extra().tensor_hooks.setdefault(self.output_nr, OrderedDict())
        return RemovableHandle.add(hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """``hook(tensor)`` runs after this leaf's ``grad`` has been added to."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._gradient is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        extra = self._more()
        if extra.accumulate_hooks is None:
            extra.accumulate_hooks = OrderedDict()
        return RemovableHandle.add(extra.accumulate_hooks, hook)

    def retain_grad(self) -> None:
        """Keep this non-leaf tensor's gradient in ``grad`` during backward."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._gradient is None:
            return
        self._more().retains = True
        self._retained()[self.output_nr] = weakref.ref(self)

    @property
    def retains_grad(self) -> bool:
        return self._extra is not None and self._extra.retains
