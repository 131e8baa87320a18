"""The older way to share parameters out, which wraps a module; it needs an accelerator."""

from __future__ import annotations

import enum
from typing import Any

from ...nn.modules.module import Module
from .api import *  # noqa: F403  # programs look for the options here, too

__all__ = ["FullyShardedDataParallel", "OptimStateKeyType"]


class OptimStateKeyType(enum.Enum):
    """What an optimiser's state is kept by: parameters' names, or their numbers."""

    PARAM_NAME = enum.auto()
    PARAM_ID = enum.auto()


class FullyShardedDataParallel(Module):
    """A module whose parameters are shared out over accelerators: as there are none, ``RuntimeError`` when one is made."""

    def __init__(self, module: Module, *arguments: Any, **options: Any) -> None:
        raise RuntimeError(
            "FSDP needs a non-CPU accelerator device, but no accelerator device is detected. On the CPU, use the module itself, "
            "or torch.distributed.fsdp.fully_shard."
        )

    @staticmethod
    def fsdp_modules(module: Module, root_only: bool = False) -> list[FullyShardedDataParallel]:
        """Those of the modules inside that are wrapped."""
        return [each for each in module.modules() if isinstance(each, FullyShardedDataParallel)]
