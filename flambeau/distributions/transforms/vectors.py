"""Transforms of vectors, and of the shape of events."""

from __future__ import annotations

from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...graph.shapes import Size
from ...nn.functional import logsigmoid, pad
from .. import constraints
from .elementwise import _clipped_sigmoid
from .transform import TOO_FEW_DIMENSIONS, ByClass, Transform


class ReshapeTransform(Transform):
    """Events of shape ``in_shape`` as events of shape ``out_shape``. ``ValueError`` if they differ in elements."""

    bijective = True
    _arguments = ("in_shape", "out_shape")

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0) -> None:
        self.in_shape = Size(in_shape)
        self.out_shape = Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError("in_shape, out_shape have different numbers of elements")
        super().__init__(cache_size=cache_size)

    @constraints.dependent_property
    def domain(self) -> Any:
        return constraints.independent(constraints.real, len(self.in_shape))

    @constraints.dependent_property
    def codomain(self) -> Any:
        return constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Any) -> Any:
        return x.reshape(x.shape[: x.dim() - len(self.in_shape)] + self.out_shape)

    def _inverse(self, y: Any) -> Any:
        return y.reshape(y.shape[: y.dim() - len(self.out_shape)] + self.in_shape)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Tensor:
        return x.new_zeros(x.shape[: x.dim() - len(self.in_shape)])

    def forward_shape(self, shape: Any) -> Any:
        return _replaced(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return _replaced(shape, self.out_shape, self.in_shape)


def _replaced(shape: Any, end: Size, new: Size) -> Any:
    """``shape`` with ``new`` in place of the ``end`` that it must have."""
    if len(shape) < len(end):
        raise ValueError(TOO_FEW_DIMENSIONS)
    cut = len(shape) - len(end)
    if shape[cut:] != end:
        raise ValueError(f"Shape mismatch: expected {shape[cut:]} but got {end}")
    return shape[:cut] + new


def _with_last_longer(shape: Any, by: int) -> Any:
    if len(shape) < 1:
        raise ValueError(TOO_FEW_DIMENSIONS)
    return shape[:-1] + (shape[-1] + by,)


class SoftmaxTransform(ByClass):
    """exp(x), made to add up to 1. The inverse is the logarithm, which need not be the argument."""

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Any) -> Any:
        powers = (x - x.max(-1, True)[0]).exp()
        return powers / powers.sum(-1, True)

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        return _with_last_longer(shape, 0)

    inverse_shape = forward_shape


class StickBreakingTransform(ByClass):
    """Vectors of n numbers to points of the simplex with n + 1: each sigmoid is the share broken off what is left."""

    domain = constraints.real_vector
    codomain = constraints.simplex
    bijective = True

    def _call(self, x: Any) -> Any:
        offset = x.shape[-1] + 1 - x.new_ones(x.shape[-1]).cumsum(-1)
        share = _clipped_sigmoid(x - offset.log())
        left = (1 - share).cumprod(-1)
        return pad(share, [0, 1], value=1) * pad(left, [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        broken = y[..., :-1]
        offset = y.shape[-1] - y.new_ones(broken.shape[-1]).cumsum(-1)
        left = (1 - broken.cumsum(-1)).clamp(min=flambeau.finfo(y.dtype).tiny)
        return broken.log() - left.log() + offset.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Tensor:
        offset = x.shape[-1] + 1 - x.new_ones(x.shape[-1]).cumsum(-1)
        x = x - offset.log()
        return (-x + logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        return _with_last_longer(shape, 1)

    def inverse_shape(self, shape: Any) -> Any:
        return _with_last_longer(shape, -1)
