"""States of models and optimisers by the names of parameters, whatever wraps the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import flambeau

from ...core.modes import no_grad
from ...core.tensor import Tensor
from ...nn.modules.module import Module
from ...nn.parallel import DataParallel, DistributedDataParallel
from ...optim.optimizer import Optimizer

__all__ = [
    "StateDictOptions", "get_model_state_dict", "get_optimizer_state_dict", "get_state_dict", "set_model_state_dict",
    "set_optimizer_state_dict", "set_state_dict",
]  # fmt: skip

_WRAPPERS = ("_checkpoint_wrapped_module.", "_orig_mod.")


@dataclasses.dataclass
class StateDictOptions:
    """How states are given; what only several processes need is of no account."""

    full_state_dict: bool = False
    cpu_offload: bool = False
    ignore_frozen_params: bool = False
    keep_submodule_prefixes: bool = True
    strict: bool = True
    broadcast_from_rank0: bool = False
    flatten_optimizer_state_dict: bool = False
    dsd_fqn_modifiers: str = "_fqn_modifiers"


def _name(model: Module, key: str) -> str:
    """A key of the model's ``state_dict`` without what wrappers put into it."""
    wrapped: Any = model
    while isinstance(wrapped, (DataParallel, DistributedDataParallel)):
        key, wrapped = key.removeprefix("module."), wrapped.module
    for wrapper in _WRAPPERS:
        key = key.replace(wrapper, "")
    return key


def _frozen(model: Module) -> set[str]:
    return {_name(model, key) for key, parameter in model.named_parameters() if not parameter.requires_grad}


def _parameters(model: Module) -> dict[str, Tensor]:
    return {_name(model, key): parameter for key, parameter in model.named_parameters()}


def _optimizers(optimizers: Optimizer | Iterable[Optimizer]) -> list[Optimizer]:
    return [optimizers] if isinstance(optimizers, Optimizer) else list(optimizers)


def get_model_state_dict(
    model: Module, *, submodules: set[Module] | None = None, options: StateDictOptions | None = None
) -> dict[str, Any]:
    """The model's ``state_dict``, whose keys do not tell of wrappers."""
    chosen = options or StateDictOptions()
    left_out = _frozen(model) if chosen.ignore_frozen_params else set()
    found = {_name(model, key): value for key, value in model.state_dict().items()}
    if submodules:
        prefixes = tuple(f"{_name(model, name + '.')}" for name, module in model.named_modules() if module in submodules)
        found = {name: value for name, value in found.items() if name.startswith(prefixes)}
        if not chosen.keep_submodule_prefixes:
            longest = sorted(prefixes, key=len, reverse=True)
            found = {name[len(next(p for p in longest if name.startswith(p))) :]: value for name, value in found.items()}
    return {name: value for name, value in found.items() if name not in left_out}


def set_model_state_dict(model: Module, model_state_dict: dict[str, Any], *, options: StateDictOptions | None = None) -> Any:
    """Load what :func:`get_model_state_dict` gave; returns missing and unexpected keys."""
    keys = {_name(model, key): key for key in model.state_dict()}
    strict = (options or StateDictOptions()).strict
    return model.load_state_dict({keys.get(name, name): value for name, value in model_state_dict.items()}, strict=strict)


def get_optimizer_state_dict(
    model: Module,
    optimizers: Optimizer | Iterable[Optimizer],
    *,
    submodules: set[Module] | None = None,
    options: StateDictOptions | None = None,
) -> dict[str, Any]:
    """The optimisers' states in one, by parameters' names: ``{"state": {name: …}, "param_groups": […]}``.

    With ``flatten_optimizer_state_dict``: ``state.NAME.WHAT`` and ``param_groups.NAME.OPTION``.
    """
    if submodules:
        raise NotImplementedError("get_optimizer_state_dict(submodules=…)")
    names = {parameter: name for name, parameter in _parameters(model).items()}
    state: dict[str, Any] = {}
    groups: list[dict[str, Any]] = []
    for optimizer in _optimizers(optimizers):
        _make_state(optimizer)
        numbered = optimizer.state_dict()
        named = [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]
        state |= {named[number]: value for number, value in numbered["state"].items()}
        groups += [{**group, "params": [named[number] for number in group["params"]]} for group in numbered["param_groups"]]
    if not (options or StateDictOptions()).flatten_optimizer_state_dict:
        return {"state": state, "param_groups": groups}
    flat = {f"state.{name}.{what}": value for name, kept in state.items() for what, value in kept.items()}
    for group in groups:
        for name in group["params"]:
            flat |= {f"param_groups.{name}.{option}": value for option, value in group.items() if option != "params"}
    return flat


def set_optimizer_state_dict(
    model: Module,
    optimizers: Optimizer | Iterable[Optimizer],
    optim_state_dict: dict[str, Any],
    *,
    options: StateDictOptions | None = None,
) -> None:
    """Load what :func:`get_optimizer_state_dict` gave."""
    names = {parameter: name for name, parameter in _parameters(model).items()}
    for optimizer in _optimizers(optimizers):
        _make_state(optimizer)
        own = optimizer.state_dict()
        named = [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]
        if "param_groups" in optim_state_dict:
            state, options_of = optim_state_dict["state"], dict(_by_name(optim_state_dict["param_groups"]))
        else:
            state, options_of = _unflattened(named, own, optim_state_dict)
        groups = [{**options_of[named[group["params"][0]]], "params": group["params"]} for group in own["param_groups"]]
        numbered = {number: state[name] for number, name in enumerate(named) if name in state}
        optimizer.load_state_dict({"state": numbered, "param_groups": groups})


def _by_name(groups: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for group in groups:
        for name in group["params"]:
            yield name, group


def _unflattened(names: list[str], own: dict[str, Any], flat: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """State and options by parameter from names with dots, where the optimiser's own state says which there are."""
    state = {
        names[number]: {what: flat[f"state.{names[number]}.{what}"] for what in kept} for number, kept in own["state"].items()
    }
    options = {}
    for group in own["param_groups"]:
        for number in group["params"]:
            name = names[number]
            options[name] = {option: flat[f"param_groups.{name}.{option}"] for option in group if option != "params"}
    return state, options


def _make_state(optimizer: Optimizer) -> None:
    """Let an optimiser that has no state make it: by a step of no length along no gradient, as PyTorch does."""
    if optimizer.state:
        return
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"] if parameter.requires_grad]
    if any(parameter.grad is not None for parameter in parameters):
        return
    rates = [group.get("lr") for group in optimizer.param_groups]
    with no_grad():
        for parameter in parameters:
            parameter.grad = flambeau.zeros_like(parameter)
    for group, rate in zip(optimizer.param_groups, rates):
        if rate is not None:
            group["lr"] = flambeau.tensor(0.0) if isinstance(rate, Tensor) else 0.0
    optimizer.step(closure=None)
    for group, rate in zip(optimizer.param_groups, rates):
        if rate is not None:
            group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)


def get_state_dict(
    model: Module,
    optimizers: Optimizer | Iterable[Optimizer],
    *,
    submodules: set[Module] | None = None,
    options: StateDictOptions | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The states of model and optimisers."""
    optimizer_state = get_optimizer_state_dict(model, optimizers, options=options) if _optimizers(optimizers) else {}
    return get_model_state_dict(model, submodules=submodules, options=options), optimizer_state


def set_state_dict(
    model: Module,
    optimizers: Optimizer | Iterable[Optimizer],
    *,
    model_state_dict: dict[str, Any],
    optim_state_dict: dict[str, Any],
    options: StateDictOptions | None = None,
) -> Any:
    """Load the states of model and optimisers; returns missing and unexpected keys of the model."""
    missing = set_model_state_dict(model, model_state_dict, options=options)
    if _optimizers(optimizers):
        set_optimizer_state_dict(model, optimizers, optim_state_dict, options=options)
    return missing
