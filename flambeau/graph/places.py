"""Places of a trace and the list of its nodes: what is inside a composite has a place, and no node unless it is a result."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .trace import Node, Trace


def index_of(trace: Trace, place: int) -> int:
    """Where the node of a place is in the trace's list; where the next one is, if it has none.

    Looked for from the end that is nearer, for a trace may have thousands of composites.
    """
    skipped = trace.skipped
    if skipped and place >= skipped[len(skipped) // 2].start:
        behind = trace.cursor.depth
        count = len(trace.nodes)
        for composite in reversed(skipped):
            end = composite.last.depth
            if place >= end:
                break
            count -= behind - end + len(composite.places)
            behind = composite.start
            if place >= behind:
                return count + bisect_left(composite.places, place - behind)  # type: ignore[no-any-return]
        return count - (behind - place)
    missing = 0
    for composite in skipped:
        if place < composite.start:
            break
        if place < composite.last.depth:
            return composite.start - missing + bisect_left(composite.places, place - composite.start)  # type: ignore[no-any-return]
        missing += composite.last.depth - composite.start - len(composite.places)
    return place - missing


def node_at(trace: Trace, place: int) -> Node:
    """The node that was recorded at ``place``. (It itself may have become a leaf elsewhere since the trace was closed.)"""
    return trace.nodes[index_of(trace, place)]


def places_of(skipped: Sequence[Any], depth: int) -> list[int]:
    """The places of the nodes of a trace of ``depth`` steps with these composites."""
    places: list[int] = []
    end = 0
    for composite in skipped:
        start = composite.start
        if start > end:
            places += range(end, start)
        for place in composite.places:
            places.append(start + place)
        end = composite.last.depth
    if end > depth:
        del places[bisect_left(places, depth) :]
    places += range(end, depth)
    return places
