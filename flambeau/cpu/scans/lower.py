"""Choosing the kernel of a scan, and its arguments."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from ...graph.dtypes import bool_, float32, uint8
from ...kernels.kernel import Call, Operand, Scan
from ..ir import Kernel
from ..values import LANES
from .blocks import BlocksCode
from .exact import ExactCode
from .lines import ALONG, APART, MOST_VECTORS, REPEATED, SIDE_BY_SIDE, LinesCode
from .singles import SinglesCode

WORK_A_TILE = 1 << 14
"""Elements that a tile scans, about."""
FEW = 8
"""So few lines leave too many lanes empty."""
TOGETHER = 4
"""How many lines are walked in turn."""

Axis = tuple[int, ...]
"""The extent of an axis, and how far apart its elements are in each source and in the result."""


class Chosen(NamedTuple):
    """A kernel, the axes of the lines that it walks, how many tiles there are, and further arguments by name."""

    code: ExactCode | BlocksCode | SinglesCode | LinesCode
    axes: list[Axis]
    tiles: int
    numbers: dict[str, int]


class _Problem:
    """A scan of ``count`` lines of ``steps`` elements, over axes before the scanned one and behind it, merged where that is
    possible. ``innermost`` says that there are none behind it."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        shape, axis = scan.shape, scan.axis
        self.steps = shape[axis]
        behind = prod(shape[axis + 1 :])
        self.count, self.innermost = prod(shape[:axis]) * behind, behind == 1
        # Extrema of booleans are those of bytes.
        self.result = uint8 if scan.dtype is bool_ else scan.dtype
        self.types = tuple([uint8 if source.dtype is scan.dtype is bool_ else source.dtype for source in scan.sources])
        self.names = [*(f"source{k}" for k in range(len(self.types))), "result"]
        axes = list(zip(shape, *(source.strides for source in scan.sources), scan.strides))
        self.outer, self.inner = _merged(axes[:axis]), _merged(axes[axis + 1 :])
        self.distances = axes[axis][1:]


def lower_scan(scan: Scan) -> list[Call]:
    """The call of a scan."""
    if 0 in scan.shape:
        return []
    p = _Problem(scan)
    code, axes, tiles, numbers = _exact(p) or _blocks(p) or _singles(p) or _lines(p)
    given: dict[str, Any] = {**numbers, "steps": p.steps, "extents": tuple([extent for extent, *_ in axes])}
    for k, (name, step) in enumerate(zip(p.names, p.distances)):
        given[f"{name}_first"] = (p.steps - 1) * step if scan.backwards else 0
        given[f"{name}_strides"] = tuple([axis[k + 1] for axis in axes])
        given[f"{name}_step"] = -step if scan.backwards else step
    given |= {name: source.base for name, source in zip(p.names, scan.sources)}
    given["result"] = scan.result
    writes: tuple[Operand, ...] = (scan.result,)
    if scan.places is not None:
        given["places"] = scan.places
        writes += (scan.places,)
    reads = tuple(dict.fromkeys(source.operand for source in scan.sources))
    return [
        Call(
            Kernel(code.key, code.emit),
            code.arguments.values(**given),
            tiles,
            reads=reads,
            writes=writes,
            label=scan.name,
        )
    ]


# --- the kernels -------------------------------------------------------------------------------------------------------


def _exact(p: _Problem) -> Chosen | None:
    """Neighbours in lanes, if the parts of a line may be combined in any order and give the same bits."""
    scan = p.scan
    anyhow = scan.name in ("scan_max", "scan_min") or scan.dtype.kind != "float" and len(scan.sources) == 1
    if not (anyhow and p.innermost and p.distances[0] == 1):
        return None
    tile = max(1, WORK_A_TILE // p.steps)
    code = ExactCode(scan.name, p.types[0], p.result, len(p.outer), scan.backwards, scan.places is not None)
    return Chosen(code, p.outer, -(-p.count // tile), {"tile": tile, "lines": p.count})


def _blocks(p: _Problem) -> Chosen | None:
    """Blocks in lanes, for few lines of what takes longer in sequence: what is not quick, and sums of float32."""
    scan = p.scan
    sum_of_many = scan.name == "scan_sum" and scan.dtype is float32 and p.count < TOGETHER
    slow = not _is_quick(scan) and len(scan.sources) == 1 and p.count < FEW
    if not (p.innermost and scan.places is None and (sum_of_many or slow)):
        return None
    in_order = slow and scan.name != "scan_logaddexp"
    code = BlocksCode(scan.name, p.types[0], p.result, len(p.outer), p.distances[0] == 1, scan.backwards, in_order)
    return Chosen(code, p.outer, p.count, {})


def _singles(p: _Problem) -> Chosen | None:
    """Single elements, if there is but one line or lines do not lie side by side, and little is to be done for each."""
    scan = p.scan
    if p.count > 1 and not (_is_quick(scan) and SIDE_BY_SIDE not in _neighbours(p)[2]):
        return None
    axes = p.outer + p.inner
    together = 1 if p.count == 1 else TOGETHER
    tile = max(1, WORK_A_TILE // (together * p.steps))
    code = SinglesCode(scan.name, p.types, p.result, len(axes), together, scan.places is not None)
    return Chosen(code, axes, -(-p.count // (tile * together)), {"tile": tile, "lines": p.count})


def _is_quick(scan: Scan) -> bool:
    """Whether an element takes so few instructions that it does not matter how many go at once."""
    return scan.name in ("scan_sum", "scan_prod", "scan_recurrence") and scan.dtype.itemsize > 2


def _lines(p: _Problem) -> Chosen:
    """Lines in lanes."""
    scan = p.scan
    axes, (count, *apart), forms = _neighbours(p)
    lie_well = ALONG not in forms and APART not in forms
    lanes = next(lanes for lanes in (4, 8, LANES) if count <= lanes or lanes == LANES) if lie_well else LANES
    vectors = -(-count // lanes)
    together = min(max(vectors // 4, 1), MOST_VECTORS) if lie_well else 1
    groups = -(-vectors // together)
    everything = groups * prod(extent for extent, *_ in axes)
    tile = max(1, WORK_A_TILE // (together * lanes * p.steps))
    code = LinesCode(scan.name, p.types, p.result, len(axes), lanes, forms, scan.backwards, scan.places is not None)
    numbers = {"groups": groups, "lines": count, "vectors": together, "tile": tile, "all": everything}
    numbers |= {f"{name}_line": line for name, line in zip(p.names, apart)}
    return Chosen(code, axes, -(-everything // tile), numbers)


def _neighbours(p: _Problem) -> tuple[list[Axis], Axis, tuple[str, ...]]:
    """The axis whose lines go into lanes, behind the other ones, and how the lines lie: it is the innermost, unless that is of
    few lines which do not lie side by side."""
    outer, inner = p.outer, p.inner
    if inner and (inner[-1][0] >= LANES or not outer or all(stride == 1 for stride in inner[-1][1:])):
        axes, chosen = outer + inner[:-1], inner[-1]
    else:
        axes, chosen = outer[:-1] + inner, outer[-1]
    return axes, chosen, tuple([_form(line, step) for line, step in zip(chosen[1:], p.distances)])


def _form(line: int, step: int) -> str:
    if line == 1:
        return SIDE_BY_SIDE
    if line == 0:
        return REPEATED
    return ALONG if step == 1 else APART


def _merged(axes: list[Axis]) -> list[Axis]:
    """Axes of extent 1 dropped, and neighbours merged where all operands permit it."""
    merged: list[Axis] = []
    for extent, *strides in axes:
        if extent == 1:
            continue
        if merged and all(before == extent * stride for before, stride in zip(merged[-1][1:], strides)):
            merged[-1] = (merged[-1][0] * extent, *strides)
        else:
            merged.append((extent, *strides))
    return merged
