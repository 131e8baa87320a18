"""Functions of quantized tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flambeau import Tensor
from flambeau.nn import functional as F
from flambeau.ops.quantized.layers import OPERATIONS, run

__all__ = [
    "adaptive_avg_pool2d", "adaptive_avg_pool3d", "avg_pool2d", "avg_pool3d", "celu", "clamp", "conv1d", "conv2d", "conv3d",
    "elu", "hardsigmoid", "hardswish", "hardtanh", "interpolate", "leaky_relu", "linear", "max_pool1d", "max_pool2d", "threshold",
    "upsample", "upsample_bilinear", "upsample_nearest",
]  # fmt: skip


def _of_quantized(name: str) -> Callable[..., Any]:
    """The function of ``nn.functional``; ``ValueError`` for what is not quantized."""
    plain = getattr(F, name)

    def apply(input: Tensor, *arguments: Any, **keywords: Any) -> Any:
        if not input.is_quantized:
            raise ValueError(f"Input to 'quantized.{name}' must be quantized!")
        return plain(input, *arguments, **keywords)

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = f"``nn.functional.{name}`` of a quantized tensor, which is quantized as before. ``ValueError`` for others."
    return apply


adaptive_avg_pool2d, adaptive_avg_pool3d = _of_quantized("adaptive_avg_pool2d"), _of_quantized("adaptive_avg_pool3d")
avg_pool2d, avg_pool3d = _of_quantized("avg_pool2d"), _of_quantized("avg_pool3d")
hardsigmoid, hardtanh = _of_quantized("hardsigmoid"), _of_quantized("hardtanh")
interpolate, upsample = _of_quantized("interpolate"), _of_quantized("upsample")
max_pool1d, max_pool2d = _of_quantized("max_pool1d"), _of_quantized("max_pool2d")
threshold = _of_quantized("threshold")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """``input`` made larger, by straight lines between its corners."""
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """``input`` made larger, by its nearest elements."""
    return interpolate(input, size, scale_factor, mode="nearest")


def clamp(input: Tensor, min_: float, max_: float) -> Tensor:
    """Numbers between two."""
    if not input.is_quantized:
        raise ValueError("Input to 'quantized.clamp' must be quantized!")
    return input.clamp(min_, max_)


def linear(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, scale: float | None = None, zero_point: int | None = None
) -> Tensor:
    """The map of ``input`` by ``weight``; the result is quantized as ``input`` is, unless a scale is given."""
    packed = run("linear_prepack", weight, bias)
    return run("linear", input, packed, *_scale_for(input, scale, zero_point))


def _scale_for(input: Any, scale: float | None, zero_point: int | None) -> tuple[float, int]:
    return (
        input.q_scale() if scale is None else scale,
        input.q_zero_point() if zero_point is None else zero_point,
    )


def _convolution(dims: int) -> Callable[..., Any]:
    def convolve(
        input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, padding_mode: str = "zeros", scale: float = 1.0, zero_point: int = 0, dtype: Any = None,
    ) -> Tensor:  # fmt: skip
        if padding_mode != "zeros":
            raise NotImplementedError("Only zero-padding is supported!")
        each = [value if isinstance(value, (tuple, list)) else (value,) * dims for value in (stride, padding, dilation)]
        packed = OPERATIONS[f"conv{dims}d_prepack"](weight, bias, *each, groups)
        return run(f"conv{dims}d", input, packed, scale, zero_point)

    convolve.__name__ = convolve.__qualname__ = f"conv{dims}d"
    convolve.__doc__ = f"The convolution along {dims} axes of a quantized tensor by a quantized weight."
    return convolve


conv1d, conv2d, conv3d = (_convolution(dims) for dims in (1, 2, 3))


def hardswish(input: Tensor, scale: float, zero_point: int) -> Tensor:
    """``x * relu6(x + 3) / 6``."""
    return run("hardswish", input, scale, zero_point)


def celu(input: Tensor, scale: float, zero_point: int, alpha: float = 1.0) -> Tensor:
    """``alpha * (exp(x / alpha) - 1)`` of negative numbers, others as they are."""
    return run("celu", input, scale, zero_point, alpha)


def elu(input: Tensor, scale: float, zero_point: int, alpha: float = 1.0) -> Tensor:
    """``alpha * (exp(x) - 1)`` of negative numbers, others as they are."""
    return run("elu", input, scale, zero_point, alpha)


def leaky_relu(
    input: Tensor, negative_slope: float = 0.01, inplace: bool = False, scale: float | None = None,
    zero_point: int | None = None,
) -> Tensor:  # fmt: skip
    """Negative numbers times ``negative_slope``, others as they are."""
    return run("leaky_relu", input, negative_slope, inplace, *_scale_for(input, scale, zero_point))
