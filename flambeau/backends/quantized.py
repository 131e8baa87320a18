"""Which library computes with quantized numbers: it can be chosen among PyTorch's, and changes nothing."""

from __future__ import annotations

import sys
from types import ModuleType

ENGINES = ("qnnpack", "onednn", "x86", "fbgemm")
"""Names of libraries that PyTorch knows on processors."""


class _Engines(ModuleType):
    """The module: its switches are checked when they are set."""

    _engine = "x86"

    @property
    def supported_engines(self) -> list[str]:
        """The names that may be chosen."""
        return list(ENGINES)

    @supported_engines.setter
    def supported_engines(self, value: object) -> None:
        raise RuntimeError("Assignment not supported")

    @property
    def engine(self) -> str:
        """The name that was chosen. ``RuntimeError`` for a name that there is not."""
        return self._engine

    @engine.setter
    def engine(self, name: str) -> None:
        if name not in ENGINES:
            is_none = "quantized engine NoQEngine is not supported"
            raise RuntimeError(is_none if name == "none" else f"{name} is not a valid value for quantized engine")
        self._engine = name


sys.modules[__name__].__class__ = _Engines
