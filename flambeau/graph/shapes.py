"""Sizes, strides and views: plain arithmetic on tuples, with PyTorch's error messages."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from itertools import islice
from math import prod
from typing import Any, SupportsIndex, overload

from .bounds import LARGEST, SMALLEST, check_view, outside_storage

_item = tuple.__getitem__


class Size(tuple[int, ...]):
    """A tensor's sizes: a tuple of integers with PyTorch's ``numel`` and representation."""

    __slots__ = ()

    def numel(self) -> int:
        """Number of elements of a tensor of these sizes."""
        return prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    __str__ = __repr__

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Size: ...
    def __getitem__(self, index: Any) -> Any:
        item = _item(self, index)
        return Size(item) if type(item) is tuple else item

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __radd__(self, other: Any) -> Size:
        return Size(tuple(other) + tuple(self))

    def __mul__(self, count: SupportsIndex) -> Size:
        return Size(tuple.__mul__(self, count))

    __rmul__ = __mul__


def row_major_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides in elements; an extent of zero counts as one, as in PyTorch."""
    strides = []
    step = 1
    for extent in reversed(shape):
        strides.append(step)
        step *= max(extent, 1)
    return tuple(reversed(strides))


contiguous_strides = lru_cache(maxsize=1024)(row_major_strides)
"""The same, remembered: for shapes of plain integers."""


def is_contiguous(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether elements lie in row-major order without gaps (strides of extents 1 do not matter)."""
    step = 1
    for extent, stride in zip(reversed(shape), reversed(strides)):
        if extent == 0:
            return True
        if extent != 1:
            if stride != step:
                return False
            step *= extent
    return True


MOVED = -1
"""The offset of a view whose offset is given at each run."""


_views: dict[tuple[tuple[int, ...], tuple[int, ...], int], weakref.ref[View]] = {}
"""Views are found again as long as something holds them: a program may look at ever new sizes. What takes them out of here is
a C function, in which no signal's handler can come in, whose exception would be lost."""


class View:
    """Where a tensor's elements lie in its storage: sizes, strides and offset, in elements.

    ``moved`` is what a trace is keyed by: a view without offset is that itself, any other has the same view marked
    :data:`MOVED` there, offsets being given anew at each run like Python numbers. Both are interned, so that they can be
    keys by identity. Views with an offset are not: a program may look at each of a million rows.
    """

    __slots__ = ("sizes", "strides", "offset", "contiguous", "_moved", "__weakref__")

    sizes: Size
    strides: tuple[int, ...]
    offset: int
    contiguous: bool
    _moved: View | None

    def __new__(cls, sizes: Iterable[int], strides: Iterable[int], offset: int) -> View:
        if offset > 0:
            return View(sizes, strides, MOVED).at(offset)
        key = (tuple(sizes), tuple(strides), offset)
        known = _views.get(key)
        found = None if known is None else known()
        if found is None:
            if offset < MOVED:
                raise RuntimeError(f"Tensor: invalid storage offset {offset}")
            check_view(key[0], key[1])
            found = object.__new__(cls)
            found.sizes = Size(key[0])
            found.strides = key[1]
            found.offset = offset
            found.contiguous = is_contiguous(key[0], key[1])
            found._moved = None  # not itself: that would keep it until the cycle collector comes
            _views[key] = weakref.ref(found, partial(_views.pop, key))
        return found

    @property
    def moved(self) -> View:
        return self._moved or self

    def spelled(self) -> tuple[Any, ...]:
        """What it says."""
        return self.sizes, self.strides, self.offset

    @classmethod
    def count_known(cls) -> int:
        """How many views are interned."""
        return len(_views)

    @classmethod
    def forget_symbolic(cls, count: int) -> None:
        """Let go of those views interned since there were ``count`` whose integers are symbols."""
        table = _views
        added = len(table) - count if len(table) >= count else len(table)
        for key in list(islice(reversed(table), added)):
            if not all([type(n) is int for n in (*key[0], *key[1], key[2])]):
                table.pop(key, None)

    def at(self, offset: int) -> View:
        """A view of the same sizes and strides that begins at ``offset``."""
        if offset <= 0 or self.offset != MOVED:
            return _at_start(self) if type(offset) is int and offset == 0 else View(self.sizes, self.strides, offset)
        made = object.__new__(View)
        made.sizes = self.sizes
        made.strides = self.strides
        made.offset = offset
        made.contiguous = self.contiguous
        made._moved = self
        return made

    def __repr__(self) -> str:
        return f"View(sizes={tuple(self.sizes)}, strides={self.strides}, offset={self.offset})"

    def last_element(self) -> int:
        """Largest flat position that the view reaches (-1 when it has no elements)."""
        if 0 in self.sizes:
            return -1
        return self.offset + sum((n - 1) * s for n, s in zip(self.sizes, self.strides))

    def check_within(self, capacity: int, itemsize: int) -> None:
        """``RuntimeError`` if the view reaches outside a storage of ``capacity`` elements, wherever it begins if that is
        not known."""
        if 0 in self.sizes:
            return
        before = behind = 0
        for n, s in zip(self.sizes, self.strides):
            if s > 0:
                behind += (n - 1) * s
            elif s < 0:
                before -= (n - 1) * s
        first = before if self.offset == MOVED else self.offset
        if first < before or first + behind >= capacity:
            raise outside_storage(self.sizes, self.strides, first, capacity, itemsize)

    def overlaps_itself(self) -> bool:
        """Whether two indices may name one element (an expanded tensor, say)."""
        if self.contiguous:
            return False
        reach = 1
        for stride, extent in sorted((s, n) for n, s in zip(self.sizes, self.strides) if n > 1):
            if stride < reach:
                return True
            reach = stride * (extent - 1) + reach
        return False


@lru_cache(maxsize=1024)
def _at_start(view: View) -> View:
    return View(view.sizes, view.strides, 0)


def broadcast_shapes(*shapes: Sequence[int]) -> Size:
    """The common shape of operands; ``RuntimeError`` naming both sizes when there is none."""
    first = shapes[0] if shapes else ()
    if type(first) is Size and all([shape == first or not shape for shape in shapes]):
        return first
    rank = max((len(shape) for shape in shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for i, extent in zip(range(rank - 1, -1, -1), reversed(shape)):  # from the back: of several errors the last is told
            if extent != 1:
                if result[i] == 1:
                    result[i] = extent
                elif result[i] != extent:
                    raise RuntimeError(
                        f"The size of tensor a ({result[i]}) must match the size of tensor b ({extent}) "
                        f"at non-singleton dimension {i}"
                    )
    return Size(result)


def broadcast_strides(sizes: Sequence[int], strides: Sequence[int], shape: Sequence[int]) -> tuple[int, ...]:
    """Strides that read a view of ``sizes`` as if it had the larger ``shape`` (0 along repeated axes)."""
    lead = len(shape) - len(sizes)
    return (0,) * lead + tuple(0 if n == 1 and m != 1 else s for n, s, m in zip(sizes, strides, shape[lead:]))


def wrap_dim(dim: int, rank: int) -> int:
    """A dimension number counted from the front; ``IndexError`` when out of range, ``ValueError`` beyond 64 bits.

    A truth value is no number here (``TypeError``).
    """
    if type(dim) is not int:
        if isinstance(dim, bool):
            raise TypeError("a dimension must be int, not bool")
        dim = operator.index(dim)
    span = max(rank, 1)
    if not -span <= dim < span:
        if not SMALLEST <= dim <= LARGEST:
            raise ValueError(f"Overflow when unpacking long long: {dim} was given as a dimension")
        raise IndexError(f"Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {dim})")
    return dim + span if dim < 0 else dim


def size_along(sizes: Sequence[int], dim: int) -> int:
    """The extent of a dimension counted from either end; ``IndexError`` when there is none."""
    if not sizes:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return sizes[wrap_dim(dim, len(sizes))]


def wrap_dims(dims: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Dimension numbers counted from the front, sorted; all of them for ``None`` or an empty sequence."""
    if dims is None:
        return tuple(range(rank))
    wrapped = [wrap_dim(d, rank) for d in (dims if isinstance(dims, (tuple, list)) else (dims,))]
    if not wrapped:
        return tuple(range(rank))
    if len(set(wrapped)) != len(wrapped):
        repeated = next(d for d in wrapped if wrapped.count(d) > 1)
        raise RuntimeError(f"dim {repeated} appears multiple times in the list of dims")
    return tuple(sorted(wrapped)) if rank else ()


def infer_size(sizes: Sequence[int], numel: int) -> tuple[int, ...]:
    """Replace a single -1 so that the product is ``numel``; ``RuntimeError`` when that cannot be."""
    if -1 in sizes:
        known = 1
        for n in sizes:
            if n != -1:
                known *= n
        if sizes.count(-1) > 1:
            raise RuntimeError("only one dimension can be inferred")
        if known == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(sizes)} because the unspecified "
                "dimension size -1 can be any value and is ambiguous"
            )
        if numel % known == 0 and known > 0:
            return tuple(numel // known if n == -1 else n for n in sizes)
    elif all(n >= 0 for n in sizes) and prod(sizes) == numel:
        return tuple(sizes)
    if any(n < -1 for n in sizes):
        bad = next(n for n in sizes if n < -1)
        raise RuntimeError(f"invalid shape dimension {bad}")
    raise RuntimeError(f"shape '{list(sizes)}' is invalid for input of size {numel}")


def view_strides(sizes: Sequence[int], strides: Sequence[int], shape: Sequence[int]) -> tuple[int, ...] | None:
    """Strides under which elements laid out as (sizes, strides) have the new ``shape``; None if they need a copy."""
    if prod(shape) == 0:
        return contiguous_strides(tuple(shape))
    old = [(n, s) for n, s in zip(sizes, strides) if n != 1]
    # Runs of axes that are contiguous among themselves: (elements, innermost stride).
    runs: list[list[int]] = []
    for n, s in old:
        if runs and runs[-1][1] == n * s:
            runs[-1][0] *= n
            runs[-1][1] = s
        else:
            runs.append([n, s])
    result: list[int] = [0] * len(shape)
    axis = len(shape) - 1
    step = 1
    for n, s in reversed(runs):
        left, step = n, s
        while left > 1:
            while axis >= 0 and shape[axis] == 1:
                result[axis] = step
                axis -= 1
            if axis < 0 or left % shape[axis]:
                return None
            result[axis] = step
            step *= shape[axis]
            left //= shape[axis]
            axis -= 1
    while axis >= 0:
        if shape[axis] != 1:
            return None
        result[axis] = step
        axis -= 1
    return tuple(result)
