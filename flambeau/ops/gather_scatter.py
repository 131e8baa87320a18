"""Elements along one axis by index: for each element of the index, the element there is read or written."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..core.history import INPUTS, RESULT, Gradient
from ..core.modes import without_history
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.bounds import check_fits
from ..graph.checks import Check
from ..graph.dtypes import TYPE_NAMES
from ..graph.notices import warn_once
from ..graph.shapes import Size, broadcast_shapes, size_along, wrap_dim
from .addressing import Addressing, Layout, addressed, along, check_index, gathered, layout_along, scattered
from .creation import filled
from .dispatch import with_history
from .one_node import one_node
from .operation import operation


def _same_rank(what: str, sizes: Size, index: Size) -> None:
    if max(len(sizes), 1) != max(len(index), 1):
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {what} tensor")


POSITION = Check(
    IndexError, "out of range: tried to access index {value} on a tensor of {size} elements.", wraps=True
)
"""A position in a flattened tensor."""


class GatherBackward0(Gradient):
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor, None]:
        dim, shape = self.context
        zeros = filled(Size(shape), 0, grad.dtype)
        # An index of nothing may be of any dtype and rank.
        return scatter_add(zeros, dim, self.input(1), grad) if grad.numel() else zeros + grad.sum(), None


@one_node("GatherBackward0")
def _gathered_flat(input: Tensor, index: Tensor) -> Tensor:
    """:func:`gather` where the input or the index has no dimensions."""
    return gather(input.reshape(-1), 0, index.reshape(-1)).reshape(index.shape)  # type: ignore[no-any-return]


@operation(out="exact apart")
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """For each element of ``index``, the element of ``input`` there along ``dim`` (and at the same place elsewhere)."""
    sizes, index_sizes = input.shape, index.shape
    d = wrap_dim(dim, len(sizes))
    if 0 not in index_sizes:
        check_index("gather", index)
        _same_rank("input", sizes, index_sizes)
    elif len(index_sizes) != len(sizes):
        result = filled(index_sizes, 0, input.dtype)
        return with_history(result, GatherBackward0, [input, index], (d, sizes), kept=[None, index])
    if not index_sizes or not sizes:
        return _gathered_flat(input, index)
    result = addressed(input, Addressing.of(_gather_layout(sizes, d, index_sizes), [index]))
    return with_history(result, GatherBackward0, [input, index], (d, sizes), kept=[None, index])


@lru_cache(maxsize=1024)
def _gather_layout(sizes: Size, d: int, index: Size) -> Layout:
    for axis in range(len(index)):
        if axis != d and index[axis] > sizes[axis]:
            raise RuntimeError(
                f"Size does not match at dimension {axis} expected index {list(index)} to be no larger than self "
                f"{list(sizes)} apart from dimension {d}"
            )
    return layout_along(sizes, d, index, along(d))


@operation(out="exact")
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """:func:`gather` with broadcasting; over all elements without ``dim``."""
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    if indices.dtype is not dtypes.int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {TYPE_NAMES[indices.dtype]}"
        )
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    d = wrap_dim(dim, input.ndim)
    shape = broadcast_shapes(
        [1 if a == d else n for a, n in enumerate(input.shape)],
        [1 if a == d else n for a, n in enumerate(indices.shape)],
    )
    indices = indices % size_along(input.shape, dim)  # PyTorch counts positions round and round
    source = input.expand([input.shape[d] if a == d else n for a, n in enumerate(shape)])
    return gather(source, d, indices.expand([indices.shape[d] if a == d else n for a, n in enumerate(shape)]))


@operation(out="exact apart")
@one_node("TakeBackward0")
def take(input: Tensor, index: Tensor) -> Tensor:
    """Elements by position in the flattened tensor, also from its end."""
    flat = flattened("take", input, index)
    if flat.shape[0] == 0 and index.numel():
        raise IndexError("take(): tried to take from an empty tensor")
    result = gathered(flat, Addressing(flat, {0: index}, POSITION))
    return result


def flattened(name: str, input: Tensor, index: Tensor) -> Tensor:
    """``input`` as a vector, for positions in it."""
    if index.dtype is not dtypes.int64:
        raise RuntimeError(f"{name}(): Expected a long tensor for index, but got {TYPE_NAMES[index.dtype]}")
    return input.reshape(-1)


def _scattered(target: Tensor, dim: int, index: Tensor, value: Tensor, mode: str, check: Check | None) -> Tensor:
    sizes, index_sizes, given = target.shape, index.shape, value.shape
    d = wrap_dim(dim, len(sizes))
    if 0 in index_sizes:
        return target.clone()
    _same_rank("self", sizes, index_sizes)
    _same_rank("src", given, index_sizes)
    if not (sizes and index_sizes and given):
        target, index, value = (x if x.shape else x.reshape(1) for x in (target, index, value))
        result = _scattered(target, 0, index, value, mode, check)
        return result if sizes else result.reshape(())
    layout = _scatter_layout(sizes, d, index_sizes, given, check or along(d))
    if given != index_sizes:
        value = value[tuple(slice(0, n) for n in index_sizes)]
    return scattered(target, value, Addressing.of(layout, [index]), mode)


@lru_cache(maxsize=1024)
def _scatter_layout(sizes: Size, d: int, index: Size, given: Size, check: Check) -> Layout:
    for axis in range(len(index)):
        if (axis != d and index[axis] > sizes[axis]) or index[axis] > given[axis]:
            raise RuntimeError(
                f"Expected index {list(index)} to be no larger than self {list(sizes)} apart from dimension {d} "
                f"and to be no larger size than src {list(given)}"
            )
    return layout_along(sizes, d, index, check)


class ScatterBackward0(Gradient):
    """``saved`` holds the index second; ``context`` (dim, whether values were added)."""

    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        dim, added, shape = self.context
        index = self.input(1)
        kept = value = None
        if self.edges[0] is not None:
            kept = grad if added else scatter(grad, dim, index, 0)
        if self.edges[2] is not None:
            value = gather(grad, dim, index)
            if shape and value.shape != shape:
                whole = filled(Size(shape), 0, grad.dtype)
                part = tuple(slice(0, n) for n in value.shape)
                whole[part] = value
                value = whole
        return kept, None, value


# ScatterBackward1: Of one value.
ScatterBackward1 = ScatterBackward0.named("ScatterBackward1")
ScatterAddBackward0 = ScatterBackward0.named("ScatterAddBackward0")


def _scatter(
    name: str, input: Tensor, dim: int, index: Tensor, src: Any, mode: str, gradient: type[Gradient],
    check: Check | None = None,
) -> Tensor:  # fmt: skip
    """``check`` says what an index out of range raises; by default an error that names the axis."""
    wrap_dim(dim, input.ndim)
    check_index(name, index)
    if isinstance(src, Tensor):
        if src.dtype is not input.dtype:
            raise RuntimeError("scatter(): Expected self.dtype to be equal to src.dtype")
        value = src
    else:
        if isinstance(src, (int, float)):
            check_fits(src, input.dtype)
        value = filled(Size(), src, input.dtype).expand(index.shape)
    result = _scattered(input, dim, index, value, mode, check)
    operands = [input, index, value]
    if gradient is ScatterReduceBackward0:
        return with_history(result, gradient, operands, (dim, mode, True))
    return with_history(result, gradient, operands, (dim, mode == "add", value.shape), kept=[None, index, None])


@operation(inplace="part", out="exact")
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """A copy in which, for each element of ``index``, the element there along ``dim`` is ``src``'s (or one value)."""
    source = value if src is None else src
    if reduce is not None:
        mode = {"add": "add", "multiply": "mul"}.get(reduce)
        if mode is None:
            raise RuntimeError("reduce argument must be either add or multiply.")
        if isinstance(source, Tensor):
            warn_once(
                "The reduce argument of torch.scatter with Tensor src is deprecated and will be removed in a future PyTorch "
                "release. Use torch.scatter_reduce instead for more reduction options."
            )
        return _scatter("scatter", input, dim, index, source, mode, ScatterAddBackward0)
    gradient = ScatterBackward0 if isinstance(source, Tensor) else ScatterBackward1
    return _scatter("scatter", input, dim, index, source, "set", gradient)


@operation(inplace="part", out="exact")
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy in which the elements of ``src`` are added at the places that ``index`` names along ``dim``."""
    if not isinstance(src, Tensor):
        raise TypeError(f"scatter_add(): argument 'src' (position 3) must be Tensor, not {type(src).__name__}")
    return _scatter("scatter_add", input, dim, index, src, "add", ScatterAddBackward0)


class ScatterReduceBackward0(Gradient):
    """Products and extrema; ``context`` (dim, mode, whether the target's elements take part).

    Equal extrema share the gradient evenly; in PyTorch, and so here, also with those of the target that do not take part.
    """

    saves = RESULT

    def backward(self, grad: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        dim, mode, include_self = self.context
        target, index, source, result = self.input(0), self.input(1), self.input(2), self.result()
        if mode == "mul":
            return self._of_product(grad, dim, target, index, source, result)
        kept = (target == result).to(grad.dtype)
        hit = (source == gather(result, dim, index)).to(grad.dtype)
        share = grad / scatter_add(kept, dim, index, hit).clamp(min=1)
        first = kept * share if include_self else scatter(kept * share, dim, index, 0)
        return first, None, hit * gather(share, dim, index)

    @staticmethod
    def _of_product(
        grad: Tensor, dim: int, target: Tensor, index: Tensor, source: Tensor, result: Tensor
    ) -> tuple[Tensor, None, Tensor]:
        """A factor's gradient is the product of the others, which division gives unless the factor is zero."""
        own = target.masked_fill(target == 0, 1)
        first = grad * scatter_reduce(own, dim, index, source, "prod") / own
        none = source == 0
        zeros = gather(scatter_add(filled(target.shape, 0, grad.dtype), dim, index, none.to(grad.dtype)), dim, index)
        alone = none & (zeros == 1)
        others = scatter_reduce(target, dim, index, source.masked_fill(alone, 1), "prod")
        divided = gather(grad * result, dim, index) / source.masked_fill(none, 1)
        return first, None, alone * gather(grad * others, dim, index) + ~alone * divided


@operation(inplace="part", out="exact")
@one_node("ScatterReduceBackward0")
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """A copy in which elements of ``src`` are combined by "sum", "prod", "mean", "amax" or "amin" at places along ``dim``."""
    return scatter_reduced(input, dim, index, src, reduce, include_self, None)


def scatter_reduced(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, include_self: bool, check: Check | None
) -> Tensor:
    """:func:`scatter_reduce`; ``check`` says what an index out of range raises."""
    if not isinstance(src, Tensor):
        raise TypeError(f"scatter_reduce(): argument 'src' (position 3) must be Tensor, not {type(src).__name__}")
    mode = {"sum": "add", "prod": "mul", "mean": "add", "amax": "amax", "amin": "amin"}.get(reduce)
    if mode is None:
        raise RuntimeError("reduce argument must be either sum, prod, mean, amax or amin, got " + reduce)
    target = input
    if not include_self:
        start = {"add": 0, "mul": 1}.get(mode)
        if start is None:
            from ..graph.limits import lowest_and_highest

            low, high = lowest_and_highest(input.dtype)
            start = low if mode == "amax" else high
            target = without_history(
                lambda: _scatter("scatter_reduce", input, dim, index, start, "set", ScatterBackward0, check)
            )
            result = without_history(
                lambda: _scatter("scatter_reduce", target, dim, index, src, mode, ScatterReduceBackward0, check)
            )
            return with_history(result, ScatterReduceBackward0, [input, index, src], (dim, mode, False))
        target = _scatter("scatter_reduce", input, dim, index, start, "set", ScatterBackward0, check)
    gradient = ScatterAddBackward0 if mode == "add" else ScatterReduceBackward0
    result = _scatter("scatter_reduce", target, dim, index, src, mode, gradient, check)
    if reduce == "mean":
        count = filled(input.shape, 1 if include_self else 0, input.dtype)
        count = scatter_add(count, dim, index, filled(src.shape, 1, input.dtype)).clamp(min=1)
        result = result / count if input.dtype.category == 2 else result // count
    return result
