"""Sparse tensors: dense tensors of entries and of where they are, and what operations do with them.

A sparse tensor (:mod:`.tensor`, :mod:`.compressed`) holds its entries and their indices as dense tensors. The engine computes
with dense tensors alone: what an operation does with sparse ones is written as operations on their parts (gathers, products,
scatters), so they are fused, compiled and differentiated like all others. A gradient of a sparse tensor has its places.

Calls come here by :func:`.calls.sparse_call`; it is a mode from the first sparse tensor on, so that programs without any pay
nothing.
"""

from . import (  # for what they declare  # noqa: F401
    compressed_calls,
    elementwise,
    making,
    operators,
    printing,
    products,
    reductions,
    views,
)
from .calls import sparse_call
from .compressed import CompressedTensor
from .tensor import CooTensor, SparseTensor

__all__ = ["CompressedTensor", "CooTensor", "SparseTensor", "sparse_call"]
