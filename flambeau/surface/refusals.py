"""What stands for a name that is not offered: harmless to import, an error that names it when it is used."""

from __future__ import annotations

import builtins
from abc import ABCMeta
from typing import Any, NoReturn

from ..version import __version__

REASONS = {
    "torch.ao": "quantization is offered layer by layer, not of graphs",
    "torch.cuda": "there is no CUDA device",
    "torch.mtia": "there is no MTIA device",
    "torch.package": "use torch.save",
    "torch.quantization": "quantization is offered layer by layer, not of graphs",
    "torch.utils.cpp_extension": "there are no C++ headers and libraries of PyTorch's to build an extension against",
    "torch.utils.mobile_optimizer": "there is no format for mobile devices",
    "torch.xpu": "there is no XPU device",
    "torchvision.models.quantization": "its models are not there",
}
"""Why, for what is below these names."""


def not_offered(name: str) -> str:
    """What is said of a name of PyTorch's that is not there."""
    prefix = name
    while prefix and prefix not in REASONS:
        prefix = prefix.rpartition(".")[0]
    return f"Flambeau {__version__} does not offer {name}" + (f": {REASONS[prefix]}" if prefix else "")


def refuse(name: str) -> NoReturn:
    """Raise ``NotImplementedError`` for the use of a name."""
    raise NotImplementedError(not_offered(name))


class RefusedValue:
    """A value that cannot be had: it has a name, and equals itself alone."""

    __slots__ = ("_name", "__weakref__")

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name

    def __reduce__(self) -> Any:
        return RefusedValue, (self._name,)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python itself asks, and wants to be told that it is not there
            raise AttributeError(f"{self._name} has no attribute {name!r}", name=name, obj=self)
        refuse(self._name)

    def _refuse(self, *arguments: Any, **options: Any) -> NoReturn:
        refuse(self._name)

    __call__ = __bool__ = __int__ = __float__ = __index__ = __len__ = __iter__ = __contains__ = _refuse
    __getitem__ = __setitem__ = __enter__ = __exit__ = _refuse


class RefusedClass(ABCMeta):
    """The type of classes that have no instances: they can be derived from, subscripted and asked about, but not made."""

    _refused: str

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}", name=name, obj=cls)
        value = RefusedValue(f"{cls._refused}.{name}")
        setattr(cls, name, value)
        return value

    def __call__(cls, *arguments: Any, **options: Any) -> NoReturn:
        refuse(cls._refused)

    def __getitem__(cls, parameters: Any) -> Any:
        return cls


def refused_class(name: str, members: tuple[str, ...] = ()) -> Any:
    """A class of this full name, with values for the members of an enumeration."""
    module, _, last = name.rpartition(".")
    space = {"__module__": module, "__doc__": not_offered(name) + ".", "_refused": name}
    return RefusedClass(last, (), {**space, **{member: RefusedValue(f"{name}.{member}") for member in members}})


def refused_function(name: str) -> Any:
    """A function of this full name."""

    def refused(*arguments: Any, **options: Any) -> NoReturn:
        refuse(name)

    module, _, last = name.rpartition(".")
    refused.__module__, refused.__name__, refused.__qualname__ = module, last, last
    refused.__doc__ = not_offered(name) + "."
    return refused


MADE: dict[str, Any] = {}
"""What stands for names that are not offered."""


def never_raised(name: str, base: str) -> type[BaseException]:
    """An exception of this full name, for programs that handle it."""
    module, _, last = name.rpartition(".")
    return type(last, (getattr(builtins, base),), {"__module__": module, "__doc__": "Nothing raises it."})


def refusal(name: str, kind: str, details: tuple[str, ...]) -> Any:
    """What stands for a full name of a kind: always the same object."""
    if name not in MADE:
        if kind == "function":
            MADE[name] = refused_function(name)
        elif kind == "exception":
            MADE[name] = never_raised(name, *details)
        else:
            MADE[name] = RefusedValue(name) if kind == "value" else refused_class(name, details)
    return MADE[name]
