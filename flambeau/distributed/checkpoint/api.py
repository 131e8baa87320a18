"""What went wrong in which process."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator

__all__ = ["CheckpointException"]


class CheckpointException(BaseException):
    """A checkpoint could not be written or read: ``failures`` has, for each rank, the error and where it was raised."""

    def __init__(self, msg: str, failures: dict[int, tuple[BaseException, traceback.StackSummary]]) -> None:
        super().__init__(msg, failures)
        self._failures = failures

    @property
    def failures(self) -> dict[int, tuple[BaseException, traceback.StackSummary]]:
        """``{rank: (error, stack)}``."""
        return self._failures

    def __str__(self) -> str:
        told = "".join(f"Rank {rank}: {type(error).__name__}: {error}\n" for rank, (error, _) in self._failures.items())
        return f"CheckpointException ranks:{self._failures.keys()}\n{told}"


@contextlib.contextmanager
def told_by_rank() -> Iterator[None]:
    """A context whose errors become :class:`CheckpointException`, as PyTorch has it."""
    try:
        yield
    except Exception as error:
        stack = traceback.extract_tb(error.__traceback__)
        raise CheckpointException(f"{type(error).__name__}: {error}", {0: (error, stack)}) from error
