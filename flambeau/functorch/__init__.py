"""The package ``functorch``, which comes with PyTorch: what is now ``torch.func``, under the names that it had."""

from __future__ import annotations

from typing import Any

from .._functorch import deprecated
from .._functorch.make_functional import FunctionalModule, FunctionalModuleWithBuffers
from ..version import torch_version as __version__

__all__ = ["FunctionalModule", "FunctionalModuleWithBuffers", "__version__", *deprecated.__all__]


def __getattr__(name: str) -> Any:
    if name in deprecated.__all__:
        return getattr(deprecated, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
