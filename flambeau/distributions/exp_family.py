"""Exponential families, whose entropy follows from their normaliser."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from .distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """Densities exp(<t(x), θ> - F(θ) + k(x)): ``_natural_params`` are θ, ``_log_normalizer`` is F, and the mean of k is
    ``_mean_carrier_measure``."""

    @property
    def _natural_params(self) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Tensor:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """F(θ) - <∇F(θ), θ> less the mean of k (Nielsen and Nock 2010)."""
        natural = [p.detach().requires_grad_() for p in self._natural_params]
        normaliser = self._log_normalizer(*natural)
        gradients = flambeau.autograd.grad(normaliser.sum(), natural, create_graph=True)
        result = normaliser - self._mean_carrier_measure
        for parameter, gradient in zip(natural, gradients):
            result = result - (parameter * gradient).reshape(self.batch_shape + (-1,)).sum(-1)
        return result
