"""New tensors whose elements follow from their place: ranges, identities and windows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.bounds import LARGEST, check_fits, check_value
from ..graph.dtypes import dtype as dtype_type
from ..graph.dtypes import get_default_dtype
from ..graph.notices import warn
from ..graph.shapes import Size
from ..graph.trace import record
from .conversion import SINGLE
from .creation import filled, finished, number_of
from .from_data import from_array
from .operation import Scalar, operation
from .recording_paths import binary, ternary, unary


@operation(method=False, out="resized")
def eye(n: int, m: int | None = None, *, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Ones on the diagonal of an n × m matrix, zeros elsewhere."""
    columns = n if m is None else m
    if n < 0 or columns < 0:
        name, size = ("n", n) if n < 0 else ("m", columns)
        raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    d = dtype or get_default_dtype()
    check_value((n, columns), d)
    made = (arange(n).unsqueeze(1) == arange(columns)).to(d)
    return finished(made, requires_grad, device)


@operation(method=False, out="resized")
def arange(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, layout: Any = None,
           device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """start, start + step, … below ``end`` (from 0 when only one number is given)."""
    if end is None:
        start, end = 0, start
    if type(start) is type(end) is type(step) is int and 0 <= start <= end <= LARGEST and 0 < step <= LARGEST and dtype is None:
        return finished(_counted(-((start - end) // step), dtypes.int64, start, step), requires_grad, device)
    start, end, step = number_of(start), number_of(end), number_of(step)
    for number in (start, end, step):
        if dtype is None and type(number) is int:
            check_fits(number, dtypes.int64)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not math.isfinite(start) or not math.isfinite(end):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is None:
        whole = all(isinstance(v, int) for v in (start, end, step))
        dtype = dtypes.int64 if whole else get_default_dtype()
    _check_counts("arange", dtype)
    if dtype is dtypes.int64:
        start, end, step = int(start), int(end), int(step)
        if step == 0:
            raise ValueError("step must be nonzero")
        count = -((start - end) // step)
    elif dtype.category < 2:  # narrower integers are counted before start and step are cut to integers, as PyTorch does
        count = math.ceil((end - start) / step)
        start, step = int(start), int(step)
    else:
        count = math.ceil((end - start) / step)
        start, step = float(start), float(step)
    return finished(_counted(max(count, 0), dtype, start, step), requires_grad, device)


def _counted(count: int, d: dtype_type, start: float, step: float) -> Tensor:
    """So many numbers from ``start`` on, ``step`` apart."""
    return Tensor._from_node(record(p.IOTA, (Size((count,)), d), (start, None), (step, None)))


def _check_counts(name: str, d: dtype_type) -> None:
    """``NotImplementedError`` for booleans, with which nothing can be counted."""
    if d.kind == "bool":
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool'")


@operation(method=False, out="resized")
def range(start: Any, end: Any, step: Any = 1, *, dtype: Any = None, device: Any = None,
          requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Deprecated: start to ``end`` inclusive."""
    warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with Python's "
        "range builtin. Instead, use torch.arange, which produces values in [start, end)."
    )
    d = dtype or get_default_dtype()
    _check_counts("range", d)
    beyond = end + (step if d is dtypes.int64 else step / 2)
    return arange(start, beyond, step, dtype=d, device=device, requires_grad=requires_grad)


@operation(method=False, out="resized")
def linspace(start: Scalar | Tensor, end: Scalar | Tensor, steps: int, *, dtype: Any = None, layout: Any = None,
             device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """``steps`` numbers evenly from ``start`` to ``end``, both included; computed from both ends as PyTorch does."""
    low, high = _ends("linspace", start, end)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    d = dtype or get_default_dtype()
    _check_counts("linspace", d)
    if steps == 1:
        made = filled(Size((1,)), low, d)
    else:
        made = _between(low, high, steps, d)
    return finished(made, requires_grad, device)


def _ends(name: str, start: Any, end: Any) -> tuple[Any, Any]:
    """Both ends as numbers. ``RuntimeError`` for tensors that have dimensions."""
    given = {which: value for which, value in (("start", start), ("end", end)) if isinstance(value, Tensor)}
    if any([value.ndim for value in given.values()]):
        found = " and ".join([f"{which} with {value.ndim} dimension(s)" for which, value in given.items()])
        raise RuntimeError(f"{name} only supports 0-dimensional start and end tensors, but got {found}.")
    return number_of(start), number_of(end)


def _between(start: float, end: float, steps: int, d: dtype_type) -> Tensor:
    """The first half from the start, the second from the end, each sum with its product rounded once.

    Integers lie between the ends cut to integers and are cut themselves; half types are computed as float32.
    """
    work = dtypes.float64 if d.category < 2 else SINGLE.get(d, d)
    first, last = (int(start), int(end)) if d.category < 2 else (start, end)
    one = np.float64 if work is dtypes.float64 else np.float32
    step = float((one(last) - one(first)) / one(max(steps - 1, 1)))
    before, behind = (
        Tensor._from_node(record(p.IOTA, (Size((steps,)), work), (k, None), (by, None)))
        for k, by in ((0.0, 1.0), (steps - 1.0, -1.0))
    )
    lower, upper = ternary(p.FMA, first, before, step), ternary(p.FMA, last, behind, -step)
    made = ternary(p.WHERE, binary(p.LT, before, steps // 2), lower, upper)
    return made if work is d else unary(p.CAST, made, None, d)


@operation(method=False, out="resized")
def logspace(start: Scalar | Tensor, end: Scalar | Tensor, steps: int, base: float = 10.0, *, dtype: Any = None,
             device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """base ** linspace(start, end, steps)."""
    start, end = _ends("logspace", start, end)
    d = dtype or get_default_dtype()
    _check_counts("logspace", d)
    if d.category < 2 and steps != 1:
        start, end = int(start), int(end)
    exponents = linspace(start, end, steps, dtype=dtypes.float64)
    made = (base**exponents).to(d)
    return finished(made, requires_grad, device)


# --- windows for spectral analysis: vectors that fall off towards their ends -------------------------------------------


def window(name: str, length: int, periodic: bool, shape: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    """The window ``shape(position in [0, 1])``; a periodic one is the beginning of one that is one longer."""
    d = dtype or get_default_dtype()
    if d.kind != "float":
        raise RuntimeError(f"{name} expects floating point dtypes, got: {d}")
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got window_length={length}")
    check_value((length,), d)
    count = length + 1 if periodic else length
    values = np.ones(length) if length <= 1 else shape(np.arange(length) / (count - 1))
    return finished(from_array(np.asarray(values, dtype=np.float64)).to(d), requires_grad, device)


@operation(method=False)
def hann_window(window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None, device: Any = None,
                pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """0.5 - 0.5 · cos."""
    return window(
        "hann_window", window_length, periodic, lambda t: 0.5 - 0.5 * np.cos(2 * math.pi * t), dtype, device, requires_grad
    )


@operation(method=False)
def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: Any = None,
                   layout: Any = None, device: Any = None, pin_memory: bool = False,
                   requires_grad: bool = False) -> Tensor:  # fmt: skip
    """alpha - beta · cos."""
    return window(
        "hamming_window", window_length, periodic, lambda t: alpha - beta * np.cos(2 * math.pi * t), dtype, device,
        requires_grad,
    )  # fmt: skip


@operation(method=False)
def blackman_window(window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None,
                    device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """0.42 - 0.5 · cos + 0.08 · cos of twice the angle."""

    def shape(t: np.ndarray) -> np.ndarray:
        return 0.42 - 0.5 * np.cos(2 * math.pi * t) + 0.08 * np.cos(4 * math.pi * t)

    return window("blackman_window", window_length, periodic, shape, dtype, device, requires_grad)


@operation(method=False)
def bartlett_window(window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None,
                    device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """A triangle."""
    return window(
        "bartlett_window", window_length, periodic, lambda t: 1 - np.abs(2 * t - 1), dtype, device, requires_grad
    )
