"""Programs that write in place, exported: views and what they are views of stay together."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from onnx_exported import check, module_of

import flambeau


def setting(T: Any, x: Any) -> Any:
    y = T.zeros(2, 3, 4)
    y[:, 0] = x[:, 1]
    y[1] = 2.0
    y[0, :, 1:3] = x[0, :, :2]
    y[..., -1] += 1
    y[0, 1, 2] = x.sum()
    y[:, ::2, 3] = 7
    y[1, -2:] = x[1, :2] * 2
    return y


def indices(T: Any, x: Any) -> Any:
    y = x.clone()
    y[T.tensor([1, 0])] = x * 2
    y[:, T.tensor([0, 2])] = 0
    y[0, T.tensor([1, 1, 2]), T.tensor([0, 1, -1])] = T.tensor([5.0, 6.0, 7.0])
    y[:, T.tensor([2]), T.tensor([3])] = x[:, :1, 0]
    return y, y.index_put((T.tensor([0, 0]),), x, accumulate=True)


def masks(T: Any, x: Any) -> Any:
    y = x.clone()
    y[x > 0.5] = 0
    y[y < -0.5] = y[y < -0.5] * 2
    y.masked_fill_(x > 1, 9.0)
    return y


def views(T: Any, x: Any) -> Any:
    y = x.clone()
    flat, turned, row = y.view(-1), y.transpose(0, 1), y[1]
    row.mul_(2)
    flat[3:5] = 1
    turned[0].add_(flat[4])
    y.unsqueeze(0).squeeze(0).relu_()
    before = row.sum()
    y.zero_()
    return y, row, flat, turned, before


def operators(T: Any, x: Any) -> Any:
    y = x.clone()
    y += 1
    y *= x
    y -= x / 2
    y /= 3
    y.clamp_(-1, 1).abs_()
    z = T.empty_like(y).copy_(y[0])
    z.fill_(2).add_(y)
    T.nn.functional.relu(z, inplace=True)
    return y, z.exp_(), T.nn.functional.leaky_relu_(z - 3, 0.2)


def parts(T: Any, x: Any) -> Any:
    y = x.clone()
    a, b = y.chunk(2, -1)
    a.mul_(10)
    first, second, third = y.unbind(1)
    second.copy_(third)
    c, d = y.split([1, 2], 1)
    d[:, 0] = b[:, 0, :1].sum()
    return y, a, b, first, second, c, d


def windows(T: Any, x: Any) -> Any:
    y = T.zeros(2, 5, 6)
    y[:, 1:-1, 1:-1] = x
    y.narrow(1, 0, 1).fill_(3)
    y.permute(2, 0, 1)[0] = 4
    y.flatten()[-1] = 5
    return y


def layers(T: Any, x: Any) -> Any:
    F, y = T.nn.functional, x.clone()
    for name in ("silu", "hardswish", "mish", "hardsigmoid", "relu6", "elu", "selu", "celu", "leaky_relu", "hardtanh"):
        y = getattr(F, name)(y, inplace=True)
    return y


@pytest.mark.parametrize("program", [layers, setting, indices, masks, views, operators, parts, windows])
def test_programs(program: Any) -> None:
    ours, theirs = (module_of(library, lambda x, T=library: program(T, x)) for library in (flambeau, torch))
    check(ours, theirs, [torch.randn(2, 3, 4)], [[torch.randn(2, 3, 4)]])


def test_buffers_that_are_written_to_are_not_the_file_s() -> None:
    class Counting(flambeau.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", flambeau.zeros(()))

        def forward(self, x: Any) -> Any:
            self.count += 1
            return x * self.count

    module = Counting()
    program = flambeau.onnx.export(module.eval(), (flambeau.ones(2),))
    assert float(module.count) == 0.0
    assert program(flambeau.ones(2))[0].tolist() == program(flambeau.ones(2))[0].tolist() == [1.0, 1.0]


def test_views_that_cannot_be_written_to_are_refused() -> None:
    module = module_of(flambeau, lambda x: flambeau.diagonal(x.clone()).fill_(1))
    with pytest.raises(flambeau.onnx.errors.UnsupportedOperatorError, match="cannot be written to"):
        flambeau.onnx.export(module, (flambeau.ones(2, 2),))
