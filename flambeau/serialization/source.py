"""Files being read that may be damaged, and zip archives: what they declare is believed only as far as they go."""

from __future__ import annotations

import errno
import io
import os
import pickle
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

#: Reads up to this size need not ask how long the file is.
_SMALL = 1 << 12


class Source:
    """A file open for reading bytes, from its present position to its end. ``size`` is the number of bytes in between."""

    __slots__ = ("_end", "file", "size")

    def __init__(self, file: IO[bytes]) -> None:
        try:
            start = file.tell()
            file.seek(0, os.SEEK_END)
            self._end = file.tell()
            file.seek(start)
        except (AttributeError, io.UnsupportedOperation):  # a stream
            file = io.BytesIO(file.read())
            start, self._end = 0, len(file.getbuffer())
        self.file = file
        self.size = self._end - start

    def remaining(self) -> int:
        """How many bytes are left."""
        return self._end - self.file.tell()

    def read(self, count: int) -> bytes:
        """The next ``count`` bytes, fewer at the end of the file."""
        return self.file.read(count if count <= _SMALL else min(count, self.remaining()))

    def readline(self) -> bytes:
        """The rest of a line."""
        return self.file.readline()

    def skip_back(self, count: int) -> None:
        """Go back by ``count`` bytes."""
        self.file.seek(-count, os.SEEK_CUR)

    def fill(self, memory: memoryview) -> None:
        """Read as many bytes as ``memory`` has. ``EOFError`` if the file has fewer."""
        fill(self.file, memory)


def fill(file: Any, memory: memoryview) -> None:
    """Read as many bytes as ``memory`` has. ``EOFError`` if ``file`` has fewer."""
    readinto = getattr(file, "readinto", None)
    done = 0
    while done < len(memory):
        if readinto is not None:
            count = readinto(memory[done:])
        else:
            data = file.read(len(memory) - done)
            count = len(data)
            memory[done : done + count] = data
        if not count:
            raise EOFError(f"damaged or cut short: {len(memory) - done} bytes of a tensor are missing")
        done += count


class FromOutside(Exception):
    """Carries an error of the caller's own code past those who know what a damaged file leads to."""

    def __init__(self, error: Exception) -> None:
        self.error = error


#: The errors of a damaged file.
DOCUMENTED = (RuntimeError, pickle.UnpicklingError, EOFError)


@contextmanager
def named(name: str) -> Iterator[None]:
    """Put the file's name in front of the messages of the errors that damage leads to."""
    try:
        yield
    except FromOutside as carrier:
        raise carrier.error from None
    except DOCUMENTED as error:
        if type(error) in DOCUMENTED:
            error.args = (f"{name}: {error}",)
        raise
    except (AttributeError, ImportError) as error:  # a class that is not there
        message = f"{name}: {error}"
        error.args = (message,)
        if isinstance(error, ImportError):
            error.msg = message
        raise


def describe(value: Any) -> str:
    """A value in a message. Containers are not looked into: a file may nest them without end."""
    if isinstance(value, (str, bytes)):
        return repr(value[:100])
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and value.bit_length() < 256):
        return repr(value)
    return f"a {type(value).__name__}"


# --- zip archives as ``save`` writes them -----------------------------------------------------------------------------

#: What the standard library's readers of archives raise for damaged ones, and for what they do not know.
ARCHIVE_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, LookupError, OverflowError, ValueError
)  # fmt: skip

#: How much larger than the archive its records may be together. Only what something else than ``save`` compressed is.
_EXPANSION = 3
_EXPANSION_OF_SMALL = 32 << 20


@contextmanager
def _damage() -> Iterator[None]:
    """What the standard library raises for damaged archives, as ``RuntimeError``."""
    try:
        yield
    except (*ARCHIVE_DAMAGE, RuntimeError) as error:  # which it raises for what is encrypted
        raise _failure(error) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place in front of the file's beginning
            raise
        raise _failure(error) from error


def _failure(error: Exception) -> RuntimeError:
    return RuntimeError(f"damaged or cut short: failed reading zip archive: {error}")


class Archive:
    """The records of an archive by their names below its top directory. ``RuntimeError`` if it is damaged."""

    def __init__(self, source: Source) -> None:
        with _damage():
            self._zip = zipfile.ZipFile(source.file)
            members = self._zip.infolist()
        top = members[0].filename.partition("/")[0] + "/" if members else ""
        self._members = {info.filename[len(top) :]: info for info in members if info.filename.startswith(top)}
        size = sum(info.file_size for info in members)
        stored = sum(info.compress_size for info in members)
        allowed = source.size
        if any(info.compress_type != zipfile.ZIP_STORED for info in members):
            allowed = max(_EXPANSION * source.size, _EXPANSION_OF_SMALL)
        if size > allowed or stored > source.size:
            raise RuntimeError(f"damaged: an archive of {source.size} bytes with records of {max(size, stored)} bytes")

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def size(self, name: str) -> int:
        """Bytes of a record."""
        return self._members[name].file_size

    def read(self, name: str) -> bytes:
        """A record's bytes."""
        with _damage():
            return self._zip.read(self._members[name])

    def fill(self, name: str, memory: memoryview) -> None:
        """Read a record into ``memory``, of the record's size."""
        with _damage(), self._zip.open(self._members[name]) as record:
            fill(record, memory)
