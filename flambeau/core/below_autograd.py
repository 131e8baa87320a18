"""Being below the kernels that make histories: what such a kernel calls then is the operation itself."""

from __future__ import annotations

import threading
from typing import Any

from .modes import no_grad

_thread = threading.local()


def below_autograd() -> bool:
    """Whether this thread is below."""
    return getattr(_thread, "depth", 0) > 0


class _AutoDispatchBelowAutograd(no_grad):
    """A context in which operations skip their kernels for the dispatch key ``Autograd``, and nothing else keeps histories."""

    def __enter__(self) -> Any:
        _thread.depth = getattr(_thread, "depth", 0) + 1
        return super().__enter__()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        _thread.depth -= 1
