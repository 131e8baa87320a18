"""ONNX: modules as files that other runtimes run.

A module is recorded as operations beneath Python (``flambeau.export``); ``_translations`` has a row for each of them, which
appends nodes to a graph. The packages ``onnx`` and ``onnxruntime`` are needed when something is exported, and run.
"""

from __future__ import annotations

from typing import Any

from ..interpreter.lazy import lazy_attribute
from ..version import __version__ as producer_version
from . import errors
from ._enumerations import OperatorExportTypes, TensorProtoDataType, TrainingMode
from ._state import is_in_onnx_export
from .errors import OnnxExporterError

producer_name = "flambeau"

__all__ = [
    "ONNXProgram", "OnnxExporterError", "OperatorExportTypes", "TensorProtoDataType", "TrainingMode", "errors", "export",
    "is_in_onnx_export", "producer_name", "producer_version", "register_custom_op_symbolic", "select_model_mode_for_export",
    "unregister_custom_op_symbolic",
]  # fmt: skip

_LATER = {
    "export": "_export", "ONNXProgram": "_program", "register_custom_op_symbolic": "_registry",
    "unregister_custom_op_symbolic": "_registry", "select_model_mode_for_export": "utils",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, ("operators", "symbolic_helper", "testing", "utils", "verification"), _LATER)
