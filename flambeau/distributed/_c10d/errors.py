"""What can go wrong between processes."""

from __future__ import annotations

from ...version import __version__

__all__ = ["DistBackendError", "DistError", "DistNetworkError", "DistStoreError", "QueueEmptyError"]


class DistError(RuntimeError):
    """Something went wrong between processes."""


class DistBackendError(DistError):
    """The library that carries messages failed."""


class DistNetworkError(DistError):
    """The network failed: an address in use, a connection lost."""


class DistStoreError(DistError):
    """A store failed: most often, a key did not come in time."""


class QueueEmptyError(DistStoreError):
    """A store's queue had nothing to give."""


def more_than_one(what: str) -> NotImplementedError:
    """The error for ``what`` needs several processes."""
    return NotImplementedError(
        f"{what}: Flambeau {__version__} runs groups of one process; more processes come with a later version"
    )
