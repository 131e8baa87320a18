"""Process groups: what the files of ``_c10d/`` define, where PyTorch has it."""

# ruff: noqa: F403
from __future__ import annotations

from ._c10d import backend, collectives, debug, errors, objects, point_to_point, store, work, world
from ._c10d.backend import *
from ._c10d.collectives import *
from ._c10d.collectives import _all_gather_base, _broadcast_coalesced, _reduce_scatter_base  # noqa: F401
from ._c10d.debug import *
from ._c10d.errors import *
from ._c10d.grad_bucket import GradBucket
from ._c10d.group import ProcessGroup
from ._c10d.objects import *
from ._c10d.objects import _object_to_tensor, _tensor_to_object  # noqa: F401
from ._c10d.point_to_point import *
from ._c10d.reduce_op import ReduceOp, reduce_op
from ._c10d.store import *
from ._c10d.work import *
from ._c10d.world import *
from ._c10d.world import default_device as _get_pg_default_device  # noqa: F401
from ._c10d.world import default_group as _get_default_group  # noqa: F401
from ._c10d.world import not_in as _rank_not_in_group  # noqa: F401
from ._c10d.world import resolve as _resolve_process_group  # noqa: F401
from ._c10d.world import world as _world  # noqa: F401
from .constants import default_pg_nccl_timeout, default_pg_timeout  # noqa: F401
from .rendezvous import rendezvous  # noqa: F401

_FILES = (backend, collectives, debug, errors, objects, point_to_point, store, work, world)

__all__ = ["GradBucket", "ProcessGroup", "ReduceOp", "default_pg_timeout", "reduce_op"]
__all__ += [name for file in _FILES for name in file.__all__]
