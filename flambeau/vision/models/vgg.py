"""VGG: K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flambeau import nn

from ._weights import URL, Weights, initialize, published

#: Channels of the convolutions; "M" halves height and width.
_LAYERS: dict[str, list[int | str]] = {
    "11": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "13": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "16": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"],
    "19": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}

class VGG(nn.Module):
    """3x3 convolutions and three linear layers; input (batch, 3, height, width), output (batch, ``num_classes``)."""

    def __init__(
        self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, num_classes),
        )
        if not init_weights:
            return
        initialize(self)
        for module in self.classifier.children():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.constant_(module.bias, 0)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def make_layers(layers: Sequence[int | str], batch_norm: bool = False) -> nn.Sequential:
    """The convolutional part."""
    made: list[nn.Module] = []
    channels = 3
    for layer in layers:
        if isinstance(layer, str):
            made.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        made.append(nn.Conv2d(channels, layer, kernel_size=3, padding=1))
        if batch_norm:
            made.append(nn.BatchNorm2d(layer))
        made.append(nn.ReLU(inplace=True))
        channels = layer
    return nn.Sequential(*made)


def _variant(key: str, digest: str) -> tuple[Any, Callable[..., VGG]]:
    """The weights of a variant, and the function that makes it."""
    depth, _, norm = key.partition("_")
    description = f"{depth} layers{', with batch normalisation' if norm else ''}."
    files = {"IMAGENET1K_V1": Weights(f"{URL}vgg{key}-{digest}.pth")}

    def make(**options: Any) -> VGG:
        return VGG(make_layers(_LAYERS[depth], batch_norm=bool(norm)), **options)

    return published(__name__, f"VGG{key.upper()}", description, files, make, init_weights=False)


VGG11_Weights, vgg11 = _variant("11", "8a719046")
VGG13_Weights, vgg13 = _variant("13", "19584684")
VGG16_Weights, vgg16 = _variant("16", "397923af")
VGG19_Weights, vgg19 = _variant("19", "dcbb9e9d")
VGG11_BN_Weights, vgg11_bn = _variant("11_bn", "6002323d")
VGG13_BN_Weights, vgg13_bn = _variant("13_bn", "abd245e5")
VGG16_BN_Weights, vgg16_bn = _variant("16_bn", "6c64b313")
VGG19_BN_Weights, vgg19_bn = _variant("19_bn", "c79401a0")

__all__ = [name for name in globals() if name.lower().startswith("vgg")]
