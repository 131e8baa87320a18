"""``torch.backends.openmp``."""

from __future__ import annotations


def is_available() -> bool:
    """Whether OpenMP is in use."""
    return False
