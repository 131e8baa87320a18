"""What native code takes on trust: sizes that are not negative, counts and places that 64 bits hold, numbers that fit.

These checks stand where a value, a view or a number comes to be known, before any of it is an argument of a kernel. They
raise what PyTorch raises.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .dtypes import C_NAMES, STORED, DType

LARGEST = 2**63 - 1
"""The largest count, stride, place and number of bytes."""

SMALLEST = -(2**63)


def check_count(sizes: Sequence[int]) -> None:
    """``RuntimeError`` for sizes that are negative, or that no 64-bit number counts the elements of; ``TypeError`` for floats.

    An extent of zero counts as one: strides are products of the others.
    """
    count = 1
    for extent in sizes:
        if not hasattr(extent, "__index__"):
            raise TypeError(f"sizes must be integers, but got {list(sizes)}")
        if extent > 1:
            count *= extent
        elif extent < 0:
            raise RuntimeError(f"numel: integer multiplication overflow (sizes {list(sizes)})")
    if count > LARGEST:
        raise RuntimeError(f"numel: integer multiplication overflow (sizes {list(sizes)})")


def check_view(sizes: Sequence[int], strides: Sequence[int]) -> None:
    """``RuntimeError`` for sizes and strides that are not those of a view."""
    if len(sizes) != len(strides):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {len(strides)} strides and {len(sizes)} dimensions"
        )
    check_count(sizes)
    reach = 0
    for extent, stride in zip(sizes, strides):
        if not SMALLEST < stride <= LARGEST:
            raise RuntimeError(f"strides must be less than 2**63, got strides: {list(strides)}")
        reach += max(extent - 1, 0) * abs(stride)
    if reach > LARGEST and 0 not in sizes:
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(sizes)} and strides={list(strides)}"
        )


def check_strides(strides: Sequence[int]) -> None:
    """``RuntimeError`` for negative strides: tensors have none, only the compiler walks backwards."""
    if any(stride < 0 for stride in strides):
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: {list(strides)}"
        )


def check_value(sizes: Sequence[int], dtype: DType) -> None:
    """``RuntimeError`` for a value of negative sizes, or of more bytes than a 64-bit number counts."""
    count = dtype.itemsize
    for extent in sizes:
        if extent > 1:
            count *= extent
        elif extent < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {extent}: {list(sizes)}")
    if count > LARGEST:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(sizes)}")


def outside_storage(sizes: Sequence[int], strides: Sequence[int], offset: int, capacity: int, itemsize: int) -> RuntimeError:
    """The error of a view that reaches outside a storage of ``capacity`` elements."""
    needed = offset + 1 + sum((n - 1) * s for n, s in zip(sizes, strides))
    return RuntimeError(
        f"setStorage: sizes {list(sizes)}, strides {list(strides)}, storage offset {offset}, and itemsize {itemsize} "
        f"requiring a storage size of {needed * itemsize} are out of bounds for storage of size {capacity * itemsize}"
    )


_C_NAMES = {
    "float64": "double", "float32": "float", "float16": "c10::Half", "bfloat16": "c10::BFloat16", "int64": "int64_t",
    "int32": "int", "int16": "int16_t", "int8": "int8_t", "uint8": "uint8_t", "bool": "bool",
    **{d.name: C_NAMES[d] for d in STORED},
}  # fmt: skip

_LARGEST_FLOAT = {
    "float64": math.inf, "float32": float.fromhex("0x1.fffffep127"), "float16": 65504.0,
    "bfloat16": float.fromhex("0x1.fep127"), "float8_e4m3fn": 448.0, "float8_e4m3fnuz": 240.0, "float8_e5m2": 57344.0,
    "float8_e5m2fnuz": 57344.0, "float8_e8m0fnu": 2.0**127,
}  # fmt: skip


def check_fits(value: float, dtype: DType) -> None:
    """``RuntimeError`` if a Python number is no element of ``dtype``, as where PyTorch converts with a check.

    Infinities fit floating-point types, all numbers fit bool, and negative integers wrap round in unsigned types.
    """
    if dtype.kind == "bool" or dtype.kind == "complex" or isinstance(value, complex):
        return
    if dtype.kind == "float":
        largest = _LARGEST_FLOAT.get(dtype.name, math.inf)  # of a dtype that no tensor has nothing is asked here
        fits = not math.isfinite(value) or abs(value) <= largest
    else:
        bits = 8 * dtype.itemsize
        high = 2 ** (bits - 1) if dtype.signed else 2**bits
        low = -high if dtype.signed else 1 - high if isinstance(value, int) else 0
        fits = math.isfinite(value) and low <= value < high
    if not fits:
        raise RuntimeError(f"value cannot be converted to type {_C_NAMES[dtype.name]} without overflow")


_HALFWAY = {"float16": 65520.0, "bfloat16": (2 - 2**-8) * 2.0**127}
"""From here on numbers are rounded to infinity."""


def within_half(value: float, dtype: DType) -> float:
    """A number that is rounded to a half type without a check, moved to that type's largest or to infinity beyond it."""
    size = abs(value)
    if not size > _LARGEST_FLOAT[dtype.name]:
        return value
    return math.copysign(math.inf if size >= _HALFWAY[dtype.name] else _LARGEST_FLOAT[dtype.name], value)


def whole_number(value: int, dtype: DType | None = None) -> int | float:
    """A Python integer beyond 64 bits as an operand beside a tensor of ``dtype``.

    Like PyTorch, numbers that 64 bits hold without a sign are taken: as floating-point numbers, or wrapped round to
    integers. ``OverflowError`` for others.
    """
    if not SMALLEST <= value < 2**64:
        raise OverflowError(f"int too big to convert: {value} takes more than 64 bits")
    if value <= LARGEST:
        return value
    return float(value) if dtype is not None and dtype.category >= 2 else value - 2**64
