"""Samplers: orders of indices."""

import itertools
from collections import Counter

import pytest

import flambeau
from flambeau.utils.data import (
    BatchSampler,
    DataLoader,
    DistributedSampler,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def test_sequential():
    assert list(SequentialSampler("abc")) == [0, 1, 2]


def test_random_order_is_a_permutation_from_the_generator():
    def order(seed):
        return list(RandomSampler(range(50), generator=flambeau.Generator().manual_seed(seed)))

    assert sorted(order(1)) == list(range(50))
    assert order(1) == order(1) != order(2)


def test_random_order_follows_the_global_seed():
    flambeau.manual_seed(5)
    first = list(RandomSampler(range(20)))
    flambeau.manual_seed(5)
    assert list(RandomSampler(range(20))) == first


def test_more_samples_than_there_are_go_round_again():
    drawn = list(RandomSampler(range(4), num_samples=10))
    assert len(drawn) == 10
    assert sorted(drawn[:4]) == sorted(drawn[4:8]) == [0, 1, 2, 3]
    assert len(set(drawn[8:])) == 2


def test_drawing_with_replacement_is_lazy():
    sampler = RandomSampler(range(3), replacement=True, num_samples=10**10)
    assert len(sampler) == 10**10
    drawn = list(itertools.islice(iter(sampler), 3000))
    assert set(drawn) == {0, 1, 2}
    assert min(Counter(drawn).values()) > 850


def test_with_replacement_the_number_is_kept():
    assert len(list(RandomSampler(range(3), replacement=True, num_samples=2050))) == 2050


@pytest.mark.parametrize("count", [0, -1, 2.5])
def test_wrong_numbers_of_samples(count):
    with pytest.raises(ValueError, match="positive integer"):
        RandomSampler(range(3), num_samples=count)


def test_subset_in_random_order():
    assert sorted(SubsetRandomSampler([3, 5, 9])) == [3, 5, 9]


def test_weights():
    drawn = Counter(WeightedRandomSampler([0.0, 1.0, 3.0], 4000))
    assert 0 not in drawn
    assert 2.5 < drawn[2] / drawn[1] < 3.5
    assert sorted(WeightedRandomSampler([1.0, 2.0, 3.0], 3, replacement=False)) == [0, 1, 2]
    with pytest.raises(ValueError, match="1d sequence"):
        WeightedRandomSampler([[1.0]], 1)


@pytest.mark.parametrize(
    ("drop_last", "expected"), [(False, [[0, 1, 2], [3, 4, 5], [6]]), (True, [[0, 1, 2], [3, 4, 5]])]
)
def test_batches(drop_last, expected):
    sampler = BatchSampler(range(7), 3, drop_last)
    assert list(sampler) == expected
    assert len(sampler) == len(expected)


@pytest.mark.parametrize(("size", "drop_last"), [(10, False), (10, True), (12, False), (2, False)])
def test_processes_share_the_samples(size, drop_last):
    shares = [list(DistributedSampler(range(size), 4, rank, drop_last=drop_last)) for rank in range(4)]
    assert len({len(share) for share in shares}) == 1
    seen = set().union(*shares)
    if drop_last:
        assert len(seen) == sum(map(len, shares)) == size // 4 * 4
    else:
        assert seen == set(range(size))


def test_epochs_have_orders_of_their_own():
    sampler = DistributedSampler(range(30), 2, 0, seed=1)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert list(DistributedSampler(range(4), 2, 1, shuffle=False)) == [1, 3]
    with pytest.raises(ValueError, match="Invalid rank"):
        DistributedSampler(range(4), 2, 2)


def test_loader_takes_any_iterable_of_indices():
    batches = [batch.tolist() for batch in DataLoader(range(10), sampler=[5, 3, 1], batch_size=2)]
    assert batches == [[5, 3], [1]]
    batches = [batch.tolist() for batch in DataLoader(range(10), batch_sampler=[[0], [9, 8]])]
    assert batches == [[0], [9, 8]]
