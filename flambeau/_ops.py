"""Operations by their full names: ``torch.ops.aten.add.Tensor``, and those that programs define (``torch.library``)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from .core.below_autograd import _AutoDispatchBelowAutograd, below_autograd
from .core.tensor import Tensor
from .graph.trace import local
from .ops.calls import ACTIVE, under_modes

__all__ = [
    "DECOMPOSITIONS", "DEFINED", "HigherOrderOperator", "OpOverload", "OpOverloadPacket", "OperatorBase", "namespace",
]  # fmt: skip

DEFINED: dict[str, dict[str, OpOverload]] = {}
"""What programs defined: ``namespace::name``, and overloads of that name."""


DECOMPOSITIONS: dict[str, Callable[..., Any]] = {}
"""What operations are composed of, by their full names, as far as it is known: filled by ``utils/_dispatching``."""


class OperatorBase:
    """What can be called by its full name."""


class OpOverload(OperatorBase):
    """One form of an operation; calling it runs the operation."""

    def __init__(self, packet: OpOverloadPacket, overload: str, function: Callable[..., Any], schema: Any = None) -> None:
        self._packet, self._overloadname, self._function, self._schema = packet, overload, function, schema
        self.__name__ = f"{packet.__name__}.{overload}"
        self.__qualname__, self.__module__ = self.__name__, packet.__module__

    @property
    def overloadpacket(self) -> OpOverloadPacket:
        """All forms of the operation."""
        return self._packet

    _overloadpacket = overloadpacket

    @property
    def namespace(self) -> str:
        """The namespace of the operation's name."""
        return self._packet._qualified_op_name.partition("::")[0]

    def name(self) -> str:
        """``namespace::name.overload``; what has one form has no ``overload``."""
        return self._packet._qualified_op_name + ("" if self._overloadname == "default" else f".{self._overloadname}")

    def __call__(self, /, *arguments: Any, **options: Any) -> Any:
        if ACTIVE and (result := under_modes(self.name(), self, arguments, options, False)) is not NotImplemented:
            return result
        return self._function(*arguments, **options)

    def decompose(self, /, *arguments: Any, **options: Any) -> Any:
        """The result computed by the operations that this one is composed of; ``NotImplemented`` for others."""
        composed = DECOMPOSITIONS.get(self.__name__) if self.namespace == "aten" else None
        return NotImplemented if composed is None else composed(*arguments, **options)

    def __str__(self) -> str:
        return f"{self._packet}.{self._overloadname}"

    def __repr__(self) -> str:
        return f"<OpOverload(op='{self._packet}', overload='{self._overloadname}')>"

    def __deepcopy__(self, memory: Any) -> OpOverload:
        return self

    def __reduce__(self) -> Any:
        return _found, (*self._packet._qualified_op_name.split("::"), self._overloadname)


class OpOverloadPacket(OperatorBase):
    """An operation in all its forms, which are its attributes; calling it runs the form that fits."""

    def __init__(self, qualified_name: str, forms: dict[str, OpOverload]) -> None:
        space, _, name = qualified_name.partition("::")
        self._qualified_op_name, self._forms = qualified_name, forms
        self.__name__, self.__module__ = name, f"torch._ops.{space}"

    def overloads(self) -> list[str]:
        """The names of the forms."""
        return list(self._forms)

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("_forms", ()):
            return self._forms[name]
        if name.startswith("__"):
            raise AttributeError(f"'{self}' has no attribute '{name}'", name=name, obj=self)
        raise AttributeError(f"The underlying op of '{self}' has no overload name '{name}'", name=name, obj=self)

    def __call__(self, /, *arguments: Any, **options: Any) -> Any:
        forms = list(self._forms.values())
        if len(forms) > 1 and all(form._schema is not None for form in forms):
            forms = [_fitting(forms, arguments, options)]
        return forms[0](*arguments, **options)

    def __iter__(self) -> Iterator[str]:
        return iter(self._forms)

    def __dir__(self) -> list[str]:
        return [*self._forms, "overloads"]

    def __str__(self) -> str:
        return self._qualified_op_name.replace("::", ".")

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self}')>"

    def __deepcopy__(self, memory: Any) -> OpOverloadPacket:
        return self

    def __reduce__(self) -> Any:
        return _found, (*self._qualified_op_name.split("::"), "")


def _fitting(forms: list[OpOverload], arguments: tuple[Any, ...], options: dict[str, Any]) -> OpOverload:
    """The first form that takes these arguments; ``RuntimeError`` with what each one says if none does."""
    reasons = []
    for form in forms:
        try:
            form._schema.bind(arguments, options)
        except RuntimeError as error:
            reasons.append(str(error))
        else:
            return form
    raise RuntimeError("Overloaded torch operator invoked from Python failed to match any schema:\n" + "\n\n".join(reasons))


class HigherOrderOperator(OperatorBase, ABC):
    """An operation that takes functions: a program derives from it, and gives it a function for each dispatch key.

    Of these keys, tensors on processors have ``AutogradCPU`` and then ``CPU``, what has no tensors is ``Undefined``; one that
    stands for several (``Autograd``, ``CompositeExplicitAutograd``) counts where the key itself has no function.
    """

    def __init__(self, name: str, *, cacheable: bool = False) -> None:
        self._name, self.__name__, self._cacheable = name, name, cacheable
        self.namespace, self._ns = "higher_order", "higher_order"
        self.py_kernels: dict[str, Callable[..., Any]] = {}
        self.python_key_table: dict[Any, Callable[..., Any]] = {}
        self._passed: set[str] = set()
        DEFINED_HIGHER_ORDER[name] = self

    def py_impl(self, k: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """A decorator of the function for a dispatch key, or for a mode that traces (which is never asked here)."""

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            if isinstance(k, type):
                self.python_key_table[k] = function
            elif _key_name(k) in self.py_kernels:
                raise RuntimeError(f"Trying to override a python impl for DispatchKey.{_key_name(k)} on operator {self._name}")
            else:
                self.py_kernels[_key_name(k)] = function
                self._passed.discard(_key_name(k))
            return function

        return register

    def py_autograd_impl(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Register the function that makes the history: it is asked only if something requires a gradient."""

        def if_required(*arguments: Any, **options: Any) -> Any:
            if local.grad and any(tensor.requires_grad for tensor in _tensors_among((*arguments, *options.values()))):
                return fn(*arguments, **options)
            with _AutoDispatchBelowAutograd():
                return self(*arguments, **options)

        return self.py_impl("Autograd")(if_required)

    def py_functionalize_impl(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """The function for tracing without writing in place is never asked here."""
        return fn

    def fallthrough(self, dispatch_key: Any) -> None:
        """Let a dispatch key be passed over."""
        self._passed.add(_key_name(dispatch_key))

    def has_kernel_for_dispatch_key(self, k: Any) -> bool:
        """Whether this very key has a function."""
        return _key_name(k) in self.py_kernels

    def name(self) -> str:
        """The name."""
        return self._name

    def __str__(self) -> str:
        return self._name

    def __deepcopy__(self, memory: Any) -> HigherOrderOperator:
        return self

    def _found(self, keys: tuple[str, ...]) -> Callable[..., Any]:
        for key in keys:
            if key in self.py_kernels:
                return self.py_kernels[key]
        raise NotImplementedError(
            f"could not find kernel for HigherOrderOperator {self._name} at dispatch key DispatchKey.{keys[0]} "
            f"(resolved from DispatchKey.{keys[0]})"
        )

    @abstractmethod
    def __call__(self, /, *arguments: Any, **options: Any) -> Any:
        if ACTIVE and (result := under_modes(self._name, self, arguments, options, False)) is not NotImplemented:
            return result
        if not _tensors_among((*arguments, *options.values())):
            return self._found(("Undefined", *_COMPOSITE, "CompositeImplicitAutograd"))(*arguments, **options)
        if not below_autograd() and not local.inference and "AutogradCPU" not in self._passed:
            return self._found(("AutogradCPU", "CompositeImplicitAutograd", "Autograd"))(*arguments, **options)
        return self._found(("CPU", *_COMPOSITE, "CompositeImplicitAutograd"))(*arguments, **options)


def _tensors_among(given: tuple[Any, ...]) -> list[Tensor]:
    """The tensors among arguments, and in lists and tuples of them."""
    inner = [item for value in given if isinstance(value, list | tuple) for item in value]
    return [value for value in (*given, *inner) if isinstance(value, Tensor)]


_COMPOSITE = ("CompositeExplicitAutogradNonFunctional", "CompositeExplicitAutograd")

DEFINED_HIGHER_ORDER: dict[str, HigherOrderOperator] = {}
"""Those that programs made, by name."""


def _key_name(key: Any) -> str:
    """What a dispatch key (of ``torch._C.DispatchKey``) is called."""
    return str(key).rpartition(".")[2]


class _OpNamespace(ModuleType):
    """The operations of a namespace, as attributes."""

    def __init__(self, name: str) -> None:
        super().__init__(f"torch.ops.{name}")
        self.name = name

    def __getattr__(self, name: str) -> Any:
        qualified = f"{self.name}::{name}"
        forms = DEFINED.get(qualified)
        if forms is not None:
            return next(iter(forms.values())).overloadpacket
        if self.name == "higher_order" and name in DEFINED_HIGHER_ORDER:
            return DEFINED_HIGHER_ORDER[name]
        if self.name == "quantized":
            from .ops.quantized import layers

            if name in layers.OPERATIONS:
                packet = OpOverloadPacket(qualified, {})
                packet._forms["default"] = OpOverload(packet, "default", layers.OPERATIONS[name])
                setattr(self, name, packet)
                return packet
        if self.name == "aten" or not name.startswith("__"):  # ``aten.__and__``
            from .surface.aten import overloads

            found = overloads(name, self.name)
            if found:
                packet = OpOverloadPacket(qualified, {})
                packet._forms.update({form: OpOverload(packet, form, call) for form, call in found.items()})
                setattr(self, name, packet)
                return packet
        raise AttributeError(f"'_OpNamespace' '{self.name}' object has no attribute '{name}'", name=name, obj=self)


_namespaces: dict[str, _OpNamespace] = {}


def namespace(name: str) -> _OpNamespace:
    """The namespace ``name``, whether anything is in it or not."""
    if name not in _namespaces:
        _namespaces[name] = _OpNamespace(name)
    return _namespaces[name]


def _found(space: str, name: str, overload: str) -> Any:
    """What a pickle refers to."""
    packet = getattr(namespace(space), name)
    return getattr(packet, overload) if overload else packet


def define(qualified_name: str, overload: str, function: Callable[..., Any], schema: Any) -> OpOverload:
    """Make an operation known."""
    forms = DEFINED.setdefault(qualified_name, {})
    packet = next(iter(forms.values())).overloadpacket if forms else OpOverloadPacket(qualified_name, forms)
    forms[overload or "default"] = OpOverload(packet, overload or "default", function, schema)
    return forms[overload or "default"]
