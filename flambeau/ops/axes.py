"""Axes in another order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph.notices import warn_once
from ..graph.shapes import View, wrap_dim
from .operation import operation
from .views import Sizes, look, seen_anew_in_place, sizes_of


class PermuteBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        order = self.context[1]
        inverse = [0] * len(order)
        for position, axis in enumerate(order):
            inverse[axis] = position
        return permute(grad, inverse)


class TransposeBackward0(PermuteBackward0):
    __slots__ = ()


class TransposeBackward1(PermuteBackward0):
    __slots__ = ()


class TBackward0(PermuteBackward0):
    __slots__ = ()


class TBackward1(PermuteBackward0):
    __slots__ = ()


@lru_cache(maxsize=4096)
def _reordered(view: View, order: tuple[int, ...]) -> View:
    return View([view.sizes[i] for i in order], [view.strides[i] for i in order], view.offset)


def _permuted(input: Tensor, order: Sequence[int], gradient: type[Gradient]) -> Tensor:
    order = tuple(order)
    input._share()
    view = input._view
    assert view is not None
    found = _reordered(view.moved, order)
    return look(input, found.at(view.offset) if view.offset else found, gradient, order)


@operation()
def permute(input: Tensor, *dims: Sizes) -> Tensor:
    """The axes in another order."""
    rank = input.ndim
    wanted = sizes_of(dims)
    if len(wanted) != rank:
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {rank} is not equal to len(dims) = {len(wanted)}"
        )
    order = [wrap_dim(d, rank) for d in wanted]
    if len(set(order)) != rank:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _permuted(input, order, PermuteBackward0)


@operation("swapaxes(input, axis0, axis1)", "swapdims")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two axes exchanged."""
    rank = input.ndim
    order = list(range(rank))
    a, b = wrap_dim(dim0, rank), wrap_dim(dim1, rank)
    if rank:
        order[a], order[b] = order[b], order[a]
    return _permuted(input, order, TransposeBackward0)


@operation()
def t(input: Tensor) -> Tensor:
    """A matrix transposed; vectors and numbers as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return _permuted(input, tuple(range(input.ndim))[::-1], TBackward0)


@operation("moveaxis")
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Axes moved to other places, the rest staying in order."""
    rank = input.ndim
    src = [wrap_dim(d, rank) for d in ((source,) if isinstance(source, int) else source)]
    dst = [wrap_dim(d, rank) for d in ((destination,) if isinstance(destination, int) else destination)]
    if len(src) != len(dst):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source and destination must have the same number"
        )
    for what, axes, given in (("source", src, source), ("destination", dst, destination)):
        if len(set(axes)) != len(axes):
            raise RuntimeError(f"movedim: repeated dim in `{what}` ({list(given)})")
    if rank == 0:
        return _permuted(input, [], PermuteBackward0)
    order: list[int] = [-1] * rank
    for a, b in zip(src, dst):
        order[b] = a
    rest = iter(i for i in range(rank) if i not in src)
    return _permuted(input, [next(rest) if i < 0 else i for i in order], PermuteBackward0)


def _mT(self: Tensor) -> Tensor:
    if self.ndim < 2:
        raise RuntimeError(f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor.")
    return transpose(self, -2, -1)


def _T(self: Tensor) -> Tensor:
    if self.ndim != 2:
        warn_once(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will throw an "
            "error in a future release. Consider `x.mT` to transpose batches of matrices or `x.permute(*torch.arange(x.ndim - "
            "1, -1, -1))` to reverse the dimensions of a tensor."
        )
    return _permuted(self, tuple(range(self.ndim))[::-1], PermuteBackward0)


Tensor.T = property(_T)  # type: ignore[attr-defined]
Tensor.H = property(lambda self: transpose(self, 0, 1))  # type: ignore[attr-defined]
Tensor.mT = property(_mT)  # type: ignore[attr-defined]
seen_anew_in_place(t, {TBackward0: TBackward1})
seen_anew_in_place(transpose, {TransposeBackward0: TransposeBackward1})
