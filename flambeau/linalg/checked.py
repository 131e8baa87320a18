"""Forms that report failure as a number instead of an error."""

from __future__ import annotations

from typing import Any

from .. import return_types
from ..core.tensor import Tensor
from ..graph.dtypes import int32
from ..ops import systems as d


def slogdet(A: Tensor) -> tuple[Tensor, Tensor]:
    """Sign of the determinant and logarithm of its size: (sign, logabsdet)."""
    return return_types.linalg_slogdet(tuple(d.slogdet(A)))  # type: ignore[no-any-return]


def _tried(function: Any, A: Tensor, check_errors: bool) -> tuple[Tensor, Tensor]:
    """The result and, for each matrix of the stack, 0; where one fails NaN, and 1 for all."""
    batch = A.shape[:-2]
    try:
        return function(), A.new_zeros(batch, dtype=int32)
    except d.LinAlgError:
        if check_errors:
            raise
        return A.new_full(A.shape, float("nan")), A.new_ones(batch, dtype=int32)


def inv_ex(A: Tensor, *, check_errors: bool = False) -> tuple[Tensor, Tensor]:
    """(inverse, info): info is not 0 if a matrix is singular."""
    return return_types.linalg_inv_ex(_tried(lambda: d.inv(A), A, check_errors))  # type: ignore[no-any-return]


def cholesky_ex(
    A: Tensor, *, upper: bool = False, check_errors: bool = False
) -> tuple[Tensor, Tensor]:
    """(L, info): info is not 0 if a matrix is not positive-definite."""
    found = _tried(lambda: d.linalg_cholesky(A, upper=upper), A, check_errors)
    return return_types.linalg_cholesky_ex(found)  # type: ignore[no-any-return]


def solve_ex(
    A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False
) -> tuple[Tensor, Tensor]:
    """(result, info): info is not 0 if a matrix is singular."""
    found = _tried(lambda: d.solve(A, B, left=left), A, check_errors)
    return return_types.linalg_solve_ex(found)  # type: ignore[no-any-return]
