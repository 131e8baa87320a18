"""What a primitive gives: the rules (:mod:`flambeau.graph.rules`) applied to the values and numbers that it is recorded with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .bounds import check_value
from .dtypes import TYPE_NAMES, DType, scalar_dtype
from .primitives import MOVING, OF_BITS, WRITE, Primitive
from .rules import Meta, Result, from_attributes
from .shapes import Size
from .steps import Operand, when_forgotten


def form_of(
    primitive: Primitive, attributes: Any, operands: tuple[Operand, ...], values: Sequence[Any]
) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """What decides what a primitive gives, and the places that it reads, each once."""
    if len(operands) == 1:
        ((place, view),) = operands
        if type(place) is int:
            (value,) = values
            return (primitive, attributes, value.shape, value.dtype, view), (place,)
    elif len(operands) == 2:  # as below, for most primitives have one or two values
        (place, view), (other, seen) = operands
        if type(place) is int and type(other) is int and place != other:
            value, second = values
            return (primitive, attributes, value.shape, value.dtype, view, second.shape, second.dtype, seen), (place, other)
    form: list[Any] = [primitive, attributes]
    read: list[int] = []
    for (place, view), value in zip(operands, values):
        if type(place) is str:
            form.append(place)
        else:
            read.append(place)
            form += (value.shape, value.dtype, view)
    outside = tuple(dict.fromkeys(read))
    if len(outside) < len(read):  # which of them are one value belongs to the structure
        form.append(tuple([outside.index(place) for place in read]))
    return tuple(form), outside


def result_of(
    primitive: Primitive, attributes: Any, operands: tuple[Operand, ...], values: Sequence[Any]
) -> tuple[Size, DType, DType]:
    """Shape and dtype of what a primitive gives, and the dtype that it computes in, by its rule."""
    if primitive.kind == "map" and primitive.rule is not from_attributes:
        kinds: list[Any] = [primitive, attributes]
        common: Any = None
        for (place, view), node in zip(operands, values):
            if type(place) is str:
                kinds.append(place)
                continue
            shape = node.shape
            if view is not None:
                view.check_within(shape.numel(), node.dtype.itemsize)
                shape = view.sizes
            kinds += (node.dtype, not shape)
            if shape and common is not shape:
                if common is not None and common != shape:
                    break  # to be broadcast
                common = shape
        else:
            key = tuple(kinds)
            types = _types.get(key)
            if types is None:
                shape, *types = _by_rule(primitive, attributes, operands, values)
                _types[key] = types
                return shape, *types
            if common is None:
                return _SCALAR, *types
            check_value(common, types[0])
            return common, *types
    return _by_rule(primitive, attributes, operands, values)


_SCALAR = Size()
_types: dict[Any, Any] = {}
"""The dtypes that elementwise primitives give and compute in, where no operand is broadcast, by the operands' dtypes and
whether they have dimensions."""

when_forgotten(_types.clear)


def _by_rule(primitive: Primitive, attributes: Any, operands: tuple[Operand, ...], values: Sequence[Any]) -> Result:
    metas = []
    for (place, view), node in zip(operands, values):
        if type(place) is str:
            metas.append(Meta((), scalar_dtype(place), 2))
        else:
            shape = node.shape if view is None else view.sizes
            if view is not None:
                view.check_within(node.shape.numel(), node.dtype.itemsize)
            metas.append(Meta(shape, node.dtype, 0 if shape else 1))
    result = primitive.rule(attributes, metas)
    if result[2].stored:
        _check_moves(primitive, result[2])
    check_value(result.shape, result.dtype)
    if primitive is WRITE:
        attributes.check_within(result.shape.numel(), result.dtype.itemsize)
    return result


def _check_moves(primitive: Primitive, d: DType) -> None:
    """``NotImplementedError`` for computing in a dtype that is only stored."""
    if primitive not in MOVING and not (d.kind == "integer" and primitive in OF_BITS):
        raise NotImplementedError(f"\"{primitive.name}_cpu\" not implemented for '{TYPE_NAMES[d]}'")
