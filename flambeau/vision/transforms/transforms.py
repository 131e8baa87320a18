"""All transforms, under the name that PyTorch's files know them by, and how their arguments are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import autoaugment, containers, geometric, values
from .autoaugment import *  # noqa: F403
from .containers import *  # noqa: F403
from .functional import InterpolationMode
from .geometric import *  # noqa: F403
from .values import *  # noqa: F403

__all__ = ["InterpolationMode", *autoaugment.__all__, *containers.__all__, *geometric.__all__, *values.__all__]


def _setup_size(size: Any, error_msg: str) -> Any:
    """Height and width, of which one may be given for both. ``ValueError``, with ``error_msg``, for others."""
    if isinstance(size, (int, float)):
        return int(size), int(size)
    if isinstance(size, Sequence) and len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(error_msg)
    return size


def _check_sequence_input(x: Any, name: str, req_sizes: Sequence[int]) -> None:
    """``TypeError`` for what is no sequence, ``ValueError`` for one of another length."""
    kind = TypeError if not isinstance(x, Sequence) else ValueError if len(x) not in req_sizes else None
    if kind is not None:
        raise kind(f"{name} should be a sequence of length {' or '.join(str(size) for size in req_sizes)}.")


def _setup_angle(x: Any, name: str, req_sizes: Sequence[int] = (2,)) -> list[float]:
    """The least and the largest angle, of which one may be given for both."""
    if isinstance(x, (int, float)):
        if x < 0:
            raise ValueError(f"If {name} is a single number, it must be positive.")
        x = [-x, x]
    else:
        _check_sequence_input(x, name, req_sizes)
    return [float(angle) for angle in x]
