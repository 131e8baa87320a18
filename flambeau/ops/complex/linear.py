"""Operations that do with complex numbers what they do with both parts: they only move or add numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import C_NAMES, dtype
from ..by_name import functional, real
from .calls import complex_operation
from .parts import made, parts
from .tensor import TABLE, ComplexTensor, axis_of


def _part(value: Any, number: int, values: tuple[int, ...], place: int) -> Any:
    """One part of an argument: of real ones where complex ones may stand, too, the imaginary part is zero."""
    if isinstance(value, (list, tuple)) and any([isinstance(member, ComplexTensor) for member in value]):
        return type(value)([_part(member, number, (0,), 0) for member in value])
    if isinstance(value, (ComplexTensor, complex)):
        return parts(value)[number]
    if isinstance(value, dtype):
        return value.to_real()
    if number and place in values:
        if isinstance(value, Tensor):
            return real.zeros_like(value)
        return 0.0 if isinstance(value, (int, float)) else value
    return value


def is_complex_number(value: Any) -> bool:
    """Whether a value, or one of a sequence, is complex."""
    if isinstance(value, (list, tuple)):
        return any(map(is_complex_number, value))
    return isinstance(value, (ComplexTensor, complex))


_FILLED = {name: (0,) for name in ("value", "fill_value", "src", "source", "other", "prepend", "append", "tensors", "input")}
"""Keywords whose values may be complex."""


def _joined(real: Any, imaginary: Any) -> Any:
    if isinstance(real, (tuple, list)):
        return type(real)([made(x, y) for x, y in zip(real, imaginary)])
    return made(real, imaginary)


def _partwise(name: str, values: tuple[int, ...] = (0,)) -> None:
    """Declare that an operation is done for each part; ``values`` are the places of arguments that may be complex."""

    def operation(*arguments: Any, **keywords: Any) -> Any:
        others = [value for place, value in enumerate(arguments) if place not in values]
        others += [value for key, value in keywords.items() if key not in _FILLED]
        if any(map(is_complex_number, others)) or keywords.get("reduce", "add") != "add":
            raise NotImplementedError(f"{name}() of complex numbers takes no such arguments")
        results = []
        for number in (0, 1):
            given = [_part(value, number, values, place) for place, value in enumerate(arguments)]
            if any(map(is_complex_number, given)):
                return NotImplemented  # a number where a tensor is to be
            named = {key: _part(value, number, _FILLED.get(key, ()), 0) for key, value in keywords.items()}
            results.append(_called(name, given)(*given, **named))
        return _joined(*results)

    complex_operation(name)(operation)


def _called(name: str, arguments: list[Any]) -> Callable[..., Any]:
    function = getattr(real, name, None) or getattr(functional, name, None)
    return function or getattr(type(arguments[0]), name)  # type: ignore[no-any-return]


for _names, _values in {
    """cat stack hstack vstack dstack column_stack roll flip fliplr flipud rot90 repeat tile repeat_interleave
    gather index_select take take_along_dim masked_select tril triu diag diag_embed diagflat trace
    contiguous fold hsplit vsplit dsplit
    cumsum nansum pixel_shuffle
    pixel_unshuffle channel_shuffle narrow_copy""": (0,),
    "scatter scatter_add index_add index_copy index_fill": (0, 3),
    "slice_scatter select_scatter diagonal_scatter": (0, 1),
    "masked_scatter constant_pad_nd put": (0, 2),
    "diff": (0, 3, 4),
    "block_diag cartesian_prod combinations meshgrid": tuple(range(64)),
    "pad": (0, 3),
}.items():  # fmt: skip
    for _name in _names.split():
        _partwise(_name, _values)




def _at_least(name: str) -> None:
    _partwise(name, (0,))
    of_one = TABLE[name]

    def extended(*tensors: Any) -> Any:
        given = tensors[0] if len(tensors) == 1 else tensors
        if isinstance(given, Tensor):
            return of_one(given)
        return tuple([of_one(x) if isinstance(x, ComplexTensor) else getattr(real, name)(x) for x in given])

    complex_operation(name)(extended)


for _name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    _at_least(_name)


@complex_operation()
def broadcast_tensors(*tensors: Any) -> Any:
    given = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    shape = real.broadcast_shapes(*[x.shape for x in given])
    return tuple([x.expand(shape) for x in given])


_partwise("masked_fill", (0, 2))
_masked_fill = TABLE["masked_fill"]


@complex_operation()
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Any:
    if not isinstance(input, ComplexTensor):
        raise RuntimeError(f"value cannot be converted to type {C_NAMES[input.dtype]} without overflow")
    return _masked_fill(input, mask, value)


@complex_operation()
def clone(input: ComplexTensor, *, memory_format: Any = None) -> Tensor:
    return ComplexTensor.of(input._pair.clone(), input._conjugated)


def dims_of(input: ComplexTensor, dim: Any) -> Any:
    """Dimensions counted from the first; all, if none are given."""
    if dim is None or isinstance(dim, (tuple, list)) and not dim:
        return tuple(range(input.ndim))
    return axis_of(input, dim) if isinstance(dim, int) else tuple([axis_of(input, axis) for axis in dim])
