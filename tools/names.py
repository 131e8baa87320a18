"""Writes ``flambeau/surface/pytorch_names.txt``: the names that PyTorch has, of which Flambeau offers most.

Names alone are read from the installed PyTorch, and what kind of thing they stand for: no code and no text. All public names
of all public modules are there, and those private ones that public programs import::

    python -m tools.names           # writes the file
    python -m tools.names --check   # fails if the file is not what would be written
"""

from __future__ import annotations

import contextlib
import enum
import importlib
import inspect
import io
import pkgutil
import re
import sys
import textwrap
import warnings
from importlib import metadata
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

TARGET = Path(__file__).parent.parent / "flambeau" / "surface" / "pytorch_names.txt"

HEAD = """\
# PyTorch {version}: modules, and what kind of thing each of their names stands for.
# Written by tools/names.py: change that, and run it.
"""

PROGRAMS = {"torch.testing._internal", "torch.utils.benchmark.examples", "torch.fx.passes.tests", "torch.backends.xeon.run_cpu"}
"""What nobody imports: PyTorch's own tests and programs."""

FURTHER = Path(__file__).parent / "further_names.txt"
"""Modules and names that PyTorch does not export, and that public programs use."""

TYPES = {"dtype", "layout", "memory_format", "qscheme", "Tag"}
"""Of PyTorch's types, those whose instances are known by name."""


ALLOWED = ("torch", "numpy", "tqdm", "packaging")
"""What may be imported, with what it requires, while names are read. (setuptools brings its own packaging.)"""


class WithoutOthers(MetaPathFinder):
    """While inside, no other library can be imported: what is installed where the file is written makes no difference."""

    def __enter__(self) -> None:
        allowed, wanted = set[str](), [*ALLOWED]
        while wanted:
            name = re.split(r"[^\w.-]", wanted.pop(), maxsplit=1)[0].lower().replace("_", "-")
            if name not in allowed:
                allowed.add(name)
                with contextlib.suppress(metadata.PackageNotFoundError):
                    wanted += [text for text in metadata.requires(name) or () if "extra ==" not in text]
        self.left_out = {
            module
            for module, libraries in metadata.packages_distributions().items()
            if allowed.isdisjoint(library.lower().replace("_", "-") for library in libraries)
        }
        self.finders = sys.meta_path.copy()
        sys.meta_path[:] = [self]

    def __exit__(self, *exception: object) -> None:
        sys.meta_path[:] = self.finders

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if name.partition(".")[0] in self.left_out:
            return None
        found = (finder.find_spec(name, path, target) for finder in self.finders)
        return next((spec for spec in found if spec is not None), None)


def public_modules(name: str) -> list[str]:
    """A module and all public modules below it that can be imported."""
    try:
        module = importlib.import_module(name)
    except (Exception, SystemExit):  # it needs a library that is not installed, or is a program
        return []
    names = [name]
    for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
        inner = f"{name}.{found.name}"
        if not found.name.startswith("_") and inner not in PROGRAMS and inner != "torch.utils.tensorboard":  # it may not be there
            names += public_modules(f"{name}.{found.name}")
    return names


def further_names() -> dict[str, list[str]]:
    """The table ``FURTHER``."""
    lines = [line for line in FURTHER.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {module: names.split() for module, _, names in (line.partition(":") for line in lines)}


def public_names(module: ModuleType) -> list[str]:
    """What a module says it exports, and what is defined there or in the modules below.

    A public module that does not say what it exports has all that PyTorch defines anywhere.
    """
    said = vars(module).get("__all__")
    place = "torch" if said is None and "._" not in module.__name__ else module.__name__
    defined = [name for name, value in vars(module).items() if not name.startswith("_") and is_defined_in(place, name, value)]
    return [*(name for name in said or () if hasattr(module, name)), *defined]


def is_defined_in(place: str, name: str, value: Any) -> bool:
    """Whether a value is defined in a package or module, as far as it shows."""
    if isinstance(value, ModuleType | TypeVar | ParamSpec) or name == "TYPE_CHECKING":
        return False
    module = getattr(value, "__module__", None)
    if isinstance(module, str):
        return f"{module}.".startswith(f"{place}.")
    known = type(value).__module__.partition(".")[0] in ("torch", "builtins")
    return inspect.isbuiltin(value) or (kind_of(value) == "value" and known)


def kind_of(value: Any) -> str:
    """``module``, ``class``, ``exception``, ``enumeration``, ``function`` or ``value``."""
    if isinstance(value, ModuleType):
        return "module"
    if isinstance(value, type) and issubclass(value, BaseException):
        return "exception"
    if isinstance(value, type):
        members = issubclass(value, enum.Enum) or hasattr(value, "__members__")
        return "enumeration" if members else "class"
    if callable(value) and type(value).__name__ not in TYPES:
        return "function"
    return "value"


def written_name(name: str, value: Any) -> str:
    """A name as it stands in the file: an enumeration's with its members, an exception's with its base among Python's."""
    if kind_of(value) == "exception":
        return f"{name}({next(base.__name__ for base in value.__mro__ if base.__module__ == 'builtins')})"
    return f"{name}({','.join(value.__members__)})" if kind_of(value) == "enumeration" else name


def section(title: str, names: dict[str, list[str]]) -> str:
    """A module's part of the file."""
    lines = [f"[{title}]"]
    for kind in sorted(names):
        wrapper = textwrap.TextWrapper(
            130, f"{kind} ", f"{kind} ", break_on_hyphens=False, break_long_words=False
        )
        lines += wrapper.wrap(" ".join(sorted(set(names[kind]))))
    return "\n".join(lines) + "\n"


def module_names(module: ModuleType, more: list[str], listed: dict[str, set[str]]) -> dict[str, list[str]]:
    """A module's names by what they are: ``parent`` for what is the same object in the package around.

    ``listed`` has the names of the packages around, and gets these.
    """
    around = sys.modules.get(module.__name__.rpartition(".")[0])
    there = listed.get(module.__name__.rpartition(".")[0], set())
    listed[module.__name__] = {*public_names(module), *more}
    kinds: dict[str, list[str]] = {}
    for name in [*public_names(module), *more]:
        value = getattr(module, name, None)
        kind = kind_of(value)
        if kind != "module" and hasattr(module, name):
            shared = name in there and kind != "value" and getattr(around, name, None) is value
            kinds.setdefault("parent" if shared else kind, []).append(name if shared else written_name(name, value))
    return kinds


NAMESPACES = (
    "aten", "prims", "quantized", "quantized_decomposed", "_quantized", "mkldnn", "onednn", "c10d", "_c10d_functional",
    "c10d_functional", "_c10d_functional_autograd", "inductor",
)  # fmt: skip
"""Where PyTorch itself has operations that programs name."""


def operation_names(operations: Any) -> dict[str, list[str]]:
    """The operations of a namespace, with their overloads."""
    overloads: dict[str, list[str]] = {}
    for full in importlib.import_module("torch._C")._dispatch_get_all_op_names():
        namespace, _, name = full.partition("::")
        if namespace == operations:
            operation, _, overload = name.partition(".")
            overloads.setdefault(operation, []).append(overload or "default")
    return {"operation": [f"{name}({','.join(sorted(found))})" for name, found in overloads.items()]}


def tensor_names(tensor: type) -> dict[str, list[str]]:
    """The public attributes of tensors: ``function`` is a method, ``value`` an attribute."""
    kinds: dict[str, list[str]] = {}
    for name in dir(tensor):
        if not name.startswith("_"):
            value = inspect.getattr_static(tensor, name)
            kinds.setdefault("function" if callable(value) or isinstance(value, classmethod) else "value", []).append(name)
    return kinds


def written() -> dict[Path, str]:
    """The file and its text."""
    with contextlib.ExitStack() as contexts, warnings.catch_warnings():
        contexts.enter_context(contextlib.redirect_stdout(io.StringIO()))
        contexts.enter_context(contextlib.redirect_stderr(io.StringIO()))
        warnings.simplefilter("ignore")
        contexts.enter_context(WithoutOthers())
        pytorch = importlib.import_module("torch")
        names = public_modules(pytorch.__name__)
        further = further_names()
        for name in further:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
                names.append(name)
        listed: dict[str, set[str]] = {}
        sections = {name: module_names(sys.modules[name], further.get(name, []), listed) for name in sorted(set(names))}
    text = HEAD.format(version=pytorch.__version__.partition("+")[0])
    text += "".join(section(name, kinds) for name, kinds in sections.items())
    text += section("torch.Tensor", tensor_names(pytorch.Tensor))
    text += "".join(section(f"torch.ops.{space}", operation_names(space)) for space in NAMESPACES)
    return {TARGET: text}


def main() -> int:
    """Write the file, or with ``--check`` say whether it is up to date."""
    for path, text in written().items():
        if "--check" in sys.argv:
            if path.read_text() != text:
                print(f"{path} is not what {__file__} writes")
                return 1
        else:
            path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
