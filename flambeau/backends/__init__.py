"""PyTorch's libraries, of which Flambeau uses none: their switches can be set and read, and change nothing."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from . import mha, quantized
from .library import Library, SwitchedLibrary

__all__ = ["cpu", "cuda", "cudnn", "mha", "mkl", "mkldnn", "mps", "openmp", "opt_einsum", "quantized"]

ATTENTION = {"cudnn": True, "flash": True, "mem_efficient": True, "math": True, "overrideable": True}
"""Which ways to compute attention are allowed."""


def get_cpu_capability() -> str:
    """The vector instructions in use, by PyTorch's names (``"AVX512"``, ``"AVX2"``, ``"DEFAULT"``)."""
    from ..cpu.target import host

    return {512: "AVX512", 256: "AVX2"}.get(host().vector_bits, "DEFAULT")


def is_macos_or_newer(major: int, minor: int) -> bool:
    """Whether this is macOS of at least this version."""
    version = platform.mac_ver()[0]
    return bool(version) and tuple(int(part) for part in version.split(".")[:2]) >= (major, minor)


def _allowed(kind: str) -> Any:
    def enabled() -> bool:
        """Whether this way to compute attention is allowed."""
        return ATTENTION[kind]

    return enabled


def _allow(kind: str) -> Any:
    def enable(enabled: bool) -> None:
        """Allow a way to compute attention."""
        ATTENTION[kind] = enabled

    return enable


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True, enable_cudnn: bool = True
) -> Iterator[None]:
    """A context with these ways to compute attention allowed."""
    before = dict(ATTENTION)
    ATTENTION.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield
    finally:
        ATTENTION.update(before)


_NOT_THERE = {"is_available()": False}

cpu = Library("cpu", {}, get_cpu_capability=get_cpu_capability)
cuda = Library(
    "cuda", {"is_built()": False, "preferred_linalg_library(backend=None)": "default"},
    matmul=SimpleNamespace(
        allow_tf32=False, allow_fp16_reduced_precision_reduction=True, allow_bf16_reduced_precision_reduction=True,
        fp32_precision="none",
    ),
    cufft_plan_cache=SimpleNamespace(size=0, max_size=0, clear=lambda: None),
    sdp_kernel=sdp_kernel,
    **{f"{kind}_sdp_enabled": _allowed(kind) for kind in ATTENTION if kind != "overrideable"},
    **{f"enable_{kind}_sdp": _allow(kind) for kind in ATTENTION if kind != "overrideable"},
)  # fmt: skip
cudnn = SwitchedLibrary(
    "cudnn", {**_NOT_THERE, "is_acceptable(tensor)": False, "version()": None},
    enabled=True, benchmark=False, benchmark_limit=10, deterministic=False, allow_tf32=True,
)  # fmt: skip
mkl = Library("mkl", _NOT_THERE)
mkldnn = SwitchedLibrary("mkldnn", _NOT_THERE, enabled=True, deterministic=False, allow_tf32=True)
mps = Library("mps", {**_NOT_THERE, "is_built()": False}, is_macos_or_newer=is_macos_or_newer)
openmp = Library("openmp", _NOT_THERE)
opt_einsum = Library("opt_einsum", _NOT_THERE, enabled=False, strategy=None)
