"""Where programs of old find the exporter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..nn.modules.module import Module
from ._enumerations import TrainingMode
from ._export import _mode, export
from ._registry import register_custom_op_symbolic, unregister_custom_op_symbolic
from ._state import is_in_onnx_export

__all__ = [
    "export", "is_in_onnx_export", "register_custom_op_symbolic", "select_model_mode_for_export",
    "unregister_custom_op_symbolic",
]  # fmt: skip


@contextmanager
def select_model_mode_for_export(model: Module, mode: TrainingMode) -> Iterator[None]:
    """A block in which a module is in the mode that it is to be exported in."""
    if not isinstance(mode, TrainingMode):
        raise TypeError(f"The mode should be of type 'TrainingMode', but got '{type(mode)}'.")
    with _mode(model, mode):
        yield


def _export(model: Any, args: Any, f: Any, **options: Any) -> None:
    """:func:`export` without ``dynamo``."""
    export(model, args, f, dynamo=False, **options)
