"""Reductions over segments of an axis that follow each other (``segment_reduce``)."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..core.tensor import Tensor
from ..graph.dtypes import TYPE_NAMES, int32, int64
from ..graph.shapes import wrap_dim
from .arguments import checked
from .calls import Forms
from .conversion import rounded_once
from .one_node import one_node
from .operation import DECLARED, operation
from .ranges import arange

_REDUCTIONS = {
    "sum": ("sum", 0.0), "mean": ("sum", 0.0), "prod": ("prod", 1.0), "max": ("amax", -math.inf), "amax": ("amax", -math.inf),
    "min": ("amin", math.inf), "amin": ("amin", math.inf),
}  # fmt: skip
"""What a reduction is in ``scatter_reduce``, and what it gives for nothing."""


def _checked_lengths(data: Tensor, lengths: Tensor | None, offsets: Tensor | None, axis: int, unsafe: bool) -> Tensor:
    """How long each segment is; ``RuntimeError`` unless they fill the axis (or the caller says that they do)."""
    given = lengths if lengths is not None else offsets
    if given is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    name = "lengths" if lengths is not None else "offsets"
    if given.dtype is not int64 and given.dtype is not int32:
        raise NotImplementedError(f"\"_segment_reduce_{name}_cpu_kernel1\" not implemented for '{TYPE_NAMES[given.dtype]}'")
    if data.ndim < given.ndim:
        raise RuntimeError(f"segment_reduce(): Expected {name}.ndim <= data.ndim, got {given.ndim} and {data.ndim}")
    if axis != given.ndim - 1:
        raise RuntimeError(f"segment_reduce(): Expected axis to be the last dimension of {name} but got {axis}.")
    if offsets is not None and lengths is None:
        return offsets.diff(dim=-1)
    if not unsafe:
        if bool((given < 0).any()):
            raise RuntimeError("lengths contains negative value!")
        if bool((given.sum(-1) != data.shape[axis]).any()):
            raise RuntimeError(
                "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when !unsafe."
            )
    return given


@operation(method=False)
def segment_reduce(
    data: Tensor, reduce: str, *, lengths: Tensor | None = None, indices: Tensor | None = None, offsets: Tensor | None = None,
    axis: int = 0, unsafe: bool = False, initial: Any = None,
) -> Tensor:  # fmt: skip
    """Sums, means, products, largest or smallest elements of segments of ``axis``, given by their ``lengths`` or ``offsets``.

    These have an axis for the segments, and before it those of ``data`` that come before ``axis``. Each reduction begins with
    ``initial``, if that is given.
    """
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if data.dtype.kind != "float":
        raise NotImplementedError(f"\"_segment_reduce_cpu\" not implemented for '{TYPE_NAMES[data.dtype]}'")
    axis = axis if axis >= 0 and lengths is not None else wrap_dim(axis, data.ndim)
    return _reduced(data, reduce, _checked_lengths(data, lengths, offsets, axis, unsafe), axis, initial)


@one_node("SegmentReduceBackward0")
@rounded_once
def _reduced(data: Tensor, reduce: str, lengths: Tensor, axis: int, initial: Any) -> Tensor:
    name, nothing = _REDUCTIONS[reduce]
    before, rest = data.shape[:axis], data.shape[axis + 1 :]
    rows, count = before.numel(), lengths.shape[-1]
    flat = data.reshape(rows, data.shape[axis], rest.numel())
    each = lengths.reshape(rows, count).to(int64)
    # The segment that each element belongs to: how many segments end before it, or at it.
    place = arange(data.shape[axis]).reshape(1, -1, 1)
    segment = (place >= each.cumsum(-1).unsqueeze(1)).sum(-1)
    start = data.new_full((rows, count + 1, rest.numel()), nothing if initial is None else initial)
    found = start.scatter_reduce(1, segment.unsqueeze(-1).expand(flat.shape), flat, name)[:, :count]
    if reduce == "mean":
        divisor = each if initial is None else each.clamp(min=1)
        found = found / divisor.unsqueeze(-1)
    return found.reshape(*before, count, *rest)  # type: ignore[no-any-return]


_forms = partial(Forms, "segment_reduce", ["segment_reduce"], segment_reduce, DECLARED[segment_reduce], ())
segment_reduce = _segment_reduce = checked(segment_reduce, _forms, "segment_reduce", "flambeau")
