"""Films, which are neither read nor written here."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["VideoReader", "read_video", "read_video_timestamps", "write_video"]


def _refuse(name: str) -> NoReturn:
    raise NotImplementedError(
        f"torchvision.io.{name}: films are neither read nor written here. PyAV does that (pip install av): its frames' "
        "to_ndarray() gives arrays for torch.from_numpy()."
    )


class VideoReader:
    """``NotImplementedError``: films are not read here."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        _refuse("VideoReader")


def read_video(*arguments: Any, **options: Any) -> NoReturn:
    """``NotImplementedError``: films are not read here."""
    _refuse("read_video")


def read_video_timestamps(*arguments: Any, **options: Any) -> NoReturn:
    """``NotImplementedError``: films are not read here."""
    _refuse("read_video_timestamps")


def write_video(*arguments: Any, **options: Any) -> NoReturn:
    """``NotImplementedError``: films are not written here."""
    _refuse("write_video")
