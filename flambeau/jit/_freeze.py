"""``freeze``: a scripted module whose parameters have become constants."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ._script import ScriptModule, copied


def freeze(
    mod: Any,
    preserved_attrs: list[str] | None = None,
    optimize_numerics: bool = True,
    preserve_parameters: bool = False,
) -> Any:
    """A copy of a scripted module in which parameters and buffers are attributes like others, and need no gradients.

    ``preserved_attrs`` are those of the module itself that stay what they are; with ``preserve_parameters`` all
    parameters do. ``RuntimeError`` unless the module is a scripted one in evaluation mode.
    """
    if not isinstance(mod, ScriptModule):
        raise RuntimeError(
            "Freezing expects a ScriptModule as input. Please use torch.jit.script or torch.jit.trace to script your "
            "'nn.Module'."
        )
    if mod.training:
        raise RuntimeError(
            "Freezing is currently only implemented for modules in eval mode. Please call .eval() on your module before "
            "freezing."
        )
    kept = set(preserved_attrs or ())
    for name in kept:
        if not hasattr(mod, name):
            raise RuntimeError(f"Module does not have method or attribute '{name}'")
    frozen = copied(mod)
    for path, part in frozen.named_modules():
        for registered in (part._buffers,) if preserve_parameters else (part._parameters, part._buffers):
            for name, tensor in list(registered.items()):
                if tensor is None or not path and name in kept:
                    continue
                del registered[name]
                part.__dict__[name] = tensor.detach() if isinstance(tensor, Tensor) else tensor
    return frozen


def run_frozen_optimizations(
    mod: Any, optimize_numerics: bool = True, preserved_methods: list[str] | None = None
) -> None:
    """Nothing: what runs is optimised in any case."""


def optimize_for_inference(mod: Any, other_methods: list[str] | None = None) -> Any:
    """The module, frozen if it has its parameters still. ``RuntimeError`` unless it is a scripted one."""
    if not isinstance(mod, ScriptModule):
        raise RuntimeError(
            "optimize_for_inference expects a ScriptModule as input. Please use torch.jit.script or torch.jit.trace to "
            "script your 'nn.Module'."
        )
    return freeze(mod.eval(), other_methods) if hasattr(mod, "training") else mod
