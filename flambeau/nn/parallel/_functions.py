"""What moves tensors between devices with a gradient: compositions of operations that have one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from ...core.tensor import Tensor
from . import comm

__all__ = ["Broadcast", "Gather", "ReduceAddCoalesced", "Scatter"]


class Broadcast:
    """Copies for each device; the gradients of the copies are summed."""

    @staticmethod
    def apply(target_gpus: Sequence[Any], *inputs: Tensor) -> tuple[Tensor, ...]:
        """All of ``inputs`` for the first device, then all for the second, and so on."""
        return tuple([each.view_as(each) for copies in comm.broadcast_coalesced(inputs, target_gpus) for each in copies])


class ReduceAddCoalesced:
    """Sums over devices; each summand gets the gradient of its sum."""

    @staticmethod
    def apply(destination: Any, num_inputs: int, *grads: Tensor) -> tuple[Tensor, ...]:
        """``grads`` are the ``num_inputs`` tensors of the first device, then those of the second, and so on."""
        lists = [grads[first : first + num_inputs] for first in range(0, len(grads), num_inputs)]
        return comm.reduce_add_coalesced(lists, destination)


class Gather:
    """Tensors joined along a dimension; numbers become a vector."""

    @staticmethod
    def apply(target_device: Any, dim: int, *inputs: Tensor) -> Tensor:
        """``inputs`` joined along ``dim``."""
        if all(each.dim() == 0 for each in inputs) and dim == 0:
            warnings.warn(
                "Was asked to gather along dimension 0, but all input tensors were scalars; will instead unsqueeze and return a "
                "vector.",
                stacklevel=2,
            )
            inputs = tuple([each.view(1) for each in inputs])
        return comm.gather(inputs, dim, target_device)


class Scatter:
    """A tensor cut along a dimension, a part for each device."""

    @staticmethod
    def apply(target_gpus: Sequence[Any], chunk_sizes: Sequence[int] | None, dim: int, input: Tensor) -> tuple[Tensor, ...]:
        """The parts of ``input``, of ``chunk_sizes`` if given."""
        return comm.scatter(input, target_gpus, chunk_sizes, dim)


def _get_stream(device: Any) -> None:
    """The stream on which copies to a device are made: the processor has none."""
