"""Operations by their full names: ``torch.ops.aten.add.Tensor``, and those that programs define (``torch.library``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from .ops.calls import ACTIVE, under_modes

__all__ = ["DECOMPOSITIONS", "DEFINED", "OpOverload", "OpOverloadPacket", "namespace"]

DEFINED: dict[str, dict[str, OpOverload]] = {}
"""What programs defined: ``namespace::name``, and overloads of that name."""


DECOMPOSITIONS: dict[str, Callable[..., Any]] = {}
"""What operations are composed of, by their full names, as far as it is known: filled by ``utils/_dispatching``."""


class OpOverload:
    """One form of an operation; calling it runs the operation."""

    def __init__(self, packet: OpOverloadPacket, overload: str, function: Callable[..., Any], schema: Any = None) -> None:
        self._packet, self._overloadname, self._function, self._schema = packet, overload, function, schema
        self.__name__ = f"{packet.__name__}.{overload}"
        self.__qualname__, self.__module__ = self.__name__, packet.__module__

    @property
    def overloadpacket(self) -> OpOverloadPacket:
        """All forms of the operation."""
        return self._packet

    @property
    def namespace(self) -> str:
        """The namespace of the operation's name."""
        return self._packet._qualified_op_name.partition("::")[0]

    def name(self) -> str:
        """``namespace::name.overload``; what has one form has no ``overload``."""
        return self._packet._qualified_op_name + ("" if self._overloadname == "default" else f".{self._overloadname}")

    def __call__(self, /, *arguments: Any, **options: Any) -> Any:
        if ACTIVE and (result := under_modes(self.name(), self, arguments, options)) is not NotImplemented:
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


class OpOverloadPacket:
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
        return next(iter(self._forms.values()))(*arguments, **options)

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


class _OpNamespace(ModuleType):
    """The operations of a namespace, as attributes."""

    def __init__(self, name: str) -> None:
        super().__init__(f"torch.ops.{name}")
        self.name = name

    def __getattr__(self, name: str) -> OpOverloadPacket:
        qualified = f"{self.name}::{name}"
        forms = DEFINED.get(qualified)
        if forms is not None:
            return next(iter(forms.values())).overloadpacket
        if self.name == "aten":
            from .surface.aten import overloads

            found = overloads(name)
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
