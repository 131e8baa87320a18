"""``python -m benchmarks [name ...] [--rounds N] [--json FILE]``: Flambeau's speed as a multiple of PyTorch's."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from dataclasses import asdict
from pathlib import Path

from .runner import IMPORT_SHARE, NAMES, Comparison, Failure, compare, import_seconds, means

HEADER = (
    f"{'case':22s}{'target':>7s}{'ratio':>8s}{'spread':>14s}{'at best':>9s}{'steps/s':>11s}{'PyTorch':>11s}"
    f"{'peak MB':>9s}{'PyTorch':>9s}{'cold s':>8s}{'warm s':>8s}{'PyTorch':>9s}{'1st cold':>10s}{'warm':>7s}{'PyTorch':>9s}"
)


def row(result: Comparison) -> str:
    """The table's line for one case."""
    ours, theirs = result.flambeau, result.torch
    spread = f"{min(result.ratios):.2f}-{max(result.ratios):.2f}"
    return (
        f"{result.name:22s}{result.target:7g}{result.ratio:8.2f}{spread:>14s}{result.best_ratio:9.2f}"
        f"{1 / ours.step_seconds:11.1f}{1 / theirs.step_seconds:11.1f}"
        f"{ours.peak_bytes / 1e6:9.0f}{theirs.peak_bytes / 1e6:9.0f}"
        f"{result.cold_seconds:8.2f}{ours.first_seconds:8.2f}{theirs.first_seconds:9.2f}"
        f"{result.cold_step_seconds:10.2f}{ours.first_step_seconds:7.2f}{theirs.first_step_seconds:9.2f}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Flambeau and PyTorch side by side, in processes that alternate."
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"what to run: start (importing), {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=5, help="processes for each framework and case (default: 5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="time to measure for in each process (default: 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured there as well")
    arguments = parser.parse_args()
    names = arguments.names or ["start", *NAMES]
    for name in names:
        if name not in ("start", *NAMES):
            parser.error(f"no case is called {name}; there are: start, {', '.join(NAMES)}")
    if arguments.rounds < 1 or arguments.seconds <= 0:
        parser.error("there must be at least one round, of more than no seconds")

    missed: list[str] = []
    failed: list[str] = []
    results: list[Comparison] = []
    imports = import_seconds(arguments.rounds) if "start" in names else {}
    if imports:
        ours, theirs = (statistics.median(imports[framework]) for framework in ("flambeau", "torch"))
        print(f"import: {ours:.3f} s; PyTorch {theirs:.3f} s\n")
        if ours > IMPORT_SHARE * theirs:
            missed.append(f"import: {ours / theirs:.2f} times PyTorch's seconds, to be {IMPORT_SHARE:g} or less")
    print(HEADER, flush=True)
    for name in names:
        if name == "start":
            continue
        try:
            result = compare(name, arguments.rounds, arguments.seconds)
        except Failure as failure:
            failed.append(str(failure))
            print(f"{name:22s} failed", flush=True)
            continue
        results.append(result)
        missed.extend(result.missed())
        print(row(result), flush=True)
    for text, too_low in means(results):
        print(text)
        if too_low:
            missed.append(text)
    if arguments.json:
        measured = {"import_seconds": imports, "cases": [asdict(result) for result in results]}
        arguments.json.write_text(json.dumps(measured, indent=2) + "\n")
    print("\n" + "\n".join(missed or ["All targets were reached."] if not failed else missed))
    for message in failed:
        print(f"\nFailed: {message}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
