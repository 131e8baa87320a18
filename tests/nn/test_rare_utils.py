"""Helpers of ``nn.utils`` for modules that are evaluated, or loaded: as PyTorch's."""

from __future__ import annotations

from typing import Any

import torch
from oracle import agree, error

import flambeau
import flambeau.nn.utils


def _norm(T: Any, kind: str, features: int) -> Any:
    norm = getattr(T.nn, kind)(features).eval()
    with T.no_grad():
        for place, each in enumerate((norm.weight, norm.bias, norm.running_mean, norm.running_var)):
            each.copy_(T.linspace(0.5, 2, features) + place)
    return norm


def _filled(T: Any, layer: Any) -> Any:
    with T.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(T.linspace(-1, 1, parameter.numel()).reshape(parameter.shape))
    return layer.eval()


def test_fusion() -> None:
    def program(T: Any) -> Any:
        x, results = T.linspace(-1, 1, 72).reshape(2, 3, 3, 4), []
        for layer, transpose in ((T.nn.Conv2d(3, 6, 2), False), (T.nn.ConvTranspose2d(3, 6, 2, bias=False), True)):
            layer, norm = _filled(T, layer), _norm(T, "BatchNorm2d", 6)
            fused = T.nn.utils.fusion.fuse_conv_bn_eval(layer, norm, transpose)
            results += [fused(x).detach(), norm(layer(x)).detach(), fused.bias.requires_grad]
        linear, norm = _filled(T, T.nn.Linear(4, 5)), _norm(T, "BatchNorm1d", 5)
        return [*results, T.nn.utils.fuse_linear_bn_eval(linear, norm)(x[0, 0]).detach()]

    first, second, *_ = agree(program, 1e-5)
    assert flambeau.allclose(first, second, atol=1e-5)
    for wrong in (
        lambda T: T.nn.utils.fuse_conv_bn_eval(T.nn.Conv1d(1, 1, 1), T.nn.BatchNorm1d(1)),
        lambda T: T.nn.utils.fuse_linear_bn_eval(T.nn.Linear(2, 3).eval(), T.nn.BatchNorm1d(2).eval()),
        lambda T: T.nn.utils.skip_init(T.nn.ReLU),
    ):
        assert error(wrong, flambeau) == error(wrong, torch)


def test_skip_init_and_memory_format() -> None:
    layer = flambeau.nn.utils.skip_init(flambeau.nn.Linear, 3, 4, bias=False)
    assert layer.weight.shape == (4, 3) and layer.bias is None

    def program(T: Any) -> Any:
        net = T.nn.Sequential(T.nn.Conv2d(3, 4, 3), T.nn.Conv3d(2, 3, 2))
        T.nn.utils.convert_conv2d_weight_memory_format(net, T.channels_last)
        T.nn.utils.convert_conv3d_weight_memory_format(net, T.channels_last_3d)
        return [parameter.stride() for parameter in net.parameters()]

    agree(program)
