"""Blocks that many networks for pictures are made of."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn.functional import interpolate as interpolate
from flambeau.nn.modules.utils import _ntuple

from ...nn.modules._layer import layer

__all__ = ["MLP", "Conv2dNormActivation", "Conv3dNormActivation", "FrozenBatchNorm2d", "Permute", "SqueezeExcitation"]

Maker = Callable[..., nn.Module]
Extents = int | tuple[int, ...]


class FrozenBatchNorm2d(nn.Module):
    """Batch normalisation whose statistics, weights and biases are constants (buffers); input (batch, channels, h, w)."""

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", flambeau.ones(num_features))
        self.register_buffer("bias", flambeau.zeros(num_features))
        self.register_buffer("running_mean", flambeau.zeros(num_features))
        self.register_buffer("running_var", flambeau.ones(num_features))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        state_dict.pop(f"{prefix}num_batches_tracked", None)  # what a BatchNorm2d has besides
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def forward(self, x: Any) -> Any:
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.weight.shape[0]}, eps={self.eps})"


class ConvNormActivation(nn.Sequential):
    """A convolution, a normalisation and an activation; base of the classes that say in how many dimensions.

    Where ``padding`` is None, it keeps the size (of odd kernels at stride 1). There is a bias where there is no
    normalisation, unless ``bias`` says otherwise. ``norm_layer`` is called with the number of channels,
    ``activation_layer`` with ``inplace`` unless that is None; either may be None.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Extents = 3,
        stride: Extents = 1,
        padding: Extents | str | None = None,
        groups: int = 1,
        norm_layer: Maker | None = nn.BatchNorm2d,
        activation_layer: Maker | None = nn.ReLU,
        dilation: Extents = 1,
        inplace: bool | None = True,
        bias: bool | None = None,
        conv_layer: Maker = nn.Conv2d,
    ) -> None:
        if padding is None:
            padding = _padding_that_keeps_size(kernel_size, dilation)
        settings: dict[str, Any] = {"dilation": dilation, "groups": groups}
        settings["bias"] = norm_layer is None if bias is None else bias
        layers = [conv_layer(in_channels, out_channels, kernel_size, stride, padding, **settings)]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**_unless_none(inplace)))
        super().__init__(*layers)
        self.out_channels = out_channels
        if type(self) is ConvNormActivation:
            warnings.warn(
                "Don't use ConvNormActivation directly, please use Conv2dNormActivation and Conv3dNormActivation instead."
            )


def _padding_that_keeps_size(kernel_size: Extents, dilation: Extents) -> Extents:
    if isinstance(kernel_size, int) and isinstance(dilation, int):
        return (kernel_size - 1) // 2 * dilation
    several: Any = kernel_size if isinstance(kernel_size, Sequence) else dilation
    of_each = _ntuple(len(several))
    return tuple((size - 1) // 2 * apart for size, apart in zip(of_each(kernel_size), of_each(dilation)))


def _unless_none(inplace: bool | None) -> dict[str, bool]:
    return {} if inplace is None else {"inplace": inplace}


class Conv2dNormActivation(ConvNormActivation):
    """A convolution in two dimensions, a normalisation, an activation (see :class:`ConvNormActivation`)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int] = 3,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str | None = None,
        groups: int = 1,
        norm_layer: Maker | None = nn.BatchNorm2d,
        activation_layer: Maker | None = nn.ReLU,
        dilation: int | tuple[int, int] = 1,
        inplace: bool | None = True,
        bias: bool | None = None,
    ) -> None:
        block = (norm_layer, activation_layer, dilation, inplace, bias, nn.Conv2d)
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups, *block)


class Conv3dNormActivation(ConvNormActivation):
    """A convolution in three dimensions, a normalisation, an activation (see :class:`ConvNormActivation`)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int, int] = 3,
        stride: int | tuple[int, int, int] = 1,
        padding: int | tuple[int, int, int] | str | None = None,
        groups: int = 1,
        norm_layer: Maker | None = nn.BatchNorm3d,
        activation_layer: Maker | None = nn.ReLU,
        dilation: int | tuple[int, int, int] = 1,
        inplace: bool | None = True,
        bias: bool | None = None,
    ) -> None:
        block = (norm_layer, activation_layer, dilation, inplace, bias, nn.Conv3d)
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups, *block)


class SqueezeExcitation(nn.Module):
    """Channels scaled by what two 1x1 convolutions make of their means (J. Hu et al., "Squeeze-and-Excitation Networks")."""

    def __init__(
        self,
        input_channels: int,
        squeeze_channels: int,
        activation: Maker = nn.ReLU,
        scale_activation: Maker = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation = activation()
        self.scale_activation = scale_activation()

    def _scale(self, input: Any) -> Any:
        return self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(input)))))

    def forward(self, input: Any) -> Any:
        return self._scale(input) * input


class MLP(nn.Sequential):
    """Linear layers of ``hidden_channels``, each with dropout; behind all but the last, normalisation and activation too.

    ``inplace`` is handed to activations and dropout, unless it is None.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: list[int],
        norm_layer: Maker | None = None,
        activation_layer: Maker | None = nn.ReLU,
        inplace: bool | None = None,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        options = _unless_none(inplace)
        layers: list[nn.Module] = []
        for place, channels in enumerate(hidden_channels):
            layers.append(nn.Linear(in_channels, channels, bias=bias))
            if place < len(hidden_channels) - 1:
                if norm_layer is not None:
                    layers.append(norm_layer(channels))
                layers.append(activation_layer(**options))  # type: ignore[misc]
            layers.append(nn.Dropout(dropout, **options))
            in_channels = channels
        super().__init__(*layers)


@layer(flambeau.permute, shows="")
class Permute(nn.Module):
    """The axes of a tensor in the order ``dims``."""

    dims: list[int]
