"""``torch.backends.cuda``: switches of CUDA devices."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


class _Matmul:
    """Switches of matrix products."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True
    fp32_precision = "none"


class _PlanCache:
    """Plans of Fourier transforms kept for reuse."""

    size = 0
    max_size = 0

    def clear(self) -> None:
        """Forget the plans."""


matmul = _Matmul()
cufft_plan_cache = _PlanCache()
_attention = {"flash": True, "math": True, "mem_efficient": True, "cudnn": True}


def is_built() -> bool:
    """Whether the framework knows CUDA."""
    return False


def preferred_linalg_library(backend: Any = None) -> str:
    """The library that decomposes matrices."""
    return "default"


def flash_sdp_enabled() -> bool:
    """Whether this way to compute attention is allowed."""
    return _attention["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Allow a way to compute attention."""
    _attention["flash"] = enabled


def math_sdp_enabled() -> bool:
    """Whether this way to compute attention is allowed."""
    return _attention["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Allow a way to compute attention."""
    _attention["math"] = enabled


def mem_efficient_sdp_enabled() -> bool:
    """Whether this way to compute attention is allowed."""
    return _attention["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Allow a way to compute attention."""
    _attention["mem_efficient"] = enabled


def cudnn_sdp_enabled() -> bool:
    """Whether this way to compute attention is allowed."""
    return _attention["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Allow a way to compute attention."""
    _attention["cudnn"] = enabled


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True, enable_cudnn: bool = True
) -> Iterator[None]:
    """A context with these ways to compute attention allowed."""
    before = dict(_attention)
    _attention.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield
    finally:
        _attention.update(before)
