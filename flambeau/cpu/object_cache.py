"""Object code on disk, shared by every process of a user.

One directory holds two kinds of files:

``<sha256 of its contents>.object``
    the object code of one batch of kernels, behind one line that lists the kernels' digests. The name is the
    checksum, so a damaged or truncated file is recognised, and equal contents are stored once.
``index``
    one line ``<kernel's digest> <object's name>`` for each kernel, only ever appended to. It is a hint: a wrong, torn
    or missing line costs a compilation and nothing else, because an object is believed only after its checksum and
    its own list of digests.

A directory that cannot be made, read or written is as good as an empty one: kernels are then compiled in each process.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

DEFAULT_LIMIT = 512 << 20
"""Bytes of objects kept before the least recently used ones are removed."""

_LINE = re.compile(r"^([0-9a-f]{64}) ([0-9a-f]{64})$", re.MULTILINE)
"""A whole line of the index: a kernel's digest and its object's name."""
_TAIL_LENGTH = 256
_ABANDONED_SECONDS = 3600


class CachedObject(NamedTuple):
    digests: tuple[str, ...]
    code: bytes


def kernel_digest(identity: str, key: str) -> str:
    """Name of a kernel on disk: 64 hexadecimal digits from the target's identity and the kernel's key."""
    return hashlib.sha256(f"{identity}\0{key}".encode()).hexdigest()


def default_directory() -> Path | None:
    """Where this user's objects are kept; ``FLAMBEAU_CACHE_DIR`` overrides. None if the user has no home."""
    if chosen := os.environ.get("FLAMBEAU_CACHE_DIR"):
        return Path(chosen)
    try:
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "flambeau"
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "flambeau" / "cache"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flambeau"
    except RuntimeError:
        return None


class ObjectCache:
    """Objects by their kernels' digests, in ``directory`` (None: nothing is found and nothing kept).

    Safe for use by any number of processes at once; within one process the caller holds a lock.
    """

    def __init__(self, directory: Path | None, limit: int = DEFAULT_LIMIT) -> None:
        self.directory = directory
        self.limit = limit
        self._index: dict[str, str] = {}
        self._index_state: tuple[int, int, int] | None = None
        #: How many bytes of the index were read, and the last of them: they tell whether it is the same file, longer.
        self._index_read = 0
        self._index_tail = b""
        self._size: int | None = None

    def find(self, digests: Iterable[str]) -> list[CachedObject]:
        """The objects that hold some of the kernels; each is whole and truly holds what it lists."""
        if self.directory is None:
            return []
        try:
            self._read_index(self.directory / "index")
        except OSError as error:
            _must_be_the_systems(error)
            return []
        names = {self._index[digest] for digest in digests if digest in self._index}
        return [found for name in sorted(names) if (found := self._read_object(self.directory, name)) is not None]

    def store(self, digests: Sequence[str], code: bytes) -> None:
        """Keep the object of a batch of kernels. A failure to write is no failure of the caller."""
        if self.directory is None:
            return
        contents = " ".join(digests).encode() + b"\n" + code
        name = hashlib.sha256(contents).hexdigest()
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_atomically(self.directory / f"{name}.object", contents)
            # One write of whole lines to a file opened for appending: writers in other processes do not interleave.
            # The newline in front parts it from a line that a crash may have cut short.
            lines = "\n" + "".join(f"{digest} {name}\n" for digest in digests)
            with open(self.directory / "index", "ab", buffering=0) as index:
                index.write(lines.encode())
            self._grow(self.directory, len(contents))
        except OSError as error:
            _must_be_the_systems(error)

    def _read_index(self, path: Path) -> None:
        """Learn what was appended to the index since it was last read, or all of it where it is another file now."""
        status = path.stat()
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        if state == self._index_state:
            return
        with open(path, "rb") as file:
            file.seek(self._index_read - len(self._index_tail))
            contents = file.read()
            if self._index_tail and contents.startswith(self._index_tail):
                contents = contents[len(self._index_tail) :]
            else:
                file.seek(0)
                contents = file.read()
                self._index, self._index_read, self._index_tail = {}, 0, b""
        contents = contents[: contents.rfind(b"\n") + 1]  # another process may be writing the last line
        self._index.update(_LINE.findall(contents.decode("ascii", "replace")))
        self._index_read += len(contents)
        self._index_tail = (self._index_tail + contents)[-_TAIL_LENGTH:]
        self._index_state = state

    def _read_object(self, directory: Path, name: str) -> CachedObject | None:
        path = directory / f"{name}.object"
        try:
            contents = path.read_bytes()
            if hashlib.sha256(contents).hexdigest() != name:
                path.unlink()
                return None
        except OSError as error:
            _must_be_the_systems(error)
            return None
        try:
            os.utime(path)  # removal goes by this time; nothing is removed where it cannot be set
        except OSError as error:
            _must_be_the_systems(error)
        head, code = contents.split(b"\n", 1)
        return CachedObject(tuple(head.decode().split()), code)

    def _grow(self, directory: Path, added: int) -> None:
        """Account for a new file; past the limit, remove what was unused for longest and shorten the index."""
        self._size = None if self._size is None else self._size + added
        if self._size is not None and self._size <= self.limit:
            return
        files: list[tuple[float, int, str]] = []
        with os.scandir(directory) as entries:
            for entry in entries:
                status = entry.stat()
                if entry.name.endswith(".object"):
                    files.append((status.st_mtime, status.st_size, entry.name))
                elif entry.name.endswith(".temporary") and status.st_mtime < time.time() - _ABANDONED_SECONDS:
                    os.unlink(entry.path)
        self._size = sum(size for _, size, _ in files)
        if self._size <= self.limit:
            return
        files.sort(reverse=True)
        while files and self._size > self.limit * 3 // 4:
            _, size, name = files.pop()
            (directory / name).unlink(missing_ok=True)
            self._size -= size
        kept = {name.removesuffix(".object") for _, _, name in files}
        self._read_index(directory / "index")
        lines = [f"{digest} {name}\n" for digest, name in self._index.items() if name in kept]
        _write_atomically(directory / "index", "".join(lines).encode())


def _must_be_the_systems(error: OSError) -> None:
    """Raise an error without the system's number: a signal's handler raised it (``TimeoutError``), not the cache."""
    if error.errno is None:
        raise error


def _write_atomically(path: Path, contents: bytes) -> None:
    """Readers see the old file or the whole new one, never a part."""
    temporary = path.with_name(f"{os.getpid()}-{threading.get_ident()}-{time.monotonic_ns()}.temporary")
    try:
        temporary.write_bytes(contents)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
