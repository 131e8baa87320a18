"""VGG: K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from flambeau import nn

from ._published import built, initialize, names_of, published

#: Channels of the convolutions; "M" halves height and width.
_LAYERS: dict[str, list[int | str]] = {
    "11": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "13": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "16": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"],
    "19": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}
#: The same by the letters of the paper, as torchvision has them.
cfgs = dict(zip("ABDE", _LAYERS.values()))


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
        initialize(self, linear=0.01)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def make_layers(cfg: Sequence[int | str], batch_norm: bool = False) -> nn.Sequential:
    """The convolutional part."""
    made: list[nn.Module] = []
    channels = 3
    for layer in cfg:
        if isinstance(layer, str):
            made.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        made.append(nn.Conv2d(channels, layer, kernel_size=3, padding=1))
        if batch_norm:
            made.append(nn.BatchNorm2d(layer))
        made.append(nn.ReLU(inplace=True))
        channels = layer
    return nn.Sequential(*made)


def _variant(key: str) -> tuple[Any, Callable[..., VGG]]:
    """The weights of a variant, and the function that makes it."""
    depth, _, norm = key.partition("_")
    description = f"{depth} layers{', with batch normalisation' if norm else ''}."

    def make(**options: Any) -> VGG:
        return VGG(make_layers(_LAYERS[depth], batch_norm=bool(norm)), **options)

    return published(__name__, f"VGG{key.upper()}", description, make, init_weights=False)


def _vgg(cfg: str, batch_norm: bool, weights: Any, progress: bool, **kwargs: Any) -> VGG:
    """A network by its letter ("A", "B", "D", "E"), which programs make by torchvision's function of this name."""
    if weights is not None:
        kwargs["init_weights"] = False
    return built(partial(VGG, make_layers(cfgs[cfg], batch_norm=batch_norm)), weights, progress, **kwargs)  # type: ignore[no-any-return]


VGG11_Weights, vgg11 = _variant("11")
VGG13_Weights, vgg13 = _variant("13")
VGG16_Weights, vgg16 = _variant("16")
VGG19_Weights, vgg19 = _variant("19")
VGG11_BN_Weights, vgg11_bn = _variant("11_bn")
VGG13_BN_Weights, vgg13_bn = _variant("13_bn")
VGG16_BN_Weights, vgg16_bn = _variant("16_bn")
VGG19_BN_Weights, vgg19_bn = _variant("19_bn")

__all__ = names_of(globals(), "VGG")
