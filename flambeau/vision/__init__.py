"""Pictures: data sets of them, transforms, models, and many on one page. PyTorch's name for it is torchvision."""

from __future__ import annotations

from typing import Any

from ..interpreter.lazy import lazy_attribute
from ..version import torchvision_version as __version__

__all__ = [
    "__version__", "datasets", "get_image_backend", "io", "models", "ops", "set_image_backend", "transforms",
    "tv_tensors", "utils",
]  # fmt: skip

_MODULES = ("datasets", "io", "models", "ops", "transforms", "tv_tensors", "utils")


def get_image_backend() -> str:
    """The library that reads pictures: ``"PIL"``."""
    return "PIL"


def set_image_backend(backend: str) -> None:
    """Choose the library that reads pictures. ``ValueError`` unless it is ``"PIL"``, the only one."""
    if backend != "PIL":
        raise ValueError(f"Invalid backend '{backend}'. Options are 'PIL'")


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES)
