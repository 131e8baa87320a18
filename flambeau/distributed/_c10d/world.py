"""The groups of this process: making and ending them, ranks and sizes."""

from __future__ import annotations

import datetime
import os
import warnings
from typing import Any

from ...core.device import CPU, device
from ..constants import default_pg_timeout
from ..rendezvous import rendezvous
from .backend import Backend, BackendConfig
from .errors import more_than_one
from .group import ProcessGroup
from .store import PrefixStore, Store

__all__ = [
    "GroupMember", "destroy_process_group", "get_backend", "get_backend_config", "get_default_backend_for_device",
    "get_global_rank", "get_group_rank", "get_node_local_rank", "get_pg_count", "get_process_group_ranks", "get_rank",
    "get_world_size", "group", "init_process_group", "is_backend_available", "is_gloo_available", "is_initialized",
    "is_mpi_available", "is_nccl_available", "is_torchelastic_launched", "is_ucc_available", "is_xccl_available",
    "new_group", "new_subgroups", "new_subgroups_by_enumeration", "shrink_group", "split_group",
]  # fmt: skip

NOT_INITIALIZED = "Default process group has not been initialized, please make sure to call init_process_group."


class World:
    """What this process knows of groups."""

    def __init__(self) -> None:
        self.default: ProcessGroup | None = None
        self.groups: list[ProcessGroup] = []
        self.count = 0

    def add(self, group: ProcessGroup) -> ProcessGroup:
        """Give a group a name and remember it."""
        group.group_name = str(self.count)
        self.count += 1
        self.groups.append(group)
        return group


world = World()


class _HasWorld(type):
    """A class whose ``WORLD`` is the group of all processes."""

    @property
    def WORLD(cls) -> ProcessGroup | None:
        """The group of all processes, or None before :func:`init_process_group`."""
        return world.default

    @WORLD.setter
    def WORLD(cls, value: ProcessGroup | None) -> None:
        world.default = value


class group(metaclass=_HasWorld):
    """``group.WORLD`` is the group of all processes."""


class GroupMember(metaclass=_HasWorld):
    """``GroupMember.WORLD`` is the group of all processes, ``NON_GROUP_MEMBER`` what a group is to those who are not in it."""

    NON_GROUP_MEMBER = -100


def is_initialized() -> bool:
    """Whether there is a group of all processes."""
    return world.default is not None


def is_backend_available(backend: str) -> bool:
    """Whether the library carries messages here: Gloo does, as far as a group of one process needs any."""
    return backend.lower() == Backend.GLOO


def is_gloo_available() -> bool:
    """Whether there is Gloo: it serves groups of one process."""
    return True


def is_nccl_available() -> bool:
    """Whether there is NCCL: no."""
    return False


def is_mpi_available() -> bool:
    """Whether there is MPI: no."""
    return False


def is_ucc_available() -> bool:
    """Whether there is UCC: no."""
    return False


def is_xccl_available() -> bool:
    """Whether there is XCCL: no."""
    return False


def is_torchelastic_launched() -> bool:
    """Whether ``torch.distributed.run`` started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """This process's number on its machine, as ``LOCAL_RANK`` says, or else ``fallback_rank``."""
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is not None:
        return int(fallback_rank)
    raise RuntimeError(
        "LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow `get_node_local_rank` to work, assuming "
        "you are not running in a multi-device context and want the code to run locally instead."
    )


def get_default_backend_for_device(device: Any) -> str:
    """The library that PyTorch takes for a kind of device."""
    kind = device.type if hasattr(device, "type") else str(device).partition(":")[0]
    if kind not in Backend.default_device_backend_map:
        raise ValueError(f"Default backend not registered for device : {device}")
    return Backend.default_device_backend_map[kind]


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: datetime.timedelta | None = None,
    world_size: int = -1,
    rank: int = -1,
    store: Store | None = None,
    group_name: str = "",
    pg_options: Any | None = None,
    device_id: Any | None = None,
    _ranks: list[int] | None = None,
) -> None:
    """Make the group of all processes, of which there is one.

    Rank and size are given, or found by ``init_method`` (``env://``, ``tcp://``, ``file://``); ``NotImplementedError`` for a
    ``world_size`` above 1.
    """
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    check_timeout(timeout)
    if store is not None and init_method is not None:
        raise AssertionError("Cannot specify both init_method and store.")
    name = Backend("undefined" if backend is None else backend)
    if name == Backend.MPI:
        raise RuntimeError(
            "Distributed package doesn't have MPI built in. MPI is only included if you build PyTorch from source on a host that "
            "has MPI installed."
        )
    if store is None:
        found = rendezvous(init_method or "env://", rank, world_size, timeout=timeout or default_pg_timeout)
        store, rank, world_size = next(iter(found))
    if world_size <= 0:
        raise AssertionError("world_size must be positive if using store")
    if rank < 0:
        raise AssertionError("rank must be non-negative if using store")
    BackendConfig(name).check()
    if world_size > 1:
        raise more_than_one(f"torch.distributed.init_process_group(world_size={world_size})")
    if rank >= world_size:
        raise RuntimeError(f"rank must be less than world_size: {rank} of {world_size}")
    made = ProcessGroup(PrefixStore("default_pg", store), rank, world_size, backend=name, description="default_pg")
    world.default = world.add(made)


def new_group(
    ranks: Any = None,
    timeout: datetime.timedelta | None = None,
    backend: str | None = None,
    pg_options: Any | None = None,
    use_local_synchronization: bool = False,
    group_desc: str | None = None,
    device_id: Any | None = None,
    sort_ranks: bool = True,
) -> ProcessGroup:
    """Make another group, of those processes whose numbers are in ``ranks`` (all if None)."""
    everyone = default_group()
    check_timeout(timeout)
    members = list(everyone.ranks) if ranks is None else sorted(ranks) if sort_ranks else list(ranks)
    if len(set(members)) != len(members):
        raise ValueError(f"ranks list must not contain duplicate entries, got {list(ranks)}")
    for rank in members:
        if rank not in everyone.ranks:
            size = everyone.size()
            raise ValueError(f"Rank {rank} is out of range. Valid ranks are 0 to {size - 1} (world_size={size})")
    if not members:
        raise TypeError("new_group(): a group needs a member, got ranks=[]")
    name = everyone.backend if backend is None else Backend(backend)
    BackendConfig(name).check()
    number = world.count
    made = ProcessGroup(
        PrefixStore(str(number), everyone.get_group_store()), members.index(everyone.rank()), len(members),
        ranks=members, backend=name, description="undefined" if group_desc is None else group_desc,
    )  # fmt: skip
    return world.add(made)


def new_subgroups(
    group_size: int | None = None,
    group: ProcessGroup | None = None,
    timeout: datetime.timedelta | None = None,
    backend: str | None = None,
    pg_options: Any | None = None,
    group_desc: str | None = None,
) -> tuple[ProcessGroup, list[ProcessGroup]]:
    """Groups of ``group_size`` neighbours each: the one that this process is in, and all of them."""
    if group_size is None:
        raise ValueError("new_subgroups(): 'group_size' must be given where there are no accelerators to be counted")
    size = resolve(group).size()
    if group_size <= 0:
        raise ValueError(f"The arg 'group_size' ({group_size}) must be positive")
    if group_size > size:
        raise ValueError(f"The arg 'group_size' ({group_size}) must not exceed the world size ({size})")
    made = new_group([0], timeout, backend, pg_options, group_desc=group_desc)
    return made, [made]


def new_subgroups_by_enumeration(
    ranks_per_subgroup_list: list[list[int]],
    timeout: datetime.timedelta | None = None,
    backend: str | None = None,
    pg_options: Any | None = None,
    group_desc: str | None = None,
) -> tuple[ProcessGroup | None, list[ProcessGroup]]:
    """Groups with these members: the one that this process is in (or None), and all of them."""
    if not ranks_per_subgroup_list:
        raise ValueError("The arg 'ranks_per_subgroup_list' cannot be empty")
    made = [new_group(ranks, timeout, backend, pg_options, group_desc=group_desc) for ranks in ranks_per_subgroup_list]
    own = [one for one in made if one.rank() >= 0]
    return (own[0] if own else None), made


def split_group(
    parent_pg: ProcessGroup | None = None,
    split_ranks: list[list[int]] | None = None,
    timeout: datetime.timedelta | None = None,
    pg_options: Any | None = None,
    group_desc: str | None = None,
    backend: str | None = None,
) -> ProcessGroup | None:
    """Split a group by its library: none of those that can is there."""
    if not split_ranks:
        raise ValueError("split_ranks cannot be None or empty")
    resolve(parent_pg)
    raise RuntimeError("No device associated with the default pg, not safe to split any process groups")


def shrink_group(
    ranks_to_exclude: list[int],
    group: ProcessGroup | None = None,
    shrink_flags: int = 0,
    pg_options: Any | None = None,
) -> ProcessGroup:
    """A group without some of its members: one of a single process cannot lose any."""
    if not ranks_to_exclude:
        raise ValueError("ranks_to_exclude cannot be empty. To shrink a group, you must specify at least one rank to exclude.")
    size = resolve(group).size()
    raise ValueError(f"Cannot shrink a process group with size {size}. Group must have at least 2 ranks to support shrinking.")


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """End a group; without ``group`` (or with the group of all) every group."""
    if not_in(group):
        return
    chosen = world.default if group is None else group
    if chosen is None:
        raise AssertionError("Process group cannot be None")
    if chosen not in world.groups:
        raise ValueError("Invalid process group specified")
    if chosen is world.default:
        world.default = None
        world.groups.clear()
    else:
        world.groups.remove(chosen)


def get_rank(group: ProcessGroup | None = None) -> int:
    """This process's number in a group (in that of all by default), or -1 if it is not in it."""
    if not_in(group):
        return -1
    everyone = default_group()
    if group is None or group is everyone:
        return everyone.rank()
    return get_group_rank(group, everyone.rank())


def get_world_size(group: ProcessGroup | None = None) -> int:
    """How many processes are in a group, or -1 if this one is not in it."""
    return -1 if not_in(group) else (default_group() if group is None else group).size()


def get_backend(group: ProcessGroup | None = None) -> Backend:
    """The library of a group."""
    if not_in(group):
        raise ValueError("Invalid process group specified")
    return resolve(group).backend


def get_backend_config(group: ProcessGroup | None = None) -> str:
    """The library of a group for each kind of device."""
    return str(BackendConfig(get_backend(group)))


def get_pg_count() -> int:
    """How many groups there have been."""
    return world.count


def get_process_group_ranks(group: ProcessGroup | None) -> list[int]:
    """The members' numbers among all processes."""
    return list(resolve(group, KeyError).ranks)


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """The number in a group of the process that has ``global_rank`` among all."""
    if group is world.default:
        return global_rank
    if group not in world.groups:
        raise ValueError(f"Group {group} is not registered, please create group with torch.distributed.new_group API")
    if global_rank not in group.ranks:
        raise ValueError(f"Global rank {global_rank} is not part of group {group}")
    return group.ranks.index(global_rank)


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """The number among all processes of the one that has ``group_rank`` in a group."""
    if group is world.default:
        return group_rank
    if group not in world.groups:
        raise ValueError(f"Group {group} is not registered, please create group with torch.distributed.new_group API")
    if group_rank not in range(len(group.ranks)):
        raise ValueError(f"Group rank {group_rank} is not part of group {group}")
    return group.ranks[group_rank]


def default_group() -> ProcessGroup:
    """The group of all processes. ``ValueError`` before :func:`init_process_group`."""
    if world.default is None:
        raise ValueError(NOT_INITIALIZED)
    return world.default


def resolve(group: Any, error: type[Exception] = ValueError) -> ProcessGroup:
    """The group that is meant by what was given for ``group``."""
    everyone = default_group()
    if group is None:
        return everyone
    if not isinstance(group, ProcessGroup) or group not in world.groups:
        raise error(f"Process group {group} is not initialized in the world group map. Please initialize the group first.")
    return group


def default_device(group: ProcessGroup | None = None) -> device:
    """Where what a group sends lies."""
    resolve(group)
    return CPU


def root_of(group: ProcessGroup, global_rank: int | None, group_rank: int | None, default: int | None = None) -> int:
    """The number in the group of the process that is named by one of two numbers."""
    if global_rank is None and group_rank is None and default is not None:
        return default
    if group_rank is not None:
        if global_rank is not None:
            raise ValueError("Can't specify both group_rank and global_rank")
        return group_rank
    if global_rank is None:
        raise ValueError("Must specify global_rank or group_rank")
    return get_group_rank(group, global_rank)


def not_in(group: Any) -> bool:
    """Whether ``group`` is what a group is to those who are not in it."""
    return isinstance(group, int) and group == GroupMember.NON_GROUP_MEMBER


def told_not_in(group: Any, name: str) -> bool:
    """:func:`not_in`, with a warning that ``name`` does nothing."""
    if not_in(group):
        warnings.warn(f"Running {name} on global rank {get_rank()} which does not belong to the given group.", stacklevel=3)
        return True
    return False


def check_timeout(timeout: Any) -> None:
    """``TypeError`` unless it is a ``timedelta`` or None."""
    if timeout is not None and not isinstance(timeout, datetime.timedelta):
        raise TypeError(f"Expected timeout argument to be of type datetime.timedelta, got {timeout}")
