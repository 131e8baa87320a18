"""What a step is but for its sizes, and these as a sequence of integers.

Two traces have the same structure if their steps do, one by one; then they differ in integers alone: extents of values,
sizes and strides of views, and what the attributes say of sizes. Plans are made for a structure
(:mod:`flambeau.compiler.families`); :func:`with_integers` gives a step as it would be with other sizes, symbolic ones too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

from .dtypes import DType
from .placeholder import is_integer
from .primitives import WRITE, Primitive
from .rules import from_attributes
from .shapes import View
from .windows import Convolution

_SIZES = {"gather": (0, 1), "scatter": (0, 1, 2, 3, 4)}
"""Which attributes are sizes, by kind. Where the rule is ``from_attributes``, the first is the shape of the result."""

_CONVOLVED = ("batch", "in_channels", "height", "width", "out_channels")


class Layout(NamedTuple):
    """What a :class:`View` says, of integers that may be symbolic."""

    sizes: Sequence[int]
    strides: Sequence[int]
    offset: int


class SizedStep(NamedTuple):
    """A step with its sizes: what the compiler reads of a :class:`~flambeau.graph.steps.Step`."""

    primitive: Primitive
    attributes: Any
    operands: Sequence[tuple[Any, View | Layout | None]]
    shape: Sequence[int]
    dtype: DType
    compute: DType
    site: tuple[str, int] | None


def spread(step: Any) -> tuple[Any, tuple[int, ...], tuple[int, ...]]:
    """The structure of a step (hashable), its integers, and the places that it reads, each once.

    In the structure these are complements of their numbers, so it is the same wherever the step is in a trace.
    """
    integers = [*step.shape]  # extended rather than added to: a Size would make it one
    outside: list[int] = []
    operands: list[Any] = []
    for place, view in step.operands:
        if type(place) is int:
            if place not in outside:
                outside.append(place)
            place = ~outside.index(place)
        if view is None:
            operands.append(place)
        else:
            integers.extend(view.sizes)
            integers.extend(view.strides)
            operands.append((place, len(view.sizes), view.offset))
    primitive, attributes = step.primitive, step.attributes
    if primitive.rule is from_attributes:
        attributes = attributes[1:]
        if primitive.kind == "template":
            geometry = attributes[-1]
            integers.extend([getattr(geometry, name) for name in _sizes_of(geometry)])
            attributes = (*attributes[:-1], type(geometry), *_fixed_of(geometry))
    elif primitive.kind in _SIZES:
        attributes = _spread_attributes(primitive.kind, attributes, integers)
    elif primitive is WRITE:
        integers.extend(attributes.sizes)
        integers.extend(attributes.strides)
        attributes = len(attributes.sizes), attributes.offset
    structure = primitive, attributes, *operands, len(step.shape), step.dtype, step.compute
    return structure, tuple(integers), tuple(outside)


def _spread_attributes(kind: str, attributes: Any, integers: list[int]) -> Any:
    fixed: list[Any] = []
    for number, value in enumerate(attributes):
        if number in _SIZES[kind]:
            values = value if isinstance(value, tuple) else (value,)
            integers.extend(values)
            fixed.append(len(values))
        else:
            fixed.append(value)
    return tuple(fixed)


def _sizes_of(geometry: Any) -> tuple[str, ...]:
    if isinstance(geometry, Convolution):
        return _CONVOLVED
    return tuple(name for name in geometry._fields if is_integer(getattr(geometry, name)) and name != "divisor")


def _fixed_of(geometry: Any) -> tuple[Any, ...]:
    sizes = _sizes_of(geometry)
    names = geometry.__dataclass_fields__ if isinstance(geometry, Convolution) else geometry._fields
    return tuple(getattr(geometry, name) for name in names if name not in sizes)


def with_integers(step: Any, integers: Iterator[Any]) -> SizedStep:
    """The step with other integers, taken in the order of :func:`spread`."""
    shape = tuple(islice(integers, len(step.shape)))
    operands = []
    for place, view in step.operands:
        if view is not None:
            rank = len(view.sizes)
            view = Layout(tuple(islice(integers, rank)), tuple(islice(integers, rank)), view.offset)
        operands.append((place, view))
    primitive, attributes = step.primitive, step.attributes
    if primitive.rule is from_attributes:
        rest = attributes[1:]
        if primitive.kind == "template":
            geometry = rest[-1]
            sizes = {name: next(integers) for name in _sizes_of(geometry)}
            changed = replace(geometry, **sizes) if isinstance(geometry, Convolution) else geometry._replace(**sizes)
            rest = (*rest[:-1], changed)
        attributes = (shape, *rest)
    elif primitive.kind in _SIZES:
        attributes = tuple(
            value if number not in _SIZES[primitive.kind]
            else tuple(islice(integers, len(value))) if isinstance(value, tuple)
            else next(integers)
            for number, value in enumerate(attributes)
        )  # fmt: skip
    elif primitive is WRITE:
        rank = len(attributes.sizes)
        attributes = Layout(tuple(islice(integers, rank)), tuple(islice(integers, rank)), attributes.offset)
    return SizedStep(primitive, attributes, operands, shape, step.dtype, step.compute, step.site)
