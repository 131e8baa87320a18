"""Ranges of integers, and the scales and zero points by which they stand for ranges of numbers."""

from __future__ import annotations

import warnings
from typing import Any

import flambeau
from flambeau import Tensor

__all__ = [
    "activation_dtype", "calculate_qmin_qmax", "check_min_max_valid", "determine_qparams", "getattr_from_fqn",
    "get_combined_dict", "has_no_children_ignoring_parametrizations", "is_per_channel", "is_per_tensor", "to_underlying_dtype",
    "validate_qmin_qmax", "weight_dtype",
]  # fmt: skip

_LIMITS = {
    flambeau.qint8: (-128, 127), flambeau.int8: (-128, 127), flambeau.quint8: (0, 255), flambeau.uint8: (0, 255),
    flambeau.qint32: (-(2**31), 2**31 - 1), flambeau.int32: (-(2**31), 2**31 - 1),
}  # fmt: skip
_HALVED = {
    flambeau.qint8: (-64, 63), flambeau.int8: (-64, 63), flambeau.quint8: (0, 127), flambeau.uint8: (0, 127),
}  # fmt: skip
_UNDERLYING = {flambeau.qint8: flambeau.int8, flambeau.quint8: flambeau.uint8, flambeau.qint32: flambeau.int32}


def is_per_tensor(qscheme: Any) -> bool:
    """Whether all elements have one scale."""
    return qscheme in (flambeau.per_tensor_affine, flambeau.per_tensor_symmetric)


def is_per_channel(qscheme: Any) -> bool:
    """Whether each index of an axis has a scale."""
    schemes = (flambeau.per_channel_affine, flambeau.per_channel_affine_float_qparams, flambeau.per_channel_symmetric)
    return qscheme in schemes


def to_underlying_dtype(qdtype: Any) -> Any:
    """The dtype of the integers. ``AssertionError`` for other dtypes."""
    assert qdtype in _UNDERLYING or qdtype in _UNDERLYING.values(), f"Unsupported dtype: {qdtype}"
    return _UNDERLYING.get(qdtype, qdtype)


def get_combined_dict(default_dict: dict[Any, Any], additional_dict: dict[Any, Any]) -> dict[Any, Any]:
    """Both dictionaries in one; the second has its way."""
    return {**default_dict, **additional_dict}


def getattr_from_fqn(obj: Any, fqn: str) -> Any:
    """The attribute of a dotted name."""
    for part in fqn.split("."):
        obj = getattr(obj, part)
    return obj


def activation_dtype(qconfig: Any) -> Any:
    """The dtype that a configuration has for what layers give."""
    return qconfig.activation().dtype


def weight_dtype(qconfig: Any) -> Any:
    """The dtype that a configuration has for weights."""
    return qconfig.weight().dtype


def has_no_children_ignoring_parametrizations(module: Any) -> bool:
    """Whether a module has none within it but what computes its parameters."""
    children = list(module._modules)
    return not children or children == ["parametrizations"]


def check_min_max_valid(min_val: Tensor, max_val: Tensor) -> bool:
    """Whether extremes were observed: a warning if not, ``AssertionError`` if the smallest is greater than the largest."""
    if not min_val.numel() or not max_val.numel():
        warnings.warn("must run observer before calling calculate_qparams. Returning default values.")
        return False
    if not min_val.dim() or not max_val.dim():
        if min_val == float("inf") and max_val == float("-inf"):
            warnings.warn("must run observer before calling calculate_qparams. Returning default values.")
            return False
        assert min_val <= max_val, f"min {min_val} should be less than max {max_val}"
        return True
    assert bool((min_val <= max_val).all()), f"min {min_val} should be less than max {max_val}"
    return True


def validate_qmin_qmax(quant_min: int, quant_max: int) -> None:
    """``AssertionError`` unless zero is within the range."""
    assert quant_min <= 0 <= quant_max, "Used-specified quantization range must include 0."
    assert quant_min < quant_max, "qmin must be strictly less than qmax for user-specified quantization range."


def calculate_qmin_qmax(
    quant_min: int, quant_max: int, has_customized_qrange: bool, dtype: Any, reduce_range: bool
) -> tuple[int, int]:
    """The range of integers: as given, or the dtype's; half of it with ``reduce_range``."""
    if not has_customized_qrange:
        limits = _HALVED if reduce_range and dtype in _HALVED else _LIMITS
        return limits.get(dtype, (0, 15))
    length = quant_max - quant_min + 1
    most = 2**32 - 1 if dtype in (flambeau.qint32, flambeau.int32) else 256
    assert 0 < length <= most, f"quantization range should be positive and not exceed the maximum bit range (={most})."
    return (quant_min // 2, quant_max // 2) if reduce_range else (quant_min, quant_max)


def determine_qparams(
    min_val: Tensor, max_val: Tensor, quant_min: int, quant_max: int, dtype: Any, eps: Tensor, has_customized_qrange: bool,
    qscheme: Any = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Scales and zero points by which the integers from ``quant_min`` to ``quant_max`` stand for ranges that have zero in them.

    No scale is smaller than ``eps``. Before anything was observed they are one and zero.
    """
    qscheme = flambeau.per_tensor_affine if qscheme is None else qscheme
    if not check_min_max_valid(min_val, max_val):
        return flambeau.tensor([1.0]), flambeau.tensor([0])
    low, high = min_val.clamp(max=0), max_val.clamp(min=0)
    steps = float(quant_max - quant_min)
    zero_point: Tensor = flambeau.zeros(low.shape, dtype=flambeau.int64)
    if qscheme in (flambeau.per_tensor_symmetric, flambeau.per_channel_symmetric):
        scale = flambeau.maximum(flambeau.maximum(-low, high) / (steps / 2), eps.reshape(()))
        if dtype in (flambeau.uint8, flambeau.quint8):
            zero_point = zero_point + ((quant_min + quant_max) // 2 if has_customized_qrange else 128)
    elif qscheme is flambeau.per_channel_affine_float_qparams:
        scale = (max_val - min_val) / steps
        scale = flambeau.where(scale > eps, scale, flambeau.ones_like(scale))
        zero_point = -1 * min_val / scale
    else:
        scale = flambeau.maximum((high - low) / steps, eps.reshape(()))
        zero_point = (quant_min - flambeau.round(low / scale).int()).clamp(quant_min, quant_max)
    return scale.reshape(-1) if not scale.dim() else scale, zero_point.reshape(-1) if not zero_point.dim() else zero_point
