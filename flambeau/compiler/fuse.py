"""Which items are computed together.

Items are taken in recorded order. Each joins the group of one of its operands when it can be computed in the same loop
over the same elements, else it begins a group of its own. A group never depends on itself through another group: that
is kept true with one bit mask of ancestors a group.

Inside a loop group every value lives at a *level*: ``element`` (one for each element of the loop) or ``row`` (one for
each run of ``reduced`` elements: what a reduction gives and what is computed from that alone). A third level,
``column``, has sums over runs of rows, which a column group adds up. A column group reduces over an axis that is not the
innermost, with levels ``element`` and ``result``.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from ..graph.dtypes import float32
from ..graph.primitives import CONVOLUTION, FILL, IOTA, LEAF, MATMUL, RANDOM_BITS, SUM, reduced_extents
from ..kernels.contract import Tiling
from ..kernels.program import COLUMN_CHUNK
from .items import Access, Item, column_sums_of, copy_of

GROUP_LIMIT = 96
"""Items in one kernel at most: LLVM's time grows faster than the code."""

ROW_RUNS = 8
"""A row kernel adds up columns on the way, in tiles of as many rows as are added in sequence, if that makes so many tiles."""

_SOURCES = (FILL, IOTA, RANDOM_BITS)


class Group:
    """Items computed by one kernel, or by a few.

    ``kind`` is "loop", "column", "template" (a product or convolution, with what is computed from its results while they
    are in registers) or "single" (anything else).
    """

    __slots__ = (
        "kind",
        "number",
        "items",
        "outer",
        "reduced",
        "inner",
        "chunk",
        "boundaries",
        "ancestors",
        "needs",
        "clones",
        "position",
    )

    def __init__(self, kind: str, number: int, position: int) -> None:
        self.kind = kind
        self.number = number
        self.position = position
        self.items: list[Item] = []
        #: A loop over ``outer * reduced * inner`` elements. ``reduced`` is 0 while nothing is reduced.
        self.outer = 0
        self.reduced = 0
        self.inner = 1
        #: Rows that a column group adds in sequence before it builds binary trees.
        self.chunk = COLUMN_CHUNK
        #: Element counts at which some access changes its stride: the loop's axes begin there.
        self.boundaries: set[int] = set()
        self.ancestors = 0
        #: Numbers of the groups whose results it reads.
        self.needs: set[int] = set()
        self.clones: dict[tuple[int, str], Item] = {}

    @property
    def count(self) -> int:
        return self.outer * max(self.reduced, 1) * self.inner

    def __repr__(self) -> str:
        return f"{self.kind}{self.number}{self.items}"


def suffixes(access: Access, unit: int = 1) -> set[int]:
    """The element counts, from the innermost axis on, at which the access changes its stride."""
    result = set()
    size = unit
    runs = access.runs
    for extent, _ in reversed(runs):
        size *= extent
        result.add(size)
    if runs:
        result.discard(size)
    return result


def _gathered(item: Item, unit: int = 1) -> set[int]:
    """As :func:`suffixes`, for how a gather's own axes lie in its source; nothing for other items."""
    if item.primitive.kind != "gather":
        return set()
    source = item.operands[0]
    assert isinstance(source, Access)
    return suffixes(source, unit)


def is_chain(boundaries: set[int], count: int) -> bool:
    """Whether axes can be cut at all of these element counts at once."""
    previous = 1
    for boundary in sorted(boundaries):
        if boundary % previous:
            return False
        previous = boundary
    return count % previous == 0


class Fuser:
    """Builds groups; ``fuse=False`` gives every item a group of its own (the first tier, and eager mode)."""

    def __init__(self, items: list[Item], fuse: bool, tiling: Tiling) -> None:
        self.items = items
        self.tiling = tiling
        self.fuse = fuse
        self.groups: list[Group] = []
        self.prelude: list[Group] = []
        self._added = 1 << 30

    def run(self) -> list[Group]:
        """Group all items; returns the groups in an order in which they can run."""
        for position, item in enumerate(self.items):
            item.position = position
            kind = item.primitive.kind
            if item.primitive is LEAF or item.count == 0 and kind in ("map", "gather", "reduce"):
                item.store()
            elif item.primitive in _SOURCES:
                if item.live:
                    self._own_source(item)
            elif kind in ("map", "gather"):
                self._place_map(item)
            elif kind == "reduce":
                self._place_reduce(item)
            elif kind == "output":
                self._place_output(item)
            elif item.primitive in (MATMUL, CONVOLUTION) and item.compute.kind == "float" and item.count:
                self._place_template(item)
            else:
                self._place_single(item)
        for item in self.items:
            if item.live:
                item.store()
            if item.primitive in _SOURCES and item.operand is not None and item.group is None and item.count:
                self._own_source(item)
        return self.prelude + self._ordered()

    # --- placing ---------------------------------------------------------------------------------------------------

    def _is_parted(self, group: Group) -> bool:
        return self.tiling.is_parted(group.outer, group.reduced, group.inner)

    def _new_group(self, kind: str, position: int) -> Group:
        group = Group(kind, len(self.groups), position)
        self.groups.append(group)
        return group

    def _own_source(self, item: Item) -> None:
        group = Group("loop", -1, item.position)
        group.outer = item.count
        group.items.append(item)
        item.group = group
        item.store()
        self.prelude.append(group)

    def _candidates(self, item: Item) -> list[Group]:
        found: dict[int, Group] = {}
        for operand in item.operands:
            if isinstance(operand, Access):
                group = operand.source.group
                if group is not None and group.number >= 0 and group.kind != "single":
                    found[group.number] = group
        return [found[number] for number in sorted(found, reverse=True)]

    def _place_map(self, item: Item) -> None:
        if self.fuse:
            candidates = self._candidates(item)
            for group in candidates:
                level = self._level_in(group, item)
                if level is not None:
                    if level == "element":
                        group = self._gathered_in(group, item, candidates)
                    self._join(group, item, level)
                    return
        group = self._new_group("loop", item.position)
        group.outer = item.count
        group.boundaries |= _gathered(item)
        for operand in self._element_accesses(item):
            boundaries = suffixes(operand)
            if not is_chain(group.boundaries | boundaries, item.count):
                operand = self._contiguous(item, operand, group)
                boundaries = set()
            group.boundaries |= boundaries
        self._join(group, item, "element")

    def _gathered_in(self, group: Group, item: Item, candidates: list[Group]) -> Group:
        """The group for an item that could join ``group``, once that and what else the item needs were made one group."""
        for other in candidates:
            if other is group or self._level_in(other, item) != "element":
                continue
            if self._absorbs(group, other):
                self._absorb(group, other)
            elif self._absorbs(other, group):
                self._absorb(other, group)
                group = other
        return group

    def _absorbs(self, group: Group, other: Group) -> bool:
        """Whether a group can compute another's values as well, neither needing the other."""
        if other.kind != "loop" or group.count != other.count or len(group.items) + len(other.items) > GROUP_LIMIT:
            return False
        if group.ancestors >> other.number & 1 or other.ancestors >> group.number & 1:
            return False
        if group.kind == "template" and not all(item.primitive.kind == "map" for item in other.items):
            return False
        if other.reduced:
            same = group.kind == "loop" and (group.outer, group.reduced) == (other.outer, other.reduced)
            if not same or self._is_parted(group):
                return False
        return self._fits(group, other.boundaries)

    def _absorb(self, group: Group, other: Group) -> None:
        for item in other.items:
            item.group = group
        group.items += other.items
        group.boundaries |= other.boundaries
        group.clones.update(other.clones)
        group.needs |= other.needs
        other.items, other.needs = [], set()
        self._inherit(group, other.ancestors)
        for user in self.groups:
            if user.ancestors >> other.number & 1:
                user.ancestors |= group.ancestors | 1 << group.number
            if other.number in user.needs:
                user.needs = user.needs - {other.number} | {group.number}

    def _place_reduce(self, item: Item) -> None:
        access = item.operands[0]
        assert isinstance(access, Access)
        outer, reduced, inner = reduced_extents(item.attributes, access.sizes)
        kind = "loop" if inner == 1 else "column"
        chunk = COLUMN_CHUNK
        rows = self._summing_rows(item, access) if kind == "column" and self.fuse else None
        if rows is not None:
            access = self._column_sums(rows, item, access)
            item.operands = [access]
            reduced, chunk = access.sizes[0], 1
        source = access.source
        group = source.group
        if (
            self.fuse
            and group is not None
            and group.number >= 0
            and source.level == "element"
            and access.dense
            and self._accepts_reduce(group, kind, outer, reduced, inner)
            and self._room(group, item)
        ):
            group.kind = kind
            group.outer, group.reduced, group.inner = outer, reduced, inner
        else:
            group = None
        if group is None:
            group = self._new_group(kind, item.position)
            group.outer, group.reduced, group.inner, group.chunk = outer, reduced, inner, chunk
            boundaries = suffixes(access)
            if not self._reducible(boundaries, outer, reduced, inner):
                access = self._contiguous(item, access, group)
                boundaries = set()
            group.boundaries |= boundaries
        item.level = "row" if kind == "loop" else "result"
        self._join(group, item, item.level, reduce=True)

    def _summing_rows(self, item: Item, access: Access) -> Group | None:
        """The row group that computes or reads a matrix whose columns are to be added up, if it can do that on the way."""
        outer, reduced, inner = reduced_extents(item.attributes, access.sizes)
        if item.primitive is not SUM or outer != 1 or reduced < ROW_RUNS * COLUMN_CHUNK or not access.dense:
            return None
        source = access.source
        if source.group is not None and source.group.number >= 0 and source.group.kind != "single":
            groups = [source.group] if source.level == "element" else []
        elif source.primitive in _SOURCES:
            return None
        else:
            groups = [g for g in reversed(self.groups) if any(self._reads(i, source) for i in g.items)]
        for group in groups:
            same = group.kind == "loop" and group.reduced == inner and group.outer == reduced
            if same and not self._is_parted(group) and self._room(group, item):
                return group
        return None

    @staticmethod
    def _reads(item: Item, source: Item) -> bool:
        """Whether an item reads each element of a value where the loop is at that element."""
        return item.level == "element" and any(
            isinstance(o, Access) and o.source is source and o.dense for o in item.operands
        )

    def _column_sums(self, group: Group, item: Item, access: Access) -> Access:
        """Have a row group add up columns over runs of rows; returns the sums, which remain to be added up."""
        _, reduced, inner = reduced_extents(item.attributes, access.sizes)
        d = item.attributes[3]
        d = float32 if d.is_floating_point and d.itemsize == 2 else d
        part = column_sums_of(access, self._added, -(-reduced // COLUMN_CHUNK), inner, d)
        self._added += 1
        part.position = item.position
        self._join(group, part, "column")
        part.store()
        return part.whole()

    def _accepts_reduce(self, group: Group, kind: str, outer: int, reduced: int, inner: int) -> bool:
        if group.kind not in ("loop", "column") or group.count != outer * reduced * inner:
            return False
        if group.reduced:
            same = (group.kind, group.outer, group.reduced, group.inner) == (kind, outer, reduced, inner)
            return same and not (self._is_parted(group) and any(i.stage for i in group.items))
        return self._reducible(group.boundaries, outer, reduced, inner)

    @staticmethod
    def _reducible(boundaries: set[int], outer: int, reduced: int, inner: int) -> bool:
        """Whether the reduced axis and the innermost one can each be walked with one stride."""
        for boundary in boundaries:
            if boundary < reduced * inner and boundary != inner:
                return False
        return is_chain(boundaries | {inner, reduced * inner}, outer * reduced * inner)

    def _contiguous(self, item: Item, access: Access, reader: Group) -> Access:
        """Have what ``access`` reads copied first, by a group of its own."""
        copy = copy_of(access, self._added)
        self._added += 1
        copy.position = item.position
        group = Group("loop", len(self.groups), item.position)
        self.groups.append(group)
        group.outer = copy.count
        group.boundaries = suffixes(access)
        self._join(group, copy, "element")
        copy.store()
        whole = Access(copy, access.sizes, copy.whole().strides)
        item.operands = [whole if operand is access else operand for operand in item.operands]
        return whole

    def _place_output(self, item: Item) -> None:
        access = item.operands[0]
        assert isinstance(access, Access)
        item.group = access.source.group
        item.group.items.append(item)
        item.store()

    def _place_template(self, item: Item) -> None:
        """A template with an epilogue: what follows its results element by element joins it."""
        group = self._new_group("template", item.position)
        group.outer = item.count
        inner = item.shape[-1] if item.primitive is MATMUL else item.shape[-1] * item.shape[-2]
        middle = item.shape[-2] if item.primitive is MATMUL else item.shape[1]
        group.boundaries = {inner, inner * middle}
        self._depend(group, item)
        item.group = group
        group.items.append(item)

    def _place_single(self, item: Item) -> None:
        group = self._new_group("single", item.position)
        self._depend(group, item)
        item.group = group
        group.items.append(item)
        item.store()

    # --- joining ---------------------------------------------------------------------------------------------------

    def _element_accesses(self, item: Item) -> list[Access]:
        """The accesses whose axes are the loop's axes (a gather's source is addressed by other means)."""
        operands = item.operands[1:] if item.primitive.kind == "gather" else item.operands
        return [o for o in operands if isinstance(o, Access) and o.source.primitive is not FILL]

    def _room(self, group: Group, item: Item) -> bool:
        """Whether the group is not too large, and nothing else that the item needs depends on the group."""
        if len(group.items) >= GROUP_LIMIT:
            return False
        bit = 1 << group.number
        for operand in item.operands:
            if isinstance(operand, Access):
                other = operand.source.group
                if other is not None and other is not group and other.number >= 0 and other.ancestors & bit:
                    return False
        return True

    def _level_in(self, group: Group, item: Item) -> str | None:
        """The level at which a map or gather item can be computed within ``group``; None if it cannot."""
        if not self._room(group, item):
            return None
        if group.kind == "template" and item.primitive.kind != "map":
            return None
        inside = [o for o in self._element_accesses(item) if o.source.group is group]
        if len(inside) != sum(isinstance(o, Access) and o.source.group is group for o in item.operands):
            return None  # a gather from a value that this very loop computes
        results = group.outer * group.inner
        low = "row" if group.kind == "loop" else "result"
        if group.reduced and item.count == results and all(o.source.level == low for o in inside):
            if not all(o.dense for o in inside):
                return None
            unit = group.reduced if group.kind == "loop" else 1
            boundaries = _gathered(item, unit)
            for o in self._element_accesses(item):
                if o.source.group is not group:
                    boundaries |= suffixes(o, unit)
            if group.kind == "column":
                # Result-level axes are (outer, inner): cuts at the inner axis, or beyond the reduced.
                if any(c < group.inner for c in boundaries):
                    return None
                boundaries = {c * group.reduced if c > group.inner else c for c in boundaries}
            return low if self._fits(group, boundaries) else None
        if item.count != group.count:
            return None
        late = False
        for o in inside:
            if o.source.level == "element":
                if not o.dense:
                    return None
                late = late or o.source.stage > 0
            elif group.kind == "column" or not self._repeats_rows(group, o):
                return None
            else:
                late = True
        if late and self._is_parted(group):
            return None
        boundaries = _gathered(item)
        for o in self._element_accesses(item):
            if o.source.group is not group:
                boundaries |= suffixes(o)
        return "element" if self._fits(group, boundaries) else None

    @staticmethod
    def _repeats_rows(group: Group, access: Access) -> bool:
        """Whether the access gives each row's value to all elements of the row."""
        if access.offset is not None:
            return False
        wanted = [(n, s) for n, s in ((group.outer, 1), (group.reduced, 0)) if n != 1]
        return access.runs == wanted

    def _fits(self, group: Group, boundaries: set[int]) -> bool:
        if group.kind == "template":
            return all(any(boundary == known for known in group.boundaries) for boundary in boundaries)
        boundaries = group.boundaries | boundaries
        if group.reduced:
            return self._reducible(boundaries, group.outer, group.reduced, group.inner)
        return is_chain(boundaries, group.count)

    def _join(self, group: Group, item: Item, level: str, reduce: bool = False) -> None:
        item.level = level
        item.group = group
        # A gather reads its source at other positions than the loop's, where a loop cannot compute it.
        elsewhere = item.operands[0] if item.primitive.kind == "gather" else None
        item.operands = [
            self._localised(group, item, o) if isinstance(o, Access) and o is not elsewhere else o for o in item.operands
        ]
        stage = 0
        unit = group.reduced if level == "row" else 1
        cuts = _gathered(item, unit)
        for operand in item.operands:
            if isinstance(operand, Access):
                source = operand.source
                if source.group is group:
                    stage = max(stage, source.stage)
                elif source.primitive is not FILL and not reduce and operand in self._element_accesses(item):
                    cuts |= suffixes(operand, unit)
        if level == "result":
            cuts = {c * group.reduced if c > group.inner else c for c in cuts}
        group.boundaries |= cuts
        item.stage = stage + 1 if reduce else stage
        group.items.append(item)
        self._depend(group, item)

    def _localised(self, group: Group, item: Item, access: Access) -> Access:
        """A source that a loop can compute by itself is computed there rather than read."""
        source = access.source
        if source.primitive not in (IOTA, RANDOM_BITS) or source.operand is not None or not access.dense:
            return access
        level = "element" if item.primitive.kind == "reduce" else item.level
        clone = group.clones.get((id(source), level))
        if clone is None:
            clone = Item(
                source.place,
                source.primitive,
                source.attributes,
                source.operands,
                source.shape,
                source.dtype,
                source.compute,
            )
            clone.group = group
            clone.level = level
            group.clones[(id(source), level)] = clone
            group.items.append(clone)
        return Access(clone, access.sizes, access.strides)

    def _depend(self, group: Group, item: Item) -> None:
        """Record what ``item`` needs from other groups, storing it there."""
        new = 0
        for operand in item.operands:
            if not isinstance(operand, Access):
                continue
            source = operand.source
            other = source.group
            if other is group:
                continue
            if source.primitive is FILL and self._is_spelled_out(group, item, operand):
                continue
            source.store()
            if other is not None and other.number >= 0:
                new |= other.ancestors | (1 << other.number)
                group.needs.add(other.number)
        self._inherit(group, new)

    def _inherit(self, group: Group, ancestors: int) -> None:
        """Have a group, and all that depend on it, depend on others."""
        if ancestors & ~group.ancestors:
            group.ancestors |= ancestors
            bit = 1 << group.number
            for other in self.groups:
                if other.ancestors & bit:
                    other.ancestors |= ancestors

    @staticmethod
    def _is_spelled_out(group: Group, item: Item, operand: Access) -> bool:
        """Whether kernels take a constant operand as a number, so that it needs no memory."""
        kind = item.primitive.kind
        if group.kind == "single" or item.primitive in (MATMUL, CONVOLUTION):
            return kind == "join" or kind == "write" and operand is not item.operands[0]
        return not (kind == "gather" and operand is item.operands[0])

    # --- order -----------------------------------------------------------------------------------------------------

    def _ordered(self) -> list[Group]:
        """Groups after all that they depend on, and else as early as their first item was recorded."""
        heap = [(group.position, group.number) for group in self.groups if not group.needs]
        heapify(heap)
        users: dict[int, list[int]] = {group.number: [] for group in self.groups}
        missing = {group.number: len(group.needs) for group in self.groups}
        for group in self.groups:
            for needed in group.needs:
                users[needed].append(group.number)
        order = []
        while heap:
            _, number = heappop(heap)
            order.append(self.groups[number])
            for user in users[number]:
                missing[user] -= 1
                if missing[user] == 0:
                    heappush(heap, (self.groups[user].position, user))
        assert len(order) == len(self.groups), "groups depend on each other in a circle"
        return [group for group in order if group.items]  # another group has absorbed the others
