"""How processes find each other: an address gives a store, this process's rank and the number of processes."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import ParseResult, parse_qsl, urlparse
from weakref import WeakValueDictionary

from ._c10d.errors import more_than_one
from ._c10d.store import FileStore, Store, TCPStore
from .constants import default_pg_timeout

__all__ = ["register_rendezvous_handler", "rendezvous"]

Found = tuple[Store, int, int]

_HANDLERS: dict[str, Callable[..., Iterator[Found]]] = {}


def register_rendezvous_handler(scheme: str, handler: Callable[..., Iterator[Found]]) -> None:
    """Have ``handler(url, timeout=…)`` find processes for addresses ``scheme://…``."""
    if scheme in _HANDLERS:
        raise RuntimeError(f"Rendezvous handler for {scheme}:// already registered")
    _HANDLERS[scheme] = handler


def rendezvous(url: str, rank: int = -1, world_size: int = -1, **kwargs: Any) -> Iterator[Found]:
    """Yields ``(store, rank, world_size)``; what is not given stands in the address's query or, for ``env://``, in variables."""
    if not isinstance(url, (str, bytes)):
        raise RuntimeError(f"`url` must be a string. {type(url)}: {url}")
    if not isinstance(rank, int):
        raise RuntimeError(f"`rank` must be an integer. {rank}")
    if not isinstance(world_size, int):
        raise RuntimeError(f"`world_size` must be an integer. {world_size}")
    parsed = urlparse(url)
    query = dict(parse_qsl(parsed.query))
    if rank != -1:
        query["rank"] = str(rank)
    if world_size != -1:
        query["world_size"] = str(world_size)
    if parsed.scheme not in _HANDLERS:
        raise RuntimeError(f"No rendezvous handler for {parsed.scheme}://")
    return _HANDLERS[parsed.scheme](parsed._replace(query="&".join(f"{k}={v}" for k, v in query.items())).geturl(), **kwargs)


def _missing(scheme: str, what: str) -> ValueError:
    return ValueError(f"Error initializing torch.distributed using {scheme}:// rendezvous: {what}")


def _number(scheme: str, query: dict[str, str], name: str, words: str) -> int:
    if name not in query:
        raise _missing(scheme, f"{words} parameter missing")
    return int(query[name])


def _alone(url: str, rank: int, world_size: int) -> None:
    if world_size > 1:
        raise more_than_one(f"torch.distributed with rank={rank} and world_size={world_size} ({url.partition('?')[0]})")


def _query(url: str) -> tuple[ParseResult, dict[str, str]]:
    parsed = urlparse(url)
    return parsed, dict(parse_qsl(parsed.query))


def _by_file(url: str, timeout: datetime.timedelta = default_pg_timeout, **kwargs: Any) -> Iterator[Found]:
    parsed, query = _query(url)
    if not parsed.path:
        raise _missing("file", "path missing")
    rank = _number("file", query, "rank", "rank")
    world_size = _number("file", query, "world_size", "world size")
    _alone(url, rank, world_size)
    yield FileStore(parsed.path, world_size), rank, world_size
    raise RuntimeError("Unable to perform rerendezvous using file:// method")


def _by_address(url: str, timeout: datetime.timedelta = default_pg_timeout, **kwargs: Any) -> Iterator[Found]:
    parsed, query = _query(url)
    if parsed.port is None:
        raise _missing("tcp", "port number missing")
    rank = _number("tcp", query, "rank", "rank")
    world_size = _number("tcp", query, "world_size", "world size")
    _alone(url, rank, world_size)
    yield _master(parsed.hostname or "", parsed.port, timeout), rank, world_size
    raise RuntimeError("Unable to perform re-rendezvous using tcp:// method")


def _by_environment(url: str, timeout: datetime.timedelta = default_pg_timeout, **kwargs: Any) -> Iterator[Found]:
    _, query = _query(url)

    def variable(name: str) -> str:
        value = query.get(name.lower()) or os.environ.get(name)
        if value is None:
            raise _missing("env", f"environment variable {name} expected, but not set")
        return value

    rank, world_size = int(variable("RANK")), int(variable("WORLD_SIZE"))
    address, port = variable("MASTER_ADDR"), int(variable("MASTER_PORT"))
    _alone(url, rank, world_size)
    yield _master(address, port, timeout), rank, world_size
    raise RuntimeError("Unable to perform re-rendezvous using env:// method")


def _master(address: str, port: int, timeout: datetime.timedelta) -> Store:
    """The store behind a port: the one that this process has there, as long as anything holds it, or a new one."""
    store = _masters.get(port)
    if store is None:
        store = TCPStore(address, port, 1, is_master=True, timeout=timeout)
        _masters[store.port] = store
    return store


_masters: WeakValueDictionary[int, TCPStore] = WeakValueDictionary()

register_rendezvous_handler("tcp", _by_address)
register_rendezvous_handler("env", _by_environment)
register_rendezvous_handler("file", _by_file)
