"""Matrix products of groups of rows, each with a matrix of its own, and of small integers."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import dtype as dtype_type
from .arguments import checked
from .calls import Forms
from .creation import zeros
from .joining import cat, stack
from .matrix import mm
from .operation import DECLARED, operation

_FLOATING = (dtypes.float32, dtypes.bfloat16, dtypes.float16)


def _check(mat_a: Tensor, mat_b: Tensor, offs: Tensor | None, bias: Any, out_dtype: Any) -> None:
    """What PyTorch demands of the arguments, but for strides that its kernels need."""
    for name, matrix in (("mat_a", mat_a), ("mat_b", mat_b)):
        if matrix.dtype not in _FLOATING:
            kind = str(matrix.dtype).removeprefix("torch.").capitalize()
            raise RuntimeError(f"Expected {name} to be Float32, BFloat16 or Float16 matrix, got {kind}")
        if matrix.ndim not in (2, 3):
            raise RuntimeError(f"{name} has to be 2 or 3d")
    if mat_a.shape[-1] != mat_b.shape[-2]:
        raise RuntimeError("contraction dimension of mat_a and mat_b must match")
    if (offs is None) != (mat_a.ndim == mat_b.ndim == 3):
        raise RuntimeError("Have to provide offsets if there is a 2d matrix, or no offset if both matrices are 3d")
    if offs is not None and offs.dtype is not dtypes.int32:
        raise RuntimeError("Offsets have to be int32")
    groups = {matrix.shape[0] for matrix in (mat_a, mat_b) if matrix.ndim == 3} | ({len(offs)} if offs is not None else set())
    if len(groups) > 1:
        raise RuntimeError("matrix batch sizes have to match")
    if bias is not None:
        raise RuntimeError("Bias not supported yet")
    if out_dtype is not None and out_dtype is not mat_a.dtype:
        raise RuntimeError("Grouped gemm output dtype must match `mat_a` dtype")


@operation(method=False)
def _grouped_mm(
    input: Tensor,
    mat2: Tensor,
    *,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: dtype_type | None = None,
) -> Tensor:
    """Products of groups: the k-th ends where ``offs[k]`` (int32) says, in the dimension that is not stacked.

    (rows, k) with (groups, k, columns) gives (rows, columns), (groups, rows, k) with (k, columns) likewise; (rows, k) with
    (k, columns), of which k is in groups, and two stacks give (groups, rows, columns). Rows behind the last group are zero.
    """
    _check(input, mat2, offs, bias, out_dtype)
    if offs is None:
        return input @ mat2
    ends = [0, *offs.tolist()]
    groups = [slice(start, max(start, end)) for start, end in pairwise(ends)]
    if input.ndim == mat2.ndim == 2:
        return stack([mm(input[:, part], mat2[part]) for part in groups])
    if input.ndim == 2:
        parts, extent, dim = [mm(input[part], matrix) for part, matrix in zip(groups, mat2.unbind())], input.shape[0], 0
    else:
        parts, extent, dim = [mm(matrix, mat2[:, part]) for part, matrix in zip(groups, input.unbind())], mat2.shape[1], 1
    rest = extent - sum(part.shape[dim] for part in parts)
    if rest > 0:
        sizes = (rest, mat2.shape[-1]) if dim == 0 else (input.shape[-2], rest)
        parts.append(zeros(*sizes, dtype=input.dtype))
    return cat(parts, dim)


@operation(method=False)
def _int_mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The product of two matrices of int8, in int32. ``out`` must have the result's sizes and dtype (``RuntimeError``)."""
    for name, matrix, kinds in (("self", input, (dtypes.int8, dtypes.uint8)), ("mat2", mat2, (dtypes.int8,))):
        if matrix.ndim != 2:
            raise RuntimeError(f"int_mm_out_cpu: Expected {name} to be of dimension 2 but got {matrix.ndim}")
        if matrix.dtype not in kinds:
            raise RuntimeError(
                f"int_mm_out_cpu: Expected {name} dtype to be {' or '.join(kind.name for kind in kinds)} but got "
                f"{matrix.dtype.name}"
            )
    if input.shape[1] != mat2.shape[0]:
        raise RuntimeError(
            f"int_mm_out_cpu: self.size(1) needs to match mat2.size(0) but got {input.shape[1]} and {mat2.shape[0]}"
        )
    result = mm(input.to(dtypes.int32), mat2.to(dtypes.int32))
    if out is None:
        return result
    if out.dtype is not dtypes.int32:
        raise RuntimeError(f"int_mm_out_cpu: Expected result dtype to be of type kInt but got {out.dtype.name}")
    if out.shape != result.shape:
        raise RuntimeError(f"int_mm_out_cpu: Expected result of sizes {list(result.shape)} but got {list(out.shape)}")
    return out.copy_(result)


for _function in (_grouped_mm, _int_mm):
    _name, _declared = _function.__name__, DECLARED[_function]
    globals()[_name] = checked(_function, partial(Forms, _name, [_name], _function, _declared, ()), _name, "flambeau")
