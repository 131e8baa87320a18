"""What programs ask of torchvision's compiled part: all that is in it is here, and none of it is for GPUs."""

from __future__ import annotations


def _has_ops() -> bool:
    return True


def _assert_has_ops() -> None:
    """Nothing: they are there."""


def _check_cuda_version() -> int:
    return -1
