"""A file being read that may be damaged: what it declares is believed only as far as it goes."""

from __future__ import annotations

import io
import os
import pickle
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
            raise EOFError(f"damaged or cut short: {len(memory) - done} bytes of a tensor lack")
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
