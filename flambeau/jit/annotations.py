"""Types in TorchScript's annotations, as far as programs import them."""

from __future__ import annotations

import inspect
from typing import Any, Dict, List, Optional, Tuple, Union  # noqa: F401, UP035  # programs take them from here

from .._jit_internal import (
    BroadcastingList1,
    BroadcastingList2,
    BroadcastingList3,
    is_dict,
    is_list,
    is_optional,
    is_tuple,
    is_union,
)
from ..core.tensor import Tensor

__all__ = [
    "BroadcastingList1", "BroadcastingList2", "BroadcastingList3", "get_param_names", "is_dict", "is_function_or_method",
    "is_list", "is_optional", "is_tensor", "is_tuple", "is_union", "is_vararg",
]  # fmt: skip


def is_function_or_method(the_callable: Any) -> bool:
    """Whether a value is a function of Python's, or a method."""
    return inspect.isfunction(the_callable) or inspect.ismethod(the_callable)


def is_vararg(the_callable: Any) -> bool:
    """Whether a function, or what is called when an object is, takes any number of arguments by position."""
    if not is_function_or_method(the_callable) and callable(the_callable):
        the_callable = the_callable.__call__
    return is_function_or_method(the_callable) and inspect.getfullargspec(the_callable).varargs is not None


def get_param_names(fn: Any, n_args: int) -> list[str]:
    """The names of a function's parameters; numbers where they cannot be known."""
    if not is_function_or_method(fn) and callable(fn) and is_function_or_method(fn.__call__):
        fn = fn.__call__
    if is_function_or_method(fn) and not is_vararg(fn):
        return inspect.getfullargspec(fn).args
    return [str(place) for place in range(n_args)]


def is_tensor(ann: Any) -> bool:
    """Whether an annotation is the class of tensors, or one below it."""
    return isinstance(ann, type) and issubclass(ann, Tensor)
