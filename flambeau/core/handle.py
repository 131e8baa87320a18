"""Handles that remove a hook: of a tensor, a gradient node, a module, an optimiser."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from typing import Any


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
