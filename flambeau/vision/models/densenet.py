"""DenseNet: G. Huang et al., "Densely Connected Convolutional Networks" (2016)."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import flambeau
from flambeau import Tensor, nn
from flambeau.nn import functional as F

from ._published import model, names_of, weights_of
from ._utils import _ovewrite_named_param


class _DenseLayer(nn.Module):
    """``growth_rate`` new features of all those before, by way of a 1x1 convolution to ``bn_size * growth_rate``."""

    def __init__(
        self, num_input_features: int, growth_rate: int, bn_size: int, drop_rate: float, memory_efficient: bool = False
    ) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, bn_size * growth_rate, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(bn_size * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bn_size * growth_rate, growth_rate, kernel_size=3, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def bn_function(self, inputs: Sequence[Any]) -> Any:
        """The bottleneck's features of all those before."""
        return self.conv1(self.relu1(self.norm1(flambeau.cat(list(inputs), 1))))

    def forward(self, input: Any) -> Any:
        inputs = [input] if isinstance(input, Tensor) else input
        if self.memory_efficient and any(features.requires_grad for features in inputs):
            from ...utils.checkpoint import checkpoint

            narrow = checkpoint(lambda *features: self.bn_function(features), *inputs, use_reentrant=False)
        else:
            narrow = self.bn_function(inputs)
        features = self.conv2(self.relu2(self.norm2(narrow)))
        return F.dropout(features, self.drop_rate, self.training) if self.drop_rate > 0 else features


class _DenseBlock(nn.ModuleDict):
    """Layers, each of which sees the features of all before it."""

    _version = 2

    def __init__(
        self, num_layers: int, num_input_features: int, bn_size: int, growth_rate: int, drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        for i in range(num_layers):
            features = num_input_features + i * growth_rate
            layer = _DenseLayer(features, growth_rate, bn_size, drop_rate, memory_efficient)
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, init_features: Any) -> Any:
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return flambeau.cat(features, 1)


class _Transition(nn.Sequential):
    """Fewer features, half the height and width."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """Blocks of ``block_config[i]`` layers; input (batch, 3, height, width), output (batch, ``num_classes``).

    ``memory_efficient`` computes what is concatenated once more in the backward pass, rather than keep it.
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        width = num_init_features
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False),
            norm0=nn.BatchNorm2d(width),
            relu0=nn.ReLU(inplace=True),
            pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        for i, depth in enumerate(block_config, 1):
            layers[f"denseblock{i}"] = _DenseBlock(depth, width, bn_size, growth_rate, drop_rate, memory_efficient)
            width += depth * growth_rate
            if i < len(block_config):
                layers[f"transition{i}"] = _Transition(width, width // 2)
                width //= 2
        layers["norm5"] = nn.BatchNorm2d(width)
        self.features = nn.Sequential(layers)
        self.classifier = nn.Linear(width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        features = F.relu(self.features(x), inplace=True)
        return self.classifier(F.adaptive_avg_pool2d(features, (1, 1)).flatten(1))


def _renamed(state: dict[str, Any]) -> dict[str, Any]:
    """Published files are older than today's names: they have ``norm.1.weight`` for ``norm1.weight``."""
    return {re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)", r"\1\2", key): value for key, value in state.items()}


def _variant(depth: int, *sizes: Any) -> tuple[Any, Callable[..., DenseNet]]:
    """The weights of a variant, and the function that makes it."""
    kinds = weights_of(f"DenseNet{depth}", __name__)

    def build(*, weights: Any = None, progress: bool = True, **kwargs: Any) -> DenseNet:
        if weights is not None:
            _ovewrite_named_param(kwargs, "num_classes", len(weights.meta["categories"]))
        network = DenseNet(*sizes, **kwargs)
        if weights is not None:
            network.load_state_dict(_renamed(weights.get_state_dict(progress=progress, check_hash=True)))
        return network

    build.__name__ = build.__qualname__ = f"densenet{depth}"
    build.__doc__ = f"{depth} layers."
    return kinds, model(kinds)(build)


DenseNet121_Weights, densenet121 = _variant(121, 32, (6, 12, 24, 16), 64)
DenseNet161_Weights, densenet161 = _variant(161, 48, (6, 12, 36, 24), 96)
DenseNet169_Weights, densenet169 = _variant(169, 32, (6, 12, 32, 32), 64)
DenseNet201_Weights, densenet201 = _variant(201, 32, (6, 12, 48, 32), 64)

__all__ = names_of(globals(), "DenseNet")
