"""Masks of attention that are a rule instead of a tensor's elements."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...graph.notices import warn

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(IntEnum):
    """Which corner of the matrix of scores the diagonal goes through, up to which places may be looked at."""

    UPPER_LEFT = auto()
    LOWER_RIGHT = auto()


class CausalBias(Tensor):
    """A mask for ``seq_len_q`` queries and ``seq_len_kv`` keys that lets each query look at keys up to its own place."""

    variant: CausalVariant

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> None:
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be a CausalVariant, got {type(variant).__name__}")
        self.variant = variant
        self.seq_len_q = seq_len_q
        self.seq_len_kv = seq_len_kv
        if seq_len_q > seq_len_kv and variant is CausalVariant.LOWER_RIGHT:
            warn("Lower right causal bias will produce NaNs in the output when seq_len_q > seq_len_kv!")

    def _materialize(self, device: Any = None) -> Tensor:
        """Booleans that are true at places that may be looked at."""
        diagonal = self.seq_len_kv - self.seq_len_q if self.variant is CausalVariant.LOWER_RIGHT else 0
        return flambeau.ones(self.seq_len_q, self.seq_len_kv, dtype=flambeau.bool, device=device).tril(diagonal)

    @staticmethod
    def _dispatch(
        query: Tensor, key: Tensor, value: Tensor, attn_mask: CausalBias, dropout_p: float = 0.0, is_causal: bool = False,
        scale: float | None = None, enable_gqa: bool = False,
    ) -> Tensor:  # fmt: skip
        """Attention with such a mask."""
        if is_causal:
            raise ValueError("CausalBias should not be used with causal=True")
        causal = attn_mask.seq_len_q == attn_mask.seq_len_kv or attn_mask.variant is CausalVariant.UPPER_LEFT
        mask = None if causal else attn_mask._materialize(query.device)
        return flambeau.nn.functional.scaled_dot_product_attention(
            query, key, value, mask, dropout_p, causal, scale=scale, enable_gqa=enable_gqa
        )

    def __repr__(self) -> str:  # type: ignore[override]
        return repr(self._materialize())


def _bias(name: str, variant: CausalVariant, size: tuple[int, ...]) -> CausalBias:
    if len(size) != 2:
        raise AssertionError(f"{name} only supports 2D tensors")
    return CausalBias(variant, *size)


def causal_upper_left(*size: int) -> CausalBias:
    """A mask of ``size`` (L, S) by which query i looks at keys up to i."""
    return _bias("causal_upper_left", CausalVariant.UPPER_LEFT, size)


def causal_lower_right(*size: int) -> CausalBias:
    """A mask of ``size`` (L, S) by which the last query looks at all keys, and each one before it at one less."""
    return _bias("causal_lower_right", CausalVariant.LOWER_RIGHT, size)
