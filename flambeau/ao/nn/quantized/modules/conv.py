"""Convolutions whose weights and inputs are quantized."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor, nn
from flambeau.ao.nn.intrinsic import qat as fused_qat
from flambeau.nn import functional as F
from flambeau.nn.utils.fusion import fuse_conv_bn_weights
from flambeau.ops.quantized import layers

from .utils import PackedState, WeightedQuantizedModule, _quantize_weight, result_scale, weight_observer_of

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


def _each(value: Any, dims: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * dims


class _ConvNd(WeightedQuantizedModule):
    """A convolution of quantized tensors (N, in_channels, …), quantized by ``scale`` and ``zero_point``."""

    _dims: int
    _operation: str
    _transposed = False
    _FLOAT_MODULE: Any
    output_padding: tuple[int, ...]

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self._set(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode, 0)
        self._fill(bias)

    def _set(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, groups: int,
        padding_mode: str, output_padding: Any,
    ) -> None:  # fmt: skip
        if in_channels % groups or out_channels % groups:
            raise ValueError(f"in_channels and out_channels must be divisible by groups: {in_channels}, {out_channels}, {groups}")
        if self._transposed and padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        dims = self._dims
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride, self.dilation = (_each(value, dims) for value in (kernel_size, stride, dilation))
        self.padding: Any = padding if isinstance(padding, str) else _each(padding, dims)
        self.output_padding = _each(output_padding, dims)
        self.padding_mode = padding_mode
        self.transposed = self._transposed

    def _fill(self, bias: bool) -> None:
        channels = (self.in_channels, self.out_channels // self.groups) if self._transposed else (
            self.out_channels, self.in_channels // self.groups
        )  # fmt: skip
        weight = flambeau._empty_affine_quantized(
            [*channels, *self.kernel_size], scale=1, zero_point=0, dtype=flambeau.qint8
        )
        self.set_weight_bias(weight, flambeau.zeros(self.out_channels) if bias else None)
        self.scale, self.zero_point = 1.0, 0

    def set_weight_bias(self, w: Tensor, b: Tensor | None) -> None:
        """Have another weight and bias."""
        padding = self.padding if self.padding_mode == "zeros" else (0,) * self._dims
        settings: dict[str, Any] = {"stride": self.stride, "padding": padding, "dilation": self.dilation, "groups": self.groups}
        if self._transposed:
            settings["output_padding"] = self.output_padding
        self._packed_params = PackedState.packed(w, b, **settings)

    def _weight_bias(self) -> tuple[Tensor, Tensor | None]:
        return self._packed_params.unpack()

    def forward(self, input: Tensor) -> Tensor:
        """The convolution of ``input``, which must be quantized. ``ValueError`` for another number of axes."""
        if input.dim() != self._dims + 2:
            raise ValueError(f"Input shape must be `(N, C, {('L', 'H, W', 'D, H, W')[self._dims - 1]})`!")
        if self.padding_mode != "zeros":
            both = [size for size in self.padding[::-1] for _ in range(2)]
            input = F.pad(input, both, mode=self.padding_mode)
        return layers.run(self._operation, input, self._packed_params, self.scale, self.zero_point)

    def _get_name(self) -> str:
        return f"Quantized{type(self).__name__}"

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"scale={self.scale}, zero_point={self.zero_point}"
        )
        for name, plain in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            if getattr(self, name) != (plain,) * self._dims:
                text += f", {name}={getattr(self, name)}"
        text += f", groups={self.groups}" if self.groups != 1 else ""
        text += ", bias=False" if self.bias() is None else ""
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "weight"], destination[prefix + "bias"] = self._weight_bias()
        destination[prefix + "scale"] = flambeau.tensor(self.scale)
        destination[prefix + "zero_point"] = flambeau.tensor(self.zero_point)

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, missing_keys: list[str], *rest: Any
    ) -> None:
        found = PackedState.taken(state_dict, prefix, ("weight", "bias", "scale", "zero_point"), missing_keys, strict)
        if "weight" in found:
            self.set_weight_bias(found["weight"], found.get("bias"))
        self.scale = float(found.get("scale", self.scale))
        self.zero_point = int(found.get("zero_point", self.zero_point))
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, *rest)

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The layer for a convolution that was observed, or trained with rounded weights.

        A normalization behind it is folded into weight and bias.
        """
        conv = mod[0] if isinstance(mod, nn.Sequential) else mod
        weight, bias = conv.weight, conv.bias
        if isinstance(mod, fused_qat.modules._normalised.NormalisedLayer):
            bn: Any = mod.bn
            weight, bias = fuse_conv_bn_weights(
                weight, bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, cls._transposed
            )
        observer = weight_observer_of(mod, weight)
        assert observer.dtype is flambeau.qint8, "Weight observer must have a dtype of qint8"
        made = cls(*cls._settings(conv))
        made.set_weight_bias(_quantize_weight(weight, observer), bias)
        made.scale, made.zero_point = result_scale(mod)
        return made

    @classmethod
    def _settings(cls, conv: Any) -> tuple[Any, ...]:
        first = (conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
        if cls._transposed:
            return (*first, conv.output_padding, conv.groups, conv.bias is not None, conv.dilation, conv.padding_mode)
        return (*first, conv.dilation, conv.groups, conv.bias is not None, conv.padding_mode)


class _ConvTransposeNd(_ConvNd):
    _transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        WeightedQuantizedModule.__init__(self)
        self._set(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, padding_mode, output_padding)
        self._fill(bias)


def convolution(name: str, base: type[_ConvNd], dims: int, operation: str, module: str = __name__) -> Any:
    """A convolution along ``dims`` axes by an operation of :mod:`flambeau.ops.quantized.layers`."""
    meaning = f"A {name} of quantized tensors."
    return type(name, (base,), {"_dims": dims, "_operation": operation, "__doc__": meaning, "__module__": module})


Conv1d = convolution("Conv1d", _ConvNd, 1, "conv1d")
Conv2d = convolution("Conv2d", _ConvNd, 2, "conv2d")
Conv3d = convolution("Conv3d", _ConvNd, 3, "conv3d")
ConvTranspose1d = convolution("ConvTranspose1d", _ConvTransposeNd, 1, "conv_transpose1d")
ConvTranspose2d = convolution("ConvTranspose2d", _ConvTransposeNd, 2, "conv_transpose2d")
ConvTranspose3d = convolution("ConvTranspose3d", _ConvTransposeNd, 3, "conv_transpose3d")
