"""New tensors whose elements follow from their place: ranges and identities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..graph import dtypes
from ..graph import primitives as p
from ..graph.bounds import check_value
from ..graph.dtypes import get_default_dtype
from ..graph.shapes import Size
from ..graph.trace import record
from ..tensor import Tensor
from .creation import filled, finished, number_of
from .from_data import from_array
from .operation import NAMESPACE, operation, write_out


@operation(method=False)
def eye(n: int, m: int | None = None, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None, device: Any = None,
        requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Ones on the diagonal of an n × m matrix, zeros elsewhere."""
    columns = n if m is None else m
    if n < 0 or columns < 0:
        name, size = ("n", n) if n < 0 else ("m", columns)
        raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    d = dtype or get_default_dtype()
    check_value((n, columns), d)
    made = (arange(n).unsqueeze(1) == arange(columns)).to(d)
    return write_out(out, made) if out is not None else finished(made, requires_grad, device)


@operation(method=False)
def arange(start: Any, end: Any = None, step: Any = 1, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None,
           device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """start, start + step, … below ``end`` (from 0 when only one number is given)."""
    if end is None:
        start, end = 0, start
    start, end, step = number_of(start), number_of(end), number_of(step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is None:
        whole = all(isinstance(v, int) for v in (start, end, step))
        dtype = dtypes.int64 if whole else get_default_dtype()
    if dtype.category < 2:
        start, end, step = int(start), int(end), int(step)
        count = -((start - end) // step)
    else:
        count = math.ceil((end - start) / step)
        start, step = float(start), float(step)
    made = Tensor._from_node(record(p.IOTA, (Size((max(count, 0),)), dtype), (start, None), (step, None)))
    return write_out(out, made) if out is not None else finished(made, requires_grad, device)


def range_(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Deprecated: start to ``end`` inclusive."""
    return arange(
        start, end + step / 2, step, dtype=dtype or get_default_dtype(), device=device, requires_grad=requires_grad
    )


NAMESPACE["range"] = range_


@operation(method=False)
def linspace(start: Any, end: Any, steps: int, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None,
             device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """``steps`` numbers evenly from ``start`` to ``end``, both included; computed from both ends as PyTorch does."""
    start, end = number_of(start), number_of(end)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    d = dtype or get_default_dtype()
    if steps == 1:
        made = filled(Size((1,)), start, d)
    else:
        array_type = d.numpy if d.numpy is not None else np.dtype(np.float32)
        if d.kind == "integer":
            step = (end - start) / max(steps - 1, 1)
            lower = (start + step * np.arange(steps)).astype(array_type)
            upper = (end - step * (steps - 1 - np.arange(steps))).astype(array_type)
        else:
            step = array_type.type(array_type.type(end) - array_type.type(start)) / array_type.type(max(steps - 1, 1))
            index = np.arange(steps).astype(array_type)
            lower = array_type.type(start) + step * index
            upper = array_type.type(end) - step * (array_type.type(steps - 1) - index)
        made = from_array(np.where(np.arange(steps) < steps // 2, lower, upper).astype(array_type))
        made = made if made.dtype is d else made.to(d)
    return write_out(out, made) if out is not None else finished(made, requires_grad, device)


@operation(method=False)
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """base ** linspace(start, end, steps)."""
    exponents = linspace(start, end, steps, dtype=dtypes.float64)
    made = (base**exponents).to(dtype or get_default_dtype())
    return finished(made, requires_grad, device)
