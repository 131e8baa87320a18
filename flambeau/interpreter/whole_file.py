"""Files that appear when they are whole: what was at a path stays until its successor is complete and on the disk.

A file is written under a name of its own beside its target, synced, and renamed. While it is written its writer holds a
lock on it, which the system lets go of when the writer ends, however it ends: a file of that kind that can be locked was
left behind by a process that died, and is removed by the next one that writes into the directory.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and what a dead process left stays
    locking: ModuleType | None = None
else:
    locking = fcntl

_PREFIX, _SUFFIX = ".flambeau-", ".part"


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file open for writing that gets the name ``path`` if the block ends well, and vanishes otherwise.

    Owner and permissions are those of the old file, or what ``open`` gives a new one; links are followed. Who may not
    write to the old file may not replace it (``PermissionError``). Devices and pipes, and files in a directory that takes
    no new ones, are written to in place.
    """
    target = os.path.realpath(path)
    old = _status(target)
    created = None
    if old is None or stat.S_ISREG(old.st_mode):
        if old is not None:
            os.close(os.open(target, os.O_WRONLY))
        try:
            created = _create(os.path.dirname(target))
        except PermissionError:
            if old is None:
                raise
    if created is None:
        with open(target, "wb") as file:
            yield file
        return
    descriptor, temporary = created
    try:
        with os.fdopen(descriptor, "wb") as file:
            _remove_abandoned(os.path.dirname(target))
            yield file
            file.flush()
            os.fsync(descriptor)
            if old is not None:
                _take_after(old, temporary)
            os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _take_after(old: os.stat_result, path: str) -> None:
    """Give the file at ``path`` the owner, if that is allowed, and the permissions of an old one."""
    new = os.stat(path)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with _if_the_system_lets():
            os.chown(path, old.st_uid, old.st_gid)
    if new.st_mode != old.st_mode:
        os.chmod(path, stat.S_IMODE(old.st_mode))


@contextmanager
def _if_the_system_lets() -> Iterator[None]:
    """Go on where the system refuses the block's call. What a signal's handler raises has no number and is raised."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _create(directory: str) -> tuple[int, str]:
    """Descriptor and path of a new file that this process has locked."""
    while True:
        path = os.path.join(directory, f"{_PREFIX}{os.urandom(8).hex()}{_SUFFIX}")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        if locking is None:
            return descriptor, path
        with _if_the_system_lets():  # a file system without locks
            locking.flock(descriptor, locking.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)  # between its creation and the lock somebody took it for abandoned


def _remove_abandoned(directory: str) -> None:
    """Remove what processes that died while writing left in ``directory``."""
    if locking is None:
        return
    with _if_the_system_lets(), os.scandir(directory) as entries:
        names = [entry.path for entry in entries if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX)]
        for path in names:
            with _if_the_system_lets(), open(path, "rb+") as file:
                locking.flock(file, locking.LOCK_EX | locking.LOCK_NB)
                os.unlink(path)
