"""Inception v3: C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2015)."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn import functional as F

from ._published import filled, model, weights_of
from .googlenet import BasicConv2d, as_published, as_trained, start

__all__ = ["Inception3", "InceptionOutputs", "Inception_V3_Weights", "_InceptionOutputs", "inception_v3"]

InceptionOutputs = namedtuple("InceptionOutputs", ["logits", "aux_logits"])
_InceptionOutputs = InceptionOutputs

Convolution = tuple[str, int, Any]
"""Name, channels, and extents of the kernel."""


class _Branches(nn.Module):
    """Chains of convolutions side by side, and a pool.

    A chain is a list of convolutions; the last may be several, which all go on from there. The last of ``halving`` chains
    halve height and width, as the pool then does; otherwise sizes are kept, and the pool has a convolution behind it.
    """

    def __init__(
        self, in_channels: int, chains: Sequence[Sequence[Convolution | list[Convolution]]],
        conv_block: Callable[..., Any] | None, pooled: int | None,
    ) -> None:  # fmt: skip
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        self.paths: list[list[list[str]]] = []
        for chain in chains:
            width, path = in_channels, []
            for place, convolutions in enumerate(chain):
                several = convolutions if isinstance(convolutions, list) else [convolutions]
                for name, channels, kernel in several:
                    halves = pooled is None and place == len(chain) - 1
                    padding = tuple(k // 2 for k in kernel) if isinstance(kernel, tuple) else kernel // 2
                    options = {"stride": 2} if halves else {"padding": padding}
                    self.add_module(name, conv(width, channels, kernel_size=kernel, **options))
                width = several[0][1]
                path.append([name for name, _, _ in several])
            self.paths.append(path)
        self.pooled = pooled
        if pooled is not None:
            self.branch_pool = conv(in_channels, pooled, kernel_size=1)

    def forward(self, x: Any) -> Any:
        outputs = []
        for *first, last in self.paths:
            y = x
            for (name,) in first:
                y = getattr(self, name)(y)
            outputs += [getattr(self, name)(y) for name in last]
        if self.pooled is None:
            outputs.append(F.max_pool2d(x, kernel_size=3, stride=2))
        else:
            outputs.append(self.branch_pool(F.avg_pool2d(x, kernel_size=3, stride=1, padding=1)))
        return flambeau.cat(outputs, 1)


class InceptionA(_Branches):
    """For 35x35 values: 1x1, 5x5, two 3x3, pool."""

    def __init__(self, in_channels: int, pool_features: int, conv_block: Callable[..., Any] | None = None) -> None:
        chains = [
            [("branch1x1", 64, 1)],
            [("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)],
            [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)],
        ]
        super().__init__(in_channels, chains, conv_block, pool_features)


class InceptionB(_Branches):
    """From 35x35 to 17x17."""

    def __init__(self, in_channels: int, conv_block: Callable[..., Any] | None = None) -> None:
        chains = [
            [("branch3x3", 384, 3)],
            [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)],
        ]
        super().__init__(in_channels, chains, conv_block, None)


class InceptionC(_Branches):
    """For 17x17 values: 1x1, 7x7 as 1x7 and 7x1, two of them, pool."""

    def __init__(self, in_channels: int, channels_7x7: int, conv_block: Callable[..., Any] | None = None) -> None:
        c7, row, column = channels_7x7, (1, 7), (7, 1)
        chains: list[list[Convolution]] = [
            [("branch1x1", 192, 1)],
            [("branch7x7_1", c7, 1), ("branch7x7_2", c7, row), ("branch7x7_3", 192, column)],
            [
                ("branch7x7dbl_1", c7, 1), ("branch7x7dbl_2", c7, column), ("branch7x7dbl_3", c7, row),
                ("branch7x7dbl_4", c7, column), ("branch7x7dbl_5", 192, row),
            ],
        ]  # fmt: skip
        super().__init__(in_channels, chains, conv_block, 192)


class InceptionD(_Branches):
    """From 17x17 to 8x8."""

    def __init__(self, in_channels: int, conv_block: Callable[..., Any] | None = None) -> None:
        chains: list[list[Convolution]] = [
            [("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3)],
            [
                ("branch7x7x3_1", 192, 1), ("branch7x7x3_2", 192, (1, 7)), ("branch7x7x3_3", 192, (7, 1)),
                ("branch7x7x3_4", 192, 3),
            ],
        ]  # fmt: skip
        super().__init__(in_channels, chains, conv_block, None)


class InceptionE(_Branches):
    """For 8x8 values: chains that end in a 1x3 and a 3x1 convolution."""

    def __init__(self, in_channels: int, conv_block: Callable[..., Any] | None = None) -> None:
        row, column = (1, 3), (3, 1)
        chains: list[list[Any]] = [
            [("branch1x1", 320, 1)],
            [("branch3x3_1", 384, 1), [("branch3x3_2a", 384, row), ("branch3x3_2b", 384, column)]],
            [
                ("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3),
                [("branch3x3dbl_3a", 384, row), ("branch3x3dbl_3b", 384, column)],
            ],
        ]  # fmt: skip
        super().__init__(in_channels, chains, conv_block, 192)


class InceptionAux(nn.Module):
    """A classifier of what is in the middle of the network, for training."""

    def __init__(self, in_channels: int, num_classes: int, conv_block: Callable[..., Any] | None = None) -> None:
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        self.conv0 = conv(in_channels, 128, kernel_size=1)
        self.conv1 = conv(128, 768, kernel_size=5)
        self.conv1.stddev = 0.01
        self.fc = nn.Linear(768, num_classes)
        self.fc.stddev = 0.001

    def forward(self, x: Any) -> Any:
        x = self.conv1(self.conv0(F.avg_pool2d(x, kernel_size=5, stride=3)))
        return self.fc(F.adaptive_avg_pool2d(x, (1, 1)).flatten(1))


#: In order: a convolution's channels and options, or a block's kind (its place in ``inception_blocks``) and arguments.
_LAYERS: dict[str, tuple[Any, ...]] = {
    "Conv2d_1a_3x3": (0, (3, 32), {"kernel_size": 3, "stride": 2}),
    "Conv2d_2a_3x3": (0, (32, 32), {"kernel_size": 3}),
    "Conv2d_2b_3x3": (0, (32, 64), {"kernel_size": 3, "padding": 1}),
    "maxpool1": (),
    "Conv2d_3b_1x1": (0, (64, 80), {"kernel_size": 1}),
    "Conv2d_4a_3x3": (0, (80, 192), {"kernel_size": 3}),
    "maxpool2": (),
    "Mixed_5b": (1, (192,), {"pool_features": 32}),
    "Mixed_5c": (1, (256,), {"pool_features": 64}),
    "Mixed_5d": (1, (288,), {"pool_features": 64}),
    "Mixed_6a": (2, (288,), {}),
    "Mixed_6b": (3, (768,), {"channels_7x7": 128}),
    "Mixed_6c": (3, (768,), {"channels_7x7": 160}),
    "Mixed_6d": (3, (768,), {"channels_7x7": 160}),
    "Mixed_6e": (3, (768,), {"channels_7x7": 192}),
    "Mixed_7a": (4, (768,), {}),
    "Mixed_7b": (5, (1280,), {}),
    "Mixed_7c": (5, (2048,), {}),
}


class Inception3(nn.Module):
    """Blocks of parallel convolutions; input (batch, 3, height, width), output (batch, ``num_classes``).

    While it trains and has ``aux_logits``, the output is an :class:`InceptionOutputs`. ``inception_blocks`` are the kinds of
    its parts: convolution, five blocks, auxiliary classifier.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        inception_blocks: Sequence[Callable[..., Any]] | None = None,
        init_weights: bool | None = None,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        kinds = inception_blocks
        if kinds is None:
            kinds = [BasicConv2d, InceptionA, InceptionB, InceptionC, InceptionD, InceptionE, InceptionAux]
        if len(kinds) != 7:
            raise ValueError(f"length of inception_blocks should be 7 instead of {len(kinds)}")
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        for name, declaration in _LAYERS.items():
            if declaration:
                kind, arguments, options = declaration
                self.add_module(name, kinds[kind](*arguments, **options))
            else:
                self.add_module(name, nn.MaxPool2d(kernel_size=3, stride=2))
            if name == "Mixed_6e":
                self.AuxLogits = kinds[6](768, num_classes) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(2048, num_classes)
        self.stddev = 0.1
        start(self, "inception_v3", init_weights)

    def forward(self, x: Any) -> Any:
        if self.transform_input:
            x = as_trained(x)
        auxiliary = None
        for name in _LAYERS:
            x = getattr(self, name)(x)
            if name == "Mixed_6e" and self.AuxLogits is not None and self.training:
                auxiliary = self.AuxLogits(x)
        x = self.fc(self.dropout(self.avgpool(x)).flatten(1))
        return InceptionOutputs(x, auxiliary) if self.training and self.aux_logits else x


Inception_V3_Weights = weights_of("Inception_V3", __name__)


@model(Inception_V3_Weights)
def inception_v3(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> Inception3:
    """Inception v3, for pictures of 299x299 pixels."""
    auxiliary = kwargs.get("aux_logits", True)
    if weights is not None:
        as_published(kwargs, weights)
    network: Inception3 = filled(Inception3(**kwargs), weights, progress)
    if weights is not None and not auxiliary:
        network.aux_logits, network.AuxLogits = False, None
    return network
