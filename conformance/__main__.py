"""The command line: ``python -m conformance [op|module|optim|error] [--only NAME] [--dtype D] [--variant V]``."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from . import errors, modules, operations, optimisers, report
from .tally import Tally


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("python -m conformance", description="PyTorch's databases of samples against Flambeau.")
    made.add_argument("part", nargs="?", choices=["op", "module", "optim", "error"], help="one part (all of them otherwise)")
    made.add_argument("--only", metavar="NAME", help="one operation, layer or optimiser; nothing is written")
    made.add_argument("--dtype", action="append", metavar="D", help="a dtype, several times for several")
    made.add_argument("--variant", metavar="V", help="one form of call: " + ", ".join(operations.FORMS))
    made.add_argument("--samples", type=int, metavar="N", help="the first N samples of each operation and dtype alone")
    made.add_argument("--jobs", type=int, default=1, metavar="N", help="how many processes compare operations")
    made.add_argument("--check", action="store_true", help="write nothing; fail if less is equal than in LEAST")
    return made


LEAST = {"op": 0.97, "module": 0.98, "optim": 0.93, "error": 0.95}
"""The share of what is compared that ``--check`` wants to be whole."""


def _operation(number: int, dtypes: Sequence[str], forms: Sequence[str], limit: int | None) -> Tally:
    return operations.check(operations.op_db[number], dtypes, forms, limit)


def of_operations(options: argparse.Namespace) -> float:
    dtypes = options.dtype or operations.DTYPES
    forms = [options.variant] if options.variant else operations.FORMS
    chosen = [k for k, i in enumerate(operations.op_db) if options.only in (None, i.name, operations.full_name(i))]
    work = partial(_operation, dtypes=dtypes, forms=forms, limit=options.samples)
    if options.jobs > 1:
        # Each process serves a few operations, so that what it has compiled does not pile up.
        with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=60) as pool:
            tallies = _told(pool.imap(work, chosen), len(chosen))
    else:
        tallies = _told(map(work, chosen), len(chosen))
    text = (
        "## Operations\n\n"
        "Every entry of `op_db` in every dtype that PyTorch takes for it. An operation is *whole* in a dtype if all its samples "
        "are equal in value, dtype and shape, as function, method, in place and with `out=`, and in their gradients.\n\n"
        f"{report.of_dtypes(tallies, dtypes)}\n\n{report.of_forms(tallies, forms)}\n\n"
        f"### Operations that differ\n\n{report.unlike(tallies)}\n\n"
        f"### Not compared\n\n{report.left_out(tallies)}"
    )
    return _finish(options, "operations", text, [t.whole(tuple(dtypes), ("strides",)) for t in tallies if t.total])


def _told(tallies: Any, count: int) -> list[Tally]:
    """All tallies; what differs is printed as it comes."""
    done = []
    for tally in tallies:
        done.append(tally)
        for key, text in tally.first.items():
            if key[1] != "strides":
                place = f"[{len(done)}/{count}] {tally.name}: {' '.join(key)}"
                print(f"{place} {tally.equal[key]}/{tally.total[key]}: {text}", flush=True)
    return done


def _of_names(options: argparse.Namespace, what: str, intro: str, database: Any) -> float:
    dtypes = options.dtype or database.DTYPES
    names = [name for name in database.names() if options.only in (None, name, name.rpartition(".")[2])]
    tallies = _told((database.check(name, dtypes) for name in names), len(names))
    whole = [tally.whole(tuple(dtypes)) for tally in tallies]
    text = (
        f"## {what}\n\n{intro} Whole: {sum(whole)} of {len(whole)}.\n\n"
        f"{report.of_forms(tallies, ('values', 'state', 'gradients'))}\n\n"
        f"### {what} that differ\n\n{report.unlike(tallies)}\n\n### {what}: not compared\n\n{report.left_out(tallies)}"
    )
    return _finish(options, what.lower(), text, whole)


def of_modules(options: argparse.Namespace) -> float:
    intro = "Every entry of `module_db` with PyTorch's parameters, training and not: results, state, gradients."
    return _of_names(options, "Layers", intro, modules)


def of_optimisers(options: argparse.Namespace) -> float:
    intro = f"Every setting of `optim_db`: parameters and `state_dict` after {optimisers.STEPS} steps."
    return _of_names(options, "Optimisers", intro, optimisers)


def of_errors(options: argparse.Namespace) -> float:
    rows, lines, equal, total = [], [], 0, 0
    for name, cases in errors.KINDS.items():
        count, unlike = errors.compared(cases())
        rows.append([name, f"{count - len(unlike)} of {count}", report.percent(count - len(unlike), count)])
        lines += [f"- `{each}`" for each in unlike]
        equal, total = equal + count - len(unlike), total + count
    text = (
        f"## Errors\n\nCalls that PyTorch refuses: the same type of error.\n\n{report.table(['of', 'equal', ''], rows)}\n\n"
        + "### Errors that differ\n\n" + ("\n".join(lines) or "None.")
    )  # fmt: skip
    return _finish(options, "errors", text, [], equal / max(total, 1))


def _finish(options: argparse.Namespace, section: str, text: str, whole: Sequence[bool], share: float | None = None) -> float:
    """Write a section, unless only a part of it was asked for, and give the share of what is whole."""
    print(text)
    partial_run = options.only or options.dtype or options.variant or options.samples
    if not partial_run and not options.check:
        report.write(section, text)
    return share if share is not None else sum(whole) / max(len(whole), 1)


PARTS: dict[str, Callable[[argparse.Namespace], float]] = {
    "op": of_operations, "module": of_modules, "optim": of_optimisers, "error": of_errors,
}  # fmt: skip


def main() -> None:
    options = parser().parse_args()
    for part in [options.part] if options.part else PARTS:
        share = PARTS[part](options)
        if options.check and share < LEAST[part]:
            sys.exit(f"{part}: {share:.1%} of what is compared is equal, less than {LEAST[part]:.0%}")


if __name__ == "__main__":
    main()
