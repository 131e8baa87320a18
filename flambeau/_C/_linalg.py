"""Where PyTorch has the compiled functions of ``linalg``, whose names begin with ``linalg_``."""

from __future__ import annotations

from typing import Any

import flambeau


def __getattr__(name: str) -> Any:
    value = getattr(flambeau.linalg, name.removeprefix("linalg_"), None) if name.startswith("linalg_") else None
    if value is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return value
