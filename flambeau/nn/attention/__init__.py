"""Which ways to compute ``scaled_dot_product_attention`` are allowed: they can be chosen and asked for, and change nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from enum import Enum

from ...backends import ATTENTION

__all__ = ["SDPBackend", "WARN_FOR_UNFUSED_KERNELS", "sdpa_kernel"]

WARN_FOR_UNFUSED_KERNELS = False
"""Whether PyTorch warns where it computes attention step by step; can be set, and changes nothing."""


class SDPBackend(Enum):
    """A way to compute attention."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    def __int__(self) -> int:
        return self.value

    __index__ = __int__


_KINDS = {
    SDPBackend.CUDNN_ATTENTION: "cudnn",
    SDPBackend.FLASH_ATTENTION: "flash",
    SDPBackend.EFFICIENT_ATTENTION: "mem_efficient",
    SDPBackend.MATH: "math",
    SDPBackend.OVERRIDEABLE: "overrideable",
}

_priority = [
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.OVERRIDEABLE,
]


def _cur_sdpa_kernel_backends(with_priority: bool = False) -> list[SDPBackend]:
    """The ways that are allowed, in the order of their priority if that is wanted."""
    return [backend for backend in (_priority if with_priority else _KINDS) if ATTENTION[_KINDS[backend]]]


def _sdpa_kernel(backends: Iterable[SDPBackend], set_priority: bool = False) -> None:
    """Allow these ways and no others; with ``set_priority`` they are tried in this order, before the others."""
    chosen = list(backends)
    ATTENTION.update({kind: backend in chosen for backend, kind in _KINDS.items()})
    if set_priority:
        _priority[:] = [*chosen, *(backend for backend in _priority if backend not in chosen)]


@contextlib.contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[dict[str, object]]:
    """A context in which only these ways to compute attention are allowed, in this order if ``set_priority``."""
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends).__name__}"
        )
    before = _cur_sdpa_kernel_backends(set_priority)
    try:
        _sdpa_kernel(dict.fromkeys([backends] if isinstance(backends, SDPBackend) else backends), set_priority)
        yield {}
    finally:
        _sdpa_kernel(before, set_priority)
