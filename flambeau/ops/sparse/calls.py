"""How calls with sparse tensors are found, and what is done with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ...core.tensor import Tensor
from ...graph.trace import local
from ..assignment import assign
from .tensor import TABLE, SparseTensor, modes

_F = TypeVar("_F", bound=Callable[..., Any])

COMPRESSED: dict[str, Callable[..., Any]] = {}
"""What operations do with sparse tensors of compressed layouts."""

OF_ALL = {
    "is_tensor", "is_floating_point", "is_complex", "numel", "is_signed", "is_same_size", "result_type", "can_cast", "get_device",
}
"""What dense tensors and sparse ones are asked alike."""


def sparse_operation(*names: str) -> Callable[[_F], _F]:
    """Decorator: what the operations of these names (the function's own, if there are none) do with tensors of coordinates."""
    return _registering(TABLE, names)


def compressed_operation(*names: str) -> Callable[[_F], _F]:
    """Decorator: what they do with tensors of compressed layouts."""
    return _registering(COMPRESSED, names)


def _registering(table: dict[str, Callable[..., Any]], names: tuple[str, ...]) -> Callable[[_F], _F]:
    def register(function: _F) -> _F:
        for name in names or (function.__name__,):
            table[name] = function
        return function

    return register


def is_sparse_value(value: Any) -> bool:
    """Whether an argument makes a call one of sparse tensors."""
    kind = type(value)
    if kind is Tensor or kind is float or kind is int or value is None or kind is bool or kind is str:
        return False
    if kind is list or kind is tuple:
        return any([isinstance(member, SparseTensor) for member in value])
    return isinstance(value, SparseTensor)


def sparse_call(name: str, call: Callable[..., Any] | None, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The result of the operation ``name`` if it is given sparse tensors; else ``NotImplemented``."""
    if not any(map(is_sparse_value, arguments)) and not (keywords and any(map(is_sparse_value, keywords.values()))):
        return NotImplemented
    if name in OF_ALL:
        return NotImplemented
    given = [*arguments, *keywords.values()]
    flat = [member for value in given for member in (value if isinstance(value, (list, tuple)) else (value,))]
    first = next(value for value in flat if isinstance(value, SparseTensor))
    table = TABLE if all(value.is_sparse for value in flat if isinstance(value, SparseTensor)) else COMPRESSED
    function = table.get(name)
    if function is not None:
        out = keywords.get("out")
        result = function(*arguments, **{key: value for key, value in keywords.items() if key != "out"})
        return result if out is None else written(out, result)
    if name.endswith("_") and not name.startswith("_") and (function := table.get(name[:-1])) is not None:
        return written(arguments[0], function(*arguments, **keywords))
    raise not_run(name, first)


def not_run(name: str, tensor: SparseTensor) -> NotImplementedError:
    """What PyTorch says where an operation knows nothing of a layout."""
    return NotImplementedError(
        f"Could not run 'aten::{name}' with arguments from the '{tensor.backend}' backend: it is not implemented for tensors of "
        f"layout {tensor.layout}"
    )


modes.append(sparse_call)


def written(target: Any, result: Any) -> Any:
    """``target``, with a result in place of what it was. ``RuntimeError`` where one is sparse and the other is not."""
    if not isinstance(target, Tensor):
        raise TypeError(f"argument 'out' must be Tensor, not {type(target).__name__}")
    if isinstance(target, SparseTensor):
        if local.grad and target.requires_grad and target.is_leaf:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        if type(target) is not type(result):
            raise RuntimeError(f"a result of layout {result.layout} cannot be put into a tensor of layout {target.layout}")
        if result.dtype is not target.dtype:
            if result.dtype.category > target.dtype.category:
                raise RuntimeError(
                    f"result type {result.dtype} can't be cast to the desired output type {target.dtype}"
                )
            result = result.with_entries(result._entries.to(target.dtype))
        if result.shares_places(target) and result._entries.shape == target._entries.shape:
            assign(target._entries, result._entries)  # which others may see
            return target
        tracked = target.requires_grad and target.is_leaf
        target.take_over(result)
        return target.requires_grad_() if tracked else target
    if isinstance(result, SparseTensor):
        raise RuntimeError(f"a result of layout {result.layout} cannot be put into a dense tensor")
    if target.shape != result.shape:
        target.resize_(result.shape)
    return target.copy_(result)
