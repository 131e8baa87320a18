"""Places in a network where numbers are to be quantized, and where they are to be numbers again."""

from __future__ import annotations

from typing import Any

from flambeau import Tensor
from flambeau.nn import Module

__all__ = ["DeQuantStub", "QuantStub", "QuantWrapper"]


class QuantStub(Module):
    """Lets numbers pass; it becomes an observer when the network is prepared, and quantizes once it is converted."""

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()
        if qconfig:
            self.qconfig = qconfig

    def forward(self, x: Tensor) -> Tensor:
        """``x`` itself."""
        return x


class DeQuantStub(Module):
    """Lets numbers pass; once the network is converted, it gives the numbers that quantized ones stand for."""

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()
        if qconfig:
            self.qconfig = qconfig

    def forward(self, x: Tensor) -> Tensor:
        """``x`` itself."""
        return x


class QuantWrapper(Module):
    """A module between two such places."""

    def __init__(self, module: Module) -> None:
        super().__init__()
        configuration = getattr(module, "qconfig", None)
        self.add_module("quant", QuantStub(configuration))
        self.add_module("dequant", DeQuantStub(configuration))
        self.add_module("module", module)
        self.train(module.training)

    def forward(self, X: Any) -> Any:
        """What the module gives for ``X``, quantized on the way."""
        return self.dequant(self.module(self.quant(X)))
