"""Weights as a length and a direction (Salimans and Kingma 2016), recomputed before every call of the module."""

from __future__ import annotations

from typing import Any, TypeVar

from ...core.tensor import Tensor
from ...graph.notices import warn
from ..modules.module import Module
from ..parameter import Parameter

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]

M = TypeVar("M", bound=Module)


def norm_except_dim(v: Tensor, power: float, dim: int) -> Tensor:
    """Norms of the slices of ``v`` along ``dim``, in a shape that broadcasts against ``v``; one norm of all for -1."""
    if dim == -1:
        return v.norm(power)
    others = tuple(axis for axis in range(v.dim()) if axis != dim % v.dim())
    return v.norm(power, others, keepdim=True) if others else v.abs()


class WeightNorm:
    """The forward pre-hook that makes ``name`` of ``name_g`` (lengths) and ``name_v`` (directions)."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """The weight as the two parameters have it now."""
        lengths = getattr(module, self.name + "_g")
        directions = getattr(module, self.name + "_v")
        return directions * (lengths / norm_except_dim(directions, 2, self.dim))

    @staticmethod
    def apply(module: Module, name: str, dim: int | None) -> WeightNorm:
        """Replace a module's parameter by the two and have the hook run."""
        warn(
            "`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`.",
            FutureWarning,
        )
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, WeightNorm) and hook.name == name:
                raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
        hook = WeightNorm(name, dim)
        weight = getattr(module, name)
        del module._parameters[name]
        module.register_parameter(name + "_g", Parameter(norm_except_dim(weight, 2, hook.dim).data))
        module.register_parameter(name + "_v", Parameter(weight.data))
        setattr(module, name, hook.compute_weight(module))
        module.register_forward_pre_hook(hook)
        return hook

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module)
        delattr(module, self.name)
        del module._parameters[self.name + "_g"]
        del module._parameters[self.name + "_v"]
        setattr(module, self.name, Parameter(weight.data))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Have ``module`` compute its parameter ``name`` from lengths along ``dim`` (None: one length) and directions."""
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Undo :func:`weight_norm`."""
    for number, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            hook.remove(module)
            del module._forward_pre_hooks[number]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
