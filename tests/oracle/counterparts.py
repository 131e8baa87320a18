"""PyTorch's own samples (``torch.testing._internal``) as Flambeau's: functions, tensors that share memory, arguments."""

from __future__ import annotations

import functools
import types
from typing import Any

import numpy as np
import torch

import flambeau
import flambeau.linalg
import flambeau.nn.functional
import flambeau.special


class Unusable(Exception):
    """What Flambeau has no counterpart of: complex numbers, sparse tensors, other devices, functions it lacks."""


def resolved(path: str) -> Any:
    """What a dotted name below ``torch`` is here."""
    found: Any = flambeau
    for name in path.removeprefix("torch.").split("."):
        if not hasattr(found, name):
            raise Unusable(path)
        found = getattr(found, name)
    return found


def retold(function: types.FunctionType) -> types.FunctionType:
    """A Python function of PyTorch's tests in which ``torch`` means Flambeau."""
    names = {
        name: flambeau.nn.functional if value is torch.nn.functional else flambeau if value is torch else value
        for name, value in function.__globals__.items()
    }
    told = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    told.__kwdefaults__ = function.__kwdefaults__
    return told


def operation(info: Any) -> Any:
    """The function that an ``OpInfo`` is about."""
    if info.name.startswith("_") or info.name.partition(".")[0] in ("ops", "jiterator_binary", "masked", "sparse"):
        raise Unusable(info.name)
    if isinstance(info.op, functools.partial):
        raise Unusable(info.name)
    if isinstance(info.op, types.MethodDescriptorType):
        return resolved("Tensor." + info.op.__name__)
    if isinstance(info.op, types.FunctionType) and (info.op.__module__ or "").startswith("torch.testing"):
        return retold(info.op)
    return resolved(info.name)


class Converter:
    """Arguments of one call. Tensors that share memory, or are the same, do so here too."""

    def __init__(self) -> None:
        self.memory: dict[int, Any] = {}
        self.parameters: dict[int, Any] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, torch.nn.Parameter):
            if id(value) not in self.parameters:
                plain = self.tensor(value.detach()).clone()
                self.parameters[id(value)] = flambeau.nn.Parameter(plain, requires_grad=value.requires_grad)
            return self.parameters[id(value)]
        if isinstance(value, torch.Tensor):
            return self.tensor(value)
        if isinstance(value, torch.dtype | torch.memory_format):
            return resolved(str(value))
        if isinstance(value, torch.device | torch.layout):
            if str(value) not in ("cpu", "torch.strided"):
                raise Unusable(str(value))
            return "cpu" if isinstance(value, torch.device) else flambeau.strided
        if isinstance(value, torch.Generator):
            return flambeau.Generator()
        if isinstance(value, torch.Size):
            return flambeau.Size(value)
        if type(value) in (list, tuple, set):
            return type(value)(map(self, value))
        if type(value) is dict:
            return {key: self(each) for key, each in value.items()}
        if isinstance(value, types.FunctionType):
            return retold(value)
        if isinstance(value, int | float | str | slice | np.ndarray | np.generic) or value in (None, ...):
            return value
        raise Unusable(repr(type(value)))

    def tensor(self, value: torch.Tensor) -> Any:
        """The counterpart of a tensor, over that of its memory."""
        usable = type(value) is torch.Tensor and value.layout is torch.strided and value.device.type == "cpu"
        if not usable or value.dtype.is_complex or value.ndim > 60 or value.dtype == torch.bfloat16:
            raise Unusable(f"{value.layout} {value.device} {value.dtype}")
        dtype = resolved(str(value.dtype))
        storage = value.untyped_storage()
        if value.numel() and not storage.nbytes():
            raise Unusable("a tensor without the memory that it needs")
        if storage.data_ptr() not in self.memory:
            flat = torch.empty(0, dtype=value.dtype).set_(storage).detach()
            self.memory[storage.data_ptr()] = flambeau.tensor(flat.numpy(), dtype=dtype)
        made = self.memory[storage.data_ptr()]
        if value.is_contiguous() and value.numel() == made.numel():
            made = made.view(value.shape)
        else:
            made = made.as_strided(tuple(value.shape), value.stride(), value.storage_offset())
        return made.detach().requires_grad_() if value.requires_grad else made
