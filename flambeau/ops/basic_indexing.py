"""Basic indices, integers and slices, and where in memory the part lies that they name: the way that most of them take.

What is not as plain as that (None, tensors, lists, a place that is not there) is for :mod:`.indexing`, errors included.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..core.at_once import writable, write_element, write_part
from ..core.storage import whole
from ..core.tensor import Tensor
from ..graph.bounds import LARGEST, SMALLEST
from ..graph.dtypes import int64
from ..graph.shapes import MOVED, Size, View
from ..graph.trace import local, record_constant
from .creation import new_element
from .parts import SelectBackward0, SliceBackward0, without_axis
from .reshaping import unsqueezed
from .views import look

_item = tuple.__getitem__
_NUMBERS = (int, float, bool)
_BOUNDS = frozenset((int, type(None)))
_ALL = slice(None)
_NO_AXES = Size()


def element_at(view: View, index: Any) -> int | None:
    """The flat position of an element named by an integer for each axis; None if that is not what ``index`` is."""
    place = view.offset
    if type(index) is int:
        if len(view.sizes) == 1:
            (extent,), (step,) = view.sizes, view.strides
            if 0 <= index < extent:
                return place + index * step
            if -extent <= index < 0:
                return place + (index + extent) * step
        return None
    if type(index) is not tuple or len(index) != len(view.sizes):
        return None
    for k, extent, step in zip(index, view.sizes, view.strides):
        if type(k) is not int or not -extent <= k < extent:
            return None
        place += (k + extent if k < 0 else k) * step
    return place


def part_at(view: View, index: Any) -> View | None:
    """The part of a view that integers, slices, None and an ellipsis name; None if it is not as plain as that, or the whole."""
    parts = index if type(index) is tuple else (index,)
    moved, place = view.moved, view.offset
    axis = 0
    dots = False
    for number, part in enumerate(parts, 1):
        kind = type(part)
        sizes = moved.sizes
        if part is None:
            moved = unsqueezed(moved, axis)
            axis += 1
            continue
        if part is Ellipsis:
            after = len(sizes) - (len(parts) - number - parts[number:].count(None))
            if dots or after < axis:
                return None
            dots, axis = True, after
            continue
        if axis >= len(sizes):
            return None
        extent = _item(sizes, axis)
        if kind is Tensor and part.dtype is int64 and not part.shape:
            part, kind = part.item(), int
        if kind is int:
            if not -extent <= part < extent:
                return None
            moved, step = without_axis(moved, axis)
            place += (part + extent if part < 0 else part) * step
        elif kind is slice and part == _ALL:
            axis += 1
        elif kind is slice and type(part.start) in _BOUNDS and type(part.stop) in _BOUNDS and type(part.step) in _BOUNDS:
            if part.step is not None and part.step <= 0:
                return None
            first, last, pace = part.indices(extent)
            place += first * _item(moved.strides, axis)
            moved = _cut(moved, axis, max(0, -(-(last - first) // pace)), pace)
            axis += 1
        else:
            return None
    return None if moved is view.moved and place == view.offset else moved.at(place)


@lru_cache(maxsize=1024)
def _cut(view: View, axis: int, length: int, pace: int) -> View:
    """Every ``pace``-th element of an axis, ``length`` of them, to be placed somewhere."""
    sizes, strides = list(view.sizes), list(view.strides)
    if sizes[axis] == length and pace == 1:
        return view
    sizes[axis] = length
    strides[axis] *= pace
    return View(sizes, strides, MOVED)


def part_of_tensor(x: Tensor, index: Any) -> Tensor | None:
    """The part of a tensor that a basic index names, as a view; None where :func:`part_at` says so, or where its history is more
    than one step."""
    view = x._view or whole(x._node.shape)
    found = part_at(view, index)
    if found is None or not x._tracked or not local.grad:
        return None if found is None else look(x, found, None)
    parts = index if type(index) is tuple else (index,)
    if None in parts:
        return None
    plain = whole(view.sizes)
    relative = found if plain is view else part_at(plain, index)
    sliced = slice in map(type, parts) and (len(parts) == 1 or _last_is_slice(parts, view.sizes))
    return look(x, found, SliceBackward0 if sliced else SelectBackward0, relative)


def _last_is_slice(parts: tuple[Any, ...], sizes: tuple[int, ...]) -> bool:
    """Whether what is taken last is a slice; an axis of which a slice takes all is not taken from."""
    axis = 0
    sliced = False
    for part in parts:
        if part is Ellipsis:
            axis = len(sizes) - len(parts) + 1 + axis
        else:
            if type(part) is not slice:
                sliced = False
            elif part != _ALL and part.indices(extent := _item(sizes, axis)) != (0, extent, 1):
                sliced = True
            axis += 1
    return sliced


def written(x: Tensor, index: Any, value: Any) -> bool:
    """``x[index] = value`` where index and value are plain and no history changes; whether it was done.

    It is done at once if all is small and in memory, else recorded.
    """
    if not writable(x):
        return False
    storage = x._storage or x._share()
    view = x._view
    assert view is not None
    number = type(value) in _NUMBERS
    if number:
        place = element_at(view, index)
        if place is not None and write_element(storage, place, value):
            return True
    elif not isinstance(value, Tensor) or value.of_parts:
        return False
    part = part_at(view, index)
    if part is None:
        return False
    if write_part(storage, part, value):
        return True
    d = storage.node.dtype
    if part.overlaps_itself():
        return False
    if number:
        if type(value) is int and not SMALLEST <= value <= LARGEST:
            return False
        storage.write_part(part, record_constant(_NO_AXES, new_element(value, d), d), None)
    else:
        node, seen = value._read(), value._view
        if value._tracked and local.grad or node.dtype is not d or (seen.sizes if seen else node.shape) not in (part.sizes, ()):
            return False
        storage.write_part(part, node, seen)
    return True
