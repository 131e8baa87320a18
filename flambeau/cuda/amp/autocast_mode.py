"""``torch.cuda.amp.autocast``."""

from __future__ import annotations

from typing import Any

from ... import amp
from ...graph.notices import warn

__all__ = ["autocast", "custom_bwd", "custom_fwd"]


class autocast(amp.autocast):
    """:class:`flambeau.amp.autocast` of CUDA devices."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        warn(
            "`torch.cuda.amp.autocast(args...)` is deprecated. Please use `torch.amp.autocast('cuda', args...)` instead.",
            FutureWarning,
        )
        super().__init__("cuda", dtype, enabled, cache_enabled)


def custom_fwd(fwd: Any = None, *, cast_inputs: Any = None) -> Any:
    """Decorator of ``Function.forward``, for CUDA devices."""
    return amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd: Any) -> Any:
    """Decorator of ``Function.backward``, for CUDA devices."""
    return amp.custom_bwd(bwd, device_type="cuda")
