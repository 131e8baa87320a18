"""Recurrent layers over packed sequences: as PyTorch's, with the same bits however they are run, and on another device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from reference_device import computing_there
from tiers import TIMES, eager

import flambeau

FEATURES = 7
KINDS: list[tuple[str, dict[str, Any]]] = [
    *(("LSTM", {}), ("GRU", {}), ("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("GRU", {"bias": False})),
    ("LSTM", {"proj_size": 5}),
]
LENGTHS = [[3], [5, 1, 3, 3], [*range(1, 31)], [4] * 13, [1 + k % 5 for k in range(101)]]
"""Of one sequence, of few, of many: one of each length, all of one, and more than two threads have a tile for."""
HIDDEN = 33


def train(library: Any, kind: str, settings: dict[str, Any], dtype: str, lengths: list[int], look: bool) -> list[np.ndarray]:
    """What a network of two layers in both directions gives, and all gradients; ``look`` at the state alone, or at all."""
    d = getattr(library, dtype)
    network = getattr(library.nn, kind)(FEATURES, HIDDEN, 2, bidirectional=True, dtype=d, **settings)
    numbers = np.random.default_rng(len(lengths))

    def drawn(*shape: int) -> Any:
        return library.tensor(numbers.uniform(-0.3, 0.3, shape)).to(d)

    with library.no_grad():
        for parameter in network.parameters():
            parameter.copy_(drawn(*parameter.shape))
    x = drawn(len(lengths), max(lengths), FEATURES).requires_grad_()
    rnn = library.nn.utils.rnn
    output, state = network(rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    padded, _ = rnn.pad_packed_sequence(output, batch_first=True)
    states = state if isinstance(state, tuple) else (state,)
    loss = sum((each * each * each).sum() for each in states)
    if not look:
        loss = loss + (padded * padded).sum()
    loss.backward()
    gradients = [x.grad, *[parameter.grad for parameter in network.parameters()]]
    return [tensor.detach().numpy().copy() for tensor in (padded, *states, *gradients)]


@pytest.mark.parametrize(("kind", "settings"), KINDS, ids=map(str, range(len(KINDS))))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lengths_as_in_pytorch_and_with_the_same_bits(kind: str, settings: dict[str, Any], dtype: str) -> None:
    """By turns, so that what was learnt of some lengths is used for others."""
    threads = flambeau.get_num_threads()
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    wanted = []
    for lengths in LENGTHS:
        with eager():
            wanted.append(train(flambeau, kind, settings, dtype, lengths, False))
        for mine, theirs in zip(wanted[-1], train(torch, kind, settings, dtype, lengths, False), strict=True):
            np.testing.assert_allclose(mine, theirs, atol=tolerance * max(1.0, np.abs(theirs).max()), rtol=0)
    try:
        for time in range(TIMES):
            flambeau.set_num_threads(1 + time % 2)
            for lengths, known in zip(LENGTHS, wanted):
                for mine, bits in zip(train(flambeau, kind, settings, dtype, lengths, False), known, strict=True):
                    np.testing.assert_array_equal(mine, bits)
    finally:
        flambeau.set_num_threads(threads)


@pytest.mark.parametrize(("kind", "settings"), KINDS[:4], ids=map(str, range(4)))
@pytest.mark.parametrize("look", [False, True], ids=["all", "states"])
def test_another_device(kind: str, settings: dict[str, Any], look: bool) -> None:
    here = train(flambeau, kind, settings, "float64", LENGTHS[1], look)
    with computing_there():
        there = train(flambeau, kind, settings, "float64", LENGTHS[1], look)
    for mine, other in zip(here, there, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_equal_lengths_give_the_same_bits_packed_or_not(kind: str) -> None:
    network = getattr(flambeau.nn, kind)(FEATURES, HIDDEN, 2, bidirectional=True)
    x = flambeau.randn(6, 13, FEATURES)
    output, state = network(x)
    packed, other = network(flambeau.nn.utils.rnn.pack_padded_sequence(x, [6] * 13))
    assert flambeau.equal(output.reshape(-1, 2 * HIDDEN), packed.data)
    for one, two in zip(*[each if isinstance(each, tuple) else (each,) for each in (state, other)], strict=True):
        assert flambeau.equal(one, two)


@pytest.mark.parametrize("lengths", [[1, 1], [3, 2]], ids=["one step", "large weights"])
def test_layers_that_take_their_steps_one_by_one(lengths: list[int]) -> None:
    """A single step, and weights of which too many would have to be kept at hand."""
    results = []
    for library in (flambeau, torch):
        numbers = np.random.default_rng(3)
        network = library.nn.LSTM(4, 513 if max(lengths) > 1 else 9)
        with library.no_grad():
            for parameter in network.parameters():
                parameter.copy_(library.tensor(numbers.uniform(-0.05, 0.05, tuple(parameter.shape)).astype(np.float32)))
        x = library.tensor(numbers.standard_normal((max(lengths), 2, 4)).astype(np.float32)).requires_grad_()
        output, (_, c) = network(library.nn.utils.rnn.pack_padded_sequence(x, lengths))
        ((output.data * output.data).sum() + c.sum()).backward()
        gradients = [x.grad, *[parameter.grad for parameter in network.parameters()]]
        results.append([each.detach().numpy() for each in (output.data, c, *gradients)])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("steps", [1, 4])
def test_batches_without_sequences(kind: str, steps: int) -> None:
    results = []
    for library in (flambeau, torch):
        network = getattr(library.nn, kind)(FEATURES, HIDDEN, 2, bidirectional=True)
        x = library.zeros(steps, 0, FEATURES, requires_grad=True)
        output, state = network(x)
        states = state if isinstance(state, tuple) else (state,)
        (output.sum() + sum(each.sum() for each in states)).backward()
        gradients = [x.grad, *[parameter.grad for parameter in network.parameters()]]
        results.append([each.detach().numpy() for each in (output, *states, *gradients)])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(("kind", "states"), [("lstm", 2), ("gru", 1), ("rnn_tanh", 1)])
def test_no_hidden_units(kind: str, states: int) -> None:
    T = flambeau
    state = T.ones(1, 2, 0)
    weights = [T.ones(0, 3), T.ones(0, 0), T.ones(0), T.ones(0)]
    output, *_ = getattr(T, kind)(
        T.ones(3, 3), T.tensor([2, 1]), (state, state) if states == 2 else state, weights, True, 1, 0.0, False, False
    )
    assert output.tolist() == [[]] * 3


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("steps", [1, 5])
def test_hooks_that_keep_saved_values_otherwise(kind: str, steps: int) -> None:
    """In another dtype, which the numbers of sequences must survive, and memory that is read must be as large as it was."""
    T = flambeau
    network = getattr(T.nn, kind)(FEATURES, HIDDEN)
    x = T.randn(steps, 30, FEATURES)

    def gradient(pack: Any, unpack: Any) -> Any:
        with T.autograd.graph.saved_tensors_hooks(pack, unpack):
            output, _ = network(x)
        (found,) = T.autograd.grad(output.sum(), [network.weight_hh_l0])
        return found

    known = gradient(lambda value: value, lambda value: value)
    found = gradient(lambda value: value.half(), lambda value: value.float())
    assert T.allclose(found, known, atol=0.02 * known.abs().max().item())
    for change in (lambda value: value.double(), lambda value: value.flatten()[:1], lambda value: value[:-1]):
        with pytest.raises((RuntimeError, IndexError)):
            gradient(change, lambda value: value).sum().item()


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("change", ["double", "half", "first", "twice", "flatten"])
def test_hooks_that_give_gradients_of_another_kind(kind: str, steps: int, change: str) -> None:
    T = flambeau
    x = T.randn(steps, 30, FEATURES)
    output, _ = getattr(T.nn, kind)(FEATURES, HIDDEN)(x)
    node = output.grad_fn
    while "Layer" not in node.name() or node.name().startswith("Mkldnn"):
        node = node.next_functions[0][0]
    changes = {"first": lambda g: g[:1], "twice": lambda g: T.cat([g, g])}
    of_one = changes.get(change) or (lambda g: getattr(g, change)())
    node.register_prehook(lambda grads: tuple([None if g is None else of_one(g) for g in grads]))
    with pytest.raises(RuntimeError, match="needs a gradient of Float and shape"):
        output.sum().backward()


def test_numbers_of_sequences_that_change_later() -> None:
    """What the layer reads of a batch is what it was when the layer was called."""
    network = flambeau.nn.GRU(FEATURES, HIDDEN)
    x = flambeau.randn(4, 2, FEATURES)
    packed = flambeau.nn.utils.rnn.pack_padded_sequence(x, [4, 2])
    known = network(packed)[0].data.detach().numpy().copy()
    again = network(packed)[0].data
    packed.batch_sizes.numpy()[:] = 1000
    np.testing.assert_array_equal(again.detach().numpy(), known)
