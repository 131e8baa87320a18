"""Convolutions with what follows them, whose weights are rounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau import Tensor, nn
from flambeau.ao.nn import intrinsic, qat
from flambeau.nn import functional as F

from ._normalised import NormalisedLayer

__all__ = [
    "ConvBn1d", "ConvBn2d", "ConvBn3d", "ConvBnReLU1d", "ConvBnReLU2d", "ConvBnReLU3d", "ConvReLU1d", "ConvReLU2d", "ConvReLU3d",
    "freeze_bn_stats", "update_bn_stats",
]  # fmt: skip


class _ConvBn(NormalisedLayer):
    _normalization: type[nn.Module]
    _conv_forward: Callable[..., Tensor]

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, bias: Any = None, padding_mode: str = "zeros", eps: float = 1e-5, momentum: float = 0.1,
        freeze_bn: bool = False, qconfig: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(  # type: ignore[call-arg]
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, False, padding_mode, qconfig=qconfig
        )
        self._begin(self._normalization, out_channels, eps, momentum, freeze_bn, bool(bias))

    def _applied(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return self._conv_forward(input, weight, bias)


class _Rectified:
    def forward(self, input: Tensor) -> Tensor:
        """What the layer gives, rectified."""
        return F.relu(super().forward(input))  # type: ignore[misc]


def _made(name: str, *bases: type, **attributes: Any) -> Any:
    meaning = f"A {attributes['_FLOAT_MODULE'].__name__} whose weight is rounded, to be trained."
    return type(name, bases, {"__doc__": meaning, "__module__": __name__, **attributes})


ConvBn1d = _made("ConvBn1d", _ConvBn, qat.Conv1d, _normalization=nn.BatchNorm1d, _FLOAT_MODULE=intrinsic.ConvBn1d)
ConvBn2d = _made("ConvBn2d", _ConvBn, qat.Conv2d, _normalization=nn.BatchNorm2d, _FLOAT_MODULE=intrinsic.ConvBn2d)
ConvBn3d = _made("ConvBn3d", _ConvBn, qat.Conv3d, _normalization=nn.BatchNorm3d, _FLOAT_MODULE=intrinsic.ConvBn3d)
ConvBnReLU1d = _made("ConvBnReLU1d", _Rectified, ConvBn1d, _FLOAT_MODULE=intrinsic.ConvBnReLU1d)
ConvBnReLU2d = _made("ConvBnReLU2d", _Rectified, ConvBn2d, _FLOAT_MODULE=intrinsic.ConvBnReLU2d)
ConvBnReLU3d = _made("ConvBnReLU3d", _Rectified, ConvBn3d, _FLOAT_MODULE=intrinsic.ConvBnReLU3d)
ConvReLU1d = _made("ConvReLU1d", _Rectified, qat.Conv1d, _FLOAT_MODULE=intrinsic.ConvReLU1d)
ConvReLU2d = _made("ConvReLU2d", _Rectified, qat.Conv2d, _FLOAT_MODULE=intrinsic.ConvReLU2d)
ConvReLU3d = _made("ConvReLU3d", _Rectified, qat.Conv3d, _FLOAT_MODULE=intrinsic.ConvReLU3d)


def update_bn_stats(mod: Any) -> None:
    """Have ``mod``, if it is such a layer, let its normalization follow the batches: ``model.apply(update_bn_stats)``."""
    if isinstance(mod, NormalisedLayer):
        mod.update_bn_stats()


def freeze_bn_stats(mod: Any) -> None:
    """Have ``mod``, if it is such a layer, let its normalization keep its statistics."""
    if isinstance(mod, NormalisedLayer):
        mod.freeze_bn_stats()
