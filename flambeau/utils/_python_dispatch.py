"""Modes that see operations beneath autograd, forwards and backwards, and classes of tensors that are asked about them.

A mode's ``__torch_dispatch__(func, types, args, kwargs)`` is told of each operation as aten has it, as
``torch.ops.aten.mm.default``, and gives its result. Calls are taken apart as PyTorch does it, layers into products and
convolutions, and gradients are operations too, with PyTorch's names and arguments for what neural networks are made of.

What differs, and programs cannot rely on: copies that only lay gradients out (``new_empty_strided``, ``copy_``), buffers that
only a kernel wants, and marks of a profiler are not told, and leaves are reached at the end of backward. An operation that
PyTorch composes of others, and that is not composed of them here (an LSTM, some of ``einsum`` and ``linalg``), is told as
one. Gradients of what is not written in operations (decompositions, scans, rare layers), backward of what was recorded before
any mode was entered, and operations on complex, sparse and nested tensors are computed, and not told. Steps of optimisers
that are not SGD, Adam or AdamW are told as their formulas. Where a layer is computed part by part its last bits may differ
from those that it has as one, and ``dropout`` draws other numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..core.tensor import Tensor
from ..ops.dispatching import state


class TorchDispatchMode:
    """Subclasses define ``__torch_dispatch__``, which is told of operations while the mode is entered.

    While it runs the mode is not entered, so it may call ``func``; gradients are not recorded then.
    """

    supports_higher_order_operators = False

    def __init__(self, _dispatch_key: Any = None) -> None:
        pass

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        raise NotImplementedError

    def __enter__(self) -> Any:
        from ._dispatching import entering

        entering.begin()
        state.modes.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        from ._dispatching import entering

        state.modes.pop()
        entering.end()

    @classmethod
    def push(cls, *args: Any, **kwargs: Any) -> Any:
        """The mode itself, to be entered by ``with``."""
        return cls(*args, **kwargs)

    @classmethod
    def is_infra_mode(cls) -> bool:
        """Whether it is one of PyTorch's own."""
        return False


class BaseTorchDispatchMode(TorchDispatchMode):
    """A mode that changes nothing."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def is_in_torch_dispatch_mode(include_infra_modes: bool = True) -> bool:
    """Whether a mode is entered."""
    return any(include_infra_modes or not mode.is_infra_mode() for mode in state.modes)


def is_in_any_mode_without_ignore_compile_internals() -> bool:
    """Whether a mode is entered that does not leave alone what compilation does; there is none of the others."""
    return bool(state.modes)


def any_torch_dispatch_mode_on_stack(*, include_infra_modes: bool = True) -> bool:
    """Whether a mode is entered."""
    return is_in_torch_dispatch_mode(include_infra_modes)


def _get_current_dispatch_mode() -> Any:
    return state.modes[-1] if state.modes else None


def _get_current_dispatch_mode_stack() -> list[Any]:
    return [*state.modes]


@contextmanager
def _disable_current_modes() -> Iterator[list[Any]]:
    """A block in which none of the modes is entered; gives them."""
    modes = state.modes
    before = [*modes]
    modes.clear()
    try:
        yield before
    finally:
        modes[:] = before


@contextmanager
def _pop_mode_temporarily(k: Any = None) -> Iterator[Any]:
    """A block in which the innermost mode is not entered; gives it."""
    modes = state.modes
    mode = modes.pop()
    try:
        yield mode
    finally:
        modes.append(mode)


def is_traceable_wrapper_subclass(t: object) -> bool:
    """Whether an object is a tensor that wraps others, as its class says by ``__tensor_flatten__`` and its inverse."""
    return is_traceable_wrapper_subclass_type(type(t))


def is_traceable_wrapper_subclass_type(t: type) -> bool:
    """Whether a class is of tensors that wrap others."""
    return (
        issubclass(t, Tensor)
        and t is not Tensor
        and hasattr(t, "__tensor_flatten__")
        and hasattr(t, "__tensor_unflatten__")
    )


def transform_subclass(t: Any, callback: Any, outer_size: Any = None, outer_stride: Any = None) -> Any:
    """A tensor that wraps others, with ``callback(name, inner)`` in the place of each of these."""
    names, context = t.__tensor_flatten__()
    inner = {name: callback(name, getattr(t, name)) for name in names}
    sizes = t.size() if outer_size is None else outer_size
    strides = t.stride() if outer_stride is None else outer_stride
    made = type(t).__tensor_unflatten__(inner, context, sizes, strides)
    if made.shape != sizes:
        expected = f"Expected return value from {type(t)}__tensor_unflatten__() to have shape equal to {sizes}"
        raise AssertionError(f"{expected}, but got: {made.shape}")
    return made


def return_and_correct_aliasing(func: Any, args: Any, kwargs: Any, out: Any) -> Any:
    """What a class gives for an operation, with PyTorch's rules of aliasing: an operation in place gives its own argument.

    A view that a class gives is one of its own making; its history is the operation's all the same.
    """
    from ._dispatching.history import changes

    return args[0] if changes(func) and args else out


__all__ = [
    "BaseTorchDispatchMode", "TorchDispatchMode", "any_torch_dispatch_mode_on_stack",
    "is_in_any_mode_without_ignore_compile_internals", "is_in_torch_dispatch_mode", "is_traceable_wrapper_subclass",
    "is_traceable_wrapper_subclass_type", "return_and_correct_aliasing", "transform_subclass",
]  # fmt: skip
