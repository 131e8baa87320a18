"""Sums, means, products, variances and norms of complex numbers."""

from __future__ import annotations

from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...graph.dtypes import dtype as dtype_type
from .arithmetic import multiplied, nonzero_numbers
from .calls import complex_operation
from .functions import abs
from .linear import dims_of
from .making import converted_complex
from .parts import made, parts
from .tensor import ComplexTensor, axis_of


def _reduced(name: str) -> None:
    def reduction(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: dtype_type | None = None) -> Tensor:
        if dtype is not None:
            input = converted_complex(input, dtype)
            if not isinstance(input, ComplexTensor):
                return getattr(input, name)(dim, keepdim)  # type: ignore[no-any-return]
        dims = dims_of(input, dim)
        if dims == ():
            return ComplexTensor.of(input._pair.clone(), input._conjugated)
        return ComplexTensor.of(getattr(input._pair, name)(dims, keepdim), input._conjugated)

    complex_operation(name)(reduction)


_reduced("sum")
_reduced("mean")


@complex_operation()
def prod(input: ComplexTensor, dim: int | None = None, keepdim: bool = False, *, dtype: dtype_type | None = None) -> Tensor:
    """Halves multiplied with each other, until one number is left."""
    x: Any = input if dtype is None else converted_complex(input, dtype)
    if dim is None:
        x, at = x.reshape(-1), 0
    else:
        at = axis_of(x, dim)
    a, b = parts(x)
    a, b = (a.movedim(at, 0), b.movedim(at, 0)) if x.ndim else (a.reshape(1), b.reshape(1))
    while a.shape[0] > 1:
        half = a.shape[0] // 2
        u, v = multiplied((a[:half], b[:half]), (a[half : 2 * half], b[half : 2 * half]))
        a, b = (flambeau.cat([u, a[2 * half :]]), flambeau.cat([v, b[2 * half :]])) if a.shape[0] % 2 else (u, v)
    result = made(a[0], b[0]) if a.shape[0] else made(a.sum(0) + 1, b.sum(0))
    return result.unsqueeze(at) if keepdim and dim is not None else result


@complex_operation()
def cumprod(input: ComplexTensor, dim: int, *, dtype: dtype_type | None = None) -> Tensor:
    """Products with what is one, two, four, … places before."""
    x: Any = input if dtype is None else converted_complex(input, dtype)
    if not x.ndim:
        return x.clone()  # type: ignore[no-any-return]
    at = axis_of(x, dim)
    a, b = [part.movedim(at, 0) for part in parts(x)]
    step = 1
    while step < a.shape[0]:
        u, v = multiplied((a[step:], b[step:]), (a[:-step], b[:-step]))
        a, b = flambeau.cat([a[:step], u]), flambeau.cat([b[:step], v])
        step *= 2
    return made(a.movedim(0, at), b.movedim(0, at))


def _spread(name: str) -> None:
    def spread(input: ComplexTensor, *arguments: Any, **keywords: Any) -> Tensor:
        x, y = parts(input)
        total = x.var(*arguments, **keywords) + y.var(*arguments, **keywords)
        return total.sqrt() if name == "std" else total  # type: ignore[no-any-return]

    complex_operation(name)(spread)


_spread("var")
_spread("std")


def _told(name: str) -> None:
    def question(input: ComplexTensor, *arguments: Any, **keywords: Any) -> Any:
        return getattr(nonzero_numbers(input), name)(*arguments, **keywords)

    complex_operation(name)(question)


for _name in ("all", "any", "count_nonzero", "nonzero", "argwhere"):
    _told(_name)


def _of_sizes(name: str, module: str = "") -> None:
    """Norms are those of the absolute values."""

    def norm(input: ComplexTensor, *arguments: Any, **keywords: Any) -> Tensor:
        if isinstance(keywords.get("dtype"), dtype_type):
            keywords["dtype"] = keywords["dtype"].to_real()
        function = getattr(flambeau.linalg if module else flambeau, name)
        return function(abs(input), *arguments, **keywords)  # type: ignore[no-any-return]

    complex_operation(module + name)(norm)


_of_sizes("norm")
_of_sizes("vector_norm", "linalg_")
_of_sizes("dist")


@complex_operation("linalg_norm")
def linalg_norm(A: ComplexTensor, ord: Any = None, dim: Any = None, keepdim: bool = False, **keywords: Any) -> Tensor:
    if ord in ("nuc", 2, -2) and (A.ndim == 2 and dim is None or isinstance(dim, tuple) and len(dim) == 2):
        raise NotImplementedError(f"\"linalg_norm\" of order {ord!r} is not implemented for '{A.dtype}'")
    return flambeau.linalg.norm(abs(A), ord, dim, keepdim, **keywords)  # type: ignore[no-any-return]


@complex_operation()
def logsumexp(input: ComplexTensor, dim: Any, keepdim: bool = False) -> Tensor:
    x, _ = parts(input)
    dims = dims_of(input, dim)
    most = x.detach().amax(dims, keepdim=True)
    most = most.masked_fill(~most.isfinite(), 0.0)
    total = (input - most).exp().sum(dims, keepdim=keepdim).log()
    return total + (most if keepdim else most.amax(dims))


