"""An operation that was begun."""

from __future__ import annotations

import datetime
from typing import Any

from ...core.tensor import Tensor

__all__ = ["Work"]


class Work:
    """The handle of an operation. In a group of one process all is done when it is handed out."""

    def __init__(self, results: list[Tensor] | None = None) -> None:
        self._results = [] if results is None else results

    def wait(self, timeout: datetime.timedelta | None = None) -> bool:
        """Wait until it is done."""
        return True

    def synchronize(self) -> None:
        """Let what follows on the device come after it."""

    block_current_stream = synchronize

    def is_completed(self) -> bool:
        """Whether it is done."""
        return True

    def is_success(self) -> bool:
        """Whether it is done and did not fail."""
        return True

    def exception(self) -> BaseException | None:
        """What it failed with, if it did."""
        return None

    def result(self) -> list[Tensor]:
        """The tensors that it wrote."""
        return self._results

    def get_future(self) -> Any:
        """A ``torch.futures.Future`` of :meth:`result`."""
        import flambeau

        future = flambeau.futures.Future()
        future.set_result(self._results)
        return future

    def source_rank(self) -> int:
        """Who sent what was received."""
        raise RuntimeError("sourceRank() may only be called on work objects that correspond to a recv or recv-from-any call.")
