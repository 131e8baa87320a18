"""``python -m torch.distributed.launch``: :mod:`run` by its old name, which tells the program its number by an argument."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

# By full names: ``python -m`` runs this file under another.
from flambeau.distributed.run import get_args_parser, run

__all__ = ["launch", "main", "parse_args"]


def parse_args(args: Sequence[str] | None) -> argparse.Namespace:
    """The options in a command line: those of :mod:`run`, and ``--use-env``."""
    parser = get_args_parser()
    parser.add_argument("--use-env", "--use_env", action="store_true", help="tell the number by LOCAL_RANK alone")
    return parser.parse_args(args)


def launch(args: argparse.Namespace) -> None:
    """Run the program."""
    if not args.use_env:
        args.training_script_args = ["--local-rank=0", *args.training_script_args]
    run(args)


def main(args: Sequence[str] | None = None) -> None:
    """The command."""
    launch(parse_args(args))


if __name__ == "__main__":
    main()
