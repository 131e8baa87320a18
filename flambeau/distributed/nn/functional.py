"""Collectives that give new tensors, through which gradients go: with one process each gives what it was given."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor
from .._c10d import collectives
from .._c10d.reduce_op import ReduceOp

__all__ = [
    "all_gather", "all_reduce", "all_to_all", "all_to_all_single", "broadcast", "gather", "reduce", "reduce_scatter", "scatter",
]  # fmt: skip


def _given(tensor: Tensor, output: Tensor | None = None) -> Tensor:
    """What the group gives of ``tensor``: a tensor of its own, with the history of the one given."""
    return tensor.clone() if output is None else tensor.reshape(output.shape).clone()


def broadcast(tensor: Tensor, src: int, group: Any = None) -> Tensor:
    """``tensor`` of process ``src``; its gradient is the sum of all."""
    collectives.broadcast(tensor, src, group)
    return _given(tensor)


def reduce(tensor: Tensor, dst: int, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """The reduction over all in process ``dst``."""
    collectives.reduce(tensor, dst, op, group)
    return _given(tensor)


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """The reduction over all, everywhere; its gradient is reduced in the same way."""
    collectives.all_reduce(tensor, op, group)
    return _given(tensor)


def gather(tensor: Tensor, dst: int = 0, group: Any = None) -> tuple[Tensor, ...]:
    """The tensors of all in process ``dst``."""
    collectives.gather(tensor, [tensor.detach().clone()], dst, group)
    return (_given(tensor),)


def all_gather(tensor: Tensor, group: Any = None) -> tuple[Tensor, ...]:
    """The tensors of all, everywhere."""
    collectives.all_gather([tensor.detach().clone()], tensor, group)
    return (_given(tensor),)


def scatter(tensors: list[Tensor], src: int = 0, group: Any = None) -> Tensor:
    """One of ``tensors`` of process ``src`` for each."""
    collectives.scatter(tensors[0].detach().clone(), list(tensors), src, group)
    return _given(tensors[0])


def reduce_scatter(output: Tensor, input_list: list[Tensor], op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """Of the reductions over all lists, one for each process."""
    collectives.reduce_scatter(output, list(input_list), op, group)
    return _given(input_list[0], output)


def all_to_all(output_tensor_list: list[Tensor], input_tensor_list: list[Tensor], group: Any = None) -> tuple[Tensor, ...]:
    """Tensor ``i`` of each process's inputs for process ``i``."""
    collectives.all_to_all(list(output_tensor_list), list(input_tensor_list), group)
    return tuple([_given(tensor, output) for tensor, output in zip(input_tensor_list, output_tensor_list)])


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: list[int] | None = None,
    input_split_sizes: list[int] | None = None,
    group: Any = None,
) -> Tensor:
    """Rows of each process's input for each."""
    collectives.all_to_all_single(output, input, output_split_sizes, input_split_sizes, group)
    return _given(input, output)


def _all_gather_base(output_tensor: Tensor, input_tensor: Tensor, group: Any = None) -> Tensor:
    """The inputs of all, one behind the other."""
    collectives.all_gather_into_tensor(output_tensor, input_tensor, group)
    return _given(input_tensor, output_tensor)
