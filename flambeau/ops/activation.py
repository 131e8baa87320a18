"""Activation functions. Values at kinks, and what becomes of NaN, are those of PyTorch's vectors, in gradients too."""

from __future__ import annotations

import math
from typing import Any

from ..core.composite import composite
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.bounds import check_fits
from ..graph.dtypes import TYPE_NAMES, float32, uint8
from .choice import where
from .conversion import check_floating, rounded_once
from .elementwise import differentiated, gradient_class
from .functions import erf, exp, sigmoid, tanh
from .operation import Scalar, operation
from .recording_paths import binary, ternary, unary

# --- piecewise linear -----------------------------------------------------------------------------------------------------

ReluBackward0 = gradient_class(
    "ReluBackward0", lambda grad, result: where(result <= 0, 0.0, grad), ("input",), 1, zero_curvature=True
)


@operation("functional.relu", inplace=True)
def relu(input: Tensor) -> Tensor:
    """``max(input, 0)``. ``RuntimeError`` for booleans."""
    if input.dtype.kind == "bool":
        raise RuntimeError("Boolean inputs not supported for relu")
    return unary(p.RELU, input, ReluBackward0)


@operation(only="functional.leaky_relu", inplace=True)
@differentiated(
    lambda grad, input, negative_slope: where(input > 0, grad, grad * negative_slope), zero_curvature=True
)
def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """``input`` where positive, ``negative_slope * input`` elsewhere."""
    check_floating("leaky_relu_cpu", input.dtype)
    return ternary(p.WHERE, binary(p.GT, input, 0), input, binary(p.MUL, input, negative_slope))


@operation("functional.rrelu", method=False, inplace=True)
def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, generator: Any = None
) -> Tensor:
    """Leaky ReLU with a slope drawn anew for each element in training, and the mean slope otherwise."""
    from .random import uniform

    check_floating("rrelu_with_noise_out_cpu" if training else "leaky_relu_cpu", input.dtype)
    for side, bound in (("lower", lower), ("upper", upper)):
        if not math.isfinite(bound):
            raise RuntimeError(f"rrelu: {side} bound must be finite, got {bound}")
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    drawn = uniform(input.shape, input.dtype, generator) * (upper - lower) + lower
    return _sloped(input, ternary(p.WHERE, binary(p.GT, input, 0), 1.0, drawn))


@differentiated(lambda grad, slope: grad * slope, name="RreluWithNoiseBackward0", zero_curvature=True)
def _sloped(input: Tensor, slope: Tensor) -> Tensor:
    return binary(p.MUL, input, slope)


@operation("functional.prelu")
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Leaky ReLU whose slope is learned: one for all, or one for each channel (dimension 1)."""
    if input.dtype is not weight.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {TYPE_NAMES[input.dtype]} and {TYPE_NAMES[weight.dtype]}"
        )
    check_floating("prelu_cpu", input.dtype)
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
    return _prelu(input, weight.reshape([weight.numel() if axis == 1 else 1 for axis in range(input.ndim)]))


def _prelu_slopes(grad: Tensor, input: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    positive = input > 0
    return where(positive, grad, weight * grad), where(positive, 0.0, input * grad)


@differentiated(_prelu_slopes, name="PreluKernelBackward0", operands=2, zero_curvature=True)
def _prelu(input: Tensor, weight: Tensor) -> Tensor:
    return ternary(p.WHERE, binary(p.GT, input, 0), input, binary(p.MUL, weight, input))


@operation(only="functional.hardtanh", inplace=True)
@differentiated(
    lambda grad, input, min_val, max_val: where((input > min_val) & (input < max_val), grad, 0.0), zero_curvature=True
)
def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """``input`` limited to ``min_val`` … ``max_val``; no gradient at the limits themselves."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if input.dtype.kind == "bool":
        raise RuntimeError("Bool inputs not supported for hardtanh")
    if input.dtype is uint8 and min(min_val, max_val) < 0:
        raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    for number in (min_val, max_val):
        check_fits(number, input.dtype)
    low, high = (min_val, max_val) if input.dtype.category == 2 else (int(min_val), int(max_val))
    return binary(p.MINIMUM, binary(p.MAXIMUM, input, low), high)


@operation(only="functional.relu6", inplace="parameter")
def relu6(input: Tensor) -> Tensor:
    """``min(max(input, 0), 6)``."""
    return hardtanh(input, 0.0, 6.0)


@operation("functional.threshold", method=False, inplace=True, out=True)
@differentiated(lambda grad, input, threshold: where(input <= threshold, 0.0, grad), zero_curvature=True)
@rounded_once
def threshold(input: Tensor, threshold: Scalar, value: Scalar) -> Tensor:
    """``input`` where it exceeds ``threshold``, ``value`` elsewhere."""
    if input.dtype.kind == "bool":
        check_floating("threshold_cpu", input.dtype)
    for number in (threshold, value):
        check_fits(number, input.dtype)
    if input.dtype.category < 2:
        threshold, value = int(threshold), int(value)
    return ternary(p.WHERE, binary(p.LE, input, threshold), value, input)


@operation(only="functional.hardsigmoid", inplace="parameter")
@differentiated(lambda grad, input: where((input > -3) & (input < 3), grad / 6, 0.0))
@rounded_once
def hardsigmoid(input: Tensor) -> Tensor:
    """``relu6(input + 3) / 6``."""
    check_floating("hardsigmoid_cpu", input.dtype)
    return binary(p.DIV, _shifted_relu6(input), 6)


def _shifted_relu6(x: Tensor) -> Tensor:
    return binary(p.MINIMUM, binary(p.MAXIMUM, binary(p.ADD, x, 3), 0), 6)


@operation(only="functional.hardswish", inplace="parameter")
@differentiated(
    lambda grad, input: where(input <= -3, 0.0, where(input >= 3, grad, grad * (input / 3 + 0.5)))
)
@rounded_once
def hardswish(input: Tensor) -> Tensor:
    """``input * relu6(input + 3) / 6``."""
    check_floating("hardswish_cpu", input.dtype)
    return binary(p.DIV, binary(p.MUL, input, _shifted_relu6(input)), 6)


def _outside(grad: Tensor, input: Tensor, lambd: float) -> Tensor:
    return where((input < -lambd) | (input > lambd), grad, 0.0)


@operation("functional.hardshrink", out="exact")
@differentiated(_outside, zero_curvature=True)
def hardshrink(input: Tensor, lambd: Scalar = 0.5) -> Tensor:
    """``input`` where its magnitude exceeds ``lambd``, zero elsewhere."""
    check_floating("hardshrink_cpu", input.dtype)
    small = binary(p.LOGICAL_AND, binary(p.GE, input, -lambd), binary(p.LE, input, lambd))
    return ternary(p.WHERE, small, 0.0, input)


@operation(only="functional.softshrink", out=True)
@differentiated(_outside, zero_curvature=True)
@rounded_once
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` moved towards zero by ``lambd``, and zero where it is no larger than that."""
    check_floating("softshrink_check", input.dtype)
    if not lambd >= 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd:g}.")
    low = ternary(p.WHERE, binary(p.LT, input, -lambd), binary(p.ADD, input, lambd), binary(p.MUL, input, 0))
    return ternary(p.WHERE, binary(p.GT, input, lambd), binary(p.SUB, input, lambd), low)


# --- exponential ----------------------------------------------------------------------------------------------------------


def _elu_slope(grad: Tensor, input: Tensor, alpha: float, scale: float, input_scale: float) -> Tensor:
    below = -relu(-input)  # elsewhere the exponential could be infinite, and the second derivative is zero
    slope = exp(below if input_scale == 1 else below * input_scale) * (alpha * scale * input_scale)
    return where(input > 0, grad if scale == 1 else grad * scale, grad * slope)


@rounded_once
def _elu(input: Tensor, alpha: float, scale: float, input_scale: float) -> Tensor:
    check_floating("elu_cpu", input.dtype)
    if isinstance(alpha, float):
        check_fits(alpha, float32 if input.dtype.itemsize == 2 else input.dtype)
    low = unary(p.FLOAT_FUNCTIONS["expm1"], input if input_scale == 1 else binary(p.MUL, input, input_scale))
    if alpha * scale != 1:
        low = binary(p.MUL, low, alpha * scale)
    high = input if scale == 1 else binary(p.MUL, input, scale)
    return ternary(p.WHERE, binary(p.LE, input, 0), low, high)


@operation(only="functional.elu", inplace=True)
@differentiated(lambda grad, input, alpha: _elu_slope(grad, input, alpha, 1.0, 1.0))
def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``input`` where positive, ``alpha * (exp(input) - 1)`` elsewhere."""
    return _elu(input, alpha, 1.0, 1.0)


@operation("functional.celu", method=False, inplace=True)
@differentiated(lambda grad, input, alpha: _elu_slope(grad, input, alpha, 1.0, 1.0 / alpha))
def celu(input: Tensor, alpha: Scalar = 1.0) -> Tensor:
    """``max(0, input) + min(0, alpha * (exp(input / alpha) - 1))``."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return _elu(input, alpha, 1.0, 1.0 / alpha)


_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@operation("functional.selu", method=False, inplace=True)
@differentiated(lambda grad, input: _elu_slope(grad, input, _SELU_ALPHA, _SELU_SCALE, 1.0), name="EluBackward0")
def selu(input: Tensor) -> Tensor:
    """The scaled ELU that keeps mean 0 and variance 1 (Klambauer and others, 2017)."""
    return _elu(input, _SELU_ALPHA, _SELU_SCALE, 1.0)


_TANH_LINEAR = math.sqrt(2 / math.pi)
_TANH_CUBIC = 0.044715 * _TANH_LINEAR


def _gelu_slope(grad: Tensor, input: Tensor, approximate: str) -> Tensor:
    if approximate == "tanh":
        square = input * input
        hyperbolic = tanh(input * (square * _TANH_CUBIC + _TANH_LINEAR))
        inner = square * (3 * _TANH_CUBIC) + _TANH_LINEAR
        return grad * ((hyperbolic + 1) * 0.5 + input * 0.5 * (1 - hyperbolic * hyperbolic) * inner)
    distribution = (erf(input * math.sqrt(0.5)) + 1) * 0.5
    return grad * (distribution + input * (exp(input * input * -0.5) * (1 / math.sqrt(2 * math.pi))))


@operation(only="functional.gelu", out=True)
@differentiated(_gelu_slope)
@rounded_once
def gelu(input: Tensor, *, approximate: str = "none") -> Tensor:
    """``input * Φ(input)`` with the normal distribution's Φ, or its approximation through ``"tanh"``."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    check_floating("GeluKernelImpl", input.dtype)
    (result,) = composite(_gelu, approximate, input)
    return result  # type: ignore[no-any-return]


def _gelu(approximate: str, input: Tensor) -> tuple[Tensor]:
    half = binary(p.MUL, input, 0.5)
    if approximate == "tanh":
        cubic = binary(p.ADD, binary(p.MUL, binary(p.MUL, input, input), _TANH_CUBIC), _TANH_LINEAR)
        curve = unary(p.TANH, binary(p.MUL, input, cubic))
    else:
        curve = unary(p.ERF, binary(p.MUL, input, math.sqrt(0.5)))
    return (binary(p.MUL, half, binary(p.ADD, curve, 1)),)


def _silu_slope(grad: Tensor, input: Tensor) -> Tensor:
    gate = sigmoid(input)
    return grad * (gate * ((1 - gate) * input + 1))


@operation(only="functional.silu", inplace="parameter")
@differentiated(_silu_slope)
@rounded_once
def silu(input: Tensor) -> Tensor:
    """``input * sigmoid(input)``."""
    check_floating("silu_cpu", input.dtype)
    return binary(p.MUL, input, unary(p.SIGMOID, input))


def _mish_slope(grad: Tensor, input: Tensor) -> Tensor:
    curve = tanh(softplus(input))
    return grad * (curve + input * (1 - curve * curve) * sigmoid(input))


@operation(only="functional.mish", inplace="parameter")
@differentiated(_mish_slope)
@rounded_once
def mish(input: Tensor) -> Tensor:
    """``input * tanh(softplus(input))``."""
    check_floating("mish_cpu", input.dtype)
    curve = unary(p.TANH, unary(p.FLOAT_FUNCTIONS["log1p"], unary(p.EXP, input)))
    return binary(p.MUL, input, curve)


def _softplus_slope(grad: Tensor, input: Tensor, beta: float, threshold: float) -> Tensor:
    scaled = input if beta == 1 else input * beta
    return where(scaled > threshold, grad, grad * sigmoid(scaled))


@operation(only="functional.softplus", out=True)
@differentiated(_softplus_slope)
@rounded_once
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``log(1 + exp(beta * input)) / beta``; the argument itself where ``beta * input`` exceeds ``threshold``."""
    check_floating("softplus_cpu", input.dtype)
    for number in (beta, threshold):
        check_fits(number, input.dtype)
    scaled = input if beta == 1 else binary(p.MUL, input, beta)
    curve = unary(p.FLOAT_FUNCTIONS["log1p"], unary(p.EXP, scaled))
    if beta != 1:
        curve = binary(p.DIV, curve, beta)
    return ternary(p.WHERE, binary(p.GT, scaled, threshold), input, curve)


@operation(only="functional.logsigmoid", out=True)
@differentiated(lambda grad, input: grad * sigmoid(-input), name="LogSigmoidBackward0")
@rounded_once
def logsigmoid(input: Tensor) -> Tensor:
    """``log(sigmoid(input))``, exact for large arguments of either sign."""
    check_floating("log_sigmoid_cpu", input.dtype)
    input = input.contiguous()  # and so is the result
    rest = unary(p.FLOAT_FUNCTIONS["log1p"], unary(p.EXP, unary(p.NEG, unary(p.ABS, input))))
    return binary(p.SUB, binary(p.MINIMUM, input, 0), rest)


def _glu_slope(grad: Tensor, input: Tensor, dim: int) -> Tensor:
    from .joining import cat

    value, gate = input.chunk(2, dim)
    open = sigmoid(gate)
    passed = grad * open
    return cat([passed, passed * (1 - open) * value], dim)


@operation(only="functional.glu")
@differentiated(_glu_slope)
@rounded_once
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """The first half along ``dim`` times the sigmoid of the second."""
    if input.ndim == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    size = input.size(dim)
    check_floating("glu_cpu", input.dtype)
    if size % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim % input.ndim} is size {size}")
    value, gate = input.chunk(2, dim)
    return binary(p.MUL, value, unary(p.SIGMOID, gate))
