"""Where PyTorch has the compiled functions of ``fft``, whose names begin with ``fft_``."""

from __future__ import annotations

from typing import Any

import flambeau


def __getattr__(name: str) -> Any:
    value = getattr(flambeau.fft, name.removeprefix("fft_"), None) if name.startswith("fft_") else None
    if value is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return value
