"""Matrix multiplication for the CPU: products of strided matrices with a fused epilogue, as generated kernels.

The bits of an element are a function of its row of ``a``, its column of ``b`` and of which *order* the logical shape
(m, n, k) asks for, and of nothing else (not of strides, tiles, threads, registers of the machine, or the batch):

*Blocked order* (m > 1 and n > 1)
    k is cut into ``ceil(k / BLOCK)`` nearly equal blocks. Within a block one chain of fused multiply-adds runs in the
    order of k, starting from zero. The blocks' sums are added in order.
*Lane order* (m = 1 or n = 1)
    k is cut into blocks of ``LANE_BLOCK``. Within a block, lane l of sixteen is a chain of fused multiply-adds over
    the positions congruent to l modulo sixteen; the lanes are added pairwise, l with l + 8, then + 4, + 2, + 1. The
    blocks' sums are added in order. A dot product then runs at the speed of memory.

Integers wrap, so that their order does not show.
"""

from ...kernels.kernel import MatrixAccess
from ..epilogue import EpilogueCode
from .lower import lower_matmul

__all__ = ["EpilogueCode", "MatrixAccess", "lower_matmul"]
