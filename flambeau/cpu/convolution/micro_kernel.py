"""The innermost loop: a tile of results held in registers while terms are added to it."""

from __future__ import annotations

from ..ir import Builder, Module, vector
from ..vectors import ITEM_BYTES, suffix
from .tile import RegisterTile


def fused_multiply_add(b: Builder, dtype: str, lanes: int, x: str, y: str, z: str) -> str:
    """``x * y + z``, rounded once."""
    whole = vector(dtype, lanes)
    name = f"llvm.fma.v{lanes}{suffix(dtype)}"
    return b.call(name, whole, (whole, x), (whole, y), (whole, z))


def product_micro_kernel(module: Module, dtype: str, tile: RegisterTile, table: bool) -> str:
    """``result[i][j] (+)= sum over term of weights[term][i] * source[place(term) + j]`` for a tile of i and j.

    The place of a term is ``places[term]`` if ``table``, else ``term * pitch``. The sum is one chain of fused
    multiply-adds from zero; unless ``fresh``, it is added to the result that is there. Returns ``@name`` of the
    function, ``(ptr weights, ptr source, ptr places, i64 pitch, ptr result, i64 result_pitch, i64 terms, i1 fresh)``.
    """
    name = f"convolution_product_{tile.key}_{suffix(dtype)}_{'table' if table else 'pitch'}"
    if module.has_function(name):
        return "@" + name
    parameters = (
        ("ptr", "weights"),
        ("ptr", "source"),
        ("ptr", "places"),
        ("i64", "pitch"),
        ("ptr", "result"),
        ("i64", "result_pitch"),
        ("i64", "terms"),
        ("i1", "fresh"),
    )
    b = Builder(module, name, parameters, internal=True, attributes="nounwind noinline")
    whole, align = vector(dtype, tile.lanes), ITEM_BYTES[dtype]
    sums = [[b.variable(whole, "zeroinitializer") for _ in range(tile.vectors)] for _ in range(tile.rows)]

    def result_address(i: int, j: int) -> str:
        row = b.offset(dtype, "%result", b.mul("%result_pitch", str(i)))
        return b.offset(dtype, row, str(j * tile.lanes))

    with b.loop("0", "%terms") as term:
        if table:
            place = b.load("i64", b.offset("i64", "%places", term), 8)
        else:
            place = b.mul(term, "%pitch")
        source = b.offset(dtype, "%source", place)
        factors = [b.load(whole, b.offset(dtype, source, str(j * tile.lanes)), align) for j in range(tile.vectors)]
        weights = b.offset(dtype, "%weights", b.mul(term, str(tile.rows)))
        for i in range(tile.rows):
            scalar = b.load(dtype, b.offset(dtype, weights, str(i)), align)
            weight = b.broadcast(dtype, scalar, tile.lanes)
            for j in range(tile.vectors):
                total = b.load(whole, sums[i][j])
                b.store(whole, fused_multiply_add(b, dtype, tile.lanes, weight, factors[j], total), sums[i][j])
    with b.when(b.op("xor i1 %fresh, true")):
        for i in range(tile.rows):
            for j in range(tile.vectors):
                before = b.load(whole, result_address(i, j), align)
                b.store(whole, b.op(f"fadd {whole} {before}, {b.load(whole, sums[i][j])}"), sums[i][j])
    for i in range(tile.rows):
        for j in range(tile.vectors):
            b.store(whole, b.load(whole, sums[i][j]), result_address(i, j), align)
    b.finish()
    return "@" + name
