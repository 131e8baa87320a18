"""Activations and normalizations of quantized tensors, whose results have scales of their own."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor, nn
from flambeau.ops.quantized.layers import run

from .utils import result_scale

__all__ = [
    "BatchNorm2d", "BatchNorm3d", "Dropout", "ELU", "GroupNorm", "Hardswish", "InstanceNorm1d", "InstanceNorm2d",
    "InstanceNorm3d", "LayerNorm", "LeakyReLU", "PReLU", "ReLU6", "Sigmoid", "Softmax",
]  # fmt: skip


class _Requantizing:
    """A layer of ``nn`` whose results are quantized: it takes their ``scale`` and ``zero_point`` besides, and keeps them."""

    scale: Any
    zero_point: Any

    def __init__(self, *arguments: Any, scale: float = 1.0, zero_point: int = 0, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.register_buffer("scale", flambeau.tensor(float(scale)))  # type: ignore[attr-defined]
        self.register_buffer("zero_point", flambeau.tensor(int(zero_point)))  # type: ignore[attr-defined]

    def _get_name(self) -> str:
        return f"Quantized{type(self).__name__}"

    def _quantized(self, operation: str, *arguments: Any) -> Tensor:
        return run(operation, *arguments, float(self.scale), int(self.zero_point))

    @staticmethod
    def _settings(mod: Any) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The layer for one that was observed, with its parameters and statistics."""
        scale, zero_point = result_scale(mod)
        made: Any = cls(**cls._settings(mod), scale=scale, zero_point=zero_point)
        for name, value in (*mod.named_parameters(recurse=False), *mod.named_buffers(recurse=False)):
            if name in made._parameters or name in made._buffers:
                setattr(made, name, value)
        return made.train(mod.training)


class Hardswish(_Requantizing, nn.Hardswish):
    """``x * relu6(x + 3) / 6`` of quantized tensors."""

    def forward(self, input: Tensor) -> Tensor:
        """The function of ``input``."""
        return self._quantized("hardswish", input)

    @staticmethod
    def _settings(mod: Any) -> dict[str, Any]:
        return {}


class ELU(_Requantizing, nn.ELU):
    """``alpha * (exp(x) - 1)`` of negative numbers, others as they are."""

    def __init__(self, scale: float = 1.0, zero_point: int = 0, alpha: float = 1.0) -> None:
        super().__init__(alpha, scale=scale, zero_point=zero_point)

    def forward(self, input: Tensor) -> Tensor:
        """The function of ``input``."""
        return run("elu", input, float(self.scale), int(self.zero_point), self.alpha)

    @staticmethod
    def _settings(mod: Any) -> dict[str, Any]:
        return {"alpha": mod.alpha}


class LeakyReLU(_Requantizing, nn.LeakyReLU):
    """Negative numbers times ``negative_slope``, others as they are."""

    def __init__(self, scale: float = 1.0, zero_point: int = 0, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__(negative_slope, inplace, scale=scale, zero_point=zero_point)

    def forward(self, input: Tensor) -> Tensor:
        """The function of ``input``."""
        return self._quantized("leaky_relu", input, self.negative_slope, self.inplace)

    @staticmethod
    def _settings(mod: Any) -> dict[str, Any]:
        return {"negative_slope": mod.negative_slope, "inplace": mod.inplace}


class PReLU(_Requantizing, nn.PReLU):
    """Negative numbers times a weight for each channel, others as they are."""

    def __init__(self, output_scale: float = 1.0, output_zero_point: int = 0, num_parameters: int = 1) -> None:
        super().__init__(num_parameters, scale=output_scale, zero_point=output_zero_point)

    def forward(self, input: Tensor) -> Tensor:
        """The function of ``input``."""
        return self._quantized("prelu", input, self.weight)

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The layer for one that was observed."""
        made = cls(*result_scale(mod), mod.num_parameters)
        made.weight = mod.weight
        return made.train(mod.training)


class Sigmoid(nn.Sigmoid):
    """The logistic function of quantized tensors."""

    def __init__(self, output_scale: float, output_zero_point: int) -> None:
        super().__init__()
        self.output_scale, self.output_zero_point = output_scale, output_zero_point

    def forward(self, input: Tensor) -> Tensor:
        """The function of ``input``."""
        return run("sigmoid", input, self.output_scale, self.output_zero_point)

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Sigmoid:
        """The layer for one that was observed."""
        return cls(*result_scale(mod))


class Softmax(nn.Softmax):
    """Softmax along ``dim`` of quantized tensors."""

    def __init__(self, dim: int | None = None, scale: float = 1.0, zero_point: int = 0) -> None:
        super().__init__(dim)
        self.scale, self.zero_point = scale, zero_point

    def _get_name(self) -> str:
        return "QuantizedSoftmax"

    def forward(self, input: Tensor) -> Tensor:
        """The function of ``input``."""
        dim = self.dim if self.dim is not None else 0 if input.dim() in (0, 1, 3) else 1
        return run("softmax", input, dim, self.scale, self.zero_point)

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Softmax:
        """The layer for one that was observed."""
        return cls(mod.dim, *result_scale(mod))


class ReLU6(nn.ReLU):
    """Numbers between zero and six of quantized tensors, which are quantized as before."""

    def _get_name(self) -> str:
        return "QuantizedReLU6"

    def forward(self, input: Tensor) -> Tensor:
        """The function of ``input``."""
        return run("relu6", input, self.inplace)

    @staticmethod
    def from_float(mod: Any, use_precomputed_fake_quant: bool = False) -> ReLU6:
        """The layer for one of ``nn``."""
        return ReLU6(mod.inplace)


class Dropout(nn.Dropout):
    """Nothing: quantized networks are not trained."""

    def _get_name(self) -> str:
        return "QuantizedDropout"

    def forward(self, input: Tensor) -> Tensor:
        """``input`` itself."""
        return input

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Dropout:
        """The layer for one of ``nn``."""
        return cls(mod.p, mod.inplace)


class _BatchNorm(_Requantizing):
    _dims: int

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, **keywords: Any) -> None:
        super().__init__(num_features, eps, momentum, **keywords)

    def forward(self: Any, input: Tensor) -> Tensor:
        """``input`` normalized by the statistics."""
        values = (self.weight, self.bias, self.running_mean, self.running_var, self.eps)
        return self._quantized(f"batch_norm{self._dims}d", input, *values)

    @staticmethod
    def _settings(mod: Any) -> dict[str, Any]:
        return {"num_features": mod.num_features, "eps": mod.eps}


class BatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    """A BatchNorm2d of quantized tensors."""

    _dims = 2


class BatchNorm3d(_BatchNorm, nn.BatchNorm3d):
    """A BatchNorm3d of quantized tensors."""

    _dims = 3


class LayerNorm(_Requantizing, nn.LayerNorm):
    """A LayerNorm of quantized tensors."""

    def forward(self, input: Tensor) -> Tensor:
        """``input`` normalized over its last axes."""
        return self._quantized("layer_norm", input, self.normalized_shape, self.weight, self.bias, self.eps)

    @staticmethod
    def _settings(mod: Any) -> dict[str, Any]:
        return {"normalized_shape": mod.normalized_shape, "eps": mod.eps, "elementwise_affine": mod.elementwise_affine}


class GroupNorm(_Requantizing, nn.GroupNorm):
    """A GroupNorm of quantized tensors."""

    def forward(self, input: Tensor) -> Tensor:
        """``input`` normalized over groups of channels."""
        return self._quantized("group_norm", input, self.num_groups, self.weight, self.bias, self.eps)

    @staticmethod
    def _settings(mod: Any) -> dict[str, Any]:
        return {"num_groups": mod.num_groups, "num_channels": mod.num_channels, "eps": mod.eps, "affine": mod.affine}


class _InstanceNorm(_Requantizing):
    def forward(self: Any, input: Tensor) -> Tensor:
        """``input`` normalized over each channel of each sample."""
        return self._quantized("instance_norm", input, self.weight, self.bias, self.eps)

    @staticmethod
    def _settings(mod: Any) -> dict[str, Any]:
        return {"num_features": mod.num_features, "eps": mod.eps, "affine": mod.affine}


class InstanceNorm1d(_InstanceNorm, nn.InstanceNorm1d):
    """An InstanceNorm1d of quantized tensors."""


class InstanceNorm2d(_InstanceNorm, nn.InstanceNorm2d):
    """An InstanceNorm2d of quantized tensors."""


class InstanceNorm3d(_InstanceNorm, nn.InstanceNorm3d):
    """An InstanceNorm3d of quantized tensors."""
