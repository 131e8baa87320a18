"""Neural networks: modules, parameters, and functions on tensors."""

# ruff: noqa: F403
from __future__ import annotations

from . import functional, init, modules, parameter, utils
from .modules import *
from .parameter import Buffer, Parameter

__all__ = [*modules.__all__, "Buffer", "Parameter", "functional", "init", "modules", "parameter", "utils"]
