"""Tensors as text, character by character as PyTorch writes them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph.dtypes import bool_, get_default_dtype, int64
from .dispatching import silence


@dataclass
class PrintOptions:
    """How tensors are printed; see :func:`set_printoptions`."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PRINT_OPTS = PrintOptions()

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set digits after the point, elements from which on a tensor is summarised, how many are shown at each end then,
    characters a line, and whether numbers are written with exponents (None: where they need it).

    ``profile`` ("default", "short" or "full") sets all but the last; what is given beside it wins.
    """
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    chosen: dict[str, Any] = dict(_PROFILES.get(profile or "", {}))
    chosen.update({name: value for name, value in given.items() if value is not None})
    for name, value in chosen.items():
        setattr(PRINT_OPTS, name, value)
    PRINT_OPTS.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options, as :func:`set_printoptions` takes them."""
    return asdict(PRINT_OPTS)


class _Formatter:
    """How the elements of one tensor are written: all in one width, with or without fraction or exponent."""

    def __init__(self, values: np.ndarray, floating: bool) -> None:
        self.floating = floating
        self.int_mode = True
        self.sci_mode = False
        self.width = 1
        if not floating:
            self.width = max((len(str(v)) for v in _extremes(values)), default=1)
            return
        numbers = values[np.isfinite(values) & (values != 0)]
        if not numbers.size:
            return
        sizes = np.abs(numbers)
        smallest, largest = float(sizes.min()), float(sizes.max())
        self.int_mode = bool((numbers == np.ceil(numbers)).all())
        if PRINT_OPTS.sci_mode is None:
            self.sci_mode = largest / smallest > 1000.0 or largest > 1.0e8 or smallest < 1.0e-4
        else:
            self.sci_mode = PRINT_OPTS.sci_mode
        self.width = max(len(self._number(v)) for v in numbers.tolist())

    def _number(self, value: float) -> str:
        if self.sci_mode:
            return f"{value:.{PRINT_OPTS.precision}e}"
        if self.int_mode:
            # The point shows that the tensor is not one of integers.
            return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"
        return f"{value:.{PRINT_OPTS.precision}f}"

    def __call__(self, value: Any) -> str:
        return (self._number(value) if self.floating else str(value)).rjust(self.width)


class _ComplexFormatter:
    """Complex numbers: real and imaginary parts, each in a width of its own."""

    def __init__(self, values: np.ndarray) -> None:
        self.real, self.imaginary = _Formatter(values.real, True), _Formatter(values.imag, True)
        self.width = self.real.width + self.imaginary.width + 1

    def __call__(self, value: complex) -> str:
        imaginary = (self.imaginary(value.imag) + "j").lstrip()
        return self.real(value.real) + ("" if imaginary[0] in "+-" else "+") + imaginary


def _extremes(values: np.ndarray) -> list[Any]:
    """The values among which an integer or boolean tensor's longest text is."""
    return [values.min().item(), values.max().item()] if values.size else []


def _edges(values: np.ndarray) -> np.ndarray:
    """The elements that a summary shows."""
    count = PRINT_OPTS.edgeitems
    for axis, extent in enumerate(values.shape):
        if not count and axis < values.ndim - 1:
            return values[:0]
        if extent > 2 * count:
            kept = [*range(count), *range(extent - count, extent)]
            values = np.take(values, kept, axis)
    return values


def _vector(values: np.ndarray, indent: int, summarise: bool, form: _Formatter | _ComplexFormatter) -> str:
    per_line = max(1, (PRINT_OPTS.linewidth - indent) // (form.width + 2))
    count = PRINT_OPTS.edgeitems
    if summarise and not count:
        words = ["..."]
    elif summarise and len(values) > 2 * count:
        words = [*map(form, values[:count].tolist()), " ...", *map(form, values[-count:].tolist())]
    else:
        words = [form(v) for v in values.tolist()]
    lines = [", ".join(words[k : k + per_line]) for k in range(0, len(words), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _nested(values: np.ndarray, indent: int, summarise: bool, form: _Formatter | _ComplexFormatter) -> str:
    """Brackets within brackets; slices of ``n`` axes are ``n`` lines apart."""
    if values.ndim == 0:
        return form(values.item())
    if values.ndim == 1:
        return _vector(values, indent, summarise, form)
    count = PRINT_OPTS.edgeitems
    extent = len(values)
    if summarise and extent > 2 * count:
        first = [_nested(values[k], indent + 1, summarise, form) for k in range(count)]
        last = [_nested(values[k], indent + 1, summarise, form) for k in range(extent - count, extent)]
        slices = [*first, "...", *last]
    else:
        slices = [_nested(part, indent + 1, summarise, form) for part in values]
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(slices) + "]"


def content(tensor: Tensor, indent: int) -> str:
    """The elements of a tensor; lines after the first are indented."""
    if tensor.dtype.kind == "complex":
        values = tensor._values()
        summarise = values.size > PRINT_OPTS.threshold
        return _nested(values, indent, summarise, _ComplexFormatter((_edges(values) if summarise else values).reshape(-1)))
    plain: Any = tensor.detach()
    plain, _ = (plain.float() if plain.dtype.numpy is None else plain)._as_now()  # whatever other threads write meanwhile
    values = plain._array()
    summarise = values.size > PRINT_OPTS.threshold
    shown = _edges(values) if summarise else values
    floating = tensor.dtype.kind == "float"
    form = _Formatter((shown.astype(np.float64) if floating else shown).reshape(-1), floating)
    return _nested(values, indent, summarise, form)


def _suffixes(tensor: Tensor) -> list[str]:
    """What is said of a tensor behind its elements."""
    found = []
    d = tensor.dtype
    if tensor.is_meta:
        found += ["device='meta'", f"size={tuple(tensor.shape)}"]
        if d is not get_default_dtype():
            found.append(f"dtype={d}")
    elif tensor.numel() == 0:
        if tensor.ndim != 1:
            found.append(f"size={tuple(tensor.shape)}")
        if d is not get_default_dtype():
            found.append(f"dtype={d}")
    else:
        if not PRINT_OPTS.edgeitems:
            found.append(f"size={tuple(tensor.shape)}")
        if d.to_real() is not get_default_dtype() and d not in (int64, bool_):
            found.append(f"dtype={d}")
    return found + history_suffix(tensor)


def history_suffix(tensor: Tensor) -> list[str]:
    """What is said of a tensor's history, if it has one."""
    history = tensor.grad_fn
    if history is not None:
        return [f"grad_fn=<{type(history).__name__}>"]
    return ["requires_grad=True"] if tensor.requires_grad else []


def with_suffixes(text: str, suffixes: list[str], indent: int, new_line: bool = False) -> str:
    """``text`` with what is said behind it and a closing bracket, in lines of the width that is set.

    What is said first begins on a line of its own if ``new_line``.
    """
    length = len(text) - text.rfind("\n") + 1
    for number, suffix in enumerate(suffixes):
        if new_line and not number or length + len(suffix) + 2 > PRINT_OPTS.linewidth:
            text += ",\n" + " " * indent + suffix
            length = indent + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"


def tensor_text(tensor: Tensor, contents: str | None = None) -> str:
    """A tensor as ``repr`` and ``print`` show it; ``contents`` takes the place of the elements."""
    kind = type(tensor)
    plain = kind is Tensor or kind.__name__ in ("Parameter", "ComplexTensor")
    prefix = "tensor(" if plain else kind.__name__ + "("
    indent = len(prefix)
    if contents is None:
        with silence():  # looking is no operation of the program's
            contents = "..." if tensor.is_meta else content(tensor, indent) if tensor.numel() else "[]"
    return with_suffixes(prefix + contents, _suffixes(tensor), indent)
