"""Which modules are under way: in the forward pass by their calls, in backward by the gradients of what they take and give."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ..autograd.engine import current_run
from ..autograd.graph import register_multi_grad_hook
from ..core.tensor import Tensor
from ..nn.modules._module_hooks import register_module_forward_hook, register_module_forward_pre_hook


class ModuleTracker:
    """Inside, ``parents`` are the names of the modules under way, such as ``"Net.layers.0"``, and ``"Global"`` always."""

    def __init__(self) -> None:
        self.parents = {"Global"}
        self._names: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._handles: list[Any] = []
        self._ends_with: Any = None

    @property
    def is_bw(self) -> bool:
        """Whether a backward pass is under way."""
        return current_run() is not None

    def __enter__(self) -> ModuleTracker:
        self._handles = [
            register_module_forward_pre_hook(self._before),
            register_module_forward_hook(self._after),
        ]
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _name_of(self, module: Any) -> str:
        if module not in self._names:
            self._name(module, type(module).__name__)
        return self._names[module]

    def _name(self, module: Any, name: str) -> None:
        self._names[module] = name
        for attribute, child in module.named_children():
            self._name(child, f"{name}.{attribute}")

    def _before(self, module: Any, inputs: Any) -> None:
        name = self._name_of(module)
        self.parents.add(name)
        self._when_differentiated(inputs, lambda _: self.parents.discard(name))

    def _after(self, module: Any, inputs: Any, outputs: Any) -> None:
        name = self._name_of(module)
        self.parents.discard(name)

        def enter(gradients: Any) -> None:
            run = current_run()
            if run is not None and run is not self._ends_with:
                self._ends_with = run
                run.callbacks.append(self._end_of_backward)
            self.parents.add(name)

        self._when_differentiated(outputs, enter)

    def _end_of_backward(self) -> None:
        self._ends_with = None
        for name in self.parents - {"Global"}:
            self.parents.discard(name)

    def _when_differentiated(self, values: Any, then: Callable[[Any], None]) -> None:
        tracked = [tensor for tensor in _tensors(values) if tensor.requires_grad]
        if tracked:
            self._handles.append(register_multi_grad_hook(tracked, then))


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, tuple | list) else ()
    return [tensor for one in inner for tensor in _tensors(one)]


__all__ = ["ModuleTracker"]
