"""Hooks: the handle that removes one, and where tensors keep theirs."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .tensor import Tensor


class RemovableHandle:
    """Takes a registered hook away again, by :meth:`remove` or on leaving a ``with`` block.

    ``hooks_dict`` (an ``OrderedDict``) maps handle ids to hooks and is referenced weakly, so that a handle never keeps a
    module alive.
    ``extra_dict`` is one more dictionary, or a list of them, whose entry for the same id goes at the same time.
    """

    id: int
    next_id: int = 0

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        self.hooks_dict_ref: Any = weakref.ref(hooks_dict)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        extras = [extra_dict] if isinstance(extra_dict, dict) else extra_dict or []
        self.extra_dict_ref: tuple[Any, ...] = tuple(weakref.ref(extra) for extra in extras)

    @classmethod
    def add(cls, hooks: Any, hook: Any, prepend: bool = False, *, extra_dict: Any = None) -> RemovableHandle:
        """Put ``hook`` at the end of ``hooks`` (or before all others) and return the handle that removes it."""
        handle = cls(hooks, extra_dict=extra_dict)
        hooks[handle.id] = hook
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def remove(self) -> None:
        """Remove the hook; does nothing when it is gone already."""
        for reference in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.hooks_dict_ref(), self.id, tuple(reference() for reference in self.extra_dict_ref)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        # A dictionary that is gone is replaced by one that dies at once: the handle stays dead.
        self.hooks_dict_ref = weakref.ref(OrderedDict() if state[0] is None else state[0])
        self.id = state[1]
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)
        self.extra_dict_ref = tuple(weakref.ref(extra) for extra in (state[2] if len(state) > 2 and state[2] else ()))

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


class AutogradState:
    """What few tensors have: a ``grad``, a base, hooks. What was not set is found in the class, so making one costs little."""

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
    #: Weak reference to how the leaf appears in histories, as long as somebody looks at that.
    accumulator: Any = None


class TensorHooks:
    """The methods of tensors that have something run, or kept, when their gradient is computed."""

    __slots__ = ()
    if TYPE_CHECKING:
        requires_grad: bool
        @property
        def output_nr(self) -> int: ...
        @property
        def grad_fn(self) -> Any: ...
        _gradient: Any
        _autograd: AutogradState | None
        _autograd_state: Callable[[], AutogradState]
        _retained: Callable[[], dict[int, Any]]

    def register_hook(self, hook: Callable[[Tensor], Any]) -> RemovableHandle:
        """``hook(grad)`` runs when this tensor's gradient is computed; what it returns takes the gradient's place."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._gradient is None:
            state = self._autograd_state()
            if state.hooks is None:
                state.hooks = OrderedDict()
            return RemovableHandle.add(state.hooks, hook)
        hooks = self.grad_fn._attachments().tensor_hooks.setdefault(self.output_nr, OrderedDict())
        return RemovableHandle.add(hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """``hook(tensor)`` runs after this leaf's ``grad`` has been added to."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._gradient is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        state = self._autograd_state()
        if state.accumulate_hooks is None:
            state.accumulate_hooks = OrderedDict()
        return RemovableHandle.add(state.accumulate_hooks, hook)

    def retain_grad(self) -> None:
        """Keep this non-leaf tensor's gradient in ``grad`` during backward."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._gradient is None:
            return
        self._autograd_state().retains = True
        self._retained()[self.output_nr] = weakref.ref(self)

    @property
    def _backward_hooks(self) -> OrderedDict[int, Callable[..., Any]] | None:
        """The hooks on this tensor's gradient, by their handles' ``id``; None if there never were any."""
        if self._gradient is None:
            return None if self._autograd is None else self._autograd.hooks
        attached = self.grad_fn.attached
        return None if attached is None else attached.tensor_hooks.get(self.output_nr)

    @property
    def retains_grad(self) -> bool:
        return self._autograd is not None and self._autograd.retains
