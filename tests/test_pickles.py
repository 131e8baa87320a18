"""Pickles by the standard library: what PyTorch's programs wrote is read here, what is written here is read by PyTorch."""

from __future__ import annotations

import copy
import importlib
import io
import pickle
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pytest
import torch
from oracle import assert_same

import flambeau
from flambeau.interpreter.naming import internal_module, published_module


def attribute(module: str, name: str) -> Any:
    value = importlib.import_module(module)
    for part in name.split("."):
        value = getattr(value, part)
    return value


class ForFlambeau(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return attribute(internal_module(module), name)


class ForPyTorch(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return attribute(published_module(module), name)


def read(data: bytes, by: type[pickle.Unpickler]) -> Any:
    return by(io.BytesIO(data)).load()


def grid(T: Any) -> Any:
    return T.arange(24.0).reshape(2, 3, 4)


VALUES: dict[str, Callable[[Any], Any]] = {
    "transposed": lambda T: grid(T).transpose(0, 2),
    "part": lambda T: grid(T)[1:, ::2, 1:],
    "expanded": lambda T: grid(T)[0, :1].expand(5, 4),
    "channels last": lambda T: T.ones(2, 3, 4, 4).to(memory_format=T.channels_last),
    "number": lambda T: T.tensor(3.0),
    "nothing": lambda T: T.empty(0, 3),
    **{name: lambda T, name=name: grid(T).to(getattr(T, name)) for name in ("bfloat16", "float16", "int64", "bool")},
    "complex": lambda T: (grid(T) + 1j).transpose(0, 1)[1:],
    "conjugate": lambda T: (grid(T) + 1j).conj(),
    "leaf": lambda T: grid(T).requires_grad_(),
    "parameter": lambda T: T.nn.Parameter(grid(T)[0].t()),
    "sparse": lambda T: T.eye(3).to_sparse(),
    "result": lambda T: grid(T).max(0),
    "several": lambda T: {"a": [grid(T)], "b": (grid(T), T.Size([2]), T.device("cpu"), T.float32)},
}


def told(value: Any) -> Any:
    """What is compared."""
    if isinstance(value, (torch.Tensor, flambeau.Tensor)):
        sparse = value.layout in (torch.sparse_coo, flambeau.sparse_coo)
        plain = value.detach().to_dense() if sparse else value.detach().resolve_conj()
        where = () if sparse else (value.stride(), value.storage_offset())
        parameter = isinstance(value, (torch.nn.Parameter, flambeau.nn.Parameter))
        return plain.tolist(), str(value.dtype), where, value.requires_grad, parameter
    if isinstance(value, dict):
        return {key: told(each) for key, each in value.items()}
    if isinstance(value, (torch.Size, flambeau.Size)) or not isinstance(value, (tuple, list)):
        return str(value)
    return type(value).__name__, [told(each) for each in value]


@pytest.mark.parametrize("name", VALUES)
def test_both_ways(name: str) -> None:
    ours, theirs = VALUES[name](flambeau), VALUES[name](torch)
    for protocol in (2, 4, 5):
        written, expected = pickle.dumps(ours, protocol), pickle.dumps(theirs, protocol)
        assert told(read(expected, ForFlambeau)) == told(pickle.loads(written)) == told(ours)
        assert told(read(written, ForPyTorch)) == told(pickle.loads(expected))


def test_modules_and_optimizers() -> None:
    def made(T: Any) -> Any:
        T.manual_seed(0)
        model = T.nn.Sequential(T.nn.Linear(2, 3), T.nn.BatchNorm1d(3), T.nn.LSTM(3, 2))
        model.extra = T.nn.functional.relu
        optimizer = T.optim.Adam(model.parameters(), lr=0.1)
        model(T.ones(4, 2))[0].sum().backward()
        optimizer.step()
        return model, optimizer

    for writer, by, reader in ((torch, ForFlambeau, flambeau), (flambeau, ForPyTorch, torch)):
        model, optimizer = made(writer)
        copied, steps = read(pickle.dumps((model, optimizer), 4), by)
        assert copied.extra is reader.nn.functional.relu and type(steps) is reader.optim.Adam
        pair = ((model, optimizer), (copied, steps)) if writer is flambeau else ((copied, steps), (model, optimizer))
        (ours, our_steps), (theirs, their_steps) = pair
        assert_same(dict(ours.state_dict()), dict(theirs.state_dict()))
        assert our_steps.param_groups[0]["lr"] == their_steps.param_groups[0]["lr"]
        for one, other in zip(our_steps.state.values(), their_steps.state.values(), strict=True):
            assert_same(one["exp_avg"], other["exp_avg"])


def test_functions_of_pytorch() -> None:
    for function in (torch.relu, torch.special.erf, torch.linalg.inv, torch.fft.fft, torch.nn.functional.gelu, torch.Tensor.add):
        found = read(pickle.dumps(function, 4), ForFlambeau)
        assert callable(found) and "flambeau" in found.__module__


def test_copy_shares_memory_and_attributes() -> None:
    for T in (torch, flambeau):
        x = grid(T)[0].t()
        x.mark = [1]
        other = copy.copy(x)
        other[0, 1] = 50
        assert x[0, 1].item() == 50 and other.mark is x.mark and other.stride() == (1, 4)
        z = grid(T) + 1j
        copy.copy(z)[0, 0, 0] = 7
        assert z[0, 0, 0].item() == 7


def test_a_part_that_goes_to_another_process_takes_no_more_along() -> None:
    data = flambeau.zeros(100_000)
    pickle.dumps(data[:1])  # from here on it is known how
    row = data[10:20].requires_grad_()
    sent = ForkingPickler.dumps(row)
    assert len(sent) < 2000 and len(pickle.dumps(row)) > 400_000
    received = pickle.loads(sent)
    assert received.tolist() == row.tolist() and received.requires_grad
