"""Writing to computed positions, in the row-major order of the values: the last write to a position wins, sums are added
in order, so that results are the same whatever the number of threads.

Where no index varies along the innermost axis its elements are independent: it is walked in vectors and cut into tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ..graph.dtypes import dtype, float32, int64
from ..kernels.kernel import Call, Scatter
from .conversion import convert, from_storage, round_to, to_storage
from .elementwise import EMITTERS
from .ir import LANES, Builder, Module
from .kernel import Kernel
from .loops.body import report_error
from .vectors import load_vector, store_vector, tail_mask

BLOCK = 64
"""Columns that one tile writes."""

_COMBINE = {"add": "add", "mul": "mul", "amax": "maximum", "amin": "minimum"}


def lower_scatter(scatter: Scatter) -> Call:
    """The call that scatters values over a target."""
    value, indices = scatter.value, scatter.indices
    sizes, columns = _merged(scatter.shape, [scatter.strides, value.strides, *(i.strides for i in indices)])
    vectors = all(c[-1] == 0 for c in columns[2:]) and columns[0][-1] == 1 and columns[1][-1] in (0, 1)
    rank = len(sizes) - 1
    rows = 1
    for n in sizes[:-1]:
        rows *= n
    inner = sizes[-1]
    blocks = -(-inner // BLOCK) if vectors else 1
    arguments: list[Any] = [rows, inner, blocks, *sizes[:-1], scatter.base, *columns[0]]
    arguments += [value.base, *columns[1]]
    for index, places, extent, step, error in zip(indices, columns[2:], scatter.extents, scatter.steps, scatter.errors):
        arguments += [index.base, *places, extent, step, error]
    types = tuple([index.dtype for index in indices])
    inner_value = columns[1][-1] if vectors else -1
    code = _Code(scatter.dtype, scatter.mode, value.dtype, types, rank, vectors, inner_value, scatter.wraps)
    return Call(
        Kernel(code.key, partial(_emit, code)), arguments, blocks,
        reads=tuple(dict.fromkeys(each.operand for each in (value, *indices))), writes=(scatter.target,),
        label=f"scatter {scatter.mode}",
    )  # fmt: skip


def _merged(shape: Sequence[int], columns: Sequence[Sequence[int]]) -> tuple[list[int], list[list[int]]]:
    """Axes of extent 1 dropped and neighbours merged where every access permits it."""
    sizes: list[int] = []
    merged: list[list[int]] = [[] for _ in columns]
    for axis, n in enumerate(shape):
        if n == 1:
            continue
        if sizes and all(m[-1] == n * c[axis] for m, c in zip(merged, columns)):
            sizes[-1] *= n
            for m, c in zip(merged, columns):
                m[-1] = c[axis]
        else:
            sizes.append(n)
            for m, c in zip(merged, columns):
                m.append(c[axis])
    return (sizes, merged) if sizes else ([1], [[1] if k == 0 else [0] for k in range(len(columns))])


class _Code:
    """What determines the machine code."""

    def __init__(
        self, d: dtype, mode: str, value: dtype, indices: tuple[dtype, ...], rank: int, vectors: bool, inner_value: int,
        wraps: bool,
    ) -> None:  # fmt: skip
        self.dtype, self.mode, self.value, self.indices = d, mode, value, indices
        self.rank, self.vectors, self.inner_value, self.wraps = rank, vectors, inner_value, wraps
        names = ",".join(i.name for i in indices)
        self.key = f"scatter;{d.name};{mode};{value.name};{names};{rank};{vectors};{inner_value};{wraps}"


def _emit(code: _Code, module: Module, name: str) -> None:
    b = Builder(module, name)
    rank, d = code.rank, code.dtype
    rows, inner, _ = (b.argument(k) for k in range(3))
    extents = [b.argument(3 + k) for k in range(rank)]
    at = 3 + rank
    axes = rank + 1

    def operand() -> tuple[str, list[str]]:
        nonlocal at
        base = b.operand(at)
        strides = [b.argument(at + 2 + k) for k in range(axes)]
        at += 2 + axes
        return base, strides

    target, target_strides = operand()
    source, source_strides = operand()
    indices = []
    for index_dtype in code.indices:
        base, strides = operand()
        indices.append((index_dtype, base, strides, b.argument(at), b.argument(at + 1), at + 2))
        at += 3
    start = b.mul("%tile", str(BLOCK)) if code.vectors else "0"
    stop = b.minimum(b.add(start, str(BLOCK)), inner) if code.vectors else inner

    with b.loop("0", rows) as row:
        coordinates, rest = [], row
        for axis in range(rank - 1, 0, -1):
            coordinates.append(b.remainder(rest, extents[axis]))
            rest = b.divide(rest, extents[axis])
        if rank:
            coordinates.append(rest)
        coordinates.reverse()

        def along(strides: list[str], element: str | None) -> str:
            total = "0"
            for coordinate, stride in zip(coordinates, strides):
                total = b.add(total, b.mul(coordinate, stride))
            return total if element is None else b.add(total, b.mul(element, strides[-1]))

        def position(element: str | None) -> str:
            total = along(target_strides, element)
            for index_dtype, base, strides, extent, step, error in indices:
                raw = b.load(index_dtype.storage, b.offset(index_dtype.storage, base, along(strides, element)), 1)
                found = convert(b, index_dtype, int64, 1, from_storage(b, index_dtype, 1, raw))
                wrapped = found
                if code.wraps:
                    negative = b.op(f"icmp slt i64 {found}, 0")
                    wrapped = b.op(f"select i1 {negative}, i64 {b.add(found, extent)}, i64 {found}")
                bad = b.op(f"icmp uge i64 {wrapped}, {extent}")
                report_error(b, bad, found, error, 1, None)
                safe = b.op(f"select i1 {bad}, i64 0, i64 {wrapped}")
                total = b.add(total, b.mul(safe, step))
            return total

        if code.vectors:
            line = b.offset(d.storage, target, position(None))
            values = b.offset(code.value.storage, source, along(source_strides, None))
            whole = b.add(start, b.op(f"and i64 {b.sub(stop, start)}, {-LANES}"))
            with b.loop(start, whole, str(LANES)) as index:
                _vector(b, code, line, values, index, None)
            left = b.sub(stop, whole)
            with b.when(b.op(f"icmp sgt i64 {left}, 0")):
                _vector(b, code, line, values, whole, tail_mask(b, left))
        else:
            with b.loop("0", inner) as element:
                pointer = b.offset(d.storage, target, position(element))
                raw = b.load(
                    code.value.storage, b.offset(code.value.storage, source, along(source_strides, element)), 1
                )
                value = convert(b, code.value, d, 1, from_storage(b, code.value, 1, raw))
                if code.mode != "set":
                    old = from_storage(b, d, 1, b.load(d.storage, pointer, d.itemsize))
                    value = _combined(b, code, 1, old, value)
                b.store(d.storage, to_storage(b, d, 1, value), pointer, d.itemsize)
    b.finish()


def _vector(b: Builder, code: _Code, line: str, values: str, index: str, mask: str | None) -> None:
    d = code.dtype
    if code.inner_value == 0:
        raw = b.load(code.value.storage, values, 1)
        single = convert(b, code.value, d, 1, from_storage(b, code.value, 1, raw))
        value = b.broadcast(d.llvm, single, LANES)
    else:
        raw = load_vector(b, code.value.storage, b.offset(code.value.storage, values, index), mask)
        value = convert(b, code.value, d, LANES, from_storage(b, code.value, LANES, raw))
    pointer = b.offset(d.storage, line, index)
    if code.mode != "set":
        old = from_storage(b, d, LANES, load_vector(b, d.storage, pointer, mask))
        value = _combined(b, code, LANES, old, value)
    store_vector(b, d.storage, to_storage(b, d, LANES, value), pointer, mask)


def _combined(b: Builder, code: _Code, lanes: int, old: str, value: str) -> str:
    d = code.dtype
    name = _COMBINE[code.mode]
    result = EMITTERS[name](b, name, float32 if d.itemsize == 2 and d.kind == "float" else d, lanes, old, value)
    return round_to(b, d, lanes, result)
