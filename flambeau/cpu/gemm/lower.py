"""From a product of matrices to kernel calls."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from ...kernels.kernel import Call, MatrixAccess
from .access import Product
from .arithmetic import Element
from .batches import merge_batch
from .epilogue import Epilogue, StoreResult
from .product_calls import lower_product
from .vector_calls import lower_vector_product


def lower_matmul(
    dtype: str,
    batch: tuple[int, ...],
    m: int,
    n: int,
    k: int,
    a: MatrixAccess,
    b: MatrixAccess,
    c: MatrixAccess | None,
    epilogue: Epilogue | None = None,
    threads_hint: int = 2,
) -> list[Call]:
    """The calls that compute the products of (batch, m, k) with (batch, k, n).

    ``dtype`` is LLVM's name of the element type of all three: ``float``, ``double`` or ``i8`` to ``i64``. Every access
    has one batch stride per dimension of ``batch``; 0 repeats a matrix. Results go to ``epilogue``, or to ``c`` if
    there is none. Extents may be 0; without any k the results are zeros.
    ``threads_hint`` only guides how finely the work is cut: it does not show in the results. No operand that is written
    may overlap ``a`` or ``b``.
    """
    if prod(batch) * m * n == 0:
        return []
    element = Element(dtype)
    in_lanes = m == 1 or n == 1
    if epilogue is None:
        assert c is not None
        if not in_lanes and c.row_stride == 1 and c.column_stride != 1:
            # Columns of the result adjoin, so compute its transpose: the kernels store rows.
            m, n, a, b, c = n, m, b.transposed(), a.transposed(), c.transposed()
        batch, (a, b, c) = merge_batch(batch, (a, b, c))
        if not in_lanes and batch and _continues_rows(m, a, b, c):
            m *= batch[-1]
            batch = batch[:-1]
            a, b, c = (replace(access, batch_strides=access.batch_strides[:-1]) for access in (a, b, c))
        epilogue = StoreResult(element, c)
    product = Product(element, batch, m, n, k, a, b)
    calls = lower_vector_product(product, epilogue) if in_lanes else lower_product(product, epilogue, threads_hint)
    for call in calls:
        call.label = call.label or "matmul " + "x".join(map(str, (*batch, m, n, k)))
    calls[-1].flops = 2 * product.multiply_adds
    return calls


def _continues_rows(m: int, a: MatrixAccess, b: MatrixAccess, c: MatrixAccess) -> bool:
    """Whether the last batch dimension only adds rows to one product."""
    return b.batch_strides[-1] == 0 and all(x.batch_strides[-1] == m * x.row_stride for x in (a, c))
