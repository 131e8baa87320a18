"""Sparse gradients of embeddings, optimisers that take them, and programs of graph networks and recommenders, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.checkpoint
from sparse_inputs import LIBRARIES, same

import flambeau

pytestmark = pytest.mark.filterwarnings("ignore")

INDEX = np.array([[1, 2], [1, 3]])


def table(t: Any, rows: int = 4, width: int = 3) -> Any:
    return t.nn.Parameter(t.arange(float(rows * width)).reshape(rows, width) / 10)


EMBEDDINGS: dict[str, Callable[[Any, Any], Any]] = {
    "embedding": lambda t, w: t.nn.functional.embedding(t.tensor(INDEX), w, sparse=True),
    "native": lambda t, w: t.embedding(w, t.tensor(INDEX), -1, False, True),
    "int32": lambda t, w: t.nn.functional.embedding(t.tensor(INDEX).int(), w, sparse=True),
    "padding": lambda t, w: t.nn.functional.embedding(t.tensor(INDEX), w, padding_idx=1, sparse=True),
    "one": lambda t, w: t.nn.functional.embedding(t.tensor(2), w, sparse=True),
    "none": lambda t, w: t.nn.functional.embedding(t.zeros(0, 2, dtype=t.int64), w, sparse=True),
    "max_norm": lambda t, w: t.nn.functional.embedding(t.tensor(INDEX), w, max_norm=1.0, sparse=True),
    "bag": lambda t, w: t.nn.functional.embedding_bag(t.tensor(INDEX), w, mode="sum", sparse=True),
    "bag of means": lambda t, w: t.nn.functional.embedding_bag(
        t.tensor([1, 2, 1, 3]), w, t.tensor([0, 0, 3]), sparse=True
    ),
    "weighted bag": lambda t, w: t.nn.functional.embedding_bag(
        t.tensor([1, 2, 1, 3]), w, t.tensor([0, 2]), mode="sum", sparse=True, per_sample_weights=t.arange(4.0)
    ),
    "padded bag": lambda t, w: t.nn.functional.embedding_bag(t.tensor(INDEX), w, mode="sum", sparse=True, padding_idx=1),
    "scaled": lambda t, w: t.nn.functional.embedding(t.tensor(INDEX), w * 2, sparse=True),
}


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_embeddings(name: str) -> None:
    results = []
    for t in LIBRARIES:
        w = table(t)
        out = EMBEDDINGS[name](t, w)
        (out * t.arange(float(out.numel())).reshape(out.shape)).sum().backward()
        results.append((out, w.grad))
    (theirs, their_grad), (mine, my_grad) = results
    same(mine, theirs)
    if their_grad.is_sparse:
        np.testing.assert_array_equal(my_grad._indices().numpy(), their_grad._indices().numpy())
        np.testing.assert_allclose(my_grad._values().numpy(), their_grad._values().numpy(), 1e-6)
    same(my_grad, their_grad)


def test_what_is_refused() -> None:
    for t in LIBRARIES:
        w = table(t)
        with pytest.raises(RuntimeError, match="scale_grad_by_freq not supported with sparse gradients"):
            t.nn.functional.embedding(t.tensor(INDEX), w, scale_grad_by_freq=True, sparse=True).sum().backward()
        with pytest.raises(ValueError, match="max mode does not support sparse weights"):
            t.nn.functional.embedding_bag(t.tensor(INDEX), w, mode="max", sparse=True)


def test_gradients_add_up() -> None:
    def program(t: Any) -> list[Any]:
        def looked_up(w: Any, sparse: bool = True) -> Any:
            return (t.nn.functional.embedding(t.tensor(INDEX), w, sparse=sparse) ** 2).sum()

        found = []
        w = table(t)
        looked_up(w).backward()
        looked_up(w).backward()  # sparse and sparse
        found.append(w.grad.coalesce().clone())
        (w * 3).sum().backward()  # sparse and dense
        found.append(w.grad.clone())
        looked_up(w).backward()  # dense and sparse
        found.append(w.grad.clone())
        for both in (looked_up(w) + looked_up(w, False), looked_up(w, False) + looked_up(w), looked_up(w) + looked_up(w)):
            found += [g.to_dense() for g in t.autograd.grad(both, w)]
        w.grad = None
        (looked_up(w) + (w[0] * 2).sum()).backward()
        found.append(w.grad)
        seen = []
        v = table(t)
        v.register_hook(lambda g: seen.append(g.is_sparse))
        v.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.is_sparse))
        looked_up(v).backward()
        found.append(seen)
        inner = v * 2
        inner.retain_grad()
        looked_up(inner).backward()
        found.append(inner.grad.is_sparse)
        return found

    same(program(flambeau), program(torch))


def test_loss_scales_and_checkpoints() -> None:
    def program(t: Any) -> list[Any]:
        w = table(t)
        optimizer, scaler = t.optim.SGD([w], lr=0.1), t.amp.GradScaler("cpu")
        scaler.scale(t.nn.functional.embedding(t.tensor(INDEX), w, sparse=True).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        found = [w, w.grad.to_dense()]
        optimizer.zero_grad(set_to_none=False)
        found.append(w.grad.to_dense())
        x = t.ones(3, 2, requires_grad=True)
        again = t.utils.checkpoint.checkpoint
        product = again(lambda s, x: t.sparse.mm(s, x).sin(), t.eye(3).to_sparse(), x, use_reentrant=False)
        product.sum().backward()
        return [*found, x.grad]

    same(program(flambeau), program(torch))


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.1},
    "SGD momentum": {"lr": 0.1, "momentum": 0.9},
    "SGD nesterov": {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    "SGD dampening": {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "maximize": True},
    "Adagrad": {"lr": 0.1},
    "Adagrad decay": {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.2, "maximize": True},
    "SparseAdam": {"lr": 0.1},
    "SparseAdam maximize": {"lr": 0.05, "betas": (0.8, 0.9), "maximize": True},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str) -> None:
    results = []
    for t in LIBRARIES:
        w, other = table(t), t.nn.Parameter(t.ones(3))
        dense = name.startswith("SparseAdam")
        optimizer = getattr(t.optim, name.split()[0])([w] if dense else [w, other], **OPTIMIZERS[name])
        for step in range(5):
            optimizer.zero_grad()
            rows = t.nn.functional.embedding(t.tensor((INDEX + step) % 4), w, sparse=True)
            (rows * rows * other).sum().backward()
            assert w.grad.is_sparse
            optimizer.step()
        state = optimizer.state[w]
        kept = [state[key] for key in sorted(state) if key not in ("step", "momentum_buffer")]
        results.append([w, other, *kept, float(state.get("step", 0))])
    same(results[1], results[0])


REFUSING = "Adam AdamW Adamax Adadelta RMSprop Rprop ASGD NAdam RAdam Muon Adafactor".split()


@pytest.mark.parametrize("name", REFUSING)
def test_optimizers_refuse(name: str) -> None:
    words = []
    for t in LIBRARIES:
        w = table(t)
        optimizer = getattr(t.optim, name)([w], lr=0.1)
        t.nn.functional.embedding(t.tensor(INDEX), w, sparse=True).sum().backward()
        before = w.detach().clone()
        with pytest.raises(RuntimeError) as found:
            optimizer.step()
        words.append(str(found.value))
        assert t.equal(w.detach(), before)
    assert words[0] == words[1]


def test_options_that_refuse() -> None:
    for t in LIBRARIES:
        for kind, options, words in (
            (t.optim.SGD, {"weight_decay": 0.1}, "add\\(sparse, dense\\) is not supported"),
            (t.optim.Adagrad, {"weight_decay": 0.1}, "weight_decay option is not compatible with sparse gradients"),
        ):
            w = table(t)
            t.nn.functional.embedding(t.tensor(INDEX), w, sparse=True).sum().backward()
            with pytest.raises(RuntimeError, match=words):
                kind([w], lr=0.1, **options).step()
        w = table(t)
        w.sum().backward()
        with pytest.raises(RuntimeError, match="SparseAdam does not support dense gradients"):
            t.optim.SparseAdam([w]).step()


def test_an_index_out_of_range_leaves_the_table_as_it_was() -> None:
    w = table(flambeau)
    optimizer = flambeau.optim.SparseAdam([w], lr=0.1)
    before = w.detach().clone()
    with pytest.raises(IndexError):
        flambeau.nn.functional.embedding(flambeau.tensor([1, 9]), w, sparse=True).sum().backward()
        optimizer.step()
        print(w)
    assert flambeau.equal(w.detach(), before)


def test_a_sparse_parameter() -> None:
    def program(t: Any) -> list[Any]:
        p = t.nn.Parameter(t.eye(3).to_sparse())
        optimizer = t.optim.SGD([p], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            t.sparse.mm(p, t.arange(6.0).reshape(3, 2)).pow(2).sum().backward()
            optimizer.step()
        return [p.to_dense(), p.grad.coalesce(), p.requires_grad, p.is_leaf]

    same(program(flambeau), program(torch))


# --- programs ---------------------------------------------------------------------------------------------------------


def graph(t: Any, nodes: int) -> Any:
    """A normalised adjacency matrix, as programs read one from SciPy."""
    generator = np.random.default_rng(3)
    rows, columns = generator.integers(0, nodes, (2, 3 * nodes))
    rows, columns = np.concatenate([rows, columns, np.arange(nodes)]), np.concatenate([columns, rows, np.arange(nodes)])
    degree = np.bincount(rows, minlength=nodes)
    values = (1 / np.sqrt(degree[rows] * degree[columns])).astype(np.float32)
    indices = t.from_numpy(np.stack([rows, columns]).astype(np.int64))
    return t.sparse.FloatTensor(indices, t.from_numpy(values), t.Size([nodes, nodes]))


def set_to(module: Any, t: Any) -> Any:
    generator = np.random.default_rng(4)
    with t.no_grad():
        for parameter in module.parameters():
            parameter.copy_(t.from_numpy(generator.standard_normal(tuple(parameter.shape)).astype(np.float32) * 0.5))
    return module


def graph_convolution(t: Any) -> list[float]:
    """Kipf and Welling 2017."""
    nn, F = t.nn, t.nn.functional
    adjacency = graph(t, 40)

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(6, 8, bias=False), nn.Linear(8, 3)

        def forward(self, x: Any, adjacency: Any) -> Any:
            x = F.relu(t.spmm(adjacency, self.first(x)))
            return F.log_softmax(t.spmm(adjacency, self.second(x)), dim=1)

    generator = np.random.default_rng(5)
    x = t.from_numpy(generator.standard_normal((40, 6)).astype(np.float32))
    y = t.from_numpy(generator.integers(0, 3, 40))
    network = set_to(Network(), t)
    optimizer = t.optim.Adam(network.parameters(), lr=0.02, weight_decay=5e-4)
    losses = []
    for _ in range(8):
        optimizer.zero_grad()
        loss = F.nll_loss(network(x, adjacency), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def light_graph_convolution(t: Any) -> list[float]:
    """He and others 2020, with edges left out at random."""
    adjacency = graph(t, 40).coalesce()
    users, items = t.nn.Embedding(15, 4), t.nn.Embedding(25, 4)
    set_to(t.nn.ModuleList([users, items]), t)
    optimizer = t.optim.Adam([users.weight, items.weight], lr=0.02)
    generator = np.random.default_rng(6)
    losses = []
    for _ in range(6):
        keep = t.from_numpy(generator.random(adjacency._nnz()) < 0.7)
        index, values = adjacency.indices().t()[keep], adjacency.values()[keep] / 0.7
        left = t.sparse_coo_tensor(index.t(), values, adjacency.size())
        layers = [t.cat([users.weight, items.weight])]
        for _ in range(2):
            layers.append(t.sparse.mm(left, layers[-1]))
        u, i = t.split(t.stack(layers, dim=1).mean(dim=1), [15, 25])
        loss = -t.nn.functional.logsigmoid((u * i[:15]).sum(1) - (u * i[10:]).sum(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def graph_attention(t: Any) -> list[float]:
    """Veličković and others 2018, by a softmax over the entries of a sparse matrix."""
    F = t.nn.functional
    edges = graph(t, 40).coalesce().indices()
    generator = np.random.default_rng(7)
    x = t.from_numpy(generator.standard_normal((40, 6)).astype(np.float32))
    y = t.from_numpy(generator.integers(0, 4, 40))
    parameters = [t.nn.Parameter(t.from_numpy(generator.standard_normal(s).astype(np.float32))) for s in ((6, 4), (8,))]
    optimizer = t.optim.SGD(parameters, lr=0.5)
    losses = []
    for _ in range(6):
        h = x @ parameters[0]
        score = F.leaky_relu(t.cat([h[edges[0]], h[edges[1]]], 1) @ parameters[1])
        attention = t.sparse.softmax(t.sparse_coo_tensor(edges, score, (40, 40)), dim=1)
        loss = F.cross_entropy(F.elu(t.sparse.mm(attention, h)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def skip_gram(t: Any) -> list[float]:
    """Mikolov and others 2013, with negative samples."""
    F = t.nn.functional
    centers, contexts = t.nn.Embedding(30, 5, sparse=True), t.nn.Embedding(30, 5, sparse=True)
    parameters = [*set_to(t.nn.ModuleList([centers, contexts]), t).parameters()]
    generator = np.random.default_rng(8)
    losses = []
    optimizers = t.optim.SparseAdam(parameters, lr=0.05), t.optim.SGD(parameters, lr=0.3), t.optim.Adagrad(parameters, lr=0.1)
    for optimizer in optimizers:
        for _ in range(4):
            center, context, negative = [t.from_numpy(generator.integers(0, 30, s)) for s in ((12,), (12,), (12, 3))]
            vector = centers(center)
            score = F.logsigmoid((vector * contexts(context)).sum(1))
            others = F.logsigmoid(-t.bmm(contexts(negative), vector.unsqueeze(2)).squeeze(2)).sum(1)
            loss = -(score + others).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


@pytest.mark.parametrize("program", [graph_convolution, light_graph_convolution, graph_attention, skip_gram])
def test_programs(program: Callable[[Any], list[float]]) -> None:
    np.testing.assert_allclose(program(flambeau), program(torch), 1e-4)
