"""Translations that programs add: ``register_custom_op_symbolic``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .errors import OnnxExporterError

_REGISTERED: dict[str, dict[int, Callable[..., Any]]] = {}
"""{name: {the version from which it holds: translation}}."""


def _checked(symbolic_name: str) -> str:
    if not re.match(r"^[a-zA-Z0-9-_]+::[a-zA-Z-_]+[a-zA-Z0-9-_]*$", symbolic_name):
        raise OnnxExporterError(
            f"Failed to register operator {symbolic_name}. The symbolic name must match the format domain::name, and should "
            "start with a letter and contain only alphanumerical characters"
        )
    namespace = symbolic_name.split("::")[0]
    if namespace == "onnx":
        raise ValueError(
            f"Failed to register operator {symbolic_name}. {namespace} domain cannot be modified."
        )
    return symbolic_name


def register_custom_op_symbolic(symbolic_name: str, symbolic_fn: Callable[..., Any], opset_version: int) -> None:
    """Translate the operation ``"namespace::name"`` by ``symbolic_fn(g, *arguments)`` from an operator set on.

    ``g.op("Domain::Kind", *inputs, attribute_f=…)`` appends a node; ``arguments`` are values, and numbers as they are.
    """
    _REGISTERED.setdefault(_checked(symbolic_name), {})[opset_version] = symbolic_fn


def unregister_custom_op_symbolic(symbolic_name: str, opset_version: int) -> None:
    """Forget what was registered. Names that were not are passed over."""
    found = _REGISTERED.get(_checked(symbolic_name), {})
    found.pop(opset_version, None)


def registered(symbolic_name: str, opset: int) -> Callable[..., Any] | None:
    """What was registered for an operation: the latest that is not later than ``opset``, or else the first."""
    found = _REGISTERED.get(symbolic_name)
    if not found:
        return None
    versions = [version for version in found if version <= opset]
    return found[max(versions) if versions else min(found)]
