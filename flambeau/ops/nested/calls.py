"""How calls with nested tensors are found, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ...core.tensor import Tensor
from .jagged import JaggedTensor
from .strided import StridedNestedTensor
from .tensor import TABLE, NestedTensor, modes, refuse

_F = TypeVar("_F", bound=Callable[..., Any])

ELEMENTWISE = frozenset(
    "abs absolute acos acosh add addcdiv addcmul alpha_dropout arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin "
    "asinh atan atan2 atanh bernoulli bfloat16 bitwise_and bitwise_not bitwise_or bitwise_xor bool byte ceil celu char "
    "clamp clamp_max clamp_min clip copysign cos cosh cpu deg2rad detach digamma div divide double dropout elu empty_like "
    "eq erf erfc erfinv exp exp2 expm1 feature_dropout fill fix float float_power floor floor_divide fmax fmin fmod frac "
    "full_like gcd ge gelu glu greater greater_equal gt half hardshrink hardsigmoid hardswish hardtanh heaviside hypot i0 "
    "int isclose isfinite isinf isnan isneginf isposinf isreal lcm ldexp le leaky_relu lerp less less_equal lgamma log "
    "log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logit logsigmoid long lt "
    "masked_fill maximum minimum mish mul multiply nan_to_num native_dropout ne neg negative nextafter normal not_equal "
    "ones_like pin_memory positive pow rad2deg rand_like randint_like randn_like reciprocal relu relu6 remainder round "
    "rrelu rsqrt rsub selu sgn share_memory short sigmoid sign signbit silu sin sinc sinh softplus softshrink softsign "
    "sqrt square sub subtract tan tanh tanhshrink threshold to true_divide trunc type type_as uniform where xlogy zero "
    "zeros_like".split()
)  # fmt: skip
"""Operations that give each element's result in its place."""


OF_DTYPE = frozenset("is_floating_point is_complex is_signed is_conj is_neg is_pinned is_shared result_type".split())
"""What is asked of the values."""


def nested_operation(*names: str) -> Callable[[_F], _F]:
    """Decorator: what the operations of these names (the function's own, if there are none) do with nested tensors."""

    def register(function: _F) -> _F:
        for name in names or (function.__name__,):
            TABLE[name] = function
        return function

    return register


def nested_among(values: Any, depth: int = 0) -> NestedTensor | None:
    """The first nested tensor among arguments, also in lists and tuples."""
    for value in values:
        if isinstance(value, NestedTensor):
            return value
        if isinstance(value, (list, tuple)) and depth < 64:
            found = nested_among(value, depth + 1)
            if found is not None:
                return found
    return None


def nested_call(
    name: str, call: Callable[..., Any] | None, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """The result of the operation ``name`` if it is given nested tensors; else ``NotImplemented``."""
    first = nested_among(arguments)
    if first is None:
        first = nested_among(keywords.values()) if keywords else None
        if first is None:
            return NotImplemented
    function = TABLE.get(name)
    if function is not None:
        return function(*arguments, **keywords)
    if name in OF_DTYPE and call is not None:
        return call(*[value._values if isinstance(value, NestedTensor) else value for value in arguments], **keywords)
    own = name.rstrip("_") if not name.startswith("_") else name
    if own in ELEMENTWISE and call is not None:
        return elementwise(name, call, arguments, keywords)
    refuse(name)


modes.append(nested_call)


def elementwise(name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The result of an operation on each element: that on the values, in the same places. In place, the tensor itself."""
    given = [*arguments, *keywords.values()]
    first: NestedTensor = next(value for value in given if isinstance(value, NestedTensor))
    others = [value for value in given if isinstance(value, NestedTensor) and value is not first]
    inplace = name.endswith("_") and isinstance(arguments[0], NestedTensor)
    gaps = isinstance(first, StridedNestedTensor) and not first._packed()
    if others and (gaps or not all(map(first._matches, others))):
        _check_sizes(name, first, others)
        if inplace and gaps:
            for place, part in enumerate(first._parts()):
                call(part, *[_part(value, place) for value in arguments[1:]], **keywords)
            return arguments[0]
        packed = {
            id(value): value if value._packed() else value._of_parts(value._parts()) for value in (first, *others)
        }
        arguments = tuple([packed.get(id(value), value) for value in arguments])
        keywords = {key: packed.get(id(value), value) for key, value in keywords.items()}
        first = packed[id(first)]

    def operand(value: Any) -> Any:
        if isinstance(value, NestedTensor):
            return value._values
        return first._beside(name, value) if isinstance(value, Tensor) and value.dim() else value

    result = call(*map(operand, arguments), **{key: operand(value) for key, value in keywords.items()})
    if inplace or keywords.get("out") is not None:
        return arguments[0] if inplace else keywords["out"]
    if not isinstance(result, Tensor):
        return result
    if result is first._values and not others:  # nothing was to be done
        return first
    return first._with(result)


def _part(value: Any, place: int) -> Any:
    return value._parts()[place] if isinstance(value, NestedTensor) else value


def _check_sizes(name: str, first: NestedTensor, others: list[NestedTensor]) -> None:
    """``RuntimeError`` if the samples of operands are not of the same sizes."""
    for other in others:
        if type(other) is not type(first):
            raise RuntimeError(
                f"{name}: expected nested tensors of one layout, but got {first.layout} and {other.layout}"
            )
        if isinstance(first, JaggedTensor):
            if not first._matches(other):
                raise RuntimeError(
                    f"cannot call binary pointwise function {name} with inputs of shapes {first._sizes()} and {other._sizes()}"  # type: ignore[attr-defined]
                )
        elif isinstance(first, StridedNestedTensor) and isinstance(other, StridedNestedTensor):
            if first._dims != other._dims or len(first._places.sizes) != len(other._places.sizes):
                raise RuntimeError(
                    f"{name} does not support broadcasting when given a NestedTensor: one has {len(first._places.sizes)} samples "
                    f"of {first._dims} dimensions, the other {len(other._places.sizes)} of {other._dims}"
                )
            if first._places.sizes != other._places.sizes:
                raise RuntimeError(f"{name}: expected nested tensors whose samples are of the same sizes")
