"""Views that are copied: ``view_copy`` gives what ``view`` does, in memory of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ..graph.dtypes import DType
from .arguments import export
from .axes import permute, t, transpose
from .operation import NAMESPACE, Sizes, operation, titled
from .parts import as_strided, diagonal, select, split, unbind, unfold
from .reshaping import detach, squeeze, unsqueeze, view
from .views import expand


def _alias(input: Tensor) -> Tensor:
    """The tensor itself."""
    return input


def _slice(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """Every ``step``-th element along ``dim``, from ``start`` to before ``end``."""
    place = (slice(None),) * (dim % max(input.ndim, 1))
    return input[(*place, slice(start, end, step))]  # type: ignore[no-any-return]


def _split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of the given sizes along ``dim``."""
    return split(input, split_sizes, dim)


def _split(input: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Parts of ``split_size`` along ``dim``, the last of which may be smaller."""
    return split(input, split_size, dim)


def _expand(input: Tensor, size: Sizes, *, implicit: bool = False) -> Tensor:
    """The tensor with axes of extent 1 repeated to ``size``."""
    return expand(input, *size)


def _unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Slices of ``size`` along a dimension, ``step`` apart, in a new last axis."""
    return unfold(input, dimension, size, step)


def _view(input: Tensor, dtype: Any) -> Tensor:
    """The tensor's memory as another dtype, or the tensor in another shape (which is then called ``size``)."""
    return view(input, dtype) if isinstance(dtype, DType) else view(input, *dtype)


def _copy(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with copies of what it gives."""

    @functools.wraps(function)
    def copied(*arguments: Any, **keywords: Any) -> Any:
        result = function(*arguments, **keywords)
        return result.clone() if isinstance(result, Tensor) else tuple([part.clone() for part in result])

    forms = ("view_copy(input, size)",) if name == "view_copy" else ()
    return operation(*forms, method=False, out="exact")(titled(copied, name, f"{function.__doc__} A copy, in memory of its own."))


_VIEWS: dict[str, Callable[..., Any]] = {
    "alias": _alias, "as_strided": as_strided, "detach": detach, "diagonal": diagonal, "expand": _expand, "permute": permute,
    "select": select, "slice": _slice, "split": _split, "split_with_sizes": _split_with_sizes, "squeeze": squeeze, "t": t,
    "transpose": transpose, "unbind": unbind, "unfold": _unfold, "unsqueeze": unsqueeze, "view": _view,
}  # fmt: skip

for _name, _function in _VIEWS.items():
    _copy(f"{_name}_copy", _function)
globals().update(export({f"{name}_copy": NAMESPACE[f"{name}_copy"] for name in _VIEWS}, "flambeau"))
