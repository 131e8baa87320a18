"""``torch.backends.mkldnn``: Intel's library of kernels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

enabled = True
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Whether the library is in use."""
    return False


@contextlib.contextmanager
def flags(enabled: bool = False, deterministic: bool = False, allow_tf32: bool = True) -> Iterator[None]:
    """A context with these switches."""
    names = globals()
    before = {name: names[name] for name in ("enabled", "deterministic", "allow_tf32")}
    names.update(enabled=enabled, deterministic=deterministic, allow_tf32=allow_tf32)
    try:
        yield
    finally:
        names.update(before)
