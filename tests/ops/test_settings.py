"""Limits of dtypes, settings of the process, old tensor types, storages and what tensors say of themselves."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from oracle import agree, error

import flambeau

FLOATS = ["float64", "float32", "float16", "bfloat16"]
INTEGERS = ["int64", "int32", "int16", "int8", "uint8"]


@pytest.mark.parametrize("name", FLOATS)
def test_finfo(name: str) -> None:
    actual, expected = flambeau.finfo(getattr(flambeau, name)), torch.finfo(getattr(torch, name))
    assert repr(actual) == repr(expected)
    for attribute in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype"):
        assert getattr(actual, attribute) == getattr(expected, attribute), attribute
    assert flambeau.finfo() == flambeau.finfo(flambeau.float32)


@pytest.mark.parametrize("name", INTEGERS)
def test_iinfo(name: str) -> None:
    actual, expected = flambeau.iinfo(getattr(flambeau, name)), torch.iinfo(getattr(torch, name))
    assert repr(actual) == repr(expected)
    for attribute in ("bits", "max", "min", "dtype"):
        assert getattr(actual, attribute) == getattr(expected, attribute), attribute


@pytest.mark.parametrize(
    "call", [lambda m: m.finfo(3), lambda m: m.finfo(m.bool), lambda m: m.iinfo(m.bool), lambda m: m.iinfo("a")]
)
def test_info_errors(call: Any) -> None:
    messages = []
    for library in (flambeau, torch):
        with pytest.raises(TypeError) as caught:
            call(library)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_default_dtype_is_not_replayed() -> None:
    def mean_of_whole_numbers() -> Any:
        return (flambeau.arange(4) / 3).exp()

    for _ in range(3):
        assert mean_of_whole_numbers().dtype is flambeau.float32
    pending = mean_of_whole_numbers()
    flambeau.set_default_dtype(flambeau.float64)
    try:
        assert pending.dtype is flambeau.float32
        assert mean_of_whole_numbers().dtype is flambeau.float64
        assert flambeau.tensor(1.5).dtype is flambeau.float64
        np.testing.assert_allclose(mean_of_whole_numbers().numpy(), np.exp(np.arange(4) / 3), rtol=1e-15)
        flambeau.set_default_tensor_type("torch.HalfTensor")
        assert flambeau.ones(1).dtype is flambeau.float16
        flambeau.set_default_tensor_type(flambeau.FloatTensor)
        assert flambeau.get_default_dtype() is flambeau.float32
    finally:
        flambeau.set_default_dtype(flambeau.float32)
    with pytest.raises(TypeError):
        flambeau.set_default_tensor_type(flambeau.LongTensor)


def test_devices() -> None:
    flambeau.set_default_device("cpu")
    assert flambeau.get_default_device() == flambeau.device("cpu")
    with pytest.raises(AssertionError):
        flambeau.set_default_device("cuda")


def test_determinism() -> None:
    assert not flambeau.are_deterministic_algorithms_enabled()
    flambeau.use_deterministic_algorithms(True, warn_only=True)
    assert flambeau.are_deterministic_algorithms_enabled()
    assert flambeau.get_deterministic_debug_mode() == 1
    flambeau.set_deterministic_debug_mode("error")
    assert flambeau.get_deterministic_debug_mode() == 2
    flambeau.set_deterministic_debug_mode(0)
    assert not flambeau.are_deterministic_algorithms_enabled()
    flambeau.set_float32_matmul_precision("high")
    assert flambeau.get_float32_matmul_precision() == "high"
    flambeau.set_float32_matmul_precision("highest")
    assert flambeau.set_flush_denormal(True) is False


def test_threads() -> None:
    x = flambeau.arange(300000.0).sin()
    before = flambeau.get_num_threads()
    results = []
    for count in (1, 2):
        flambeau.set_num_threads(count)
        assert flambeau.get_num_threads() == count
        results.append((x * x).sum().item())
    flambeau.set_num_threads(before)
    assert results[0] == results[1]
    with pytest.raises(RuntimeError):
        flambeau.set_num_threads(0)
    assert flambeau.get_num_interop_threads() >= 1


def test_a_function_is_compiled_as_it_is() -> None:
    def double(x: Any) -> Any:
        return x * 2

    assert flambeau.compile(double) is double
    assert flambeau.compile(mode="max-autotune", fullgraph=True)(double) is double


def test_options_of_compile_are_checked() -> None:
    def program(T: Any) -> Any:
        def double(x: Any) -> Any:
            return x * 2

        given: list[dict[str, Any]] = [
            {"mode": "default", "options": {}}, {"mode": "fast"}, {"backend": "nobody"}, {"options": [1]}, {"dynamic": "yes"},
        ]  # fmt: skip
        cases = [error(T.compile, double, **options) for options in given]
        cases += [error(T.nn.Linear(1, 1).compile, mode="fast"), error(T.compile, 3), error(T.compile(), None)]
        for options in ({"backend": "eager", "mode": "fast"}, {"backend": print}, {"mode": "max-autotune"}):
            assert callable(T.compile(double, **options))
        return cases

    agree(program)


NAMES = {
    "FloatTensor": "float32", "DoubleTensor": "float64", "HalfTensor": "float16", "BFloat16Tensor": "bfloat16",
    "LongTensor": "int64", "IntTensor": "int32", "ShortTensor": "int16", "CharTensor": "int8", "ByteTensor": "uint8",
    "BoolTensor": "bool",
}  # fmt: skip


@pytest.mark.parametrize(("old", "name"), NAMES.items())
def test_old_types(old: str, name: str) -> None:
    kind, d = getattr(flambeau, old), getattr(flambeau, name)
    assert kind(2, 3).shape == (2, 3) and kind(2, 3).dtype is d
    assert kind([1, 0]).tolist() == [1, 0]
    assert kind().shape == (0,)
    assert isinstance(flambeau.ones(1, dtype=d), kind)
    assert not isinstance(flambeau.ones(1, dtype=flambeau.int64 if d is not flambeau.int64 else flambeau.float32), kind)
    assert flambeau.ones(2).type(kind).dtype is d
    assert flambeau.ones(2).type(f"torch.{old}").dtype is d
    assert flambeau.ones(2, dtype=d).type() == f"torch.{old}" == flambeau.typename(flambeau.ones(2, dtype=d))
    assert repr(kind) == repr(getattr(torch, old))
    assert kind.dtype is d


def test_old_constructors() -> None:
    assert flambeau.LongTensor(range(9)).tolist() == list(range(9))
    assert flambeau.FloatTensor(np.ones((2, 2))).dtype is flambeau.float32
    assert flambeau.Tensor(2, 1).shape == (2, 1)
    assert flambeau.Tensor([2, 1]).tolist() == [2.0, 1.0]
    assert flambeau.FloatTensor(flambeau.Size([2, 3])).shape == (2, 3)
    x = flambeau.zeros(2, dtype=flambeau.float64)
    assert x.new(3, 2).dtype is flambeau.float64 and x.new([1, 2]).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="invalid type"):
        x.type("torch.NoTensor")
    with pytest.raises(AssertionError):
        x.type("torch.cuda.FloatTensor")


def test_storage() -> None:
    x = flambeau.arange(6.0).reshape(2, 3)
    row = x[1]
    assert row.storage().size() == 6 and len(row.untyped_storage()) == 24
    assert row.storage().tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert row.storage() == x.storage() and row.storage() != flambeau.ones(6).storage()
    assert row.untyped_storage().data_ptr() + 12 == row.data_ptr()
    x.storage()[4] = 9
    assert row.tolist() == [3.0, 9.0, 5.0]
    x.storage().fill_(2)
    assert x.tolist() == [[2.0] * 3] * 2
    assert flambeau.ByteStorage.from_buffer(b"abc").tolist() == [97, 98, 99]
    assert flambeau.is_storage(x.storage()) and not flambeau.is_storage(x)
    assert x.storage().dtype is flambeau.float32 and x.storage_type().__name__ == "FloatStorage"


def test_shared_memory() -> None:
    x = flambeau.zeros(3)
    tail = x[1:]
    assert not x.is_shared()
    x.share_memory_()
    assert x.is_shared() and tail.is_shared()
    child = os.fork()
    if child == 0:
        tail.add_(2)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert (x + 1).tolist() == [1.0, 3.0, 3.0]


def test_properties() -> None:
    for library in (flambeau, torch):
        x = library.ones(2, 3)
        assert x.is_same_size(library.zeros(2, 3)) and not x.is_same_size(library.ones(3))
        assert x.is_signed() and not x.byte().is_signed()
        assert x.get_device() == -1 and not x.is_pinned() and not x.is_conj()
        assert x.is_set_to(x.view(2, 3)) and not x.is_set_to(x.clone())
        assert x.real is not None and x.mH.shape == (3, 2) and x.dim_order() == (0, 1)
        assert library.broadcast_shapes((2, 1), (3,), 1) == (2, 3)
        assert library.typename(x) == "torch.FloatTensor" and library.typename(3) == "int"
        assert library.is_floating_point(x) and not library.is_complex(x) and library.numel(x) == 6
        assert x.to_dense() is x and x.nelement() == 6 and x.expand_as(library.ones(4, 2, 3)).shape == (4, 2, 3)
        with pytest.raises(RuntimeError, match="imag is not implemented"):
            x.imag  # noqa: B018


def test_exchange_with_numpy() -> None:
    array = np.arange(4.0)
    shared = flambeau.from_dlpack(array)
    shared[0] = 7
    assert array[0] == 7
    back = np.from_dlpack(flambeau.arange(3))
    assert back.tolist() == [0, 1, 2]
    assert torch.from_dlpack(flambeau.arange(3)).tolist() == [0, 1, 2]


def test_results_with_names_are_pickled() -> None:
    found = pickle.loads(pickle.dumps(flambeau.tensor([2.0, 1.0]).sort()))
    assert type(found) is flambeau.return_types.sort
    assert found.values.tolist() == [1.0, 2.0] and found.indices.tolist() == [1, 0]


def test_each_process_begins_with_another_seed() -> None:
    program = "import flambeau; print(flambeau.initial_seed())"
    seeds = {subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(seeds) == 2
    assert flambeau.Generator().initial_seed() == torch.Generator().initial_seed()
