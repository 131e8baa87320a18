"""Moving a module to other devices, dtypes and kinds of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import flambeau

from ... import __future__
from ...core.tensor import Tensor
from ...graph.notices import warn
from ..parameter import Parameter

C = TypeVar("C", bound="ModuleConversion")


def _cast(name: str, dtype: str) -> Callable[[C], C]:
    """A method that casts by the tensors' method of that name."""

    def method(self: C) -> C:
        return self._apply(lambda tensor: getattr(tensor, name)() if tensor.is_floating_point() else tensor)

    method.__name__, method.__qualname__ = name, f"ModuleConversion.{name}"
    method.__doc__ = f"Cast floating-point parameters and buffers to {dtype}."
    return method


class ModuleConversion:
    """The part of a module that replaces its parameters and buffers by converted ones."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    children: Callable[[], Iterator[Any]]

    def _apply(self: C, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> C:
        """Replace every parameter's data, every gradient's data and every buffer by ``fn`` of it."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for name, parameter in self._parameters.items():
            if parameter is None:
                continue
            gradient: Any = parameter.grad
            with flambeau.no_grad():
                converted = fn(parameter)
                converted_gradient: Any = None if gradient is None else fn(gradient)
            if converted is not parameter and __future__.get_overwrite_module_params_on_conversion():
                self._parameters[name] = parameter = Parameter(converted, parameter.requires_grad)
            elif converted is not parameter:
                parameter.data = converted
            if converted_gradient is not parameter.grad:
                # The parameter may hold its gradient under another object once its own dtype has changed.
                parameter.grad = converted_gradient.requires_grad_(gradient.requires_grad)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self: C, *args: Any, **kwargs: Any) -> C:
        """Move to a device and/or cast floating-point parameters and buffers: ``to(device)``, ``to(dtype)``,
        ``to(device, dtype)``, ``to(tensor)``, each with ``non_blocking``; ``to(memory_format=...)``."""
        device, dtype, non_blocking, memory_format = _parse_to(*args, **kwargs)
        if dtype is not None:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise TypeError(
                    f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
                )
            if dtype.is_complex:
                warn(
                    "Complex modules are a new feature under active development whose design may change, and some "
                    "modules might not work as expected when using complex tensors as parameters or buffers.",
                )

        def convert(tensor: Tensor) -> Tensor:
            wanted = dtype if tensor.is_floating_point() or tensor.is_complex() else None
            if memory_format is not None and tensor.dim() in (4, 5):
                return tensor.to(device, wanted, non_blocking, memory_format=memory_format)
            return tensor.to(device, wanted, non_blocking)

        return self._apply(convert)

    def to_empty(self: C, *, device: Any, recurse: bool = True) -> C:
        """Move to a device without copying any values."""
        return self._apply(lambda tensor: flambeau.empty_like(tensor, device=device), recurse=recurse)

    def cuda(self: C, device: Any = None) -> C:
        """Move to the GPU."""
        return self._apply(lambda tensor: tensor.cuda(device))

    def cpu(self: C) -> C:
        """Move to the CPU."""
        return self._apply(lambda tensor: tensor.cpu())

    def type(self: C, dst_type: Any) -> C:
        """Cast all parameters and buffers to ``dst_type``."""
        return self._apply(lambda tensor: tensor.type(dst_type))

    float, double = _cast("float", "float32"), _cast("double", "float64")
    half, bfloat16 = _cast("half", "float16"), _cast("bfloat16", "bfloat16")

    def share_memory(self: C) -> C:
        """Move parameters and buffers to memory that other processes can share."""
        return self._apply(lambda tensor: tensor.share_memory_())


def _parse_to(*args: Any, **kwargs: Any) -> tuple[Any, Any, bool, Any]:
    """Device, dtype, ``non_blocking`` and memory format out of the arguments of ``to``."""
    device = kwargs.pop("device", None)
    dtype = kwargs.pop("dtype", None)
    non_blocking = kwargs.pop("non_blocking", False)
    memory_format = kwargs.pop("memory_format", None)
    other = kwargs.pop("tensor", kwargs.pop("other", None))
    kwargs.pop("copy", None)
    if kwargs:
        raise TypeError(f"to() received an invalid combination of arguments - got keyword '{next(iter(kwargs))}'")
    for argument in args:
        if isinstance(argument, Tensor):
            other = argument
        elif isinstance(argument, flambeau.dtype):
            dtype = argument
        elif isinstance(argument, bool):
            non_blocking = argument
        elif argument is not None:
            device = flambeau.device(argument)
    if other is not None:
        device, dtype = other.device, other.dtype
    return device, dtype, non_blocking, memory_format
