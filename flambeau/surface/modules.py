"""Modules made of tables, and the names that modules have besides those that they define."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ..interpreter.naming import internal_module, published_module

MOVED = {
    "torch.nn.intrinsic": "torch.ao.nn.intrinsic",
    "torch.nn.qat": "torch.ao.nn.qat",
    "torch.nn.quantized": "torch.ao.nn.quantized",
    "torch.quantization": "torch.ao.quantization",
}
"""Packages of PyTorch's that have another name now; under the old one they have what they have under the new one."""


def new_name(module: str) -> str:
    """What a module below one of :data:`MOVED` is called now; other modules are called what they were."""
    for old, new in MOVED.items():
        if module == old or module.startswith(old + "."):
            return new + module.removeprefix(old)
    return module


def lookup(module: str, name: str) -> Any:
    """What stands for ``name`` in a module (by PyTorch's name for it): an inert thing, a refusal, or a module.

    ``AttributeError`` if PyTorch has no such name.
    """
    from .inert import inert
    from .pytorch_names import names_of
    from .refusals import refusal

    found = inert(module)
    if name in found:
        return found[name]
    if (moved := new_name(module)) != module:
        with suppress(ModuleNotFoundError, AttributeError):
            return getattr(importlib.import_module(internal_module(moved)), name)
    if name in names_of(module):
        kind, details = names_of(module)[name]
        if kind == "parent":
            return getattr(importlib.import_module(internal_module(module.rpartition(".")[0])), name)
        return refusal(f"{module}.{name}", kind, details)
    return module_below(module, name)


def module_below(module: str, name: str) -> ModuleType:
    """The module ``name`` that PyTorch has in a package; ``AttributeError`` if it has none."""
    from .pytorch_names import is_module

    if not is_module(f"{module}.{name}"):
        internal = internal_module(module)
        raise AttributeError(f"module {internal!r} has no attribute {name!r}", name=name, obj=sys.modules.get(internal))
    return importlib.import_module(internal_module(f"{module}.{name}"))


class Finder:
    """Finds those of PyTorch's modules that are not offered, after everything else was asked."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module of tables, if PyTorch has one where ``fullname`` stands."""
        if not fullname.startswith("flambeau."):
            return None
        from .pytorch_names import is_module

        published = published_module(fullname)
        if is_module(published) and internal_module(published) == fullname:
            return ModuleSpec(fullname, Loader(), is_package=True)  # type: ignore[arg-type]
        return None


class Loader:
    """Makes a module whose names are looked up when they are used."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        from .inert import module_of

        return module_of(published_module(spec.name))

    def exec_module(self, module: ModuleType) -> None:
        published = published_module(module.__name__)

        def __getattr__(name: str) -> Any:
            if name == "__all__":
                from .pytorch_names import names_of

                return sorted(name for name in names_of(published) if not name.startswith("_"))
            value = lookup(published, name)
            setattr(module, name, value)
            return value

        module.__doc__ = f"The names of ``{published}``, of which nothing is offered: they do nothing, or refuse to."
        module.__dict__.setdefault("__getattr__", __getattr__)


def install() -> None:
    """Let modules that are not offered be found."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())
