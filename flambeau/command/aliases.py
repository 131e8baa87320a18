"""``import torch`` means Flambeau: a finder that answers PyTorch's module names with Flambeau's modules.

Once :func:`activate` was called,

* ``torch``, ``torchvision``, ``torchaudio``, ``torchmetrics``, ``functorch`` and everything below them are the *same module
  objects* as ``flambeau``, ``flambeau.vision``, ... (also in child processes, see :func:`export_to_children`);
* they report PyTorch's names (``__name__``), as their classes and functions do (``__module__``), so that ``repr``, pickles
  and registries keyed by qualified names agree with PyTorch's;
* a name that is not there raises what PyTorch would raise, with a word on where to ask for it.

Where the library ``torchmetrics`` or ``torchaudio`` is installed, that is what its name means: they are written on top of
``torch``, and run on Flambeau as any other library.

Nothing of the package is imported by activating: child processes that never use it must not pay for it.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader

from flambeau.interpreter.naming import LIBRARIES, ROOTS, internal_module, published_class, published_module

TYPE_CHECKING = False  # `typing`, `pathlib` and `importlib.abc` would cost every child process ten milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from types import FrameType, ModuleType
    from typing import Any

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CHILD_DIRECTORY = os.path.join(PACKAGE, "command", "site")


def activate() -> None:
    """Let PyTorch's module names stand for Flambeau's, in this process, from now on."""
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, Finder())
    for name, module in list(sys.modules.items()):
        if _is_ours(name) and not getattr(module.__spec__, "_initializing", False):
            _publish(module)


def export_to_children() -> None:
    """Let Python processes that this one starts come up with the aliases active, whoever starts them and how."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if CHILD_DIRECTORY not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([CHILD_DIRECTORY, *filter(None, paths)])


class Finder:
    """Finds PyTorch's names as aliases, and publishes Flambeau's modules as they are loaded."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if _is_installed(fullname.partition(".")[0]):
            return None
        if fullname.partition(".")[0] in ROOTS:
            internal = internal_module(fullname)
            # A file of Flambeau's own division (`flambeau.core`) is no module of PyTorch's.
            known = internal_module(published_module(internal)) == internal
            spec = _find_internal(internal) if known else None
            if spec is not None and spec.name == internal:  # not where a module lay earlier
                alias = ModuleSpec(fullname, AliasLoader(spec.name), origin=spec.origin)  # type: ignore[arg-type]
                alias.submodule_search_locations = spec.submodule_search_locations
                return alias
        elif _is_ours(fullname):
            if fullname == "flambeau":
                # A child process may have no other way to find the package than to come from it.
                path = [os.path.dirname(PACKAGE)]
            spec = PathFinder.find_spec(fullname, path, target)
            if spec is not None:
                if type(spec.loader) is SourceFileLoader:
                    spec.loader = PublishingLoader(spec.loader.name, spec.loader.path)
                return spec
            from flambeau.surface.modules import Finder as TableFinder

            spec = TableFinder().find_spec(fullname)
            if spec is not None:
                return spec
        else:
            return None
        # Asking whether a module exists must get the answer no; only a statement of the program is told why it fails.
        callers = _import_functions()
        name = published_module(fullname)
        if "_handle_fromlist" in callers:  # `from package import name`: the name may be a module
            package, _, last = name.rpartition(".")
            message = f"cannot import name '{last}' from '{package}' ({_not_offered(name)})"
            raise ModuleNotFoundError(message, name=package)  # with the whole name, the import system would swallow it
        if "_find_and_load_unlocked" in callers and not _is_ours(fullname):
            raise ModuleNotFoundError(f"No module named '{name}' ({_not_offered(name)})", name=name)
        return None


class AliasLoader:
    """Answers an import with a module that has, or gets, another name."""

    def __init__(self, internal: str) -> None:
        self.internal = internal
        self.spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        __import__(self.internal)
        module = sys.modules[self.internal]
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # the import system has put the alias's there

    def get_code(self, fullname: str) -> Any:
        """What ``python -m`` runs."""
        spec = _find_internal(self.internal)
        get_code = getattr(spec and spec.loader, "get_code", None)
        return get_code and get_code(self.internal)


class PublishingLoader(SourceFileLoader):
    """Loads one of Flambeau's modules and publishes what it defines."""

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        _publish(module)


def _is_installed(root: str) -> bool:
    """Whether a name is that of a library that runs on Flambeau, and which is installed."""
    if root not in LIBRARIES:
        return False
    found = PathFinder.find_spec(root)
    return found is not None and found.loader is not None


def _is_ours(name: str) -> bool:
    return name == "flambeau" or name.startswith("flambeau.")


def _import_functions() -> set[str]:
    """The functions of the import system that led to the question for a spec."""
    names = set()
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename == "<frozen importlib._bootstrap>":
        names.add(frame.f_code.co_name)
        frame = frame.f_back
    return names


def _find_internal(name: str) -> ModuleSpec | None:
    from importlib.util import find_spec

    try:
        return find_spec(name)
    except ModuleNotFoundError:
        return None


def _publish(module: ModuleType) -> None:
    """Register a loaded module under its PyTorch name and let what it defines report that name."""
    name = module.__name__
    if name.startswith("flambeau.command"):
        return
    published = published_module(name)
    if _is_installed(published.partition(".")[0]):
        return
    if internal_module(published) == name:
        sys.modules.setdefault(published, module)
        _explain_missing(module, published)
    if name == "flambeau":
        from flambeau.torch_version import TorchVersion
        from flambeau.version import torch_version

        module.__dict__["__version__"] = TorchVersion(torch_version)
        module.__dict__["torch"] = module  # as PyTorch's package names itself
        _hide_internals(module)
    own = internal_module(published) == name
    public = _names_of_package(module, published)
    for value in list(vars(module).values()):
        # What was imported from elsewhere belongs to its own module. Where several modules make up one of PyTorch's,
        # only the public classes are sure to be found there.
        home = getattr(value, "__module__", None)
        if home == "flambeau" or name == "flambeau" and _is_ours(str(home)):  # what the package itself has
            if hasattr(value, "__qualname__") and not value.__name__.startswith("_"):
                _report(value, "torch" if home == "flambeau" else published_class(str(home), value.__name__))
            continue
        if home != name or not hasattr(value, "__qualname__"):
            continue
        place = published_class(name, value.__name__) if isinstance(value, type) else published
        sure = place != published or value.__name__ in public
        if own or sure or isinstance(value, type) and not value.__name__.startswith("_"):
            line = getattr(value, "__dict__", {}).get("__firstlineno__")
            if not _report(value, place):
                continue
            if line is not None:  # Python 3.13 forgets it with the module, and `inspect` needs it
                value.__firstlineno__ = line
    if own:
        module.__name__ = published  # programs look names up from a module by what it says it is called
    tensor = vars(module).get("Tensor")
    if name == "flambeau.core.tensor" and isinstance(tensor, type):
        tensor.__getattr__ = _missing_attribute  # type: ignore[attr-defined]


def _report(value: Any, module: str) -> bool:
    """Let a class or function say that it belongs to a module; whether it can."""
    try:
        value.__module__ = module
    except (AttributeError, TypeError):  # an instance that only looks like a class, or a compiled function
        return False
    return True


def _names_of_package(module: ModuleType, published: str) -> Collection[str]:
    """The names that ``torch`` itself has in this module, if it counts as a part of that."""
    package = sys.modules.get("flambeau")
    return getattr(package, "_LAZY_NAMES", ()) if published == "torch" and module is not package else ()


def _hide_internals(package: ModuleType) -> None:
    """Take away the attributes that the import system made of Flambeau's own folders; import statements find them still."""
    for name, value in list(vars(package).items()):
        internal = f"{package.__name__}.{name}"
        if sys.modules.get(internal) is value and internal_module(published_module(internal)) != internal:
            del package.__dict__[name]


def _explain_missing(module: ModuleType, published: str) -> None:
    """Give ``module`` PyTorch's other names, too, and make the error for a name that is not there say so in PyTorch's terms."""
    from flambeau.surface import lookup

    own: Callable[[str], Any] | None = module.__dict__.get("__getattr__")

    def __getattr__(name: str) -> Any:
        if own is not None:
            try:
                return own(name)
            except AttributeError as error:
                if error.name not in (None, name):
                    raise
        if not name.startswith("__"):
            try:
                value = lookup(published, name)
            except AttributeError:
                pass
            else:
                setattr(module, name, value)
                return value
        hint = "" if name.startswith("__") else f" ({_not_offered(f'{published}.{name}')})"
        raise AttributeError(f"module '{published}' has no attribute '{name}'{hint}", name=name, obj=module) from None

    module.__dict__["__getattr__"] = __getattr__
    if "__path__" not in vars(module):
        # `from module import name` only asks the finder (which explains) about names missing from packages.
        module.__path__ = []


def _missing_attribute(self: Any, name: str) -> Any:
    """What a tensor has besides its own attributes: methods that refuse."""
    from flambeau.surface import lookup

    if not name.startswith("_"):
        try:
            return lookup("torch.Tensor", name)
        except AttributeError:
            pass
    hint = "" if name.startswith("__") else f" ({_not_offered(f'torch.Tensor.{name}')})"
    raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'{hint}", name=name, obj=self)


def _not_offered(name: str) -> str:
    from flambeau.surface.refusals import not_offered

    return not_offered(name)
