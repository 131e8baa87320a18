"""The command line's grammar."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..version import __version__

_RUN_USAGE = "flambeau run [-h] (script.py | -m module | -c command) [arguments ...]"


@dataclass(frozen=True)
class Choice:
    """What the user wants; ``action`` says whether ``target`` is a script's path, a module's name or a line of code."""

    action: Literal["script", "module", "code", "info"]
    target: str = ""
    arguments: tuple[str, ...] = ()


def parse(arguments: Sequence[str] | None = None) -> Choice:
    """Read the command line. Exits, as argparse does, after ``--help``, ``--version`` and errors."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="flambeau", description="A deep-learning framework with PyTorch's names, compiled at run time."
    )
    parser.add_argument("--version", action="version", version=f"flambeau {__version__}")
    actions = parser.add_subparsers(dest="action", required=True, metavar="{run,info}")
    run = actions.add_parser(
        "run",
        usage=_RUN_USAGE,
        help="run a program with `torch` and its kin meaning Flambeau",
        description="Run a program as python would, with `import torch`, `torchvision` and `torchmetrics` meaning "
        "Flambeau, in the processes that it starts too.",
    )
    run.add_argument("-m", dest="module", metavar="module", help="run a module, as python -m does")
    run.add_argument("-c", dest="code", metavar="command", help="run a line of code, as python -c does")
    run.add_argument("script", nargs="?", help="path of the program")
    run.add_argument("arguments", nargs="*", help="handed to the program as they are")
    actions.add_parser("info", help="show the machine, the settings and the cache of compiled kernels")

    # What follows the program belongs to it, options included, so argparse must not see it.
    own, rest = _split(given)
    options = parser.parse_args(own)
    if options.action == "info":
        return Choice("info")
    if options.module is not None:
        return Choice("module", options.module, tuple(rest))
    if options.code is not None:
        return Choice("code", options.code, tuple(rest))
    if options.script is None:
        run.error("which program? Give a script, -m module or -c command")
    return Choice("script", options.script, tuple(rest))


def _split(given: list[str]) -> tuple[list[str], list[str]]:
    """Cut the command line behind the program's name."""
    if given[:1] != ["run"]:
        return given, []
    for position, argument in enumerate(given[1:], start=1):
        if argument in ("-m", "-c"):
            return given[: position + 2], given[position + 2 :]
        if not argument.startswith("-"):
            return given[: position + 1], given[position + 1 :]
    return given, []
