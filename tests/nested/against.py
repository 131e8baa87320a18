"""The same expression in PyTorch and here, on the same nested tensors, and whether both gave the same."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import flambeau

SIZES = {
    "jagged": [(2, 4), (3, 4), (1, 4)], "strided": [(2, 4), (3, 4), (1, 4)], "uneven": [(2, 3), (1, 4), (3, 1)],
    "deep": [(2, 2, 4), (3, 2, 4), (1, 2, 4)], "empty": [(2, 4), (0, 4), (3, 4)], "one": [(5, 4)], "flat": [(2,), (3,)],
    "second": [(2, 1), (2, 3), (2, 2)],
}  # fmt: skip
"""Sizes of samples, by a name that begins with the layout's, or is of both."""


def listed(text: str) -> list[str]:
    """Expressions that stand in lines, with semicolons between them."""
    return [part.strip() for part in text.replace("\n", ";").split(";") if part.strip()]


def arrays(kind: str, dtype: str = "float32") -> list[np.ndarray]:
    numbers = np.random.default_rng(len(kind))
    return [(numbers.standard_normal(size) * 2).astype(dtype) for size in SIZES[kind]]


def made(library: Any, kind: str, layout: str, dtype: str = "float32", grad: bool = False) -> Any:
    parts = [library.from_numpy(array) for array in arrays(kind, dtype)]
    return library.nested.nested_tensor(parts, layout=getattr(library, layout), requires_grad=grad)


def names(library: Any) -> dict[str, Any]:
    """What expressions may name besides their tensors."""

    def of(*size: int, dtype: str = "float32") -> Any:
        return library.from_numpy(np.random.default_rng(sum(size) + 3).standard_normal(size).astype(dtype))

    return {"f": library, "F": library.nn.functional, "of": of, "nn": library.nn}


def result(library: Any, expression: str, **given: Any) -> Any:
    """What an expression gives, or the type of what it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return eval(expression, {**names(library), **given})
        except Exception as error:
            return error


def described(value: Any) -> Any:
    """A result as plain values, arrays and words."""
    if isinstance(value, (torch.Tensor, flambeau.Tensor)):
        if value.is_nested:
            said = [
                str(value.layout),
                str(value.dtype),
                value.dim(),
                value.size(0),
                value.numel(),
                value.is_contiguous(),
            ]
            if "jagged" in said[0]:
                places = [size if isinstance(size, int) else "ragged" for size in value.shape]
                strides = [stride if isinstance(stride, int) else "ragged" for stride in value.stride()]
                said += [places, strides, tuple(value._values.shape), value.offsets().tolist()]
            return [*said, value.requires_grad, [described(part.detach()) for part in value.unbind()]]
        number = value.detach().double() if value.dtype in (torch.bfloat16, flambeau.bfloat16) else value.detach()
        return [str(value.dtype), tuple(value.shape), np.array(number.numpy())]
    if isinstance(value, (tuple, list)):
        return [described(part) for part in value]
    if isinstance(value, Exception):
        return type(value)
    if type(value).__name__ == "SymInt":
        return "ragged"
    return value if isinstance(value, (int, float, str, bool, type(None))) else str(value)


def same(ours: Any, theirs: Any, tolerance: float = 2e-5) -> bool:
    if isinstance(theirs, np.ndarray):
        return isinstance(ours, np.ndarray) and np.allclose(ours, theirs, tolerance, tolerance, equal_nan=True)
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, float):
        return bool(np.isclose(ours, theirs, tolerance, tolerance, equal_nan=True))
    return bool(ours == theirs)


def differences(expressions: list[str], given: Callable[[Any], dict[str, Any]]) -> list[str]:
    """The expressions that do not give the same, with what they give. What PyTorch has not may be offered here."""
    found = []
    for expression in expressions:
        both = [result(library, expression, **given(library)) for library in (flambeau, torch)]
        ours, theirs = [described(value) for value in both]
        if theirs is NotImplementedError and (ours is theirs or not isinstance(both[0], Exception)):
            continue
        if not same(ours, theirs):
            found.append(f"{expression}:\n    ours   {both[0]!r} {ours}\n    theirs {both[1]!r} {theirs}")
    return found
