"""Memory that the same user asks for again and again."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from flambeau.cpu import recurring
from flambeau.cpu.memory import Pool
from flambeau.cpu.recurring import Recurring


@pytest.fixture(autouse=True)
def _nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurring, "_kept_bytes", 0)


def test_what_was_dropped_is_given_again() -> None:
    memory = Recurring([100, 0, 5000], Pool())
    first = memory.take()
    assert [buffer.nbytes >= size for buffer, size in zip(first, memory.sizes)] == [True] * 3
    addresses = [buffer.address for buffer in first]
    del first
    assert [buffer.address for buffer in memory.take()] == addresses


def test_what_is_held_is_replaced_and_the_rest_given_again() -> None:
    memory = Recurring([100, 200, 300], Pool())
    held = memory.take()[1]
    view = held.array(np.uint8, (200,))
    view[:] = 7
    again = memory.take()
    assert again[1] is not held and again[1].address != held.address
    again[1].array(np.uint8, (200,))[:] = 9
    assert (view == 7).all()
    others = again[0], again[2]
    assert others[0].address not in (held.address, again[1].address)
    del again
    third = memory.take()  # now the others are held
    assert third[0] is not others[0] and third[2] is not others[1]


def test_what_others_have_seen_is_not_given_again() -> None:
    memory = Recurring([64], Pool())
    view = memory.take()[0].array(np.uint8, (64,))  # outlives the buffer
    view[:] = 3
    memory.take()[0].array(np.uint8, (64,))[:] = 5
    assert (view == 3).all()


def test_much_memory_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurring, "EACH", 1 << 12)
    pool = Pool()
    memory = Recurring([1 << 12, 1], pool)
    memory.take()
    gc.collect()
    assert pool.bytes_in_use == 0


def test_all_is_given_back_when_it_would_be_too_much_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurring, "TOGETHER", 1 << 13)
    pool = Pool()
    users = [Recurring([1 << 12], pool) for _ in range(5)]
    for user in users:
        user.take()
        assert pool.bytes_in_use <= 1 << 13
    for user in users:  # still fit for use
        assert len(user.take()) == 1


def test_memory_goes_with_its_user() -> None:
    pool = Pool()
    memory = Recurring([1000], pool)
    memory.take()
    assert pool.bytes_in_use > 0
    del memory
    assert pool.bytes_in_use == 0
