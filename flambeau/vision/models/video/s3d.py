"""S3D: S. Xie et al., "Rethinking Spatiotemporal Feature Learning" (2017)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import flambeau
from flambeau import nn

from ...ops.misc import Conv3dNormActivation
from .._published import names_of, published

Norm = Callable[..., Any]


class TemporalSeparableConv(nn.Sequential):
    """A convolution in space, and one in time."""

    def __init__(
        self, in_planes: int, out_planes: int, kernel_size: int, stride: int, padding: int, norm_layer: Norm
    ) -> None:
        conv = partial(Conv3dNormActivation, bias=False, norm_layer=norm_layer)
        k, s, p = kernel_size, stride, padding
        super().__init__(
            conv(in_planes, out_planes, kernel_size=(1, k, k), stride=(1, s, s), padding=(0, p, p)),
            conv(out_planes, out_planes, kernel_size=(k, 1, 1), stride=(s, 1, 1), padding=(p, 0, 0)),
        )


class SepInceptionBlock3D(nn.Module):
    """Convolutions of two sizes, twice, and a pool side by side."""

    def __init__(
        self, in_planes: int, b0_out: int, b1_mid: int, b1_out: int, b2_mid: int, b2_out: int, b3_out: int,
        norm_layer: Norm,
    ) -> None:  # fmt: skip
        super().__init__()
        conv = partial(Conv3dNormActivation, in_planes, kernel_size=1, norm_layer=norm_layer)
        self.branch0 = conv(b0_out)
        self.branch1 = nn.Sequential(conv(b1_mid), TemporalSeparableConv(b1_mid, b1_out, 3, 1, 1, norm_layer))
        self.branch2 = nn.Sequential(conv(b2_mid), TemporalSeparableConv(b2_mid, b2_out, 3, 1, 1, norm_layer))
        self.branch3 = nn.Sequential(nn.MaxPool3d(kernel_size=(3, 3, 3), stride=1, padding=1), conv(b3_out))

    def forward(self, x: Any) -> Any:
        return flambeau.cat((self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)), 1)


#: Kernel, stride and padding of pools; widths of blocks.
_LAYERS: list[Any] = [
    (192, 64, 96, 128, 16, 32, 32),
    (256, 128, 128, 192, 32, 96, 64),
    ((3, 3, 3), (2, 2, 2), (1, 1, 1)),
    (480, 192, 96, 208, 16, 48, 64),
    (512, 160, 112, 224, 24, 64, 64),
    (512, 128, 128, 256, 24, 64, 64),
    (512, 112, 144, 288, 32, 64, 64),
    (528, 256, 160, 320, 32, 128, 128),
    ((2, 2, 2), (2, 2, 2), (0, 0, 0)),
    (832, 256, 160, 320, 32, 128, 128),
    (832, 384, 192, 384, 48, 128, 128),
]


class S3D(nn.Module):
    """Input (batch, 3, time, height, width), at least 14 frames of 224x224 pixels; output (batch, ``num_classes``)."""

    def __init__(self, num_classes: int = 400, dropout: float = 0.2, norm_layer: Norm | None = None) -> None:
        super().__init__()
        norm = partial(nn.BatchNorm3d, eps=0.001, momentum=0.001) if norm_layer is None else norm_layer
        pool = partial(nn.MaxPool3d, kernel_size=(1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
        self.features = nn.Sequential(
            TemporalSeparableConv(3, 64, 7, 2, 3, norm),
            pool(),
            Conv3dNormActivation(64, 64, kernel_size=1, norm_layer=norm),
            TemporalSeparableConv(64, 192, 3, 1, 1, norm),
            pool(),
            *(nn.MaxPool3d(*each) if len(each) == 3 else SepInceptionBlock3D(*(*each, norm)) for each in _LAYERS),
        )
        self.avgpool = nn.AvgPool3d(kernel_size=(2, 7, 7), stride=1)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), nn.Conv3d(1024, num_classes, kernel_size=1))

    def forward(self, x: Any) -> Any:
        return self.classifier(self.avgpool(self.features(x))).mean(dim=(2, 3, 4))


S3D_Weights, s3d = published(__name__, "S3D", "S3D.", S3D)

__all__ = names_of(globals(), "S3D")
