"""Several threads write to one tensor at the same time: what they write to different elements is all there afterwards."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from in_threads import together

import flambeau
from flambeau import Tensor

THREADS = 4
LENGTH = 48
PART = LENGTH // THREADS

Write = Callable[[Tensor, int, Any], object]
PLACES = [flambeau.arange(k, LENGTH, THREADS) for k in range(THREADS)]
MASKS = [flambeau.arange(LENGTH) % THREADS == k for k in range(THREADS)]


def _part(value: Any, like: Tensor) -> Tensor:
    return flambeau.full((PART,), value, dtype=like.dtype)


def _elements(x: Tensor, k: int, value: Any) -> None:
    for place in range(k, LENGTH, THREADS):
        x[place] = value


def _added_elements(x: Tensor, k: int, value: Any) -> None:
    for place in range(k, LENGTH, THREADS):
        x[place] = 0
        x[place] += value


#: Ways to put ``value`` into every fourth element from the ``k``-th on.
WAYS: dict[str, Write] = {
    "elements": _elements,
    "added elements": _added_elements,
    "a slice of numbers": lambda x, k, value: x.__setitem__(slice(k, None, THREADS), value),
    "a slice of a tensor": lambda x, k, value: x.__setitem__(slice(k, None, THREADS), _part(value, x)),
    "a view, copied to": lambda x, k, value: x[k::THREADS].copy_(_part(value, x)),
    "a view, filled": lambda x, k, value: x[k::THREADS].fill_(value),
    "a view, changed": lambda x, k, value: x[k::THREADS].mul_(0).add_(value),
    "a view as out": lambda x, k, value: flambeau.add(_part(value, x), 0, out=x[k::THREADS]),
    "a view of two dimensions": lambda x, k, value: x.view(PART, THREADS).T[k].fill_(value),
    "masked_fill_": lambda x, k, value: x.masked_fill_(MASKS[k], value),
    "a mask": lambda x, k, value: x.__setitem__(MASKS[k], value),
    "a mask, of a tensor": lambda x, k, value: x.__setitem__(MASKS[k], _part(value, x)),
    "masked_scatter_": lambda x, k, value: x.masked_scatter_(MASKS[k], _part(value, x)),
    "places": lambda x, k, value: x.__setitem__(PLACES[k], value),
    "index_put_": lambda x, k, value: x.index_put_((PLACES[k],), _part(value, x)),
    "index_fill_": lambda x, k, value: x.index_fill_(0, PLACES[k], value),
    "index_copy_": lambda x, k, value: x.index_copy_(0, PLACES[k], _part(value, x)),
    "index_add_": lambda x, k, value: x.index_fill_(0, PLACES[k], 0).index_add_(0, PLACES[k], _part(value, x)),
    "scatter_": lambda x, k, value: x.scatter_(0, PLACES[k], _part(value, x)),
    "scatter_add_": lambda x, k, value: x.scatter_(0, PLACES[k], 0).scatter_add_(0, PLACES[k], _part(value, x)),
    "put_": lambda x, k, value: x.put_(PLACES[k], _part(value, x)),
}


pytestmark = pytest.mark.usefixtures("hasty")


def _tensor(draw: random.Random) -> tuple[Tensor, Any]:
    """A tensor of zeros: recorded just now, in memory, a view, seen by NumPy; and the array that sees it."""
    d = draw.choice([flambeau.float32, flambeau.float64, flambeau.bfloat16, flambeau.int64, flambeau.uint8])
    kind = draw.randrange(5)
    if kind == 0 and d is not flambeau.bfloat16:
        array = np.zeros(LENGTH, dtype=d.numpy)
        return flambeau.from_numpy(array), array
    x = flambeau.zeros(LENGTH, dtype=d) if kind < 3 else flambeau.zeros(6, LENGTH // 6, dtype=d).view(-1)
    if kind != 1:
        x.tolist()
    return x, x.numpy() if kind == 4 and d is not flambeau.bfloat16 else None


@pytest.mark.parametrize("way", WAYS)
def test_no_write_to_other_elements_is_lost(way: str) -> None:
    draw = random.Random(way)
    for _ in range(40):
        x, array = _tensor(draw)
        values = [draw.randrange(1, 100) for _ in range(THREADS)]
        together(*[partial(WAYS[way], x, k, values[k]) for k in range(THREADS)])
        expected = [values[place % THREADS] for place in range(LENGTH)]
        assert x.tolist() == expected
        assert array is None or array.tolist() == expected


def test_no_write_is_lost_whatever_the_others_do() -> None:
    """Each thread writes in several ways, and reads; some look at its elements, or at all, while others write."""
    draw = random.Random(0)
    for _ in range(150):
        x, array = _tensor(draw)
        last = [0] * THREADS

        def work(k: int, seed: int, x: Tensor = x, last: list[int] = last) -> None:
            own = random.Random(seed)
            for _ in range(4):
                last[k] = own.randrange(1, 100)
                WAYS[own.choice(list(WAYS))](x, k, last[k])
                action = own.randrange(4)
                if action == 0:
                    assert x[k::THREADS].tolist() == [last[k]] * PART
                elif action == 1:
                    assert (x * 1)[k].item() == last[k]
                elif action == 2 and x.dtype is not flambeau.bfloat16:
                    assert x.numpy()[k] == last[k]

        together(*[partial(work, k, draw.randrange(1 << 20)) for k in range(THREADS)])
        expected = [last[place % THREADS] for place in range(LENGTH)]
        assert x.tolist() == expected
        assert array is None or array.tolist() == expected


def test_numbers_read_while_others_write_are_old_or_new() -> None:
    """All elements are replaced at once, in place: memory that is given to something else meanwhile would show."""
    x = flambeau.zeros(LENGTH)
    other = flambeau.full((LENGTH,), -1.0)
    done = threading.Event()

    def write() -> None:
        try:
            for k in range(400):
                x.fill_(float(k)) if k % 3 else x.copy_(other * 0 + k)
                _ = (other * 3).tolist()
        finally:
            done.set()

    def read() -> None:
        while not done.is_set():
            assert x[5].item() >= 0
            assert min(x.tolist()) >= 0
            assert flambeau.stack([x[3], x[4]]).min().item() >= 0
            assert "-" not in str(x)

    together(*[write, read, read])


def test_an_array_of_a_tensor_that_is_written_to_shows_what_is_written_afterwards() -> None:
    for number in range(150):
        x = flambeau.zeros(LENGTH)
        arrays: list[Any] = []
        together(*[partial(x.add_, 1), lambda x=x, arrays=arrays: arrays.append(x.numpy())])  # type: ignore[misc]
        x.fill_(number)
        assert arrays[0].tolist() == [number] * LENGTH
        arrays[0][:] = 7
        assert x.tolist() == [7] * LENGTH
