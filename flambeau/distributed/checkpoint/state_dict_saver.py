"""Writing checkpoints."""

from __future__ import annotations

import os
from concurrent.futures import Future
from typing import Any

from .api import told_by_rank
from .default_planner import DefaultSavePlanner, check_planner, flatten_state_dict
from .filesystem import FileSystemWriter
from .metadata import Metadata
from .stateful import Stateful

__all__ = ["async_save", "save", "save_state_dict"]


def save(
    state_dict: dict[str, Any],
    *,
    checkpoint_id: str | os.PathLike[str] | None = None,
    storage_writer: FileSystemWriter | None = None,
    planner: DefaultSavePlanner | None = None,
    process_group: Any = None,
    no_dist: bool = False,
    use_collectives: bool = True,
) -> Metadata:
    """Write the values of ``state_dict``, in which objects with a ``state_dict`` of their own may be, into a folder."""
    if storage_writer is None and checkpoint_id is None:
        raise RuntimeError("`checkpoint_id` must be specificed if storage_reader/storage_writer is None.")
    check_planner(planner, DefaultSavePlanner)
    if checkpoint_id is not None:
        storage_writer = FileSystemWriter(checkpoint_id)
    assert storage_writer is not None
    plain = {key: value.state_dict() if isinstance(value, Stateful) else value for key, value in state_dict.items()}
    with told_by_rank():
        return storage_writer.write(flatten_state_dict(plain))


def async_save(
    state_dict: dict[str, Any], *, async_checkpointer_type: Any = None, async_stager: Any = None, **options: Any
) -> Future[Metadata]:
    """:func:`save`, done when this returns: a future of its result."""
    future: Future[Metadata] = Future()
    future.set_result(save(state_dict, **options))
    return future


def save_state_dict(
    state_dict: dict[str, Any],
    storage_writer: FileSystemWriter,
    process_group: Any = None,
    coordinator_rank: int = 0,
    no_dist: bool = False,
    planner: DefaultSavePlanner | None = None,
) -> Metadata:
    """:func:`save` by its old name."""
    return save(state_dict, storage_writer=storage_writer, planner=planner)
