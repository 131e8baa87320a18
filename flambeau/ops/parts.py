"""Views of parts of a tensor (``narrow``, ``select``, ``unfold``), and axes cut into parts (``split``, ``unbind``)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any

from ..core.history import Gradient
from ..core.storage import whole
from ..core.tensor import Tensor
from ..graph.bounds import check_strides
from ..graph.dtypes import TYPE_NAMES, int64
from ..graph.placeholder import as_count, as_integer
from ..graph.shapes import MOVED, Size, View, contiguous_strides, wrap_dim
from ..graph.trace import local, record_constant
from .dispatch import share
from .joining import cat, stack
from .one_node import one_node
from .operation import Sizes, operation, titled
from .views import AsStridedBackward0, geometry, look, seen_anew_in_place, sizes_of, spread, view_of


class SliceBackward0(Gradient):
    """``context`` ((input sizes), (sizes, strides, offset) relative to a contiguous input)."""

    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> Tensor:
        shape, view = self.context
        return spread(grad, (shape, contiguous_strides(shape), 0), view)


SelectBackward0 = SliceBackward0.named("SelectBackward0")
UnfoldBackward0 = SliceBackward0.named("UnfoldBackward0")


class PartsBackward(Gradient):
    """Of parts that together are their input, along an axis. ``context``: its shape, the axis, and whether the parts lack it."""

    several_views = True

    def backward(self, grad: Any) -> Tensor:
        shape, axis, lacking = self.context
        given: dict[int, Tensor] = grad if type(grad) is dict else {0: grad}
        if len(given) == 1:
            ((number, part),) = given.items()
            plain = contiguous_strides(shape)
            start = number if lacking else sum([sizes[axis] for sizes in self.shape[:number]])
            strides = [step for k, step in enumerate(plain) if k != axis or not lacking]
            return spread(part, (shape, plain, 0), View(part.shape, strides, start * plain[axis]))
        parts = [given[k] if k in given else self._zeros(k) for k in range(self.outputs)]
        return stack(parts, axis) if lacking else cat(parts, axis)

    def _zeros(self, number: int) -> Tensor:
        return Tensor._from_node(record_constant(self.shape[number], 0, self.dtype[number]))


class UnsafePartsBackward(PartsBackward):
    """The same where nobody watches over what is written to the parts."""

    several_views = False


def _with_one_history(name: str, input: Tensor, axis: int, lacking: bool, parts: list[Tensor]) -> tuple[Tensor, ...]:
    """Parts that together are ``input``: their gradients come back as one."""
    if len(parts) > 1 and input._tracked and local.grad and not local.inference:
        shapes, dtypes = [part.shape for part in parts], [part.dtype for part in parts]
        edges, context = (input._gradient or input,), (input.shape, axis, lacking)
        kind = UnsafePartsBackward if name.startswith("Unsafe") else PartsBackward
        history = kind.named(name, len(parts)).of(edges, (), shapes, dtypes, context)
        share(history, parts)
    return tuple(parts)


def part_of(
    input: Tensor,
    sizes: Sequence[int],
    steps: Sequence[tuple[int, int]],
    starts: Sequence[int],
    gradient: type[Gradient],
) -> Tensor:
    """A part of ``input``: result axis k walks input axis ``steps[k][0]`` by ``steps[k][1]``; ``starts`` per input axis."""
    _, strides, offset = geometry(input)
    at = offset + sum([s * k for s, k in zip(strides, starts)])
    relative = None
    if input._tracked:
        plain = contiguous_strides(input.shape)
        relative = View(sizes, [plain[axis] * step for axis, step in steps], sum(s * k for s, k in zip(plain, starts)))
    return view_of(input, sizes, [strides[axis] * step for axis, step in steps], at, gradient, relative)


def slice_axis(input: Tensor, dim: int, start: int, length: int, step: int, gradient: type[Gradient]) -> Tensor:
    """Every ``step``-th element of an axis from ``start`` on."""
    sizes = list(input.shape)
    sizes[dim] = length
    steps = [(axis, step if axis == dim else 1) for axis in range(len(sizes))]
    starts = [start if axis == dim else 0 for axis in range(len(sizes))]
    return part_of(input, sizes, steps, starts, gradient)


@operation()
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """``length`` elements of an axis from ``start`` on."""
    if input.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    d = wrap_dim(dim, input.ndim)
    extent = input.shape[d]
    if isinstance(start, Tensor) and (start.ndim or start.dtype.category != 1):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    first, length = int(start) if isinstance(start, Tensor) else as_count(start), as_count(length)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -extent <= first <= extent:
        raise IndexError(f"start out of range (expected to be in range of [{-extent}, {extent}], but got {first})")
    first = first + extent if first < 0 else first
    if first + length > extent:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({extent}).")
    return slice_axis(input, d, first, length, 1, SliceBackward0)


@operation()
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One element of an axis, which disappears."""
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    shape = input.shape
    d = wrap_dim(dim, len(shape))
    extent = shape[d]
    k = as_count(index)
    if not -extent <= k < extent:
        raise IndexError(f"select(): index {k} out of range for tensor of size {list(shape)} at dimension {d}")
    return selected(input, d, k + extent if k < 0 else k, SelectBackward0)


def selected(input: Tensor, d: int, k: int, gradient: type[Gradient]) -> Tensor:
    """Element ``k`` of axis ``d``, both within bounds."""
    view = input._view or whole(input._node.shape)
    rest, step = without_axis(view.moved, d)
    relative = None
    if input._tracked:
        plain, plain_step = without_axis(whole(input.shape), d)
        relative = plain.at(k * plain_step)
    return look(input, rest.at(view.offset + k * step), gradient, relative)


@lru_cache(maxsize=1024)
def without_axis(view: View, axis: int) -> tuple[View, int]:
    """The view without one of its axes, to be placed somewhere; and that axis's stride."""
    sizes, strides = (tuple(n for a, n in enumerate(numbers) if a != axis) for numbers in (view.sizes, view.strides))
    return View(sizes, strides, MOVED), view.strides[axis]


@operation()
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal over two axes as a new last axis."""
    rank = input.ndim
    a, b = wrap_dim(dim1, rank), wrap_dim(dim2, rank)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    sizes = input.shape
    if offset >= 0:
        length, starts = min(sizes[a], sizes[b] - offset), {b: offset}
    else:
        length, starts = min(sizes[a] + offset, sizes[b]), {a: -offset}
    length = max(length, 0)
    rest = [axis for axis in range(rank) if axis not in (a, b)]
    _, strides, at = geometry(input)
    plain = contiguous_strides(sizes)
    first = {axis: (k if length else 0) for axis, k in starts.items()}
    new_sizes = [*(sizes[i] for i in rest), length]
    relative = View(
        new_sizes, [*(plain[i] for i in rest), plain[a] + plain[b]], sum(plain[i] * k for i, k in first.items())
    )
    return view_of(
        input, new_sizes, [*(strides[i] for i in rest), strides[a] + strides[b]],
        at + sum(strides[i] * k for i, k in first.items()), SliceBackward0.named("DiagonalBackward0"), relative,
    )  # fmt: skip


@operation(function=False)
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of ``size`` elements, ``step`` apart, along an axis; the window is the new last axis."""
    d = wrap_dim(dimension, self.ndim)
    sizes, strides, offset = geometry(self)
    if not sizes:
        sizes, strides = Size((1,)), (1,)
    if size > sizes[d]:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {sizes[d]} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not self.ndim:  # one window, and no axis for its number
        return view_of(self, [size], [1], offset, UnfoldBackward0, View([size], [1], 0))
    count = (sizes[d] - size) // step + 1
    plain = contiguous_strides(sizes)
    new_sizes = [*sizes[:d], count, *sizes[d + 1 :], size]
    relative = View(new_sizes, [*plain[:d], plain[d] * step, *plain[d + 1 :], plain[d]], 0)
    new_strides = [*strides[:d], strides[d] * step, *strides[d + 1 :], strides[d]]
    return view_of(self, new_sizes, new_strides, offset, UnfoldBackward0, relative)


@operation()
def as_strided(input: Tensor, size: Sizes, stride: Sizes, storage_offset: int | None = None) -> Tensor:
    """A view of the storage by explicit sizes, strides and offset; ``RuntimeError`` if it would reach outside."""
    base = input._base
    if base is None or not base._tracked:  # also of a leaf that is a view of what has no history
        base = input
    offset = input.storage_offset() if storage_offset is None else storage_offset
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    view = View(sizes_of((size,)), sizes_of((stride,)), offset)
    check_strides(view.strides)
    view.check_within(input._read().shape.numel(), input.itemsize)
    result = view_of(input, view.sizes, view.strides, offset, AsStridedBackward0)
    if result._tracked:
        result._gradient.edges = (base._gradient or base,)
        result._gradient.context = (geometry(base), view)
    return result


seen_anew_in_place(as_strided)


@operation(method=False, out="exact")
@one_node("AsStridedBackward0_copy")
def as_strided_copy(input: Tensor, size: Sizes, stride: Sizes, storage_offset: int | None = None) -> Tensor:
    """A copy of what :func:`as_strided` looks at."""
    return as_strided(input, size, stride, storage_offset).clone()  # type: ignore[no-any-return]


# --- axes cut into consecutive parts ----------------------------------------------------------------------------------


SplitBackward0 = SliceBackward0.named("SplitBackward0")


MOST_PARTS = 1 << 27
"""An axis without elements can be cut into any number of parts, of which each takes memory."""


def check_parts(count: int) -> None:
    """``RuntimeError`` for more parts than there is memory for."""
    if count > MOST_PARTS:
        raise RuntimeError(f"an axis can be cut into {MOST_PARTS} parts at most, but got {count}")


@operation()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """All slices along an axis, as a tuple of views."""
    if input.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    d = wrap_dim(dim, input.ndim)
    check_parts(input.shape[d])
    count = input.shape[d]
    if count == 1:
        return (selected(input, d, 0, SelectBackward0),)
    view = input._view or whole(input._node.shape)
    rest, step = without_axis(view.moved, d)
    parts = [look(input, rest.at(view.offset + k * step), None) for k in range(count)]
    return _with_one_history("UnbindBackward0", input, d, True, parts)


@operation(
    "split(input, split_size)", "split(tensor, split_sizes)", "split_with_sizes(input, split_sizes)", method=False
)
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of an axis: of one size, or of the sizes listed."""
    listed = isinstance(split_size_or_sections, (list, tuple))
    return _split(tensor, split_size_or_sections, dim, "SplitWithSizesBackward0" if listed else "SplitBackward0")


def _split(tensor: Tensor, split_size_or_sections: Any, dim: int, name: str) -> tuple[Tensor, ...]:
    sizes = tensor.shape
    if not sizes:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    d = wrap_dim(dim, len(sizes))
    extent = sizes[d]
    if isinstance(split_size_or_sections, (list, tuple)):
        sections = list(sizes_of((split_size_or_sections,)))
        if sum(sections) != extent:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {extent} (input tensor's size at dimension {d}), "
                f"but got split_sizes={sections}"
            )
    else:
        size = as_count(split_size_or_sections)
        if size < 0 or (size == 0 and extent):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        check_parts(extent // max(size, 1))
        sections = [min(size, extent - k) for k in range(0, extent, size)] if size and extent else [extent]
    if len(sections) == 1:
        return (slice_axis(tensor, d, 0, extent, 1, SliceBackward0.named(name)),)
    view = tensor._view or whole(tensor._node.shape)
    places = _sections(view.moved, d, tuple(sections))
    if view.offset:
        places = [part.moved.at(view.offset + part.offset) for part in places]
    return _with_one_history(name, tensor, d, False, [look(tensor, part, None) for part in places])


@lru_cache(maxsize=1024)
def _sections(view: View, axis: int, lengths: tuple[int, ...]) -> list[View]:
    """Consecutive parts of an axis, placed from the beginning of the view."""
    sizes, step = view.sizes, view.strides[axis]
    starts = accumulate(lengths, initial=0)
    return [
        View((*sizes[:axis], length, *sizes[axis + 1 :]), view.strides, start * step) for length, start in zip(lengths, starts)
    ]


def _split_method(self: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of an axis."""
    return split(self, split_size, dim)


Tensor.split = _split_method  # type: ignore[assignment, method-assign]
Tensor.split_with_sizes = split  # type: ignore[assignment, method-assign]


@operation()
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """An axis cut into at most ``chunks`` parts of equal size (the last may be smaller)."""
    sizes = input.shape
    if not sizes:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    chunks = as_count(chunks)
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    d = wrap_dim(dim, len(sizes))
    extent = sizes[d]
    size = max(1, -(-extent // chunks))
    if extent == 0:
        check_parts(chunks)
        return tuple(slice_axis(input, d, 0, 0, 1, SplitBackward0) for _ in range(chunks))
    return _split(input, size, d, "SplitBackward0")


@operation(
    "tensor_split(input, sections)", "tensor_split(input, indices)", "tensor_split(input, tensor_indices_or_sections)"
)
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """An axis cut into nearly equal sections, or at the given indices."""
    if isinstance(indices_or_sections, (tuple, list)):
        indices_or_sections = [*map(as_integer, indices_or_sections)]
    if input.ndim == 0:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    if isinstance(indices_or_sections, Tensor):
        if indices_or_sections.dtype is not int64:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
                f"{TYPE_NAMES[indices_or_sections.dtype]}"
            )
        if indices_or_sections.ndim > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, but "
                f"got a tensor with {indices_or_sections.ndim} dims"
            )
        if indices_or_sections.ndim == 0:
            indices_or_sections = int(indices_or_sections)
    d = wrap_dim(dim, input.ndim)
    extent = input.shape[d]
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {indices_or_sections}")
        check_parts(indices_or_sections)
        many, more = divmod(extent, indices_or_sections)
        ends, at = [], 0
        for k in range(indices_or_sections):
            at += many + (k < more)
            ends.append(at)
    else:
        ends = [*map(as_integer, indices_or_sections), extent]
    parts, start = [], 0
    for end in ends:
        first, last, _ = slice(start, end).indices(extent)
        parts.append(slice_axis(input, d, first, max(last - first, 0), 1, SliceBackward0))
        start = end
    return tuple(parts)


def _split_along(name: str, axis: int, least: int) -> Any:
    def parts(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        if input.ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {input.ndim} "
                "dimensions!"
            )
        at = 0 if name == "hsplit" and input.ndim == 1 else axis
        extent = input.shape[at]
        if isinstance(indices_or_sections, int) and (indices_or_sections <= 0 or extent % indices_or_sections):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {at}, but the size of the dimension {extent} is not "
                f"divisible by the split_size {indices_or_sections}!"
            )
        return input.tensor_split(indices_or_sections, at)

    titled(parts, name, f"Views of equal parts of axis {axis}, or cut at the given indices.")
    return operation(f"{name}(input, sections)", f"{name}(input, indices)")(parts)


hsplit, vsplit, dsplit = _split_along("hsplit", 1, 1), _split_along("vsplit", 0, 2), _split_along("dsplit", 2, 3)


@operation("unsafe_split_with_sizes(input, split_sizes)")
def unsafe_split(input: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """:func:`split`; PyTorch does not watch over what is written to these views."""
    return _split(input, split_size, dim, "UnsafeSplitBackward0")


@operation()
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """:func:`chunk`; PyTorch does not watch over what is written to these views."""
    if input.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0 or input.shape[wrap_dim(dim, input.ndim)] == 0:
        return chunk(input, chunks, dim)
    return unsafe_split(input, max(1, -(-input.shape[dim] // chunks)), dim)
