"""Factors of complex matrices that LAPACK keeps packed: Householder's reflections of QR, LDLᵀ and LDLᴴ."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import return_types
from ...core.tensor import Tensor
from ...graph.shapes import broadcast_shapes
from ..by_name import real
from ..factorizations import _ldl, _ldl_solve, _raw, check_ldl_solve, check_ormqr, check_reflections
from ..systems import LinAlgError, check_square
from .calls import complex_operation
from .making import from_array
from .parts import as_complex
from .tensor import ComplexTensor

# --- reflections ------------------------------------------------------------------------------------------------------


@complex_operation()
def geqrf(input: ComplexTensor) -> Any:
    if input.ndim < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    return return_types.geqrf(tuple(map(from_array, _raw(input._values()))))


def _reflected(packed: Any, tau: Any, x: Any, adjoint: bool) -> Any:
    """What reflections I - tau v vᴴ make of the columns of ``x``, the last one first; or their adjoints, the first one first."""
    rows, count = packed.shape[-2], tau.shape[-1]
    vectors = packed[..., :count].tril(-1) + real.eye(rows, count, dtype=packed.dtype.to_real())
    for k in range(count) if adjoint else reversed(range(count)):
        v = vectors[..., k : k + 1]
        scale = tau[..., k, None, None]
        x = x - (scale.conj() if adjoint else scale) * (v @ (v.mH @ x))
    return x


@complex_operation("linalg_householder_product", "orgqr")
def householder_product(input: Any, tau: Any) -> Tensor:
    check_reflections(input, tau)
    eye = real.eye(*input.shape[-2:], dtype=input.dtype.to_real()).expand(input.shape)
    return _reflected(input, tau, as_complex(eye), False)  # type: ignore[no-any-return]


@complex_operation()
def ormqr(input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Tensor:
    check_ormqr(input, tau, other, left)
    if left:
        return _reflected(input, tau, other, transpose)  # type: ignore[no-any-return]
    return _reflected(input, tau, other.mH, not transpose).mH  # type: ignore[no-any-return]


# --- LDLᵀ -------------------------------------------------------------------------------------------------------------


def _ldl_of(A: ComplexTensor, hermitian: bool) -> tuple[Tensor, ...]:
    return tuple(map(from_array, _ldl(A._values(), hermitian)))


@complex_operation("linalg_ldl_factor_ex")
def ldl_factor_ex(A: ComplexTensor, *, hermitian: bool = False, check_errors: bool = False) -> Any:
    check_square("torch.linalg.ldl_factor_ex", A)
    results = _ldl_of(A, hermitian)
    if check_errors and bool((results[2] != 0).any()):
        raise LinAlgError("torch.linalg.ldl_factor_ex: The factorization could not be completed.")
    return return_types.linalg_ldl_factor_ex(results)


@complex_operation("linalg_ldl_factor")
def ldl_factor(A: ComplexTensor, *, hermitian: bool = False) -> Any:
    check_square("torch.linalg.ldl_factor", A)
    return return_types.linalg_ldl_factor(_ldl_of(A, hermitian)[:2])


@complex_operation("linalg_ldl_solve")
def ldl_solve(LD: Any, pivots: Tensor, B: Any, *, hermitian: bool = False) -> Tensor:
    check_ldl_solve(LD, pivots, B)
    shape = (*broadcast_shapes(LD.shape[:-2], B.shape[:-2]), *B.shape[-2:])
    solved = _ldl_solve(LD._values(), pivots.detach().numpy(), B._values(), hermitian)
    return from_array(np.broadcast_to(solved, shape))
