"""Pictures: data sets of them, transforms, models, and many on one page. PyTorch's name for it is torchvision."""

from __future__ import annotations

from typing import Any

from ..interpreter.lazy import lazy_attribute
from ..version import torchvision_version as __version__

__all__ = [
    "__version__", "datasets", "disable_beta_transforms_warning", "get_image_backend", "get_video_backend", "io", "models",
    "ops", "set_image_backend", "set_video_backend", "transforms", "tv_tensors", "utils",
]  # fmt: skip

_MODULES = ("datasets", "extension", "io", "models", "ops", "transforms", "tv_tensors", "utils", "version")


def get_image_backend() -> str:
    """The library that reads pictures: ``"PIL"``."""
    return "PIL"


def set_image_backend(backend: str) -> None:
    """Choose the library that reads pictures. ``ValueError`` unless it is ``"PIL"``, the only one."""
    if backend != "PIL":
        raise ValueError(f"Invalid backend '{backend}'. Options are 'PIL'")


def get_video_backend() -> str:
    """The library that reads films: ``"pyav"``."""
    return "pyav"


def set_video_backend(backend: str) -> None:
    """Does nothing: there is one library that reads films."""


def disable_beta_transforms_warning() -> None:
    """Does nothing: there is no such warning."""


def _is_tracing() -> bool:
    """Whether a program is being traced, so that it should not look at sizes: never, for here sizes are numbers then too."""
    return False


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES)
