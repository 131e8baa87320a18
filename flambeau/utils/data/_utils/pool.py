"""The parent's side of a loader with workers: hand out tasks, put batches back in order, notice deaths."""

from __future__ import annotations

import os
import signal
import time
import weakref
from collections.abc import Iterator
from multiprocessing import connection as connections
from typing import TYPE_CHECKING, Any

from flambeau._utils import ExceptionWrapper

from ..sampler import random_seed
from .fetch import StreamLength
from .transfer import Parcel, SharedFile, unpack
from .worker import Reply, Restart, Task, WorkerSettings, work

if TYPE_CHECKING:
    from ..dataloader import DataLoader

_STOP_SECONDS = 5.0
"""How long a worker may go on with its batch after it was told to stop."""


class _MultiProcessingDataLoaderIter(Iterator[Any]):
    """Batches from worker processes.

    Worker ``i`` gets every ``num_workers``-th task, so that which worker reads what does not depend on timing. Up to
    ``prefetch_factor`` tasks for each worker are under way; finished batches stay in the shared files until asked for.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader = loader
        self._epoch = 0
        self._processes: list[Any] = []
        self._connections: list[connections.Connection] = []
        self._files: list[SharedFile] = []
        self._limit = max(1, loader.prefetch_factor or 1) * loader.num_workers
        self._finalizer = weakref.finalize(self, _stop, os.getpid(), self._processes, self._connections, self._files)
        seed = random_seed(loader.generator)
        context = loader._start_context()
        forked = context.get_start_method() == "fork"
        for number in range(loader.num_workers):
            self._start(number, seed, context, forked)
        self._begin()

    def _start(self, number: int, seed: int, context: Any, forked: bool) -> None:
        loader = self._loader
        here, there = context.Pipe()
        file = SharedFile()
        settings = WorkerSettings(
            number,
            loader.num_workers,
            seed,
            loader._fetcher(),
            loader.worker_init_fn,
            file,
            [*self._connections, here] if forked else [],
        )
        process = context.Process(target=work, args=(settings, there), daemon=True)
        process.start()
        there.close()
        self._processes.append(process)
        self._connections.append(here)
        self._files.append(file)

    @property
    def stopped(self) -> bool:
        """Whether the workers are gone."""
        return not self._finalizer.alive

    def restart(self) -> None:
        """Begin another epoch with the same workers; what they still send of the last one is thrown away."""
        self._epoch += 1
        for connection in self._connections:
            connection.send(Restart())
        unread = [(worker, parcel) for worker, parcel in self._arrived.values() if parcel is not None]
        self._begin()
        for worker, parcel in unread:
            self._release(worker, parcel)

    def _begin(self) -> None:
        workers = len(self._connections)
        self._indices = iter(self._loader._index_sampler)
        self._active = [True] * workers
        if self._epoch == 0:
            self._released: list[list[int]] = [[] for _ in range(workers)]
        self._next_worker = 0
        self._sent = 0  # tasks handed out
        self._next = 0  # tasks whose batch was handed out; in order, the number of the next one
        self._waiting: dict[int, int] = {}  # task -> its worker
        self._arrived: dict[int, tuple[int, Parcel | None]] = {}
        self._length = StreamLength(self._loader)
        for _ in range(self._limit):
            self._send_task()

    def _send_task(self) -> None:
        """Hand the next indices to the next worker whose stream has not ended."""
        workers = len(self._connections)
        for step in range(workers):
            worker = (self._next_worker + step) % workers
            if self._active[worker]:
                break
        else:
            return
        try:
            indices = next(self._indices)
        except StopIteration:
            return
        self._next_worker = (worker + 1) % workers
        try:
            self._connections[worker].send(Task(self._epoch, self._sent, indices, self._released[worker]))
        except (BrokenPipeError, ConnectionResetError):
            self._raise_dead()
        self._released[worker] = []
        self._waiting[self._sent] = worker
        self._sent += 1

    def __iter__(self) -> Iterator[Any]:
        return self

    def __len__(self) -> int:
        return self._length.expected()

    def __next__(self) -> Any:
        while True:
            number = self._choose()
            if number is None:
                if not self._waiting:
                    if not self._loader.persistent_workers:
                        self._finalizer()
                    raise StopIteration
                self._receive()
                continue
            worker, parcel = self._arrived.pop(number)
            self._next += 1
            if parcel is None:
                # This worker's stream has ended; the others go on.
                self._active[worker] = False
                self._send_task()
                continue
            try:
                batch = unpack(parcel, self._files[worker])
            finally:
                self._release(worker, parcel)
                self._send_task()
            if isinstance(batch, ExceptionWrapper):
                batch.reraise()
            self._length.count()
            return batch

    def _choose(self) -> int | None:
        """Which of the batches that have arrived is next, if one is."""
        if self._loader.in_order:
            return self._next if self._next in self._arrived else None
        return next(iter(self._arrived), None)

    def _release(self, worker: int, parcel: Parcel) -> None:
        if parcel.slot is not None:
            self._released[worker].append(parcel.slot)

    def _receive(self) -> None:
        """Wait for at least one reply of this epoch."""
        timeout = self._loader.timeout
        deadline = time.monotonic() + timeout if timeout > 0 else None
        sentinels = [process.sentinel for process in self._processes]
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = connections.wait([*self._connections, *sentinels], left)
            if not ready:
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
            got_any = False
            for worker, connection in enumerate(self._connections):
                if connection not in ready:
                    continue
                try:
                    reply: Reply = connection.recv()
                except (EOFError, ConnectionResetError):
                    self._raise_dead()
                if reply.epoch != self._epoch:
                    if reply.parcel is not None:
                        self._release(worker, reply.parcel)
                    continue
                del self._waiting[reply.number]
                self._arrived[reply.number] = (worker, reply.parcel)
                got_any = True
            if got_any:
                return
            if not any(connection in ready for connection in self._connections):
                self._raise_dead()

    def _raise_dead(self) -> None:
        """A worker has ended without being told to: say which and how, and stop the others."""
        descriptions = []
        for process in self._processes:
            process.join(timeout=0.2)
            code = process.exitcode
            if code is not None:
                how = f"exit code {code}" if code >= 0 else f"killed by signal: {signal.strsignal(-code)}"
                descriptions.append(f"{process.pid}, {how}")
        self._finalizer()
        raise RuntimeError(f"DataLoader worker (pid(s) {'; '.join(descriptions)}) exited unexpectedly")


def _stop(owner: int, processes: list[Any], pipes: list[connections.Connection], files: list[SharedFile]) -> None:
    """End the workers: politely, then by force. Does nothing in a forked copy of the process that started them."""
    if os.getpid() != owner:
        return
    for pipe in pipes:
        try:
            pipe.send(None)
        except OSError:
            pass  # this worker has ended already
        pipe.close()
    deadline = time.monotonic() + _STOP_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.terminate()
            process.join()
    for file in files:
        file.close()
