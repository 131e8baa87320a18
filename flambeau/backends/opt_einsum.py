"""``torch.backends.opt_einsum``."""

from __future__ import annotations


def is_available() -> bool:
    """Whether opt_einsum is in use."""
    return False


enabled = False
strategy: str | None = None
