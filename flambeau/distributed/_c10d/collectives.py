"""Collectives on tensors: the arguments' checks, and the group's method that does it.

Each waits until it is done, or with ``async_op`` gives the :class:`Work` at once; one who is not in the group does nothing.
"""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterable
from typing import Any

from ...core.tensor import Tensor
from .group import ProcessGroup
from .reduce_op import ReduceOp, kind_of
from .work import Work
from .world import check_timeout, resolve, root_of, told_not_in

__all__ = [
    "all_gather", "all_gather_coalesced", "all_gather_into_tensor", "all_gather_single", "all_reduce", "all_reduce_coalesced",
    "all_to_all", "all_to_all_single", "barrier", "broadcast", "gather", "monitored_barrier", "reduce", "reduce_scatter",
    "reduce_scatter_single", "reduce_scatter_tensor", "scatter", "supports_complex",
]  # fmt: skip

_REAL_ONLY = (ReduceOp.MAX, ReduceOp.MIN, ReduceOp.PRODUCT, ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR)


def supports_complex(reduceOp: Any) -> bool:
    """Whether complex numbers can be reduced so."""
    return kind_of(reduceOp) not in _REAL_ONLY


def broadcast(
    tensor: Tensor,
    src: int | None = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Give all the values that ``tensor`` has in process ``src``."""
    check_tensor(tensor, "tensor")
    chosen = resolve_member(group, "broadcast")
    return None if chosen is None else _finish(chosen.broadcast(tensor, root_of(chosen, src, group_src)), async_op)


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False) -> Work | None:
    """Reduce ``tensor`` over all, for all, in place."""
    check_tensor(tensor, "tensor")
    chosen = resolve_member(group, "all_reduce")
    _check_complex("all_reduce", [tensor], op)
    return None if chosen is None else _finish(chosen.allreduce([tensor], op), async_op)


def all_reduce_coalesced(
    tensors: Any, op: Any = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """:func:`all_reduce` of several tensors."""
    tensors = [tensors] if isinstance(tensors, Tensor) else tensors
    check_tensors(tensors, "tensor")
    check_same_dtype(tensors)
    chosen = resolve_member(group, "all_reduce_coalesced")
    _check_complex("all_reduce", tensors, op)
    return None if chosen is None else _finish(chosen.allreduce(list(tensors), op), async_op)


def reduce(
    tensor: Tensor,
    dst: int | None = None,
    op: Any = ReduceOp.SUM,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Reduce ``tensor`` over all, for process ``dst``, in place."""
    check_tensor(tensor, "tensor")
    chosen = resolve_member(group, "reduce")
    return None if chosen is None else _finish(chosen.reduce(tensor, root_of(chosen, dst, group_dst), op), async_op)


def all_gather(
    tensor_list: list[Tensor], tensor: Tensor, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Write the ``tensor`` of each process into ``tensor_list``, everywhere."""
    check_tensors(tensor_list, "tensor_list")
    check_tensor(tensor, "tensor")
    check_same_dtype([*tensor_list, tensor])
    chosen = resolve_member(group, "all_gather")
    return None if chosen is None else _finish(chosen.allgather(tensor_list, tensor), async_op)


def all_gather_coalesced(
    output_tensor_lists: list[list[Tensor]],
    input_tensor_list: list[Tensor],
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """:func:`all_gather` of several tensors: list ``i`` of the outputs is what process ``i`` gave."""
    check_tensors(input_tensor_list, "input_tensor_list")
    if not isinstance(output_tensor_lists, list):
        raise TypeError(f"Invalid function argument: output_tensor_lists should be a list, not {type(output_tensor_lists)}")
    for outputs in output_tensor_lists:
        check_tensors(outputs, "output_tensor_lists")
    chosen = resolve_member(group, "all_gather_coalesced")
    if chosen is None:
        return None
    written: list[Tensor] = []
    for number, tensor in enumerate(input_tensor_list):
        written += chosen.allgather([outputs[number] for outputs in output_tensor_lists], tensor).result()
    return _finish(Work(written), async_op)


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """The inputs of all, one behind the other in ``output_tensor``, everywhere."""
    check_tensor(input_tensor, "input_tensor")
    check_tensor(output_tensor, "output_tensor")
    chosen = resolve_member(group, "all_gather_into_tensor")
    return None if chosen is None else _finish(chosen.allgather([output_tensor], input_tensor), async_op)


all_gather_single = all_gather_into_tensor


def gather(
    tensor: Tensor,
    gather_list: list[Tensor] | None = None,
    dst: int | None = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Write the ``tensor`` of each process into ``gather_list`` of process ``dst``, 0 by default."""
    check_tensor(tensor, "tensor")
    outputs = gather_list or []
    check_tensors(outputs, "gather_list")
    check_same_dtype([tensor, *outputs])
    chosen = resolve_member(group, "gather")
    if chosen is None:
        return None
    root = root_of(chosen, dst, group_dst, 0)
    check_given("gather_list", bool(outputs), root == chosen.rank(), "destination")
    return _finish(chosen.gather(outputs, tensor, root), async_op)


def scatter(
    tensor: Tensor,
    scatter_list: list[Tensor] | None = None,
    src: int | None = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Write into ``tensor`` of process ``i`` what stands there in the ``scatter_list`` of process ``src``, 0 by default."""
    check_tensor(tensor, "tensor")
    inputs = scatter_list or []
    check_tensors(inputs, "scatter_list")
    check_same_dtype([tensor, *inputs])
    chosen = resolve_member(group, "scatter")
    if chosen is None:
        return None
    root = root_of(chosen, src, group_src, 0)
    check_given("scatter_list", bool(inputs), root == chosen.rank(), "source")
    return _finish(chosen.scatter(tensor, inputs, root), async_op)


def reduce_scatter(
    output: Tensor,
    input_list: list[Tensor],
    op: Any = ReduceOp.SUM,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Reduce the lists over all, and give process ``i`` the tensor that stands there."""
    check_tensor(output, "output")
    check_tensors(input_list, "input_list")
    check_same_dtype([output, *input_list])
    chosen = resolve_member(group, "reduce_scatter")
    return None if chosen is None else _finish(chosen.reduce_scatter(output, input_list, op), async_op)


def reduce_scatter_tensor(
    output: Tensor, input: Tensor, op: Any = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Reduce ``input`` over all, and give each process its share of the rows."""
    check_tensor(output, "output")
    check_tensor(input, "input")
    chosen = resolve_member(group, "reduce_scatter_tensor")
    return None if chosen is None else _finish(chosen.reduce_scatter(output, [input], op), async_op)


reduce_scatter_single = reduce_scatter_tensor


def all_to_all(
    output_tensor_list: list[Tensor],
    input_tensor_list: list[Tensor],
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Send tensor ``i`` of the inputs to process ``i``; receive one of each."""
    check_tensors(output_tensor_list, "output_tensor_list")
    check_tensors(input_tensor_list, "input_tensor_list")
    check_same_dtype([*output_tensor_list, *input_tensor_list])
    chosen = resolve_member(group, "all_to_all")
    return None if chosen is None else _finish(chosen.alltoall(output_tensor_list, input_tensor_list), async_op)


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: list[int] | None = None,
    input_split_sizes: list[int] | None = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Send rows of ``input`` to each process, as many as ``input_split_sizes`` says (equally many by default)."""
    check_tensor(output, "output")
    check_tensor(input, "input")
    check_same_dtype([output, input])
    chosen = resolve_member(group, "all_to_all_single")
    sizes = output_split_sizes or [], input_split_sizes or []
    return None if chosen is None else _finish(chosen.alltoall_base(output, input, *sizes), async_op)


def barrier(
    group: ProcessGroup | None = None,
    async_op: bool = False,
    device_ids: Any = None,
    timeout: datetime.timedelta | None = None,
) -> Work | None:
    """Wait until all processes have come here."""
    chosen = resolve_member(group, "barrier")
    return None if chosen is None else _finish(chosen.barrier(), async_op)


def monitored_barrier(
    group: ProcessGroup | None = None, timeout: datetime.timedelta | None = None, wait_all_ranks: bool = False
) -> None:
    """:func:`barrier`, which says who has not come in time."""
    chosen = resolve_member(group, "monitored_barrier")
    check_timeout(timeout)
    if chosen is not None:
        chosen.barrier().wait()


def _finish(work: Work, async_op: bool) -> Work | None:
    if async_op:
        return work
    work.wait()
    return None


def resolve_member(group: Any, name: str) -> ProcessGroup | None:
    """The group that is meant, or None with a warning if this process is not in it."""
    return None if told_not_in(group, name) else resolve(group)


def check_tensor(value: Any, name: str) -> None:
    """``TypeError`` unless it is a tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of type torch.Tensor\n             "
            f"but got {type(value)} instead."
        )


def check_tensors(value: Any, name: str) -> None:
    """``TypeError`` unless it is a list of tensors."""
    if not isinstance(value, list) or not all(isinstance(tensor, Tensor) for tensor in value):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of type List[torch.Tensor]\n             "
            f"but got {type(value)} instead."
        )


def check_same_dtype(tensors: Iterable[Tensor]) -> None:
    """``ValueError`` unless all have one dtype."""
    first = None
    for tensor in tensors:
        first = tensor.dtype if first is None else first
        if tensor.dtype != first:
            raise ValueError(f"Invalid usage of tensors with different dtypesFound {first} and  {tensor.dtype}")


def check_given(name: str, given: bool, is_root: bool, root: str) -> None:
    """``ValueError`` unless the list is given where the tensors come from, or go to, and nowhere else."""
    if is_root and not given:
        raise ValueError(f"Argument ``{name}`` must be specified on {root} rank.")
    if given and not is_root:
        raise ValueError(f"Argument ``{name}`` must NOT be specified on non-{root} ranks.")


def _check_complex(name: str, tensors: list[Tensor], op: Any) -> None:
    if any(tensor.dtype.is_complex for tensor in tensors) and not supports_complex(op):
        raise ValueError(f"{name} does not support {kind_of(op)} on complex tensors")


def _deprecated(name: str, now: str) -> None:
    warnings.warn(f"`torch.distributed.{name}` will be deprecated. Use `torch.distributed.{now}`", FutureWarning, stacklevel=3)


def _all_gather_base(
    output_tensor: Tensor, input_tensor: Tensor, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """:func:`all_gather_into_tensor` by its old name."""
    _deprecated("_all_gather_base", "all_gather_into_tensor")
    return all_gather_into_tensor(output_tensor, input_tensor, group, async_op)


def _reduce_scatter_base(
    output: Tensor, input: Tensor, op: Any = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """:func:`reduce_scatter_tensor` by its old name."""
    _deprecated("_reduce_scatter_base", "reduce_scatter_tensor")
    return reduce_scatter_tensor(output, input, op, group, async_op)


def _broadcast_coalesced(process_group: ProcessGroup, tensors: list[Tensor], buffer_size: int, src: int = 0) -> None:
    """:func:`broadcast` of several tensors."""
    for tensor in tensors:
        process_group.broadcast(tensor, src)
