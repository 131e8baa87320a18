"""The Wishart distribution."""

from __future__ import annotations

import math
import warnings
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..graph.shapes import Size
from . import constraints
from .chi2 import Chi2
from .distribution import SCALAR, expandable
from .exp_family import ExponentialFamily
from .multivariate_normal import _precision_to_scale_tril, half_log_determinant
from .utils import lazy_property

__all__ = ["Wishart"]


_log_2 = math.log(2)


def _mvdigamma(x: Tensor, p: int) -> Tensor:
    """The derivative of the multivariate gamma function's logarithm. ``AssertionError`` outside its domain."""
    assert x.gt((p - 1) / 2).all(), "Wrong domain for multivariate digamma function."
    return (x.unsqueeze(-1) - flambeau.arange(p, dtype=x.dtype, device=x.device) / 2).digamma().sum(-1)


@expandable(
    "df", "covariance_matrix", "precision_matrix", "scale_tril", "_dist_chi2",
    kept=("_unbroadcasted_scale_tril",),
)  # fmt: skip
class Wishart(ExponentialFamily):
    """Sums of x xᵀ of ``df`` normal vectors about zero, given one of: their covariances (…, p, p), the inverse of these, or the
    lower triangular factor of the covariances."""

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    @property
    def arg_constraints(self) -> Any:
        return {
            "covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self.event_shape[-1] - 1),
        }  # fmt: skip

    def __init__(
        self, df: Any, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None, validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        assert (covariance_matrix is not None) + (scale_tril is not None) + (precision_matrix is not None) == 1, (
            "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
        )
        matrices = {
            "scale_tril": scale_tril,
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
        }
        ((name, matrix),) = [(name, matrix) for name, matrix in matrices.items() if matrix is not None]
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        if isinstance(df, Tensor):
            batch_shape = flambeau.broadcast_shapes(matrix.shape[:-2], df.shape)
            self.df = df.expand(batch_shape)
        else:
            batch_shape = matrix.shape[:-2]
            self.df = flambeau.full(batch_shape, df, dtype=matrix.dtype, device=matrix.device)
        event_shape = matrix.shape[-2:]
        p = event_shape[-1]
        if self.df.le(p - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {p - 1}.")
        setattr(self, name, matrix.expand(batch_shape + (-1, -1)))
        if self.df.lt(p).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim."
            )
        super().__init__(batch_shape, event_shape, validate_args=validate_args)
        if name == "covariance_matrix":
            matrix = flambeau.linalg.cholesky(matrix)
        elif name == "precision_matrix":
            matrix = _precision_to_scale_tril(matrix)
        self._unbroadcasted_scale_tril = matrix
        self._dist_chi2 = Chi2(self.df.unsqueeze(-1) - flambeau.arange(p, dtype=matrix.dtype, device=matrix.device))

    def _of_batch(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        return self._of_batch(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        return self._of_batch(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self) -> Any:
        tril = self._unbroadcasted_scale_tril
        identity = flambeau.eye(self._event_shape[-1], dtype=tril.dtype, device=tril.device)
        return self._of_batch(flambeau.cholesky_solve(identity, tril))

    def _by_matrix(self, numbers: Tensor) -> Tensor:
        """A number for each matrix of the batch, as a matrix that multiplies it."""
        return numbers.reshape(self._batch_shape + (1, 1))

    @property
    def mean(self) -> Tensor:
        return self._by_matrix(self.df) * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self._event_shape[-1] - 1
        return self._by_matrix(flambeau.where(factor <= 0, math.nan, factor)) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        covariances = self.covariance_matrix
        diagonal = covariances.diagonal(dim1=-2, dim2=-1)
        return self._by_matrix(self.df) * (covariances.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def _bartlett_sampling(self, sample_shape: Any = SCALAR) -> Tensor:
        """Factors whose diagonal are roots of chi-squared numbers, with normal ones below it (Bartlett, 1933)."""
        roots = self._dist_chi2.rsample(sample_shape).sqrt()
        roots = roots.clamp(min=flambeau.finfo(roots.dtype).eps)
        shape = self._extended_shape(sample_shape)
        noise = flambeau.randn(shape, dtype=roots.dtype, device=roots.device).tril(-1) + roots.diag_embed()
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.mT

    def rsample(self, sample_shape: Any = SCALAR, max_try_correction: int | None = None) -> Tensor:
        """Matrices; where rounding made one singular, others are drawn, up to ``max_try_correction`` (10) times."""
        sample_shape = Size(sample_shape)
        sample = self._bartlett_sampling(sample_shape)
        singular = ~self.support.check(sample)
        if singular.any():
            warnings.warn("Singular sample detected.")
            for _ in range(10 if max_try_correction is None else max_try_correction):
                other = self._bartlett_sampling(sample_shape)
                sample = flambeau.where(singular[..., None, None], other, sample)
                singular = ~self.support.check(sample)
                if not singular.any():
                    break
        return sample

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        df, p, tril = self.df, self._event_shape[-1], self._unbroadcasted_scale_tril
        trace = flambeau.cholesky_solve(value, tril).diagonal(dim1=-2, dim2=-1).sum(-1)
        return (
            -df * (p * _log_2 / 2 + half_log_determinant(tril))
            - flambeau.mvlgamma(df / 2, p=p)
            + (df - p - 1) / 2 * flambeau.linalg.slogdet(value).logabsdet
            - trace / 2
        )

    def entropy(self) -> Tensor:
        df, p = self.df, self._event_shape[-1]
        return (
            (p + 1) * (p * _log_2 / 2 + half_log_determinant(self._unbroadcasted_scale_tril))
            + flambeau.mvlgamma(df / 2, p=p)
            - (df - p - 1) / 2 * _mvdigamma(df / 2, p=p)
            + df * p / 2
        )

    @property
    def _natural_params(self) -> tuple[Tensor, Tensor]:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Any, y: Any) -> Tensor:
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        return half * (-flambeau.linalg.slogdet(-2 * x).logabsdet + _log_2 * p) + flambeau.mvlgamma(half, p=p)
