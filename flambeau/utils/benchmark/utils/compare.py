"""``Compare``: measurements as a table, tasks below and descriptions beside each other."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from typing import Any

from .common import Measurement, ordered_unique, select_unit, trim_sigfig, unit_to_english

_BOLD, _END = "\033[1m", "\033[0m"
_BEST, _GOOD, _BAD, _VERY_BAD = "\033[92m", "\033[34m", "\033[2m\033[91m", "\033[31m"


class Colorize(enum.Enum):
    """Which measurements colours compare."""

    NONE = "none"
    COLUMNWISE = "columnwise"
    ROWWISE = "rowwise"


def _coloured(text: str, value: float, best: float) -> str:
    if value <= best * 1.01 or value <= best + 100e-9:
        return _BEST + _BOLD + text + _END * 2
    if value <= best * 1.1:
        return _GOOD + _BOLD + text + _END * 2
    if value >= best * 5:
        return _VERY_BAD + _BOLD + text + _END * 2
    return _BAD + text + _END * 2 if value >= best * 2 else text


class Compare:
    """Measurements, of which those of one label make a table."""

    def __init__(self, results: list[Measurement]) -> None:
        self._results: list[Measurement] = []
        self._trim = False
        self._colorize = Colorize.NONE
        self._warn = False
        self.extend_results(results)

    def extend_results(self, results: Iterable[Measurement]) -> None:
        """Add measurements."""
        added = list(results)
        for result in added:
            if not isinstance(result, Measurement):
                raise ValueError(f"Expected an instance of `Measurement`, got {type(result)} instead.")
        self._results += added

    def trim_significant_figures(self) -> None:
        """Show no more figures than mean something."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        """Show in colours what is fast and slow among a column's, or a row's, measurements."""
        self._colorize = Colorize.ROWWISE if rowwise else Colorize.COLUMNWISE

    def highlight_warnings(self) -> None:
        """Mark measurements that differ among themselves."""
        self._warn = True

    def print(self) -> None:
        """Print the tables."""
        print(str(self))

    def __str__(self) -> str:
        merged = Measurement.merge(self._results)
        labels = ordered_unique(result.label for result in merged)
        return "\n".join(self._table([r for r in merged if r.label == label]) for label in labels)

    def _table(self, results: list[Measurement]) -> str:
        unit, scale = select_unit(min(result.median for result in results))
        rows = ordered_unique((r.num_threads, r.env, r.as_row_name) for r in results)
        rows.sort(key=lambda row: row[:2])
        columns = ordered_unique(r.description for r in results)
        cells = {((r.num_threads, r.env, r.as_row_name), r.description): r for r in results}
        texts = [self._column([cells.get((row, column)) for row in rows], scale) for column in columns]
        body = [[name, *texts_of_row] for name, *texts_of_row in zip(_row_names(rows), *texts)]
        head = ["", *(str(column) if column is not None else "" for column in columns)]
        widths = [max(map(len, column)) for column in zip(head, *body)]
        lines = ["  |  ".join(text.center(width) for text, width in zip(head, widths))]
        width = len(lines[0])
        threads = None
        for row, line in zip(rows, body):
            if row[0] != threads:
                threads = row[0]
                lines.append(f"{threads} threads: ".ljust(width, "-"))
            shown = [line[0].ljust(widths[0])]
            for column, text, cell_width in zip(columns, line[1:], widths[1:]):
                shown.append(self._shown(text.center(cell_width), row, column, rows, columns, cells))
            lines.append("  |  ".join(shown))
        title = f" {results[0].label or ''} ".center(width - 2, "-")
        end = f"Times are in {unit_to_english(unit)}s ({unit}).\n"
        if self._warn and any(result.has_warnings for result in results):
            end += "(! XX%) Measurement has high variance, where XX is the IQR / median * 100.\n"
        return "\n".join([f"[{title}]", *lines, "", end])

    def _column(self, results: list[Measurement | None], scale: float) -> list[str]:
        """A column's measurements as text, in which decimal points stand below each other."""
        there = [result for result in results if result is not None]
        warns = self._warn and any(result.has_warnings for result in there)
        leading = [math.ceil(math.log10(result.median / scale)) for result in there]
        decimals = 1
        if self._trim:
            decimals = min(max(r.significant_figures - digits, 0) for r, digits in zip(there, leading))
        width = max(leading) + decimals + (1 if decimals else 0)

        def text(result: Measurement | None) -> str:
            value = 1.0 if result is None else result.median / scale
            if self._trim and result is not None:
                value = trim_sigfig(value, result.significant_figures)
            spread = result is not None and warns and result.has_warnings
            note = f" (! {result.iqr / result.median * 100:.0f}%)" if result is not None and spread else ""
            shown = f"{value:>{width}.{decimals}f}{note:>{7 if warns else 0}}"
            return " " * len(shown) if result is None else shown

        return [text(result) for result in results]

    def _shown(self, text: str, row: Any, column: Any, rows: list[Any], columns: list[Any], cells: dict[Any, Any]) -> str:
        result = cells.get((row, column))
        if self._colorize is Colorize.NONE or result is None:
            return text
        if self._colorize is Colorize.ROWWISE:
            others = [cells.get((row, other)) for other in columns]
        else:
            others = [cells.get((other, column)) for other in rows if other[0] == row[0]]
        return _coloured(text, result.median, min(other.median for other in others if other is not None))


def _row_names(rows: list[Any]) -> list[str]:
    """What stands before each row: its environment where that changes, if there are several, and its task."""
    environments = ordered_unique(env for _, env, _ in rows)
    several = len(environments) > 1
    width = max(len(_environment(env)) for env in environments) if several else 0
    names = []
    before: tuple[Any, Any] | None = None
    for threads, env, name in rows:
        shown = f"({_environment(env)})" if several and (threads, env) != before else ""
        names.append("  " + shown.ljust(width + 4) + name)
        before = threads, env
    return names


def _environment(env: str | None) -> str:
    return "Unspecified env" if env is None else env


__all__ = ["Colorize", "Compare"]
