"""``torch.xpu``: Intel's graphics processors, of which there are none here."""

from __future__ import annotations

from .backends.absent import device_count, empty_cache, is_available, manual_seed, manual_seed_all, refusal

synchronize = refusal("XPU")

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "manual_seed_all", "synchronize"]
