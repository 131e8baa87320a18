"""Kullback-Leibler divergences KL(p ‖ q), found by the classes of the two distributions."""

from __future__ import annotations

from . import between_families, multivariate, same_family  # register what is known  # noqa: F401
from .registry import describe_pairs, kl_divergence, register_kl

__all__ = ["kl_divergence", "register_kl"]

kl_divergence.__doc__ = f"{kl_divergence.__doc__}\n    {describe_pairs()}\n    "
