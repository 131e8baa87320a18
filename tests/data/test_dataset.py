"""Datasets: which sample is where."""

import pytest

import flambeau
from flambeau.utils.data import (
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Numbers(Dataset):
    def __init__(self, *numbers):
        self.numbers = numbers

    def __getitem__(self, index):
        return self.numbers[index]

    def __len__(self):
        return len(self.numbers)


class Stream(IterableDataset):
    def __init__(self, *numbers):
        self.numbers = numbers

    def __iter__(self):
        return iter(self.numbers)

    def __len__(self):
        return len(self.numbers)


def test_tensor_dataset_gives_rows():
    x, y = flambeau.arange(6).reshape(3, 2), flambeau.tensor([7, 8, 9])
    dataset = TensorDataset(x, y)
    first, second = dataset[1]
    assert len(dataset) == 3
    assert first.tolist() == [2, 3] and second.item() == 8
    with pytest.raises(AssertionError, match="Size mismatch"):
        TensorDataset(x, flambeau.zeros(2))


def test_concatenation_finds_samples_from_both_ends():
    dataset = Numbers(0, 1, 2) + Numbers(3) + Numbers(4, 5)
    assert isinstance(dataset, ConcatDataset)
    assert [dataset[i] for i in range(len(dataset))] == [0, 1, 2, 3, 4, 5]
    assert [dataset[i] for i in range(-6, 0)] == [0, 1, 2, 3, 4, 5]
    assert dataset.cumulative_sizes == [4, 6]
    with pytest.raises(ValueError, match="absolute value of index"):
        dataset[-7]
    with pytest.raises(AssertionError, match="IterableDataset"):
        ConcatDataset([Stream(1)])


def test_streams_one_after_the_other():
    dataset = Stream(1, 2) + Stream(3)
    assert isinstance(dataset, ChainDataset)
    assert list(dataset) == [1, 2, 3] and len(dataset) == 3
    with pytest.raises(AssertionError):
        list(ChainDataset([Numbers(1)]))


def test_datasets_side_by_side():
    assert StackDataset(Numbers(1, 2), Numbers(3, 4))[1] == (2, 4)
    assert StackDataset(a=Numbers(1, 2), b=Numbers(3, 4)).__getitems__([1, 0]) == [{"a": 2, "b": 4}, {"a": 1, "b": 3}]
    with pytest.raises(ValueError, match="Size mismatch"):
        StackDataset(Numbers(1), Numbers(1, 2))


def test_subset_of_a_subset():
    dataset = Subset(Subset(Numbers(*range(10)), [9, 8, 7]), [2, 0])
    assert [dataset[0], dataset[1]] == [7, 9]
    assert dataset.__getitems__([1, 0]) == [9, 7]


def test_subset_with_its_own_samples_needs_them_in_batches_too():
    class Doubled(Subset):
        def __getitem__(self, index):
            return 2 * super().__getitem__(index)

    with pytest.raises(NotImplementedError, match="__getitems__"):
        Doubled(Numbers(1), [0])


def test_random_split_is_a_partition_that_a_generator_fixes():
    def split():
        generator = flambeau.Generator().manual_seed(3)
        return [part.indices for part in random_split(Numbers(*range(10)), [3, 7], generator=generator)]

    first, second = split()
    assert (len(first), len(second)) == (3, 7)
    assert sorted(first + second) == list(range(10))
    assert split() == [first, second]
    assert first + second != list(range(10))


def test_random_split_by_fractions_deals_out_what_is_left():
    parts = random_split(range(10), [0.55, 0.25, 0.2])
    assert [len(part) for part in parts] == [6, 2, 2]
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        random_split(range(1), [0.9, 0.1])
    with pytest.raises(ValueError, match="does not equal the length"):
        random_split(range(10), [3, 3])
    with pytest.raises(ValueError, match="between 0 and 1"):
        random_split(range(10), [1.5, -0.5])


def test_a_plain_list_is_a_dataset():
    assert [batch.tolist() for batch in DataLoader([1, 2, 3], batch_size=2)] == [[1, 2], [3]]


def test_a_batch_of_a_tensor_dataset_is_one_gather(monkeypatch):
    x, y = flambeau.arange(20.0).reshape(10, 2), flambeau.arange(10)
    dataset = Subset(TensorDataset(x, y), [9, 1, 4, 7])
    monkeypatch.setattr(TensorDataset, "__getitem__", lambda self, index: pytest.fail("rows were read one by one"))
    batches = list(DataLoader(dataset, batch_size=3))
    assert [type(batch) for batch in batches] == [list, list]
    assert [rows.tolist() for rows in batches[0]] == [[[18.0, 19.0], [2.0, 3.0], [8.0, 9.0]], [9, 1, 4]]
    assert [rows.tolist() for rows in batches[1]] == [[[14.0, 15.0]], [7]]


def test_a_subclass_of_a_tensor_dataset_is_asked_for_each_sample():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * row for row in super().__getitem__(index))

    (batch,) = DataLoader(Doubled(flambeau.arange(3)), batch_size=3)
    assert batch[0].tolist() == [0, 2, 4]
