"""Pictures of films, read by PyAV."""

from __future__ import annotations

import itertools
from types import ModuleType

import numpy as np


def _pyav() -> ModuleType:
    try:
        import av
    except ImportError as error:
        raise ImportError("films are read by PyAV, which is not installed: pip install av", name="av") from error
    return av


def frame_count_and_rate(path: str) -> tuple[int, float]:
    """How many pictures there are in a film, and how many of them in a second."""
    with _pyav().open(path) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate
        count = stream.frames or sum(1 for _ in container.decode(stream))  # not every format says
        return count, 1.0 if rate is None else float(rate)


def read_frames(path: str, first: int, last: int) -> np.ndarray:
    """The pictures from ``first`` to before ``last``, as bytes (number, height, width, 3)."""
    with _pyav().open(path) as container:
        frames = itertools.islice(container.decode(container.streams.video[0]), first, last)
        pictures = [frame.to_ndarray(format="rgb24") for frame in frames]
    return np.stack(pictures) if pictures else np.zeros((0, 0, 0, 3), np.uint8)
