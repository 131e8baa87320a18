"""Looking at the history and taking part in it: nodes, edges, hooks on saved tensors and on several gradients."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..core.history import AccumulateGrad, Gradient
from ..core.hooks import RemovableHandle
from ..core.tensor import Tensor
from ..graph.trace import local
from ..interpreter.forks import new_lock
from .engine import current_run, will_reach
from .roots import GradientEdge


class _NodeType(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, (Gradient, AccumulateGrad))

    def __subclasscheck__(cls, other: type) -> bool:
        return type.__subclasscheck__(cls, other) or issubclass(other, (Gradient, AccumulateGrad))


class Node(metaclass=_NodeType):
    """The type of ``grad_fn``: ``isinstance(x.grad_fn, Node)``."""


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The place in the history from which ``tensor`` comes, for use as an input of ``autograd.grad``."""
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    node = tensor.grad_fn
    return GradientEdge(AccumulateGrad.of(tensor) if node is None else node, tensor.output_nr)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Count a write that happened behind the framework's back."""
    for one in (tensor,) if isinstance(tensor, Tensor) else tensor:
        one._share().version += 1


# --- saved tensors ------------------------------------------------------------------------------------------------------


class _Disabled(threading.local):
    message: str | None = None


_disabled = _Disabled()


class saved_tensors_hooks:
    """While inside, operations keep ``pack_hook(tensor)`` in place of a tensor; backward uses ``unpack_hook`` of it."""

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        if _disabled.message is not None:
            raise RuntimeError(_disabled.message)
        local.pack_hooks.append((self.pack_hook, self.unpack_hook))
        local.watched = True

    def __exit__(self, *exception: object) -> None:
        local.pack_hooks.pop()
        local.watched = local.anomaly or bool(local.pack_hooks)


class save_on_cpu(saved_tensors_hooks):
    """Saved tensors are kept on the CPU, where they are already."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: tensor, lambda tensor: tensor)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """While inside, entering :class:`saved_tensors_hooks` raises ``RuntimeError`` with this message."""
    before = _disabled.message
    _disabled.message = error_message
    try:
        yield
    finally:
        _disabled.message = before


class _MutationContext:
    """What :func:`allow_mutation_on_saved_tensors` gives; there is nothing to clear."""

    def clear(self) -> None:
        """Without effect: saved values are never copied."""


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_MutationContext]:
    """Saved tensors may be written to: they may anywhere, since what is saved is a value and not a tensor's memory."""
    yield _MutationContext()


# --- hooks on several gradients -------------------------------------------------------------------------------------------


class _Handles(RemovableHandle):
    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        super().__init__(OrderedDict())
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[[Any], None], *, mode: str = "all"
) -> RemovableHandle:
    """Call ``fn`` with the gradients of all ``tensors`` once those that a backward pass computes are there.

    Gradients that it does not compute are None. With ``mode`` "any", ``fn`` is called with the first gradient alone.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    collector = _Collector(tensors, fn, mode)
    return _Handles([tensor.register_hook(collector.receiver(index)) for index, tensor in enumerate(tensors)])


class _Collector:
    """Gathers the gradients of one pass; the next pass starts again."""

    def __init__(self, tensors: Sequence[Tensor], function: Callable[[Any], None], mode: str) -> None:
        self.edges = [get_gradient_edge(tensor) for tensor in tensors]
        self.function = function
        self.mode = mode
        self.lock = new_lock()
        #: For each pass under way: the gradients so far, and how many are still missing.
        self.passes: dict[int, tuple[list[Any], list[int]]] = {}

    def receiver(self, index: int) -> Callable[[Tensor], None]:
        """The hook of tensor number ``index``."""

        def receive(grad: Tensor) -> None:
            run = current_run()
            assert run is not None
            with self.lock:
                state = self.passes.get(id(run))
                if state is None:
                    missing = sum(will_reach(run, self.edges)) if self.mode == "all" else 1
                    state = self.passes[id(run)] = ([None] * len(self.edges), [missing])
                    run.callbacks.append(functools.partial(self.forget, id(run)))
                grads, missing_now = state
                grads[index] = grad
                missing_now[0] -= 1
                complete = missing_now[0] == 0
            if complete:
                self.function(grads if self.mode == "all" else grad)

        return receive

    def forget(self, key: int) -> None:
        """A pass is done."""
        self.passes.pop(key, None)


__all__ = [
    "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "get_gradient_edge",
    "increment_version", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip
