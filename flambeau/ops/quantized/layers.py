"""Layers on quantized tensors, by the names that they have in PyTorch's ``torch.ops.quantized``.

A product of two tensors of eight bits is a product of small integers, less their zero points, in float32. It is multiplied by
both scales, the bias is added, and the result is quantized by the scale that the caller gives: as in PyTorch, to the last step
but where a number lies in the middle of two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ...core.composite import composite
from ...core.tensor import Tensor
from ...graph.dtypes import TYPE_NAMES, float16, float32
from ..by_name import functional, real
from .calls import quantized_call
from .packed import PackedWeight
from .scheme import INTEGERS, LIMITS, Scale, fitted_steps, of_tensor, qint8, rounded_steps
from .tensor import QuantizedTensor, requantized

_F = TypeVar("_F", bound=Callable[..., Any])

OPERATIONS: dict[str, Callable[..., Any]] = {}
"""The operations, by name."""


def run(name: str, *arguments: Any) -> Tensor:
    """What an operation gives."""
    result: Tensor = OPERATIONS[name](*arguments)
    return result


def _offered(function: _F) -> _F:
    OPERATIONS[function.__name__] = function
    return function


def _steps_of(x: Any, name: str) -> Tensor:
    """A quantized tensor in units of its scale, as float32. ``NotImplementedError`` for one that is not quantized."""
    if not isinstance(x, QuantizedTensor):
        raise NotImplementedError(f"Could not run 'quantized::{name}' with arguments from the 'CPU' backend.")
    if x._scale.axis is not None:
        raise RuntimeError(f"quantized::{name}: expected a tensor that is quantized with one scale")
    return x.steps()


def _result(sums: Tensor, packed: PackedWeight, x: Scale, axis: int, rectified: bool, out: Scale, like: Any) -> QuantizedTensor:
    """Sums of products of steps as a quantized tensor: with the bias, and rectified if that is wanted."""
    weights, bias = packed.scale_of_outputs(sums.ndim, axis), packed.bias_of_outputs(sums.ndim, axis)
    (integers,) = composite(_summed_up, (rectified, like.dtype), sums, x.scale, weights, bias, out.scale, out.zero_point)
    return QuantizedTensor.of(integers, out)


def _summed_up(
    how: tuple[bool, Any], sums: Tensor, scale: Tensor, weights: Tensor, bias: Tensor | None, out: Tensor, zero_point: Tensor
) -> tuple[Tensor]:
    rectified, kind = how
    step = scale.float() * weights
    numbers = sums * step if bias is None else (sums + bias / step) * step
    return (rounded_steps(numbers.relu() if rectified else numbers, Scale(out, zero_point), kind).to(INTEGERS[kind]),)


# --- linear maps ------------------------------------------------------------------------------------------------------


@_offered
def linear_prepack(W: Tensor, B: Tensor | None = None) -> PackedWeight:
    """A weight (out, in), quantized as ``qint8``, and its bias."""
    if W.dtype is not qint8:
        raise RuntimeError(f"quantized::linear_prepack: expected a weight of dtype torch.qint8, but got {W.dtype}")
    return PackedWeight(W, B)


@_offered
def linear_prepack_fp16(W: Tensor, B: Tensor | None = None) -> PackedWeight:
    """A weight (out, in) rounded to float16, and its bias."""
    return PackedWeight(W.detach().to(float16), B)


@_offered
def linear_unpack(W_prepack: PackedWeight) -> tuple[Tensor, Tensor | None]:
    """Weight and bias."""
    return W_prepack.unpack()


linear_unpack_fp16 = OPERATIONS["linear_unpack_fp16"] = linear_unpack


def _linear(name: str, rectified: bool) -> None:
    def apply(X: Tensor, W_prepack: PackedWeight, Y_scale_i: float, Y_zero_point_i: int) -> QuantizedTensor:
        steps = _steps_of(X, name)
        assert isinstance(X, QuantizedTensor)
        sums = real.matmul(steps, W_prepack.steps.t())
        return _result(sums, W_prepack, X._scale, sums.ndim - 1, rectified, of_tensor(Y_scale_i, Y_zero_point_i), X)

    apply.__name__ = name
    _offered(apply)


_linear("linear", False)
_linear("linear_relu", True)


def linear_of_numbers(X: Tensor, packed: PackedWeight, reduce_range: bool) -> Tensor:
    """``X`` (…, in; float32) quantized by the scale that fits it, times the weight: (…, out), in float32."""
    if X.dtype is not float32:
        raise RuntimeError(f"expected scalar type Float but found {TYPE_NAMES[X.dtype]}")
    weights = None if packed.halved else packed.scale_of_outputs(1, 0)
    return composite(_of_numbers, reduce_range, X, packed.steps, weights, packed.bias)[0]


def _of_numbers(
    reduce_range: bool, X: Tensor, steps: Tensor, weights: Tensor | None, bias: Tensor | None
) -> tuple[Tensor]:
    if weights is None:  # of float16
        product = real.matmul(X, steps.t())
    else:
        whole, scale = fitted_steps(X, reduce_range)
        product = real.matmul(whole, steps.t()) * (scale.float() * weights)
    return (product if bias is None else product + bias,)


@_offered
def linear_dynamic(X: Tensor, W_prepack: PackedWeight, reduce_range: bool = False) -> Tensor:
    """:func:`linear_of_numbers`."""
    return linear_of_numbers(X, W_prepack, reduce_range)


@_offered
def linear_relu_dynamic(X: Tensor, W_prepack: PackedWeight, reduce_range: bool = False) -> Tensor:
    """:func:`linear_of_numbers`, rectified."""
    return linear_of_numbers(X, W_prepack, reduce_range).relu()


@_offered
def linear_dynamic_fp16(X: Tensor, W_prepack: PackedWeight) -> Tensor:
    """``X`` times a weight that was rounded to float16."""
    return linear_of_numbers(X, W_prepack, False)


@_offered
def linear_relu_dynamic_fp16(X: Tensor, W_prepack: PackedWeight) -> Tensor:
    """``X`` times a weight that was rounded to float16, rectified."""
    return linear_of_numbers(X, W_prepack, False).relu()


# --- convolutions -----------------------------------------------------------------------------------------------------


def _convolutions(dims: int, transposed: bool) -> None:
    stem = f"conv_transpose{dims}d" if transposed else f"conv{dims}d"
    plain: Callable[..., Any] = getattr(functional, stem)

    def prepack(
        weight: Tensor, bias: Tensor | None, stride: Sequence[int], padding: Sequence[int], *rest: Any
    ) -> PackedWeight:
        names = ("output_padding", "dilation", "groups") if transposed else ("dilation", "groups")
        settings = {"stride": tuple(stride), "padding": tuple(padding), **dict(zip(names, rest))}
        return PackedWeight(weight, bias, settings)

    prepack.__name__ = f"{stem}_prepack"
    _offered(prepack)
    OPERATIONS[f"{stem}_unpack"] = linear_unpack

    def sums_of(steps: Tensor, packed: PackedWeight) -> Tensor:
        return plain(steps, packed.steps, None, **packed.settings)

    def apply(qx: Tensor, packed: PackedWeight, *out: Any, rectified: bool = False, **named: Any) -> QuantizedTensor:
        steps = _steps_of(qx, stem)
        assert isinstance(qx, QuantizedTensor)
        scale, zero_point = out[-2:] if out else (named["output_scale"], named["output_zero_point"])
        sums = sums_of(steps, packed)
        return _result(sums, packed, qx._scale, sums.ndim - 1 - dims, rectified, of_tensor(scale, zero_point), qx)

    def dynamic(qx: Tensor, packed: PackedWeight, reduce_range: bool = False) -> Tensor:
        steps, scale = fitted_steps(qx.detach(), reduce_range)
        sums = sums_of(steps, packed)
        axis = sums.ndim - 1 - dims
        product = sums * (scale.float() * packed.scale_of_outputs(sums.ndim, axis))
        bias = packed.bias_of_outputs(sums.ndim, axis)
        return product if bias is None else product + bias

    OPERATIONS[stem] = apply
    OPERATIONS[f"{stem}_dynamic"] = dynamic
    if not transposed:
        OPERATIONS[f"{stem}_relu"] = lambda qx, packed, *out, **named: apply(qx, packed, *out, rectified=True, **named)


for _dims in (1, 2, 3):
    _convolutions(_dims, False)
    _convolutions(_dims, True)

# --- of elements ------------------------------------------------------------------------------------------------------


def _of_two(name: str, plain: Callable[..., Any], rectified: bool) -> None:
    def apply(qa: Any, qb: Any, scale: float | None = None, zero_point: int | None = None) -> QuantizedTensor:
        if scale is None or zero_point is None:  # one of them is a number
            tensor, number = (qa, qb) if isinstance(qa, QuantizedTensor) else (qb, qa)
            return OPERATIONS[f"{name.removesuffix('_relu')}_scalar{'_relu' if rectified else ''}"](tensor, number)
        if qa.dtype is not qb.dtype:
            raise RuntimeError(f"quantized::{name}: operands should have the same data type, but have {qa.dtype} and {qb.dtype}")
        numbers = plain(qa, qb)
        return requantized(numbers.relu() if rectified else numbers, qa, of_tensor(scale, zero_point))

    OPERATIONS[name] = apply


def _product(plain: Callable[..., Any]) -> Callable[..., Any]:
    """A product as one of whole numbers, which are exact."""

    def multiply(qa: QuantizedTensor, qb: QuantizedTensor) -> Tensor:
        scale = qa._scale.scale.float() * qb._scale.scale.float()
        return plain(_steps_of(qa, "mul"), _steps_of(qb, "mul")) * scale

    return multiply


for _name, _plain in (("add", lambda a, b: a.dequantize() + b.dequantize()), ("mul", _product(real.mul))):
    _of_two(_name, _plain, False)
    _of_two(f"{_name}_relu", _plain, True)
_of_two("matmul", _product(real.matmul), False)


def _number(value: Any) -> float:
    return float(value.item()) if isinstance(value, Tensor) else float(value)


def _sum_with(qa: QuantizedTensor, b: Any) -> QuantizedTensor:
    """The same integers about another zero point; or others, where that would be beyond the limits."""
    low, high = LIMITS[qa.dtype]
    scale, zero_point = qa.q_scale(), qa.q_zero_point()
    steps = round(_number(b) / scale)
    moved = zero_point - steps
    if low <= moved <= high:
        return QuantizedTensor.of(qa._integers.clone(), of_tensor(scale, moved))
    reach = (high - moved) if moved < low else (moved - low)
    wider = of_tensor(reach / (high - low) * scale, low if moved < low else high)
    return requantized(qa.dequantize() + steps * scale, qa, wider)


def _product_with(qa: QuantizedTensor, b: Any) -> QuantizedTensor:
    """The same integers with another scale; mirrored, where the number is negative."""
    factor = _number(b)
    low, high = LIMITS[qa.dtype]
    if factor > 0:
        return QuantizedTensor.of(qa._integers.clone(), of_tensor(qa.q_scale() * factor, qa.q_zero_point()))
    if factor == 0:
        return QuantizedTensor.of(real.zeros_like(qa._integers), of_tensor(1.0, 0))
    mirrored = (low + high - qa._integers.int()).to(INTEGERS[qa.dtype])
    return QuantizedTensor.of(mirrored, of_tensor(-factor * qa.q_scale(), low + high - qa.q_zero_point()))


for _name, _function in (("add_scalar", _sum_with), ("mul_scalar", _product_with)):
    OPERATIONS[_name] = _function
    OPERATIONS[f"{_name}_relu"] = lambda qa, b, _function=_function: _function(qa, b).relu()


def _joined(name: str, rectified: bool) -> None:
    def join(qx: Sequence[Any], dim: int, scale: float | None = None, zero_point: int | None = None) -> Any:
        first = qx[0]
        if any([part.dtype is not first.dtype for part in qx]):
            raise RuntimeError(f"quantized::{name}: all tensors must have the same dtype")
        out = first._scale if scale is None else of_tensor(scale, 0 if zero_point is None else zero_point)
        numbers = real.cat([part.dequantize() for part in qx], dim)
        return requantized(numbers.relu() if rectified else numbers, first, out)

    OPERATIONS[name] = join


_joined("cat", False)
_joined("cat_relu", True)


def _of_one(name: str, plain: Callable[..., Any], given: int, rectified: bool = False) -> None:
    """An operation whose last arguments are the scale and the zero point of what it gives (behind ``given`` others)."""

    def apply(x: Any, *arguments: Any, **named: Any) -> QuantizedTensor:
        arguments, (scale, zero_point), rest = arguments[:given], arguments[given : given + 2], arguments[given + 2 :]
        numbers = plain(x.dequantize(), *arguments, *rest, **named)
        return requantized(numbers.relu() if rectified else numbers, x, of_tensor(scale, zero_point))

    OPERATIONS[name] = apply


def _batch_normalised(x: Tensor, weight: Any, bias: Any, mean: Tensor, var: Tensor, eps: float) -> Tensor:
    return real.batch_norm(x, weight, bias, mean, var, False, 0.0, eps, False)


for _name in ("batch_norm", "batch_norm1d", "batch_norm2d", "batch_norm3d"):
    _of_one(_name, _batch_normalised, 5)
    _of_one(f"{_name}_relu", _batch_normalised, 5, True)
_of_one("layer_norm", lambda x, shape, weight, bias, eps: real.layer_norm(x, tuple(shape), weight, bias, eps), 4)
_of_one("group_norm", lambda x, groups, weight, bias, eps: real.group_norm(x, groups, weight, bias, eps), 4)
_of_one("instance_norm", lambda x, weight, bias, eps: real.instance_norm(x, weight, bias, None, None, True, 0.0, eps, False), 3)
_of_one("hardswish", lambda x: functional.hardswish(x), 0)
_of_one("sigmoid", real.sigmoid, 0)
_of_one("softmax", lambda x, dim: real.softmax(x, dim), 1)
_of_one("leaky_relu", lambda x, slope, inplace: functional.leaky_relu(x, slope), 2)
_of_one("prelu", lambda x, weight: real.prelu(x, weight), 1)
_of_one("celu", lambda x, alpha=1.0: functional.celu(x, alpha), 0)
_of_one("elu", lambda x, alpha=1.0, scale=1.0, input_scale=1.0: _elu(x, alpha, scale, input_scale), 0)
OPERATIONS["relu6"] = lambda qx, inplace=False: quantized_call("relu6", functional.relu6, (qx,), {"inplace": inplace})


def _elu(x: Tensor, alpha: float, scale: float, input_scale: float) -> Tensor:
    return real.where(x > 0, x * scale, alpha * scale * (x * input_scale).expm1())


# --- rows of a table --------------------------------------------------------------------------------------------------


@_offered
def embedding_bag_prepack(weight: Tensor) -> PackedWeight:
    """A table (rows, numbers) with a scale of its own for each row."""
    return PackedWeight(weight, None)


@_offered
def embedding_bag_unpack(W_prepack: PackedWeight) -> Tensor:
    """The table."""
    return W_prepack.weight


@_offered
def embedding_byte(weight: PackedWeight, indices: Tensor, pruned_weights: bool = False) -> Tensor:
    """The rows of these indices, in float32."""
    return real.embedding(weight.weight.dequantize(), indices)
