"""What stands here for what PyTorch's samples are made of: functions, tensors that share memory, arguments."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import types
from typing import Any

import numpy as np
import torch

import flambeau


class Unusable(Exception):
    """What Flambeau has no counterpart of: sparse tensors, other devices, functions that it lacks."""


def resolved(path: str) -> Any:
    """What a dotted name below ``torch`` is here."""
    found: Any = flambeau
    names = path.removeprefix("torch.").split(".")
    if names[0] == "ops":  # which is a folder here
        found, names = importlib.import_module("flambeau.surface.ops"), names[1:]
    for name in names:
        try:
            found = getattr(found, name)
        except (AttributeError, NotImplementedError):
            try:
                found = importlib.import_module(f"{found.__name__}.{name}")
            except (ImportError, AttributeError):
                raise Unusable(f"there is no {path}") from None
    return found


def counterpart(value: Any) -> Any:
    """What a function of PyTorch's tests calls, as it is here; what is not PyTorch's stays what it is."""
    if isinstance(value, types.ModuleType):
        own = value.__name__ == "torch" or value.__name__.startswith("torch.") and not value.__name__.startswith("torch.testing")
        return _module(value.__name__) if own else value
    if isinstance(value, types.FunctionType) and (value.__module__ or "").startswith("torch.testing"):
        return retold(value)
    if isinstance(value, torch.dtype | torch.memory_format):
        return resolved(str(value))
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | type):
        return _by_name(value)
    return value


class _Package(types.ModuleType):
    """The package as programs see it, to whom ``torch.ops`` are operations by their full names."""

    def __getattr__(self, name: str) -> Any:
        return importlib.import_module("flambeau.surface.ops") if name == "ops" else getattr(flambeau, name)


_PACKAGE = _Package("torch")


def _module(name: str) -> Any:
    """A module below ``torch`` as it is here; one that is not here stays, for it may never be called."""
    try:
        return resolved(name) if name != "torch" else _PACKAGE
    except Unusable:
        return importlib.import_module(name)


def _by_name(value: Any) -> Any:
    module = getattr(value, "__module__", None) or ""
    if value is torch.Tensor:
        return flambeau.Tensor
    if not module.startswith("torch") or module.startswith("torch.testing"):
        return value
    module = {"torch": "", "torch._C._nn": "nn.functional."}.get(module, module + ".")
    try:
        return resolved(module + value.__name__)
    except Unusable:
        return value


_RETOLD: dict[Any, types.FunctionType] = {}


def retold(function: types.FunctionType) -> types.FunctionType:
    """A Python function of PyTorch's tests in which ``torch`` means Flambeau, and so in those of them that it calls."""
    told = _RETOLD.get(function)
    if told is None:
        names = dict(function.__globals__)
        cells = function.__closure__ and tuple(types.CellType() for _ in function.__closure__)
        told = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)
        _RETOLD[function] = told  # before what it calls, which may call it
        told.__kwdefaults__ = function.__kwdefaults__
        for name in _named(function.__code__) & names.keys():
            names[name] = counterpart(names[name])
        for cell, original in zip(cells or (), function.__closure__ or ()):
            cell.cell_contents = counterpart(original.cell_contents)
    return told


def _named(code: types.CodeType) -> set[str]:
    """The names that a function's code mentions, and those of the functions inside it."""
    return set(code.co_names).union(*[_named(part) for part in code.co_consts if isinstance(part, types.CodeType)])


def operation(info: Any) -> Any:
    """The function that an ``OpInfo`` is about."""
    return function_of(info.op, info.name)


def function_of(function: Any, path: str) -> Any:
    """A form of an operation: a function of PyTorch's tests, a method, or what has the name ``path``."""
    if isinstance(function, functools.partial):
        inner = function_of(function.func, f"{function.func.__module__}.{function.func.__name__}")
        here = Converter()
        return functools.partial(inner, *map(here, function.args), **{k: here(v) for k, v in function.keywords.items()})
    if isinstance(function, types.MethodDescriptorType | types.WrapperDescriptorType):
        return _method(function.__name__)
    if isinstance(function, torch._ops.OpOverloadPacket | torch._ops.OpOverload):
        return resolved(f"ops.{function}")
    module = getattr(function, "__module__", None) or ""
    if isinstance(function, types.FunctionType) and module.startswith("torch.testing"):
        return retold(function)
    if isinstance(function, types.FunctionType) and function.__qualname__.startswith("Tensor.") or module == "torch._tensor":
        return _method(function.__name__)
    return resolved(path)


def _method(name: str) -> Any:
    """A method, looked up where programs find it: at the tensor."""
    resolved("Tensor." + name)

    def called(self: Any, *arguments: Any, **keywords: Any) -> Any:
        if not isinstance(self, flambeau.Tensor):  # which has a method of this name itself, perhaps
            return getattr(flambeau.Tensor, name)(self, *arguments, **keywords)
        return getattr(self, name)(*arguments, **keywords)

    return called


class Converter:
    """Arguments of one call. Tensors that share memory, or are the same, do so here too."""

    def __init__(self) -> None:
        self.memory: dict[int, Any] = {}
        self.made: dict[int, tuple[Any, Any]] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) not in self.made:
                self.made[id(value)] = value, self.tensor(value)
            return self.made[id(value)][1]
        if isinstance(value, torch.dtype | torch.memory_format):
            return resolved(str(value))
        if isinstance(value, torch.device | torch.layout):
            if str(value) not in ("cpu", "torch.strided"):
                raise Unusable(str(value))
            return flambeau.device("cpu") if isinstance(value, torch.device) else flambeau.strided
        if isinstance(value, torch.Generator):
            return flambeau.Generator()
        if isinstance(value, torch.Size):
            return flambeau.Size(value)
        if isinstance(value, torch.nn.Module):
            return self.module(value)
        if dataclasses.is_dataclass(value) and type(value).__module__.startswith("torch.nn.modules"):
            fields = {field.name: self(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return getattr(flambeau.nn, type(value).__name__)(**fields)
        if type(value) in (list, tuple, set):
            return type(value)(map(self, value))
        if isinstance(value, tuple):
            return tuple(map(self, value))
        if isinstance(value, dict):
            return {key: self(each) for key, each in value.items()}
        if isinstance(value, types.FunctionType | types.BuiltinFunctionType | type):
            return counterpart(value)
        if isinstance(value, int | float | complex | str | slice | np.ndarray | np.generic) or value in (None, ...):
            return value
        raise Unusable(f"an argument of {type(value)}")

    def module(self, value: torch.nn.Module) -> Any:
        """A layer without parameters, which losses are given as a distance."""
        if type(value).__module__.startswith("torch.nn.modules") and not list(value.parameters()):
            made = getattr(flambeau.nn, type(value).__name__)()
            vars(made).update({name: vars(value)[name] for name in getattr(value, "__constants__", ())})
            return made
        raise Unusable(f"an argument of {type(value)}")

    def tensor(self, value: torch.Tensor) -> Any:
        """The counterpart of a tensor, over that of its memory, with the gradient that a leaf has."""
        made = self._without_gradient(value)
        if value.is_leaf and value.grad is not None:
            made.grad = self(value.grad)
        return made

    def _without_gradient(self, value: torch.Tensor) -> Any:
        if isinstance(value, torch.nn.Parameter):
            return flambeau.nn.Parameter(self.tensor(value.detach()).clone(), requires_grad=value.requires_grad)
        if type(value) is not torch.Tensor or value.layout is not torch.strided or value.device.type != "cpu":
            raise Unusable("a tensor of another kind" if value.layout is torch.strided else f"a tensor that is {value.layout}")
        if value.ndim > 60 or value.is_conj() or value.is_neg():
            raise Unusable("a tensor of over 60 axes" if value.ndim > 60 else "a conjugate view")
        dtype = resolved(str(value.dtype))
        storage = value.untyped_storage()
        if value.numel() and not storage.nbytes():
            raise Unusable("a tensor without the memory that it needs")
        if not storage.data_ptr() or storage.data_ptr() not in self.memory:  # what is empty shares nothing
            flat = torch.empty(0, dtype=value.dtype).set_(storage).detach()
            plain = flat.float() if value.dtype == torch.bfloat16 else flat
            self.memory[storage.data_ptr()] = flambeau.tensor(plain.numpy(), dtype=dtype)
        made = self.memory[storage.data_ptr()]
        if made.dtype is not dtype:
            raise Unusable("memory seen in two dtypes")
        if value.is_contiguous() and value.numel() == made.numel():
            made = made.view(tuple(value.shape))
        else:
            made = made.as_strided(tuple(value.shape), value.stride(), value.storage_offset())
        return made.detach().requires_grad_() if value.requires_grad else made
