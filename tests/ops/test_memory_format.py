"""Channels last, and other orders in memory: operations keep, change and lose them where PyTorch's do.

Strides are compared for axes of more than one element, values and gradients too. The gradient of a leaf lies as the leaf.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracle import evaluated

import flambeau


def numbers(T: Any, *shape: int, dtype: str = "float32") -> Any:
    values = T.arange(float(np.prod(shape)), dtype=getattr(T, dtype))
    return (values * 0.37).sin().reshape(shape)


def last(T: Any, x: Any) -> Any:
    return x.contiguous(memory_format=T.channels_last if x.ndim == 4 else T.channels_last_3d)


PICTURES: dict[str, Callable[[Any], Any]] = {
    "contiguous": lambda T: numbers(T, 2, 4, 4, 6),
    "channels last": lambda T: last(T, numbers(T, 2, 4, 4, 6)),
    "transposed": lambda T: numbers(T, 2, 4, 4, 6).transpose(1, 2),
    "permuted": lambda T: numbers(T, 6, 2, 4, 4).permute(1, 2, 3, 0),
    "expanded": lambda T: numbers(T, 2, 1, 4, 6).expand(2, 4, 4, 6),
    "sliced": lambda T: numbers(T, 2, 4, 8, 9)[:, :, ::2, 1:7],
    "part of channels last": lambda T: last(T, numbers(T, 2, 8, 4, 6))[:, ::2],
    "one channel last": lambda T: last(T, numbers(T, 2, 1, 4, 6)),
    "one pixel, channels last": lambda T: numbers(T, 2, 1, 1, 4).permute(0, 3, 1, 2),
}
VOLUMES: dict[str, Callable[[Any], Any]] = {
    "contiguous": lambda T: numbers(T, 2, 4, 3, 4, 4),
    "channels last": lambda T: last(T, numbers(T, 2, 4, 3, 4, 4)),
    "transposed": lambda T: numbers(T, 2, 3, 4, 4, 4).transpose(1, 2),
}
SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "contiguous": lambda T: numbers(T, 2, 4, 6),
    "transposed": lambda T: numbers(T, 2, 6, 4).transpose(1, 2),
    "permuted": lambda T: numbers(T, 4, 6, 2).permute(2, 0, 1),
    "sliced": lambda T: numbers(T, 4, 4, 6)[::2],
}


def filters(T: Any, x: Any, *window: int, dtype: str = "float32") -> Any:
    return numbers(T, 8, x.shape[1], *window, dtype=dtype)


ON_PICTURES = [
    "F.conv2d(x, filters(T, x, 3, 3), numbers(T, 8), padding=1)", "F.conv2d(x, last(T, filters(T, x, 3, 3)), padding=1)",
    'F.conv2d(x.double(), filters(T, x, 1, 1, dtype="float64"))', 'F.conv2d(x, filters(T, x, 2, 2), padding="same")',
    "F.conv2d(x, numbers(T, x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])",
    "F.conv_transpose2d(x, numbers(T, x.shape[1], 8, 2, 2), numbers(T, 8), stride=2)", "F.max_pool2d(x, 2, 1, 1)",
    "F.max_pool2d(x, 2, 1, 1, return_indices=True)[1]", "F.avg_pool2d(x, 2, 1, 1)", "F.adaptive_avg_pool2d(x, (None, 2))",
    "F.adaptive_max_pool2d(x, 2)", "F.max_unpool2d(*F.max_pool2d(x, 1, 1, return_indices=True), 1)",
    "F.batch_norm(x, None, None, numbers(T, x.shape[1]), training=True)",
    "F.batch_norm(x, T.zeros(x.shape[1]), T.ones(x.shape[1]))", "F.group_norm(x, max(x.shape[1] // 2, 1))",
    "F.layer_norm(x, x.shape[1:])", "F.interpolate(x, scale_factor=2)", "F.interpolate(x, size=tuple(x.shape[2:]))",
    'F.interpolate(x, size=(3, 5), mode="bilinear")', 'F.interpolate(x, size=(2, 3), mode="area")', "F.pad(x, (1, 0, 2, 1))",
    "F.pad(x, (0, 0, 0, 0, 1, 2))", 'F.pad(x, (1, 1, 1, 1), mode="replicate")', 'F.pad(x, (1, 1, 1, 1), mode="circular")',
    "F.pixel_shuffle(x, 1)", "F.channel_shuffle(x, max(x.shape[1] // 2, 1))", "F.unfold(x, 1)", "T.cat([x, x], 1)",
    "T.cat([x, x.contiguous()], 1)", "T.stack([x, x], 1)", "T.stack([x, x], 2)", "x.roll(1, 1)",
    "F.dropout(x, 0.5, False) * 1", "x * x[:1]", "x.to(memory_format=T.channels_last)",
    "x.to(T.float64, memory_format=T.contiguous_format)", "x.double(memory_format=T.channels_last)", "x.double()",
    "x.clone(memory_format=T.channels_last)", "x.contiguous(memory_format=T.channels_last)",
    "F.scaled_dot_product_attention(*[x.detach()] * 3)", "x[T.tensor([0, 0, 1])]", "x[:, T.tensor([[0, 0], [0, 0]])]",
    "x[..., T.tensor([0, 0])]", "x.index_put((T.tensor([0]),), T.tensor(1.0))", "x.index_fill(1, T.tensor([0]), 1.0)",
    "x.sort(1)[0]", "x.argsort(-1)",
]  # fmt: skip
ON_VOLUMES = [
    "F.conv3d(x, filters(T, x, 2, 3, 3), numbers(T, 8), padding=1)",
    'F.conv3d(x.double(), filters(T, x, 1, 1, 1, dtype="float64"))',
    "F.conv_transpose3d(x, numbers(T, x.shape[1], 8, 2, 2, 2), stride=2)", "F.max_pool3d(x, 2)", "F.avg_pool3d(x, 2)",
    "F.batch_norm(x, None, None, training=True)", "F.group_norm(x, 2)", "F.instance_norm(x)",
    'F.interpolate(x, scale_factor=2, mode="trilinear")', "F.pad(x, (1,) * 6)", 'F.pad(x, (1,) * 6, mode="reflect")',
    "T.cat([x, x], 1)", "x.to(memory_format=T.channels_last_3d)", "T.zeros_like(x, memory_format=T.channels_last_3d) * x",
]  # fmt: skip
ON_SEQUENCES = [
    "F.conv1d(x, filters(T, x, 3), padding=1)", "F.max_pool1d(x, 2)", "F.avg_pool1d(x, 2)", "F.adaptive_max_pool1d(x, 2)",
    "F.batch_norm(x, None, None, training=True)", "F.interpolate(x, size=(x.shape[2],))",
    'F.interpolate(x, size=(9,), mode="linear")', 'F.pad(x, (1, 1), mode="reflect")', "F.layer_norm(x, x.shape[-1:])",
    "x[T.tensor([0, 0, 1])]", "x.index_put((T.tensor([0]),), T.tensor(1.0))", "x.put(T.tensor([0]), T.tensor([1.0]))",
    "x.sort(-1)[0]",
]  # fmt: skip
CASES = [
    *((PICTURES, expression) for expression in ON_PICTURES), *((VOLUMES, expression) for expression in ON_VOLUMES),
    *((SEQUENCES, expression) for expression in ON_SEQUENCES),
]  # fmt: skip


def steps(x: Any) -> tuple[int, ...]:
    return tuple(step for extent, step in zip(x.shape, x.stride()) if extent > 1)


def agree(ours: Any, theirs: Any, where: str) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape), where
    assert steps(ours) == steps(theirs), where
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=2e-4, atol=1e-5, err_msg=where)


def computed(T: Any, expression: str, x: Any) -> Any:
    return evaluated(T, expression, x=x, numbers=numbers, last=last, filters=filters)


@pytest.mark.parametrize(("layouts", "expression"), CASES)
def test_operations(layouts: dict[str, Callable[[Any], Any]], expression: str) -> None:
    for layout, make in layouts.items():
        agree(*(computed(T, expression, make(T)) for T in (flambeau, torch)), layout)
        leaves = [make(T).detach().requires_grad_() for T in (flambeau, torch)]
        results = [computed(T, expression, x) for T, x in zip((flambeau, torch), leaves)]
        agree(*results, f"{layout}, differentiated")
        if not results[1].requires_grad:
            continue
        inner = []
        for T, x, y in zip((flambeau, torch), leaves, results):
            loss = (y * numbers(T, *y.shape).to(y.dtype)).sum()
            loss.backward(retain_graph=True)
            inner.append(T.autograd.grad(loss, x)[0])
        agree(*[x.grad for x in leaves], f"{layout}, the leaf's gradient")
        agree(*inner, f"{layout}, gradient")


@pytest.mark.parametrize("name", ["empty_like", "zeros_like", "ones_like", "rand_like", "randn_like"])
def test_likes(name: str) -> None:
    for kind in ("preserve_format", "contiguous_format", "channels_last"):
        for layout, make in PICTURES.items():
            ours, theirs = (getattr(T, name)(make(T), memory_format=getattr(T, kind)) for T in (flambeau, torch))
            assert steps(ours) == steps(theirs), layout


def test_made_in_a_format() -> None:
    def made(T: Any) -> list[Any]:
        x = last(T, T.zeros(2, 3, 4, 5))
        return [
            T.empty(2, 3, 4, 5, memory_format=T.channels_last),
            T.empty(2, 3, 4, 5, memory_format=T.contiguous_format),
            T.empty(2, 3, 4, 5, 6, memory_format=T.channels_last_3d),
            T.empty(0).resize_(2, 3, 4, 5, memory_format=T.channels_last),
            T.empty(0).resize_as_(x),
            T.empty(0).resize_as_(x, memory_format=T.preserve_format),
            T.full_like(x, 2.0, memory_format=T.contiguous_format),
            T.nn.Conv2d(3, 4, 2).to(memory_format=T.channels_last).weight,
            copy.deepcopy(x),
            copy.deepcopy(T.nn.Conv2d(3, 4, 2).to(memory_format=T.channels_last)).weight,
            x.cpu(memory_format=T.contiguous_format),
            x.half(),
            x[:, :, :1, :1].clone(),
        ]

    for ours, theirs in zip(made(flambeau), made(torch), strict=True):
        assert ours.stride() == theirs.stride()
        for kind in ("channels_last", "channels_last_3d", "contiguous_format"):
            wanted = theirs.is_contiguous(memory_format=getattr(torch, kind))
            assert ours.is_contiguous(memory_format=getattr(flambeau, kind)) == wanted


@pytest.mark.parametrize(
    "call",
    [
        lambda T: T.zeros(2, 3).contiguous(memory_format=T.channels_last),
        lambda T: T.zeros(2, 3, 4, 5).to(memory_format=T.channels_last_3d),
        lambda T: T.empty(2, 3, memory_format=T.channels_last),
        lambda T: T.empty(2, 3, memory_format=T.preserve_format),
        lambda T: T.zeros_like(T.zeros(2), memory_format=T.channels_last),
        lambda T: T.zeros(2, 3).clone(memory_format=3),
        lambda T: T.zeros(2, 3).t().contiguous(memory_format=T.preserve_format),
    ],
)
def test_formats_that_do_not_fit(call: Callable[[Any], Any]) -> None:
    raised = []
    for T in (flambeau, torch):
        with pytest.raises((RuntimeError, TypeError)) as caught:
            call(T)
        raised.append(caught.type)
    assert raised[0] is raised[1]


def test_a_network_with_channels_last_learns() -> None:
    """Parameters, their gradients and the optimiser's state keep the order, and the losses are PyTorch's."""

    def train(T: Any) -> tuple[list[float], list[Any]]:
        nn = T.nn
        net = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
        )  # fmt: skip
        for parameter in net.parameters():
            parameter.data = numbers(T, *parameter.shape)
        net = net.to(memory_format=T.channels_last)
        optimiser = T.optim.Adam(net.parameters(), lr=0.01)
        x, y = last(T, numbers(T, 5, 3, 8, 8)), T.tensor([0, 1, 2, 3, 0])
        losses = []
        for _ in range(4):
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        state = [optimiser.state[p]["exp_avg"] for p in net.parameters()]
        return losses, [*net.parameters(), *(p.grad for p in net.parameters()), *state]

    (ours, tensors), (theirs, expected) = train(flambeau), train(torch)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    for a, b in zip(tensors, expected, strict=True):
        assert steps(a) == steps(b)


@pytest.mark.filterwarnings("ignore:Using backward")
def test_gradients_of_leaves_lie_as_the_leaves() -> None:
    def gradients(T: Any) -> list[Any]:
        found = []
        for make in (
            lambda: numbers(T, 4, 6), lambda: numbers(T, 6, 4).t(), lambda: numbers(T, 8, 6)[::2],
            lambda: numbers(T, 4, 1).expand(4, 6), lambda: numbers(T, 1, 6),
        ):  # fmt: skip
            for use in (
                lambda x: x.t() @ numbers(T, *x.shape), lambda x: x.t() * 2, lambda x: x.sum(1), lambda x: x.exp(),
                lambda x: x.t().contiguous() * numbers(T, *x.t().shape), lambda x: x.mean(0),
            ):  # fmt: skip
                for create in (False, True):
                    x = make().detach().requires_grad_()
                    for _ in range(2):
                        use(x).sum().backward(create_graph=create)
                        found.append(x.grad.detach())
        return found

    for ours, theirs in zip(gradients(flambeau), gradients(torch), strict=True):
        agree(ours, theirs, "")


@pytest.mark.filterwarnings("ignore:Using backward")
def test_a_gradient_belongs_to_the_leaf_alone() -> None:
    """Neither what a hook saw nor another leaf's gradient changes when a gradient is written in place."""
    for make in (lambda: flambeau.ones(2, 3), lambda: flambeau.ones(3, 2).t()):
        x, y = make().requires_grad_(), make().requires_grad_()
        seen: list[Any] = []
        x.register_hook(seen.append)
        (x + y).t().contiguous().mul(2).sum().backward()
        x.grad.zero_()
        assert seen[0].tolist() == [[2.0] * 3] * 2
        assert y.grad.tolist() == [[2.0] * 3] * 2
        y.grad.add_(1)
        assert x.grad.tolist() == [[0.0] * 3] * 2
