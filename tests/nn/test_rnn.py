"""Recurrent networks and cells: values, gradients and gradients of gradients as PyTorch's, over padded and packed batches."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracle import as_flambeau, assert_same, check, copy_state, error
from torch.testing._internal.common_modules import module_db

import flambeau
from conformance.counterparts import Converter
from flambeau import nn
from flambeau.ops import arguments

NETWORKS = {"RNN", "LSTM", "GRU"}
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def weights(name: str, layers: int, directions: int, biases: bool, projection: int = 0) -> list[torch.Tensor]:
    """Of 3 features and 4 hidden units, in the order of PyTorch's parameters."""
    rows, state = GATES[name] * 4, projection or 4
    made = []
    for place in range(layers * directions):
        shapes = [(rows, 3 if place < directions else state * directions), (rows, state)]
        shapes += [(rows,), (rows,)] if biases else []
        shapes += [(projection, 4)] if projection else []
        made += [random(*shape, seed=10 * place + k) * 0.5 for k, shape in enumerate(shapes)]
    return [each.detach().requires_grad_() for each in made]


def states(name: str, count: int, sequences: int, projection: int = 0) -> list[torch.Tensor]:
    made = [random(count, sequences, projection or 4, seed=1)]
    return [*made, random(count, sequences, 4, seed=2)] if name == "lstm" else made


#: Function, layers, directions, biases, batch first, projection.
SETTINGS = [
    ("lstm", 1, 1, True, False, 0), ("lstm", 2, 2, True, True, 0), ("lstm", 1, 2, False, False, 2),
    ("lstm", 2, 1, True, False, 3),
    ("gru", 1, 1, True, False, 0), ("gru", 2, 2, True, False, 0), ("gru", 1, 1, False, True, 0),
    ("rnn_tanh", 1, 1, True, True, 0), ("rnn_tanh", 2, 2, False, False, 0), ("rnn_relu", 1, 2, True, False, 0),
]  # fmt: skip


@pytest.mark.parametrize("batch_sizes", [None, (3, 3, 1)])
@pytest.mark.parametrize(("name", "layers", "directions", "biases", "batch_first", "projection"), SETTINGS)
def test_functions(
    name: str, layers: int, directions: int, biases: bool, batch_first: bool, projection: int, batch_sizes: Any
) -> None:
    if batch_sizes is None:
        x = random(3, 3, 3)
    else:
        x = random(7, 3)
    initial = states(name, layers * directions, 3, projection)

    def program(library: Any, x: Any, *others: Any) -> Any:
        given, params = list(others[: len(initial)]), list(others[len(initial) :])
        hx = given if name == "lstm" else given[0]
        common = params, biases, layers, 0.0, True, directions == 2
        if batch_sizes is None:
            return getattr(library, name)(x, hx, *common, batch_first)
        return getattr(library, name)(x, library.tensor(batch_sizes), hx, *common)

    check(program, x, *initial, *weights(name, layers, directions, biases, projection), second=True, tolerance=1e-9)


@pytest.mark.parametrize(("name", "layers", "directions", "biases", "batch_first", "projection"), SETTINGS)
def test_single_steps_without_gradients(
    name: str, layers: int, directions: int, biases: bool, batch_first: bool, projection: int
) -> None:
    """As when a text is generated: known from the second time on, at further sizes too, and what does not fit still raises."""
    settings = biases, layers, 0.0, False, directions == 2, batch_first
    params = [each.detach() for each in weights(name, layers, directions, biases, projection)]
    for sequences in (3, 3, 3, 2, 2, 4, 4, 5):
        x = random(sequences, 1, 3).detach()
        hx = [state.detach() for state in states(name, layers * directions, sequences, projection)]
        given = [x if batch_first else x.transpose(0, 1), hx if name == "lstm" else hx[0], params]
        expected = getattr(torch, name)(*given, *settings)
        ours = getattr(flambeau, name)(*as_flambeau(given), *settings)
        kept = [result.clone() for result in ours]
        ours[0].add_(1)  # which shares memory with none of the states
        for result, copied, other in zip(ours, kept, expected):
            assert result.stride() == other.stride()
            torch.testing.assert_close(torch.tensor(copied.tolist(), dtype=torch.float64), other, rtol=1e-9, atol=1e-9)
        assert all(bool((state == copied).all()) for state, copied in zip(ours[1:], kept[1:]))
        with pytest.raises(RuntimeError):
            getattr(flambeau, name)(*as_flambeau([given[0], given[1], params[:-1]]), *settings)


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("name", GATES)
def test_cells(name: str, biases: bool) -> None:
    initial = [state[0].detach().requires_grad_() for state in states(name, 1, 3)]

    def program(library: Any, x: Any, *others: Any) -> Any:
        given, params = list(others[: len(initial)]), others[len(initial) :]
        results = []
        for step in range(3):
            given = library.__dict__[f"{name}_cell"](x[step], given if name == "lstm" else given[0], *params)
            given = list(given) if name == "lstm" else [given]
            results.append(given[0])
        return library.stack(results), *given

    check(program, random(3, 3, 3), *initial, *weights(name, 1, 1, biases), second=True, tolerance=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_other_precisions(name: str, dtype: torch.dtype) -> None:
    x = random(5, 3, 3).detach().to(dtype).requires_grad_()
    params = [each.detach().to(dtype).requires_grad_() for each in weights(name, 1, 1, True)]
    initial = [each.detach().to(dtype) for each in states(name, 1, 3)]

    def program(library: Any, x: Any, *params: Any) -> Any:
        hx = list(initial) if library is torch else as_flambeau(initial)
        return getattr(library, name)(x, hx if name == "lstm" else hx[0], list(params), True, 1, 0.0, True, False, False)

    check(program, x, *params)


def test_gradients_where_only_the_state_is_used() -> None:
    for name in GATES:
        def program(library: Any, x: Any, h: Any, *params: Any, name: str = name) -> Any:
            hx = (h, h * 2) if name == "lstm" else h
            return getattr(library, name)(x, hx, list(params), True, 1, 0.0, True, False, False)[-1]

        check(program, random(4, 2, 3), random(1, 2, 4), *weights(name, 1, 1, True), tolerance=1e-9)


def test_numeric_second_gradients() -> None:
    def program(x: Any, h: Any, c: Any, *params: Any) -> Any:
        return flambeau.lstm(x, (h, c), list(params), False, 1, 0.0, True, False, False)

    inputs = as_flambeau([random(2, 1, 1), random(1, 1, 1), random(1, 1, 1), random(4, 1), random(4, 1)])
    assert flambeau.autograd.gradgradcheck(program, inputs)


# --- modules -----------------------------------------------------------------------------------------------------------


def of_modules() -> list[Any]:
    """PyTorch's own samples of recurrent modules: (class, arguments, keywords, inputs, keywords)."""
    found = []
    for info in module_db:
        kind = info.module_cls.__name__
        if kind not in {*NETWORKS, *(f"{name}Cell" for name in NETWORKS)}:
            continue
        for each in info.module_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=True, training=True):
            if each.forward_input is not None:
                made, called = each.constructor_input, each.forward_input
                found.append((kind, made.args, made.kwargs, called.args, called.kwargs))
    return found


def leaves(value: Any) -> list[Any]:
    """The tensors in nested containers."""
    if isinstance(value, (list, tuple)):
        return [leaf for each in value for leaf in leaves(each)]
    return [value] if isinstance(value, (torch.Tensor, flambeau.Tensor)) else []


def test_samples_of_modules() -> None:
    samples = of_modules()
    assert len(samples) > 50
    for kind, args, kwargs, inputs, options in samples:
        kwargs = {**kwargs, "dropout": 0.0} if kwargs.get("dropout") else kwargs
        theirs = getattr(torch.nn, kind)(*args, **kwargs).double()
        here = Converter()
        ours = getattr(nn, kind)(*here(args), **here(kwargs)).double()
        copy_state(ours, theirs)
        assert repr(ours) == repr(theirs)
        our_inputs, our_options = here(inputs), here(options)
        expected, actual = theirs(*inputs, **options), ours(*our_inputs, **our_options)
        assert_packed_same(actual, expected)
        for library_results in (expected, actual):
            sum((leaf * leaf).sum() for leaf in leaves(library_results) if leaf.requires_grad).backward()
        for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
            assert_same(a.grad, b.grad, 1e-9, f"{kind}: gradient of {name}")
        for a, b in zip(leaves(our_inputs), leaves(inputs), strict=True):
            if b.grad is not None:
                assert_same(a.grad, b.grad, 1e-9, f"{kind}: gradient of an input")
                b.grad = None


def assert_packed_same(actual: Any, expected: Any, tolerance: float = 1e-9) -> None:
    """Results that may be packed are the same."""
    if isinstance(expected, torch.Tensor | None):
        assert_same(actual, expected, tolerance)
    else:
        assert type(actual).__name__ == type(expected).__name__
        for a, b in zip(actual, expected, strict=True):
            assert_packed_same(a, b, tolerance)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(sorted(NETWORKS)), st.lists(st.integers(1, 6), min_size=1, max_size=4), st.booleans(), st.integers(1, 2),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_packed_sequences(
    kind: str, lengths: list[int], bidirectional: bool, layers: int, batch_first: bool, second: bool
) -> None:
    settings = {"num_layers": layers, "bidirectional": bidirectional, "batch_first": batch_first}
    theirs = getattr(torch.nn, kind)(3, 4, **settings, dtype=torch.float64)
    ours = getattr(nn, kind)(3, 4, **settings, dtype=flambeau.float64)
    copy_state(ours, theirs)
    shape = (len(lengths), max(lengths)) if batch_first else (max(lengths), len(lengths))
    x = random(*shape, 3)
    results = []
    for library, network, padded in ((torch, theirs, x), (flambeau, ours, as_flambeau(x))):
        rnn = library.nn.utils.rnn
        packed = rnn.pack_padded_sequence(padded, lengths, batch_first=batch_first, enforce_sorted=False)
        output, state = network(packed)
        again, counts = rnn.pad_packed_sequence(output, batch_first=batch_first, padding_value=0.5)
        total = (again * again).sum() + sum((leaf * leaf * leaf).sum() for leaf in leaves(state))
        slope = None
        if second:
            (slope,) = library.autograd.grad(total, [padded], create_graph=True)
            total = (slope * slope).sum()
        total.backward()
        results.append([list(packed), list(output), again, counts, *leaves(state), slope, padded.grad])
        results[-1] += [parameter.grad for parameter in network.parameters()]
    for a, b in zip(*results[::-1], strict=True):
        assert_packed_same(a, b)


def test_dropout_between_layers() -> None:
    network = nn.LSTM(3, 400, 2, dropout=0.5)
    network.eval()
    x = as_flambeau(random(4, 2, 3).float())
    first, again = network(x)[0], network(x)[0]
    assert flambeau.equal(first, again)
    network.train()
    flambeau.manual_seed(0)
    dropped = network(x)[0]
    assert not flambeau.allclose(dropped, first)
    flambeau.manual_seed(0)
    assert flambeau.equal(network(x)[0], dropped)
    only = nn.LSTM(3, 4, 2, dropout=1.0)  # the second layer sees zeros
    alone = flambeau.lstm(
        flambeau.zeros(4, 2, 4), (flambeau.zeros(1, 2, 4),) * 2, only._flat_weights[4:], True, 1, 0.0, True, False, False
    )
    assert_same(only(x)[0], torch.tensor(alone[0].tolist()), 1e-6)


def test_first_values_are_drawn_weight_by_weight() -> None:
    flambeau.manual_seed(3)
    network = nn.GRU(3, 4, 2, bidirectional=True)
    flambeau.manual_seed(3)
    for weight in network.parameters():
        assert flambeau.equal(weight, flambeau.empty_like(weight).uniform_(-0.5, 0.5))


WRONG = [
    ("LSTM", (3, 4), {"dropout": 1.5}), ("LSTM", (3, 4), {"dropout": True}), ("LSTM", (3, 4), {"bias": 1}),
    ("LSTM", (3, 4), {"batch_first": 0}), ("GRU", (3.0, 4), {}), ("GRU", (3, 4.0), {}), ("GRU", (0, 4), {}), ("GRU", (3, 0), {}),
    ("RNN", (3, 4, 0), {}), ("LSTM", (3, 4), {"proj_size": -1}), ("LSTM", (3, 4), {"proj_size": 4}),
    ("GRU", (3, 4), {"proj_size": 2}), ("RNN", (3, 4), {"proj_size": 2}), ("RNN", (3, 4), {"nonlinearity": "gelu"}),
    ("RNN", (3, 4, 1, "sine"), {}), ("RNNBase", ("TRANSFORMER", 3, 4), {}),
]  # fmt: skip


def test_construction_errors() -> None:
    for name, args, kwargs in WRONG:
        assert error(getattr(nn, name), *args, **kwargs) == error(getattr(torch.nn, name), *args, **kwargs)


def test_call_errors() -> None:
    zeros = torch.zeros
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("LSTM", (zeros(5, 2, 3, 1),)), ("GRU", (zeros(3),)), ("RNN", (zeros(3),)), ("LSTM", (zeros(5, 2, 4),)),
        ("LSTM", (zeros(5, 2, 3).double(),)), ("LSTM", (zeros(5, 2, 3), (zeros(1, 2, 4), zeros(2, 4)))),
        ("LSTM", (zeros(5, 3), (zeros(1, 1, 4), zeros(1, 4)))), ("LSTM", (zeros(5, 2, 3), (zeros(1, 2, 4), zeros(1, 2, 5)))),
        ("LSTM", (zeros(5, 2, 3), (zeros(1, 3, 4), zeros(1, 2, 4)))), ("GRU", (zeros(5, 2, 3), zeros(2, 4))),
        ("GRU", (zeros(5, 3), zeros(1, 1, 4))), ("RNN", (zeros(5, 2, 3), zeros(1, 1, 4))), ("GRU", (zeros(0, 2, 3),)),
        ("LSTMCell", (zeros(1, 2, 3),)), ("LSTMCell", (zeros(2, 3), (zeros(2, 4), zeros(1, 2, 4)))),
        ("GRUCell", (zeros(2, 4),)), ("GRUCell", (zeros(2, 3), zeros(3, 4))), ("RNNCell", (zeros(2, 3), zeros(2, 5))),
        ("RNNCell", (zeros(2, 3), zeros(1, 2, 4))), ("LSTMCell", (zeros(2, 3), (zeros(2, 4), zeros(2, 5)))),
    ]  # fmt: skip
    for name, args in calls:
        theirs, ours = getattr(torch.nn, name)(3, 4), getattr(nn, name)(3, 4)
        assert error(ours, *as_flambeau(args)) == error(theirs, *args), name


def test_function_errors() -> None:
    zeros = torch.zeros
    params = [zeros(12, 3), zeros(12, 4), zeros(12), zeros(12)]
    common = True, 1, 0.0, True, False
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("lstm", (zeros(5, 2, 3), [zeros(1, 2, 4)], params, *common, False)),
        ("gru", (zeros(5, 2, 3), zeros(1, 2, 4), params[:3], *common, False)),
        ("gru", (zeros(5, 2, 3), zeros(2, 2, 4), params, *common, False)),
        ("gru", (zeros(5, 2, 3), zeros(1, 2, 4), params, True, 1, 0.0, True, True, False)),
        ("gru", (zeros(5, 2, 2), zeros(1, 2, 4), params, *common, False)),
        ("gru", (zeros(5, 2, 3), zeros(1, 2, 5), params, *common, False)),
        ("gru", (zeros(5, 2, 3).double(), zeros(1, 2, 4), params, *common, False)),
        ("gru", (zeros(6, 3), torch.tensor([3.0, 2.0, 1.0]), zeros(1, 3, 4), params, *common)),
        ("gru", (zeros(6, 3), torch.tensor([3, 2, 1]), zeros(1, 4, 4), params, *common)),
        ("gru_cell", (zeros(2, 3), zeros(2, 4), zeros(8, 3), *params[1:])),
        ("gru_cell", (zeros(2, 3), zeros(2, 4), params[0], zeros(8, 4))),
        ("lstm_cell", (zeros(2, 3), [zeros(2, 4)], *params)),
    ]  # fmt: skip
    for name, args in calls:
        assert error(getattr(flambeau, name), *as_flambeau(args)) == error(getattr(torch, name), *args), args
    # What PyTorch reads from outside its memory, or has no name for.
    for hx in (zeros(1, 4), zeros(1, 2, 4, 4)):
        with pytest.raises(RuntimeError):
            flambeau.gru(*as_flambeau((zeros(5, 4, 3), hx, params)), *common, False)
    for sizes in ([1, 2, 3], [3, 2, 0], [4, 3]):
        with pytest.raises(RuntimeError):
            flambeau.gru(*as_flambeau((zeros(6, 3), torch.tensor(sizes), zeros(1, 3, 4), params)), *common)


def test_packed_overload_by_names() -> None:
    """What comes behind the sizes of steps is known by its own name, however much is given by position."""
    names = "data batch_sizes hx params has_biases num_layers dropout train bidirectional".split()
    data, state, weights = torch.randn(5, 3), torch.randn(1, 3, 4), [torch.randn(12, n) for n in (3, 4)]
    given = [data, torch.tensor([3, 2]), state, weights, False, 1, 0.0, False, False]
    ours = [as_flambeau(data), flambeau.tensor([3, 2]), as_flambeau(state), [as_flambeau(w) for w in weights], *given[4:]]
    for _ in range(arguments.MANY + 1):  # from then on calls of operations are seen in another way
        flambeau.gru(*ours)
    for count in range(len(names) + 1):
        theirs = torch.gru(*given[:count], **dict(zip(names[count:], given[count:], strict=True)))
        found = flambeau.gru(*ours[:count], **dict(zip(names[count:], ours[count:], strict=True)))
        for one, other in zip(found, theirs, strict=True):
            assert_same(one, other, 1e-5)
    with pytest.raises(TypeError):
        flambeau.gru(*ours[:3], **dict(zip(names[2:], ours[2:], strict=True)))


def test_warning_of_dropout_without_effect() -> None:
    messages = []
    for library in (torch, flambeau):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            library.nn.LSTM(3, 4, dropout=0.5)
        messages.append([(str(each.message), each.category) for each in caught])
        assert library is torch or caught[0].filename == __file__
    assert messages[0] == messages[1] != []


# --- what programs do with them ---------------------------------------------------------------------------------------


def test_weights_follow_the_module() -> None:
    network = nn.LSTM(3, 4, bidirectional=True)
    names = [[f"{kind}_l0{suffix}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")] for suffix in ("", "_reverse")]
    assert [[id(w) for w in group] for group in network.all_weights] == [[id(getattr(network, n)) for n in g] for g in names]
    network.double()
    assert all(weight.dtype == flambeau.float64 for weight in network._flat_weights)
    network.weight_hh_l0 = nn.Parameter(flambeau.zeros(16, 4, dtype=flambeau.float64))
    assert network._flat_weights[1] is network.weight_hh_l0
    x = flambeau.ones(2, 1, 3, dtype=flambeau.float64)
    before = network(x)[0]
    # A weight that is computed anew each time, as dropout of weights does.
    raw = nn.Parameter(network.weight_ih_l0.detach())
    del network.weight_ih_l0
    network.weight_ih_l0 = raw * 1.0
    network.flatten_parameters()
    assert flambeau.equal(network(x)[0], before)
    network(x)[0].sum().backward()
    assert raw.grad is not None


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "LSTMCell", "RNNCell"])
def test_copies_and_files(kind: str) -> None:
    module = getattr(nn, kind)(3, 4)
    x = flambeau.ones(2, 3)
    expected = leaves(module(x))
    stream = io.BytesIO()
    flambeau.save(module, stream)
    stream.seek(0)
    copies = [copy.deepcopy(module), pickle.loads(pickle.dumps(module)), flambeau.load(stream, weights_only=False)]
    for other in copies:
        assert all(map(flambeau.equal, leaves(other(x)), expected))
        for parameter in other.parameters():
            parameter.data.zero_()
        assert not any(map(flambeau.equal, leaves(other(x)), expected))
    fresh = getattr(nn, kind)(3, 4)
    fresh.load_state_dict(module.state_dict())
    assert all(map(flambeau.equal, leaves(fresh(x)), expected))


def test_modules_of_early_versions() -> None:
    network = nn.GRU(3, 4, 2)
    state = network.__getstate__()
    early = {name: value for name, value in state.items() if name not in ("proj_size", "_flat_weights", "_flat_weights_names")}
    early["_all_weights"] = network.all_weights
    made = nn.GRU.__new__(nn.GRU)
    made.__setstate__(early)
    assert made._flat_weights_names == network._flat_weights_names and made.proj_size == 0
    assert flambeau.equal(made(flambeau.ones(2, 3))[0], network(flambeau.ones(2, 3))[0])


def test_long_sequences() -> None:
    """More steps than are joined at once."""
    theirs, ours = torch.nn.GRU(3, 4), nn.GRU(3, 4)
    copy_state(ours, theirs)
    x = random(300, 2, 3).detach().float()
    expected, actual = theirs(x)[0], ours(as_flambeau(x))[0]
    assert_same(actual, expected, 1e-5)
    expected.sum().backward()
    actual.sum().backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_same(a.grad, b.grad, 1e-4)


def test_memory_that_others_see() -> None:
    """NumPy shares the weights and the input; what is done to them later does not show."""
    network, x = nn.LSTM(3, 80), flambeau.ones(4, 2, 3)
    network(x)[0].sum().backward()
    expected = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    shared = [tensor.detach().numpy() for tensor in (x, *network.parameters())]
    network(x)[0].sum().backward()
    for values in shared:
        values[...] = 0.0
    assert all(map(flambeau.equal, [parameter.grad for parameter in network.parameters()], expected))


def test_autocast() -> None:
    x = random(5, 2, 3).detach().float()
    for name in NETWORKS:
        for kind, shape in ((name, x), (f"{name}Cell", x[0])):
            theirs, ours = getattr(torch.nn, kind)(3, 4), getattr(nn, kind)(3, 4)
            copy_state(ours, theirs)
            for value in (shape, shape.bfloat16()):
                try:
                    with torch.autocast("cpu"):
                        expected = leaves(theirs(value))
                except RuntimeError as error:  # PyTorch's library has no layers of bfloat16 for some processors
                    assert "primitive descriptor" in str(error)
                    continue
                with flambeau.autocast("cpu"):
                    actual = leaves(ours(as_flambeau(value)))
                for a, b in zip(actual, expected, strict=True):
                    assert str(a.dtype) == str(b.dtype)
                    assert_same(a.float(), b.float(), 3e-2)
    network = nn.GRU(3, 4, dtype=flambeau.float64)
    with flambeau.autocast("cpu"):
        assert network(as_flambeau(x.double()))[0].dtype == flambeau.float64
