"""How calls with quantized tensors are found, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ...core.tensor import Tensor
from ..creation import ones_like
from .scheme import Scale, quantized
from .tensor import TABLE, QuantizedTensor, modes

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
        return _by_numbers(call, first, first.dequantize(), first._of_all(name), arguments, keywords)
    if name in SCALED and call is not None:
        if keywords.get("dtype") is not None:
            raise RuntimeError(f"{name}: of quantized numbers there is no result of another dtype")
        whole = first._scale._replace(scale=ones_like(first._scale.scale))
        return _by_numbers(call, first, first.steps(), whole, arguments, keywords)
    if name.endswith("_") and not name.startswith("_") and (function := TABLE.get(name[:-1])) is not None:
        return arguments[0].copy_(function(*arguments, **keywords))
    raise not_run(name)


def _by_numbers(
    call: Callable[..., Any], first: QuantizedTensor, numbers: Tensor, scale: Scale, arguments: tuple[Any, ...],
    keywords: dict[str, Any],
) -> Any:  # fmt: skip
    """A call with numbers in the place of the quantized tensor, and its result as integers by a scale that stand for as much."""
    keywords = {key: numbers if value is first else value for key, value in keywords.items()}
    inplace = keywords.pop("inplace", False)
    found = call(*[numbers if value is first else value for value in arguments], **keywords)
    result = QuantizedTensor.of(quantized(found, scale, first.dtype), first._scale)
    return first.copy_(result) if inplace else result


def not_run(name: str) -> NotImplementedError:
    """What PyTorch says where an operation knows nothing of quantized tensors."""
    return NotImplementedError(
        f"Could not run 'aten::{name}' with arguments from the 'QuantizedCPU' backend: it is not there for quantized tensors"
    )


modes.append(quantized_call)
