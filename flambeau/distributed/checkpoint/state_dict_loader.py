"""Reading checkpoints into a dictionary that has what is wanted."""

from __future__ import annotations

import os
from typing import Any

from ...core.modes import no_grad
from ...core.tensor import Tensor
from .api import told_by_rank
from .default_planner import DefaultLoadPlanner, _EmptyStateDictLoadPlanner, check_planner, flatten_state_dict, put
from .filesystem import FileSystemReader
from .metadata import Metadata, MetadataIndex, TensorStorageMetadata
from .stateful import Stateful

__all__ = ["load", "load_state_dict"]


def load(
    state_dict: dict[str, Any],
    *,
    checkpoint_id: str | os.PathLike[str] | None = None,
    storage_reader: FileSystemReader | None = None,
    planner: DefaultLoadPlanner | None = None,
    process_group: Any = None,
    no_dist: bool = False,
) -> None:
    """Write the checkpoint's values into the tensors of ``state_dict``, and put others into it.

    Objects with a ``state_dict`` of their own get it back. Values that are no tensors are read as
    ``torch.load(weights_only=False)`` reads them. ``CheckpointException`` for names that the checkpoint has not, and for other
    sizes.
    """
    if storage_reader is None and checkpoint_id is None:
        raise RuntimeError("`checkpoint_id` must be specificed if storage_reader/storage_writer is None.")
    options = check_planner(planner, DefaultLoadPlanner)
    if checkpoint_id is not None:
        storage_reader = FileSystemReader(checkpoint_id)
    assert storage_reader is not None
    plain = {key: value.state_dict() if isinstance(value, Stateful) else value for key, value in state_dict.items()}
    with told_by_rank():
        _read_into(plain, storage_reader, options)
    for key, value in state_dict.items():
        if isinstance(value, Stateful):
            value.load_state_dict(plain[key])
        else:
            state_dict[key] = plain[key]


def load_state_dict(
    state_dict: dict[str, Any],
    storage_reader: FileSystemReader,
    process_group: Any = None,
    coordinator_rank: int = 0,
    no_dist: bool = False,
    planner: DefaultLoadPlanner | None = None,
) -> None:
    """:func:`load` by its old name."""
    load(state_dict, storage_reader=storage_reader, planner=planner)


def _read_into(state_dict: dict[str, Any], reader: FileSystemReader, options: DefaultLoadPlanner) -> None:
    meta = reader.read_metadata()
    if isinstance(options, _EmptyStateDictLoadPlanner):
        state_dict.update(_everything(meta, reader, options))
        return
    wanted = flatten_state_dict(state_dict)
    for name, (_, value) in wanted.items():  # all is checked before anything is written
        if name not in meta.state_dict_metadata:
            if options.allow_partial_load:
                continue
            raise RuntimeError(f"Missing key in checkpoint state_dict: {name}.")
        described = meta.state_dict_metadata[name]
        if isinstance(value, Tensor) and isinstance(described, TensorStorageMetadata) and described.size != value.size():
            raise ValueError(f"Size mismatch between saved {described.size} and current: {value.size()} for {name}")
    for name, (path, value) in wanted.items():
        if name in meta.state_dict_metadata:
            if isinstance(meta.state_dict_metadata[name], TensorStorageMetadata):
                put(state_dict, path, _tensor(meta, reader, name, value))
            else:
                put(state_dict, path, reader.read(meta.storage_data[MetadataIndex(name)], weights_only=False))


def _tensor(meta: Metadata, reader: FileSystemReader, name: str, target: Any) -> Tensor:
    """The tensor of this name, written into ``target`` if that is one."""
    import flambeau

    described = meta.state_dict_metadata[name]
    assert isinstance(described, TensorStorageMetadata)
    if not isinstance(target, Tensor):
        target = flambeau.empty(described.size, dtype=described.properties.dtype)
    with no_grad():
        for offset, values in reader.parts(meta, name):
            place = target.detach()
            for side, (begin, length) in enumerate(zip(offset, values.size())):
                place = place.narrow(side, begin, length)
            place.copy_(values)
    return target


def _everything(meta: Metadata, reader: FileSystemReader, options: _EmptyStateDictLoadPlanner) -> dict[str, Any]:
    """What is wanted of a checkpoint, in dictionaries and lists as they were saved."""
    found: dict[str, Any] = {}
    for name, described in meta.state_dict_metadata.items():
        if not options.wants(name):
            continue
        if isinstance(described, TensorStorageMetadata):
            value = _tensor(meta, reader, name, None)
        else:
            value = reader.read(meta.storage_data[MetadataIndex(name)], weights_only=False)
        put(found, meta.planner_data[name], value)
    return found


def _load_state_dict(
    state_dict: dict[str, Any],
    storage_reader: FileSystemReader,
    process_group: Any = None,
    coordinator_rank: int = 0,
    no_dist: bool = False,
    planner: DefaultLoadPlanner | None = None,
) -> None:
    """:func:`load` of values that have no states of their own."""
    options = check_planner(planner, DefaultLoadPlanner)
    with told_by_rank():
        _read_into(state_dict, storage_reader, options)
