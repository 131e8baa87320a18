"""What runs in a worker process."""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

import flambeau
from flambeau._utils import ExceptionWrapper

from .fetch import Fetcher
from .transfer import Parcel, Sender, SharedFile

_PARENT_CHECK_SECONDS = 5.0


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker knows of itself: its number, how many there are, its seed and its copy of the dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """This process's :class:`WorkerInfo`, or None in a process that is not a loader's worker."""
    return _worker_info


@dataclass(frozen=True)
class Task:
    """A batch to fetch; ``released`` are slots of the shared file that the parent has read meanwhile."""

    epoch: int
    number: int
    indices: Any
    released: list[int]


@dataclass(frozen=True)
class Restart:
    """A new epoch begins for workers that outlive the last one."""


@dataclass(frozen=True)
class Reply:
    """The answer to a task; ``parcel`` is None if the worker's stream has ended."""

    epoch: int
    number: int
    parcel: Parcel | None


@dataclass
class WorkerSettings:
    """What a worker is started with."""

    id: int
    num_workers: int
    seed: int
    fetcher: Fetcher
    init_fn: Callable[[int], None] | None
    file: SharedFile
    #: Ends of pipes that a forked worker inherits but must not keep open, or it would never learn of its parent's end.
    foreign: list[Connection]


def work(settings: WorkerSettings, connection: Connection) -> None:
    """A worker's life: answer tasks until the parent says stop, closes the pipe or dies."""
    try:
        _work(settings, connection)
    except (KeyboardInterrupt, EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent was interrupted as well, or is gone; either way it decides


def _work(settings: WorkerSettings, connection: Connection) -> None:
    global _worker_info
    for other in settings.foreign:
        other.close()
    parent = os.getppid()
    sender = Sender(settings.file)
    flambeau.set_num_threads(1)
    _seed(settings.seed, settings.id)
    fetcher = settings.fetcher
    _worker_info = WorkerInfo(settings.id, settings.num_workers, settings.seed + settings.id, fetcher.dataset)
    failure = None
    try:
        if settings.init_fn is not None:
            settings.init_fn(settings.id)
        fetcher.restart()
    except Exception:
        failure = _describe(settings.id)
    ended = False
    while True:
        while not connection.poll(_PARENT_CHECK_SECONDS):
            if os.getppid() != parent:
                return
        message = connection.recv()
        if message is None:
            return
        if isinstance(message, Restart):
            ended = False
            try:
                fetcher.restart()
            except Exception:
                failure = _describe(settings.id)
            continue
        sender.release(message.released)
        if ended:
            parcel = None
        else:
            parcel, ended = _answer(fetcher, message.indices, failure, sender, settings.id)
            failure = None
        connection.send(Reply(message.epoch, message.number, parcel))


def _answer(
    fetcher: Fetcher, indices: Any, failure: ExceptionWrapper | None, sender: Sender, number: int
) -> tuple[Parcel | None, bool]:
    """The parcel for a task, and whether the stream has ended (with an error, it has)."""
    try:
        if failure is None:
            return sender.pack(fetcher.fetch(indices)), False
    except StopIteration:
        if fetcher.iterable:
            return None, True
        failure = _describe(number)
    except Exception:
        failure = _describe(number)
    return sender.pack(failure), fetcher.iterable


def _describe(number: int) -> ExceptionWrapper:
    wrapper = ExceptionWrapper(where=f"in DataLoader worker process {number}")
    try:
        pickle.dumps(wrapper.exc_type)
    except Exception:  # a type that only this process knows; the traceback names it
        wrapper.exc_type = RuntimeError
    return wrapper


def _seed(base: int, number: int) -> None:
    """Give each worker its own random numbers, in all three generators that dataset code may use."""
    random.seed(base + number)
    flambeau.manual_seed(base + number)
    np.random.seed(np.random.SeedSequence([base, number]).generate_state(4))
