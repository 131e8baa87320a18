"""How nested tensors are made, what they say of themselves, and what is refused."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

from .against import arrays, described, listed, made, result, same

N = "f.nested."
CALLS = listed(
    f"""
    {N}nested_tensor([f.ones(2, 3), f.zeros(1, 3)]); {N}nested_tensor([[1.0, 2.0], [3.0]]);
    {N}nested_tensor([f.ones(2), f.ones(2, 2)]); {N}nested_tensor([[1, 2], [3]], layout=f.jagged);
    {N}nested_tensor([1, 2], layout=f.jagged); {N}nested_tensor([], layout=f.jagged);
    {N}nested_tensor([f.ones(2), f.ones(3)], dtype=f.float64);
    {N}nested_tensor([f.ones(2), f.ones(3)], dtype=f.int64, layout=f.jagged);
    {N}nested_tensor([f.ones(2), f.ones(3).double()]);
    {N}nested_tensor([f.ones(2), f.ones(3).double()], layout=f.jagged);
    {N}nested_tensor([f.ones(2, 3), f.ones(3, 2)], layout=f.jagged);
    {N}nested_tensor([f.ones(2, 3), f.ones(2)], layout=f.jagged);
    {N}nested_tensor([f.ones(2, 3)], layout=f.sparse_coo); {N}nested_tensor(5);
    {N}nested_tensor([f.ones(3), f.ones(3)], layout=f.jagged);
    {N}nested_tensor([f.ones(2), f.ones(1)], requires_grad=True).requires_grad;
    {N}nested_tensor([f.ones(2, 1), f.ones(2, 4)], layout=f.jagged); {N}as_nested_tensor(of(2, 3));
    {N}as_nested_tensor(of(2, 3, 4), layout=f.jagged); {N}as_nested_tensor(of(3)); {N}as_nested_tensor(3);
    {N}as_nested_tensor(of(4, 2, 3), dtype=f.float64); {N}as_nested_tensor([1, 2]);
    {N}as_nested_tensor((of(2), of(3)), layout=f.jagged);
    {N}as_nested_tensor({N}nested_tensor([f.ones(2)]), layout=f.jagged);
    {N}as_nested_tensor([of(2), of(3)], layout=f.sparse_coo);
    {N}as_nested_tensor({N}nested_tensor([f.ones(2, 2)], layout=f.jagged), layout=f.jagged, dtype=f.float64);
    {N}nested_tensor_from_jagged(of(6, 2), f.tensor([0, 2, 6]));
    {N}nested_tensor_from_jagged(of(6, 2), lengths=f.tensor([1, 0, 5]));
    {N}nested_tensor_from_jagged(of(2, 6), f.tensor([0, 2, 6]), jagged_dim=2); {N}nested_tensor_from_jagged(of(6, 2));
    {N}nested_tensor_from_jagged(of(6, 2), f.tensor([0, 2, 6]), jagged_dim=0);
    {N}nested_tensor_from_jagged(of(6), f.tensor([0, 2, 6]));
    {N}nested_tensor_from_jagged(of(9, 2), f.tensor([0, 3, 6, 9]), lengths=f.tensor([1, 3, 2])).unbind();
    {N}nested_tensor_from_jagged(of(9, 2), f.tensor([0, 3, 6, 9]), lengths=f.tensor([1, 3, 2])).lengths();
    ({N}nested_tensor_from_jagged(of(9, 2), f.tensor([0, 3, 6, 9]), lengths=f.tensor([1, 3, 2])) * 2).unbind();
    {N}nested_tensor_from_jagged(of(9, 2), f.tensor([0, 3, 6, 9]), lengths=f.tensor([1, 3, 2])).numel();
    {N}nested_tensor_from_jagged(of(9, 2), f.tensor([0, 3, 6, 9]), lengths=f.tensor([1, 3, 2])).contiguous();
    {N}nested_tensor_from_jagged(of(9, 2), f.tensor([0, 3, 6, 9]), lengths=f.tensor([1, 3, 2])).is_contiguous();
    {N}nested_tensor_from_jagged(of(9, 2), f.tensor([0, 3, 6, 9]), lengths=f.tensor([1, 3, 2])).sum(1);
    {N}nested_tensor_from_jagged(of(9, 2), f.tensor([0, 3, 6, 9]), lengths=f.tensor([1, 3, 2])).sum(2).unbind();
    {N}narrow(of(3, 5, 2), 1, 1, 3); {N}narrow(of(3, 5, 2), 1, 1, 3, layout=f.jagged).unbind();
    {N}narrow(of(3, 5), 0, 1, 2).contiguous(); {N}narrow(of(3, 5, 2), 0, 1, 3, layout=f.jagged);
    {N}narrow(of(3, 5, 2), 1, f.tensor([0, 1, 2]), 2); {N}narrow(of(3, 5), 1, 'a', 2);
    {N}narrow(of(3, 5, 2), 1, f.tensor([0, 1, 2]), f.tensor([5, 4, 1]), layout=f.jagged).unbind();
    {N}narrow(of(3, 5, 2), 1, f.tensor([0, 1, 2]), f.tensor([5, 4, 1]), layout=f.jagged).lengths();
    {N}narrow(of(3, 5, 2), 1, f.tensor([2, 0, 0]), f.tensor([3, 5, 1]), layout=f.jagged);
    {N}narrow(of(3, 5, 2), 1, f.tensor([2, 0]), 2, layout=f.jagged);
    {N}narrow(of(3, 5, 2), 1, 0, f.tensor([2, 0]), layout=f.jagged); {N}masked_select(of(3, 4), of(3, 4) > 0);
    {N}masked_select(of(3, 4), f.tensor(True)); {N}masked_select(of(6), f.tensor([False]));
    {N}masked_select(of(2, 3, 4), of(3, 4) > 0);
    {N}masked_select({N}nested_tensor([f.ones(2)], layout=f.jagged), f.tensor(True));
    {N}to_padded_tensor({N}nested_tensor([f.ones(2), f.ones(0)], layout=f.jagged), 3);
    {N}to_padded_tensor({N}nested_tensor([f.ones(2)]), 3); {N}to_padded_tensor({N}nested_tensor([]), 3);
    {N}nested_tensor([f.ones(2), f.ones(1)]) + {N}nested_tensor([f.ones(1), f.ones(2)]);
    {N}nested_tensor([f.ones(2), f.ones(1)]) + {N}nested_tensor([f.ones(2)]);
    {N}nested_tensor([f.ones(()), f.zeros(())]);
    {N}nested_tensor([f.ones(2), f.ones(1)]) + {N}nested_tensor([f.ones(2), f.ones(1)], layout=f.jagged);
    isinstance(f.jagged, f.layout)
    """
)


def test_calls() -> None:
    found = []
    for call in CALLS:
        both = [result(library, call) for library in (flambeau, torch)]
        ours, theirs = map(described, both)
        if not same(ours, theirs):
            found.append(f"{call}\n  ours   {both[0]!r} {ours}\n  theirs {both[1]!r} {theirs}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("layout", ["jagged", "strided"])
def test_text(layout: str) -> None:
    texts = []
    for library in (torch, flambeau):
        parts = [library.arange(4.0).view(2, 2), library.zeros(1, 2), library.full((1, 2), 1e9)]
        x = library.nested.nested_tensor(parts, layout=getattr(library, layout))
        whole = library.nested.nested_tensor(parts[:1], layout=getattr(library, layout), dtype=library.float64)
        text = [repr(x), str(x), f"{x}", repr(whole), repr(x > 0)]
        texts.append([*text, repr(x.requires_grad_())])
    number = re.compile(r"j\d+")
    assert [number.sub("j", text) for text in texts[1]] == [number.sub("j", text) for text in texts[0]]


def test_ragged_sizes() -> None:
    """A size that is no number: equal to itself, and to that of what has the same offsets."""
    for library in (torch, flambeau):
        x = made(library, "jagged", "jagged")
        y = made(library, "jagged", "jagged")
        size = x.size(1)
        assert isinstance(size, library.SymInt) and not isinstance(size, int)
        assert size == (x * 2).size(1) and size != y.size(1) and hash(size) == hash((x + 1).size(1))
        assert x.shape == (x + 1).shape and x.shape != y.shape and x.shape[1:] == (size, 4)
        again = library.nested.nested_tensor_from_jagged(x.values(), x.offsets())
        assert again.shape == x.shape and (again + x).shape == x.shape
        assert str(2 * size) == "2*" + str(size) and size * 2 == 2 * size and size >= 2
        with pytest.raises(ValueError):
            bool(size > 5)


@pytest.mark.parametrize("layout", ["jagged", "strided"])
def test_copies_and_files(layout: str) -> None:
    x = made(flambeau, "jagged", layout)
    x.requires_grad_()
    for again in (copy.deepcopy(x), copy.copy(x), pickle.loads(pickle.dumps(x.detach()))):
        assert type(again) is type(x) and same(described(again.detach()), described(x.detach()))


def test_modules() -> None:
    """A layer of a transformer on samples of any lengths, trained for a few steps, beside PyTorch."""
    losses: list[list[float]] = []
    for library in (torch, flambeau):
        nn: Any = library.nn
        F: Any = library.nn.functional
        numbers = np.random.default_rng(0)

        def weights(module: Any, numbers: Any = numbers, library: Any = library) -> Any:
            for parameter in module.parameters():
                parameter.data = library.from_numpy(
                    numbers.standard_normal(tuple(parameter.shape)).astype(np.float32) * 0.3
                )
            return module

        qkv, out, norm = (
            weights(nn.ModuleList([nn.Linear(4, 16) for _ in range(3)])),
            weights(nn.Linear(16, 4)),
            nn.LayerNorm(4),
        )
        inner = weights(nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4)))
        parameters = [p for module in (qkv, out, norm, inner) for p in module.parameters()]
        optimizer = library.optim.SGD(parameters, 0.05)
        x = made(library, "jagged", "jagged")
        found = []
        for _ in range(4):
            heads = [part(x).unflatten(-1, [2, 8]).transpose(1, 2) for part in qkv]
            attended = F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(-2)
            y = norm(x + out(attended))
            y = y + inner(y)
            loss = (y.to_padded_tensor(0.0).sum(1) ** 2).sum() + y.values().sum() * 0.01
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        losses.append(found)
    np.testing.assert_allclose(losses[1], losses[0], 1e-4)


def test_nothing_is_loaded_without() -> None:
    code = (
        "import flambeau, sys; flambeau.ones(2).sum().item(); print([m for m in sys.modules if m.endswith('.nested')])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_numbers_of_samples() -> None:
    assert [len(part) for part in arrays("jagged")] == [2, 3, 1]
