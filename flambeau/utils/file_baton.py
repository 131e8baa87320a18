"""Who does something that only one process is to do: the one that makes a file first."""

from __future__ import annotations

import os
import time
import warnings


class FileBaton:
    """A lock between processes: the file exists while somebody has it."""

    def __init__(self, lock_file_path: str, wait_seconds: float = 0.1, warn_after_seconds: float | None = None) -> None:
        self.lock_file_path = lock_file_path
        self.wait_seconds = wait_seconds
        self.warn_after_seconds = warn_after_seconds
        self.fd: int | None = None

    def try_acquire(self) -> bool:
        """Take it, if nobody has it; whether that was so."""
        try:
            self.fd = os.open(self.lock_file_path, os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return False
        return True

    def wait(self) -> None:
        """Wait until nobody has it."""
        began = time.monotonic()
        warned = self.warn_after_seconds is None
        while os.path.exists(self.lock_file_path):
            time.sleep(self.wait_seconds)
            if not warned and self.warn_after_seconds is not None and time.monotonic() - began > self.warn_after_seconds:
                warned = True
                warnings.warn(f'Waited on lock file "{self.lock_file_path}" for {self.warn_after_seconds} seconds.')

    def release(self) -> None:
        """Let others have it."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None
        os.remove(self.lock_file_path)


__all__ = ["FileBaton"]
