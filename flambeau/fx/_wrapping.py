"""``wrap``: functions that are not traced through."""

from __future__ import annotations

import inspect
from typing import Any

_wrapped_fns_to_patch: dict[tuple[int, str], dict[str, Any]] = {}
"""{(id of a module's names, name of a function): the module's names}."""

_wrapped_methods_to_patch: list[tuple[type, str]] = []
"""Methods that are intercepted if one of their arguments is a proxy."""


def wrap(fn_or_name: Any) -> Any:
    """Have calls of a module's function be nodes of graphs, and not be traced through; also a decorator.

    To be called at the top of the module whose function is meant, by name or itself (``NotImplementedError``).
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    name = fn_or_name.__name__ if callable(fn_or_name) else fn_or_name
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    if frame.f_back.f_code.co_name != "<module>":
        raise NotImplementedError("wrap must be called at the top level of a module")
    space = frame.f_back.f_globals
    _wrapped_fns_to_patch[id(space), name] = space
    return fn_or_name


wrap.__module__ = f"{__package__}._symbolic_trace"  # where programs and the code of graphs find it
