"""Products of vectors, matrices and convolutions of complex numbers: sums of products of their parts; and linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product as combinations
from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import C_NAMES
from ..by_name import functional, linalg, real
from ..systems import INVERSION, LinAlgError, _singular
from .arithmetic import add, mul
from .calls import complex_operation
from .parts import as_complex, made, minus, parts, plus
from .tensor import TABLE, ComplexTensor


def _lifted(function: Callable[..., Any], a: Any, b: Any) -> Tensor:
    """What a function that is linear in each of two arguments gives for complex ones."""
    (x, y), (u, v) = parts(a), parts(b)
    real, imaginary = function(x, u), None
    if y is not None and v is not None:
        real = minus(real, function(y, v))
    if v is not None:
        imaginary = function(x, v)
    if y is not None:
        imaginary = plus(imaginary, function(y, u))
    return made(real, imaginary)


def _bilinear(name: str, module: str = "", mixed: bool = False) -> None:
    def product(a: Any, b: Any, *arguments: Any, **keywords: Any) -> Tensor:
        d = (a, b) if mixed else _of_one_dtype(a, b)
        place = linalg if module else real
        function = getattr(place, name)
        return _lifted(lambda x, y: function(x, y, *arguments, **keywords), *d)

    complex_operation(module + name)(product)


def _of_one_dtype(a: Any, b: Any) -> tuple[Any, Any]:
    """``RuntimeError`` unless both are complex numbers of one dtype, as products want them."""
    if a.dtype is not b.dtype:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {a.dtype} != {b.dtype}")
    return a, b


for _name in ("mm", "bmm", "matmul", "mv", "dot", "inner", "tensordot", "cross"):
    _bilinear(_name)
for _name in ("outer", "kron"):  # which are products element by element, of any dtypes
    _bilinear(_name, mixed=True)
for _name in ("matmul", "cross"):
    _bilinear(_name, "linalg_")


@complex_operation()
def vdot(input: ComplexTensor, other: Any) -> Tensor:
    return TABLE["dot"](input.conj(), other)  # type: ignore[no-any-return]


@complex_operation("linalg_vecdot")
def linalg_vecdot(x: ComplexTensor, y: Any, *, dim: int = -1) -> Tensor:
    return mul(x.conj(), y).sum(dim)  # type: ignore[no-any-return]


@complex_operation()
def einsum(equation: str, *operands: Any) -> Tensor:
    if not isinstance(equation, str):
        raise NotImplementedError("einsum() of complex numbers takes an equation")
    given = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    split = [parts(x) for x in given]
    total: list[Any] = [None, None]
    for chosen in combinations((0, 1), repeat=len(given)):
        terms = [both[number] for both, number in zip(split, chosen)]
        if any([term is None for term in terms]):
            continue
        term = real.einsum(equation, *terms)
        power = sum(chosen) % 4
        total[power % 2] = plus(total[power % 2], term) if power < 2 else minus(total[power % 2], term)
    return made(*total)


def _with_sum(name: str, product: str) -> None:
    def operation(input: Any, a: Any, b: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        result = TABLE[product](a, b)
        if name == "addbmm":
            result = result.sum(0)
        result = result if alpha == 1 else mul(result, alpha)
        return add(result, input, alpha=beta) if beta != 0 else result

    complex_operation(name)(operation)


for _name, _product in {"addmm": "mm", "addmv": "mv", "baddbmm": "bmm", "addbmm": "bmm", "addr": "outer"}.items():
    _with_sum(_name, _product)


@complex_operation()
def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    result = TABLE["matmul"](*_of_one_dtype(input, weight.t() if weight.ndim == 2 else weight))
    return result if bias is None else add(result, bias)


def _convolution(name: str) -> None:
    def convolution(input: Any, weight: Any, bias: Any = None, *arguments: Any, **keywords: Any) -> Tensor:
        if not isinstance(input, ComplexTensor) and not isinstance(weight, ComplexTensor):
            kinds = C_NAMES[input.dtype], C_NAMES[bias.dtype]
            raise RuntimeError(f"Input type ({kinds[0]}) and bias type ({kinds[1]}) should be the same")
        function = getattr(functional, name)
        result = _lifted(lambda x, y: function(x, y, None, *arguments, **keywords), input, weight)
        if bias is None:
            return result
        return add(result, as_complex(bias).reshape(-1, *[1] * (weight.ndim - 2)))

    complex_operation(name)(convolution)


for _rank in "123":
    _convolution(f"conv{_rank}d")
    _convolution(f"conv_transpose{_rank}d")


@complex_operation("matrix_power", "linalg_matrix_power")
def matrix_power(input: ComplexTensor, n: int) -> Tensor:
    result: Any = None
    factor: Any = input if n >= 0 else inv(input)
    left = n if n >= 0 else -n
    if not left:
        eye = real.eye(input.shape[-1], dtype=input.dtype.to_real()).expand(input.shape)
        return as_complex(eye)
    while left:
        if left & 1:
            result = factor if result is None else result @ factor
        left >>= 1
        factor = factor @ factor if left else factor
    return result  # type: ignore[no-any-return]


# --- systems of equations ---------------------------------------------------------------------------------------------


def _block(x: ComplexTensor) -> Tensor:
    """Matrices of twice the size that do with real and imaginary parts what complex ones do with numbers."""
    a, b = parts(x)
    return real.cat([real.cat([a, -b], -1), real.cat([b, a], -1)], -2)  # type: ignore[no-any-return]


def _of_block(block: Tensor) -> Tensor:
    rows, columns = block.shape[-2] // 2, block.shape[-1] // 2
    return made(block[..., :rows, :columns], block[..., rows:, :columns])


@complex_operation("inverse", "linalg_inv")
def inv(A: ComplexTensor) -> Tensor:
    block = _block(A)
    try:
        return _of_block(linalg.inv(block))
    except LinAlgError:
        raise _singular("linalg.inv", A._values(), INVERSION) from None


@complex_operation("linalg_solve_triangular")
def solve_triangular(
    A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    A = as_complex(A)
    A = A.triu() if upper else A.tril()
    if unitriangular:
        A = A - TABLE["diag_embed"](A.diagonal(dim1=-2, dim2=-1)) + real.eye(A.shape[-1], dtype=A.dtype.to_real())
    return solve(A, B, left=left)


@complex_operation("linalg_multi_dot", "chain_matmul")
def multi_dot(*matrices: Any) -> Tensor:
    given = matrices[0] if len(matrices) == 1 else matrices
    result = given[0]
    for matrix in given[1:]:
        result = result @ matrix
    return result  # type: ignore[no-any-return]


@complex_operation("matrix_exp", "linalg_matrix_exp")
def matrix_exp(A: ComplexTensor) -> Tensor:
    return _of_block(linalg.matrix_exp(_block(A)))


@complex_operation("linalg_solve")
def solve(A: Any, B: Any, *, left: bool = True) -> Tensor:
    A, B = as_complex(A), as_complex(B)
    if not left:
        return solve(A.mT, B.mT).mT
    vector = B.ndim == 1 or B.ndim == A.ndim - 1 and B.shape == A.shape[:-1]
    x, y = parts(B.unsqueeze(-1) if vector else B)
    block, both = _block(A), real.cat([x, y], -2)
    try:
        solution = linalg.solve(block, both)
    except LinAlgError:
        raise _singular("torch.linalg.solve", A._values(), "The solver failed") from None
    rows = solution.shape[-2] // 2
    result = made(solution[..., :rows, :], solution[..., rows:, :])
    return result.squeeze(-1) if vector else result
