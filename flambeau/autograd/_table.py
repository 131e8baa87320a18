"""A profile as text: a table of events, and the lines of the program by what their kernels took."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ._peak import share

_WIDTH = 12


def _cut(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width - 3 else text[: width - 3] + "..."


def _memory(count: int) -> str:
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(count) >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count} B"


def written(
    events: Sequence[Any], total: float, time: Callable[[float], str], flops: bool, memory: bool,
    name_width: int | None, line_width: int | None, header: str | None,
) -> str:  # fmt: skip
    """The table: PyTorch's columns, and of kernels the rates, how near these are to what the machine reaches, and the line."""
    kernels = any(event.category == "kernel" for event in events)
    columns: list[tuple[str, Callable[[Any], str]]] = [
        ("Name", lambda event: _cut(event.key, name_width)),
        ("Self CPU %", lambda event: _percent(event.self_cpu_time_total, total)),
        ("Self CPU", lambda event: time(event.self_cpu_time_total)),
        ("CPU total %", lambda event: _percent(event.cpu_time_total, total)),
        ("CPU total", lambda event: time(event.cpu_time_total)),
        ("CPU time avg", lambda event: time(event.cpu_time)),
    ]
    if memory:
        columns += [
            ("CPU Mem", lambda event: _memory(event.cpu_memory_usage)),
            ("Self CPU Mem", lambda event: _memory(event.self_cpu_memory_usage)),
        ]
    columns.append(("# of Calls", lambda event: str(event.count)))
    if flops and any(event.flops for event in events):
        columns.append(("Total MFLOPs", lambda event: f"{event.flops / 1e6:.3f}" if event.flops else "--"))
    if kernels:
        columns += [
            ("GFLOP/s", lambda event: _rate(event.flops, event)),
            ("GB/s", lambda event: _rate(event.bytes, event)),
            ("Of peak", _share),
            ("Source Location", lambda event: _short(event.stack, line_width)),
        ]
    texts = [[text(event) for _, text in columns] for event in events]
    names = [name for name, _ in columns]
    widths = [max(len(name), *(len(row[place]) for row in texts)) for place, name in enumerate(names)]
    widths = [width + 2 if place == 0 else max(width, _WIDTH) for place, width in enumerate(widths)]
    rule = "  ".join("-" * width for width in widths)
    lines = [] if header is None else ["=" * len(rule), header]
    lines += [rule, _line(names, widths), rule, *(_line(row, widths) for row in texts), rule]
    return "\n".join(lines)


def _line(texts: list[str], widths: list[int]) -> str:
    return "  ".join(text.rjust(width) for text, width in zip(texts, widths)).rstrip()


def _percent(part: float, total: float) -> str:
    return f"{part / total:.2%}" if total else "NaN"


def _rate(amount: float, event: Any) -> str:
    """So many each nanosecond, which is so many thousand million each second."""
    return f"{amount / (event.cpu_time_total * 1e3):.2f}" if amount and event.cpu_time_total else "--"


def _share(event: Any) -> str:
    if event.category != "kernel":
        return "--"
    return f"{share(event.flops / event.count, event.bytes / event.count, event.cpu_time * 1e3):.0%}"


def _short(stack: Sequence[str], width: int | None) -> str:
    if not stack:
        return ""
    path, parenthesis, rest = stack[0].partition("(")
    return _cut(os.path.basename(path) + parenthesis + rest, width)


def time_by_line(events: Sequence[Any], time: Callable[[float], str]) -> str:
    """The lines of the program that recorded kernels, the longest first, with what they took; empty if there are none."""
    lines: dict[str, float] = {}
    for event in events:
        for line in event.stack[:1]:
            lines[line] = lines.get(line, 0.0) + event.cpu_time_total
    total = sum(lines.values())
    if not total:
        return ""
    told = sorted(lines.items(), key=lambda item: -item[1])
    rows = (f"{_percent(taken, total):>10}  {time(taken):>12}  {_short([line], None)}" for line, taken in told)
    return f"Kernels by line (on one thread), {time(total)}:\n" + "\n".join(rows) + "\n"


__all__ = ["time_by_line", "written"]
