"""The ``flambeau`` command: run programs written for PyTorch, and say what machine they run on."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; ``arguments`` are those after the command's name (``sys.argv[1:]`` by default)."""
    from .parser import parse

    choice = parse(arguments)
    if choice.action == "info":
        from .info import print_information

        print_information()
    else:
        from .run import run

        run(choice)
