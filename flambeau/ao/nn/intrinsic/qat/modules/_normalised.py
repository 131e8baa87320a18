"""A layer and the batch normalization behind it, as one layer to train with rounded weights.

What is rounded is the weight that the layer will have once the normalization is folded into it: it is multiplied by
``bn.weight / sqrt(bn.running_var + bn.eps)``. What the layer gives is divided by that again, so that the normalization sees
what it would see without rounding (Krishnamoorthi 2018).
"""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import Tensor, nn


class NormalisedLayer:
    """Has the normalization ``bn``, and whether its statistics are frozen. Comes before a layer of :mod:`flambeau.ao.nn.qat`."""

    bn: Any
    bias: Any
    weight: Any
    weight_fake_quant: Any
    training: bool

    def _begin(self, kind: type[nn.Module], channels: int, eps: float, momentum: float, freeze_bn: bool, bias: bool) -> None:
        self.freeze_bn = freeze_bn if self.training else True
        self.bn = kind(channels, eps, momentum, True, True)
        if bias:
            self.bias = nn.Parameter(flambeau.zeros(channels))
        else:
            self.register_parameter("bias", None)  # type: ignore[attr-defined]
        if self.training and freeze_bn:
            self.freeze_bn_stats()
        else:
            self.update_bn_stats()

    def update_bn_stats(self) -> Any:
        """Have the normalization follow the batches."""
        self.freeze_bn = False
        self.bn.training = True
        return self

    def freeze_bn_stats(self) -> Any:
        """Have the normalization keep its statistics."""
        self.freeze_bn = True
        self.bn.training = False
        return self

    def reset_running_stats(self) -> None:
        """Forget the normalization's statistics."""
        self.bn.reset_running_stats()

    def reset_bn_parameters(self) -> None:
        """Begin the normalization anew."""
        self.bn.reset_running_stats()
        nn.init.uniform_(self.bn.weight)
        nn.init.zeros_(self.bn.bias)

    def _applied(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        raise NotImplementedError

    def _normalised(self, input: Tensor) -> Tensor:
        factor = self.bn.weight / flambeau.sqrt(self.bn.running_var + self.bn.eps)
        rows = [-1] + [1] * (self.weight.dim() - 1)
        rounded = self.weight_fake_quant(self.weight * factor.reshape(rows))
        given = self._applied(input, rounded, None)
        channels = [1, -1] + [1] * (given.dim() - 2)
        given = given / factor.reshape(channels)
        if self.bias is not None:
            given = given + self.bias.reshape(channels)
        return self.bn(given)

    def forward(self, input: Tensor) -> Tensor:
        """The layer and its normalization."""
        return self._normalised(input)

    def train(self, mode: bool = True) -> Any:
        """Train, or do not; frozen statistics stay so."""
        self.training = mode
        if not self.freeze_bn:
            for module in self.children():  # type: ignore[attr-defined]
                module.train(mode)
        return self

    @classmethod
    def from_float(cls, mod: Any, use_precomputed_fake_quant: bool = False) -> Any:
        """The layer for a fused one of :mod:`flambeau.ao.nn.intrinsic`, whose parameters it shares."""
        assert isinstance(mod, cls._FLOAT_MODULE), (  # type: ignore[attr-defined]
            f"qat.{cls.__name__}.from_float only works for {cls._FLOAT_MODULE.__name__}"  # type: ignore[attr-defined]
        )
        assert getattr(mod, "qconfig", None), "Input float module must have a valid qconfig"
        inner, bn = mod[0], mod[1]
        made = cls(*cls._settings(inner), eps=bn.eps, momentum=bn.momentum, freeze_bn=False, qconfig=mod.qconfig)  # type: ignore[attr-defined, call-arg]
        made.weight, made.bias = inner.weight, inner.bias
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            setattr(made.bn, name, getattr(bn, name))
        return made
