"""Where PyTorch has the compiled functions of the package: those functions, under one more name."""

from __future__ import annotations

from typing import Any

import flambeau


def __getattr__(name: str) -> Any:
    return getattr(flambeau, name)
