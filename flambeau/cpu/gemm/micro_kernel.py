"""The innermost loop: a register tile of the product, one K block long."""

from __future__ import annotations

from ..ir import LANES, Builder, Module
from .arithmetic import Element, lanes_between

MICRO_PARAMETERS = (
    ("ptr", "a"),
    ("i64", "a_row"),
    ("i64", "a_k"),
    ("ptr", "b"),
    ("i64", "b_k"),
    ("i64", "k"),
    ("ptr", "sums"),
    ("i1", "first"),
    ("i64", "rows"),
    ("i64", "columns"),
    ("i64", "a_ahead"),
    ("i64", "b_ahead"),
)


def micro_function(
    module: Module, element: Element, rows: int, vectors: int, panel: int, clamped: bool, narrow: bool
) -> str:
    """The name of an internal function that multiplies ``rows`` rows of ``a`` with ``vectors * 16`` columns of ``b``
    over one K block and puts the sums into ``sums``, a contiguous array of (rows, columns): stores them when ``first``,
    else adds them to what is there.

    Element (row, k) of ``a`` lies at ``a + row * a_row + k * a_k`` or, if ``panel`` is not 0, in a panel of that width.
    The columns of ``b`` adjoin, k's are ``b_k`` apart. ``clamped``: only the first ``rows`` (the parameter) exist, and
    further ones repeat the last. ``narrow``: only the first ``columns`` (below 16) of ``b`` may be read, and there is
    one vector. For each k, what lies ``b_ahead`` elements (and in a panel ``a_ahead`` elements) further on is fetched
    into the second-level cache.
    """
    flags = f"{f'_panel{panel}' if panel else ''}{'_clamped' if clamped else ''}{'_narrow' if narrow else ''}"
    name = f"multiply_{element.type}_{rows}x{vectors}{flags}"
    if module.has_function(name):
        return name
    b = Builder(module, name, MICRO_PARAMETERS, internal=True, attributes="nounwind noinline")
    whole = element.vector
    sums = [[b.variable(whole, "zeroinitializer", 64) for _ in range(vectors)] for _ in range(rows)]
    mask = lanes_between(b, "0", None, "%columns") if narrow else None
    starts = ["%a"] if panel else _row_starts(b, element, rows, clamped)
    a_k = str(panel) if panel else "%a_k"
    a_pointers = [b.variable("ptr", start) for start in starts]
    b_pointer = b.variable("ptr", "%b")
    with b.loop("0", "%k"):
        b_row = b.load("ptr", b_pointer)
        b_values = [element.load_vector(b, b.offset(element.type, b_row, str(v * LANES)), mask) for v in range(vectors)]
        a_places = [b.load("ptr", pointer) for pointer in a_pointers]
        b.prefetch(b.offset(element.type, b_row, "%b_ahead"), level=2)
        if panel:
            b.prefetch(b.offset(element.type, a_places[0], "%a_ahead"), level=2)
        for row in range(rows):
            address = b.offset(element.type, a_places[0], str(row)) if panel else a_places[row]
            a_value = b.broadcast(element.type, element.load(b, address), LANES)
            for v in range(vectors):
                sum = b.load(whole, sums[row][v], 64)
                b.store(whole, element.multiply_add(b, a_value, b_values[v], sum), sums[row][v], 64)
        for pointer, place in zip(a_pointers, a_places, strict=True):
            b.store("ptr", b.offset(element.type, place, a_k), pointer)
        b.store("ptr", b.offset(element.type, b_row, "%b_k"), b_pointer)
    store, accumulate, end = b.label("store"), b.label("accumulate"), b.label("done")
    b.branch("%first", store, accumulate)
    for block in (store, accumulate):
        b.place(block)
        for row in range(rows):
            for v in range(vectors):
                address = b.offset(element.type, "%sums", str((row * vectors + v) * LANES))
                sum = b.load(whole, sums[row][v], 64)
                if block == accumulate:
                    sum = element.add(b, b.load(whole, address, 64), sum)
                b.store(whole, sum, address, 64)
        b.jump(end)
    b.place(end)
    b.finish()
    return name


def _row_starts(b: Builder, element: Element, rows: int, clamped: bool) -> list[str]:
    """Where the rows of ``a`` start."""
    starts = []
    for row in range(rows):
        number = b.minimum(str(row), b.sub("%rows", "1")) if clamped else str(row)
        # Frozen, the pointers look unrelated to LLVM. Else it reaches row after row by adding to a single pointer, and
        # that chain of additions takes as long as all the multiplications.
        starts.append(b.op(f"freeze ptr {b.offset(element.type, '%a', b.mul(number, '%a_row'))}"))
    return starts
