"""The multivariate normal distribution."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ..core.tensor import Tensor
from . import constraints
from .distribution import SCALAR, Distribution, expandable
from .utils import _standard_normal, lazy_property

__all__ = ["MultivariateNormal"]


def _batch_mv(bmat: Tensor, bvec: Tensor) -> Tensor:
    """Matrices times vectors, (…, n, m) and (…, m), broadcast."""
    return (bmat @ bvec.unsqueeze(-1)).squeeze(-1)


def _batch_mahalanobis(bL: Tensor, bx: Tensor) -> Tensor:
    """The squares of the lengths of ``L⁻¹ x``, for lower triangular ``bL`` (batch, n, n) and ``bx`` (…, batch, n).

    What lies before the batch is solved for together, as columns.
    """
    batch = bL.dim() - 2
    before = bx.dim() - 1 - batch
    columns = bx.permute(*range(before, bx.dim()), *range(before)).reshape(
        bx.shape[before:] + (bx.shape[:before].numel(),)
    )
    squares = flambeau.linalg.solve_triangular(bL, columns, upper=False).pow(2).sum(-2)
    return squares.movedim(-1, 0).reshape(bx.shape[:-1])


def _precision_to_scale_tril(P: Tensor) -> Tensor:
    """The lower triangular factor of P⁻¹: that of P, read from the other end, is the inverse of an upper one."""
    factor = flambeau.linalg.cholesky(P.flip((-2, -1))).flip((-2, -1)).mT
    identity = flambeau.eye(P.shape[-1], dtype=P.dtype, device=P.device)
    return flambeau.linalg.solve_triangular(factor, identity, upper=False)


def half_log_determinant(tril: Tensor) -> Tensor:
    """Half the logarithm of the determinant of a matrix, of its triangular factor."""
    return tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


@expandable("loc", "covariance_matrix", "precision_matrix", "scale_tril", kept=("_unbroadcasted_scale_tril",))
class MultivariateNormal(Distribution):
    """Normal vectors of mean ``loc`` (…, n), given one of: the covariances (…, n, n), their inverse, or the lower triangular
    factor of the covariances."""

    arg_constraints = {
        "loc": constraints.real_vector, "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite, "scale_tril": constraints.lower_cholesky,
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc: Tensor, covariance_matrix: Tensor | None = None, precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None, validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        if (covariance_matrix is not None) + (scale_tril is not None) + (precision_matrix is not None) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        matrices = {
            "scale_tril": scale_tril,
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
        }
        ((name, matrix),) = [(name, matrix) for name, matrix in matrices.items() if matrix is not None]
        if matrix.dim() < 2:
            called = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(f"{called} must be at least two-dimensional, with optional leading batch dimensions")
        batch_shape = flambeau.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        setattr(self, name, matrix.expand(batch_shape + (-1, -1)))
        self.loc = loc.expand(batch_shape + (-1,))
        super().__init__(batch_shape, self.loc.shape[-1:], validate_args=validate_args)
        if name == "covariance_matrix":
            matrix = flambeau.linalg.cholesky(matrix)
        elif name == "precision_matrix":
            matrix = _precision_to_scale_tril(matrix)
        self._unbroadcasted_scale_tril = matrix

    def _of_batch(self, matrix: Tensor) -> Tensor:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        return self._of_batch(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Any:
        return self._of_batch(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self) -> Any:
        return self._of_batch(flambeau.cholesky_inverse(self._unbroadcasted_scale_tril))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = SCALAR) -> Tensor:
        noise = _standard_normal(self._extended_shape(sample_shape), self.loc.dtype, self.loc.device)
        return self.loc + _batch_mv(self._unbroadcasted_scale_tril, noise)

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        squares = _batch_mahalanobis(self._unbroadcasted_scale_tril, value - self.loc)
        constant = self._event_shape[0] * math.log(2 * math.pi)
        return -0.5 * (constant + squares) - half_log_determinant(self._unbroadcasted_scale_tril)

    def entropy(self) -> Tensor:
        constant = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi))
        return (constant + half_log_determinant(self._unbroadcasted_scale_tril)).expand(self._batch_shape)
