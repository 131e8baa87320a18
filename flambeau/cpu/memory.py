"""Buffers: memory that tensors live in, recycled through a pool and honestly shared with NumPy.

The memory of a buffer belongs to its *owner*, a Python object. Whoever shares it (a NumPy view made by
:meth:`Buffer.array`, or the array that a buffer was wrapped around) holds the owner too, so the owner's reference
count tells whether anybody else can see the memory.
"""

from __future__ import annotations

import ctypes
import functools
import time
import weakref
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import repeat, starmap
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.typing import DTypeLike, NDArray

from ..interpreter.forks import new_lock
from ..interpreter.holders import other_holders, shared
from ..kernels.contract import ALIGNMENT, PADDING

KEEP_FREE = 32 << 20
"""Free bytes that a pool keeps whatever happens."""

REUSED_EACH = 4 << 20
"""Bytes that are kept for one user at most (see :class:`ReusedBuffers`); beside the work on more, the time that the pool takes
is nothing."""

REUSED_TOGETHER = 32 << 20
"""Bytes that are kept for all users at most: when there would be more, all are given back to the pool."""

REUSED_WITHIN = 16
"""Requests of other users, at most, between two of one for whom memory is kept: until more have come it is cold, and others could
have had it."""

RECENT_SECONDS = 10.0
"""A pool keeps what was in use at some moment of the last one to two such periods."""


class Buffer:
    """A range of memory.

    ``address``
        where it starts.
    ``nbytes``
        its capacity, at least what was asked for.
    ``owner``
        what the memory belongs to. Do not keep references to it: they count as exposure.
    ``readonly``
        it was wrapped around an array that may not be written to.
    ``recyclable``
        it came from a pool, and no two values name it, so that it may be given to another value.
    ``ever_exposed``
        :meth:`array` was called at some time; while false, nobody needs to count references.
    ``exposed_forever``
        to be set when a bare address was handed out, of which no reference count can tell the end.
    """

    device = "cpu"
    __slots__ = (
        "__weakref__", "_pool", "_start", "address", "ever_exposed", "exposed_forever", "nbytes", "owner", "readonly",
        "recyclable",
    )  # fmt: skip

    def __init__(self, owner: Any, address: int, nbytes: int, pool: Pool | None = None, start: int | None = None) -> None:
        self.owner = owner
        self.address = address
        self.nbytes = nbytes
        self.readonly = False
        self.recyclable = pool is not None
        self.ever_exposed = False
        self.exposed_forever = False
        self._pool = pool
        self._start = start

    @classmethod
    def from_numpy(cls, array: NDArray[Any]) -> Buffer:
        """Wrap an array's memory, from its lowest to its highest byte, without copying; never recycled.

        The first element is at ``address + (array's data pointer - address)``: further up if strides are negative.
        The buffer holds the object at the end of the chain of bases. If that is an array which owns its memory,
        exposure ends when nobody else holds it; anything else may show the memory in ways that cannot be seen.
        """
        flags = array.flags
        if flags.c_contiguous:
            # The plain way to the address takes four times as long, but works for every array.
            quick = flags.writeable and array.nbytes
            low = ctypes.addressof(ctypes.c_char.from_buffer(array)) if quick else array.ctypes.data  # type: ignore[arg-type]
            high = low + array.nbytes
        else:
            low, high = byte_bounds(array)
        owner: Any = array
        while (base := getattr(owner, "base", None)) is not None:
            owner = base
        buffer = cls(owner, low, high - low)
        buffer.readonly = not flags.writeable
        buffer.ever_exposed = True
        buffer.exposed_forever = not (type(owner) is np.ndarray and owner.flags.owndata)
        return buffer

    def exposed(self) -> bool:
        """Whether anybody outside may read or write the memory now."""
        return self.exposed_forever or self.ever_exposed and _holders_of_owner(self) > (self._pool is not None)

    def array(
        self, dtype: DTypeLike, shape: Sequence[int], strides: Sequence[int] | None = None, offset: int = 0
    ) -> NDArray[Any]:
        """A NumPy view of the memory from byte ``offset`` on; ``strides`` are in bytes (default: contiguous).

        The view keeps the memory alive and counts as exposure. It is read-only if the buffer is. Raises
        ``ValueError`` if it would reach outside the buffer.
        """
        self.ever_exposed = True
        return self.peek(dtype, shape, strides, offset)

    def peek(
        self, dtype: DTypeLike, shape: Sequence[int], strides: Sequence[int] | None = None, offset: int = 0
    ) -> NDArray[Any]:
        """As :meth:`array`, for a view that the caller drops at once: it does not count as exposure."""
        if self._pool is not None:
            self._pool._seen.add(self.address)
        if 0 in shape:  # elements that are not there may lie anywhere
            strides, offset = None, 0
        start = self._start
        if start is None:
            start = self._start = self._start_in_owner()
        if start < 0:
            return np.ndarray(shape, dtype, np.asarray(_Bytes(self)), offset, strides)
        return np.ndarray(shape, dtype, self.owner, start + offset, strides)

    def _start_in_owner(self) -> int:
        """At which byte of its owner the memory begins; -1 if NumPy may not look at it through the owner."""
        owner = self.owner
        plain = type(owner) is np.ndarray and owner.flags.c_contiguous and owner.dtype.kind in "biufc"
        if not (plain and owner.flags.writeable and not self.readonly):
            return -1
        return int(self.address - owner.ctypes.data)

    def copy(self, nbytes: int) -> Buffer:
        """A new buffer of the pool with the first ``nbytes`` bytes."""
        if nbytes > self.nbytes:
            raise ValueError(f"a buffer of {self.nbytes} bytes has no {nbytes} bytes to copy")
        made = default_pool.allocate(nbytes)
        ctypes.memmove(made.address, self.address, nbytes)
        return made


_holders_of_owner = other_holders(attrgetter("owner"))
"""References to a buffer's owner besides the buffer's: one is the pool's, if it is from one."""
_holders_of_first = other_holders(itemgetter(0))
_ever_exposed, _recyclable = attrgetter("ever_exposed"), attrgetter("recyclable")


class _Bytes:
    """Presents a wrapped array's memory to NumPy as plain bytes, and keeps its owner alive."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, buffer: Buffer) -> None:
        self.owner = buffer.owner
        self.__array_interface__ = {
            "version": 3,
            "typestr": "|u1",
            "shape": (buffer.nbytes,),
            "data": (buffer.address, buffer.readonly),
        }


class Pool:
    """Hands out buffers and takes their memory back when they die.

    Sizes are rounded up to classes, eight to each power of two (at most an eighth is lost), so that memory fits its
    next user. Memory that someone outside still sees when its buffer dies is left to the garbage collector instead.
    A signal may come at any call, and its handler may allocate: what is free and how much that is change between calls.
    """

    def __init__(self) -> None:
        self._lock = new_lock()  # finalisers may allocate while this thread does
        # What is in use: owner, address, at which byte of the owner that is, and size class, until the weak reference to the
        # buffer is found dead. A buffer may die at any moment of any thread, even while the lock is held, and no Python code may
        # run then: a signal's handler would come in, and what it raised would be lost.
        self._living: dict[weakref.ref[Buffer], tuple[NDArray[np.uint8], int, int, int]] = {}
        self._dead: deque[weakref.ref[Buffer]] = deque()
        self._died = self._dead.append
        #: Addresses of memory that NumPy's views were made of: whether some are left is asked when the buffer has died.
        self._seen: set[int] = set()
        self._returned: deque[tuple[NDArray[np.uint8], int, int, int]] = deque()
        # For each size class, what is free: owner, address, its place there, and the number of its release (oldest first).
        self._free: dict[int, list[tuple[NDArray[np.uint8], int, int, int]]] = {}
        self._in_use = 0
        self._free_bytes = 0
        self._releases = 0
        self._peak = 0
        self._period_start = time.monotonic()
        self._period_peak = 0
        self._last_period_peak = 0

    def allocate(self, nbytes: int) -> Buffer:
        """A buffer of at least ``nbytes`` bytes of arbitrary contents, aligned to :data:`ALIGNMENT`.

        Another :data:`PADDING` bytes behind it may be touched. Raises ``RuntimeError``, as PyTorch does, if there is not enough
        memory.
        """
        with self._lock:
            return self._take(size_class(nbytes))

    def allocate_all(self, sizes: Iterable[int]) -> list[Buffer]:
        """A buffer for each of several numbers of bytes; see :meth:`allocate`."""
        with self._lock:
            return list(map(self._take, map(size_class, sizes)))

    def _take(self, size: int) -> Buffer:
        """A buffer of a size class. Needs the lock."""
        if self._dead:
            self._collect()
        free = self._free.get(size)
        if free:
            owner, address, start, _ = free[-1]
            del free[-1]
            self._free_bytes -= size
        else:
            owner, address, start = self._fresh(size)
        buffer = Buffer(owner, address, size, self, start)
        self._living[weakref.ref(buffer, self._died)] = owner, address, start, size
        in_use = self._in_use = self._in_use + size
        if in_use > self._period_peak:
            self._period_peak = in_use
        return buffer

    @property
    def bytes_in_use(self) -> int:
        """Bytes in living buffers (by size class)."""
        with self._lock:
            self._collect()
            return self._in_use

    @property
    def bytes_free(self) -> int:
        """Bytes kept for the next buffers."""
        with self._lock:
            self._collect()
            return self._free_bytes

    @property
    def peak_bytes(self) -> int:
        """The most that was in use at once since the pool was made or :meth:`reset_peak` was called."""
        return max(self._peak, self._period_peak)

    def reset_peak(self) -> None:
        """Count the peak from now on."""
        with self._lock:
            self._collect()
            self._peak = self._period_peak = self._in_use

    def trim(self) -> None:
        """Give memory that was free for longest back to the system, down to what is worth keeping.

        That is :data:`KEEP_FREE`, or half of what is in use, or what is missing to the recent peak (a training
        step frees most of its memory before the next one wants it again), whichever is most. Allocation does this
        by itself.
        """
        with self._lock:
            self._collect()

    def empty(self) -> None:
        """Give all free memory back to the system."""
        with self._lock:
            self._collect()
            self._drop_to(0)

    def _collect(self) -> None:
        """Take back the memory of buffers that died. Needs the lock, like the methods below."""
        dead, returned = self._dead, self._returned
        taken = map(self._living.pop, starmap(dead.popleft, repeat((), len(dead))))
        try:
            returned += taken
        except IndexError:  # a signal's handler has taken them meanwhile
            pass
        while returned:
            entry = returned[0]
            seen = entry[1] in self._seen and _holders_of_first(entry) > 0
            owner, address, start, size = entry
            free = self._free.get(size)
            if free is None:
                free = self._free[size] = []
            if not returned or returned[0] is not entry:
                continue
            del returned[0]
            self._seen.discard(address)
            self._in_use -= size
            if not seen:
                self._releases += 1
                free += ((owner, address, start, self._releases),)
                self._free_bytes += size
        if self._free_bytes > KEEP_FREE:
            self._trim()

    def _trim(self) -> None:
        now = time.monotonic()
        if now - self._period_start > RECENT_SECONDS:
            self._peak = max(self._peak, self._period_peak)
            self._period_start = now
            self._last_period_peak, self._period_peak = self._period_peak, self._in_use
        recent = max(self._period_peak, self._last_period_peak)
        self._drop_to(max(KEEP_FREE, self._in_use // 2, recent - self._in_use))

    def _fresh(self, size: int) -> tuple[NDArray[np.uint8], int, int]:
        """New memory: its owner, its address, and at which byte of the owner that is.

        NumPy asks for huge pages by itself where they are worth it.
        """
        total = size + ALIGNMENT + PADDING
        try:
            owner = np.empty(total, np.uint8)
        except (MemoryError, ValueError):  # the latter beyond 63 bits
            self._drop_to(0)
            try:
                owner = np.empty(total, np.uint8)
            except (MemoryError, ValueError):
                raise no_memory(size) from None
        address = owner.__array_interface__["data"][0]
        start = -address % ALIGNMENT
        return owner, address + start, start

    def _drop_to(self, limit: int) -> None:
        while self._free_bytes > limit:
            size, free = min(((s, f) for s, f in self._free.items() if f), key=lambda entry: entry[1][0][3])
            if free:  # no signal's handler has taken the last of them meanwhile
                del free[0]
                self._free_bytes -= size


def no_memory(size: int) -> RuntimeError:
    """The error of an allocation that failed."""
    return RuntimeError(
        f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {size} bytes. Error code 12 (Cannot allocate "
        "memory)"
    )


@functools.lru_cache(maxsize=1024)
def size_class(nbytes: int) -> int:
    """The size that a request is rounded up to: a multiple of 64, with four significant bits.

    Raises ``ValueError`` for a negative size.
    """
    if nbytes < 0:
        raise ValueError(f"a buffer cannot have {nbytes} bytes")
    shift = max(nbytes.bit_length() - 4, 6)
    return max(nbytes + (1 << shift) - 1 >> shift << shift, 64)


default_pool = Pool()
"""The process's pool."""

allocate = default_pool.allocate


class ReusedBuffers:
    """Buffers of given sizes for one user, the same at each request as long as nobody else holds them.

    A loop drops the values of one turn before it computes those of the next, so what a plan was given last time is free when
    it runs again. To look whether it is takes far less time than to let buffers die and ask the pool for others.
    """

    __slots__ = ("sizes", "_pool", "_kept", "_asked", "__weakref__")

    def __init__(self, sizes: Sequence[int], pool: Pool = default_pool) -> None:
        self.sizes = sizes
        self._pool = pool
        #: Nobody else may hold this list, nor another one of the same buffers, when the next request comes.
        self._kept: list[Buffer] | None = None
        #: The number of the last request, among those of all users.
        self._asked: int | None = None

    def take(self) -> list[Buffer]:
        """A buffer of arbitrary contents for each size. One thread at a time, whose signals' handlers may ask too."""
        global _requests
        asked, number = self._asked, _requests
        self._asked = _requests = number + 1
        soon = asked is None or number - asked <= REUSED_WITHIN
        kept = self._kept
        if kept is None:
            return self._begin() if soon else self._pool.allocate_all(self.sizes)
        self._kept = None
        if any(shared(kept)) or any(map(_ever_exposed, kept)) or not all(map(_recyclable, kept)):
            unfit = [buffer.ever_exposed or not buffer.recyclable for buffer in kept]
            taken = [index for index, held in enumerate(shared(kept)) if held or unfit[index]]
            for index, buffer in zip(taken, self._pool.allocate_all([self.sizes[index] for index in taken])):
                kept[index] = buffer
        if not soon:
            return kept
        given = kept.copy()
        self._kept = kept
        return given

    def _begin(self) -> list[Buffer]:
        global _reused_bytes
        buffers = self._pool.allocate_all(self.sizes)
        size = sum([buffer.nbytes for buffer in buffers])
        if size <= REUSED_EACH:
            with _reusers_lock:
                if _reused_bytes + size > REUSED_TOGETHER:
                    for user in [user for reference in _reusers if (user := reference()) is not None]:
                        user._kept = None
                    _reusers.clear()
                    _reused_bytes = 0
                _reusers.add(weakref.ref(self, _reusers.discard))
                _reused_bytes += size  # users that die are counted until all is given back
                self._kept = buffers.copy()
        return buffers


_reusers_lock = new_lock()
_reusers: set[weakref.ref[ReusedBuffers]] = set()
_reused_bytes = 0
_requests = 0
