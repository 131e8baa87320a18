"""Activation functions. Values at kinks, and what becomes of NaN, are those of PyTorch's vectors, in gradients too."""

from __future__ import annotations

import math
from typing import Any

from ..core.history import INPUTS, RESULT, Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.bounds import check_fits
from . import conversion
from .comparison import where
from .dispatch import attach, binary, nary, tracked, unary
from .error_functions import erf
from .exponentials import exp, sigmoid
from .operation import operation
from .precision import rounded_once
from .trigonometry import tanh


def check_floating(x: Tensor, kernel: str) -> None:
    """``NotImplementedError`` as PyTorch's kernel raises it for integers and booleans."""
    conversion.check_floating(kernel, x.dtype)



def _differentiable(result: Tensor, gradient: type[Gradient], x: Tensor, context: Any = None) -> Tensor:
    if tracked(x):
        attach(result, gradient, [x], None, context)
    return result


# --- piecewise linear ---------------------------------------------------------------------------------------------


class ReluBackward0(Gradient):
    __slots__ = ()
    saves = RESULT
    zero_curvature = True

    def backward(self, grad: Tensor) -> Tensor:
        return where(self.result() <= 0, 0.0, grad)


@operation(inplace=True)
def relu(input: Tensor) -> Tensor:
    """``max(input, 0)``. ``RuntimeError`` for booleans."""
    if input.dtype.kind == "bool":
        raise RuntimeError("Boolean inputs not supported for relu")
    return unary(p.RELU, input, ReluBackward0)


class LeakyReluBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS
    zero_curvature = True

    def backward(self, grad: Tensor) -> Tensor:
        return where(self.input(0) > 0, grad, grad * self.context)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """``input`` where positive, ``negative_slope * input`` elsewhere."""
    check_floating(input, "leaky_relu_cpu")
    result = nary(p.WHERE, [binary(p.GT, input, 0), input, binary(p.MUL, input, negative_slope)])
    return _differentiable(result, LeakyReluBackward0, input, negative_slope)


class RreluWithNoiseBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS
    zero_curvature = True

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        return grad * self.input(1), None


@operation(method=False, inplace=True)
def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, generator: Any = None
) -> Tensor:
    """Leaky ReLU with a slope drawn anew for each element in training, and the mean slope otherwise."""
    from .random import uniform

    check_floating(input, "rrelu_with_noise_out_cpu" if training else "leaky_relu_cpu")
    for side, bound in (("lower", lower), ("upper", upper)):
        if not math.isfinite(bound):
            raise RuntimeError(f"rrelu: {side} bound must be finite, got {bound}")
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    drawn = uniform(input.shape, input.dtype, generator) * (upper - lower) + lower
    slope = nary(p.WHERE, [binary(p.GT, input, 0), 1.0, drawn])
    result = binary(p.MUL, input, slope)
    if tracked(input):
        attach(result, RreluWithNoiseBackward0, [input, slope])
    return result


class PreluKernelBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS
    zero_curvature = True

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = self.input(0), self.input(1)
        positive = x > 0
        return (
            where(positive, grad, weight * grad) if self.needs(0) else None,
            where(positive, 0.0, x * grad) if self.needs(1) else None,
        )


@operation()
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Leaky ReLU whose slope is learned: one for all, or one for each channel (dimension 1)."""
    if input.dtype is not weight.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {p.TYPE_NAMES[input.dtype]} and {p.TYPE_NAMES[weight.dtype]}"
        )
    check_floating(input, "prelu_cpu")
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.numel() != 1:
        if input.ndim == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if channels != weight.numel():
            raise RuntimeError(
                f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {weight.numel()} and "
                f"channel size = {channels}."
            )
    slope = weight.reshape([weight.numel() if axis == 1 else 1 for axis in range(input.ndim)])
    result = nary(p.WHERE, [binary(p.GT, input, 0), input, binary(p.MUL, slope, input)])
    if tracked(input, slope):
        attach(result, PreluKernelBackward0, [input, slope])
    return result


class HardtanhBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS
    zero_curvature = True

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        low, high = self.context
        return where((x > low) & (x < high), grad, 0.0)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """``input`` limited to ``min_val`` … ``max_val``; no gradient at the limits themselves."""
    if input.dtype.kind == "bool":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    for number in (min_val, max_val):
        check_fits(number, input.dtype)
    low, high = (min_val, max_val) if input.dtype.category == 2 else (int(min_val), int(max_val))
    result = binary(p.MINIMUM, binary(p.MAXIMUM, input, low), high)
    return _differentiable(result, HardtanhBackward0, input, (low, high))


def relu6(input: Tensor) -> Tensor:
    """``min(max(input, 0), 6)``."""
    return hardtanh(input, 0.0, 6.0)


class ThresholdBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS
    zero_curvature = True

    def backward(self, grad: Tensor) -> Tensor:
        return where(self.input(0) <= self.context, 0.0, grad)


@operation(method=False, inplace=True, out=True)
def threshold(input: Tensor, threshold: float, value: float) -> Tensor:
    """``input`` where it exceeds ``threshold``, ``value`` elsewhere."""
    if input.dtype.kind == "bool":
        check_floating(input, "threshold_cpu")
    for number in (threshold, value):
        check_fits(number, input.dtype)
    if input.dtype.category < 2:
        threshold, value = int(threshold), int(value)
    result = nary(p.WHERE, [binary(p.LE, input, threshold), value, input])
    return _differentiable(result, ThresholdBackward0, input, threshold)


class HardsigmoidBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return where((x > -3) & (x < 3), grad / 6, 0.0)


@rounded_once
def hardsigmoid(input: Tensor) -> Tensor:
    """``relu6(input + 3) / 6``."""
    check_floating(input, "hardsigmoid_cpu")
    return _differentiable(binary(p.DIV, _shifted_relu6(input), 6), HardsigmoidBackward0, input)


def _shifted_relu6(x: Tensor) -> Tensor:
    return binary(p.MINIMUM, binary(p.MAXIMUM, binary(p.ADD, x, 3), 0), 6)


class HardswishBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return where(x <= -3, 0.0, where(x >= 3, grad, grad * (x / 3 + 0.5)))


@rounded_once
def hardswish(input: Tensor) -> Tensor:
    """``input * relu6(input + 3) / 6``."""
    check_floating(input, "hardswish_cpu")
    return _differentiable(binary(p.DIV, binary(p.MUL, input, _shifted_relu6(input)), 6), HardswishBackward0, input)


class HardshrinkBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS
    zero_curvature = True

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return where((x < -self.context) | (x > self.context), grad, 0.0)


@operation(out="exact")
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` where its magnitude exceeds ``lambd``, zero elsewhere."""
    check_floating(input, "hardshrink_cpu")
    small = binary(p.LOGICAL_AND, binary(p.GE, input, -lambd), binary(p.LE, input, lambd))
    return _differentiable(nary(p.WHERE, [small, 0.0, input]), HardshrinkBackward0, input, lambd)


class SoftshrinkBackward0(HardshrinkBackward0):
    __slots__ = ()


@operation(only="functional.softshrink", out=True)
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` moved towards zero by ``lambd``, and zero where it is no larger than that."""
    check_floating(input, "softshrink_check")
    if not lambd >= 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd:g}.")
    low = nary(p.WHERE, [binary(p.LT, input, -lambd), binary(p.ADD, input, lambd), binary(p.MUL, input, 0)])
    result = nary(p.WHERE, [binary(p.GT, input, lambd), binary(p.SUB, input, lambd), low])
    return _differentiable(result, SoftshrinkBackward0, input, lambd)


# --- exponential --------------------------------------------------------------------------------------------------


class EluBackward0(Gradient):
    """``context`` (alpha * scale, scale, input_scale)."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        negative, positive, inner = self.context
        below = -relu(-x)  # elsewhere the exponential could be infinite, and the second derivative is zero
        slope = exp(below if inner == 1 else below * inner) * (negative * inner)
        return where(x > 0, grad if positive == 1 else grad * positive, grad * slope)


class CeluBackward0(EluBackward0):
    __slots__ = ()


@rounded_once
def elu(
    input: Tensor, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0,
    gradient: type[Gradient] = EluBackward0,
) -> Tensor:  # fmt: skip
    """``scale * input`` where positive, ``scale * alpha * (exp(input_scale * input) - 1)`` elsewhere."""
    check_floating(input, "elu_cpu")
    low = unary(p.FLOAT_FUNCTIONS["expm1"], input if input_scale == 1 else binary(p.MUL, input, input_scale))
    if alpha * scale != 1:
        low = binary(p.MUL, low, alpha * scale)
    high = input if scale == 1 else binary(p.MUL, input, scale)
    result = nary(p.WHERE, [binary(p.LE, input, 0), low, high])
    return _differentiable(result, gradient, input, (alpha * scale, scale, input_scale))


@operation(method=False, inplace=True)
def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``max(0, input) + min(0, alpha * (exp(input / alpha) - 1))``."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return elu(input, alpha, 1.0, 1.0 / alpha, CeluBackward0)


_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@operation(method=False, inplace=True)
def selu(input: Tensor) -> Tensor:
    """The scaled ELU that keeps mean 0 and variance 1 (Klambauer and others, 2017)."""
    return elu(input, _SELU_ALPHA, _SELU_SCALE)


class GeluBackward0(Gradient):
    """``context``: whether the normal distribution is approximated through tanh."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        if self.context:
            square = x * x
            hyperbolic = tanh(x * (square * _TANH_CUBIC + _TANH_LINEAR))
            inner = square * (3 * _TANH_CUBIC) + _TANH_LINEAR
            return grad * ((hyperbolic + 1) * 0.5 + x * 0.5 * (1 - hyperbolic * hyperbolic) * inner)
        distribution = (erf(x * math.sqrt(0.5)) + 1) * 0.5
        return grad * (distribution + x * (exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi))))


_TANH_LINEAR = math.sqrt(2 / math.pi)
_TANH_CUBIC = 0.044715 * _TANH_LINEAR


@operation(only="functional.gelu", out=True)
@rounded_once
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``input * Φ(input)`` with the normal distribution's Φ, or its approximation through ``"tanh"``."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    check_floating(input, "GeluKernelImpl")
    half = binary(p.MUL, input, 0.5)
    if approximate == "tanh":
        cubic = binary(p.ADD, binary(p.MUL, binary(p.MUL, input, input), _TANH_CUBIC), _TANH_LINEAR)
        curve = unary(p.TANH, binary(p.MUL, input, cubic))
    else:
        curve = unary(p.ERF, binary(p.MUL, input, math.sqrt(0.5)))
    result = binary(p.MUL, half, binary(p.ADD, curve, 1))
    return _differentiable(result, GeluBackward0, input, approximate == "tanh")


class SiluBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        gate = sigmoid(x)
        return grad * (gate * ((1 - gate) * x + 1))


@rounded_once
def silu(input: Tensor) -> Tensor:
    """``input * sigmoid(input)``."""
    check_floating(input, "silu_cpu")
    return _differentiable(binary(p.MUL, input, unary(p.SIGMOID, input)), SiluBackward0, input)


class MishBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        curve = tanh(softplus(x))
        return grad * (curve + x * (1 - curve * curve) * sigmoid(x))


@rounded_once
def mish(input: Tensor) -> Tensor:
    """``input * tanh(softplus(input))``."""
    check_floating(input, "mish_cpu")
    curve = unary(p.TANH, unary(p.FLOAT_FUNCTIONS["log1p"], unary(p.EXP, input)))
    return _differentiable(binary(p.MUL, input, curve), MishBackward0, input)


class SoftplusBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        beta, threshold = self.context
        x = self.input(0) if beta == 1 else self.input(0) * beta
        return where(x > threshold, grad, grad * sigmoid(x))


@operation(only="functional.softplus", out=True)
@rounded_once
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``log(1 + exp(beta * input)) / beta``; the argument itself where ``beta * input`` exceeds ``threshold``."""
    check_floating(input, "softplus_cpu")
    for number in (beta, threshold):
        check_fits(number, input.dtype)
    scaled = input if beta == 1 else binary(p.MUL, input, beta)
    curve = unary(p.FLOAT_FUNCTIONS["log1p"], unary(p.EXP, scaled))
    if beta != 1:
        curve = binary(p.DIV, curve, beta)
    result = nary(p.WHERE, [binary(p.GT, scaled, threshold), input, curve])
    return _differentiable(result, SoftplusBackward0, input, (beta, threshold))


class LogSigmoidBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * sigmoid(-self.input(0))


@operation(only="functional.logsigmoid", out=True)
@rounded_once
def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(input))``, exact for large arguments of either sign."""
    check_floating(input, "log_sigmoid_cpu")
    input = input.contiguous()  # and so is the result
    rest = unary(p.FLOAT_FUNCTIONS["log1p"], unary(p.EXP, unary(p.NEG, unary(p.ABS, input))))
    return _differentiable(binary(p.SUB, binary(p.MINIMUM, input, 0), rest), LogSigmoidBackward0, input)


class GluBackward0(Gradient):
    """``context``: the dimension that is halved."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        from .joining import cat

        value, gate = self.input(0).chunk(2, self.context)
        open = sigmoid(gate)
        passed = grad * open
        return cat([passed, passed * (1 - open) * value], self.context)


@rounded_once
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along ``dim`` times the sigmoid of the second."""
    if input.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    size = input.size(dim)
    check_floating(input, "glu_cpu")
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim % input.ndim} is size {size}")
    value, gate = input.detach().chunk(2, dim)
    return _differentiable(binary(p.MUL, value, unary(p.SIGMOID, gate)), GluBackward0, input, dim)
