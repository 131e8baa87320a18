"""Settings of TorchScript's fusers. All operations are fused in one way here; what is set is only remembered."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

from .._jit_internal import is_scripting

_NAMES = ("fuser0", "fuser1", "fuser2", "fuser3")
_onednn = False


@contextlib.contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """A block in which programs are optimised or not, with the same results."""
    yield


@contextlib.contextmanager
def fuser(name: str) -> Iterator[None]:
    """A block with another fuser. ``Exception`` for names that PyTorch has not."""
    if name not in _NAMES:
        raise Exception(f"unrecognized fuser option (name: {name})")
    yield


def set_fusion_strategy(strategy: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Set how often programs are specialised for sizes (``"STATIC"``, ``"DYNAMIC"``); gives what was set before."""
    global _strategy
    for kind, _ in strategy:
        if kind not in ("STATIC", "DYNAMIC"):
            raise RuntimeError(f"FusionBehavior only supported 'STATIC' or 'DYNAMIC', got: {kind}")
    before, _strategy = _strategy, [*strategy]
    return before


_strategy: list[tuple[str, int]] = [("STATIC", 2), ("DYNAMIC", 10)]


def enable_onednn_fusion(enabled: bool) -> None:
    """Set what :func:`onednn_fusion_enabled` says."""
    global _onednn
    _onednn = bool(enabled)


def onednn_fusion_enabled() -> bool:
    """What was set with :func:`enable_onednn_fusion`."""
    return _onednn


class strict_fusion:
    """A block in which PyTorch checks that scripted code was fused. Outside of such code it says that it cannot."""

    def __init__(self) -> None:
        if not is_scripting():
            warnings.warn("Only works in script mode", stacklevel=2)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *raised: object) -> None:
        pass
