"""The rules of the primitives: which shape and dtype a value has, and in which dtype it is computed.

Operands of elementwise primitives are broadcast and promoted by the rule, so an operation on mixed shapes and dtypes is
still one step of the trace. A rule is applied when a step is recorded at a place for the first time; it raises what PyTorch
raises for operands that do not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from . import dtypes
from .checks import Check
from .dtypes import C_NAMES, TYPE_NAMES, DType, dtype
from .shapes import Size, broadcast_shapes


class Meta(NamedTuple):
    """What a rule may know of an operand. ``priority``: 0 tensor, 1 zero-dimensional tensor, 2 Python number."""

    shape: tuple[int, ...]
    dtype: DType
    priority: int


class Result(NamedTuple):
    """Shape and dtype of a primitive's value, and the dtype that it computes in."""

    shape: Size
    dtype: DType
    compute: DType


Rule = Callable[[Any, list[Meta]], Result]


_SUBTRACT_BOOL = (
    "Subtraction, the `-` operator, with two bool tensors is not supported. "
    "Use the `^` or `logical_xor()` operator instead."
)
_SUBTRACT_MASK = (
    "Subtraction, the `-` operator, with a bool tensor is not supported. "
    "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
)
_NEGATE_BOOL = (
    "Negation, the `-` operator, on a bool tensor is not supported. "
    "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead."
)


# --- elementwise: operands are broadcast and promoted -------------------------------------------------------------


def promoted(metas: list[Meta]) -> dtype:
    first = metas[0].dtype
    for meta in metas:
        if meta.dtype is not first:
            return dtypes.result_type([(m.dtype, m.priority) for m in metas])
    return first


def arithmetic(attributes: Any, metas: list[Meta]) -> Result:
    d = promoted(metas)
    return Result(broadcast_shapes(*(m.shape for m in metas)), d, d)


def floating(attributes: Any, metas: list[Meta]) -> Result:
    d = promoted(metas)
    if d.category < 2:
        d = dtypes.get_default_dtype()
    return Result(broadcast_shapes(*(m.shape for m in metas)), d, d)


def comparison(attributes: Any, metas: list[Meta]) -> Result:
    return Result(broadcast_shapes(*(m.shape for m in metas)), dtypes.bool_, promoted(metas))


def integral(name: str) -> Rule:
    def rule(attributes: Any, metas: list[Meta]) -> Result:
        d = promoted(metas)
        if d.category >= 2 or d.category == 0 and name.endswith("shift"):
            raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{TYPE_NAMES[d]}'")
        return Result(broadcast_shapes(*(m.shape for m in metas)), d, d)

    return rule


def difference(attributes: Any, metas: list[Meta]) -> Result:
    masks = [m.dtype.kind == "bool" for m in metas]
    if any(masks):
        raise RuntimeError(_SUBTRACT_BOOL if all(masks) else _SUBTRACT_MASK)
    return arithmetic(attributes, metas)


def negative(attributes: Any, metas: list[Meta]) -> Result:
    if metas[0].dtype.kind == "bool":
        raise RuntimeError(_NEGATE_BOOL)
    return arithmetic(attributes, metas)


def numbers(kernel: str, least: int = 1, result: Rule = arithmetic) -> Rule:
    """Not for results of a lower category (0 boolean, 1 integer, 2 floating-point); ``kernel`` is PyTorch's name for it."""

    def rule(attributes: Any, metas: list[Meta]) -> Result:
        d = promoted(metas)
        if d.category < least:
            raise NotImplementedError(f"\"{kernel}\" not implemented for '{TYPE_NAMES[d]}'")
        return result(attributes, metas)

    return rule


def where(attributes: Any, metas: list[Meta]) -> Result:
    condition, *branches = metas
    if condition.dtype.kind != "bool" and condition.dtype is not dtypes.uint8:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got a tensor with dtype {TYPE_NAMES[condition.dtype]}"
        )
    d = promoted(branches)
    return Result(broadcast_shapes(*(m.shape for m in metas)), d, d)


def cast(attributes: dtype, metas: list[Meta]) -> Result:
    return Result(Size(metas[0].shape), attributes, attributes)


def checked(attributes: Check, metas: list[Meta]) -> Result:
    return Result(broadcast_shapes(*(m.shape for m in metas)), metas[0].dtype, metas[0].dtype)


# --- what is no loop over the elements of all operands ----------------------------------------------------------------


def from_attributes(attributes: tuple[Any, ...], metas: list[Meta]) -> Result:
    """The attributes begin with shape and dtype."""
    return Result(Size(attributes[0]), attributes[1], attributes[1])


def like_first(attributes: Any, metas: list[Meta]) -> Result:
    """Shape and dtype of the first operand."""
    return Result(Size(metas[0].shape), metas[0].dtype, metas[0].dtype)


def _reduced(attributes: tuple[int, int, tuple[int, ...], dtype], shape: tuple[int, ...]) -> Size:
    first, last, dropped, _ = attributes
    return Size([1 if first <= axis <= last else n for axis, n in enumerate(shape) if axis not in dropped])


def reduction(attributes: tuple[int, int, tuple[int, ...], dtype], metas: list[Meta]) -> Result:
    """``attributes`` (first axis, last axis, axes that the result lacks, dtype): the run of axes becomes extent 1."""
    return Result(_reduced(attributes, metas[0].shape), attributes[3], attributes[3])


def position(attributes: tuple[int, int, tuple[int, ...], dtype], metas: list[Meta]) -> Result:
    """As :func:`reduction`; the result says where along the axis."""
    return Result(_reduced(attributes, metas[0].shape), attributes[3], metas[0].dtype)


def matrix_product(attributes: None, metas: list[Meta]) -> Result:
    """(…, m, k) and (…, k, n), batch axes broadcast, of one dtype."""
    (a, d, _), (b, other, _) = metas
    stacked = len(a) > 2
    if stacked and d is dtypes.bool_:
        raise NotImplementedError("\"bmm\" not implemented for 'Bool'")
    if a[-1] != b[-2]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({a[-2]}x{a[-1]} and {b[-2]}x{b[-1]})")
    if d is not other and stacked:
        raise RuntimeError(f"expected scalar type {TYPE_NAMES[d]} but found {TYPE_NAMES[other]}")
    if d is not other:
        raise RuntimeError(f"expected m1 and m2 to have the same dtype, but got: {C_NAMES[d]} != {C_NAMES[other]}")
    if d is dtypes.bool_:
        raise NotImplementedError("\"addmm_impl_cpu_\" not implemented for 'Bool'")
    return Result(Size((*broadcast_shapes(a[:-2], b[:-2]), a[-2], b[-1])), d, d)


def attention(attributes: tuple[bool, bool, tuple[int, ...] | None], metas: list[Meta]) -> Result:
    """(…, L, E), (…, S, E) and (…, S, Ev) give (…, L, Ev), its axes in the order that the attributes end with, if any."""
    query, _, value, *_ = metas
    shape = (*query.shape[:-1], value.shape[-1])
    order = attributes[2]
    return Result(Size(shape if order is None else [shape[axis] for axis in order]), query.dtype, query.dtype)


def like_second(attributes: Any, metas: list[Meta]) -> Result:
    """Shape and dtype of the second operand."""
    return like_first(attributes, metas[1:])
