"""What ``nn.functional`` exports, from operations that say so and from its own files."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from ...core.tensor import Tensor
from ...ops.arguments import export, is_export_of
from ...ops.assignment import assign
from ...ops.operation import DECLARED, MODULES, NAMESPACE, PLAIN, Scalar

_FILES = (
    "activation", "attention", "ctc", "dropouts", "embeddings", "fractional_pooling", "linear_loss", "loss", "margin_loss",
    "normalization", "pooling", "products", "regression_loss", "sampling", "vision", "windows",
)  # fmt: skip


_SPEAK_FIRST = {"adaptive_avg_pool2d", "adaptive_avg_pool3d"}
"""Operations whose own checks come before those of types, since PyTorch has a function in Python around what is native."""


def exports(package: str) -> dict[str, Any]:
    """All functions by name. Operations have their arguments looked at before anything else, as PyTorch's parser does."""
    written: dict[str, Any] = {}
    for file in _FILES:
        module = importlib.import_module("." + file, package)
        defined = [f for f in vars(module).items() if isinstance(f[1], FunctionType) and f[1].__module__ == module.__name__]
        written |= {name: f for name, f in defined if not name.startswith("_")}
    operations = MODULES["functional"]
    with_flag = {name: f for name, f in operations.items() if DECLARED.get(f, PLAIN).inplace}
    # What the package has under the same name is the same function.
    shared = {name: NAMESPACE[name] for name, f in operations.items() if is_export_of(NAMESPACE.get(name), f)}
    native = {name: f for name, f in operations.items() if name not in with_flag and name not in shared}
    written = {name: f for name, f in written.items() if name not in operations} | _with_parameter(with_flag)
    native = export(native, package, first=lambda name: name not in _SPEAK_FIRST)
    return {**shared, **native, **export(written, package, first=lambda name: False)}


def _with_parameter(operations: Mapping[str, Callable[..., Tensor]]) -> dict[str, Any]:
    """Operations with an in-place form, with a parameter ``inplace`` more and without one for a generator; from one text."""
    space: dict[str, Any] = {"__name__": __name__, "assign": assign, "Scalar": Scalar, "Tensor": Tensor}
    text = []
    for name, function in operations.items():
        space[f"{name}_of"] = function
        parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "generator"]
        listed = ", ".join(map(str, parameters)).replace("'", "")
        call = f"{name}_of({', '.join(p.name for p in parameters)})"
        text += [f"def {name}({listed}, inplace: bool = False):"]
        text += [f"    return assign({parameters[0].name}, {call}) if inplace else {call}"]
    exec(compile("\n".join(text), __file__, "exec"), space)
    for name, function in operations.items():
        space[name].__doc__ = function.__doc__
    return {name: space[name] for name in operations}
