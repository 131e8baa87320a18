"""Buffers: recycling, exposure to NumPy, limits, and finalisers at any time."""

from __future__ import annotations

import gc
import mmap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from flambeau.cpu import memory
from flambeau.cpu.memory import ALIGNMENT, PADDING, Buffer, Pool, ReusedBuffers, size_class


@pytest.fixture
def pool() -> Pool:
    return Pool()


def test_size_classes() -> None:
    for nbytes in [*range(0, 3000), 2**20 - 1, 2**20, 2**20 + 1, 10**9]:
        size = size_class(nbytes)
        assert size >= nbytes and size % 64 == 0
        assert size <= max(nbytes * 9 / 8, nbytes + 64)
        assert size_class(size) == size
    with pytest.raises(ValueError, match="-1"):
        size_class(-1)


def test_empty_views_may_begin_beyond_the_end(pool: Pool) -> None:
    view = pool.allocate(0).array(np.float64, (0, 3), (32000, 8), 31200)
    assert view.shape == (0, 3) and view.dtype == np.float64


@pytest.mark.parametrize("nbytes", [0, 1, 64, 1000, 5_000_000])
def test_memory_is_aligned_and_padded(pool: Pool, nbytes: int) -> None:
    buffer = pool.allocate(nbytes)
    assert buffer.address % ALIGNMENT == 0
    assert buffer.nbytes >= nbytes
    end = buffer.owner.ctypes.data + buffer.owner.nbytes
    assert buffer.owner.ctypes.data <= buffer.address and buffer.address + buffer.nbytes + PADDING <= end
    view = buffer.array(np.uint8, (buffer.nbytes,))
    assert view.ctypes.data == buffer.address
    view[:] = 7
    assert (view == 7).all()


def test_dead_memory_comes_back(pool: Pool) -> None:
    first = pool.allocate(1000)
    address = first.address
    second = pool.allocate(1000)
    assert second.address != address
    assert pool.bytes_in_use == 2 * 1024
    del first
    assert (pool.bytes_in_use, pool.bytes_free) == (1024, 1024)
    third = pool.allocate(1010)  # of the same class
    assert third.address == address
    assert (pool.bytes_in_use, pool.bytes_free, pool.peak_bytes) == (2048, 0, 2048)
    assert not third.ever_exposed
    del second, third
    pool.reset_peak()
    assert (pool.bytes_in_use, pool.bytes_free, pool.peak_bytes) == (0, 2048, 0)
    pool.empty()
    assert pool.bytes_free == 0


def test_exposure_ends_with_the_last_view(pool: Pool) -> None:
    buffer = pool.allocate(400)
    assert not buffer.ever_exposed and not buffer.exposed()
    array = buffer.array(np.float32, (10, 10))
    assert buffer.ever_exposed and buffer.exposed()
    row = array[3]
    bytes_of_row = memoryview(row)
    del array, row
    assert buffer.exposed()  # the memoryview still shows it
    bytes_of_row.release()
    del bytes_of_row
    assert not buffer.exposed()
    assert buffer.ever_exposed
    assert not pool.allocate(400).exposed()
    pointed_at = pool.allocate(400)
    pointed_at.exposed_forever = True
    assert pointed_at.exposed()


def test_memory_that_numpy_holds_is_not_recycled(pool: Pool) -> None:
    buffer = pool.allocate(4000)
    address = buffer.address
    array = buffer.array(np.int32, (1000,))
    array[:] = np.arange(1000)
    del buffer
    assert (pool.bytes_in_use, pool.bytes_free) == (0, 0)
    others = [pool.allocate(4000) for _ in range(5)]
    assert address not in [other.address for other in others]
    for other in others:
        other.array(np.int32, (1000,))[:] = -1
    np.testing.assert_array_equal(array, np.arange(1000))


def test_memory_that_numpy_held_once_is_recycled(pool: Pool) -> None:
    buffer = pool.allocate(4000)
    address = buffer.address
    assert buffer.array(np.int32, (1000,)).shape == (1000,)
    del buffer
    again = pool.allocate(4000)
    assert again.address == address
    assert not again.ever_exposed


def test_views_of_all_kinds(pool: Pool) -> None:
    buffer = pool.allocate(96)
    flat = buffer.array(np.float64, (12,))
    flat[:] = np.arange(12)
    np.testing.assert_array_equal(buffer.array("f8", (3, 4), (8, 24)), np.arange(12).reshape(4, 3).T)
    np.testing.assert_array_equal(buffer.array("f8", (3,), (-16,), 80), [10, 8, 6])
    np.testing.assert_array_equal(buffer.array("f8", (2, 3), (0, 8), 8), [[1, 2, 3], [1, 2, 3]])
    scalar = buffer.array("f8", (), None, 40)
    assert scalar.shape == () and scalar == 5
    assert buffer.array("f8", (0, 4)).shape == (0, 4)
    with pytest.raises(ValueError):
        buffer.array("f8", (3,), (8,), buffer.nbytes + ALIGNMENT + PADDING)


def test_wrapping_an_array() -> None:
    array = np.arange(20.0)
    buffer = Buffer.from_numpy(array)
    assert (buffer.address, buffer.nbytes) == (array.ctypes.data, 160)
    assert buffer.exposed() and not buffer.readonly
    array[3] = 99
    view = buffer.array(np.float64, (5,), (16,), 8)
    np.testing.assert_array_equal(view, [1, 99, 5, 7, 9])
    del array
    assert buffer.exposed()  # our own view
    del view
    assert not buffer.exposed()
    assert buffer.array(np.float64, (20,))[3] == 99


def test_wrapping_a_view_of_an_array() -> None:
    whole = np.arange(24, dtype=np.int16).reshape(4, 6)
    part = whole[::-1, 4:0:-2]
    buffer = Buffer.from_numpy(part)
    assert (buffer.address, buffer.nbytes) == (whole[:, 2:].ctypes.data, (18 + 2 + 1) * 2)
    start = part.ctypes.data - buffer.address
    np.testing.assert_array_equal(buffer.array(np.int16, part.shape, part.strides, start), part)
    del part
    assert buffer.exposed()  # the whole array still shows it
    del whole
    assert not buffer.exposed()


@pytest.mark.parametrize("order", ["C", "F"])
def test_wrapping_any_order(order: str) -> None:
    array = np.arange(12, dtype=np.int32).reshape(3, 4).copy(order=order)  # type: ignore[arg-type]
    buffer = Buffer.from_numpy(array)
    np.testing.assert_array_equal(buffer.array(array.dtype, array.shape, array.strides), array)


def test_read_only_arrays() -> None:
    array = np.arange(5)
    array.flags.writeable = False
    buffer = Buffer.from_numpy(array)
    assert buffer.readonly
    view = buffer.array(array.dtype, (5,))
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1
    np.testing.assert_array_equal(view, array)


def test_memory_of_strangers_is_exposed_for_ever(tmp_path: Path) -> None:
    (tmp_path / "numbers").write_bytes(np.arange(10, dtype=np.int64).tobytes())
    with open(tmp_path / "numbers", "r+b") as file:
        mapped = mmap.mmap(file.fileno(), 0)
        strangers = [np.frombuffer(bytearray(80), np.int64), np.frombuffer(mapped, np.int64)]
        strangers.append(np.memmap(tmp_path / "numbers", np.int64, "r"))
        for array in strangers:
            expected = array.copy()
            buffer = Buffer.from_numpy(array)
            assert buffer.readonly == (not array.flags.writeable)
            del array
            gc.collect()
            assert buffer.exposed()
            np.testing.assert_array_equal(buffer.array(np.int64, (10,)), expected)


def test_wrapped_memory_outlives_everything_else() -> None:
    def wrap() -> np.ndarray:
        return Buffer.from_numpy(np.arange(100_000)[10:]).array(np.int64, (10,), None, 80)

    view = wrap()
    gc.collect()
    np.testing.assert_array_equal(view, np.arange(20, 30))


def test_wrapped_memory_is_never_recycled(pool: Pool) -> None:
    buffer = Buffer.from_numpy(np.zeros(1000))
    del buffer
    assert (pool.bytes_in_use, pool.bytes_free) == (0, 0)


def test_what_is_kept_free_is_bounded(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KEEP_FREE", 1 << 20)
    monkeypatch.setattr(memory, "RECENT_SECONDS", 0.05)
    buffers = [pool.allocate(1 << 18) for _ in range(16)]
    oldest = buffers[0].address
    while buffers:
        del buffers[0]
    assert pool.bytes_free == 16 << 18  # the next step will want them again
    time.sleep(0.06)
    pool.trim()
    time.sleep(0.06)
    pool.trim()
    assert pool.bytes_free == 1 << 20
    kept = [pool.allocate(1 << 18) for _ in range(4)]
    assert pool.bytes_free == 0
    assert oldest not in [buffer.address for buffer in kept]


def test_half_of_what_is_in_use_may_be_free(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KEEP_FREE", 1 << 20)
    monkeypatch.setattr(memory, "RECENT_SECONDS", 0.0)
    buffers = [pool.allocate(1 << 20) for _ in range(12)]
    del buffers[8:]
    for _ in range(3):
        time.sleep(0.001)
        pool.trim()
    assert (pool.bytes_in_use, pool.bytes_free) == (8 << 20, 4 << 20)
    del buffers[4:]
    for _ in range(3):
        time.sleep(0.001)
        pool.trim()
    assert (pool.bytes_in_use, pool.bytes_free) == (4 << 20, 2 << 20)


def test_a_loop_stays_flat(pool: Pool) -> None:
    addresses: set[int] = set()
    for _ in range(100):
        buffers = [pool.allocate(nbytes) for nbytes in (100, 5000, 100_000)]
        addresses.update(buffer.address for buffer in buffers)
        del buffers
    assert len(addresses) == 3


def test_finalisers_inside_the_pool(pool: Pool) -> None:
    """Cycles of garbage are collected at any allocation, also inside the pool and in several threads."""

    class Node:
        def __init__(self) -> None:
            self.me = self
            self.buffer = pool.allocate(256)

    threshold = gc.get_threshold()
    gc.set_threshold(3)
    try:

        def churn() -> None:
            for _ in range(3000):
                Node()

        threads = [threading.Thread(target=churn) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=20)
        assert not any(thread.is_alive() for thread in threads)
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert pool.bytes_in_use == 0
    assert pool.bytes_free == pool.peak_bytes


def test_no_memory(pool: Pool) -> None:
    small = pool.allocate(1 << 20)
    del small
    for size in (1 << 50, 1 << 60, 1 << 63, 1 << 70):
        with pytest.raises(RuntimeError, match="can't allocate memory: you tried to allocate"):
            pool.allocate(size)
    assert (pool.bytes_in_use, pool.bytes_free) == (0, 0)  # it gave back what was free before it gave up


def test_what_is_free_is_given_again(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking the system for memory takes many times as long as a block that is free."""
    asked: list[int] = []
    fresh = pool._fresh
    monkeypatch.setattr(pool, "_fresh", lambda size: asked.append(size) or fresh(size))
    for _ in range(1000):
        pool.allocate(4096)
    assert len(asked) <= 1


# --- memory that the same user asks for again and again -------------------------------------------------------------


@pytest.fixture
def _nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_reused_bytes", 0)


@pytest.mark.usefixtures("_nobody_else")
def test_what_was_dropped_is_given_again() -> None:
    reused = ReusedBuffers([100, 0, 5000], Pool())
    first = reused.take()
    assert [buffer.nbytes >= size for buffer, size in zip(first, reused.sizes)] == [True] * 3
    addresses = [buffer.address for buffer in first]
    del first
    assert [buffer.address for buffer in reused.take()] == addresses


@pytest.mark.usefixtures("_nobody_else")
def test_what_is_held_is_replaced_and_the_rest_given_again() -> None:
    reused = ReusedBuffers([100, 200, 300], Pool())
    held = reused.take()[1]
    view = held.array(np.uint8, (200,))
    view[:] = 7
    again = reused.take()
    assert again[1] is not held and again[1].address != held.address
    again[1].array(np.uint8, (200,))[:] = 9
    assert (view == 7).all()
    others = again[0], again[2]
    assert others[0].address not in (held.address, again[1].address)
    del again
    third = reused.take()  # now the others are held
    assert third[0] is not others[0] and third[2] is not others[1]


@pytest.mark.usefixtures("_nobody_else")
def test_what_others_have_seen_is_not_given_again() -> None:
    reused = ReusedBuffers([64], Pool())
    view = reused.take()[0].array(np.uint8, (64,))  # outlives the buffer
    view[:] = 3
    reused.take()[0].array(np.uint8, (64,))[:] = 5
    assert (view == 3).all()


@pytest.mark.usefixtures("_nobody_else")
def test_much_memory_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "REUSED_EACH", 1 << 12)
    pool = Pool()
    reused = ReusedBuffers([1 << 12, 1], pool)
    reused.take()
    gc.collect()
    assert pool.bytes_in_use == 0


@pytest.mark.usefixtures("_nobody_else")
def test_all_is_given_back_when_it_would_be_too_much_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "REUSED_TOGETHER", 1 << 13)
    pool = Pool()
    users = [ReusedBuffers([1 << 12], pool) for _ in range(5)]
    for user in users:
        user.take()
        assert pool.bytes_in_use <= 1 << 13
    for user in users:  # still fit for use
        assert len(user.take()) == 1


@pytest.mark.usefixtures("_nobody_else")
def test_memory_goes_with_its_user() -> None:
    pool = Pool()
    reused = ReusedBuffers([1000], pool)
    reused.take()
    assert pool.bytes_in_use > 0
    del reused
    assert pool.bytes_in_use == 0


@pytest.mark.usefixtures("_nobody_else")
def test_memory_is_not_kept_for_those_who_seldom_ask() -> None:
    """Of many users in turn each gets what the one before has dropped, which is still in the processor's cache."""
    pool = Pool()
    users = [ReusedBuffers([5000], pool) for _ in range(4 * memory.REUSED_WITHIN)]
    for _ in range(3):
        addresses = {user.take()[0].address for user in users}
    assert len(addresses) == 1 and pool.bytes_in_use == 0
    for _ in range(3):
        address = users[0].take()[0].address
    assert users[0].take()[0].address == address and pool.bytes_in_use
