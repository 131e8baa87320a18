"""Python's functions on numbers that may be symbols, as the sizes of nested tensors are."""

from __future__ import annotations

import math
from typing import Any

from .nested.sizes import SymInt


def sym_int(a: Any) -> Any:
    """``a`` as an integer, cut towards zero; a symbol stays one."""
    return a if isinstance(a, SymInt) else int(a)


def sym_float(a: Any) -> float:
    """``a`` as a floating-point number."""
    return float(a)


def sym_not(a: Any) -> bool:
    """What is true if ``a`` is not."""
    return not a


def sym_max(a: Any, b: Any) -> Any:
    """The larger of two numbers, a floating-point number if one of them is."""
    return _of_both(max(a, b), a, b)


def sym_min(a: Any, b: Any) -> Any:
    """The smaller of two numbers, a floating-point number if one of them is."""
    return _of_both(min(a, b), a, b)


def _of_both(chosen: Any, a: Any, b: Any) -> Any:
    return float(chosen) if isinstance(a, float) or isinstance(b, float) else chosen


def sym_ite(b: Any, t: Any, f: Any) -> Any:
    """``t`` if ``b``, else ``f``: both of one type."""
    assert type(t) is type(f), f"{type(t)} and {type(f)} are not one type"
    return t if b else f


def sym_sum(args: Any) -> Any:
    """The sum of numbers."""
    return sum(args)


def sym_sqrt(a: Any) -> float:
    """The square root of a number."""
    return math.sqrt(a)
