"""Tables of bytes that processes share, by which they find each other."""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
import struct
import threading
import time
import weakref
from collections.abc import Iterator

from .errors import DistNetworkError, DistStoreError, more_than_one

__all__ = ["FileStore", "HashStore", "PrefixStore", "Store", "TCPStore"]

DEFAULT_TIMEOUT = datetime.timedelta(seconds=300)


class Store:
    """A table from names to bytes.

    A kind of store says how its table is reached (:meth:`_values`, a context in which nobody else changes it) and how to
    wait until it may have changed (:meth:`_pause`); all else follows. Text is stored in UTF-8.
    """

    def __init__(self) -> None:
        self._timeout = DEFAULT_TIMEOUT

    @contextlib.contextmanager
    def _values(self) -> Iterator[dict[str, bytes]]:
        raise NotImplementedError(f"{type(self).__name__} stores nothing")
        yield {}

    def _pause(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.01))

    def _key(self, key: str) -> str:
        return key

    @property
    def timeout(self) -> datetime.timedelta:
        """How long to wait for a key."""
        return self._timeout

    def set_timeout(self, timeout: datetime.timedelta) -> None:
        """Choose how long to wait for a key."""
        self._timeout = timeout

    def set(self, key: str, value: str | bytes) -> None:
        """Store ``value``."""
        with self._values() as values:
            values[self._key(key)] = _bytes(value)

    def get(self, key: str) -> bytes:
        """The value of ``key``, for which this waits. ``DistStoreError`` if it does not come in time."""
        self.wait([key])
        with self._values() as values:
            return values[self._key(key)]

    def wait(self, keys: list[str], timeout: datetime.timedelta | None = None) -> None:
        """Wait until there are all of ``keys``. ``DistStoreError`` if they do not come in time."""
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout).total_seconds()
        while not self.check(keys):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise DistStoreError(f"Wait timeout: no value for {', '.join(keys)}")
            self._pause(remaining)

    def check(self, keys: list[str]) -> bool:
        """Whether there are all of ``keys``."""
        with self._values() as values:
            return all(self._key(key) in values for key in keys)

    def add(self, key: str, amount: int) -> int:
        """Add to a counter, which begins at 0; returns the sum. ``ValueError`` if the value is no number."""
        with self._values() as values:
            total = int(values.get(self._key(key), b"0")) + amount
            values[self._key(key)] = str(total).encode()
        return total

    def append(self, key: str, value: str | bytes) -> None:
        """Put ``value`` behind what there is."""
        with self._values() as values:
            values[self._key(key)] = values.get(self._key(key), b"") + _bytes(value)

    def compare_set(self, key: str, expected_value: str | bytes, desired_value: str | bytes) -> bytes:
        """Store ``desired_value`` if ``expected_value`` is there, or nothing and ``expected_value`` is empty.

        Returns what is there then: ``expected_value`` if there is nothing.
        """
        expected = _bytes(expected_value)
        with self._values() as values:
            present = values.get(self._key(key), b"")
            if present == expected:
                values[self._key(key)] = _bytes(desired_value)
            return values.get(self._key(key), expected)

    def multi_set(self, keys: list[str], values: list[str | bytes]) -> None:
        """Store several values."""
        for key, value in zip(keys, values, strict=True):
            self.set(key, value)

    def multi_get(self, keys: list[str]) -> list[bytes]:
        """Several values, for which this waits."""
        self.wait(keys)
        return [self.get(key) for key in keys]

    def delete_key(self, key: str) -> bool:
        """Remove a value; returns whether there was one."""
        with self._values() as values:
            return values.pop(self._key(key), None) is not None

    def num_keys(self) -> int:
        """How many values there are."""
        return len(self.list_keys())

    def list_keys(self) -> list[str]:
        """The names of all values."""
        prefix = self._key("")
        with self._values() as values:
            return [key.removeprefix(prefix) for key in values if key.startswith(prefix)]

    def has_extended_api(self) -> bool:
        """Whether it can append, and set and get several values: it can."""
        return True

    def clone(self) -> Store:
        """Another handle of the same table."""
        return self


class HashStore(Store):
    """A table in this process's memory."""

    def __init__(self) -> None:
        super().__init__()
        self._table: dict[str, bytes] = {}
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def _values(self) -> Iterator[dict[str, bytes]]:
        with self._changed:
            yield self._table
            self._changed.notify_all()

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait(min(seconds, 0.1))


class TCPStore(HashStore):
    """A table that the master's port stands for. As there is one process, nobody is answered: the port is only kept."""

    def __init__(
        self,
        host_name: str,
        port: int,
        world_size: int | None = None,
        is_master: bool = False,
        timeout: datetime.timedelta = DEFAULT_TIMEOUT,
        wait_for_workers: bool = True,
        multi_tenant: bool = False,
        master_listen_fd: int | None = None,
        use_libuv: bool = True,
    ) -> None:
        super().__init__()
        if not is_master or (world_size or 1) > 1:
            raise more_than_one(f"TCPStore({host_name!r}, {port}, {world_size}, is_master={is_master})")
        self._timeout = timeout
        self._socket = socket.socket() if master_listen_fd is None else socket.socket(fileno=master_listen_fd)
        if master_listen_fd is None:
            try:
                self._socket.bind(("", port))
            except OSError as error:
                self._socket.close()
                raise DistNetworkError(f"The server socket cannot use port {port}: {error.strerror}") from None
        weakref.finalize(self, self._socket.close)
        self.host = host_name
        self.port = int(self._socket.getsockname()[1])

    def __repr__(self) -> str:
        return f"TCPStore(host={self.host}, port={self.port})"


class FileStore(Store):
    """A table in a file, which may be shared with other processes of one file system."""

    def __init__(self, file_name: str, world_size: int = -1) -> None:
        super().__init__()
        self.path = file_name
        open(file_name, "ab").close()

    @contextlib.contextmanager
    def _values(self) -> Iterator[dict[str, bytes]]:
        import fcntl

        with open(self.path, "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
            file.seek(0)
            values = _unpacked(file.read())
            before = dict(values)
            yield values
            if values != before:
                file.truncate(0)
                file.write(_packed(values))

    def __repr__(self) -> str:
        return f"FileStore({os.fspath(self.path)!r})"


class PrefixStore(Store):
    """Those values of another store whose names begin with a prefix."""

    def __init__(self, prefix: str, store: Store) -> None:
        super().__init__()
        if not isinstance(store, Store):
            raise TypeError(f"PrefixStore(): argument 'store' must be a Store, not {type(store).__name__}")
        self.prefix = prefix
        self.underlying_store = store
        self._timeout = store.timeout
        self._values = store._values  # type: ignore[method-assign]
        self._pause = store._pause  # type: ignore[method-assign]

    def _key(self, key: str) -> str:
        return self.underlying_store._key(f"{self.prefix}/{key}")


def _bytes(value: str | bytes) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    raise TypeError(f"a store keeps str and bytes, not {type(value).__name__}")


_LENGTHS = struct.Struct("<QQ")


def _packed(values: dict[str, bytes]) -> bytes:
    """Each entry as the lengths of key and value, and both."""
    entries = [(key.encode(), value) for key, value in values.items()]
    return b"".join(_LENGTHS.pack(len(key), len(value)) + key + value for key, value in entries)


def _unpacked(content: bytes) -> dict[str, bytes]:
    values, place = {}, 0
    while place < len(content):
        key_length, value_length = _LENGTHS.unpack_from(content, place)
        key_at = place + _LENGTHS.size
        place = key_at + key_length + value_length
        values[content[key_at : key_at + key_length].decode()] = content[key_at + key_length : place]
    return values
