"""Batches out of samples of every kind."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import flambeau
from flambeau.utils.data import default_collate, default_convert
from flambeau.utils.data._utils.collate import collate, default_collate_fn_map

Point = namedtuple("Point", "x y")


def test_tensors_are_stacked():
    batch = default_collate([flambeau.ones(2, 3), flambeau.zeros(2, 3)])
    assert batch.shape == (2, 2, 3) and batch[:, 0, 0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
def test_arrays_become_tensors_of_their_dtype(dtype):
    batch = default_collate([np.array([1, 0], dtype), np.array([0, 1], dtype)])
    assert str(batch.dtype) == f"torch.{dtype}"
    assert batch.tolist() == [[1, 0], [0, 1]]


def test_numbers():
    assert default_collate([1, 2]).dtype == flambeau.int64
    assert default_collate([1.5, 2.0]).dtype == flambeau.float64
    assert default_collate([True, False]).dtype == flambeau.bool
    assert default_collate([np.float32(1.5), np.float32(2)]).dtype == flambeau.float32
    assert default_collate([np.array(3), np.array(4)]).tolist() == [3, 4]


def test_text_stays():
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert default_collate([b"a", b"b"]) == [b"a", b"b"]


def test_containers_keep_their_kind():
    batch = default_collate([Point(1, "a"), Point(2, "b")])
    assert isinstance(batch, Point) and batch.x.tolist() == [1, 2] and batch.y == ("a", "b")
    batch = default_collate([OrderedDict(k=[1, 2.0]), OrderedDict(k=[3, 4.0])])
    assert type(batch) is OrderedDict and type(batch["k"]) is list
    assert [column.tolist() for column in batch["k"]] == [[1, 3], [2.0, 4.0]]
    batch = default_collate([(1, (2, 3)), (4, (5, 6))])
    assert type(batch) is list and type(batch[1]) is list and batch[1][1].tolist() == [3, 6]


def test_what_cannot_be_batched_is_named():
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1, 2], [3]])
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        default_collate([np.zeros(2), np.zeros(3)])
    with pytest.raises(TypeError, match="default_collate: batch must contain"):
        default_collate([object()])
    with pytest.raises(TypeError, match="<U1"):
        default_collate([np.array(["a"])])


def test_own_types_are_looked_up_by_isinstance():
    class Odd(Exception):
        pass

    def join(batch, *, collate_fn_map=None):
        return [str(item) for item in batch]

    mapping = {**default_collate_fn_map, Exception: join}
    assert collate([Odd("a"), Odd("b")], collate_fn_map=mapping) == ["a", "b"]


def test_conversion_of_one_sample():
    sample = default_convert({"a": np.arange(2), "b": ("x", np.float32(1)), "c": None})
    assert sample["a"].tolist() == [0, 1] and sample["b"][0] == "x" and sample["b"][1].item() == 1.0
    assert sample["c"] is None


def test_tensors_in_memory_are_copied():
    array = np.arange(6.0).reshape(2, 3)
    samples = [flambeau.from_numpy(row) for row in array] + [flambeau.zeros(3, 2, dtype=flambeau.float64).t()[1]]
    batch = default_collate(samples)
    array[:] = 7
    assert batch.tolist() == [[0, 1, 2], [3, 4, 5], [0, 0, 0]]
    halves = [flambeau.tensor([k, 1.5], dtype=flambeau.bfloat16) for k in range(2)]
    assert default_collate(halves).tolist() == [[0, 1.5], [1, 1.5]]
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        default_collate([flambeau.zeros(2), flambeau.zeros(3)])


def test_gradients_flow_through_a_batch():
    x = flambeau.ones(2, requires_grad=True)
    default_collate([x, 2 * x]).sum().backward()
    assert x.grad.tolist() == [3, 3]
