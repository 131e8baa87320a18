"""SqueezeNet: F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters" (2016)."""

from __future__ import annotations

from functools import partial
from typing import Any

import flambeau
from flambeau import nn

from ._published import names_of, published

#: The first convolution's channels and kernel; then widths of blocks (narrow, wide), and None for a pool.
_VERSIONS: dict[str, tuple[int, int, list[tuple[int, int] | None]]] = {
    "1_0": (96, 7, [None, (16, 64), (16, 64), (32, 128), None, (32, 128), (48, 192), (48, 192), (64, 256), None, (64, 256)]),
    "1_1": (64, 3, [None, (16, 64), (16, 64), None, (32, 128), (32, 128), None, (48, 192), (48, 192), (64, 256), (64, 256)]),
}


class Fire(nn.Module):
    """A narrow 1x1 convolution, then 1x1 and 3x3 convolutions side by side."""

    def __init__(self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        x = self.squeeze_activation(self.squeeze(x))
        parts = [self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))]
        return flambeau.cat(parts, 1)


class SqueezeNet(nn.Module):
    """Input (batch, 3, height, width), output (batch, ``num_classes``); ``version`` is ``"1_0"`` or ``"1_1"``."""

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.num_classes = num_classes
        if version not in _VERSIONS:
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        channels, kernel, layers = _VERSIONS[version]
        made: list[nn.Module] = [nn.Conv2d(3, channels, kernel_size=kernel, stride=2), nn.ReLU(inplace=True)]
        for widths in layers:
            if widths is None:
                made.append(nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True))
            else:
                narrow, wide = widths
                made.append(Fire(channels, narrow, wide, wide))
                channels = 2 * wide
        self.features = nn.Sequential(*made)
        last = nn.Conv2d(512, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), last, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                if module is last:
                    nn.init.normal_(module.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x)).flatten(1)


SqueezeNet1_0_Weights, squeezenet1_0 = published(
    __name__, "SqueezeNet1_0", "The paper's network.", partial(SqueezeNet, "1_0")
)
SqueezeNet1_1_Weights, squeezenet1_1 = published(
    __name__, "SqueezeNet1_1", "Less than half the arithmetic of the paper's network.", partial(SqueezeNet, "1_1")
)

__all__ = names_of(globals(), "SqueezeNet")
