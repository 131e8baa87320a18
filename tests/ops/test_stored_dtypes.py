"""Dtypes that are only stored (unsigned integers of 16 bits and more, floats of one byte) beside PyTorch's."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

INTEGERS = ["uint16", "uint32", "uint64"]
FLOATS = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]


@pytest.fixture(autouse=True)
def quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", FLOATS)
def test_bits_are_pytorchs(name: str) -> None:
    """Of numbers drawn from all that float32 has, of those halfway between two codes, and back from every code."""
    bits = np.random.default_rng(0).integers(0, 1 << 32, 100_000, dtype=np.uint64)
    bits = np.concatenate([bits, *[np.arange(0, 1 << 32, 1 << 16, dtype=np.uint64) + k for k in (0, 1, 0x8000, 0xFFFF)]])
    numbers = bits.astype(np.uint32).view(np.float32)
    codes = [x.tensor(numbers).to(getattr(x, name)).view(x.uint8).numpy() for x in (torch, flambeau)]
    np.testing.assert_array_equal(codes[1], codes[0])
    every = np.arange(256, dtype=np.uint8)
    decoded = [x.tensor(every).view(getattr(x, name)).float().numpy() for x in (torch, flambeau)]
    np.testing.assert_array_equal(decoded[1], decoded[0])
    some = ~np.isnan(decoded[0])
    np.testing.assert_array_equal(np.signbit(decoded[1])[some], np.signbit(decoded[0])[some])
    finite = numbers[np.isfinite(numbers)][:5000]  # the sign of NaN is not kept where half types are rounded
    for other in ("float64", "float16", "bfloat16"):
        codes = [x.tensor(finite).to(getattr(x, other)).to(getattr(x, name)).view(x.uint8).numpy() for x in (torch, flambeau)]
        np.testing.assert_array_equal(codes[1], codes[0])


@pytest.mark.parametrize("name", FLOATS)
def test_rounded_where_nothing_is_stored(name: str) -> None:
    """A fused program rounds as one that keeps each value."""
    x = flambeau.linspace(0.1, 3, 101)
    there = x.to(getattr(flambeau, name))
    fused = (x.to(getattr(flambeau, name)).float() * 3).tolist()
    there.tolist()
    assert fused == (there.float() * 3).tolist()


PROGRAMS = {
    "text": lambda x, a, b: repr(a),
    "equal": lambda x, a, b: a == b,
    "unlike": lambda x, a, b: a != b,
    "joined": lambda x, a, b: x.cat([a, b]),
    "stacked": lambda x, a, b: x.stack([a, b])[1],
    "part": lambda x, a, b: a[1:],
    "number": lambda x, a, b: a[1].item(),
    "list": lambda x, a, b: a.tolist(),
    "float": lambda x, a, b: a.float(),
    "whole": lambda x, a, b: a.to(x.int64),
    "copied": lambda x, a, b: x.zeros(3).copy_(a),
    "clone": lambda x, a, b: a.clone(),
    "written": lambda x, a, b: x.zeros(3, dtype=a.dtype).copy_(x.tensor([1.0, 2, 3])),
    "chosen": lambda x, a, b: x.where(a == b, a, b),
    "turned": lambda x, a, b: a.reshape(3, 1).t().contiguous(),
    "gathered": lambda x, a, b: a[x.tensor([2, 0])],
    "filled": lambda x, a, b: a.clone().fill_(2),
    "ones": lambda x, a, b: x.ones(2, dtype=a.dtype),
    "full": lambda x, a, b: x.full((2,), 4, dtype=a.dtype),
    "tensor": lambda x, a, b: x.tensor([1, 2], dtype=a.dtype),
    "bytes": lambda x, a, b: a.view(x.uint8),
    "half": lambda x, a, b: a.to(x.bfloat16),
    "nan": lambda x, a, b: a.isnan(),
    "parameter": lambda x, a, b: x.nn.Parameter(a, requires_grad=False),
    "set": lambda x, a, b: a.clone().__setitem__(0, 2),
    "type": lambda x, a, b: (a.type(), str(a.dtype), a.element_size(), a.is_floating_point(), a.is_signed()),
    "expanded": lambda x, a, b: a[:1].expand(4).clone(),
    "truth": lambda x, a, b: a.bool(),
    "zeros": lambda x, a, b: x.zeros_like(a),
    "limits": lambda x, a, b: str(x.finfo(a.dtype) if a.is_floating_point() else x.iinfo(a.dtype)),
    # What PyTorch refuses.
    "sum with": lambda x, a, b: a + b,
    "sum with a number": lambda x, a, b: a + 1,
    "less": lambda x, a, b: a < b,
    "largest": lambda x, a, b: a.max(),
    "negative": lambda x, a, b: -a,
    "range": lambda x, a, b: x.arange(3, dtype=a.dtype),
    "mean": lambda x, a, b: a.mean(),
    "shift": lambda x, a, b: a >> 1,
    "with float": lambda x, a, b: x.promote_types(a.dtype, x.float32),
    "with int": lambda x, a, b: x.promote_types(a.dtype, x.int64),
    "and float": lambda x, a, b: a + x.ones(3),
    "gradient": lambda x, a, b: a.requires_grad_().requires_grad,
}
OF_INTEGERS = {
    "sum": lambda x, a, b: a.sum(),
    "product": lambda x, a, b: a.prod(),
    "and": lambda x, a, b: a & b,
    "times": lambda x, a, b: a * 2.0,
    "quotient": lambda x, a, b: a / b,
    "array": lambda x, a, b: a.numpy(),
    "running": lambda x, a, b: a.cumsum(0),
    "sorted": lambda x, a, b: a.sort()[0],
    "largest number": lambda x, a, b: x.tensor([-1 % 2 ** (8 * a.itemsize)], dtype=a.dtype),
    "too large": lambda x, a, b: x.tensor([2 ** (8 * a.itemsize)], dtype=a.dtype),
    "wrapped": lambda x, a, b: x.full((1,), -1, dtype=a.dtype),
    "from array": lambda x, a, b: x.from_numpy(np.arange(3, dtype=str(a.dtype).rpartition(".")[2])),
    "of large": lambda x, a, b: x.tensor([3e9, 6e4, -5.0, 1.2e19]).to(a.dtype)[: 1 if a.itemsize == 2 else None][::3],
    "upper half": lambda x, a, b: x.tensor([-1, -2]).to(a.dtype).to(x.float32),
    "random": lambda x, a, b: x.randint(0, 5, (2,), dtype=a.dtype).shape,
}


def outcome(library: Any, name: str, program: Any) -> Any:
    d = getattr(library, name)
    try:
        result = program(library, library.tensor([1.0, 2.5, 4]).to(d), library.tensor([4.0, 2, 1]).to(d))
    except Exception as error:
        return type(error)
    if isinstance(result, (torch.Tensor, flambeau.Tensor)):
        values = result.float().tolist() if result.dtype.is_floating_point else result.tolist()
        return str(result.dtype), tuple(result.shape), values
    return result.tolist() if isinstance(result, np.ndarray) else result


@pytest.mark.parametrize("name", [*INTEGERS, *FLOATS])
def test_programs(name: str) -> None:
    programs = PROGRAMS | (OF_INTEGERS if name in INTEGERS else {})
    unlike = {}
    for title, program in programs.items():
        expected, found = outcome(torch, name, program), outcome(flambeau, name, program)
        if str(found) != str(expected):
            unlike[title] = found, expected
    assert not unlike


@pytest.mark.parametrize("restricted", [True, False])
def test_files(restricted: bool) -> None:
    """Read and written beside PyTorch; parts share memory as before."""

    def made(library: Any) -> dict[str, Any]:
        found = {}
        for name in [*INTEGERS, *FLOATS]:
            whole = library.arange(1.0, 13.0).reshape(3, 4).to(getattr(library, name))
            found |= {name: whole, f"part {name}": whole[1:, ::2], f"p {name}": library.nn.Parameter(whole.clone(), False)}
        return found

    for writer, reader in ((torch, flambeau), (flambeau, torch), (flambeau, flambeau)):
        file = io.BytesIO()
        writer.save(made(writer), file)
        file.seek(0)
        read, expected = reader.load(file, weights_only=restricted), made(reader)
        for name, tensor in expected.items():
            assert read[name].dtype == tensor.dtype and read[name].stride() == tensor.stride()
            assert read[name].float().tolist() == tensor.float().tolist()
        assert read["uint16"].untyped_storage().data_ptr() == read["part uint16"].untyped_storage().data_ptr()


def test_copies() -> None:
    for name in [*INTEGERS, *FLOATS]:
        tensor = flambeau.ones(3).to(getattr(flambeau, name))
        for other in (pickle.loads(pickle.dumps(tensor)), copy.deepcopy(tensor)):
            assert other.dtype is tensor.dtype and other.float().tolist() == [1, 1, 1]


@pytest.mark.parametrize("d", ["float64", "float16", "bfloat16", "int64", "int8", "uint8", "bool"])
def test_hashes(d: str) -> None:
    numbers = np.array([[1.5, -0.0, 2.25], [3, 4, 5]])
    for keywords in ({}, {"dim": 0}, {"dim": (0, 1), "keepdim": True}, {"dim": -1, "keepdim": True}, {"dim": []}, {"dim": None}):
        expected, actual = [
            library.hash_tensor(library.tensor(numbers).to(getattr(library, d)), **keywords) for library in (torch, flambeau)
        ]
        assert actual.dtype is flambeau.uint64 and actual.tolist() == expected.tolist()
    calls: list[Any] = [
        lambda t: t.hash_tensor(t.zeros(0)), lambda t: t.hash_tensor(t.zeros(2, 0), 1),
        lambda t: t.hash_tensor(t.ones(2), mode=1), lambda t: t.hash_tensor(t.ones(2), (0, 0)),
        lambda t: t.hash_tensor(t.ones(2), 0, True), lambda t: t.hash_tensor(t.tensor([1j])),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises((RuntimeError, IndexError, TypeError)) as theirs:
            call(torch)
        with pytest.raises(theirs.type):
            call(flambeau)
    assert flambeau.hash_tensor(flambeau.tensor(3.0)).tolist() == torch.hash_tensor(torch.tensor(3.0)).tolist()
    assert flambeau.hash_tensor(flambeau.zeros(2, 0), 0).shape == (0,)
