"""``__torch_function__``: classes that have their own say when they are among an operation's arguments, and modes that see calls.

Plain tensors pay nothing for it. When a subclass of tensors is made, it gets operators, properties and methods that ask its
``__torch_function__``, and as long as it lives the package's functions look at their arguments
(:data:`~flambeau.ops.calls.ACTIVE`).
What is no tensor at all is asked where an operation has failed with it. While a mode is entered, tensors' operators ask as well.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from types import FunctionType
from typing import Any

from ..core.tensor import Tensor
from .calls import ACTIVE, _changing, enter_mode, from_a_mode, leave_mode
from .dispatch import FURTHER
from .dispatching import disabled_torch_dispatch

_PACKAGE = __name__.partition(".")[0] + "."


class _State(threading.local):
    def __init__(self) -> None:
        #: How many contexts say that subclasses are not asked, or neither they nor modes.
        self.quiet = 0
        self.silent = 0
        self.modes: list[Any] = []


state = _State()


class DisableTorchFunctionSubclass:
    """While inside, subclasses of tensors are as plain ones. (Modes are asked.)"""

    def __enter__(self) -> None:
        state.quiet += 1

    def __exit__(self, *exception: object) -> None:
        state.quiet -= 1


class DisableTorchFunction:
    """While inside, subclasses of tensors are as plain ones, and modes see nothing."""

    def __enter__(self) -> None:
        state.quiet += 1
        state.silent += 1

    def __exit__(self, *exception: object) -> None:
        state.quiet -= 1
        state.silent -= 1


def disabled_torch_function(
    func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
) -> Any:
    """The ``__torch_function__`` of classes whose tensors are treated as plain ones, as parameters are."""
    with DisableTorchFunctionSubclass():
        return func(*args, **(kwargs or {}))


# --- who is asked -----------------------------------------------------------------------------------------------------


def has_own_say(value: Any) -> bool:
    """Whether a value's class is to be asked."""
    cls = type(value)
    if cls is Tensor:
        return False
    asked = getattr(cls, "__torch_function__", None)
    if asked is None or asked is disabled_torch_function:
        return False
    if not isinstance(value, Tensor) and getattr(asked, "__module__", None) == "torch._tensor":
        return False  # a tensor of PyTorch's, which knows nothing of this package's functions
    return not (state.quiet and isinstance(value, Tensor))


def overloaded(values: Iterable[Any]) -> list[Any]:
    """One argument of each class that is to be asked, also in lists and tuples; subclasses before the classes they are of."""
    found: list[Any] = []
    for value in _with_parts(values):
        if type(value) is not Tensor and has_own_say(value) and not any([type(value) is type(other) for other in found]):
            place = next((k for k, other in enumerate(found) if issubclass(type(value), type(other))), len(found))
            found.insert(place, value)
    return found


def _with_parts(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if type(value) in (list, tuple):
            yield from value
        else:
            yield value


def handled(
    func: Callable[..., Any], relevant: Sequence[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """What modes, or else the classes of ``relevant`` arguments, give for a call. ``TypeError`` if none of them does."""
    types = tuple(map(type, relevant))
    if state.modes and not state.silent:
        mode = state.modes.pop()
        try:
            result = mode.__torch_function__(func, types, args, kwargs)
        finally:
            state.modes.append(mode)
        if result is not NotImplemented:
            return result
    for value in relevant:
        result = type(value).__torch_function__(func, types, args, kwargs)
        if result is not NotImplemented:
            return result
    name = f"{getattr(func, '__module__', '')}.{getattr(func, '__qualname__', func)}".replace("flambeau", "torch")
    raise TypeError(
        f"Multiple dispatch failed for '{name}'; all __torch_function__ handlers returned NotImplemented: {[*types]}"
    )


def intercept(name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The mode of calls that asks; ``NotImplemented`` where nobody is to be asked."""
    relevant = overloaded([*arguments, *keywords.values()])
    if relevant or state.modes and not state.silent:
        return handled(call, relevant, arguments, keywords)
    return NotImplemented


def instead(name: str, call: Callable[..., Any] | None, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """What is given in place of a call that has just failed: what arguments that are no tensors say, else ``NotImplemented``.

    Not where it was a mode that has failed: it was asked. Operators (no ``call``) are left to their other operand.
    """
    if call is None:
        return NotImplemented
    relevant = [value for value in overloaded([*arguments, *keywords.values()]) if not isinstance(value, Tensor)]
    if not relevant or from_a_mode():
        return NotImplemented
    for value in relevant:
        _tell_as_given(type(value))
    return handled(call, relevant, arguments, keywords)


def _tell_as_given(cls: type) -> None:
    """Have calls kept as they are given as long as a class is there that was asked: it is told what its first call was not."""
    with _lock:
        if cls not in _asked:
            if not _asked:
                enter_mode(_as_given, as_given=True)
            _asked.add(cls)
            weakref.finalize(cls, _is_gone).atexit = False


def _is_gone() -> None:
    with _lock:
        if not _asked:
            leave_mode(_as_given)


def _as_given(name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    return NotImplemented


FURTHER.insert(0, instead)
_asking_for = [0]
#: One lock for all that is changed while modes come and go: what is collected meanwhile may ask for it again.
_lock = _changing
_asked: weakref.WeakSet[type] = weakref.WeakSet()


def _count(change: int) -> None:
    """Note that a class that is asked, or a mode that is entered, has come or gone."""
    with _lock:
        _asking_for[0] += change
        if not _asking_for[0]:
            leave_mode(intercept)
        elif intercept not in ACTIVE:
            enter_mode(intercept, as_given=True)


# --- what subclasses get ----------------------------------------------------------------------------------------------

_METHODS = {
    "add": "add", "radd": "add", "mul": "mul", "rmul": "mul", "sub": "sub", "truediv": "div", "matmul": "matmul", "pow": "pow",
    "neg": "neg", "abs": "abs", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "ne": "ne", "mod": "remainder", "iadd": "add_",
    "isub": "sub_", "imul": "mul_", "itruediv": "div_",
}  # fmt: skip
"""Operators that PyTorch tells ``__torch_function__`` as methods, and which."""
_KEPT = {
    "__class__", "__new__", "__init__", "__init_subclass__", "__subclasshook__", "__getattribute__", "__getattr__", "__setattr__",
    "__delattr__", "__dir__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__sizeof__", "__hash__", "__str__",
    "__torch_function__", "__deepcopy__", "__copy__", "__format__", "__array__", "__array_wrap__", "__class_getitem__",
    "as_subclass", "__dlpack__", "__dlpack_device__", "__iter__",
}  # fmt: skip
"""What is a tensor's own affair."""


BENEATH: dict[str, Callable[..., Any]] = {}
"""Methods of tensors that tell of their calls what is beneath autograd, as long as somebody wants to know."""


def _asking(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
    """A method that asks before it does what it does."""
    plain = _METHODS.get(name.strip("_")) if name.startswith("__") else None

    @wraps(own)
    def method(self: Any, *arguments: Any, **keywords: Any) -> Any:
        beneath = BENEATH.get(name, own)
        called = beneath
        if plain is not None and all([isinstance(x, (Tensor, bool, int, float, complex)) for x in arguments]):
            called = getattr(Tensor, plain)
        elif plain is not None:
            return beneath(self, *arguments, **keywords)
        values = (self, *arguments)
        relevant = overloaded([*values, *keywords.values()])
        if not relevant and not (state.modes and not state.silent):
            return beneath(self, *arguments, **keywords)
        return handled(called, relevant, values, keywords)

    return method


def _asking_property(own: property) -> property:
    def get(self: Any) -> Any:
        relevant = overloaded((self,))
        return handled(own.__get__, relevant, (self,), {}) if relevant else own.__get__(self)

    def put(self: Any, value: Any) -> None:
        relevant = overloaded((self,))
        if relevant:
            handled(own.__set__, relevant, (self, value), {})
        else:
            own.__set__(self, value)

    return property(get, None if own.fset is None else put, own.fdel, own.__doc__)


def prepare(cls: type) -> None:
    """Have a new subclass of tensors be asked, unless it says that it is not to be. The package's own are not, as parameters."""
    beneath = getattr(cls, "__torch_dispatch__", None)
    cls._asked_beneath = beneath is not None and beneath is not disabled_torch_dispatch  # type: ignore[attr-defined]
    asked = getattr(cls, "__torch_function__", None)
    if cls.__module__.startswith(_PACKAGE) and getattr(asked, "__func__", None) is of_tensors:
        asked = disabled_torch_function
        cls.__torch_function__ = staticmethod(asked)  # type: ignore[attr-defined]
    if asked is disabled_torch_function:
        return
    _count(1)
    weakref.finalize(cls, _count, -1).atexit = False
    with _lock:
        for name, own in _members().items():
            if getattr(cls, name) is getattr(Tensor, name):  # neither its own, nor prepared in a class above
                setattr(cls, name, _asking_property(own) if isinstance(own, property) else _asking(name, own))


def _members() -> dict[str, Any]:
    """What tensors have that a subclass is asked about and that is not behind the package's own wrapper already."""
    found: dict[str, Any] = {}
    with _lock:  # for other threads' modes change what is there
        members = [(cls, name, own) for cls in reversed(Tensor.__mro__[:-1]) for name, own in vars(cls).items()]
        members = [(cls, name, original(name) if _put.get(name) is own else own) for cls, name, own in members]
    for _, name, own in members:
        private = name.startswith("_") and not name.startswith("__")
        if private or name in _KEPT or hasattr(own, "__checked__"):
            found.pop(name, None)
        elif isinstance(own, (FunctionType, property)):
            found[name] = own
    return found


def of_tensors(
    cls: type, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
) -> Any:  # fmt: skip
    """``Tensor.__torch_function__``: does what ``func`` does; tensors that it gives are of the subclass."""
    if not all(issubclass(cls, each) for each in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
        return result if func in not_wrapped() else _of_class(result, cls)


def not_wrapped() -> set[Any]:
    """What gives tensors that are as they are."""
    return {Tensor.grad.__get__}  # type: ignore[attr-defined]


def _of_class(result: Any, cls: type) -> Any:
    if cls is Tensor:
        return result
    if isinstance(result, Tensor) and not isinstance(result, cls) and not result.of_parts:  # which are of classes of their own
        return result.as_subclass(cls)
    if isinstance(result, (tuple, list)) and any(isinstance(part, (Tensor, tuple, list)) for part in result):
        parts = [_of_class(part, cls) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result


Tensor.__torch_function__ = classmethod(of_tensors)  # type: ignore[attr-defined]
Tensor._prepare = staticmethod(prepare)  # type: ignore[assignment]


# --- modes ------------------------------------------------------------------------------------------------------------

_entered = [0]
_asking_now: set[str] = set()
"""The methods that ask modes while one is entered."""
_originals: dict[str, Any] = {}
"""What ``Tensor`` has of its own in the places of methods that ask; None for what a class above it has."""
_put: dict[str, Any] = {}
"""The methods that ask, in these places."""


def original(name: str) -> Any:
    """A method as it is when nobody is asked."""
    with _lock:
        own = _originals.get(name)
        above = Tensor.__mro__[1 if name in _put else 0 :]
        return own if own is not None else next(vars(cls)[name] for cls in above if name in vars(cls))


def arrange(name: str) -> None:
    """Have a method ask if somebody wants that, else be as it was. Threads begin and end this in any order."""
    with _lock:
        now = vars(Tensor).get(name)
        if name in BENEATH or _entered[0] and name in _asking_now:
            if name not in _put:
                asking = _asking(name, original(name))
                _originals[name], _put[name] = now, asking
                setattr(Tensor, name, asking)
        elif name in _put:
            own, asking = _originals.pop(name), _put.pop(name)
            if now is not asking:
                return  # what was put there since is not ours to take away
            if own is None:
                delattr(Tensor, name)
            else:
                setattr(Tensor, name, own)


def push_mode(mode: Any) -> None:
    """Enter a mode: calls of this thread are told to it."""
    _count(1)
    with _lock:
        _entered[0] += 1
        if _entered[0] == 1:
            _asking_now.update([name for name in _members() if isinstance(vars(Tensor).get(name), FunctionType)])
            for name in _asking_now:
                arrange(name)
    state.modes.append(mode)


def pop_mode() -> Any:
    """Leave the mode that was entered last."""
    mode = state.modes.pop()
    _count(-1)
    with _lock:
        _entered[0] -= 1
        if not _entered[0]:
            for name in _asking_now:
                arrange(name)
            _asking_now.clear()
    return mode
