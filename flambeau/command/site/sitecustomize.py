"""Read by every Python that a program under ``flambeau run`` starts: activates the aliases, costs a millisecond.

The directory of this file is put first on ``PYTHONPATH``; whatever ``sitecustomize`` it hides is run as well.
"""

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader


def _load(name, path):  # type: ignore[no-untyped-def]
    """Execute a file as the module ``name``, without importing the packages it belongs to."""
    loader = SourceFileLoader(name, path)
    module = type(sys)(name)
    module.__file__ = path
    module.__loader__ = loader
    module.__package__ = name.rpartition(".")[0]
    module.__spec__ = ModuleSpec(name, loader, origin=path)
    module.__spec__.has_location = True
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def _run_hidden(here):  # type: ignore[no-untyped-def]
    """Run the ``sitecustomize`` that Python would have found without this one."""
    spec = PathFinder.find_spec("sitecustomize", [p for p in sys.path if os.path.abspath(p) != here])
    if spec is not None and spec.origin is not None:
        _load("sitecustomize", spec.origin)


def _main():  # type: ignore[no-untyped-def]
    here = os.path.dirname(os.path.abspath(__file__))
    command = os.path.dirname(here)
    if sys.version_info >= (3, 11):
        _load("flambeau.interpreter.naming", os.path.join(os.path.dirname(command), "interpreter", "naming.py"))
        _load("flambeau.command.aliases", os.path.join(command, "aliases.py")).activate()
    _run_hidden(here)


_main()
