"""Sequences of layers that are quantized as one; until then each is its layers, one after the other."""

from __future__ import annotations

from flambeau import nn
from flambeau.nn import Module

__all__ = [
    "BNReLU2d", "BNReLU3d", "ConvBn1d", "ConvBn2d", "ConvBn3d", "ConvBnReLU1d", "ConvBnReLU2d", "ConvBnReLU3d",
    "ConvReLU1d", "ConvReLU2d", "ConvReLU3d", "LinearBn1d", "LinearLeakyReLU", "LinearReLU", "LinearTanh",
]  # fmt: skip


class _FusedModule(nn.Sequential):
    """Layers of the types ``_parts``, in order. ``AssertionError`` for others."""

    _parts: tuple[type[Module], ...] = ()

    def __init__(self, *layers: Module) -> None:
        types = [nn.utils.parametrize.type_before_parametrizations(layer) for layer in layers]
        fits = len(types) == len(self._parts) and all(map(issubclass, types, self._parts))
        assert fits, f"Incorrect types for input modules {' '.join([str(type(layer)) for layer in layers])}"
        super().__init__(*layers)


def _fused(name: str, *parts: type[Module]) -> type[_FusedModule]:
    names = " and then a ".join([part.__name__ for part in parts])
    return type(name, (_FusedModule,), {"_parts": parts, "__doc__": f"A {names}.", "__module__": __name__})


ConvReLU1d = _fused("ConvReLU1d", nn.Conv1d, nn.ReLU)
ConvReLU2d = _fused("ConvReLU2d", nn.Conv2d, nn.ReLU)
ConvReLU3d = _fused("ConvReLU3d", nn.Conv3d, nn.ReLU)
LinearReLU = _fused("LinearReLU", nn.Linear, nn.ReLU)
LinearLeakyReLU = _fused("LinearLeakyReLU", nn.Linear, nn.LeakyReLU)
LinearTanh = _fused("LinearTanh", nn.Linear, nn.Tanh)
LinearBn1d = _fused("LinearBn1d", nn.Linear, nn.BatchNorm1d)
ConvBn1d = _fused("ConvBn1d", nn.Conv1d, nn.BatchNorm1d)
ConvBn2d = _fused("ConvBn2d", nn.Conv2d, nn.BatchNorm2d)
ConvBn3d = _fused("ConvBn3d", nn.Conv3d, nn.BatchNorm3d)
ConvBnReLU1d = _fused("ConvBnReLU1d", nn.Conv1d, nn.BatchNorm1d, nn.ReLU)
ConvBnReLU2d = _fused("ConvBnReLU2d", nn.Conv2d, nn.BatchNorm2d, nn.ReLU)
ConvBnReLU3d = _fused("ConvBnReLU3d", nn.Conv3d, nn.BatchNorm3d, nn.ReLU)
BNReLU2d = _fused("BNReLU2d", nn.BatchNorm2d, nn.ReLU)
BNReLU3d = _fused("BNReLU3d", nn.BatchNorm3d, nn.ReLU)
