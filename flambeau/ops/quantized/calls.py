"""How calls with quantized tensors are found, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ..creation import ones_like
from .scheme import quantized
from .tensor import TABLE, QuantizedTensor, modes, requantized

COMPUTED = frozenset("clamp gelu hardswish hardtanh pad relu6 threshold".split())
"""Operations on numbers, whose results are quantized as the operand is."""

SCALED = frozenset(
    "adaptive_avg_pool2d adaptive_avg_pool3d avg_pool2d avg_pool3d interpolate leaky_relu mean pixel_shuffle pixel_unshuffle std "
    "upsample".split()
)
"""Operations that give as many times as much for what is so many times as much: done on steps, which are exact."""

_F = TypeVar("_F", bound=Callable[..., Any])


def quantized_operation(*names: str) -> Callable[[_F], _F]:
    """Decorator: what the operations of these names (the function's own, if there are none) do with quantized tensors."""

    def register(function: _F) -> _F:
        for name in names or (function.__name__,):
            TABLE[name] = function
        return function

    return register


def quantized_among(values: Any, depth: int = 0) -> Iterator[QuantizedTensor]:
    """The quantized tensors among arguments, also in lists and tuples."""
    for value in values:
        if isinstance(value, QuantizedTensor):
            yield value
        elif isinstance(value, (list, tuple)) and depth < 64:
            yield from quantized_among(value, depth + 1)


def quantized_call(
    name: str, call: Callable[..., Any] | None, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> Any:
    """The result of the operation ``name`` if it is given quantized tensors; else ``NotImplemented``."""
    first = next(quantized_among((*arguments, *keywords.values())), None)
    if first is None:
        return NotImplemented
    function = TABLE.get(name)
    if function is not None:
        return function(*arguments, **keywords)
    if name in COMPUTED and call is not None:
        inplace = keywords.pop("inplace", False)
        numbers = [value.dequantize() if value is first else value for value in arguments]
        result = requantized(call(*numbers, **keywords), first)
        return first.copy_(result) if inplace else result
    if name in SCALED and call is not None:
        inplace = keywords.pop("inplace", False)
        steps = [value.steps() if value is first else value for value in arguments]
        whole = first._scale._replace(scale=ones_like(first._scale.scale))
        result = QuantizedTensor.of(quantized(call(*steps, **keywords), whole, first.dtype), first._scale)
        return first.copy_(result) if inplace else result
    if name.endswith("_") and not name.startswith("_") and (function := TABLE.get(name[:-1])) is not None:
        return arguments[0].copy_(function(*arguments, **keywords))
    raise not_run(name)


def not_run(name: str) -> NotImplementedError:
    """What PyTorch says where an operation knows nothing of quantized tensors."""
    return NotImplementedError(
        f"Could not run 'aten::{name}' with arguments from the 'QuantizedCPU' backend: it is not there for quantized tensors"
    )


modes.append(quantized_call)
