"""While a mode is entered, or a class of tensors has its own say, the package tells of calls; it does not otherwise."""

from __future__ import annotations

import weakref
from typing import Any

from ...autograd import observed
from ...autograd.function import FunctionGradient
from ...autograd.node import gradients_of
from ...core.device import preserve_format
from ...core.history import Gradient
from ...core.tensor import Tensor
from ...graph.trace import local
from ...ops import overriding
from ...ops.calls import enter_mode, leave_mode
from ...ops.dispatching import CLASSES, asked, at_work, silence, state
from ...ops.overriding import has_own_say
from .calls import METHODS, PROPERTIES, operator, see, seen
from .emitting import emit
from .history import AtenGradient
from .optimisers import update

_entered = [0]
_own: dict[str, Any] = {}
_installed: dict[str, Any] = {}


def begin() -> None:
    """Have calls be told of, once more."""
    with overriding._lock:
        _entered[0] += 1
        if _entered[0] > 1:
            return
        for name in METHODS:
            if hasattr(Tensor, name):
                overriding.BENEATH[name] = operator(name, overriding.original(name))
                overriding.arrange(name)
        for name in PROPERTIES:
            _own[name] = own = vars(Tensor)[name]
            _installed[name] = told = _property(name, own)
            setattr(Tensor, name, told)
        enter_mode(see, first=True, as_given=True)
        observed.OBSERVERS.append(_observer)


def end() -> None:
    """What :func:`begin` began is over."""
    with overriding._lock:
        _entered[0] -= 1
        if _entered[0]:
            return
        observed.OBSERVERS.remove(_observer)
        leave_mode(see)
        for name in METHODS:
            if overriding.BENEATH.pop(name, None) is not None:
                overriding.arrange(name)
        for name, own in _own.items():
            if vars(Tensor).get(name) is _installed.pop(name):  # what was put there since is not ours to take away
                setattr(Tensor, name, own)
        _own.clear()


def begin_for(cls: Any) -> None:
    """Have calls be told of as long as a class with ``__torch_dispatch__`` lives; this is its first instance."""
    with overriding._lock:
        if cls in CLASSES or not cls._asked_beneath:
            if cls not in CLASSES:
                raise RuntimeError(
                    f"a tensor of class {cls.__name__} cannot do without memory of its own: the class has no __torch_dispatch__"
                )
            return
        CLASSES.add(cls)
        weakref.finalize(cls, end).atexit = False
        if cls.device is Tensor.device:
            cls.device = property(_device)
    begin()


def _device(tensor: Any) -> Any:
    """Where a tensor says that it is, if it has no memory."""
    said = tensor.__dict__.get("_said_device")
    return Tensor.device.__get__(tensor) if said is None else said  # type: ignore[attr-defined]


def _property(name: str, own: property) -> property:
    assert own.fget is not None

    def get(tensor: Tensor) -> Any:
        if state.silent or has_own_say(tensor) or not at_work((tensor,)):
            return own.__get__(tensor)
        result = seen(name, own.fget, (tensor,), {})  # type: ignore[arg-type]
        return own.__get__(tensor) if result is NotImplemented else result

    return property(get, own.fset, own.fdel, own.__doc__)


class _Observer(observed.Observer):
    """What backward asks: whoever is at work on the thread is told of what it computes."""

    def ones(self, tensor: Tensor) -> Tensor:
        return emit("ones_like.default", tensor, pin_memory=False, memory_format=preserve_format)  # type: ignore[no-any-return]

    def gradients(self, node: Gradient, value: Any) -> Any:
        """What the package computes of itself, not of operations, is nobody's business, nor what it asks hooks of its own."""
        if isinstance(node, (AtenGradient, FunctionGradient)) or asked((value,), ()):
            return gradients_of(node, value)
        with silence():
            return gradients_of(node, value)

    def arrive(self, leaf: Tensor, value: Tensor) -> Tensor | None:
        state = leaf._autograd_state()
        held = state.grad
        if asked((value, held), ()):
            state.grad = value.detach() if held is None else held + value if local.grad else held.add_(value)
            return None
        plain = held is None and not value.of_parts and not local.grad and value.is_contiguous()
        return value.detach() if plain and at_work() else value

    def update(self, optimizer: Any, how: Any, constants: Any, entries: Any) -> bool:
        if not any([at_work((entry,)) for entry in entries]):
            return False
        update(optimizer, how, constants, entries)
        return True


_observer = _Observer()
