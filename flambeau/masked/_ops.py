"""Reductions and normalisations over the elements that a mask lets through; what it leaves out counts as the identity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..graph.dtypes import dtype as DType
from ..graph.limits import iinfo
from ..nn.functional import log_softmax as _log_softmax
from ..nn.functional import softmax as _softmax

Dims = int | Sequence[int] | None


def _axes(dim: Dims, ndim: int) -> tuple[int, ...]:
    """The axes that are reduced over, rising: all of them if ``dim`` is None or empty."""
    if dim is None or dim == ():
        return tuple(range(ndim))
    found: list[int] = []
    ndim = max(ndim, 1)
    for d in (dim,) if isinstance(dim, int) else dim:
        if d in found:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
        if not -ndim <= d < ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {d})")
        found.append(d % ndim)
    return tuple(sorted(found))


def _fitted(mask: Tensor, input: Tensor) -> Tensor:
    """The mask as booleans of the input's shape."""
    if mask.ndim > input.ndim:
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    return mask.broadcast_to(input.shape).bool()  # type: ignore[no-any-return]


def _filled(input: Tensor, mask: Tensor | None, identity: Any) -> Tensor:
    """What is left out is the identity, or what that is for the input's dtype."""
    if mask is None:
        return input
    return flambeau.where(_fitted(mask, input), input, identity(input.dtype) if callable(identity) else identity)


def _least(d: DType) -> Any:
    return -math.inf if d.is_floating_point or d.is_complex else iinfo(d).min


def _largest(d: DType) -> Any:
    return math.inf if d.is_floating_point else iinfo(d).max


def _sum_dtype(d: DType) -> DType:
    """Small integers and booleans are added and multiplied in 64 bits."""
    return d if d.is_floating_point or d.is_complex else flambeau.int64


def sum(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """The sum of the elements let through over ``dim``; 0 where there is none."""
    return flambeau.sum(  # type: ignore[no-any-return]
        _filled(input, mask, 0), _axes(dim, input.ndim), bool(keepdim), dtype=dtype or _sum_dtype(input.dtype)
    )


def prod(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """The product of the elements let through over ``dim``; 1 where there is none."""
    result = _filled(input, mask, 1).to(dtype or _sum_dtype(input.dtype))
    for axis in reversed(_axes(dim, input.ndim)):
        result = result.prod(axis, bool(keepdim))
    return result


def cumsum(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """The sums of the elements let through up to each place along ``dim``."""
    d = dtype or input.dtype
    return flambeau.cumsum(_filled(input, mask, 0), _axes(dim, input.ndim)[0], dtype=d)


def cumprod(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """The products of the elements let through up to each place along ``dim``."""
    d = dtype or input.dtype
    return flambeau.cumprod(_filled(input, mask, 1), _axes(dim, input.ndim)[0], dtype=d)


def amax(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """The largest element let through over ``dim``; the least number where there is none."""
    filled = _filled(input, mask, _least)
    return filled.amax(_axes(dim, input.ndim), bool(keepdim)).to(dtype or input.dtype)


def amin(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """The least element let through over ``dim``; the largest number where there is none."""
    filled = _filled(input, mask, _largest)
    return filled.amin(_axes(dim, input.ndim), bool(keepdim)).to(dtype or input.dtype)


def argmax(
    input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The place of the largest element let through along ``dim``."""
    return _filled(input, mask, _least).argmax(dim, bool(keepdim)).to(dtype or input.dtype)


def argmin(
    input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The place of the least element let through along ``dim``."""
    return _filled(input, mask, _largest).argmin(dim, bool(keepdim)).to(dtype or input.dtype)


def _count(input: Tensor, dim: Dims, keepdim: bool, mask: Tensor | None) -> Tensor:
    """How many elements are let through over ``dim``."""
    let = flambeau.ones(input.shape, dtype=flambeau.int64) if mask is None else _fitted(mask, input).long()
    return let.sum(_axes(dim, input.ndim), keepdim)


def mean(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """The mean of the elements let through over ``dim``; NaN where there is none."""
    d = dtype or input.dtype
    if not (d.is_floating_point or d.is_complex):
        raise ValueError(
            f"mean(): Could not infer output dtype. {'Optional' if dtype else 'Input'} dtype must be either a floating point or "
            f"complex dtype. Got: {d}"
        )
    return sum(input, dim, keepdim=keepdim, dtype=d, mask=mask) / _count(input, dim, bool(keepdim), mask)


def median(
    input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """The median of the elements let through along ``dim``; NaN where there is none, ``ValueError`` if that is no number."""
    whole = not input.is_floating_point()
    filled = _filled(input.float() if whole else input, mask, math.nan)
    result = flambeau.nanmedian(filled, _axes(dim, input.ndim)[0], keepdim).values
    if whole and bool(result.isnan().any()):
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return result.to(dtype or input.dtype) if whole else result  # type: ignore[no-any-return]


def logsumexp(
    input: Tensor, dim: Dims = None, *, keepdim: bool = False, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """The logarithm of the sum of exponentials of the elements let through over ``dim``."""
    filled = _filled(input, mask, _least)
    return filled.logsumexp(_axes(dim, input.ndim), keepdim).to(dtype or input.dtype)


def logaddexp(
    input: Tensor, other: Tensor, *, dtype: DType | None = None, input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The logarithm of the sum of two exponentials, of which either may be left out."""
    first = _filled(input, input_mask, _least)
    second = _filled(other, other_mask, _least)
    return flambeau.logaddexp(first, second).to(dtype or input.dtype)


def norm(
    input: Tensor, ord: float | None = 2.0, dim: Dims = None, *, keepdim: bool | None = False, dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The ``ord``-norm of the elements let through over ``dim``."""
    filled = _filled(input, mask, math.inf if ord == -math.inf else 0)
    axes = _axes(dim, input.ndim)
    return flambeau.linalg.vector_norm(filled, ord, axes, bool(keepdim), dtype=dtype or input.dtype)  # type: ignore[no-any-return]


def _spread(
    input: Tensor, dim: Dims, unbiased: bool | None, correction: float | None, keepdim: bool | None, dtype: DType | None,
    mask: Tensor | None,
) -> Tensor:  # fmt: skip
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    less = float(correction) if correction is not None else 0.0 if unbiased is False else 1.0
    d = dtype or (input.dtype if input.is_floating_point() or input.is_complex() else flambeau.float32)
    inner = d if d.is_floating_point or d.is_complex else flambeau.float32
    average = sum(input, dim, keepdim=True, dtype=d, mask=mask) / _count(input, dim, True, mask)
    distance = input - average
    squares = distance * distance.conj() if d.is_complex else distance * distance
    total = sum(squares, dim, keepdim=keepdim, dtype=inner, mask=mask)
    count = _count(input, dim, bool(keepdim), mask)
    if less:
        count = (count.to(inner.to_real()) - less).clamp(min=0)
    return (total / count).to(d)


def var(
    input: Tensor, dim: Dims = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim: bool | None = False, dtype: DType | None = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The variance of the elements let through over ``dim``, divided by their number less ``correction`` (1 if not given)."""
    return _spread(input, dim, unbiased, correction, keepdim, dtype, mask)


def std(
    input: Tensor, dim: Dims = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim: bool | None = False, dtype: DType | None = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The square root of :func:`var`."""
    return _spread(input, dim, unbiased, correction, keepdim, dtype, mask).sqrt()


def softmax(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """Softmax along ``dim`` over the elements let through; the others get 0."""
    filled = _filled(input, mask, _least)
    return _softmax(filled, _axes(dim, input.ndim)[0], dtype=dtype or input.dtype)


def log_softmax(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """The logarithm of :func:`softmax`."""
    filled = _filled(input, mask, _least)
    return _log_softmax(filled, _axes(dim, input.ndim)[0], dtype=dtype or input.dtype)


def softmin(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """:func:`softmax` of the negative numbers."""
    filled = _filled(input, mask, _largest)
    return _softmax(-filled, _axes(dim, input.ndim)[0], dtype=dtype or input.dtype)


def normalize(
    input: Tensor, ord: float, dim: int, *, eps: float = 1e-12, dtype: DType | None = None, mask: Tensor | None = None
) -> Tensor:
    """The elements by the norm of those let through along ``dim``, or by ``eps`` if that is less; the others get 0."""
    size = norm(input, ord, dim, keepdim=True, dtype=dtype or input.dtype, mask=mask)
    return _filled(input, mask, 0) / size.clamp(min=eps)
