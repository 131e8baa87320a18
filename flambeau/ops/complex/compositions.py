"""What is composed of other operations with complex numbers."""

from __future__ import annotations

from math import prod
from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import complex64, complex128
from ..by_name import linalg, real
from ..calls import innermost
from ..scans import along
from ..statistics import slopes
from .calls import complex_operation
from .functions import abs
from .making import converted_complex
from .parts import as_complex
from .products import inv, solve, solve_triangular
from .tensor import TABLE, ComplexTensor


def _converting(name: str, d: Any) -> None:
    def converted(self: Any, memory_format: Any = None) -> Tensor:
        return converted_complex(self, d)  # type: ignore[no-any-return]

    complex_operation(name)(converted)


_converting("cfloat", complex64)
_converting("cdouble", complex128)


@complex_operation()
def corrcoef(input: ComplexTensor) -> Tensor:
    covariance: Any = TABLE["cov"](input)
    if not covariance.ndim:
        return covariance / covariance  # type: ignore[no-any-return]
    deviation = covariance.diagonal().real.sqrt()
    result = covariance / deviation.unsqueeze(1) / deviation.unsqueeze(0)
    return ComplexTensor.of(result.resolved().clamp(-1, 1))


@complex_operation()
def ldexp(input: Any, other: Any) -> Tensor:
    return input * 2.0**other  # type: ignore[no-any-return]


@complex_operation()
def triangular_solve(
    input: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Tensor, Tensor]:
    matrix = A.mT if transpose else A
    return solve_triangular(matrix, input, upper=upper != transpose, unitriangular=unitriangular), A.clone()


@complex_operation("linalg_tensorinv")
def tensorinv(A: ComplexTensor, ind: int = 2) -> Tensor:
    rows, columns = A.shape[:ind], A.shape[ind:]
    return inv(A.reshape(prod(rows), prod(columns))).reshape(*columns, *rows)  # type: ignore[arg-type]


@complex_operation("linalg_tensorsolve")
def tensorsolve(A: Any, B: Any, dims: Any = None) -> Tensor:
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    shape = A.shape[B.ndim :]
    return solve(A.reshape(B.numel(), prod(shape)), B.reshape(-1)).reshape(shape)


@complex_operation("linalg_vander")
def linalg_vander(x: ComplexTensor, *, N: int | None = None) -> Tensor:
    x = x if x.ndim else x.unsqueeze(0)  # type: ignore[assignment]
    count = x.shape[-1] if N is None else N
    powers: list[Any] = [x * 0.0 + 1.0]
    for _ in range(count - 1):
        powers.append(powers[-1] * x)
    return TABLE["stack"](powers, -1)  # type: ignore[no-any-return]


@complex_operation()
def vander(x: ComplexTensor, N: int | None = None, increasing: bool = False) -> Tensor:
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError("N must be non-negative.")
    if not count:
        return x.new_empty(x.shape[0], 0)  # type: ignore[no-any-return]
    powers: Any = linalg_vander(x, N=count)
    return powers if increasing else powers.flip((-1,))


@complex_operation("linalg_matrix_norm")
def matrix_norm(A: ComplexTensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    x = A if dtype is None else converted_complex(A, dtype)
    if ord in ("nuc", 2, -2):
        rows, columns = [axis % x.ndim for axis in dim]
        s = TABLE["linalg_svdvals"](x.movedim((rows, columns), (-2, -1)))
        found = s.sum(-1) if ord == "nuc" else s.amax(-1) if ord == 2 else s.amin(-1)
        if keepdim:
            for axis in sorted((rows, columns)):
                found = found.unsqueeze(axis)
        return found  # type: ignore[no-any-return]
    return linalg.matrix_norm(abs(as_complex(x)), ord, dim, keepdim)  # type: ignore[no-any-return]


@complex_operation("linalg_norm")
def linalg_norm(A: ComplexTensor, ord: Any = None, dim: Any = None, keepdim: bool = False, **keywords: Any) -> Tensor:
    pair = isinstance(dim, (tuple, list)) and len(dim) == 2
    if ord in ("nuc", 2, -2) and (A.ndim == 2 and dim is None or pair):
        return matrix_norm(A, ord, tuple(dim) if pair else (-2, -1), keepdim, **keywords)
    return linalg.norm(abs(A), ord, dim, keepdim, **keywords)  # type: ignore[no-any-return]


@complex_operation("linalg_cond")
def cond(A: ComplexTensor, p: Any = None) -> Tensor:
    if p is None or p in (2, -2):
        s = TABLE["linalg_svdvals"](A)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]  # type: ignore[no-any-return]
    return matrix_norm(A, p) * matrix_norm(as_complex(inv(A)), p)


@complex_operation("trapezoid", "trapz")
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    left, right, steps = along("trapezoid", y, x, dx, dim)
    return ((left + right) * steps).sum(dim) / 2.0  # type: ignore[no-any-return]


@complex_operation()
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    left, right, steps = along("cumulative_trapezoid", y, x, dx, dim)
    return ((left + right) * steps).cumsum(dim) / 2.0  # type: ignore[no-any-return]


@complex_operation()
def gradient(input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    return tuple([TABLE["cat"](pieces, axis) for axis, pieces in slopes(input, spacing, dim, edge_order)])


@complex_operation()
def _chunk_cat(tensors: Any, dim: int, num_chunks: int) -> Tensor:
    rank = dim if dim >= 0 else dim - 1  # pairs have an axis more, which ends up among the elements of a chunk
    return ComplexTensor.of(real._chunk_cat([as_complex(x).resolved() for x in tensors], rank, num_chunks).unflatten(-1, (-1, 2)))


def _generally(name: str) -> None:
    """What is written in methods and operators alone, and so is the same for complex numbers."""

    def operation(*arguments: Any, **keywords: Any) -> Any:
        from .. import beneath

        return innermost(getattr(beneath, name))(*arguments, **keywords)

    complex_operation(name)(operation)


for _name in ("_unsafe_masked_index", "_unsafe_masked_index_put_accumulate"):
    _generally(_name)
