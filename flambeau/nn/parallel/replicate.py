"""Copies of a network that share its parameters."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import chain
from typing import Any

from ..modules.module import Module
from .comm import on_processor

__all__ = ["replicate"]


def replicate(network: Module, devices: Sequence[Any], detach: bool = False) -> list[Any]:
    """A copy of ``network`` for each device, with the same parameters and buffers, without a gradient if ``detach``."""
    tensors = list(chain(network.parameters(), network.buffers()))
    return [
        copy.deepcopy(network, {id(tensor): tensor.detach() if detach else tensor for tensor in tensors})
        for _ in range(on_processor(devices))
    ]
