"""A linear map that is rectified, whose weight is rounded."""

from __future__ import annotations

from flambeau import Tensor
from flambeau.ao.nn import intrinsic, qat
from flambeau.nn import functional as F

__all__ = ["LinearReLU"]


class LinearReLU(qat.Linear):
    """A LinearReLU whose weight is rounded, to be trained."""

    _FLOAT_MODULE = intrinsic.LinearReLU

    def forward(self, input: Tensor) -> Tensor:
        """``input`` times the rounded weight, rectified."""
        return F.relu(super().forward(input))
