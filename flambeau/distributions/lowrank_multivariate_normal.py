"""The multivariate normal distribution with covariances of low rank."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ..core.tensor import Tensor
from . import constraints
from .distribution import SCALAR, Distribution, expandable
from .multivariate_normal import _batch_mahalanobis, _batch_mv, half_log_determinant
from .utils import _standard_normal, lazy_property

__all__ = ["LowRankMultivariateNormal"]


def _factor_of_one_more(K: Tensor) -> Tensor:
    """The lower triangular factor of I + K."""
    return flambeau.linalg.cholesky(K + flambeau.eye(K.shape[-1], dtype=K.dtype, device=K.device))


def _batch_capacitance_tril(W: Tensor, D: Tensor) -> Tensor:
    """The lower triangular factor of the capacitance matrix I + Wᵀ D⁻¹ W."""
    return _factor_of_one_more((W.mT / D.unsqueeze(-2)) @ W)


def _batch_lowrank_logdet(W: Tensor, D: Tensor, capacitance_tril: Tensor) -> Tensor:
    """log |W Wᵀ + D|, by the lemma on determinants: |C| |D|."""
    return 2 * half_log_determinant(capacitance_tril) + D.log().sum(-1)


def _batch_lowrank_mahalanobis(W: Tensor, D: Tensor, x: Tensor, capacitance_tril: Tensor) -> Tensor:
    """xᵀ (W Wᵀ + D)⁻¹ x, by Woodbury's formula: the inverse is D⁻¹ - D⁻¹ W C⁻¹ Wᵀ D⁻¹."""
    inner = _batch_mv(W.mT / D.unsqueeze(-2), x)
    return (x.pow(2) / D).sum(-1) - _batch_mahalanobis(capacitance_tril, inner)


@expandable(
    "loc", "cov_diag", "cov_factor",
    kept=("_unbroadcasted_cov_factor", "_unbroadcasted_cov_diag", "_capacitance_tril"),
)  # fmt: skip
class LowRankMultivariateNormal(Distribution):
    """Normal vectors of mean ``loc`` (…, n) whose covariances are ``cov_factor @ cov_factor.mT + diag(cov_diag)``: (…, n, m)
    and (…, n), with m small."""

    arg_constraints = {
        "loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event_shape = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event_shape:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event_shape[0]} x m")
        if cov_diag.shape[-1:] != event_shape:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event_shape}")
        try:
            batch_shape = flambeau.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from error
        self.loc = loc.expand(batch_shape + (-1,))
        self.cov_factor = cov_factor.expand(batch_shape + (-1, -1))
        self.cov_diag = cov_diag.expand(batch_shape + (-1,))
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        self._capacitance_tril = _batch_capacitance_tril(cov_factor, cov_diag)
        super().__init__(batch_shape, event_shape, validate_args=validate_args)

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """W, D and the factor of the capacitance matrix, as they were given."""
        return self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag, self._capacitance_tril

    def _of_batch(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Any:
        W, D, _ = self._parts()
        return (W.pow(2).sum(-1) + D).expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        """The lower triangular factor of the covariances: D is taken out first, so that what is left is well conditioned."""
        W, D, _ = self._parts()
        root = D.sqrt().unsqueeze(-1)
        scaled = W / root
        return self._of_batch(root * _factor_of_one_more(scaled @ scaled.mT))

    @lazy_property
    def covariance_matrix(self) -> Any:
        W, D, _ = self._parts()
        return self._of_batch(W @ W.mT + D.diag_embed())

    @lazy_property
    def precision_matrix(self) -> Any:
        W, D, capacitance_tril = self._parts()
        A = flambeau.linalg.solve_triangular(capacitance_tril, W.mT / D.unsqueeze(-2), upper=False)
        return self._of_batch(D.reciprocal().diag_embed() - A.mT @ A)

    def rsample(self, sample_shape: Any = SCALAR) -> Tensor:
        W, D, _ = self._parts()
        shape = self._extended_shape(sample_shape)
        common = _standard_normal(shape[:-1] + W.shape[-1:], self.loc.dtype, self.loc.device)
        own = _standard_normal(shape, self.loc.dtype, self.loc.device)
        return self.loc + _batch_mv(W, common) + D.sqrt() * own

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        W, D, capacitance_tril = self._parts()
        squares = _batch_lowrank_mahalanobis(W, D, value - self.loc, capacitance_tril)
        log_det = _batch_lowrank_logdet(W, D, capacitance_tril)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + log_det + squares)

    def entropy(self) -> Tensor:
        log_det = _batch_lowrank_logdet(*self._parts())
        entropy = 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + log_det)
        return entropy.expand(self._batch_shape)
