"""A linear map with the batch normalization behind it, whose weight is rounded."""

from __future__ import annotations

from typing import Any

from flambeau import Tensor, nn
from flambeau.ao.nn import intrinsic, qat
from flambeau.nn import functional as F

from ._normalised import NormalisedLayer

__all__ = ["LinearBn1d"]


class LinearBn1d(NormalisedLayer, qat.Linear):
    """A LinearBn1d whose weight is rounded, to be trained."""

    _FLOAT_MODULE = intrinsic.LinearBn1d

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, eps: float = 1e-5, momentum: float = 0.1,
        freeze_bn: bool = False, qconfig: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(in_features, out_features, False, qconfig)
        self._begin(nn.BatchNorm1d, out_features, eps, momentum, freeze_bn, bool(bias))

    def _applied(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return F.linear(input, weight, bias)
