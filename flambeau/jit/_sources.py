"""The part of a program that a module needs, as text: its class, what that names, and so on.

A pickle names classes by where they can be imported. A saved program is to run where it cannot be imported, so the file
has the sources of what the program itself defines, in an order in which they can be executed, one :class:`Entry` each;
what is installed is named, and other values are pickled.
"""

from __future__ import annotations
import __future__ as future

import ast
import importlib
import inspect
import linecache
import os
import pickle
import sys
import sysconfig
import textwrap
from io import BytesIO
from itertools import count
from types import FunctionType, ModuleType
from typing import Any, TypedDict

from ..interpreter.naming import internal_module, published_module
from ..serialization.writing import FilePickler

_INSTALLED = tuple(
    {os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    | {os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")}
)
_numbers = count(1)
"""Two programs may have modules of one name: each that is loaded gets a number."""


class Entry(TypedDict, total=False):
    """One thing in a module of the program: a text to execute, or a name with what it means."""

    module: str
    text: str
    name: str
    #: What the name means: a module, or (with ``attribute``) something in one; ``program`` if that is one of the program's.
    source: str
    attribute: str
    program: bool
    #: What the name means: a number or a text, as Python writes it.
    literal: str


def is_of_program(module: str | None) -> bool:
    """Whether a module belongs to the program, and not to what is installed."""
    found = sys.modules.get(module or "")
    if found is None or module in sys.builtin_module_names or (module or "").startswith("flambeau."):
        return False
    file = getattr(found, "__file__", None)
    return file is None or not os.path.abspath(file).startswith(_INSTALLED)


class Program:
    """The sources that some values need."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        #: {module: {name: value}} of what is neither text nor installed.
        self.values: dict[str, dict[str, Any]] = {}
        self._known: set[tuple[str, str]] = set()

    def add_all(self, value: Any) -> None:
        """Add the classes and functions of the program that pickling ``value`` names."""
        for named in _named_in(value):
            if is_of_program(named.__module__):
                self._add(named)

    def _add(self, defined: Any) -> None:
        """Add a class or function of the program: what it needs to be defined before it, what it calls behind."""
        module, name = defined.__module__, defined.__qualname__
        if "<locals>" in name:
            top, name = defined, defined.__name__
        else:
            name = name.partition(".")[0]
            top = getattr(sys.modules[module], name, None)
        if (module, name) in self._known:
            return
        self._known.add((module, name))
        try:
            text = textwrap.dedent(inspect.getsource(top))  # type: ignore[arg-type]
        except (OSError, TypeError) as error:
            raise RuntimeError(f"cannot save {module}.{name}: its source is not known") from error
        space = {**vars(sys.modules[module]), **_enclosed(top)}
        early, late = _names(ast.parse(text))
        for used in early:
            self._add_name(module, used, space)
        if space.get("annotations") is future.annotations:
            text = "from __future__ import annotations\n" + text
        self.entries.append({"module": module, "text": text})
        for used in late:
            self._add_name(module, used, space)

    def _add_name(self, module: str, name: str, space: dict[str, Any]) -> None:
        """Add what a name means in a module of the program."""
        if name not in space or (module, name) in self._known:
            return  # one of Python's own, or of a variable
        value = space[name]
        # A scripted function stands for the one that it wraps.
        defined = value if isinstance(value, (type, FunctionType)) else getattr(value, "__wrapped__", value)
        entry: Entry = {"module": module, "name": name}
        if isinstance(value, ModuleType):
            entry["source"] = published_module(value.__name__)
        elif isinstance(defined, (type, FunctionType)) and is_of_program(defined.__module__):
            own = defined.__qualname__.rpartition(".")[2]
            self._add(defined)
            if (defined.__module__, own) == (module, name):
                return
            entry |= {"source": defined.__module__, "attribute": own, "program": True}
        elif isinstance(value, (bool, int, float, str, bytes, type(None))) and value == value and abs_is_finite(value):
            entry["literal"] = repr(value)
        elif (place := _installed(value)) is not None:
            entry["source"], entry["attribute"] = place
        else:
            self._known.add((module, name))
            self.values.setdefault(module, {})[name] = value
            self.add_all(value)
            return
        self._known.add((module, name))
        self.entries.append(entry)


def abs_is_finite(value: Any) -> bool:
    """Whether Python's text of a value is the value: infinite numbers have none."""
    return not isinstance(value, float) or abs(value) != float("inf")


def _installed(value: Any) -> tuple[str, str] | None:
    """Where a class, function or other named object of an installed package is found: its module, and its name there."""
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "_name", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    for place in (module, published_module(module)):
        found: Any = sys.modules.get(internal_module(place))
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is value:
            return published_module(module) if module.startswith("flambeau") else module, name
    return None


def _enclosed(value: Any) -> dict[str, Any]:
    """The variables of surrounding functions that a function, or the methods of a class, use."""
    members = [value] if isinstance(value, FunctionType) else vars(value).values()
    functions = [member for member in members if isinstance(member, FunctionType)]
    found: dict[str, Any] = {}
    for function in functions:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            if name != "__class__":
                found[name] = cell.cell_contents
    return found


def _names(tree: ast.AST) -> tuple[list[str], list[str]]:
    """The names that a text uses: when it is executed, and when its functions are called."""
    early: dict[str, None] = {}
    late: dict[str, None] = {}

    def walk(node: ast.AST, names: dict[str, None]) -> None:
        if isinstance(node, ast.Name):
            names[node.id] = None
        for field, value in ast.iter_fields(node):
            body = field == "body" and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    walk(child, late if body else names)

    walk(tree, early)
    return [*early], [name for name in late if name not in early]


def _named_in(value: Any) -> list[Any]:
    """The classes and functions that a pickle of ``value`` names."""
    named: list[Any] = []

    def note(pickler: Any, value: Any, name: str | None = None) -> None:
        named.append(value)
        FilePickler.save_global(pickler, value, name)

    class Noting(FilePickler):
        save_global = note
        dispatch = {**FilePickler.dispatch, FunctionType: note}

    try:
        Noting(BytesIO(), 2).dump(value)
    except (pickle.PicklingError, AttributeError) as error:
        local = next((v for v in reversed(named) if "<locals>" in getattr(v, "__qualname__", "")), None)
        where = "" if local is None else f": {local.__qualname__} is defined inside a function"
        raise RuntimeError(f"cannot save {type(value).__name__}{where} ({error})") from error
    return named


def execute(entries: list[Entry]) -> dict[str, ModuleType]:
    """Modules made of entries, by the names that they had in the program. Runs what the entries say."""
    number = next(_numbers)
    modules: dict[str, ModuleType] = {}
    lines: dict[str, list[str]] = {}
    for entry in entries:
        name = entry["module"]
        if name not in modules:
            own = name.replace(".", "_")
            mangled = f"__torch__{own}_{number}"  # without dots: nothing above it can be imported
            modules[name] = sys.modules[mangled] = ModuleType(mangled)
            modules[name].__file__ = f"<{mangled}>"
            lines[name] = []
        module = modules[name]
        if "text" in entry:
            file, before = module.__file__ or "", lines[name]
            code = compile("\n" * len(before) + entry["text"], file, "exec", dont_inherit=True)
            before += entry["text"].splitlines(keepends=True)
            linecache.cache[file] = (sum(map(len, before)), None, before, file)  # so that `inspect` finds it
            exec(code, module.__dict__)
        else:
            module.__dict__[entry["name"]] = _meaning(entry, modules)
    return modules


def _meaning(entry: Entry, modules: dict[str, ModuleType]) -> Any:
    if "literal" in entry:
        return ast.literal_eval(entry["literal"])
    source = entry["source"]
    found: Any = modules[source] if entry.get("program") else importlib.import_module(internal_module(source))
    for part in entry.get("attribute", "").split("."):
        found = getattr(found, part) if part else found
    return found
