"""Tensors that several processes share out. There are none: how they would be shared out can be said, and is refused."""

from __future__ import annotations

from typing import Any, NoReturn

from ...core.tensor import Tensor
from .._c10d.errors import more_than_one
from ..device_mesh import DeviceMesh, init_device_mesh
from .placement_types import Partial, Placement, Replicate, Shard

__all__ = [
    "DTensor", "DeviceMesh", "Partial", "Placement", "Replicate", "Shard", "distribute_module", "distribute_tensor", "empty",
    "full", "init_device_mesh", "ones", "rand", "randn", "zeros",
]  # fmt: skip


class DTensor(Tensor):
    """A tensor of which each process has a part: no tensor is one."""

    def __new__(cls, *arguments: Any, **options: Any) -> NoReturn:
        raise more_than_one("torch.distributed.tensor.DTensor")

    @staticmethod
    def from_local(local_tensor: Tensor, *arguments: Any, **options: Any) -> NoReturn:
        """The tensor of which this process has ``local_tensor``: refused."""
        raise more_than_one("torch.distributed.tensor.DTensor.from_local")


def distribute_tensor(
    tensor: Tensor, device_mesh: Any = None, placements: Any = None, *, src_data_rank: int | None = 0
) -> NoReturn:
    """Share ``tensor`` out: refused."""
    raise more_than_one("torch.distributed.tensor.distribute_tensor")


def distribute_module(
    module: Any, device_mesh: Any = None, partition_fn: Any = None, input_fn: Any = None, output_fn: Any = None
) -> NoReturn:
    """Share the parameters of ``module`` out: refused."""
    raise more_than_one("torch.distributed.tensor.distribute_module")


def _maker(name: str) -> Any:
    def make(*size: Any, **options: Any) -> NoReturn:
        raise more_than_one(f"torch.distributed.tensor.{name}")

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"``torch.{name}`` of a tensor that is shared out: refused."
    return make


empty, full, ones, rand, randn, zeros = map(_maker, ("empty", "full", "ones", "rand", "randn", "zeros"))
