"""Tensors made from Python's and NumPy's data: dtypes, shapes, values and errors as PyTorch's."""

from __future__ import annotations

import array
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau


class Members:
    """A sequence by protocol alone."""

    def __init__(self, members: Any) -> None:
        self.members = members

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, index: int) -> Any:
        return self.members[index]


class Whole:
    def __index__(self) -> int:
        return 3


class Real:
    def __float__(self) -> float:
        return 3.5


EXPRESSIONS = """
    T([T(1, dtype=lib.int32), T(1, dtype=lib.int16)])
    T([[T([1.0])], [2]])
    T([[T(1.0), 2], [3, T(4)]])
    T([T([[1.0]]), T([[2.0]])])
    T([1, True, 2.5])
    T([[], []])
    T([[1], []])
    T(())
    T([[np.array([1.0, 2])], [np.array([3.0, 4])]])
    T([np.bool_(True), np.bool_(False)])
    T([np.uint8(3), np.int8(2)])
    T([[np.float64(1)], [np.float64(2)]])
    T(np.int16(1))
    T(np.bool_(True))
    T(np.array([1, 2], dtype=np.int16))
    T(np.array([], dtype=np.float32))
    T(np.array(2.5))
    T(np.array([[1, 2]]), dtype=lib.float32)
    T(np.array([1, 2], dtype=">f4"))
    T(np.array([object()]))
    T(np.matrix([[1, 2]]))
    T([[[1, 2]], [[3]]])
    T([[1, 2], [3, 4, 5]])
    T([[[1]], [[2], [3]]])
    T(b"ab")
    T(b"")
    T([b"a"])
    T([{1: 2}])
    T(range(3))
    T([range(3), range(3)])
    T([(1, 2), (3, 4)])
    T((x for x in [1, 2]))
    T(map(int, "12"))
    T(Members([[1, 2], [3, 4]]))
    T(Members([1, 2.5]))
    T(memoryview(array.array("f", [1, 2])))
    T(array.array("f", [1.0, 2.0]))
    T(array.array("i", [1, 2]))
    T([array.array("d", [1.0, 2.0])])
    T(T([1.0], requires_grad=True))
    T(lib.Size([1, 2]))
    T([1, 2], requires_grad=True)
    T([1.0, 2], requires_grad=True)
    T([1, 2], dtype=float)
    T([1, 2], dtype=int)
    T([1, 2], dtype=bool)
    T([1, 2], dtype="float32")
    T([1, 2], dtype=np.float32)
    T([1, 2], lib.float32)
    T()
    T(data=[1])
    T(1, 2)
    lib.as_tensor([1, 2.5])
    lib.as_tensor(np.array([1, 2], dtype=np.int16))
    lib.as_tensor([T(1), 2.5])
    lib.as_tensor(np.float32(2))
    lib.as_tensor(np.array([1]), dtype=lib.float32)
    lib.as_tensor([np.array([1.0]), np.array([2.0])])
    lib.as_tensor(T([1]), dtype=lib.float32)
    lib.as_tensor(None)
    lib.as_tensor("a")
    lib.as_tensor(range(3))
    lib.as_tensor(3)
    lib.as_tensor(array.array("i", [1, 2]))
    lib.asarray([1, 2.5])
    lib.asarray(array.array("f", [1, 2]))
    lib.asarray(array.array("f", [1, 2]), dtype=lib.float32)
    lib.asarray(b"abcd", dtype=lib.uint8)
    lib.asarray(bytearray(b"abcd"))
    lib.asarray(bytearray(b"abcd"), dtype=lib.uint8)
    lib.asarray(bytearray(b"abcd"), dtype=lib.int16)
    lib.asarray(bytearray(b"abcde"), dtype=lib.int16)
    lib.asarray(T([1.0]), copy=True)
    lib.asarray(T([1.0]), copy=False)
    lib.asarray([1.0], copy=False)
    lib.asarray(3)
    lib.asarray(3.5, dtype=lib.int32)
    lib.asarray(np.float32(3))
    lib.asarray(T([1.0]), requires_grad=True)
    lib.asarray(None)
    lib.asarray("a")
    lib.from_numpy(np.float32(1))
    lib.from_numpy(np.array(2.0))
    lib.frombuffer(bytearray(b"abcd"), dtype=lib.int16)
    lib.frombuffer(bytearray(b"abcd"), dtype=lib.uint8, offset=1)
    lib.frombuffer(bytearray(b"abcd"), dtype=lib.uint8, count=2)
    lib.frombuffer(bytearray(b"abcd"), dtype=lib.uint8, offset=4)
    lib.frombuffer(bytearray(b"abcd"), dtype=lib.uint8, offset=-1)
    lib.frombuffer(bytearray(b"abcd"), dtype=lib.uint8, count=5)
    lib.frombuffer(bytearray(b"abcde"), dtype=lib.int16)
    lib.frombuffer(bytearray(b""), dtype=lib.int16)
    lib.frombuffer(bytearray(b"abcd"), dtype=lib.uint8, count=0)
    lib.frombuffer(array.array("f", [1, 2]), dtype=lib.float32)
    lib.frombuffer(bytearray(b"abcd"), dtype=lib.bfloat16)
    lib.frombuffer([1], dtype=lib.uint8)
    lib.frombuffer(bytearray(b"ab"))
    lib.Tensor()
    lib.Tensor(2).shape
    lib.Tensor(2, 3).shape
    lib.Tensor([[1], [2]])
    lib.Tensor([1, 2.5])
    lib.Tensor(2.5)
    lib.Tensor(lib.Size([2])).shape
    lib.Tensor(lib.tensor([1.0]))
    lib.Tensor(lib.tensor([1]))
    lib.Tensor(np.float32(3))
    lib.Tensor(np.int64(3)).shape
    lib.Tensor("a")
    lib.Tensor(None)
    lib.Tensor(range(3))
    lib.Tensor([T(1), T(2.0)])
    lib.Tensor([np.array([1.0, 2.0])])
    lib.Tensor(2, "a")
    lib.Tensor(2, 2.5)
    lib.Tensor(-1)
    lib.Tensor(size=(2, 3)).shape
    lib.Tensor(data=[1])
    lib.Tensor(True)
    lib.Tensor([True])
    lib.Tensor(T(2)).shape
    lib.LongTensor([1, 2.5])
    lib.LongTensor(2).shape
    lib.LongTensor([[1, 2], [3, 4]])
    lib.LongTensor([True])
    lib.LongTensor([1.0])
    lib.LongTensor([2 ** 63])
    lib.ByteTensor([300])
    lib.ByteTensor([1, 0])
    lib.BoolTensor([1, 0])
    lib.BoolTensor([True, 0.5])
    lib.HalfTensor([1.5])
    lib.IntTensor(lib.tensor([1]))
    lib.IntTensor(lib.tensor([1], dtype=lib.int32))
    lib.FloatTensor(2, 3).shape
    lib.FloatTensor()
    lib.FloatTensor(2.0)
    lib.DoubleTensor([T(1.0)])
    lib.LongTensor(range(3))
    lib.FloatTensor(range(3))
    lib.FloatTensor((x for x in [1]))
    T([1]).new_tensor([1.5])
    T([1]).new_tensor(T([1.5]))
    T([1.0]).new_tensor(3)
    T([1.0]).new_tensor(True)
    T([1.0]).new_tensor([1], dtype=lib.int32)
    T([1.0]).new(2).shape
    T([1]).new([1.5])
    T([1.0]).new()
    T([1.0]).new(2, 3).shape
    lib.scalar_tensor(3)
    lib.scalar_tensor(T(3))
    lib.scalar_tensor(True)
    lib.from_dlpack(np.array([1.0, 2.0]))
    lib.from_dlpack(T([1.0, 2.0]))
    lib.from_dlpack(T([1.0, 2.0]).__dlpack__())
    np.from_dlpack(T([1, 2]))
    np.from_dlpack(T([[1, 2], [3, 4]]).t())
    lib.utils.dlpack.from_dlpack(lib.utils.dlpack.to_dlpack(T([1.0])))
    lib.from_dlpack(T([True]))
    lib.from_dlpack(T([1.0], dtype=lib.bfloat16))
    lib.from_dlpack([1])
    lib.full((2,), T(3))
    lib.full((2,), T(3.5))
    lib.full((2,), True)
    lib.full((2,), 1, dtype=lib.float64)
    T([b"a"])
    T([b"ab", b"cd"])
    T([T([1, 2])], dtype=lib.bool)
    T([[T([1, 2]), T([3, 4])]])
    T([(1,), T([2])])
    T([[]], dtype=lib.int64)
    T([[1], "a"])
    T([set()])
    T([np.zeros((2, 2)), np.zeros((2, 3))])
    T([np.zeros((2, 2)), np.zeros(2)])
    T([np.zeros(2), np.zeros((2, 2))])
    T([np.zeros(0)])
    T([np.array([True]), np.array([1.0], dtype=np.float16)])
    T([np.array([1]), [2.5]])
    T([np.array([1], dtype=np.int8), [2]])
    T(T([1]), dtype=float)
    lib.LongTensor([1.5])
    lib.LongTensor([T(1.5)])
    lib.Tensor({})
    lib.Tensor(set())
    lib.Tensor(iter([]))
    lib.Tensor(b"a")
    lib.Tensor(1.0, 2.0)
    lib.Tensor([1], [2])
    lib.Tensor(2, np.int64(3)).shape
    lib.Tensor(device="cpu")
    lib.Tensor([1], device="cpu")
    lib.Tensor(3, device="cpu").shape
"""


NUMBERS = [
    "1", "0", "True", "1.5", "-2.7", "128", "300", "-300", "2**31", "2**63 - 1", "2**63", "-2**63", "-2**63 - 1", "2**70",
    "1e20", "-1e20", "1e40", "70000.0", "255.5", 'float("inf")', 'float("nan")', "None", '"a"', "{}", "object()", "T(1)",
    "T(2.5)", "T(True)", "T(1, dtype=lib.int32)", "T(1.0, dtype=lib.float16)", "T(1.0, dtype=lib.float64)",
    "T(1.0, dtype=lib.bfloat16)", "T(1.0, requires_grad=True)", "np.float32(1.5)", "np.float64(1.5)", "np.int32(3)",
    "np.uint8(3)", "np.float16(2)", "Whole()", "Real()",
]  # fmt: skip
"""What stands for one element, or for none."""
ROWS = [
    "[1, 2]", "[1.5, 2]", "[True, False]", "[3]", "(1, 2)", "range(2)", "T([1, 2])", "T([1])", "T([1.0, 2])", "T([])",
    "np.array([1, 2])", "np.array([1.0, 2], dtype=np.float32)", "np.array([1.0, 2])", "np.zeros((2, 2))", "Members([1, 2])",
    "[T(1), T(2)]", "[np.float32(1), 2]", "lib.ones(2, 2)", "np.array([[1.0, 2], [3, 4]]).T",
]  # fmt: skip
"""What stands for several."""
ODD = [
    "[]", "[[]]", 'array.array("d", [1.0, 2.0])', "{1: 2}", "{1, 2}", "iter([1, 2])", 'memoryview(b"ab")', 'bytearray(b"ab")',
    "[[1, 2], [3]]", '["a"]', "[None]", 'np.array(["a"])',
]  # fmt: skip
"""What some functions take, or none."""
MAKERS = [
    "lib.as_tensor", "lib.asarray", "lib.Tensor", "lib.LongTensor", "lib.FloatTensor", "lib.from_numpy",
    "T([1.0]).new_tensor", "T([1.0]).new",
]  # fmt: skip
DTYPES = "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split()


def told(lib: Any, expression: str) -> Any:
    """Dtype, shape and values of what an expression makes, or the type of the error it ends in."""
    scope = {"lib": lib, "T": lib.tensor, "np": np, "array": array, "Members": Members, "Whole": Whole, "Real": Real}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = eval(expression, scope)
        except Exception as error:
            return type(error)
    if isinstance(made, (torch.Tensor, flambeau.Tensor)):
        return str(made.dtype).rpartition(".")[2], tuple(made.shape), repr(made.tolist()), made.requires_grad
    return repr(made)


@pytest.mark.parametrize("expression", [line.strip() for line in EXPRESSIONS.strip().splitlines()])
def test_as_pytorch(expression: str) -> None:
    assert told(flambeau, expression) == told(torch, expression)


@pytest.mark.parametrize("first", [*NUMBERS, *ROWS, *ODD])
def test_one_in_each_dtype_and_beside_each(first: str) -> None:
    """As every dtype, a number in a list too; beside all others of its kind; as what other functions are given."""
    expressions = [f"T({first})", *(f"T({first}, dtype=lib.{name})" for name in DTYPES)]
    if first in NUMBERS:
        expressions += [f"T([{first}])", *(f"T([{first}], dtype=lib.{name})" for name in DTYPES)]
        expressions += [f"T([{first}, {second}])" for second in NUMBERS]
    else:
        expressions += [f"{make}({first})" for make in MAKERS]
        expressions += [f"T([{first}, {second}])" for second in [*ROWS, "1", "1.5"] if first in ROWS]
    wrong = {e: found for e in expressions if len({*map(repr, found := (told(flambeau, e), told(torch, e)))}) > 1}
    assert not wrong


WORDS = ["T([[1, 2], [3]])", "T([[[1]], [[2], [3]]])", "T([[1, 2], 3])", "T(None)", "T([object()])", "T([300], dtype=lib.uint8)",
         "T(2**63)", "T('a')", "T(['a'])", "lib.Tensor(2.5)"]  # fmt: skip


@pytest.mark.parametrize("expression", WORDS)
def test_words_of_errors(expression: str) -> None:
    said = []
    for lib in (torch, flambeau):
        with pytest.raises(Exception) as caught:
            eval(expression, {"lib": lib, "T": lib.tensor})
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_large_lists() -> None:
    """Extents, dtype and range are told of every element, in about the time of the copy."""
    rows = [[0.5] * 100 for _ in range(100)]
    assert flambeau.tensor(rows).shape == (100, 100)
    rows[99][99] = flambeau.tensor(2.0, dtype=flambeau.float64)
    made = flambeau.tensor(rows)
    assert made.dtype is flambeau.float64 and made[99, 99] == 2
    rows[99] = [1.0]
    with pytest.raises(ValueError, match=r"expected sequence of length 100 at dim 1 \(got 1\)"):
        flambeau.tensor(rows)
    arrays = [np.full((3, 4), k, dtype=np.float32) for k in range(5)]
    assert torch.equal(torch.from_numpy(flambeau.tensor(arrays).numpy()), torch.tensor(np.array(arrays)))


def test_a_sequence_that_contains_itself() -> None:
    knot: list[Any] = [1]
    knot[0] = knot
    with pytest.raises(ValueError, match="too many dimensions"):
        flambeau.tensor(knot)


def test_memory_that_is_shared() -> None:
    numbers = array.array("f", [1.0, 2.0])
    shared = flambeau.frombuffer(numbers, dtype=flambeau.float32)
    shared[0] = 5
    assert numbers[0] == 5
    bits = bytearray(4)
    flambeau.frombuffer(bits, dtype=flambeau.bfloat16)[1] = 1
    assert bytes(bits) == b"\0\0\x80\x3f"
    assert flambeau.asarray(numbers, dtype=flambeau.float32)[0] == 5
    assert flambeau.Tensor(flambeau.FloatStorage([1.0, 2.0])).tolist() == [1, 2]
    capsule = flambeau.utils.dlpack.to_dlpack(shared)
    flambeau.from_dlpack(capsule)[1] = 7
    assert numbers[1] == 7 and torch.from_dlpack(shared)[1] == 7


NAMES = "float64 float32 float16 int64 int32 int16 int8 uint8 bool".split()
LEAVES = st.one_of(
    st.sampled_from(
        [0, 1, -1, 7, 127, 300, 2**31, -(2**63), 2**63, 0.0, 0.5, -1.5, 3.0, 1e10, float("inf"), float("nan")]
    ),
    st.booleans(),
    st.tuples(st.just("scalar"), st.sampled_from(NAMES[:-1]), st.sampled_from([0, 1, 5])),
    st.tuples(st.just("array"), st.sampled_from(NAMES), st.sampled_from([(1,), (2,), (2, 2)])),
    st.tuples(st.just("tensor"), st.sampled_from([*NAMES, "bfloat16"]), st.sampled_from([(), (), (1,), (1, 1), (2,)])),
)
"""Numbers as they are, and what is made for each library: (kind, dtype, value or shape)."""


def built(lib: Any, tree: Any) -> Any:
    """Nested lists with what the leaves describe."""
    if isinstance(tree, list):
        return [built(lib, part) for part in tree]
    if not isinstance(tree, tuple):
        return tree
    kind, name, what = tree
    if kind == "tensor":
        return lib.ones(what, dtype=getattr(lib, name))
    return np.ones(what, dtype=name) if kind == "array" else np.dtype(name).type(what)


REGULAR = st.sampled_from([1, 2, 3]).flatmap(lambda n: st.lists(LEAVES, min_size=n, max_size=n))
TREES = st.one_of(
    REGULAR, st.lists(st.lists(LEAVES, min_size=2, max_size=2), min_size=1, max_size=2), st.lists(REGULAR)
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(TREES, st.one_of(st.none(), st.sampled_from([*NAMES, "bfloat16"])))
def test_nested_data(tree: Any, name: str | None) -> None:
    """What PyTorch makes of it, and an error where PyTorch raises one (of several mistakes either may be told)."""
    found = []
    for lib in (torch, flambeau):
        try:
            made = lib.tensor(built(lib, tree), dtype=None if name is None else getattr(lib, name))
        except (TypeError, ValueError, RuntimeError):
            found.append(None)
        else:
            found.append((str(made.dtype), tuple(made.shape), repr(made.tolist())))
    assert found[1] == found[0]


@pytest.mark.parametrize("name", [*NAMES, "bfloat16"])
def test_both_sides_of_dlpack_see_the_same_elements(name: str) -> None:
    ours, theirs = flambeau.zeros(3, 4, dtype=getattr(flambeau, name)), torch.zeros(3, 4, dtype=getattr(torch, name))
    for made, source in ((torch.from_dlpack(ours.t()[1:]), ours), (flambeau.from_dlpack(theirs.t()[1:]), theirs)):
        assert made.shape == (3, 3) and made.stride() == (1, 4) and str(made.dtype).endswith(f".{name}")
        made[0, 2] = 1
        source[0, 2] = 1
        assert source[2, 1] == 1 and made[1, 0] == 1 and made.float().sum() == 2
    capsule = flambeau.utils.dlpack.to_dlpack(ours)
    again = flambeau.from_dlpack(capsule)
    again[2, 2] = 1
    assert ours[2, 2] == 1 and flambeau.from_dlpack(ours, copy=True).data_ptr() != ours.data_ptr()
    with pytest.raises(ValueError, match="consumed only once"):
        flambeau.from_dlpack(capsule)
    versioned = ours.__dlpack__(max_version=(1, 0))
    assert "versioned" in repr(versioned) and flambeau.from_dlpack(versioned).dtype is ours.dtype
