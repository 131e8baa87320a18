"""Limits of the element types: ``finfo`` and ``iinfo`` with PyTorch's attributes."""

from __future__ import annotations

from typing import Any

from . import dtypes
from .dtypes import dtype

_FRACTION_BITS = {"float64": 52, "float32": 23, "float16": 10, "bfloat16": 7}
_SMALLEST_EXPONENT = {"float64": -1022, "float32": -126, "float16": -14, "bfloat16": -126}
_OF_EIGHT_BITS = {
    "float8_e4m3fn": (3, 448.0, -6), "float8_e4m3fnuz": (3, 240.0, -7), "float8_e5m2": (2, 57344.0, -14),
    "float8_e5m2fnuz": (3, 57344.0, -15), "float8_e8m0fnu": (0, 2.0**127, -127),
}  # fmt: skip
"""Fraction bits that ``eps`` tells of, largest number, and smallest exponent (Micikevicius and others 2022; Noune and others
2022)."""

_DIGITS = {"float64": 15, "float32": 6, "float16": 3, "bfloat16": 2}


def _taken(kind: type, d: Any) -> dtype:
    if not isinstance(d, dtype):
        raise TypeError(f"{kind.__name__}(): argument 'type' (position 1) must be torch.dtype, not {type(d).__name__}")
    return d


class finfo:
    """Limits of a floating-point dtype (the default one unless given); ``TypeError`` for others.

    ``eps`` is the step from 1 to the next number, ``tiny`` the smallest normal number, ``resolution`` 10 to the power
    of minus the decimal digits that every number keeps.
    """

    __slots__ = ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution", "dtype")

    def __init__(self, type: Any = None) -> None:
        d = (dtypes.get_default_dtype() if type is None else _taken(finfo, type)).to_real()
        if d.kind != "float":
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        if d.name in _OF_EIGHT_BITS:
            fraction, self.max, smallest = _OF_EIGHT_BITS[d.name]
        elif d.name in _FRACTION_BITS:
            fraction, smallest = _FRACTION_BITS[d.name], _SMALLEST_EXPONENT[d.name]
            self.max = (2.0 - 2.0**-fraction) * 2.0 ** (1 - smallest)
        else:
            raise NotImplementedError(f'"finfo" not implemented for {d}')
        self.bits = d.itemsize * 8
        self.eps = 2.0**-fraction
        self.tiny = self.smallest_normal = 2.0**smallest
        self.min = -self.max if d.signed else self.tiny
        self.resolution = float(f"1e-{_DIGITS.get(d.name, 0):02d}")
        self.dtype = d.name

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and other.dtype == self.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


class iinfo:
    """Limits of an integer dtype; ``TypeError`` for others."""

    __slots__ = ("bits", "max", "min", "dtype")

    def __init__(self, type: Any) -> None:
        d = _taken(iinfo, type)
        if d.kind == "float" or d.kind == "complex":
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'")
        if d.kind == "bool":
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if d.name.startswith("bits") or d.name.lstrip("uint") in "1234567":
            raise TypeError(f"torch.iinfo() requires an integer input type of whole bytes, not {d}")
        self.bits = d.itemsize * 8
        self.min = -(1 << self.bits - 1) if d.signed else 0
        self.max = (1 << self.bits - 1) - 1 if d.signed else (1 << self.bits) - 1
        self.dtype = d.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and other.dtype == self.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


def lowest_and_highest(d: dtype) -> tuple[Any, Any]:
    """The numbers below and above which a dtype has none: infinities for floating-point ones."""
    if d.kind == "float":
        return float("-inf"), float("inf")
    if d.kind == "bool":
        return False, True
    limits = iinfo(d)
    return limits.min, limits.max
