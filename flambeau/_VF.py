"""Where PyTorch's own modules find its functions: those of the package, under one more name."""

from __future__ import annotations

from typing import Any

import flambeau


def __getattr__(name: str) -> Any:
    return getattr(flambeau, name)
