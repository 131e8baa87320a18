"""Writing to computed positions, in the row-major order of the values: the last write to a position wins, sums are added
in order, so that results are the same whatever the number of threads.

Where no index varies along the innermost axis its elements are independent: it is walked in vectors and cut into tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from ..graph.dtypes import DType, float32, int64
from ..kernels.kernel import Call, Scatter
from .arguments import Arguments
from .conversion import convert, load, round_to, storage_type, store
from .elementwise import EMITTERS
from .ir import Kernel, KernelBuilder, Module
from .loops.body import in_range, report_error
from .values import BYTE, LANES, Pointer, Value, placed, unraveled

BLOCK = 64
"""Columns that one tile writes."""

_COMBINE = {"add": "add", "mul": "mul", "amax": "maximum", "amin": "minimum"}


def lower_scatter(scatter: Scatter) -> Call:
    """The call that scatters values over a target."""
    value, indices = scatter.value, scatter.indices
    sizes, columns = _merged(scatter.shape, [scatter.strides, value.strides, *(i.strides for i in indices)])
    vectors = all(c[-1] == 0 for c in columns[2:]) and columns[0][-1] == 1 and columns[1][-1] in (0, 1)
    *outer, inner = sizes
    blocks = -(-inner // BLOCK) if vectors else 1
    types = tuple([index.dtype for index in indices])
    inner_value = columns[1][-1] if vectors else -1
    code = _Code(scatter.dtype, scatter.mode, value.dtype, types, len(outer), vectors, inner_value, scatter.wraps)
    arguments: dict[str, Any] = {
        "rows": prod(outer), "inner": inner, "extents": tuple(outer), "target": scatter.base, "source": value.base,
        "target_strides": tuple(columns[0]), "source_strides": tuple(columns[1]),
    }  # fmt: skip
    for k, index in enumerate(indices):
        arguments |= {f"index{k}": index.base, f"strides{k}": tuple(columns[2 + k])}
        arguments |= {f"extent{k}": scatter.extents[k], f"step{k}": scatter.steps[k], f"error{k}": scatter.errors[k]}
    return Call(
        Kernel(code.key, code.emit), code.arguments.values(**arguments), blocks,
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


@dataclass(frozen=True)
class _Code:
    """What determines the machine code."""

    dtype: DType
    mode: str
    value: DType
    indices: tuple[DType, ...]
    rank: int
    vectors: bool
    inner_value: int
    wraps: bool

    @property
    def key(self) -> str:
        names = ",".join(i.name for i in self.indices)
        form = f"{self.rank};{self.vectors};{self.inner_value};{self.wraps}"
        return f"scatter;{self.dtype.name};{self.mode};{self.value.name};{names};{form}"

    @property
    def arguments(self) -> Arguments:
        axes = self.rank + 1
        fields = [f"rows inner extents[{self.rank}] &target target_strides[{axes}] &source source_strides[{axes}]"]
        fields += [f"&index{k} strides{k}[{axes}] extent{k} step{k} error{k}" for k in range(len(self.indices))]
        return Arguments(*fields)

    def emit(self, module: Module, name: str) -> None:
        b = KernelBuilder(module, name)
        a = self.arguments.load(b, BYTE)
        target, source = a.target.of(storage_type(self.dtype)), a.source.of(storage_type(self.value))
        with b.loop(0, a.rows) as row:
            outer = unraveled(row, a.extents)
            if self.vectors:
                line = target + self._position(b, a, outer)
                values = source + placed(outer, a.source_strides)
                start = b.tile * BLOCK
                for index, mask in b.vectors(start, (start + BLOCK).at_most(a.inner)):
                    if self.inner_value == 0:
                        value = self._loaded(values).broadcast()
                    else:
                        value = self._loaded(values + index, LANES, mask)
                    self._write(line + index, value, mask)
            else:
                with b.loop(0, a.inner) as element:
                    place = [*outer, element]
                    value = self._loaded(source + placed(place, a.source_strides))
                    self._write(target + self._position(b, a, place), value, None)
        b.finish()

    def _position(self, b: KernelBuilder, a: Any, place: Sequence[Value]) -> Value | int:
        """Where in the target the value at a place goes."""
        total = placed(place, a.target_strides)
        for k, index_dtype in enumerate(self.indices):
            base, strides, extent, step, error = (
                getattr(a, f"{name}{k}") for name in ("index", "strides", "extent", "step", "error")
            )
            found = load(index_dtype, base.of(storage_type(index_dtype)) + placed(place, strides))
            found = convert(index_dtype, int64, found)
            safe, bad = in_range(found, extent, self.wraps)
            report_error(b, bad, found, error)
            total = placed([safe], [step], total)
        return total

    def _loaded(self, address: Pointer, lanes: int = 1, mask: Value | None = None) -> Value:
        return convert(self.value, self.dtype, load(self.value, address, lanes, mask))

    def _write(self, address: Pointer, value: Value, mask: Value | None) -> None:
        """Set or change what is at an address."""
        d = self.dtype
        if self.mode != "set":
            compute = float32 if d.itemsize == 2 and d.kind == "float" else d
            old = load(d, address, value.lanes, mask)
            value = round_to(d, EMITTERS[_COMBINE[self.mode]](compute, old, value))
        store(d, value, address, mask)
