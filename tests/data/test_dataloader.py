"""The loader, with and without workers."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import flambeau
from flambeau.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info


class Pictures(Dataset):
    """Samples large enough to travel through shared memory, each full of its own number."""

    def __len__(self):
        return 20

    def __getitem__(self, index):
        return np.full((3, 64, 64), index, np.float32), index, {"name": str(index), "t": flambeau.tensor([index])}


class Each(Dataset):
    """Samples made by a function of the index."""

    def __init__(self, function, length=8):
        self.function = function
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return self.function(index)


class Shared(IterableDataset):
    """A stream that workers share."""

    def __iter__(self):
        info = get_worker_info()
        return iter(range(10)) if info is None else iter(range(info.id, 10, info.num_workers))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_are_whole_and_in_order(workers):
    seen = []
    for pictures, numbers, more in DataLoader(Pictures(), batch_size=6, num_workers=workers):
        assert pictures.shape == (len(numbers), 3, 64, 64) and pictures.dtype == flambeau.float32
        assert (pictures == numbers.reshape(-1, 1, 1, 1)).all()
        assert more["name"] == [str(n) for n in numbers.tolist()]
        assert more["t"].flatten().tolist() == numbers.tolist()
        seen += numbers.tolist()
    assert seen == list(range(20))


def test_batches_keep_their_values_while_workers_go_on():
    batches = list(DataLoader(Pictures(), batch_size=2, num_workers=2))
    for batch, (pictures, _, _) in enumerate(batches):
        assert pictures[:, 0, 0, 0].tolist() == [2 * batch, 2 * batch + 1]


def test_options_of_batches():
    loader = DataLoader(range(7), batch_size=3, drop_last=True)
    assert len(loader) == 2 and [b.tolist() for b in loader] == [[0, 1, 2], [3, 4, 5]]
    assert [int(s) for s in DataLoader(list(np.arange(3)), batch_size=None)] == [0, 1, 2]
    assert list(DataLoader([1, 2, 3], batch_size=2, collate_fn=sum)) == [3, 3]


@pytest.mark.parametrize("workers", [0, 2])
def test_shuffling_follows_the_generator(workers):
    def order(seed):
        generator = flambeau.Generator().manual_seed(seed)
        loader = DataLoader(range(12), batch_size=5, shuffle=True, generator=generator, num_workers=workers)
        return [n for batch in loader for n in batch.tolist()]

    assert sorted(order(1)) == list(range(12))
    assert order(1) == order(1) != order(2)


def test_number_of_workers_does_not_change_the_order():
    orders = []
    for workers in (0, 2):
        flambeau.manual_seed(9)
        loader = DataLoader(range(12), batch_size=5, shuffle=True, num_workers=workers)
        orders.append([[n for batch in loader for n in batch.tolist()] for _ in range(2)])
    assert orders[0] == orders[1]


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        (0, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]),
        (2, [[0, 2, 4, 6], [1, 3, 5, 7], [8], [9]]),
    ],
)
def test_streams(workers, expected):
    assert [batch.tolist() for batch in DataLoader(Shared(), batch_size=4, num_workers=workers)] == expected


def test_persistent_workers_begin_again_even_after_a_break():
    loader = DataLoader(Each(lambda i: (i, os.getpid())), batch_size=2, num_workers=2, persistent_workers=True)
    epochs = [[batch[0].tolist() for batch in loader] for _ in range(2)]
    assert epochs[0] == epochs[1] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    first = {int(pid) for batch in loader for pid in batch[1]}
    next(iter(loader))
    second = {int(pid) for batch in loader for pid in batch[1]}
    assert first == second and len(first) == 2


def test_persistent_stream_begins_again():
    loader = DataLoader(Shared(), batch_size=4, num_workers=2, persistent_workers=True)
    assert [b.tolist() for b in loader] == [b.tolist() for b in loader]


def test_batches_as_they_come():
    def slow_first(index):
        time.sleep(0.4 if index == 0 else 0)
        return index

    loader = DataLoader(Each(slow_first), batch_size=1, num_workers=2, in_order=False)
    arrived = [batch.item() for batch in loader]
    assert sorted(arrived) == list(range(8)) and arrived[0] != 0


def test_seeds_differ_between_workers_and_repeat():
    def draw(index):
        return random.random(), np.random.rand(), flambeau.rand(1).item(), get_worker_info().seed

    def epoch():
        flambeau.manual_seed(3)
        return [[c.item() for c in batch] for batch in DataLoader(Each(draw, 2), batch_size=1, num_workers=2)]

    first, second = epoch()
    assert epoch() == [first, second]
    assert all(a != b for a, b in zip(first, second))
    assert second[3] == first[3] + 1


def test_worker_init_fn_and_info():
    def start(number):
        get_worker_info().dataset.offset = 100 * (number + 1)

    class Offset(Each):
        offset = 0

        def __getitem__(self, index):
            info = get_worker_info()
            assert info.dataset is self and info.num_workers == 2
            return index + self.offset

    loader = DataLoader(Offset(None), batch_size=4, num_workers=2, worker_init_fn=start)
    assert [b.tolist() for b in loader] == [[100, 101, 102, 103], [204, 205, 206, 207]]
    assert get_worker_info() is None


def test_an_error_comes_with_the_workers_traceback():
    def fail_at_five(index):
        if index == 5:
            raise ValueError("five is bad")
        return index

    loader = iter(DataLoader(Each(fail_at_five), batch_size=2, num_workers=2))
    assert next(loader).tolist() == [0, 1]
    assert next(loader).tolist() == [2, 3]
    with pytest.raises(ValueError) as error:
        next(loader)
    text = str(error.value)
    assert text.startswith(
        "Caught ValueError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):"
    )
    assert 'raise ValueError("five is bad")' in text and text.endswith("ValueError: five is bad\n")
    assert next(loader).tolist() == [6, 7]


def test_errors_of_every_type_arrive():
    class Picky(Exception):
        def __init__(self, a, b):
            super().__init__(a)

    def key_error(index):
        raise KeyError("lines\nkept")

    def picky(index):
        raise Picky(1, 2)

    with pytest.raises(KeyError, match="\nKeyError: 'lines"):
        list(DataLoader(Each(key_error), num_workers=1))
    with pytest.raises(RuntimeError, match="Picky"):
        list(DataLoader(Each(picky), num_workers=1))


def test_an_error_in_worker_init_fn_arrives():
    def fail(number):
        raise OSError("no disk")

    with pytest.raises(OSError, match="Caught OSError in DataLoader worker process"):
        list(DataLoader(range(4), num_workers=2, worker_init_fn=fail))


def test_a_killed_worker_is_noticed():
    def die(index):
        if index == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return index

    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+, killed by signal: Killed\) exited"):
        list(DataLoader(Each(die), batch_size=2, num_workers=2))


def test_timeout():
    loader = DataLoader(Each(lambda i: time.sleep(0.6 * (i == 1))), num_workers=1, timeout=0.1, collate_fn=len)
    with pytest.raises(RuntimeError, match="timed out after 0.1 seconds"):
        list(loader)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_ways_to_start_workers(method):
    dataset = TensorDataset(flambeau.arange(40000.0).reshape(4, 10000))
    loader = DataLoader(dataset, batch_size=2, num_workers=1, multiprocessing_context=method)
    assert [batch[0][:, 0].tolist() for batch in loader] == [[0.0, 10000.0], [20000.0, 30000.0]]


def test_workers_end_with_their_parent():
    program = """
import os, sys, time
from flambeau.utils.data import DataLoader
class Slow:
    def __len__(self): return 100
    def __getitem__(self, i):
        print(os.getpid(), flush=True)
        return i
loader = iter(DataLoader(Slow(), num_workers=2))
next(loader)
os.kill(os.getpid(), 9)
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    pids = {int(line) for line in result.stdout.split()}
    assert pids
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(os.path.exists(f"/proc/{pid}/stat") for pid in pids):
        time.sleep(0.05)
    assert not any(os.path.exists(f"/proc/{pid}/stat") for pid in pids)


def test_large_lists_do_not_lock_parent_and_worker():
    words = ["word" * 50] * 3000
    loader = DataLoader(Each(lambda i: i, 60000), batch_size=30000, num_workers=1, collate_fn=lambda batch: words)
    assert [len(batch) for batch in loader] == [3000, 3000]


def test_workers_start_while_kernels_have_run_on_threads():
    x = flambeau.ones(512, 512)
    assert (x @ x)[0, 0].item() == 512
    loader = DataLoader(
        Each(lambda i: (flambeau.full((64, 64), 1.0) @ flambeau.full((64, 64), float(i))).sum()), num_workers=2
    )
    assert [batch.item() for batch in loader] == [64.0 * 64 * 64 * i for i in range(8)]


def test_a_stream_longer_than_it_said():
    class Long(Shared):
        def __len__(self):
            return 8

    with pytest.warns(UserWarning, match="was reported to be 2 .* but 3 samples have been fetched"):
        list(DataLoader(Long(), batch_size=4))


def test_contradictory_options_are_refused():
    for options, message in (
        ({"num_workers": -1}, "non-negative"),
        ({"timeout": -1}, "timeout"),
        ({"prefetch_factor": 2}, "prefetch_factor"),
        ({"persistent_workers": True}, "persistent_workers"),
        ({"sampler": [0], "shuffle": True}, "mutually exclusive"),
        ({"batch_sampler": [[0]], "batch_size": 3}, "mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "mutually exclusive"),
        ({"multiprocessing_context": "fork"}, "num_workers > 0"),
        ({"multiprocessing_context": "sporn", "num_workers": 1}, "valid start method"),
    ):
        with pytest.raises(ValueError, match=message):
            DataLoader(range(3), **options)
    with pytest.raises(ValueError, match="IterableDataset"):
        DataLoader(Shared(), shuffle=True)
    loader = DataLoader(range(3))
    with pytest.raises(ValueError, match="after DataLoader is initialized"):
        loader.batch_size = 2


def test_pinning_is_harmless():
    assert len(list(DataLoader(range(3), pin_memory=True, pin_memory_device="cuda"))) == 3


def test_names_that_libraries_annotate_with():
    from torch.utils.data import dataloader as theirs

    from flambeau.utils.data import dataloader as ours

    assert str(ours._collate_fn_t) == str(theirs._collate_fn_t) and ours._worker_init_fn_t == theirs._worker_init_fn_t
    assert ours._utils.collate.default_collate is ours.default_collate
