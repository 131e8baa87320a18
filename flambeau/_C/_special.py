"""Where PyTorch has the compiled functions of ``special``, whose names begin with ``special_``."""

from __future__ import annotations

from typing import Any

import flambeau


def __getattr__(name: str) -> Any:
    value = getattr(flambeau.special, name.removeprefix("special_"), None) if name.startswith("special_") else None
    if value is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return value
