"""Padded and packed sequences, as PyTorch's ``nn.utils.rnn``."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import as_flambeau, assert_same, check, error

import flambeau
from flambeau.nn.utils import rnn
from flambeau.utils.data import DataLoader


def sequences(lengths: list[int], *rest: int, dtype: torch.dtype = torch.float64) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(sum(lengths))
    return [torch.randn((length, *rest), generator=generator, dtype=torch.float64).to(dtype) for length in lengths]


def assert_packed_same(actual: Any, expected: Any) -> None:
    assert type(actual).__name__ == type(expected).__name__
    for a, b in zip(actual, expected, strict=True):
        assert_same(a, b, 0.0)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=5), st.sampled_from([(), (2,), (2, 3)]), st.booleans(), st.booleans(),
    st.integers(0, 2), st.sampled_from([0.0, -1.5, 7]), st.sampled_from(["left", "right"]), st.booleans(),
)  # fmt: skip
def test_there_and_back(
    lengths: list[int], rest: tuple[int, ...], batch_first: bool, sort: bool, further: int, value: float, side: str, grad: bool
) -> None:
    if sort:
        lengths = sorted(lengths, reverse=True)
    given = [each.requires_grad_(grad) for each in sequences(lengths, *rest)]

    def program(library: Any, *many: Any) -> Any:
        module = library.nn.utils.rnn
        padded = module.pad_sequence(many, batch_first, value, side)
        packed = module.pack_padded_sequence(padded, lengths, batch_first, enforce_sorted=sort)
        again, counts = module.pad_packed_sequence(packed, batch_first, value, max(lengths) + further)
        direct = module.pack_sequence(list(many), enforce_sorted=sort)
        apart = module.unpack_sequence(direct)
        pieces = module.unpad_sequence(padded.clone(), library.tensor(lengths), batch_first)
        indices = [x for x in packed[2:] if x is not None]
        return padded, *packed[:2], *indices, again, counts, *direct[:2], *apart, *pieces

    check(program, *given)


def test_second_gradients_and_strides() -> None:
    (x,) = sequences([4], 3, 2)
    x = x.requires_grad_()

    def program(library: Any, x: Any) -> Any:
        packed = library.nn.utils.rnn.pack_padded_sequence(x.transpose(0, 1), [4, 1, 2], True, enforce_sorted=False)
        scaled = packed._replace(data=packed.data * packed.data)
        return library.nn.utils.rnn.pad_packed_sequence(scaled)[0]

    check(program, x, second=True)
    ours, theirs = as_flambeau(x.detach()), x.detach()
    for batch_first, sort in itertools.product((True, False), repeat=2):
        strides = []
        for module, value in ((torch.nn.utils.rnn, theirs), (rnn, ours)):
            packed = module.pack_padded_sequence(value, [4, 3, 1], enforce_sorted=sort)
            strides.append(module.pad_packed_sequence(packed, batch_first)[0].stride())
        assert strides[0] == strides[1]


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float16, torch.bfloat16])
def test_other_dtypes(dtype: torch.dtype) -> None:
    given = sequences([3, 1, 2], 2, dtype=dtype)
    for value in (0, 2.5):
        expected = torch.nn.utils.rnn.pad_sequence(given, padding_value=value)
        assert_same(rnn.pad_sequence(as_flambeau(given), padding_value=value), expected, 0.0)
        packed = torch.nn.utils.rnn.pack_sequence(given, False)
        actual = rnn.pack_sequence(as_flambeau(given), False)
        assert_packed_same(actual, packed)
        expected = torch.nn.utils.rnn.pad_packed_sequence(packed, True, value)
        assert_same(rnn.pad_packed_sequence(actual, True, value), expected, 0.0)


def test_padding_of_what_is_not_alike() -> None:
    """The first one's dtype is the result's, and later ones are broadcast, also where values are only to be computed."""
    for pending in (0, 1):
        def program(library: Any, pending: int = pending) -> Any:
            a, b = library.ones(2, 3), library.ones(3, 1, dtype=library.float64) * 2
            return library.nn.utils.rnn.pad_sequence([a + pending, b + pending], True, 0.5)

        assert_same(program(flambeau), program(torch), 0.0)


def test_rows_of_a_length_that_is_cut() -> None:
    """Lengths beyond the padded batch: what there is of them."""
    x = torch.arange(12.0).reshape(4, 3)
    assert_same(
        flambeau._pack_padded_sequence(as_flambeau(x), flambeau.tensor([5, 2, 1]), False),
        torch._pack_padded_sequence(x, torch.tensor([5, 2, 1]), False), 0.0,
    )  # fmt: skip


def test_errors() -> None:
    x, long = torch.arange(12.0).reshape(4, 3), torch.tensor
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("_pack_padded_sequence", (x, long([4, 2]), False)), ("_pack_padded_sequence", (x, long([2, 4, 1]), False)),
        ("_pack_padded_sequence", (x, long([4, 2, 0]), False)), ("_pack_padded_sequence", (x, long([4, 2, 1]).int(), False)),
        ("_pack_padded_sequence", (x, long([4.0, 2, 1]), False)), ("_pack_padded_sequence", (x, long([[4, 2, 1]]), False)),
        ("_pack_padded_sequence", (x[:, 0], long([4, 2, 1]), False)), ("_pack_padded_sequence", (x[:0], long([4, 2, 1]), False)),
        ("_pad_packed_sequence", (x[:, 0], long([3, 1]), False, 0.0, 1)),
        ("_pad_packed_sequence", (x[:, 0], long([3, 1]).int(), False, 0.0, 1)),
    ]  # fmt: skip
    for name, args in calls:
        assert error(getattr(flambeau, name), *as_flambeau(args)) == error(getattr(torch, name), *args), (name, args)
    theirs: Any = torch.nn.utils.rnn
    with_sequences: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        ("pad_sequence", ([],), {}), ("pad_sequence", (3,), {}), ("pad_sequence", ([x, 3],), {}),
        ("pad_sequence", ([x, x],), {"padding_side": "up"}), ("pack_sequence", ([],), {}), ("pack_sequence", ([x, x[:0]],), {}),
        ("pack_sequence", ([x[:1], x],), {}), ("pack_padded_sequence", (x, [4, 2, -1]), {}),
        ("pack_padded_sequence", (x, [1, 2, 4]), {}), ("PackedSequence", (x,), {}),
        ("unpad_sequence", (x, long([1, 2])), {"batch_first": True}),
    ]  # fmt: skip
    for name, args, kwargs in with_sequences:
        expected = error(getattr(theirs, name), *args, **kwargs)
        assert error(getattr(rnn, name), *as_flambeau(args), **kwargs) == expected, (name, args)
    packed = theirs.pack_padded_sequence(x, [4, 2, 1])
    for length in (3, 0):
        ours = rnn.pack_padded_sequence(as_flambeau(x), [4, 2, 1])
        expected = error(theirs.pad_packed_sequence, packed, total_length=length)
        assert error(rnn.pad_packed_sequence, ours, total_length=length) == expected
    with pytest.raises(RuntimeError, match="7 rows, but the data has 3"):
        flambeau._pad_packed_sequence(flambeau.ones(3), flambeau.tensor([4, 2, 1]), False, 0.0, 3)
    with pytest.raises(RuntimeError):
        rnn.pad_sequence([flambeau.ones(2, 3), flambeau.ones(1, 2)])


# --- the class ---------------------------------------------------------------------------------------------------------


def packed_pair() -> tuple[Any, Any]:
    given = sequences([2, 4, 1], 2, dtype=torch.float32)
    return rnn.pack_sequence(as_flambeau(given), False), torch.nn.utils.rnn.pack_sequence(given, False)


def test_conversions() -> None:
    ours, theirs = packed_pair()
    assert repr(ours) == repr(theirs)
    assert type(ours).__module__ == "flambeau.nn.utils.rnn"
    for name in ("double", "float", "half", "long", "int", "short", "char", "byte", "cpu"):
        assert_packed_same(getattr(ours, name)(), getattr(theirs, name)())
    for call in (lambda library, x: x.to(library.float64), lambda library, x: x.to("cpu", library.float16, False),
                 lambda library, x: x.to(library.ones(1).double()), lambda library, x: x.cpu(dtype=library.float64)):  # fmt: skip
        assert_packed_same(call(flambeau, ours), call(torch, theirs))
    assert ours.to(flambeau.float32) is ours and ours.cpu() is ours and not ours.is_cuda
    assert ours.is_pinned() == ours.data.is_pinned()
    assert_packed_same(ours.pin_memory(), theirs)
    with pytest.raises((RuntimeError, AssertionError)):
        ours.cuda()


def test_made_by_hand() -> None:
    data, sizes, order = torch.ones(3, 2), torch.tensor([2, 1]), torch.tensor([1, 0])
    for args in ((data, sizes), ((data, sizes),), (data, sizes, order)):
        assert_packed_same(rnn.PackedSequence(*as_flambeau(args)), torch.nn.utils.rnn.PackedSequence(*args))
    inverse = rnn.invert_permutation(flambeau.tensor([2, 0, 1]))
    assert inverse is not None and inverse.tolist() == [1, 2, 0] and rnn.invert_permutation(None) is None


def test_copies_and_files() -> None:
    ours, theirs = packed_pair()
    stream = io.BytesIO()
    flambeau.save(ours, stream)
    stream.seek(0)
    loaded = flambeau.load(stream, weights_only=False)
    for other in (copy.copy(ours), copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), loaded):
        assert_packed_same(other, theirs)


def collated(batch: list[flambeau.Tensor]) -> rnn.PackedSequence:
    return rnn.pack_sequence(batch, enforce_sorted=False)


@pytest.mark.parametrize("options", [{}, {"pin_memory": True}, {"num_workers": 1}])
def test_batches_of_a_loader(options: dict[str, Any]) -> None:
    given = sequences([2, 4, 1, 3], 2, dtype=torch.float32)
    batches = list(DataLoader(as_flambeau(given), batch_size=2, collate_fn=collated, **options))
    expected = [torch.nn.utils.rnn.pack_sequence(given[k : k + 2], False) for k in (0, 2)]
    for ours, theirs in zip(batches, expected, strict=True):
        assert isinstance(ours, rnn.PackedSequence)
        assert_packed_same(ours, theirs)
