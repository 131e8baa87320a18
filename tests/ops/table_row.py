"""What a line of the tables of operations says."""

from __future__ import annotations

from typing import NamedTuple

from samples import Samples


class Row(NamedTuple):
    """One operation; see the docstring of ``table``."""

    expression: str
    samples: Samples
    dtypes: str = "fdhb"
    derivatives: int = 2
    slack: float | str = 1.0
