"""Starting several processes with one function, and learning of their errors."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from multiprocessing import connection
from pathlib import Path
from typing import Any

__all__ = [
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "spawn",
    "start_processes",
]


class ProcessException(Exception):
    """A process ended badly: which one, and its process id."""

    def __init__(self, msg: str, error_index: int, pid: int) -> None:
        super().__init__(msg)
        self.msg = msg
        self.error_index = error_index
        self.error_pid = pid
        self.pid = pid

    def __reduce__(self) -> Any:
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """A process raised an exception, whose traceback is the message."""


class ProcessExitedException(ProcessException):
    """A process ended with an exit code or by a signal."""

    def __init__(
        self, msg: str, error_index: int, error_pid: int, exit_code: int, signal_name: str | None = None
    ) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code = exit_code
        self.signal_name = signal_name

    def __reduce__(self) -> Any:
        return type(self), (self.msg, self.error_index, self.pid, self.exit_code, self.signal_name)


def _run(function: Callable[..., Any], number: int, arguments: tuple[Any, ...], error_file: str) -> None:
    """The life of a process: the function, and a note of what it raised."""
    try:
        function(number, *arguments)
    except KeyboardInterrupt:
        pass  # the parent was interrupted as well
    except Exception:
        Path(error_file).write_bytes(pickle.dumps(traceback.format_exc()))
        sys.exit(1)


class ProcessContext:
    """Processes that were started together."""

    def __init__(self, processes: list[Any], error_files: list[str], directory: Any) -> None:
        self.processes = processes
        self.error_files = error_files
        self._directory = directory
        self._running = {process.sentinel: number for number, process in enumerate(processes)}

    def pids(self) -> list[int]:
        """Their process ids."""
        return [int(process.pid) for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait until one ends badly or ``timeout`` seconds have passed; returns whether all have ended well.

        If one ends badly the others are stopped (killed after ``grace_period`` seconds, 30 by default), and a
        :class:`ProcessException` tells what happened.
        """
        if not self._running:
            return True
        failed = None
        for sentinel in connection.wait(list(self._running), timeout):
            number = self._running.pop(sentinel)  # type: ignore[arg-type]
            self.processes[number].join()
            if self.processes[number].exitcode != 0 and failed is None:
                failed = number
        if failed is None:
            return not self._running
        self._stop(30.0 if grace_period is None else grace_period)
        self._raise(failed)
        return False

    def _stop(self, grace_period: float) -> None:
        for process in self.processes:
            if process.is_alive():
                process.terminate()
        deadline = time.monotonic() + grace_period
        for process in self.processes:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    def _raise(self, number: int) -> None:
        process = self.processes[number]
        try:
            text = pickle.loads(Path(self.error_files[number]).read_bytes())
        except (OSError, EOFError):
            text = None
        if text is not None:
            message = f"\n\n-- Process {number} terminated with the following error:\n{text}"
            raise ProcessRaisedException(message, number, process.pid)
        code = process.exitcode
        if code < 0:
            name = signal.Signals(-code).name
            raise ProcessExitedException(
                f"process {number} terminated with signal {name}", number, process.pid, code, name
            )
        raise ProcessExitedException(f"process {number} terminated with exit code {code}", number, process.pid, code)


SpawnContext = ProcessContext


def start_processes(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Call ``fn(i, *args)`` in processes ``i`` = 0 to ``nprocs - 1``.

    With ``join`` waits for them, as :meth:`ProcessContext.join` does; else returns the :class:`ProcessContext`.
    """
    context: Any = multiprocessing.get_context(start_method)
    directory = tempfile.TemporaryDirectory(prefix="flambeau-spawn-")
    processes, error_files = [], []
    for number in range(nprocs):
        error_file = str(Path(directory.name) / str(number))
        process = context.Process(target=_run, args=(fn, number, args, error_file), daemon=daemon)
        process.start()
        processes.append(process)
        error_files.append(error_file)
    started = ProcessContext(processes, error_files, directory)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """:func:`start_processes` with fresh interpreters."""
    return start_processes(fn, args, nprocs, join, daemon, start_method)
