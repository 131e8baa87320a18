"""What a process failed with, told to the one that started it by a file."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import time
import traceback
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

__all__ = ["ChildFailedError", "ErrorHandler", "ProcessFailure", "get_error_handler", "record"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclasses.dataclass
class ProcessFailure:
    """Which process failed, with which exit code, and the file in which it said why."""

    local_rank: int
    pid: int
    exitcode: int
    error_file: str
    message: str = dataclasses.field(init=False)
    timestamp: int = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        said: dict[str, Any] = {}
        if os.path.isfile(self.error_file):
            with open(self.error_file, encoding="utf-8") as file:
                said = json.load(file)["message"]
        self.message = said.get("message", f"exit code {self.exitcode}")
        self.timestamp = int(said.get("extraInfo", {}).get("timestamp", time.time()))


class ChildFailedError(Exception):
    """Processes that were started as ``name`` failed: ``failures`` by rank."""

    def __init__(self, name: str, failures: dict[int, ProcessFailure]) -> None:
        self.name = name
        self.failures = failures
        super().__init__("\n".join([f"{name} FAILED", *(f"rank {rank}: {each.message}" for rank, each in failures.items())]))

    def get_first_failure(self) -> tuple[int, ProcessFailure]:
        """The one that failed first, and its rank."""
        return min(self.failures.items(), key=lambda item: item[1].timestamp)


class ErrorHandler:
    """Writes what was raised into the file that ``TORCHELASTIC_ERROR_FILE`` names, if it does."""

    def initialize(self) -> None:
        """Make ready: nothing is to be done."""

    def record_exception(self, e: BaseException) -> None:
        """Write down what was raised."""
        path = os.environ.get("TORCHELASTIC_ERROR_FILE")
        if path:
            extra = {"py_callstack": "".join(traceback.format_exception(e)), "timestamp": str(int(time.time()))}
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"message": {"message": f"{type(e).__name__}: {e}", "extraInfo": extra}}, file)


def get_error_handler() -> ErrorHandler:
    """The handler that :func:`record` uses."""
    return ErrorHandler()


def record(fn: Callable[P, R], error_handler: ErrorHandler | None = None) -> Callable[P, R]:
    """A decorator for a program's main function: what it raises is written down, and raised."""
    handler = get_error_handler() if error_handler is None else error_handler

    @functools.wraps(fn)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        handler.initialize()
        try:
            return fn(*args, **kwargs)
        except Exception as error:
            handler.record_exception(error)
            raise

    return wrapper
