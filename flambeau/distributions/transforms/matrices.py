"""Transforms to matrices: correlations, Cholesky factors, positive definite ones."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...nn.functional import pad, softplus
from .. import constraints
from ..utils import tril_matrix_to_vec, vec_to_tril_matrix
from .transform import TOO_FEW_DIMENSIONS, ByClass, Transform


class CorrCholeskyTransform(Transform):
    """Vectors of D (D - 1) / 2 numbers to Cholesky factors (D, D) of correlation matrices.

    tanh makes partial correlations of the numbers; each row is a point of the half sphere, made as by breaking a stick
    (Lewandowski, Kurowicka and Joe, 2009).
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Any) -> Any:
        x = x.tanh()
        eps = flambeau.finfo(x.dtype).eps
        r = vec_to_tril_matrix(x.clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - r * r).sqrt().cumprod(-1)
        r = r + flambeau.eye(r.shape[-1], dtype=r.dtype, device=r.device)
        return r * pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        left = pad((1 - (y * y).cumsum(-1))[..., :-1], [1, 0], value=1)
        t = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (t.log1p() - t.neg().log1p()) / 2  # atanh

    def log_abs_det_jacobian(self, x: Any, y: Any, intermediates: Any = None) -> Tensor:
        left = tril_matrix_to_vec(1 - (y * y).cumsum(-1), diag=-2)
        of_stick = 0.5 * left.log().sum(-1)
        of_tanh = -2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)
        return of_stick + of_tanh

    def forward_shape(self, shape: Any) -> Any:
        if len(shape) < 1:
            raise ValueError(TOO_FEW_DIMENSIONS)
        n = shape[-1]
        rows = round((0.25 + 2 * n) ** 0.5 + 0.5)
        if rows * (rows - 1) // 2 != n:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return shape[:-1] + (rows, rows)

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 2:
            raise ValueError(TOO_FEW_DIMENSIONS)
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        rows = shape[-1]
        return shape[:-2] + (rows * (rows - 1) // 2,)


def _with_diagonal(x: Tensor, function: Any) -> Tensor:
    """What is below the diagonal, and ``function`` of the diagonal."""
    return x.tril(-1) + function(x.diagonal(dim1=-2, dim2=-1)).diag_embed()


class LowerCholeskyTransform(ByClass):
    """Matrices to lower triangular ones with a positive diagonal: its exponential. What is above it is left out."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Any) -> Any:
        return _with_diagonal(x, flambeau.exp)

    def _inverse(self, y: Any) -> Any:
        return _with_diagonal(y, flambeau.log)


class PositiveDefiniteTransform(ByClass):
    """Matrices to positive definite ones, whose Cholesky factors :class:`LowerCholeskyTransform` gives."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Any) -> Any:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Any) -> Any:
        return LowerCholeskyTransform().inv(flambeau.linalg.cholesky(y))
