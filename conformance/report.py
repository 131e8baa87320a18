"""``docs/compatibility.md``: a section for each part of the comparison, each written by a run of that part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .tally import Tally

DOCUMENT = Path(__file__).parent.parent / "docs" / "compatibility.md"

HEAD = """# Compatibility

What PyTorch's own databases of samples (`torch.testing._internal`) give here, compared with PyTorch. `python -m conformance`
writes the sections below, each between two marks; what stands outside of them is kept.
"""


def write(section: str, text: str) -> None:
    """Put a section in the place of the one of this name."""
    document = DOCUMENT.read_text() if DOCUMENT.exists() else HEAD
    begin, end = f"<!-- conformance: {section} -->", f"<!-- end of {section} -->"
    made = f"{begin}\n{text.strip()}\n{end}"
    if begin in document:
        before, _, rest = document.partition(begin)
        document = before + made + rest.partition(end)[2]
    else:
        document = document.rstrip() + "\n\n" + made + "\n"
    DOCUMENT.write_text(document)


def percent(equal: int, total: int) -> str:
    """A share, rounded down, so that 100 % means all."""
    return f"{int(1000 * equal / total) / 10:.1f} %" if total else "–"


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of Markdown."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def of_dtypes(tallies: Sequence[Tally], dtypes: Sequence[str]) -> str:
    """How many operations are whole in each dtype, and how many samples equal in each form of call."""
    rows = []
    for dtype in dtypes:
        compared = [t for t in tallies if t.compared((dtype,))]
        if not compared:
            continue
        whole = sum(t.whole((dtype,), ("strides",)) for t in compared)
        plain = _sum(compared, dtype, ("values", "method", "in place", "out="))
        gradients = _sum(compared, dtype, ("gradients", "second gradients"))
        rows.append([dtype, f"{whole} of {len(compared)}", percent(whole, len(compared)), *_shown(plain), *_shown(gradients)])
    titles = ["dtype", "operations whole", "", "samples equal", "", "gradients equal", ""]
    return table(titles, rows)


def _shown(counts: tuple[int, int]) -> tuple[str, str]:
    return (f"{counts[0]} of {counts[1]}", percent(*counts)) if counts[1] else ("–", "")


def _sum(tallies: Sequence[Tally], dtype: str, forms: Sequence[str]) -> tuple[int, int]:
    keys = [(t, (dtype, form)) for t in tallies for form in forms]
    return sum(t.equal[key] for t, key in keys), sum(t.total[key] for t, key in keys)


def of_forms(tallies: Sequence[Tally], forms: Sequence[str]) -> str:
    """How many samples are equal in each form of call, all dtypes together."""
    rows = []
    for form in forms:
        keys = [(t, key) for t in tallies for key in t.total if key[1] == form]
        equal, total = sum(t.equal[key] for t, key in keys), sum(t.total[key] for t, key in keys)
        if total:
            rows.append([form, f"{equal} of {total}", percent(equal, total)])
    return table(["form", "samples equal", ""], rows)


def unlike(tallies: Sequence[Tally], without: Sequence[str] = ("strides",)) -> str:
    """Whatever is not whole, with what differs first in each dtype and form."""
    rows = []
    for tally in tallies:
        reasons: dict[str, list[str]] = {}
        for key, text in tally.first.items():
            if key[1] not in without:
                reasons.setdefault(text, []).append(f"{key[0]} {key[1]} {tally.equal[key]}/{tally.total[key]}")
        rows += [[f"`{tally.name}`", "; ".join(places), f"`{text}`"] for text, places in reasons.items()]
    return table(["name", "equal", "first difference"], rows) if rows else "Nothing."


def left_out(tallies: Sequence[Tally]) -> str:
    """What was not compared, and why."""
    reasons: Counter[str] = Counter()
    names: dict[str, list[str]] = {}
    for tally in tallies:
        for reason, count in tally.left.items():
            reasons[reason] += count
            names.setdefault(reason, []).append(f"`{tally.name}`")
    rows = [[reason, count, ", ".join(names[reason])] for reason, count in reasons.most_common()]
    return table(["reason", "samples", "of"], rows) if rows else "Nothing."
