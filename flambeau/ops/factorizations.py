"""Factors that LAPACK keeps packed: Householder's reflections of QR, the symmetric indefinite LDLᵀ, LU with what failed;
inverses and systems of tensors as matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .. import return_types
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import TYPE_NAMES
from ..graph.shapes import broadcast_shapes
from .choice import where
from .decompositions import lu_factor
from .host import on_host
from .matrix import matmul
from .one_node import one_node
from .operation import operation
from .ranges import eye
from .systems import LinAlgError, check_matrix, check_square, inv, solve

# --- reflections ----------------------------------------------------------------------------------------------------------


def _raw(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    packed, tau = np.linalg.qr(a, "raw")  # type: ignore[call-overload]
    return np.swapaxes(packed, -1, -2), tau


@operation(out=True)
def geqrf(input: Tensor) -> tuple[Tensor, Tensor]:
    """(a, tau): R above the diagonal of ``a``, and below it the reflections I - tau v vᵀ of which Q is the product."""
    if input.dtype.kind != "float" or input.dtype.itemsize == 2:
        raise NotImplementedError(f"\"geqrf_cpu\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    if input.ndim < 2:
        raise RuntimeError("torch.geqrf: input must have at least 2 dimensions.")
    x = input.detach()
    shape = (*x.shape[:-2], min(x.shape[-2:]))
    return return_types.geqrf(on_host(_raw, {}, [(x.shape, x.dtype), (shape, x.dtype)], x))  # type: ignore[no-any-return]


def _reflected(packed: Tensor, tau: Tensor, x: Tensor, forward: bool) -> Tensor:
    """What the reflections make of the columns of ``x``: the first of them first, or the last."""
    rows = packed.shape[-2]
    vectors = packed[..., : tau.shape[-1]].tril(-1) + eye(rows, tau.shape[-1], dtype=packed.dtype)
    order = range(tau.shape[-1])
    for k in order if forward else reversed(order):
        v = vectors[..., k : k + 1]
        x = x - tau[..., k, None, None] * matmul(v, matmul(v.mT, x))
    return x


@operation(only="linalg.householder_product", out=True)
@one_node("LinalgHouseholderProductBackward0")
def householder_product(input: Tensor, tau: Tensor) -> Tensor:
    """The first columns of Q, of which ``input`` and ``tau`` hold the reflections: see :func:`geqrf`."""
    check_reflections(input, tau)
    return _reflected(input, tau, eye(*input.shape[-2:], dtype=input.dtype).expand(*input.shape), False)


def check_reflections(input: Tensor, tau: Tensor) -> None:
    """``RuntimeError`` unless these may be what :func:`geqrf` gives."""
    check_matrix("torch.linalg.householder_product", input)
    m, n = input.shape[-2:]
    if m < n:
        raise RuntimeError(
            "torch.linalg.householder_product: input.shape[-2] must be greater than or equal to input.shape[-1]"
        )
    if n < tau.shape[-1]:
        raise RuntimeError(
            "torch.linalg.householder_product: input.shape[-1] must be greater than or equal to tau.shape[-1]"
        )
    if input.ndim - tau.ndim != 1:
        raise RuntimeError(
            "torch.linalg.householder_product: Expected tau to have one dimension less than input, but got tau.ndim equal to "
            f"{tau.ndim} and input.ndim is equal to {input.ndim}"
        )
    if input.shape[:-2] != tau.shape[:-1]:
        raise RuntimeError(
            "torch.linalg.householder_product: Expected batch dimensions of tau to be equal to input.shape[:-2], but got "
            f"{list(tau.shape[:-1])}"
        )
    if tau.dtype is not input.dtype:
        raise RuntimeError(
            f"torch.linalg.householder_product: tau dtype {TYPE_NAMES[tau.dtype]} does not match input dtype "
            f"{TYPE_NAMES[input.dtype]}"
        )


@operation(out=True)
def orgqr(input: Tensor, input2: Tensor) -> Tensor:
    """:func:`householder_product` under its old name."""
    return householder_product(input, input2)


@operation(out="exact")
@one_node("OrmqrBackward0")
def ormqr(input: Tensor, input2: Tensor, input3: Tensor, left: bool = True, transpose: bool = False) -> Tensor:
    """Q C for C = ``input3`` (C Q unless ``left``; Qᵀ for Q if ``transpose``), of which ``input`` and ``input2`` hold the
    reflections."""
    check_ormqr(input, input2, input3, left)
    if left:
        return _reflected(input, input2, input3, transpose)
    return _reflected(input, input2, input3.mT, not transpose).mT


def check_ormqr(input: Tensor, tau: Tensor, other: Tensor, left: bool) -> None:
    """``RuntimeError`` unless the reflections can be applied to the other matrix."""
    if input.ndim < 2 or other.ndim < 2:
        which = "input" if input.ndim < 2 else "other"
        raise RuntimeError(f"torch.ormqr: {which} must have at least 2 dimensions.")
    side = other.shape[-2 if left else -1]
    if side < tau.shape[-1]:
        raise RuntimeError(
            f"torch.ormqr: other.shape[{-2 if left else -1}] must be greater than or equal to tau.shape[-1]"
        )
    if side != input.shape[-2]:
        raise RuntimeError(f"torch.ormqr: other.shape[{-2 if left else -1}] must be equal to input.shape[-2]")


# --- LDLᵀ -----------------------------------------------------------------------------------------------------------------

_ALPHA = (1 + math.sqrt(17)) / 8


def _ldl(a: np.ndarray, hermitian: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors, pivots and what failed of each matrix in a stack; of complex ones A = LDLᴴ if ``hermitian``, else A = LDLᵀ."""
    n = a.shape[-1]
    packed = np.tril(a).reshape(math.prod(a.shape[:-2]), n, n).copy()
    pivots, info = np.zeros((len(packed), n), np.int32), np.zeros(len(packed), np.int32)
    with np.errstate(all="ignore"):
        for number, matrix in enumerate(packed):
            info[number] = _bunch_kaufman(matrix, pivots[number], hermitian)
    return np.tril(packed).reshape(a.shape), pivots.reshape(a.shape[:-1]), info.reshape(a.shape[:-2])


def _sizes(a: np.ndarray) -> np.ndarray:
    """Absolute values, of complex numbers as LAPACK compares them."""
    return np.abs(a.real) + np.abs(a.imag) if a.dtype.kind == "c" else np.abs(a)


def _other_half(a: np.ndarray, hermitian: bool) -> np.ndarray:
    """What lies above the diagonal, given what lies below it."""
    return a.T.conj() if hermitian else a.T


def _bunch_kaufman(a: np.ndarray, pivots: np.ndarray, hermitian: bool) -> int:
    """The lower triangle becomes L and D, with blocks of one or two rows (J. R. Bunch and L. Kaufman, "Some stable methods for
    calculating inertia and solving symmetric linear systems", 1977); the number of the first zero pivot, or 0.

    As in LAPACK a block of two has the negative number of the row that its second was exchanged with, twice.
    """
    n, k, failed = len(a), 0, 0
    if hermitian:
        np.fill_diagonal(a, a.diagonal().real)
    while k < n:
        size, other, two = _sizes(a[k, k]), k, False
        below = _sizes(a[k + 1 :, k])
        largest = below.max(initial=0.0)
        if not max(size, largest) > 0:
            failed = failed or k + 1
        elif size < _ALPHA * largest:
            row = k + 1 + int(below.argmax())
            in_row = max(_sizes(a[row, k:row]).max(), _sizes(a[row + 1 :, row]).max(initial=0.0))
            if size < _ALPHA * largest * (largest / in_row):
                other, two = row, _sizes(a[row, row]) < _ALPHA * in_row
        at = k + two
        if other != at:
            _exchange(a, at, other, hermitian)
            if two:
                a[[at, other], k] = a[[other, at], k]
        if two:
            block = _block(a[k : k + 2, k : k + 2], hermitian)
            rest = a[k + 2 :, k : k + 2].copy()
            factors = np.linalg.solve(block.T, rest.T).T
            a[k + 2 :, k + 2 :] -= np.tril(factors @ _other_half(rest, hermitian))
            a[k + 2 :, k : k + 2] = factors
            pivots[k] = pivots[k + 1] = -(other + 1)
        else:
            if a[k, k] != 0:
                rest = a[k + 1 :, k].copy()
                a[k + 1 :, k] = rest / a[k, k]
                a[k + 1 :, k + 1 :] -= np.tril(np.outer(a[k + 1 :, k], rest.conj() if hermitian else rest))
            pivots[k] = other + 1
        k += 1 + two
    return failed


def _block(a: np.ndarray, hermitian: bool) -> np.ndarray:
    """A block of D, whole, from its lower triangle."""
    return np.tril(a) + _other_half(np.tril(a, -1), hermitian)


def _exchange(a: np.ndarray, i: int, j: int, hermitian: bool) -> None:
    """Exchange two rows and columns of a symmetric (or Hermitian) matrix's lower triangle behind the first i."""
    a[j + 1 :, [i, j]] = a[j + 1 :, [j, i]]
    between = a[i + 1 : j, i].copy()
    a[i + 1 : j, i] = a[j, i + 1 : j]
    a[j, i + 1 : j] = between
    if hermitian:
        a[i + 1 : j, i] = a[i + 1 : j, i].conj()
        a[j, i + 1 : j] = a[j, i + 1 : j].conj()
        a[j, i] = a[j, i].conj()
    a[[i, j], [i, j]] = a[[j, i], [j, i]]


def _factored(A: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    x = A.detach()
    outputs = [(x.shape, x.dtype), (x.shape[:-1], dtypes.int32), (x.shape[:-2], dtypes.int32)]
    return on_host(_ldl, {}, outputs, x)  # type: ignore[return-value]


@operation(only="linalg.ldl_factor_ex", out="exact")
def ldl_factor_ex(input: Tensor, *, hermitian: bool = False, check_errors: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """(LD, pivots, info): :func:`ldl_factor`, and the number of the first block of D that is zero (0 if none is)."""
    check_square("torch.linalg.ldl_factor_ex", input)
    results = _factored(input)
    if check_errors and bool((results[2] != 0).any()):
        raise LinAlgError("torch.linalg.ldl_factor_ex: The factorization could not be completed.")
    return return_types.linalg_ldl_factor_ex(results)  # type: ignore[no-any-return]


@operation(only="linalg.ldl_factor", out="exact")
def ldl_factor(input: Tensor, *, hermitian: bool = False) -> tuple[Tensor, Tensor]:
    """(LD, pivots): the factors L and D of symmetric matrices, of which the lower triangle counts, in one; D has blocks of
    one or two rows, and pivots say as LAPACK's how rows were exchanged."""
    check_square("torch.linalg.ldl_factor", input)
    return return_types.linalg_ldl_factor(_factored(input)[:2])  # type: ignore[no-any-return]


def _ldl_solve(packed: np.ndarray, pivots: np.ndarray, b: np.ndarray, hermitian: bool = False) -> np.ndarray:
    batch = np.broadcast_shapes(packed.shape[:-2], b.shape[:-2])
    count, n = math.prod(batch), packed.shape[-1]
    factors = np.broadcast_to(packed, (*batch, n, n)).reshape(count, n, n)
    exchanges = np.broadcast_to(pivots, (*batch, n)).reshape(count, n)
    x = np.broadcast_to(b, (*batch, *b.shape[-2:])).reshape(count, *b.shape[-2:]).copy()
    with np.errstate(all="ignore"):
        for a, pivot, columns in zip(factors, exchanges, x):
            _solve_one(a, pivot, columns, hermitian)
    return x.reshape(*batch, *b.shape[-2:])


def _solve_one(a: np.ndarray, pivots: np.ndarray, b: np.ndarray, hermitian: bool) -> None:
    """L, D and Lᵀ (Lᴴ) one after the other, block by block."""
    n, k, blocks = len(a), 0, []
    while k < n:
        two = pivots[k] < 0
        end = k + 1 + two
        row, other = end - 1, abs(int(pivots[k])) - 1
        if row != other:
            b[[row, other]] = b[[other, row]]
        b[end:] -= a[end:, k:end] @ b[k:end]
        block = _block(a[k:end, k:end], hermitian)
        if two:
            b[k:end] = np.linalg.solve(block, b[k:end])
        else:
            b[k] /= block[0, 0]
        blocks.append((k, end, row, other))
        k = end
    for k, end, row, other in reversed(blocks):
        b[k:end] -= _other_half(a[end:, k:end], hermitian) @ b[end:]
        if row != other:
            b[[row, other]] = b[[other, row]]


@operation(only="linalg.ldl_solve", out="exact")
def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor:
    """X with A X = B, given what :func:`ldl_factor` makes of A."""
    check_ldl_solve(LD, pivots, B)
    shape = (*broadcast_shapes(LD.shape[:-2], B.shape[:-2]), *B.shape[-2:])
    return on_host(_ldl_solve, {}, [(shape, B.dtype)], LD.detach(), pivots, B.detach())[0]


def check_ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor) -> None:
    """``RuntimeError`` unless these are factors, pivots and right-hand sides that go together."""
    check_square("torch.linalg.ldl_solve", LD, "LD")
    check_matrix("torch.linalg.ldl_solve", B, "B")
    if pivots.dtype.category != 1:
        raise RuntimeError(f"torch.linalg.ldl_solve: Expected pivots to be integers. Got {TYPE_NAMES[pivots.dtype]}")
    if LD.dtype is not B.dtype:
        raise RuntimeError(
            f"torch.linalg.ldl_solve: LD dtype {TYPE_NAMES[LD.dtype]} does not match b dtype {TYPE_NAMES[B.dtype]}"
        )
    if B.shape[-2] != LD.shape[-1]:
        raise RuntimeError(
            f"torch.linalg.ldl_solve: Incompatible shapes of A and B for the equation AX = B ({LD.shape[-2]}x{LD.shape[-1]} and "
            f"{B.shape[-2]}x{B.shape[-1]})"
        )


# --- LU with what failed, tensors as matrices -----------------------------------------------------------------------------


@operation(only="linalg.lu_factor_ex", out="exact")
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """(LU, pivots, info): :func:`lu_factor`, and the number of the first pivot that is zero (0 if none is)."""
    factors, pivots = lu_factor(A, pivot=pivot)
    zero = factors.detach().diagonal(0, -2, -1) == 0
    if zero.shape[-1]:
        info = where(zero.any(-1), zero.int().argmax(-1) + 1, 0).int()
    else:
        info = A.new_zeros(A.shape[:-2], dtype=dtypes.int32)
    if check_errors and bool((info != 0).any()):
        raise LinAlgError("torch.linalg.lu_factor_ex: The diagonal of U has a zero; the matrix is singular.")
    return return_types.linalg_lu_factor_ex((factors, pivots, info))  # type: ignore[no-any-return]


def _check_halves(rule: str, shape: Sequence[int], count: int) -> None:
    behind, before = math.prod(shape[count:]), math.prod(shape[:count])
    if behind != before:
        raise RuntimeError(
            f"Expected self to satisfy the requirement prod(self.shape[{rule}:]) == prod(self.shape[:{rule}]), but got "
            f"{behind} != {before}"
        )


@operation(only="linalg.tensorinv", out=True)
def tensorinv(input: Tensor, ind: int = 2) -> Tensor:
    """The inverse of what ``tensordot`` over the last axes does, seen as a matrix with the first ``ind`` axes as its rows."""
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    shape = input.shape
    _check_halves("ind", shape, ind)
    rows = math.prod(shape[:ind])
    return inv(input.reshape(rows, rows)).reshape((*shape[ind:], *shape[:ind]))


@operation(only="linalg.tensorsolve", out=True)
def tensorsolve(input: Tensor, other: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """X with ``tensordot(input, X, X.ndim) == other``; the axes ``dims`` of the input go to its end before."""
    if dims is not None:
        input = input.movedim(tuple(dims), tuple(range(-len(dims), 0)))
    _check_halves("other.ndim", input.shape, other.ndim)
    shape = input.shape[other.ndim :]
    rows = other.numel()
    return solve(input.reshape(rows, rows), other.reshape(rows)).reshape(shape)
