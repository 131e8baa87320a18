"""Products of matrices."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor


def grouped_mm(
    mat_a: Tensor, mat_b: Tensor, *, offs: Tensor | None = None, bias: Tensor | None = None, out_dtype: Any = None
) -> Tensor:
    """Products of groups of rows, each with a matrix of its own: ``offs`` (int32) says where each group ends.

    (rows, k) with (groups, k, columns) gives (rows, columns); the other forms are in ``ops/grouped.py``.
    """
    from ...ops.grouped import _grouped_mm

    return _grouped_mm(mat_a, mat_b, offs=offs, bias=bias, out_dtype=out_dtype)
