"""MNASNet: M. Tan et al., "MnasNet: Platform-Aware Neural Architecture Search for Mobile" (2018)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from flambeau import nn

from ._published import names_of, published
from ._utils import _make_divisible

_BN_MOMENTUM = 1 - 0.9997
"""Torch's momentum is one less what the paper calls so."""

_STAGES = [(3, 2, 3, 3), (5, 2, 3, 3), (5, 2, 6, 3), (3, 1, 6, 2), (5, 2, 6, 4), (3, 1, 6, 1)]
"""Kernel, stride, expansion, and number of blocks."""


def _conv(channels: int, out: int, kernel: int, stride: int, groups: int, momentum: float, relu: bool = True) -> list[Any]:
    conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2, stride=stride, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(out, momentum=momentum), *([nn.ReLU(inplace=True)] if relu else [])]


class _InvertedResidual(nn.Module):
    """A depthwise convolution between two 1x1 convolutions, wide in the middle, and a shortcut where sizes are the same."""

    def __init__(
        self, in_ch: int, out_ch: int, kernel_size: int, stride: int, expansion_factor: int, bn_momentum: float = 0.1
    ) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        if kernel_size not in (3, 5):
            raise ValueError(f"kernel_size should be 3 or 5 instead of {kernel_size}")
        middle = in_ch * expansion_factor
        self.apply_residual = in_ch == out_ch and stride == 1
        self.layers = nn.Sequential(
            *_conv(in_ch, middle, 1, 1, 1, bn_momentum),
            *_conv(middle, middle, kernel_size, stride, middle, bn_momentum),
            *_conv(middle, out_ch, 1, 1, 1, bn_momentum, relu=False),
        )

    def forward(self, input: Any) -> Any:
        return self.layers(input) + input if self.apply_residual else self.layers(input)


def _stack(
    in_ch: int, out_ch: int, kernel_size: int, stride: int, exp_factor: int, repeats: int, bn_momentum: float
) -> nn.Sequential:
    """``repeats`` blocks, of which the first changes the size."""
    if repeats < 1:
        raise ValueError(f"repeats should be >= 1, instead got {repeats}")
    first = _InvertedResidual(in_ch, out_ch, kernel_size, stride, exp_factor, bn_momentum)
    others = [_InvertedResidual(out_ch, out_ch, kernel_size, 1, exp_factor, bn_momentum) for _ in range(1, repeats)]
    return nn.Sequential(first, *others)


def _get_depths(alpha: float) -> list[int]:
    """Numbers of channels, as multiples of eight."""
    return [_make_divisible(depth * alpha, 8) for depth in (32, 16, 24, 40, 80, 96, 192, 320)]


def _stem(depths: list[int]) -> list[Any]:
    """The first layers, of ``depths[0]`` and ``depths[1]`` channels."""
    first, second = depths[:2]
    return [
        *_conv(3, first, 3, 2, 1, _BN_MOMENTUM),
        *_conv(first, first, 3, 1, first, _BN_MOMENTUM),
        *_conv(first, second, 1, 1, 1, _BN_MOMENTUM, relu=False),
    ]


class MNASNet(nn.Module):
    """``alpha`` times as wide as the paper's; input (batch, 3, height, width), output (batch, ``num_classes``)."""

    _version = 2

    def __init__(self, alpha: float, num_classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__()
        if alpha <= 0.0:
            raise ValueError(f"alpha should be greater than 0.0 instead of {alpha}")
        self.alpha = alpha
        self.num_classes = num_classes
        depths = _get_depths(alpha)
        stages = [
            _stack(depths[i], depths[i + 1], *stage, _BN_MOMENTUM) for i, stage in enumerate(_STAGES, start=1)
        ]
        self.layers = nn.Sequential(*_stem(depths), *stages, *_conv(depths[-1], 1280, 1, 1, 1, _BN_MOMENTUM))
        self.classifier = nn.Sequential(nn.Dropout(p=dropout, inplace=True), nn.Linear(1280, num_classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.kaiming_uniform_(module.weight, mode="fan_out", nonlinearity="sigmoid")
                nn.init.zeros_(module.bias)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.layers(x).mean([2, 3]))

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, *lists: Any
    ) -> None:
        version = local_metadata.get("version", None)
        if version not in (1, 2):
            raise ValueError(f"version should be set to 1 or 2 instead of {version}")
        if version == 1 and self.alpha != 1.0:  # the first layers were of the same width for all
            third = _get_depths(self.alpha)[2]
            for i, layer in enumerate([*_stem([32, 16]), _stack(16, third, *_STAGES[0], _BN_MOMENTUM)]):
                self.layers[i] = layer
            self._version = 1
            warnings.warn(
                "A new version of MNASNet model has been implemented. Your checkpoint was saved using the previous version. "
                "This checkpoint will load and work as before, but you may want to upgrade by training a newer model or "
                "transfer learning from an updated ImageNet checkpoint.",
                UserWarning,
                stacklevel=2,
            )
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, *lists)


def _variant(name: str, alpha: float) -> tuple[Any, Callable[..., MNASNet]]:
    """The weights of a variant, and the function that makes it."""
    return published(__name__, name, f"{alpha} times as wide as the paper's.", partial(MNASNet, alpha))


MNASNet0_5_Weights, mnasnet0_5 = _variant("MNASNet0_5", 0.5)
MNASNet0_75_Weights, mnasnet0_75 = _variant("MNASNet0_75", 0.75)
MNASNet1_0_Weights, mnasnet1_0 = _variant("MNASNet1_0", 1.0)
MNASNet1_3_Weights, mnasnet1_3 = _variant("MNASNet1_3", 1.3)

__all__ = names_of(globals(), "MNASNet")
