"""The package ``onnx``, which knows the format, and ``onnxruntime``, which runs it: imported when they are used."""

from __future__ import annotations

import importlib
from typing import Any


def _package(name: str, what: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModuleNotFoundError(
            f"{what} needs the package {name.partition('.')[0]}: pip install flambeau[onnx]", name=name.partition(".")[0]
        ) from error


def onnx() -> Any:
    """The package ``onnx``. ``ModuleNotFoundError`` if it is not installed, saying how to."""
    return _package("onnx", "torch.onnx")


def onnx_runtime() -> Any:
    """The package ``onnxruntime``. ``ModuleNotFoundError`` if it is not installed, saying how to."""
    return _package("onnxruntime", "running an ONNX program")
