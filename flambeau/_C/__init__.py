"""Where PyTorch has its compiled part: what programs use of it is the package's own, under one more name."""

from __future__ import annotations

from typing import Any

import flambeau


def __getattr__(name: str) -> Any:
    return getattr(flambeau, name)
