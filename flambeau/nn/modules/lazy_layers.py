"""Layers that learn the number of their input's features or channels from the first call."""

from __future__ import annotations

from typing import Any

import flambeau

from ...core.tensor import Tensor
from ..parameter import UninitializedBuffer, UninitializedParameter
from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, _NormBase
from .conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, _ConvNd
from .instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .lazy import LazyModuleMixin
from .linear import Linear
from .module import Module


class LazyLinear(LazyModuleMixin, Linear):
    """A linear layer without ``in_features``."""

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:  # type: ignore[override]
        if self.has_uninitialized_params():
            self.in_features = input.shape[-1]
            self.weight.materialize((self.out_features, self.in_features))
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()
        if self.in_features == 0:  # loaded before the first call
            if input.shape[-1] != self.weight.shape[-1]:
                raise AssertionError(
                    f"The in_features inferred from input: {input.shape[-1]} is not equal to in_features from "
                    f"self.weight: {self.weight.shape[-1]}"
                )
            self.in_features = input.shape[-1]


class _LazyConvXdMixin(LazyModuleMixin, _ConvNd):
    """A convolution without ``in_channels``."""

    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            0, 0, kernel_size, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=False,
            padding_mode=padding_mode, device=device, dtype=dtype,
        )  # fmt: skip
        self._leave_open(out_channels, bias, device, dtype)

    def _leave_open(self, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        if not self.has_uninitialized_params():
            return
        self.in_channels = self._get_in_channels(input)
        if self.in_channels % self.groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        outer, inner = self.out_channels, self.in_channels
        if self.transposed:
            outer, inner = inner, outer
        self.weight.materialize((outer, inner // self.groups, *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()

    def _get_in_channels(self, input: Tensor) -> int:
        alone = len(self.kernel_size) + 1
        batched = alone + 1
        if input.dim() not in (alone, batched):
            raise RuntimeError(
                f"Expected {alone}D (unbatched) or {batched}D (batched) input to {type(self).__name__}, but got input "
                f"of size: {input.shape}"
            )
        return input.shape[1] if input.dim() == batched else input.shape[0]


class _LazyTransposeMixin(_LazyConvXdMixin):
    """A transposed convolution without ``in_channels``."""

    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super(_LazyConvXdMixin, self).__init__(
            0, 0, kernel_size, stride=stride, padding=padding, output_padding=output_padding, groups=groups,
            bias=False, dilation=dilation, padding_mode=padding_mode, device=device, dtype=dtype,
        )  # fmt: skip
        self._leave_open(out_channels, bias, device, dtype)


def _without(base: type[LazyModuleMixin], layer: type[Module], learned: str) -> Any:
    """The class of layers that become ``layer`` once ``base`` has learned their size."""
    doc = f":class:`{layer.__name__}` without ``{learned}``."
    members = {"cls_to_become": layer, "__doc__": doc, "__module__": __name__}
    return type(f"Lazy{layer.__name__}", (base, layer), members)


LazyConv1d = _without(_LazyConvXdMixin, Conv1d, "in_channels")
LazyConv2d = _without(_LazyConvXdMixin, Conv2d, "in_channels")
LazyConv3d = _without(_LazyConvXdMixin, Conv3d, "in_channels")
LazyConvTranspose1d = _without(_LazyTransposeMixin, ConvTranspose1d, "in_channels")
LazyConvTranspose2d = _without(_LazyTransposeMixin, ConvTranspose2d, "in_channels")
LazyConvTranspose3d = _without(_LazyTransposeMixin, ConvTranspose3d, "in_channels")


class _LazyNormBase(LazyModuleMixin, _NormBase):
    """A normalisation without ``num_features``."""

    def __init__(
        self, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True, track_running_stats: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(device=device, dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(device=device, dtype=dtype)
            self.running_var = UninitializedBuffer(device=device, dtype=dtype)
            self.num_batches_tracked = flambeau.tensor(0, dtype=flambeau.long, device=device)

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:  # type: ignore[override]
        if not self.has_uninitialized_params():
            return
        self.num_features = input.shape[1]
        for lazy in (self.weight, self.bias, self.running_mean, self.running_var):
            if lazy is not None:
                lazy.materialize((self.num_features,))
        self.reset_parameters()


LazyBatchNorm1d = _without(_LazyNormBase, BatchNorm1d, "num_features")
LazyBatchNorm2d = _without(_LazyNormBase, BatchNorm2d, "num_features")
LazyBatchNorm3d = _without(_LazyNormBase, BatchNorm3d, "num_features")
LazyInstanceNorm1d = _without(_LazyNormBase, InstanceNorm1d, "num_features")
LazyInstanceNorm2d = _without(_LazyNormBase, InstanceNorm2d, "num_features")
LazyInstanceNorm3d = _without(_LazyNormBase, InstanceNorm3d, "num_features")
