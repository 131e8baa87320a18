"""Processes with different numbers of batches: those that have finished answer for the others to go on.

In a group of one nobody waits for anybody: what is left is what each object does at the end.
"""

from __future__ import annotations

import abc
from types import TracebackType
from typing import Any

from .._c10d.work import Work

__all__ = ["Join", "JoinHook", "Joinable"]


class JoinHook:
    """What an object does when its process has no batches left."""

    def main_hook(self) -> None:
        """Done again and again while other processes have batches."""

    def post_hook(self, is_last_joiner: bool) -> None:
        """Done once when all have finished; ``is_last_joiner`` says whether this process was among the last."""


class Joinable(abc.ABC):
    """An object that sends messages at each batch, and can be told that other processes have none left."""

    @abc.abstractmethod
    def __init__(self) -> None:
        super().__init__()

    @abc.abstractmethod
    def join_hook(self, **kwargs: Any) -> JoinHook:
        """What to do when there are no batches left."""

    @property
    @abc.abstractmethod
    def join_device(self) -> Any:
        """Where its messages lie."""

    @property
    @abc.abstractmethod
    def join_process_group(self) -> Any:
        """Whom it sends them to."""


class Join:
    """A context for the loop over batches of ``joinables``; further keywords are given to their :meth:`Joinable.join_hook`."""

    def __init__(
        self, joinables: list[Joinable], enable: bool = True, throw_on_early_termination: bool = False, **kwargs: Any
    ) -> None:
        if not joinables:
            raise ValueError("The join context manager requires at least one joinable")
        self._hooks = [each.join_hook(**kwargs) for each in joinables]
        self._enable = enable

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._enable and kind is None:
            for hook in self._hooks:
                hook.post_hook(is_last_joiner=True)

    @staticmethod
    def notify_join_context(joinable: Joinable) -> Work | None:
        """Tell the others that this process has a batch: there are none."""
        return None
