"""Zip archives as ``save`` writes them, with what they declare checked against the bytes that there are."""

from __future__ import annotations

import errno
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from .source import Source, fill

#: How much larger than the archive its records may be together. Only what something else than ``save`` compressed is.
_EXPANSION = 3
_EXPANSION_OF_SMALL = 32 << 20


@contextmanager
def _damage() -> Iterator[None]:
    """What the standard library raises for damaged archives, as ``RuntimeError``."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,  # of a version or a compression that it does not know
        RuntimeError,  # encrypted
        LookupError,
        OverflowError,
        ValueError,
    ) as error:
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
