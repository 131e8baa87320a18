"""What is raised and warned of when a program cannot be written as ONNX."""

from __future__ import annotations

__all__ = ["OnnxExporterError", "OnnxExporterWarning", "SymbolicValueError", "UnsupportedOperatorError"]


class OnnxExporterWarning(UserWarning):
    """Warnings of the exporter."""


class OnnxExporterError(RuntimeError):
    """Errors of the exporter; the base of all others."""


class UnsupportedOperatorError(OnnxExporterError):
    """An operation has no translation into the operator set that was asked for."""

    def __init__(self, name: str, version: int, supported_version: int | None, detail: str = "") -> None:
        message = f"Exporting the operator '{name}' to ONNX opset version {version} is not supported"
        if supported_version is not None:
            message += f". Support for this operator was added in version {supported_version}, try exporting with this version"
        elif not name.startswith(("aten::", "prim::", "quantized::")):
            message = (
                f"ONNX export failed on an operator with unrecognized namespace {name}. If you are trying to export a custom "
                "operator, make sure you registered it with the right domain and version."
            )
        super().__init__(message + detail)


class SymbolicValueError(OnnxExporterError):
    """A symbolic function was given a value that it cannot use."""

    def __init__(self, msg: str, value: object) -> None:
        super().__init__(f"{msg}  [Caused by the value '{value}'.]")
