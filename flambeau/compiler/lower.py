"""From a group of items to the kernels that compute it: programs without sizes, and the arguments that hold them."""

from __future__ import annotations

from math import prod
from typing import Any

from ..graph.checks import DIVISION
from ..graph.dtypes import bool_, dtype, float32, float64, int64
from ..graph.primitives import CHECK, COLUMN_SUMS, FILL, IOTA, RANDOM_BITS, WHERE
from ..graph.structure import Layout
from ..kernels.contract import Device
from ..kernels.kernel import Call, Late, Number, Operand, Shifted
from ..kernels.program import COLUMN_CHUNK, COLUMN_HEADER, ROW_CHUNK, ROW_HEADER, Definition, Program, Store
from ..kernels.symbols import computed
from .fuse import Group
from .items import Access, Item, merge_axes

_DIVISIONS = ("floor_divide", "trunc_divide", "remainder", "fmod")
_CONDITIONS = {WHERE: 0, CHECK: 1}
"""Which operand is read as booleans, whatever the primitive computes in."""
_PRECISE = ("mul", "div", "floor_divide", "trunc_divide")
"""Primitives whose second operand is not rounded to a half type with which they compute if it is one number for all elements."""


def axes_of(boundaries: set[int], count: int) -> tuple[list[int], list[int]]:
    """Extents of the loop's axes, outermost first, and the element count at which each begins."""
    starts = [1]
    for boundary in sorted(b for b in boundaries if 1 < b < count):
        if boundary != starts[-1]:  # a set may have two symbolic ones that happen to be equal
            starts.append(boundary)
    ends = [*starts[1:], count]
    extents = [end // start for start, end in zip(starts, ends)]
    return extents[::-1], starts[::-1]


def stride_at(runs: list[tuple[int, int]], start: int) -> int:
    """How far an access moves when the loop's position moves by ``start`` elements (an axis's beginning)."""
    low = 1
    for extent, stride in reversed(runs):
        if start < low * extent:
            return stride * (start // low)
        low *= extent
    return 0


def _cut_rows(rows: int, inner: int, elements: int, whole: bool) -> tuple[int, int, int, int]:
    """Rows of a tile, elements of a block, blocks of a row, and tiles; ``whole`` asks for rows that are not cut."""
    if inner >= 2 * elements and not whole:
        blocks = -(-inner // elements)
        return 1, elements, blocks, rows * blocks
    per_tile = max(1, elements // max(inner, 16))
    if rows * max(inner, 16) < 2 * elements:
        per_tile = max(rows, 1)
    return per_tile, max(inner, 1), 1, -(-rows // per_tile)


def _cut_columns(reduced: int, inner: int, elements: int, most: int) -> tuple[int, int]:
    """Columns of a block, and how many blocks there are."""
    block = most
    while block > 64 and reduced * block > 4 * elements:
        block //= 2
    return block, -(-inner // block)


def _is_finer(operand: Access | Number, half: dtype) -> bool:
    """Whether an operand of a half type's operation is a number of another type, the same for all elements."""
    if isinstance(operand, Number):
        return True
    d = operand.source.dtype
    if d.kind == "float":
        return d is not half  # with axes it would have decided the result's type
    return all([stride == 0 for _, stride in operand.runs])


class Lowering:
    """Builds the program of one loop or column group."""

    def __init__(self, group: Group, device: Device) -> None:
        self.device = device
        self.tiling = device.tiling
        self.group = group
        self.column = group.kind == "column"
        #: Whether what is the same for a whole row is computed once for it.
        self.hoists = group.kind == "loop"
        self.reads: list[Operand] = []
        self.writes: list[Operand] = []
        self._values: dict[Any, int] = {}
        self._set_axes()
        self.program = Program(group.kind, len(self.outer))
        self.program.keeps = not self.column and 0 < group.reduced <= self.tiling.kept
        self.arguments: list[Any] = self._header()
        self._places = len(self.arguments)

    def _header(self) -> list[Any]:
        """Places for the kernel's header, and the extents of the outer axes."""
        return [0] * len(COLUMN_HEADER if self.column else ROW_HEADER) + [e for e, _ in self.outer]

    def _set_axes(self) -> None:
        """Choose the loop's axes: (extent, element count at which the axis begins), outermost first."""
        group = self.group
        boundaries = set(group.boundaries)
        count = group.count
        if self.column:
            boundaries |= {group.inner, group.reduced * group.inner}
        elif group.reduced:
            boundaries.add(group.reduced)
        extents, starts = axes_of(boundaries, count)
        axes = list(zip(extents, starts))
        if self.column:
            # The axes are (outer…, reduced, inner); extents of 1 were dropped, so look them up by their beginning.
            self.outer = [(e, s) for e, s in axes if s >= group.reduced * group.inner] or [(1, count)]
        else:
            self.inner = group.reduced if group.reduced else extents[-1]
            self.outer = [(e, s) for e, s in axes if s >= self.inner and s > 1] or [(1, count)]

    # --- values ----------------------------------------------------------------------------------------------------

    def add(self, key: Any, kind: str, d: dtype, level: str, stage: int, data: tuple[Any, ...]) -> int:
        """Add a value to the program, once for each key."""
        if key is not None and key in self._values:
            return self._values[key]
        self.program.values.append(Definition(kind, d, level, stage, data))
        index = len(self.program.values) - 1
        if key is not None:
            self._values[key] = index
        return index

    def argument(self, *values: Any) -> int:
        """Append arguments; returns the index of the first (an operand takes two places)."""
        index = self._places
        self.arguments.extend(values)
        self._places += len(values) + sum([isinstance(value, Operand) for value in values])
        return index

    def constant(self, source: Item, d: dtype) -> int:
        """What every element of a constant value is, in dtype ``d``."""
        number = source.operands[0]
        assert isinstance(number, Number)
        return self.converted(self.number(number, source.dtype), d)

    def number(self, number: Number, d: dtype) -> int:
        """A Python number in dtype ``d``."""
        key = ("number", number.index, d)
        if key in self._values:
            return self._values[key]
        return self.add(key, "number", d, "kernel", 0, (number.kind, self.argument(number), ()))

    def _combined(self, references: list[int], level: str) -> tuple[str, int]:
        """Level and stage of a value computed from others."""
        values = [self.program.values[r] for r in references]
        stage = max((v.stage for v in values), default=0)
        if not self.hoists:
            return level, stage
        if any(v.level == "element" for v in values):
            return "element", stage
        if any(v.level == "row" for v in values):
            return "row", stage
        return ("kernel-row" if values else level), stage

    def converted(self, reference: int, d: dtype) -> int:
        """A value in another dtype."""
        value = self.program.values[reference]
        if value.dtype is d:
            return reference
        if value.level == "kernel" and not self.hoists:
            kind, argument, before = value.data
            return self.add(("number-as", reference, d), "number", d, "kernel", 0, (kind, argument, (*before, value.dtype)))
        level = "row" if value.level == "kernel" else value.level
        return self.add(("convert", reference, d), "convert", d, level, value.stage, (reference,))

    def read(self, operand: Access | Number, level: str, d: dtype) -> int:
        """The value that an operand gives, in dtype ``d``."""
        if isinstance(operand, Number):
            return self.number(operand, d)
        source = operand.source
        if source.primitive is FILL and source.group is not self.group:
            return self.constant(source, d)
        if source.group is self.group and ("item", id(source)) in self._values:
            return self.converted(self._values["item", id(source)], d)
        return self.converted(self.load(operand, level), d)

    def _address(self, runs: list[tuple[int, int]], level: str) -> tuple[list[int], str, int]:
        """Outer strides (and the reduced axis's, in column programs), inner class and inner stride of an access."""
        group = self.group
        if level == "element":
            outer = [stride_at(runs, start) for _, start in self.outer]
            if self.column:
                outer.append(stride_at(runs, group.inner) if group.reduced > 1 else 0)
                inner = stride_at(runs, 1) if group.inner > 1 else 1
            else:
                inner = stride_at(runs, 1) if self.inner > 1 else 1
        elif level == "row":
            outer = [stride_at(runs, start // self.inner) for _, start in self.outer]
            inner = 0
        else:
            outer = [stride_at(runs, start // group.reduced) for _, start in self.outer]
            outer.append(0)
            inner = stride_at(runs, 1)
        return outer, {0: "0", 1: "1"}.get(inner, "s"), inner

    def load(self, access: Access, level: str) -> int:
        """Read memory that another group wrote (or a leaf)."""
        source = access.source
        runs = access.runs
        moved = -1 if access.offset is None else access.offset.index
        key = ("load", id(source), tuple(runs), moved, level)
        if key in self._values:
            return self._values[key]
        outer, inner_class, inner = self._address(runs, level)
        operand = source.store()
        self.reads.append(operand)
        base = self.argument(operand_of(access))
        strides = self.argument(*outer)
        inner_argument = self.argument(inner) if inner_class == "s" else -1
        where = "row" if inner_class == "0" and self.hoists and level == "element" else level
        return self.add(key, "load", source.dtype, where, 0, (base, strides, inner_class, inner_argument))

    # --- items -----------------------------------------------------------------------------------------------------

    def item(self, item: Item) -> None:
        """Add the value of an item of this group."""
        reference = self._item(item)
        self._values["item", id(item)] = reference

    def _item(self, item: Item) -> int:
        primitive, level = item.primitive, item.level
        if primitive is FILL:
            return self.constant(item, item.dtype)
        if primitive is IOTA:
            return self._iota(item, level)
        if primitive is RANDOM_BITS:
            seed, offset = (self.read(o, level, int64) for o in item.operands)
            return self.add(None, "random", item.dtype, level, 0, (seed, offset))
        if primitive.kind == "gather":
            return self._gather(item)
        if primitive.kind == "reduce":
            return self._reduce(item)
        if primitive is COLUMN_SUMS:
            return self.read(item.operands[0], "element", item.dtype)
        compute = item.compute
        condition = _CONDITIONS.get(primitive)
        wanted = [bool_ if k == condition else compute for k in range(len(item.operands))]
        half = compute.itemsize == 2 and compute.kind == "float"
        if half and primitive.name in _PRECISE and _is_finer(item.operands[1], compute):
            wanted[1] = float32
        references = [self.read(operand, level, d) for operand, d in zip(item.operands, wanted)]
        if primitive.name in ("copy", "cast"):
            return references[0]
        where, stage = self._combined(references, level)
        if where == "kernel-row":
            where = "row"
        error = -1
        check = item.attributes if primitive is CHECK else None
        if primitive.name in _DIVISIONS and compute.kind == "integer":
            check = DIVISION
        if check is not None:
            error = self.argument(Late(check, item.place))
            where = level  # the check must not be hoisted out of an empty row
        key = (primitive.name, compute, tuple(references)) if error < 0 else None
        return self.add(key, "op", item.dtype, where, stage, (primitive.name, compute, tuple(references), error))

    def _iota(self, item: Item, level: str) -> int:
        wide = float64 if item.dtype.kind == "float" else int64
        start, step = (self.read(o, level, wide) for o in item.operands)
        linear = self.add(("linear", level), "linear", int64, level, 0, ())
        position = self.converted(linear, wide)
        scaled = self.add(None, "op", wide, level, 0, ("mul", wide, (position, step), -1))
        value = self.add(None, "op", wide, level, 0, ("add", wide, (scaled, start), -1))
        return self.converted(value, item.dtype)

    def _gather(self, item: Item) -> int:
        extents, index_strides, check = item.attributes
        level = item.level
        source = item.operands[0]
        assert isinstance(source, Access)
        references = []
        for dim, (operand, extent, stride) in enumerate(zip(item.operands[1:], extents, index_strides)):
            index = self.read(operand, level, int64)
            late = Late(check, item.place, dim, extent)
            references.append((index, self.argument(extent), self.argument(stride), self.argument(late)))
        outer, inner_class, inner = self._address(source.runs, level)
        self.reads.append(source.source.store())
        base = self.argument(operand_of(source))
        first = self.argument(*outer)
        inner_argument = self.argument(inner) if inner_class == "s" else -1
        stage = max((self.program.values[r].stage for r, *_ in references), default=0)
        data = (base, first, inner_class, inner_argument, tuple(references), check.wraps)
        return self.add(None, "gather", item.dtype, level, stage, data)

    def _reduce(self, item: Item) -> int:
        name = item.primitive.name
        d = item.attributes[3]
        if name in ("reduce_any", "reduce_all"):
            work = bool_
        elif name in ("reduce_argmax", "reduce_argmin"):
            work = item.compute
        else:
            work = d
        if work.itemsize == 2 and work.kind == "float":
            work = float32
        reference = self.read(item.operands[0], "element", work)
        value = self.program.values[reference]
        result = int64 if name in ("reduce_argmax", "reduce_argmin") else work
        where = "result" if self.column else "row"
        # Even a value that is the same along the row is added once for each element.
        index = self.add(("reduce", name, reference), "reduce", result, where, value.stage + 1, (name, reference))
        return self.converted(index, item.dtype)

    # --- stores and calls ------------------------------------------------------------------------------------------

    def stores(self) -> None:
        """Add the stores of all items of the group that are needed elsewhere."""
        for item in self.group.items:
            if item.operand is None:
                continue
            self.writes.append(item.operand)
            reference = self._values["item", id(item)]
            argument = self.argument(Shifted(item.operand, 0))
            self.program.stores.append(Store(reference, item.dtype, item.level, argument))

    def calls(self) -> list[Call]:
        """The group's kernel calls."""
        group = self.group
        for item in group.items:
            self.item(item)
        if self.tiling.is_parted(group.outer, group.reduced, group.inner) and self._can_split():
            return self._split()
        self.stores()
        return [self._call(self._column_header(1, group.reduced) if self.column else self._row_header(split_to=0))]

    def _can_split(self) -> bool:
        """Whether partial results suffice: no positions of extrema, and nothing irregular read beside the results."""
        if any(v.kind == "reduce" and v.data[0] in ("reduce_argmax", "reduce_argmin") for v in self.program.values):
            return False
        for item in self.group.items:
            if item.level != "element" and item.primitive.kind != "reduce":
                for operand in item.operands:
                    if isinstance(operand, Access) and len(operand.runs) > 1:
                        return False
        return True

    def _row_header(self, split_to: int) -> tuple[list[int], int]:
        rows = prod(e for e, _ in self.outer)
        inner = self.inner
        if any(store.level == "column" for store in self.program.stores):
            return [rows, inner, COLUMN_CHUNK, max(inner, 1), 1], -(-rows // COLUMN_CHUNK)
        if split_to:
            blocks = -(-inner // split_to)
            return [rows, inner, 1, split_to, blocks], rows * blocks
        *cuts, tiles = computed(_cut_rows, rows, inner, self.tiling.elements, bool(self.group.reduced))
        return [rows, inner, *cuts], tiles

    def _column_header(self, splits: int, split_rows: int) -> tuple[list[int], int]:
        group = self.group
        outer = prod(e for e, _ in self.outer)
        block, blocks = computed(_cut_columns, group.reduced, group.inner, self.tiling.elements, self.tiling.columns)
        header = [outer, group.reduced, group.inner, block, blocks, split_rows, splits, group.chunk]
        return header, outer * blocks * splits

    def _call(self, header_and_tiles: tuple[list[int], int], label: str = "") -> Call:
        header, tiles = header_and_tiles
        program = self.program
        self.arguments[: len(header)] = header
        kernel, scratch = self.device.loop(program, 0 if self.column else self.inner)
        return Call(
            kernel, self.arguments, tiles, scratch, tuple(dict.fromkeys(self.reads)), tuple(dict.fromkeys(self.writes)),
            label=label or describe(self.group), program=program,
        )  # fmt: skip

    def _split(self) -> list[Call]:
        """Reduce in tiles to partial results, then combine these: the binary tree is the same as without tiles."""
        group = self.group
        reduces = [i for i, v in enumerate(self.program.values) if v.kind == "reduce"]
        length, wanted = ROW_CHUNK, self.tiling.elements
        if self.column:
            length, wanted = group.chunk, 4 * wanted // min(group.inner, self.tiling.columns)
        while length < wanted:
            length *= 2
        splits = -(-group.reduced // length)
        results = group.outer * group.inner
        first = Lowering(group, self.device)
        first.program.partial = True
        for item in group.items:
            if item.level == "element" or item.primitive.kind == "reduce":
                first.item(item)
        parts: dict[int, Item] = {}
        for item in group.items:
            if item.level == "element" and item.operand is not None:
                first.writes.append(item.operand)
                first.program.stores.append(
                    Store(
                        first._values["item", id(item)], item.dtype, "element", first.argument(Shifted(item.operand, 0))
                    )
                )
        for reference in [i for i, v in enumerate(first.program.values) if v.kind == "reduce"]:
            value = first.program.values[reference]
            part = Item(-1, FILL, None, [], (splits, results), value.dtype, value.dtype)
            operand = part.store()
            first.writes.append(operand)
            level = "result" if self.column else "row"
            first.program.stores.append(Store(reference, value.dtype, level, first.argument(Shifted(operand, 0))))
            parts[reference] = part
        header = first._column_header(splits, length) if self.column else first._row_header(length)
        calls = [first._call(header, describe(group) + ", in parts")]
        calls.append(self._combine(group, reduces, parts, splits, results))
        return calls

    def _combine(self, group: Group, reduces: list[int], parts: dict[int, Item], splits: int, results: int) -> Call:
        """Combine partial results laid out as (splits, results), then what follows from them."""
        second = Group("column", group.number, group.position)
        second.outer, second.reduced, second.inner, second.chunk = 1, splits, results, 1
        lowering = Lowering(second, self.device)
        by_data = {self.program.values[i].data: parts[i] for i in reduces}
        for item in group.items:
            if item.level == "element":
                continue
            item.group = second
            item.level = "result"
            second.items.append(item)
            if item.primitive.kind == "reduce":
                part = by_data[self._reduce_data(item)]
                reference = lowering.load(Access(part, (splits, results), (results, 1)), "element")
                value = lowering.program.values[reference]
                name = item.primitive.name
                index = lowering.add(("reduce", name, reference), "reduce", value.dtype, "result", 1, (name, reference))
                lowering._values["item", id(item)] = lowering.converted(index, item.dtype)
            else:
                lowering.item(item)
        lowering.stores()
        return lowering._call(lowering._column_header(1, splits), describe(group) + ", combined")

    def _reduce_data(self, item: Item) -> tuple[Any, ...]:
        """The program's data of the reduction that an item stands for."""
        reference = self._values["item", id(item)]
        value = self.program.values[reference]
        while value.kind == "convert":
            value = self.program.values[value.data[0]]
        return value.data


def operand_of(access: Access) -> Operand:
    """The memory that an access reads, beginning at its offset."""
    operand = access.source.store()
    if access.offset is None:
        return operand
    return Shifted(operand, 0, access.offset, access.source.dtype.itemsize)


def describe(group: Group) -> str:
    """A group's primitives in words, for reports."""
    names = [item.primitive.name for item in group.items]
    return " ".join(names[:12]) + (f" … ({len(names)})" if len(names) > 12 else "")


def lower_write(
    device: Device, view: Layout, target: Operand, d: dtype, value: Access, offset: Number | None = None, start: int = 0
) -> Call:
    """Write ``value`` into a view of memory, which begins ``start`` plus ``offset`` elements behind its own beginning."""
    group = Group("loop", -1, 0)
    group.outer = prod(view.sizes)
    expanded = value.expanded(tuple(view.sizes))
    strides = merge_axes(view.sizes, view.strides)
    place = Access(value.source, view.sizes, view.strides)
    from .fuse import is_chain, suffixes

    boundaries = suffixes(expanded) | suffixes(place)
    if not is_chain(boundaries, group.outer):  # cut at every axis of the view instead
        boundaries, size = set(), 1
        for n in reversed(view.sizes):
            size *= n
            boundaries.add(size)
        boundaries.discard(size)
        boundaries.discard(1)
    group.boundaries = boundaries
    lowering = Lowering(group, device)
    reference = lowering.read(expanded, "element", d)
    outer, inner_class, inner = lowering._address(strides, "element")
    argument = lowering.argument(Shifted(target, start * d.itemsize, offset, d.itemsize))
    first = lowering.argument(*outer)
    inner_argument = lowering.argument(inner) if inner_class == "s" else -1
    lowering.program.stores.append(Store(reference, d, "element", argument, False, first, inner_class, inner_argument))
    lowering.writes.append(target)
    return lowering._call(lowering._row_header(0), "write")


__all__ = ["Late", "Lowering", "Shifted", "lower_write"]
