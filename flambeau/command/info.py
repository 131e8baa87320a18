"""``flambeau info``: what a bug report should say about the machine."""

from __future__ import annotations

from ..utils.collect_env import information


def print_information() -> None:
    """Print one fact a line."""
    for name, value in information().items():
        print(f"{name + ':':<16} {value}")
