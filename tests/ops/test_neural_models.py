"""Whole models, forward and backward: the same bits evaluated at once, one primitive at a time and fused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracle import array, as_flambeau, assert_same, floats

import flambeau
import flambeau.nn.functional as F
from flambeau.graph import trace

Parameters = dict[str, torch.Tensor]


def convolutional(shift: int = 0) -> tuple[Parameters, dict[str, torch.Tensor]]:
    shapes = {"conv1": (6, 3, 3, 3), "b1": (6,), "g1": (6,), "h1": (6,), "conv2": (8, 6, 3, 3), "b2": (8,), "fc": (5, 32)}
    parameters = {name: floats(*shape, seed=k) * 0.3 for k, (name, shape) in enumerate(shapes.items())}
    batch = {"x": floats(4, 3, 8, 8, grad=False, seed=20 + shift), "t": torch.tensor([0, 3, 4, 1])}
    return parameters, batch


def run_convolutional(library: Any, p: dict[str, Any], batch: dict[str, Any], drop: float) -> Any:
    f = F if library is flambeau else TF
    running = library.zeros(6), library.ones(6)
    y = f.conv2d(batch["x"], p["conv1"], p["b1"], padding=1)
    y = f.relu(f.batch_norm(y, *running, p["g1"], p["h1"], training=True))
    y = f.max_pool2d(y, 2)
    y = f.leaky_relu(f.conv2d(y, p["conv2"], p["b2"], stride=2, padding=1), 0.1)
    y = f.dropout(y.flatten(1), drop)
    loss = f.cross_entropy(f.linear(y, p["fc"]), batch["t"])
    return loss, *running


def transformer() -> tuple[Parameters, dict[str, torch.Tensor]]:
    width = 16
    shapes = {
        "table": (11, width), "n1": (width,), "m1": (width,), "qkv": (3 * width, width), "out": (width, width),
        "n2": (width,), "up": (4 * width, width), "ub": (4 * width,), "down": (width, 4 * width), "head": (11, width),
    }  # fmt: skip
    parameters = {name: floats(*shape, seed=k) * 0.3 for k, (name, shape) in enumerate(shapes.items())}
    tokens = torch.randint(11, (3, 8), generator=torch.Generator().manual_seed(2))
    return parameters, {"x": tokens[:, :-1], "t": tokens[:, 1:]}


def run_transformer(library: Any, p: dict[str, Any], batch: dict[str, Any], drop: float) -> Any:
    f = F if library is flambeau else TF
    x = f.embedding(batch["x"], p["table"])
    n, length, width = x.shape
    y = f.layer_norm(x, (width,), p["n1"], p["m1"])
    q, k, v = (t.reshape(n, length, 2, width // 2).transpose(1, 2) for t in f.linear(y, p["qkv"]).split(width, -1))
    y = f.scaled_dot_product_attention(q, k, v, is_causal=True)
    x = x + f.dropout(f.linear(y.transpose(1, 2).reshape(n, length, width), p["out"]), drop)
    y = f.gelu(f.linear(f.rms_norm(x, (width,), p["n2"]), p["up"], p["ub"]))
    x = x + f.linear(y, p["down"])
    loss = f.cross_entropy(f.linear(x, p["head"]).flatten(0, 1), batch["t"].flatten())
    return (loss,)


MODELS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "convolutional": (convolutional, run_convolutional),
    "transformer": (transformer, run_transformer),
}


@contextmanager
def eager(enabled: bool) -> Iterator[None]:
    before = trace.EAGER
    trace.set_eager(enabled)
    try:
        yield
    finally:
        trace.set_eager(before)


def step(name: str, drop: float) -> list[np.ndarray]:
    """Losses, running statistics and gradients of one step in Flambeau."""
    make, run = MODELS[name]
    parameters, batch = make()
    flambeau.manual_seed(0)
    ours = {key: as_flambeau(value.detach().requires_grad_()) for key, value in parameters.items()}
    outputs = run(flambeau, ours, {key: as_flambeau(value) for key, value in batch.items()}, drop)
    outputs[0].backward()
    return [array(t) for t in (*outputs, *(p.grad for p in ours.values()))]


@pytest.mark.parametrize("drop", [0.0, 0.4])
@pytest.mark.parametrize("name", MODELS)
def test_same_bits_however_evaluated(name: str, drop: float) -> None:
    with eager(True):
        expected = step(name, drop)
    for run in range(3):
        for place, (a, b) in enumerate(zip(step(name, drop), expected, strict=True)):
            np.testing.assert_array_equal(a, b, err_msg=f"run {run}, result {place}")


@pytest.mark.parametrize("name", MODELS)
def test_model_against_pytorch(name: str) -> None:
    make, run = MODELS[name]
    parameters, batch = make()
    theirs = {key: value.detach().clone().requires_grad_() for key, value in parameters.items()}
    outputs = run(torch, theirs, batch, 0.0)
    outputs[0].backward()
    ours = {key: as_flambeau(value.detach().requires_grad_()) for key, value in parameters.items()}
    our_outputs = run(flambeau, ours, {key: as_flambeau(value) for key, value in batch.items()}, 0.0)
    our_outputs[0].backward()
    for place, (a, b) in enumerate(zip(our_outputs, outputs, strict=True)):
        assert_same(a, b, 2e-5, f"output {place}")
    for key in theirs:
        assert_same(ours[key].grad, theirs[key].grad, 5e-5, f"gradient of {key}")
