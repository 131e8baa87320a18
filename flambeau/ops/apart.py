"""Results of operations that read here and there, written to tensors given as ``out=``: these may share no memory with what is
read, nor hold an element twice."""

from __future__ import annotations

from ..core.tensor import Tensor
from ..graph.primitives import C_NAMES
from .operation import write_out
from .views import geometry

_ADVICE = "refer to a single memory location. Please clone() the tensor before performing the operation."


def write_apart(out: Tensor, value: Tensor, *operands: Tensor) -> Tensor:
    """``out`` with the result of ``operands``; ``RuntimeError`` if their memory is its own, or its dtype another."""
    if out.dtype is not value.dtype:
        raise RuntimeError(f"Expected out tensor to have dtype {C_NAMES[value.dtype]}, but got {C_NAMES[out.dtype]} instead")
    if out._view is not None and out._view.overlaps_itself():
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor "
            + _ADVICE.replace("refer", "refers", 1)
        )
    for operand in operands:
        if _share(out, operand):
            raise RuntimeError(
                f"unsupported operation: some elements of the input tensor and the written-to tensor {_ADVICE}"
            )
    return write_out(out, value)


def _share(a: Tensor, b: Tensor) -> bool:
    """Whether the parts of one storage between the first and the last element of each have something in common."""
    if a is b:
        return a.numel() > 0
    if a._storage is None or a._storage is not b._storage:
        return False
    (first, last), (other_first, other_last) = _span(a), _span(b)
    return first < other_last and other_first < last


def _span(x: Tensor) -> tuple[int, int]:
    sizes, strides, offset = geometry(x)
    return offset, 0 if 0 in sizes else offset + 1 + sum((n - 1) * s for n, s in zip(sizes, strides))
