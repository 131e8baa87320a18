"""Modules as graphs of operations beneath Python: ``export``, and files of what it makes."""

from __future__ import annotations

import os
from typing import Any

from ..serialization import load as _load
from ..serialization import save as _save
from ._export import export
from .dynamic_shapes import Constraint, Dim, ShapesCollection, dims
from .exported_program import CallSpec, ExportedProgram, ModuleCallEntry, ModuleCallSignature
from .graph_signature import ExportGraphSignature

__all__ = [
    "CallSpec", "Constraint", "Dim", "ExportGraphSignature", "ExportedProgram", "ModuleCallEntry", "ModuleCallSignature",
    "ShapesCollection", "dims", "export", "load", "save",
]  # fmt: skip


def save(
    ep: ExportedProgram, f: str | os.PathLike[str] | Any, *, extra_files: dict[str, Any] | None = None,
    opset_version: dict[str, int] | None = None, pickle_protocol: int = 2,
) -> None:  # fmt: skip
    """Write a program to a path or a file, in a format of Flambeau's own. ``TypeError`` for what is none."""
    if not isinstance(ep, ExportedProgram):
        raise TypeError(
            f"The 'ep' parameter must be an instance of 'ExportedProgram', got '{type(ep).__name__}' instead."
        )
    _save({"program": ep, "extra_files": extra_files or {}}, f)


def load(
    f: str | os.PathLike[str] | Any, *, extra_files: dict[str, Any] | None = None,
    expected_opset_version: dict[str, int] | None = None,
) -> ExportedProgram:  # fmt: skip
    """Read what :func:`save` wrote, which may run what is in the file: only for files whose origin you trust."""
    found = _load(f, weights_only=False)
    if not isinstance(found, dict) or not isinstance(found.get("program"), ExportedProgram):
        raise RuntimeError("torch.export.load reads what torch.export.save wrote here")
    for name in extra_files or {}:
        if name in found["extra_files"]:
            extra_files[name] = found["extra_files"][name]  # type: ignore[index]
    program: ExportedProgram = found["program"]
    return program
