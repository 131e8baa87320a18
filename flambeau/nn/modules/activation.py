"""Activations."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor
from ...graph.notices import warn
from .. import functional as F
from .. import init
from ..parameter import empty_parameter
from ._layer import layer
from .module import Module


@layer(F.relu)
class ReLU(Module):
    """``max(input, 0)``."""

    inplace: bool = False


@layer(F.selu)
class SELU(Module):
    """The scaled ELU of self-normalising networks."""

    inplace: bool = False


@layer(F.silu)
class SiLU(Module):
    """``input * sigmoid(input)``."""

    inplace: bool = False


@layer(F.mish)
class Mish(Module):
    """``input * tanh(softplus(input))``."""

    inplace: bool = False


@layer(F.hardsigmoid, shows="")
class Hardsigmoid(Module):
    """``relu6(input + 3) / 6``."""

    inplace: bool = False


@layer(F.hardswish, shows="")
class Hardswish(Module):
    """``input * relu6(input + 3) / 6``."""

    inplace: bool = False


@layer(F.threshold)
class Threshold(Module):
    """``input`` where it exceeds ``threshold``, ``value`` elsewhere."""

    threshold: float
    value: float
    inplace: bool = False


@layer(F.rrelu)
class RReLU(Module):
    """Leaky ReLU with a random slope in training."""

    lower: float = 1.0 / 8
    upper: float = 1.0 / 3
    inplace: bool = False


class Hardtanh(Module):
    """``input`` limited to ``min_val`` … ``max_val``."""

    __constants__ = ["min_val", "max_val", "inplace"]

    def __init__(
        self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False, min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        for old, new, value in (("min_value", "min_val", min_value), ("max_value", "max_val", max_value)):
            if value is not None:
                warn(f"keyword argument `{old}` is deprecated and renamed to `{new}`", FutureWarning)
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}{', inplace=True' if self.inplace else ''}"


class ReLU6(Hardtanh):
    """``min(max(input, 0), 6)``."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


@layer(F.elu)
class ELU(Module):
    """``input`` where positive, ``alpha * (exp(input) - 1)`` elsewhere."""

    alpha: float = 1.0
    inplace: bool = False


@layer(F.celu)
class CELU(Module):
    """``max(0, input) + min(0, alpha * (exp(input / alpha) - 1))``."""

    alpha: float = 1.0
    inplace: bool = False


@layer(F.leaky_relu)
class LeakyReLU(Module):
    """``input`` where positive, ``negative_slope * input`` elsewhere."""

    negative_slope: float = 1e-2
    inplace: bool = False


class PReLU(Module):
    """Leaky ReLU with a learned slope: one, or one for each of ``num_parameters`` channels."""

    __constants__ = ["num_parameters"]

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = empty_parameter(num_parameters, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Every slope as given at construction."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


@layer(F.gelu)
class GELU(Module):
    """``input * Φ(input)``."""

    approximate: str = "none"


@layer(F.glu)
class GLU(Module):
    """The first half along ``dim`` times the sigmoid of the second."""

    dim: int = -1


@layer(F.hardshrink, shows="{lambd}")
class Hardshrink(Module):
    """``input`` where its magnitude exceeds ``lambd``, zero elsewhere."""

    lambd: float = 0.5


@layer(F.softshrink, shows="{lambd}")
class Softshrink(Module):
    """``input`` moved towards zero by ``lambd``."""

    lambd: float = 0.5


@layer(F.softplus)
class Softplus(Module):
    """``log(1 + exp(beta * input)) / beta``."""

    beta: float = 1.0
    threshold: float = 20.0


@layer(F.sigmoid)
class Sigmoid(Module):
    """``1 / (1 + exp(-input))``."""


@layer(F.logsigmoid)
class LogSigmoid(Module):
    """``log(sigmoid(input))``."""


@layer(F.tanh)
class Tanh(Module):
    """The hyperbolic tangent."""


@layer(F.tanhshrink)
class Tanhshrink(Module):
    """``input - tanh(input)``."""


@layer(F.softsign)
class Softsign(Module):
    """``input / (1 + |input|)``."""


@layer(F.softmax)
class Softmax(Module):
    """``exp(input)`` divided by its sum along ``dim``."""

    dim: int | None = None


@layer(F.softmin)
class Softmin(Module):
    """The softmax of ``-input``."""

    dim: int | None = None


@layer(F.log_softmax)
class LogSoftmax(Module):
    """The logarithm of the softmax."""

    dim: int | None = None


class Softmax2d(Module):
    """The softmax over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3)
