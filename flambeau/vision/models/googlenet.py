"""GoogLeNet: C. Szegedy et al., "Going Deeper with Convolutions" (2014), with batch normalisation."""

from __future__ import annotations

import warnings
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn import functional as F

from ._published import filled, model, weights_of
from ._utils import _ovewrite_named_param

__all__ = ["GoogLeNet", "GoogLeNetOutputs", "GoogLeNet_Weights", "_GoogLeNetOutputs", "googlenet"]

GoogLeNetOutputs = namedtuple("GoogLeNetOutputs", ["logits", "aux_logits2", "aux_logits1"])
_GoogLeNetOutputs = GoogLeNetOutputs

#: Kernel and stride of pools, or widths of a block: 1x1; 3x3 and before it; 5x5 and before it; behind the pool.
_LAYERS: dict[str, tuple[int, ...]] = {
    "maxpool2": (3, 2),
    "inception3a": (192, 64, 96, 128, 16, 32, 32),
    "inception3b": (256, 128, 128, 192, 32, 96, 64),
    "maxpool3": (3, 2),
    "inception4a": (480, 192, 96, 208, 16, 48, 64),
    "inception4b": (512, 160, 112, 224, 24, 64, 64),
    "inception4c": (512, 128, 128, 256, 24, 64, 64),
    "inception4d": (512, 112, 144, 288, 32, 64, 64),
    "inception4e": (528, 256, 160, 320, 32, 128, 128),
    "maxpool4": (2, 2),
    "inception5a": (832, 256, 160, 320, 32, 128, 128),
    "inception5b": (832, 384, 192, 384, 48, 128, 128),
}


class BasicConv2d(nn.Module):
    """A convolution, batch normalisation and ReLU."""

    def __init__(self, in_channels: int, out_channels: int, **kwargs: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Any) -> Any:
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Inception(nn.Module):
    """Convolutions of three sizes and a pool side by side. (The 5x5 ones are 3x3, as in the weights that there are.)"""

    def __init__(
        self, in_channels: int, ch1x1: int, ch3x3red: int, ch3x3: int, ch5x5red: int, ch5x5: int, pool_proj: int,
        conv_block: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        self.branch1 = conv(in_channels, ch1x1, kernel_size=1)
        self.branch2 = nn.Sequential(
            conv(in_channels, ch3x3red, kernel_size=1), conv(ch3x3red, ch3x3, kernel_size=3, padding=1)
        )
        self.branch3 = nn.Sequential(
            conv(in_channels, ch5x5red, kernel_size=1), conv(ch5x5red, ch5x5, kernel_size=3, padding=1)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True), conv(in_channels, pool_proj, kernel_size=1)
        )

    def forward(self, x: Any) -> Any:
        return flambeau.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class InceptionAux(nn.Module):
    """A classifier of what is in the middle of the network, for training."""

    def __init__(
        self, in_channels: int, num_classes: int, conv_block: Callable[..., Any] | None = None, dropout: float = 0.7
    ) -> None:
        super().__init__()
        self.conv = (BasicConv2d if conv_block is None else conv_block)(in_channels, 128, kernel_size=1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(p=dropout)

    def forward(self, x: Any) -> Any:
        x = self.conv(F.adaptive_avg_pool2d(x, (4, 4))).flatten(1)
        return self.fc2(self.dropout(F.relu(self.fc1(x), inplace=True)))


def as_trained(x: Any) -> Any:
    """Pictures normalised by ImageNet's mean and deviation as they would be by 0.5 and 0.5, which weights were trained with."""
    moments = ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))
    parts = [x[:, i].unsqueeze(1) * (std / 0.5) + (mean - 0.5) / 0.5 for i, (mean, std) in enumerate(moments)]
    return flambeau.cat(parts, 1)


def start(network: nn.Module, name: str, init_weights: bool | None) -> None:
    """Start weights from a normal distribution cut at two, unless ``init_weights`` is False."""
    if init_weights is None:
        warnings.warn(
            f"The default weight initialization of {name} will be changed in future releases of torchvision. If you wish to "
            "keep the old behavior, please set init_weights=True.",
            FutureWarning,
            stacklevel=3,
        )
    if init_weights is False:
        return
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.trunc_normal_(module.weight, std=float(getattr(module, "stddev", network.stddev)), a=-2, b=2)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)


class GoogLeNet(nn.Module):
    """Nine blocks of parallel convolutions; input (batch, 3, height, width), output (batch, ``num_classes``).

    While it trains and has ``aux_logits``, the output is a :class:`GoogLeNetOutputs`. ``blocks`` are the kinds of its parts:
    convolution, block, auxiliary classifier.
    """

    __constants__ = ["aux_logits", "transform_input"]

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool | None = None,
        blocks: Sequence[Callable[..., Any]] | None = None,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
    ) -> None:
        super().__init__()
        kinds = [BasicConv2d, Inception, InceptionAux] if blocks is None else blocks
        if len(kinds) != 3:
            raise ValueError(f"blocks length should be 3 instead of {len(kinds)}")
        conv, inception, auxiliary = kinds
        self.aux_logits = aux_logits
        self.transform_input = transform_input
        self.conv1 = conv(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = conv(64, 64, kernel_size=1)
        self.conv3 = conv(64, 192, kernel_size=3, padding=1)
        for name, sizes in _LAYERS.items():
            pool = name.startswith("maxpool")
            self.add_module(name, nn.MaxPool2d(*sizes, ceil_mode=True) if pool else inception(*sizes))
        self.aux1 = auxiliary(512, num_classes, dropout=dropout_aux) if aux_logits else None
        self.aux2 = auxiliary(528, num_classes, dropout=dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(1024, num_classes)
        self.stddev = 0.01
        start(self, "GoogleNet", init_weights)

    def forward(self, x: Any) -> Any:
        if self.transform_input:
            x = as_trained(x)
        x = self.conv3(self.conv2(self.maxpool1(self.conv1(x))))
        aux1 = aux2 = None
        for name in _LAYERS:
            x = getattr(self, name)(x)
            if name == "inception4a" and self.aux1 is not None and self.training:
                aux1 = self.aux1(x)
            if name == "inception4d" and self.aux2 is not None and self.training:
                aux2 = self.aux2(x)
        x = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return GoogLeNetOutputs(x, aux2, aux1) if self.training and self.aux_logits else x


def as_published(options: dict[str, Any], weights: Any) -> None:
    """Set the options that networks with published weights have."""
    options.setdefault("transform_input", True)
    _ovewrite_named_param(options, "aux_logits", True)
    _ovewrite_named_param(options, "init_weights", False)
    _ovewrite_named_param(options, "num_classes", len(weights.meta["categories"]))


GoogLeNet_Weights = weights_of("GoogLeNet", __name__)


@model(GoogLeNet_Weights)
def googlenet(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> GoogLeNet:
    """GoogLeNet. With weights it has auxiliary classifiers only if asked for; these are not trained."""
    auxiliary = kwargs.get("aux_logits", False)
    if weights is not None:
        as_published(kwargs, weights)
    network: GoogLeNet = filled(GoogLeNet(**kwargs), weights, progress)
    if weights is not None and not auxiliary:
        network.aux_logits, network.aux1, network.aux2 = False, None, None
    elif weights is not None:
        warnings.warn(
            "auxiliary heads in the pretrained googlenet model are NOT pretrained, so make sure to train them", stacklevel=2
        )
    return network
