"""Calling a module with other parameters and buffers than its own, and stacking those of several modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..core.tensor import Tensor
from ..nn.modules.module import Module
from ..ops.joining import stack


def functional_call(
    module: Module, parameter_and_buffer_dicts: dict[str, Tensor] | Sequence[dict[str, Tensor]], args: Any = None,
    kwargs: dict[str, Any] | None = None, *, tie_weights: bool = True, strict: bool = False,
) -> Any:  # fmt: skip
    """``module(*args, **kwargs)`` with these tensors in the places of its parameters and buffers of the same names.

    Others stay. What the call puts in their places (running means) comes back in the dictionary. With ``tie_weights``, what
    is one tensor in the module stays one. ``ValueError`` if a name is in several dictionaries, ``RuntimeError`` if ``strict``
    and names differ from the module's.
    """
    if isinstance(parameter_and_buffer_dicts, dict):
        given = parameter_and_buffer_dicts
    elif isinstance(parameter_and_buffer_dicts, Sequence):
        if not all(isinstance(each, dict) for each in parameter_and_buffer_dicts):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        names = [name for each in parameter_and_buffer_dicts for name in each]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        given = {name: value for each in parameter_and_buffer_dicts for name, value in each.items()}
    else:
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(parameter_and_buffer_dicts)}"
        )
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    with reparametrized(module, given, tie_weights, strict):
        return module(*arguments, **(kwargs or {}))


@contextmanager
def reparametrized(module: Module, given: dict[str, Tensor], tie_weights: bool, strict: bool) -> Iterator[None]:
    """While inside, a module has these tensors in the places of its own. ``TypeError`` for what are no tensors."""
    values = _untied(module, given) if tie_weights else given
    own = dict(_own(module))
    if strict:
        unexpected, missing = sorted(values.keys() - own.keys()), sorted(own.keys() - values.keys())
        told = [f"{what} key(s): {', '.join(map(repr, names))}."
                for what, names in (("Unexpected", unexpected), ("Missing", missing)) if names]  # fmt: skip
        if told:
            raise RuntimeError(f"Error(s) in reparametrizing for {module._get_name()}:\n\t" + "\n\t".join(told))
    for value in values.values():
        if not isinstance(value, Tensor):
            raise TypeError(f"{value} is not an instance of torch.Tensor")
    replaced: dict[str, Any] = {}
    try:
        for name, value in values.items():
            replaced[name] = _swapped(module, name, value)
        yield
    finally:
        after = {name: _swapped(module, name, value) for name, value in reversed(replaced.items())}
        given.update({name: after[name] for name in given if name in after})


_ABSENT = object()


def _own(module: Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(remove_duplicate=False)
    yield from module.named_buffers(remove_duplicate=False)


def _swapped(module: Module, name: str, value: Any) -> Any:
    """Put a tensor in the place of a parameter or buffer (or attribute); gives what was there."""
    *path, last = name.split(".")
    for step in path:
        module = getattr(module, step)
    for table in (module._parameters, module._buffers, vars(module)):
        if last in table or table is vars(module):
            before = table.get(last, _ABSENT)
            if value is _ABSENT:
                table.pop(last, None)
            else:
                table[last] = value
            return before
    raise AssertionError("a module has attributes")


def _untied(module: Module, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same for all names of what is one tensor in the module. ``ValueError`` if several are given for it."""
    names: dict[int, list[str]] = {}
    for name, tensor in _own(module):
        names.setdefault(id(tensor), []).append(name)
    values = dict(given)
    for tied in names.values():
        there = [name for name in tied if name in given]
        if len({id(given[name]) for name in there}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(tied)}, which are tied. Consider using tie_weights=False"
            )
        if there:
            values.update(dict.fromkeys(tied, given[there[0]]))
    return values


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters of several modules of one class, stacked by name, and their buffers: for ``vmap`` over an ensemble.

    Stacked parameters are leaves that require grad as the single ones do.
    """
    if not len(models):
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({model.training for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    return (
        {name: _stacked(name, [each[name] for each in parameters]) for name in parameters[0]},
        {name: _stacked(name, [each[name] for each in buffers]) for name in buffers[0]},
    )


def _stacked(name: str, tensors: Sequence[Tensor]) -> Tensor:
    wants = {tensor.requires_grad for tensor in tensors}
    if len(wants) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    return stack(list(tensors)).detach().requires_grad_(wants.pop())
