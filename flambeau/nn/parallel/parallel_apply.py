"""Several modules called with their inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.tensor import Tensor
from ..modules.module import Module
from .comm import on_processor

__all__ = ["get_a_var", "parallel_apply"]


def get_a_var(obj: Any) -> Tensor | None:
    """Some tensor of ``obj``, also inside of lists, tuples and dictionaries."""
    if isinstance(obj, Tensor):
        return obj
    if isinstance(obj, dict):
        obj = obj.items()
    if isinstance(obj, (list, tuple)) or hasattr(obj, "mapping"):
        return next((found for found in map(get_a_var, obj) if found is not None), None)
    return None


def parallel_apply(
    modules: Sequence[Module],
    inputs: Sequence[Any],
    kwargs_tup: Sequence[dict[str, Any]] | None = None,
    devices: Sequence[Any] | None = None,
) -> list[Any]:
    """The results of ``modules[i](*inputs[i], **kwargs_tup[i])``, one after another: the device is one."""
    if len(modules) != len(inputs):
        raise AssertionError(f"The number of modules {len(modules)} is not equal to the number of inputs {len(inputs)}")
    keywords = [{}] * len(modules) if kwargs_tup is None else kwargs_tup
    if len(modules) != len(keywords):
        raise AssertionError(f"The number of modules {len(modules)} is not equal to the number of keywords {len(keywords)}")
    if devices is not None:
        if len(modules) != len(devices):
            raise AssertionError(f"The number of modules {len(modules)} is not equal to the number of devices {len(devices)}")
        on_processor([each for each in devices if each is not None])
    return [
        module(*(given if isinstance(given, (list, tuple)) else (given,)), **named)
        for module, given, named in zip(modules, inputs, keywords)
    ]
