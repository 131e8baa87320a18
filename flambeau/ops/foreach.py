"""Operations on lists of tensors, tensor by tensor: ``torch._foreach_add`` and its kin, which optimisers call.

Each is derived from the operation of its name. What else is given is one thing for all tensors, or a list with one for each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from .operation import NAMESPACE

_UNARY = """abs acos asin atan ceil cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 neg reciprocal round rsqrt
sigmoid sign sin sinh sqrt tan tanh trunc"""
_WITH_OTHERS = "add addcdiv addcmul clamp_max clamp_min div lerp maximum minimum mul pow sub"
_OUT_OF_PLACE = "clone max mm norm"
_IN_PLACE = "copy zero"

NAMES = [
    *(f"_foreach_{name}{end}" for name in f"{_UNARY} {_WITH_OTHERS}".split() for end in ("", "_")),
    *(f"_foreach_{name}" for name in _OUT_OF_PLACE.split()), *(f"_foreach_{name}_" for name in _IN_PLACE.split()),
]  # fmt: skip

LIMITS = {"clamp_max": "max", "clamp_min": "min", "maximum": "min", "minimum": "max"}
"""Which limit of ``clamp`` these are."""


def _lists(first: Any, others: tuple[Any, ...]) -> int:
    """How many tensors there are; ``RuntimeError`` if lists are not equally long."""
    lengths = [len(value) for value in (first, *others) if isinstance(value, (list, tuple))]
    for length in lengths[1:]:
        if length != lengths[0]:
            raise RuntimeError(f"Tensor lists must have the same number of tensors, got {lengths[0]} and {length}")
    return lengths[0]


def _one(value: Any, place: int) -> Any:
    """What belongs to the tensor at ``place``."""
    return value[place] if isinstance(value, (list, tuple)) else value


def _numbers(name: str, value: Any) -> Any:
    """``addcdiv`` and ``addcmul`` take a tensor with one number for each tensor as well."""
    return value.tolist() if name in ("addcdiv", "addcmul") and isinstance(value, Tensor) and value.ndim == 1 else value


def _apply(name: str, tensor: Any, others: list[Any], options: dict[str, Any]) -> Any:
    """The operation on one tensor."""
    plain = name.rstrip("_")
    if plain in ("addcdiv", "addcmul") and len(others) == 3:
        options = {**options, "value": others.pop()}
    if plain in LIMITS:  # there is no `maximum_`
        clamp = tensor.clamp if name == plain else tensor.clamp_
        return clamp(**{LIMITS[plain]: others[0]})
    if isinstance(tensor, Tensor):
        return getattr(tensor, name)(*others, **options)
    return NAMESPACE[name](tensor, *others, **options)


def _foreach(name: str) -> Callable[..., Any]:
    def operation(self: Any, *others: Any, **options: Any) -> Any:
        plain = name.rstrip("_")
        given = tuple(_numbers(plain, value) for value in others)
        keywords = {key: _numbers(plain, value) for key, value in options.items()}
        count = _lists(self, given)
        results = []
        for place in range(count):
            one = {key: _one(value, place) for key, value in keywords.items()}
            results.append(_apply(name, _one(self, place), [_one(value, place) for value in given], one))
        return self if name.endswith("_") else tuple(results)

    operation.__name__ = operation.__qualname__ = f"_foreach_{name}"
    operation.__doc__ = f"``{name}`` of each tensor of a list."
    return operation


globals().update({full: _foreach(full.removeprefix("_foreach_")) for full in NAMES})
