"""Where PyTorch has the compiled functions of ``nn.functional``: those functions, and how ``Module.to`` reads its arguments."""

from __future__ import annotations

from typing import Any

from ..nn import functional
from ..nn.modules._module_conversion import _parse_to

__all__ = ["_parse_to"]


def __getattr__(name: str) -> Any:
    return getattr(functional, name)
