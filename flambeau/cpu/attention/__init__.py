"""Attention for the CPU: softmax(q kᵀ · scale + mask) v without the matrix of scores in memory, as generated kernels.

Scores are computed a block at a time and used at once (Dao and others, "FlashAttention", 2022). The block lies in memory
as *panels*: rows of sixteen or thirty-two neighbouring queries (forward) or keys (backward), so that all that is done for a
query (a key) is done in a lane of its own, and keys (queries) are read where they lie.

The bits of a result follow from the logical shape alone:

*Forward*
    Keys come in blocks of ``KEYS``. Each query has a running maximum m and a running sum of exp(score - m), added up in the
    order of the keys; what was added up before is multiplied by exp(old m - new m) where a block begins. Products are chains
    of fused multiply-adds along the features (scores) and along a block's keys (results). A row that sees nothing is zero.
*Backward*
    Weights are computed again, as exp(score - log of the sum). For blocks of ``KEYS_BACKWARD`` keys, and in each of them for
    blocks of ``QUERIES`` queries (from the first that sees the keys on), products are chains along a block, added to those
    before. Where the batch is small, keys are cut into parts by their number, and what the parts add to the queries'
    gradients is added up at last.

A tile is a panel of queries (forward), or a part of the keys of an element of the batch (backward).
"""

from .backward import lower_attention_gradient
from .forward import lower_attention

__all__ = ["lower_attention", "lower_attention_gradient"]
