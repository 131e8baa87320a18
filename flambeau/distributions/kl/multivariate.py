"""Divergences of multivariate normal distributions, with covariances of low rank or not."""

from __future__ import annotations

from typing import Any

import flambeau

from ...core.tensor import Tensor
from ..lowrank_multivariate_normal import (
    LowRankMultivariateNormal,
    _batch_lowrank_logdet,
    _batch_lowrank_mahalanobis,
)
from ..multivariate_normal import MultivariateNormal, _batch_mahalanobis, half_log_determinant
from .registry import register_kl


def _batch_trace_XXT(bmat: Tensor) -> Tensor:
    """The trace of X Xᵀ: the sum of the squares of X."""
    return bmat.pow(2).sum((-2, -1))


def _check_event_shapes(p: Any, q: Any, called: str) -> None:
    if p.event_shape != q.event_shape:
        raise ValueError(f"KL-divergence between two {called} with different event shapes cannot be computed")


def _by_woodbury(q: LowRankMultivariateNormal) -> tuple[Tensor, Tensor]:
    """D⁻¹ᐟ² as a column, and A with Σ⁻¹ = D⁻¹ - Aᵀ A."""
    W, D, capacitance_tril = q._parts()
    A = flambeau.linalg.solve_triangular(capacitance_tril, W.mT / D.unsqueeze(-2), upper=False)
    return D.rsqrt().unsqueeze(-1), A


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _kl_lowrankmultivariatenormal_lowrankmultivariatenormal(p: Any, q: Any) -> Tensor:
    _check_event_shapes(p, q, "Low Rank Multivariate Normals")
    log_dets = _batch_lowrank_logdet(*q._parts()) - _batch_lowrank_logdet(*p._parts())
    W, D, _ = p._parts()
    root, A = _by_woodbury(q)
    trace = (
        (D / q._unbroadcasted_cov_diag).sum(-1)
        + _batch_trace_XXT(W * root)
        - _batch_trace_XXT(A * D.sqrt().unsqueeze(-2))
        - _batch_trace_XXT(A @ W)
    )
    qW, qD, capacitance_tril = q._parts()
    apart = _batch_lowrank_mahalanobis(qW, qD, q.loc - p.loc, capacitance_tril)
    return 0.5 * (log_dets + trace + apart - p.event_shape[0])


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _kl_multivariatenormal_lowrankmultivariatenormal(p: Any, q: Any) -> Tensor:
    _check_event_shapes(p, q, "(Low Rank) Multivariate Normals")
    tril = p._unbroadcasted_scale_tril
    log_dets = _batch_lowrank_logdet(*q._parts()) - 2 * half_log_determinant(tril)
    root, A = _by_woodbury(q)
    trace = _batch_trace_XXT(tril * root) - _batch_trace_XXT(A @ tril)
    W, D, capacitance_tril = q._parts()
    apart = _batch_lowrank_mahalanobis(W, D, q.loc - p.loc, capacitance_tril)
    return 0.5 * (log_dets + trace + apart - p.event_shape[0])


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _kl_lowrankmultivariatenormal_multivariatenormal(p: Any, q: Any) -> Tensor:
    _check_event_shapes(p, q, "(Low Rank) Multivariate Normals")
    W, D, _ = p._parts()
    tril = q._unbroadcasted_scale_tril
    log_dets = 2 * half_log_determinant(tril) - _batch_lowrank_logdet(*p._parts())
    trace = sum(
        _batch_trace_XXT(flambeau.linalg.solve_triangular(tril, factor, upper=False))
        for factor in (W, D.sqrt().diag_embed())
    )
    apart = _batch_mahalanobis(tril, q.loc - p.loc)
    return 0.5 * (log_dets + trace + apart - p.event_shape[0])


@register_kl(MultivariateNormal, MultivariateNormal)
def _kl_multivariatenormal_multivariatenormal(p: Any, q: Any) -> Tensor:
    _check_event_shapes(p, q, "Multivariate Normals")
    tril = q._unbroadcasted_scale_tril
    half_log_dets = half_log_determinant(tril) - half_log_determinant(p._unbroadcasted_scale_tril)
    trace = _batch_trace_XXT(flambeau.linalg.solve_triangular(tril, p._unbroadcasted_scale_tril, upper=False))
    apart = _batch_mahalanobis(tril, q.loc - p.loc)
    return half_log_dets + 0.5 * (trace + apart - p.event_shape[0])
