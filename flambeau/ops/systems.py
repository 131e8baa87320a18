"""Determinants, inverses, solutions of linear systems and Cholesky factors, with their gradients.

NumPy's LAPACK computes them. What can fail (a singular matrix) is computed at once, so that the error is raised where
PyTorch raises it; the rest waits for its turn. Gradients follow Giles, "An extended collection of matrix derivative
results for forward and reverse mode algorithmic differentiation", 2008, unless another source is named.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import return_types
from ..core.history import RESULT, Gradient
from ..core.tensor import Tensor
from ..graph.dtypes import TYPE_NAMES, int32
from ..graph.notices import warn_once
from ..graph.shapes import broadcast_shapes
from ..graph.trace import local
from .choice import where
from .dispatch import with_history
from .elementwise import differentiated
from .from_data import from_array
from .host import SeveralResults, array_of, at_once, attach_results, on_host
from .matrix import matmul
from .memory_order import by_columns, lay_by_columns
from .one_node import one_node
from .operation import operation
from .ranges import eye


class LinAlgError(RuntimeError):
    """A matrix that the operation is not defined for: singular, not positive-definite."""


# --- checks ----------------------------------------------------------------------------------------------------------


def check_matrix(name: str, x: Tensor, argument: str = "A", half: bool = False) -> None:
    """``RuntimeError`` unless ``x`` is a matrix, or a stack of them, of float32 or float64 (or of a half type)."""
    if x.dtype.kind not in ("float", "complex"):
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {TYPE_NAMES[x.dtype]}")
    if x.dtype.itemsize == 2 and not half:
        raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {TYPE_NAMES[x.dtype]}")
    if x.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {argument} must have at least 2 dimensions.")


def check_square(name: str, x: Tensor, argument: str = "A", half: bool = False) -> None:
    """:func:`check_matrix`, and ``RuntimeError`` unless the matrices are square."""
    check_matrix(name, x, argument, half)
    if x.shape[-1] != x.shape[-2]:
        raise RuntimeError(
            f"{name}: {argument} must be batches of square matrices, but they are {x.shape[-2]} by {x.shape[-1]} matrices"
        )


# --- determinants ----------------------------------------------------------------------------------------------------


def _det(a: np.ndarray) -> np.ndarray:
    return np.linalg.det(a)


def _cofactors(a: np.ndarray) -> np.ndarray:
    """The determinant's derivatives, also of singular matrices: from U S V, det(U V) U diag(products of others) V."""
    u, s, v = np.linalg.svd(a)
    others = np.broadcast_to(s[..., None, :], (*s.shape, s.shape[-1])).copy()
    others[..., np.arange(s.shape[-1]), np.arange(s.shape[-1])] = 1
    sign = np.linalg.det(u) * np.linalg.det(v)
    return (u * others.prod(-1)[..., None, :] @ v * sign[..., None, None]).astype(a.dtype)


def _det_slope(grad: Tensor, input: Tensor, result: Tensor) -> Tensor:
    if local.grad:
        return (grad * result).unsqueeze(-1).unsqueeze(-1) * inv(input).mT
    (slopes,) = on_host(_cofactors, {}, [(input.shape, input.dtype)], input)
    return grad.unsqueeze(-1).unsqueeze(-1) * slopes


@operation("linalg.det(A)", out="exact")
@differentiated(_det_slope, name="LinalgDetBackward0")
def det(input: Tensor) -> Tensor:
    """Determinants of square matrices."""
    check_square("linalg.det", input)
    return on_host(_det, {}, [(input.shape[:-2], input.dtype)], input)[0]


def _slogdet(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sign, size = np.linalg.slogdet(a)
    return sign, size


class LinalgSlogdetBackward0(SeveralResults):
    def backward(self, grad: Any) -> Tensor | None:
        if 1 not in grad:
            return None
        inverse = inv_ex(self.input(0))[0]  # NaN for singular matrices, whose logarithm is infinite
        return grad[1].unsqueeze(-1).unsqueeze(-1) * inverse.mT


def _signed_logarithm(A: Tensor) -> tuple[Tensor, Tensor]:
    check_square("linalg.slogdet", A)
    shape = A.shape[:-2]
    results = on_host(_slogdet, {}, [(shape, A.dtype), (shape, A.dtype)], A)
    attach_results(results, LinalgSlogdetBackward0, [A])
    return results[0], results[1]


@operation(out="exact")
def slogdet(input: Tensor) -> tuple[Tensor, Tensor]:
    """Sign of the determinant and logarithm of its size: (sign, logabsdet)."""
    return return_types.slogdet(_signed_logarithm(input))  # type: ignore[no-any-return]


@operation(only="linalg.slogdet", out="exact")
def linalg_slogdet(A: Tensor) -> tuple[Tensor, Tensor]:
    """:func:`slogdet`, with a result that bears this name."""
    return return_types.linalg_slogdet(tuple(slogdet(A)))  # type: ignore[no-any-return]


@operation()
def logdet(input: Tensor) -> Tensor:
    """Logarithm of the determinant; NaN where it is negative."""
    sign, size = _signed_logarithm(input)
    return where(sign.detach() < 0, float("nan"), size)  # type: ignore[no-any-return]


# --- inverses and systems --------------------------------------------------------------------------------------------


def _zero_pivot(a: np.ndarray) -> int:
    """Number (from 1) of the first zero pivot in Gaussian elimination with row exchanges; 0 if there is none."""
    m = a.astype(np.result_type(a, np.float64))
    n = len(m)
    for k in range(n):
        best = k + int(np.argmax(np.abs(m[k:, k])))
        if m[best, k] == 0:
            return k + 1
        m[[k, best]] = m[[best, k]]
        m[k + 1 :] -= np.outer(m[k + 1 :, k] / m[k, k], m[k])
    return 0


def _failing_pivot(a: np.ndarray) -> int:
    """The number of the zero pivot on account of which LAPACK gives up a matrix; 0 if it does not."""
    try:
        np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return _zero_pivot(a) or len(a)
    return 0


INVERSION = "The diagonal element {pivot} is zero, the inversion could not be completed"


def _singular(name: str, a: np.ndarray, text: str) -> LinAlgError:
    """The error for a stack of matrices one of which is singular; ``text`` may name the zero pivot."""
    for number, matrix in enumerate(a.reshape(-1, *a.shape[-2:])):
        pivot = _zero_pivot(matrix)
        if pivot:
            place = f"(Batch element {number}): " if a.ndim > 2 else ""
            return LinAlgError(f"{name}: {place}{text.format(pivot=pivot)} because the input matrix is singular.")
    return LinAlgError(f"{name}: The input matrix is singular.")


@operation("inverse(input)", "linalg.inv", method=True, out="exact")
@by_columns()
@differentiated(
    lambda grad, result: -matmul(result.mT, matmul(grad, result.mT)), name="LinalgInvExBackward0"
)
def inv(A: Tensor) -> Tensor:
    """Inverses of square matrices; ``LinAlgError`` if one is singular."""
    check_square("linalg.inv", A)
    try:
        return at_once(np.linalg.inv, A)  # type: ignore[no-any-return]
    except np.linalg.LinAlgError:
        raise _singular("linalg.inv", array_of(A), INVERSION) from None


class LinalgSolveExBackward0(Gradient):
    """``context``: whether the right-hand sides are vectors."""

    saves = RESULT

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor]:
        a, result, vector = self.input(0), self.result(), self.context
        if vector:
            grad, result = grad.unsqueeze(-1), result.unsqueeze(-1)
        right = solve(a.mT, grad)
        left = -matmul(right, result.mT) if self.edges[0] is not None else None
        return left, right.squeeze(-1) if vector else right


@operation(only="linalg.solve", out="exact")
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with A X = B (X A = B unless ``left``); ``LinAlgError`` if a matrix is singular.

    ``B`` holds matrices, or vectors when its shape is that of ``A`` without the last axis.
    """
    check_square("linalg.solve", A)
    if B.dtype is not A.dtype:
        raise RuntimeError(
            "linalg.solve: Expected A and B to have the same dtype, but found A of type "
            f"{TYPE_NAMES[A.dtype]} and B of type {TYPE_NAMES[B.dtype]} instead"
        )
    vector = B.ndim == 1 or A.ndim - 1 == B.ndim and B.shape == A.shape[:-1]
    if not left:
        if vector:
            raise RuntimeError("linalg.solve: Vector broadcasting of the left hand side is not supported for left=False.")
        return solve(A.mT, B.mT).mT
    columns = B.unsqueeze(-1) if vector else B
    if columns.shape[-2] != A.shape[-1]:
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation AX = B "
            f"({A.shape[-2]}x{A.shape[-1]} and {columns.shape[-2]}x{columns.shape[-1]})"
        )
    try:
        result = at_once(np.linalg.solve, A, columns)
    except np.linalg.LinAlgError:
        raise _singular("torch.linalg.solve", array_of(A), "The solver failed") from None
    result = result.squeeze(-1) if vector else lay_by_columns(result)
    return with_history(result, LinalgSolveExBackward0, [A, B], vector)


def _triangular(a: np.ndarray, b: np.ndarray, upper: bool, unit: bool) -> np.ndarray:
    """Solutions for triangular matrices: an upper triangle is its own LU factor, so elimination finds nothing to do."""
    triangle = np.triu(a) if upper else np.tril(a)
    if unit:
        at = np.arange(a.shape[-1])
        triangle[..., at, at] = 1
    if upper:
        return np.linalg.solve(triangle, b)
    return np.linalg.solve(triangle[..., ::-1, ::-1], b[..., ::-1, :])[..., ::-1, :]


class LinalgSolveTriangularBackward0(Gradient):
    """``context`` (upper, unitriangular)."""

    saves = RESULT

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor]:
        upper, unit = self.context
        a, result = self.input(0), self.result()
        right = solve_triangular(a.mT, grad, upper=not upper, unitriangular=unit)
        left = None
        if self.edges[0] is not None:
            whole = -matmul(right, result.mT)
            left = whole.triu(1 if unit else 0) if upper else whole.tril(-1 if unit else 0)
        return left, right


@operation(only="linalg.solve_triangular", out="exact")
@by_columns()
def solve_triangular(
    input: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """X with A X = B (X A = B unless ``left``) for the upper or lower triangle of ``input``, ones on its diagonal if so told.

    A zero on the diagonal gives infinities.
    """
    check_square("linalg.solve_triangular", input)
    check_matrix("linalg.solve_triangular", B, "B")
    if not left:
        return _solved_from_the_right(input, B, upper, unitriangular)

    def function(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        try:
            return _triangular(a, b, upper, unitriangular)
        except np.linalg.LinAlgError:
            return np.full((*broadcast_shapes(a.shape[:-2], b.shape[:-2]), *b.shape[-2:]), np.inf, dtype=b.dtype)

    result = at_once(function, input, B)
    return with_history(result, LinalgSolveTriangularBackward0, [input, B], (upper, unitriangular))


@one_node("LinalgSolveTriangularBackward0")
def _solved_from_the_right(A: Tensor, B: Tensor, upper: bool, unitriangular: bool) -> Tensor:
    return solve_triangular(A.mT, B.mT, upper=not upper, unitriangular=unitriangular).mT


@operation(out="exact")
@by_columns(0, 1)
@one_node("TriangularSolveBackward0")
def triangular_solve(
    input: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`solve_triangular` under its old name: (solution, A)."""
    matrix = A.mT if transpose else A
    solution = solve_triangular(matrix, input, upper=upper != transpose, unitriangular=unitriangular)
    return return_types.triangular_solve((solution, A.clone()))  # type: ignore[no-any-return]


# --- Cholesky --------------------------------------------------------------------------------------------------------


def _lower_half(x: Tensor) -> Tensor:
    """The lower triangle with half the diagonal."""
    return x.tril() - 0.5 * x.diagonal(0, -2, -1).diag_embed()


class LinalgCholeskyExBackward0(Gradient):
    """L⁻ᵀ Φ(Lᵀ Ḡ) L⁻¹ made symmetric, Φ the lower triangle with half the diagonal (Murray, 2016). ``context``: upper."""

    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        factor = self.result()
        if self.context:
            factor, grad = factor.mT, grad.mT
        middle = _lower_half(matmul(factor.mT, grad.tril()))
        inner = solve_triangular(factor.mT, middle, upper=True)
        whole = solve_triangular(factor, inner, upper=False, left=False)
        return 0.5 * (whole + whole.mT)


def _cholesky(name: str, A: Tensor, upper: bool) -> Tensor:
    check_square(name, A)

    def function(a: np.ndarray) -> np.ndarray:
        # The lower triangle alone counts, as in PyTorch (the upper one for an upper factor).
        lower = np.linalg.cholesky(np.swapaxes(a, -1, -2) if upper else a)
        return np.swapaxes(lower, -1, -2) if upper else lower

    try:
        result = at_once(function, A)
    except np.linalg.LinAlgError:
        raise _indefinite(name, array_of(A.mT if upper else A)) from None
    return with_history(result, LinalgCholeskyExBackward0, [A], upper)


def _indefinite_minor(a: np.ndarray) -> int:
    """The order of the first leading minor that is not positive-definite; 0 if there is none."""
    for order in range(1, len(a) + 1):
        try:
            np.linalg.cholesky(a[:order, :order])
        except np.linalg.LinAlgError:
            return order
    return 0


def _indefinite(name: str, a: np.ndarray) -> LinAlgError:
    """The error for a stack of matrices one of which is not positive-definite."""
    for number, matrix in enumerate(a.reshape(-1, *a.shape[-2:])):
        order = _indefinite_minor(matrix)
        if order:
            place = f"(Batch element {number}): " if a.ndim > 2 else ""
            return LinAlgError(
                f"{name}: {place}The factorization could not be completed because the input is not "
                f"positive-definite (the leading minor of order {order} is not positive-definite)."
            )
    return LinAlgError(f"{name}: The factorization could not be completed.")


@operation(only="linalg.cholesky", out="exact")
@by_columns()
def linalg_cholesky(input: Tensor, *, upper: bool = False) -> Tensor:
    """L with A = L Lᵀ for symmetric positive-definite matrices (Lᵀ if ``upper``); ``LinAlgError`` for others."""
    return _cholesky("linalg.cholesky", input, upper)


@operation(out=True)
@by_columns()
@one_node("CholeskyBackward0")
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """:func:`linalg_cholesky` under its old name."""
    factor = "U = torch.cholesky(A, upper=True)" if upper else "L = torch.cholesky(A)"
    instead = "U = torch.linalg.cholesky(A).mH" if upper else "L = torch.linalg.cholesky(A)"
    warn_once(
        "torch.cholesky is deprecated in favor of torch.linalg.cholesky and will be removed in a future PyTorch release.\n"
        f"{factor}\nshould be replaced with\n{instead}"
    )
    return _cholesky("cholesky", input, upper)


def _factor_slope(shared: Tensor, factor: Tensor, upper: bool) -> Tensor:
    """The gradient of a factor of A, given less that of A without its mirror image. As in PyTorch it is a whole matrix."""
    shared = shared + shared.mT
    return -matmul(factor, shared) if upper else -matmul(shared, factor)


def _cholesky_solve_slopes(
    grad: Tensor, input: Tensor, input2: Tensor, result: Tensor, upper: bool
) -> tuple[Tensor, Tensor]:
    right = cholesky_solve(grad, input2, upper)
    return right, _factor_slope(matmul(right, result.mT), input2, upper)


@operation(out=True)
@by_columns()
@differentiated(_cholesky_solve_slopes, operands=2)
def cholesky_solve(input: Tensor, input2: Tensor, upper: bool = False) -> Tensor:
    """X with A X = ``input``, given the Cholesky factor ``input2`` of A."""
    if input.dtype is not input2.dtype:
        raise RuntimeError(
            f"Expected b and A to have the same dtype, but found b of type {TYPE_NAMES[input.dtype]} and A of type "
            f"{TYPE_NAMES[input2.dtype]} instead."
        )
    if input.dtype.category < 2 or input.dtype.itemsize == 2:
        raise NotImplementedError(f"\"cholesky_solve_cpu\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    lower = input2.mT if upper else input2
    return solve_triangular(lower.mT, solve_triangular(lower, input, upper=False), upper=True)


@operation(out=True)
@by_columns()
@differentiated(
    lambda grad, input, result, upper: _factor_slope(matmul(result, matmul(grad, result)), input, upper)
)
def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """The inverse of A, given its Cholesky factor."""
    if input.ndim < 2:
        raise RuntimeError("cholesky_inverse: The input tensor A must have at least 2 dimensions.")
    return cholesky_solve(eye(input.shape[-1], dtype=input.dtype).expand(input.shape), input, upper)


# --- forms that report failure as a number instead of an error -------------------------------------------------------------


def _tried(
    function: Callable[[Tensor], Tensor], failure: Callable[[np.ndarray], int], A: Tensor, check_errors: bool
) -> tuple[Tensor, Tensor]:
    """The result, and for each matrix of the stack 0, or, where the result is NaN, ``failure`` of it."""
    batch = A.shape[:-2]
    try:
        return function(A), A.new_zeros(batch, dtype=int32)
    except LinAlgError:
        if check_errors:
            raise
    places = [failure(matrix) for matrix in array_of(A).reshape(-1, *A.shape[-2:])]
    info = from_array(np.array(places, dtype=np.int32).reshape(batch))
    failed = info != 0
    result = function(where(failed[..., None, None], eye(A.shape[-1], dtype=A.dtype), A))
    inner = (1, 1) if result.ndim >= A.ndim else (1,)  # solutions may be vectors
    return result * where(failed, math.nan, 1.0).to(A.dtype).reshape(*batch, *inner), info  # NaN, and so are gradients


@operation(only="linalg.inv_ex", out="exact")
@by_columns(0)
def inv_ex(A: Tensor, *, check_errors: bool = False) -> tuple[Tensor, Tensor]:
    """(inverse, info): info is the number of the pivot that is zero, or 0 if there is none."""
    return return_types.linalg_inv_ex(_tried(inv, _failing_pivot, A, check_errors))  # type: ignore[no-any-return]


@operation(only="linalg.cholesky_ex", out="exact")
@by_columns(0)
def cholesky_ex(input: Tensor, *, upper: bool = False, check_errors: bool = False) -> tuple[Tensor, Tensor]:
    """(L, info): info is the order of the leading minor that is not positive-definite, or 0 if there is none."""
    found = _tried(
        lambda a: linalg_cholesky(a, upper=upper), lambda a: _indefinite_minor(a.T if upper else a), input, check_errors
    )
    return return_types.linalg_cholesky_ex(found)  # type: ignore[no-any-return]


@operation(only="linalg.solve_ex", out="exact")
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> tuple[Tensor, Tensor]:
    """(result, info): info is the number of the pivot that is zero, or 0 if there is none."""
    found = _tried(lambda a: solve(a, B, left=left), _failing_pivot, A, check_errors)
    return return_types.linalg_solve_ex(found)  # type: ignore[no-any-return]
