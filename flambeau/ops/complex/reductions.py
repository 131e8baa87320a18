"""Sums, means, products, variances and norms of complex numbers."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import dtype as dtype_type
from ..assignment import write_out
from ..by_name import linalg, real
from ..statistics import weights_of
from .arithmetic import multiplied, nonzero_numbers
from .calls import complex_operation
from .functions import abs
from .linear import dims_of
from .making import converted_complex
from .parts import made, parts
from .tensor import TABLE, ComplexTensor, axis_of


def _reduced(name: str) -> None:
    def reduction(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: dtype_type | None = None) -> Tensor:
        if dtype is not None:
            input = converted_complex(input, dtype)
            if not isinstance(input, ComplexTensor):
                return getattr(input, name)(dim, keepdim)  # type: ignore[no-any-return]
        dims = dims_of(input, dim)
        if dims == () or not input.ndim:
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
        a, b = (real.cat([u, a[2 * half :]]), real.cat([v, b[2 * half :]])) if a.shape[0] % 2 else (u, v)
    result = made(a[0], b[0]) if a.shape[0] else made(a.sum(0) + 1, b.sum(0))
    return result.unsqueeze(at) if keepdim and dim is not None and x.ndim else result


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
        a, b = real.cat([a[:step], u]), real.cat([b[:step], v])
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


for _name in ("all", "any", "count_nonzero", "nonzero", "nonzero_static", "argwhere"):
    _told(_name)


def _nuclear(input: ComplexTensor, dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None) -> Tensor:
    found = TABLE["linalg_matrix_norm"](input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    return found if out is None else write_out(out, found, "exact")


def _of_sizes(name: str, module: str = "") -> None:
    """Norms are those of the absolute values."""

    def norm(input: ComplexTensor, *arguments: Any, **keywords: Any) -> Tensor:
        if name == "norm" and "nuc" in (*arguments[:1], keywords.get("p")):  # which is no norm of absolute values
            return _nuclear(input, *arguments[1:], **{key: value for key, value in keywords.items() if key != "p"})
        if isinstance(keywords.get("dtype"), dtype_type):
            keywords["dtype"] = keywords["dtype"].to_real()
        function = getattr(linalg if module else real, name)
        return function(abs(input), *arguments, **keywords)  # type: ignore[no-any-return]

    complex_operation(module + name)(norm)


_of_sizes("norm")
_of_sizes("vector_norm", "linalg_")


def _with_mean(name: str) -> None:
    def both(input: ComplexTensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, **keywords: Any) -> Any:
        given = (dim,) if unbiased is None else (dim, unbiased)
        spread = getattr(input, name)(*given, keepdim=keepdim, **keywords)
        return spread, input.mean(None if isinstance(dim, bool) else dim, keepdim)

    complex_operation(name + "_mean")(both)


_with_mean("var")
_with_mean("std")


@complex_operation()
def dist(input: Any, other: Any, p: float = 2) -> Tensor:
    return real.norm(abs(input - other), p)  # type: ignore[no-any-return]


@complex_operation()
def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    return real.norm(abs(x1 - x2 + eps), p, -1, keepdim)  # type: ignore[no-any-return]


@complex_operation()
def normalize(input: ComplexTensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Any = None) -> Tensor:
    return input / real.norm(abs(input), p, dim, True).clamp_min(eps)


def _loss(name: str, of_difference: Any) -> None:
    def loss(
        input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean", weight: Any = None
    ) -> Tensor:
        if size_average is not None or reduce is not None:
            reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        if weight is not None:
            raise NotImplementedError(f"{name}() of complex numbers takes no weights")
        difference = of_difference(abs(input - target))
        return difference if reduction == "none" else getattr(difference, reduction)()  # type: ignore[no-any-return]

    complex_operation(name)(loss)


_loss("l1_loss", lambda size: size)
_loss("mse_loss", lambda size: size * size)


@complex_operation()
def cov(input: ComplexTensor, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    x = input if input.ndim == 2 else input.reshape(1, -1)
    weights = weights_of(x, fweights, aweights)
    count: Any = x.shape[1] if weights is None else weights.sum()
    shares = 1 if weights is None else weights
    x = x - (x * shares).sum(1, True) / count
    free = count - (correction if aweights is None else correction * (shares * aweights).sum() / count)
    free = free.clamp(min=0) if isinstance(free, Tensor) else max(free, 0)
    return ((x * shares) @ x.mH / free).squeeze()  # type: ignore[no-any-return]
