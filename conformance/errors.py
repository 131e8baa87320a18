"""The calls that PyTorch's own tests expect to fail: operations, layers and optimisers raise the same type here."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

import flambeau

from .counterparts import Converter, Unusable, operation
from .operations import op_db

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
Case = tuple[str, Call, Call]


def failed(call: Call) -> BaseException | None:
    """How a call ends, errors that only values tell included."""
    function, arguments, keywords = call
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = function(*arguments, **keywords)
            for each in result if isinstance(result, tuple | list) else (result,):
                if isinstance(each, flambeau.Tensor):
                    each.detach().numpy()
        except Exception as error:
            return error
    return None


def kind(error: BaseException) -> type:
    """The type that both libraries have."""
    return next(each for each in type(error).__mro__ if each.__module__ == "builtins")


def shown(value: Any) -> str:
    """An argument in short: of a tensor only its dtype and shape, for some that PyTorch makes cannot be printed."""
    if isinstance(value, torch.Tensor):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(map(shown, value)) + ")"
    return str({key: shown(each) for key, each in value.items()}) if isinstance(value, dict) else repr(value)


def described(name: str, call: Call) -> str:
    return name + shown(call[1]) + shown(call[2])


def of_operations() -> Iterator[Case]:
    for info in op_db:
        if info.error_inputs_func is None:
            continue
        try:
            ours = operation(info)
        except Unusable:
            continue
        for error in info.error_inputs("cpu"):
            sample, here = error.sample_input, Converter()
            theirs = (info.op, (sample.input, *sample.args), sample.kwargs)
            try:
                yield described(info.name, theirs), theirs, (ours, here(theirs[1]), here(theirs[2]))
            except Unusable:
                pass


def of_modules() -> Iterator[Case]:
    for info in module_db:
        if info.module_error_inputs_func is None or not hasattr(flambeau.nn, info.module_cls.__name__):
            continue
        ours = getattr(flambeau.nn, info.module_cls.__name__)
        made = info.module_error_inputs_func(info, device="cpu", dtype=torch.float32, requires_grad=False, training=True)
        for error in made:
            given, here = error.module_error_input, Converter()
            runs = error.error_on is ModuleErrorEnum.FORWARD_ERROR

            def run(kind: Any, made: Any, keywords: Any, forward: Any, options: Any, runs: bool = runs) -> Any:
                module = kind(*made, **keywords)
                return module(*forward, **options) if runs else None

            made_with, called_with = given.constructor_input, given.forward_input
            parts = [made_with.args, made_with.kwargs]
            parts += [called_with.args, called_with.kwargs] if runs else [(), {}]
            try:
                call = (run, (ours, *map(here, parts)), {})
                yield described(info.name, (run, tuple(parts), {})), (run, (info.module_cls, *parts), {}), call
            except Unusable:
                pass


def of_optimisers() -> Iterator[Case]:
    for info in optim_db:
        if info.optim_error_inputs_func is None or not hasattr(flambeau.optim, info.optim_cls.__name__):
            continue
        ours = getattr(flambeau.optim, info.optim_cls.__name__)
        for error in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
            given, here = error.optimizer_error_input, Converter()
            steps = error.error_on is OptimizerErrorEnum.STEP_ERROR

            def run(kind: Any, parameters: Any, keywords: Any, steps: bool = steps) -> None:
                optimiser = kind(parameters, **keywords)
                if steps:
                    optimiser.step()

            parts = (given.params, given.kwargs)
            try:
                call = (run, (ours, *map(here, parts)), {})
                yield described(info.name, (run, parts, {})), (run, (info.optim_cls, *parts), {}), call
            except Unusable:
                pass


def compared(cases: Iterator[Case]) -> tuple[int, list[str]]:
    """How many calls fail in PyTorch, and those that do not fail likewise here."""
    count, unlike = 0, []
    for name, theirs, ours in cases:
        expected = failed(theirs)
        if expected is None:
            continue
        count += 1
        actual = failed(ours)
        if actual is None or kind(actual) is not kind(expected):
            unlike.append(f"{name}: {actual!r:.150} instead of {expected!r:.150}")
    return count, unlike


KINDS: dict[str, Callable[[], Iterator[Case]]] = {
    "operations": of_operations, "layers": of_modules, "optimisers": of_optimisers,
}  # fmt: skip
