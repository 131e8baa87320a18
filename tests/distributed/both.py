"""The same expressions under PyTorch and under Flambeau: what they give, or the type of error that they raise."""

from __future__ import annotations

import contextlib
import copy
import datetime
import functools
import importlib
import pickle
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import torch

import flambeau

FRAMEWORKS = (torch, flambeau)


def plain(value: Any) -> Any:
    """A result as something that can be compared across frameworks."""
    if isinstance(value, (torch.Tensor, flambeau.Tensor)):
        return str(value.dtype).rpartition(".")[2], tuple(value.shape), value.detach().tolist()
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    return type(value).__name__


def error_type(error: BaseException) -> type | str:
    """The built-in type that an error is of, or the name of PyTorch's own."""
    kind = type(error)
    return kind if kind.__module__ in ("builtins", "_pickle") else kind.__name__


def outcome(expression: str, names: dict[str, Any]) -> Any:
    """What an expression gives, and what the names of one letter stand for afterwards; or the type of its error."""
    space = {"datetime": datetime, "copy": copy, "pickle": pickle, **names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = plain(eval(expression, space))
            return result, {name: plain(value) for name, value in names.items() if len(name) == 1 and name != "d"}
        except Exception as error:
            return "error", error_type(error)


def names_for(framework: ModuleType) -> dict[str, Any]:
    """What expressions may name: the framework, its ``distributed``, and any of its modules by ``module("nn.init")``."""
    module = functools.partial(lambda name, below: importlib.import_module(f"{name}.{below}"), framework.__name__)
    return {"torch": framework, "d": framework.distributed, "module": module}


def same(expressions: str, setting: str = "") -> None:
    """Each line gives the same under both, in names that the lines of ``setting`` make anew for each."""
    different = []
    for line in filter(None, map(str.strip, expressions.splitlines())):
        found = []
        for framework in FRAMEWORKS:
            names = names_for(framework)
            exec(setting, names)
            found.append(outcome(line, names))
        if found[0] != found[1]:
            different.append((line, *found))
    assert not different, "\n".join(map(str, different))


@contextlib.contextmanager
def groups_of_one() -> Iterator[None]:
    """A group of one process under both."""
    for framework in FRAMEWORKS:
        distributed = framework.distributed
        distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        yield
    finally:
        for framework in FRAMEWORKS:
            if framework.distributed.is_initialized():
                framework.distributed.destroy_process_group()
