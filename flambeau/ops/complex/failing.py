"""Complex matrices that have no inverse, or no factor: forms that report it as a number instead of an error."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import return_types
from ...graph.dtypes import int32
from ..by_name import real
from ..systems import LinAlgError, _failing_pivot
from .calls import complex_operation
from .making import from_array
from .parts import as_complex
from .products import inv, solve
from .tensor import ComplexTensor


def tried(
    function: Callable[[Any], Any], failure: Callable[[np.ndarray], int], A: ComplexTensor, check_errors: bool
) -> tuple[Any, Any]:
    """The result, and for each matrix of the stack 0, or, where the result is NaN, ``failure`` of it."""
    batch = A.shape[:-2]
    try:
        return function(A), real.zeros(batch, dtype=int32)
    except LinAlgError:
        if check_errors:
            raise
    places = [failure(matrix) for matrix in A._values().reshape(-1, *A.shape[-2:])]
    info: Any = from_array(np.array(places, dtype=np.int32).reshape(batch))
    failed = info != 0
    eye = as_complex(real.eye(A.shape[-1], dtype=A.dtype.to_real()))
    result = function(real.where(failed[..., None, None], eye, A))
    factor = real.where(failed, math.nan, 1.0).to(A.dtype.to_real())
    inner = (1, 1) if result.ndim >= A.ndim else (1,)  # solutions may be vectors
    return result * factor.reshape(*batch, *inner), info  # NaN, and so are gradients


@complex_operation("linalg_inv_ex")
def inv_ex(A: ComplexTensor, *, check_errors: bool = False) -> Any:
    return return_types.linalg_inv_ex(tried(inv, _failing_pivot, A, check_errors))


@complex_operation("linalg_solve_ex")
def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    found = tried(lambda a: solve(a, B, left=left), _failing_pivot, as_complex(A), check_errors)
    return return_types.linalg_solve_ex(found)
