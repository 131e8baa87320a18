"""Choosing the kernel of a scan, and its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ...graph.dtypes import bool_, uint8
from ...graph.shapes import contiguous_strides
from ...kernels.kernel import Call, Scan
from ..ir import Kernel
from ..values import LANES
from .blocks import BlocksCode
from .exact import ExactCode
from .lines import ALONG, APART, MOST_VECTORS, REPEATED, SIDE_BY_SIDE, LinesCode

WORK_A_TILE = 1 << 14
"""Elements that a tile scans, about."""
FEW = 8
"""So few lines leave too many lanes empty."""
FEW_APART = 5
"""So few lines, which must be brought together for it, are not worth it."""

Axis = tuple[int, ...]
"""The extent of an axis, and how far apart its elements are in each source and in the result."""


def lower_scan(scan: Scan) -> list[Call]:
    """The call of a scan."""
    shape, axis, backwards = scan.shape, scan.axis, scan.backwards
    steps, beside, within = shape[axis], prod(shape[:axis]), prod(shape[axis + 1 :])
    if steps == 0 or beside * within == 0:
        return []
    result = uint8 if scan.dtype is bool_ else scan.dtype  # extrema of bytes
    types = tuple([uint8 if source.dtype is scan.dtype is bool_ else source.dtype for source in scan.sources])
    strides = [*(source.strides for source in scan.sources), contiguous_strides(shape)]
    axes = list(zip(shape, *strides))
    outer, inner, each_step = _merged(axes[:axis]), _merged(axes[axis + 1 :]), axes[axis][1:]
    wanted: dict[str, Any] = {"steps": steps, "result": scan.result}
    if scan.places is not None:
        wanted["places"] = scan.places
    placed = scan.places is not None
    names = ["source", "result"]
    moves = True
    code: ExactCode | BlocksCode | LinesCode
    if within == 1 and each_step[0] == 1 and _exact(scan):
        lines, moves = outer, False
        tile = max(1, WORK_A_TILE // steps)
        wanted |= {"tile": tile, "all": beside}
        tiles = -(-beside // tile)
        code = ExactCode(scan.name, types[0], result, len(lines), backwards, placed)
    elif within == 1 and beside < FEW and _in_blocks(scan):
        lines, tiles = outer, beside
        code = BlocksCode(scan.name, types[0], result, len(lines), each_step[0] == 1, backwards, placed)
    else:
        names = [*(f"source{k}" for k in range(len(types))), "result"]
        lines, (count, *apart) = _neighbours(outer, inner)
        forms = tuple([_form(line, step) for line, step in zip(apart, each_step)])
        lanes = _lanes(count, forms)
        if lanes == 1:
            forms = (SIDE_BY_SIDE,) * len(forms)
        vectors = -(-count // lanes)
        together = 1
        if lanes > 1 and ALONG not in forms and APART not in forms:
            together = min(max(vectors // 4, 1), MOST_VECTORS)
        groups = -(-vectors // together)
        everything = groups * prod(extent for extent, *_ in lines)
        tile = max(1, WORK_A_TILE // (together * lanes * steps))
        tiles = -(-everything // tile)
        wanted |= {"groups": groups, "lines": count, "vectors": together, "tile": tile, "all": everything}
        wanted |= {"block": LANES if lanes > 1 else steps}
        wanted |= {f"{name}_line": line for name, line in zip(names, apart)}
        code = LinesCode(scan.name, types, result, len(lines), lanes, forms, backwards, placed)
    wanted["extents"] = tuple([extent for extent, *_ in lines])
    for k, (name, step) in enumerate(zip(names, each_step)):
        wanted[f"{name}_first"] = (steps - 1) * step if backwards else 0
        wanted[f"{name}_strides"] = tuple([line[k + 1] for line in lines])
        if moves:
            wanted[f"{name}_step"] = -step if backwards else step
    wanted |= {name: source.base for name, source in zip(names, scan.sources)}
    reads = tuple(dict.fromkeys(source.operand for source in scan.sources))
    writes = (scan.result,) if scan.places is None else (scan.result, scan.places)
    kernel, arguments = Kernel(code.key, code.emit), code.arguments.values(**wanted)
    return [Call(kernel, arguments, tiles, reads=reads, writes=writes, label=scan.name)]


def _exact(scan: Scan) -> bool:
    """Whether the parts of a line may be combined in any order and give the same bits."""
    return scan.name in ("scan_max", "scan_min") or scan.dtype.kind != "float" and len(scan.sources) == 1


def _in_blocks(scan: Scan) -> bool:
    """Whether blocks of a line are scanned faster than its elements one by one."""
    return scan.name in ("scan_sum", "scan_logaddexp") or scan.name == "scan_prod" and scan.dtype.itemsize == 2


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


def _neighbours(outer: list[Axis], inner: list[Axis]) -> tuple[list[Axis], Axis]:
    """The axes of the lines, and the one of them that goes into the lanes: the innermost one, unless that is of few lines which
    do not lie side by side."""
    if inner and (inner[-1][0] >= LANES or not outer or all(stride == 1 for stride in inner[-1][1:])):
        return outer + inner[:-1], inner[-1]
    if outer:
        return outer[:-1] + inner, outer[-1]
    return [], (1, *[0] * 3)


def _lanes(count: int, forms: Sequence[str]) -> int:
    """How many neighbouring lines are walked together, if there are so many of them."""
    if ALONG in forms or APART in forms:
        return 1 if count < FEW_APART else LANES
    return next(lanes for lanes in (1, 4, 8, LANES) if count <= lanes or lanes == LANES)


def _form(line: int, step: int) -> str:
    if line == 1:
        return SIDE_BY_SIDE
    if line == 0:
        return REPEATED
    return ALONG if step == 1 else APART
