"""Modules as functions of their parameters and buffers, in the way that came before ``torch.func.functional_call``."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from ..core.tensor import Tensor
from ..nn.modules.module import Module
from ..ops.joining import stack
from .functional_call import functional_call

__all__ = [
    "FunctionalModule", "FunctionalModuleWithBuffers", "combine_state_for_ensemble", "make_functional",
    "make_functional_with_buffers",
]  # fmt: skip


def _stateless(model: Module) -> tuple[Module, dict[str, Any], dict[str, Tensor]]:
    """A copy of a module without values, and the values that it had."""
    made = copy.deepcopy(model)
    parameters, buffers = dict(made.named_parameters()), dict(made.named_buffers())
    return copy.deepcopy(made).to("meta"), parameters, buffers


class FunctionalModuleWithBuffers(Module):
    """``f(parameters, buffers, *arguments)`` of a module without values of its own."""

    def __init__(self, stateless_model: Module, param_names: Sequence[str], buffer_names: Sequence[str]) -> None:
        super().__init__()
        self.stateless_model = stateless_model
        self.param_names, self.buffer_names = tuple(param_names), tuple(buffer_names)

    def forward(self, params: Sequence[Tensor], buffers: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        """What the module gives with these tensors in the order of the names."""
        state = dict(zip((*self.param_names, *self.buffer_names), (*params, *buffers)))
        return functional_call(self.stateless_model, state, args, kwargs)

    @staticmethod
    def _create_from(model: Module, disable_autograd_tracking: bool = False) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
        stateless, parameters, buffers = _stateless(model)
        for parameter in parameters.values() if disable_autograd_tracking else ():
            parameter.requires_grad_(False)
        made = FunctionalModuleWithBuffers(stateless, list(parameters), list(buffers))
        return made, tuple(parameters.values()), tuple(buffers.values())


class FunctionalModule(Module):
    """``f(parameters, *arguments)`` of a module without values of its own."""

    def __init__(self, stateless_model: Module, param_names: Sequence[str]) -> None:
        super().__init__()
        self.stateless_model, self.param_names = stateless_model, tuple(param_names)

    def forward(self, params: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        """What the module gives with these tensors in the order of the names."""
        return functional_call(self.stateless_model, dict(zip(self.param_names, params)), args, kwargs)

    @staticmethod
    def _create_from(model: Module, disable_autograd_tracking: bool = False) -> tuple[Any, tuple[Any, ...]]:
        stateless, parameters, _ = _stateless(model)
        for parameter in parameters.values() if disable_autograd_tracking else ():
            parameter.requires_grad_(False)
        return FunctionalModule(stateless, list(parameters)), tuple(parameters.values())


def make_functional(model: Module, disable_autograd_tracking: bool = False) -> tuple[FunctionalModule, tuple[Tensor, ...]]:
    """A function of a module's parameters, and those; ``RuntimeError`` if it has buffers."""
    if any(True for _ in model.buffers()):
        raise RuntimeError(
            "make_functional(model): `model` has buffers. Please use make_functional_with_buffers(model) instead."
        )
    return FunctionalModule._create_from(model, disable_autograd_tracking)


def make_functional_with_buffers(
    model: Module, disable_autograd_tracking: bool = False
) -> tuple[FunctionalModuleWithBuffers, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """A function of a module's parameters and buffers, and those."""
    return FunctionalModuleWithBuffers._create_from(model, disable_autograd_tracking)


def combine_state_for_ensemble(
    models: Sequence[Module],
) -> tuple[FunctionalModuleWithBuffers, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """A function for ``vmap`` of the parameters and buffers of several modules of one class, stacked."""
    if not models:
        raise RuntimeError("combine_state_for_ensemble: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError("combine_state_for_ensemble: Expected all models to have the same training/eval mode.")
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("combine_state_for_ensemble: Expected all models to be of the same class.")
    functions, parameters, buffers = zip(*(make_functional_with_buffers(model) for model in models))
    stacked = [tuple(stack(list(of_all)).detach() for of_all in zip(*each)) for each in (parameters, buffers)]
    return functions[0], stacked[0], stacked[1]
