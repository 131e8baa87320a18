"""A process group, and what its collectives do where it has one process.

What is found wrong here is what PyTorch's Gloo group finds wrong, in the same order and with errors of the same type.
Results are written into the memory of the tensors given; no history is recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.modes import no_grad
from ...core.tensor import Tensor
from ...graph import dtypes
from .backend import Backend
from .reduce_op import BITWISE, ReduceOp, kind_of
from .store import HashStore, Store
from .work import Work

__all__ = ["ProcessGroup"]

_CARRIED_NAMES = "float32 float64 float16 bfloat16 int8 uint8 int32 int64 bool complex64 complex128".split()
CARRIED = {dtype for dtype in dtypes.ALL if dtype.name in _CARRIED_NAMES}
"""The dtypes that Gloo carries."""


class ProcessGroup:
    """Some of the processes: ``ProcessGroup(rank, size)`` or ``ProcessGroup(store, rank, size)``.

    ``ranks`` are the members' numbers among all processes. The methods that move tensors are called by the functions of
    ``torch.distributed``, which check their arguments first; each returns :class:`Work`.
    """

    def __init__(self, *given: Any, ranks: Sequence[int] = (0,), backend: Backend | None = None, description: str = "") -> None:
        self._store: Store = given[0] if len(given) == 3 else HashStore()
        if len(given) not in (2, 3) or not isinstance(self._store, Store):
            raise TypeError("ProcessGroup() takes (rank, size) or (store, rank, size)")
        self._rank, self._size = (int(number) for number in given[-2:])
        self.ranks = list(ranks)
        self.backend = Backend(Backend.GLOO) if backend is None else backend
        self.group_desc = description
        self.group_name = ""
        self.bound_device_id = None

    def rank(self) -> int:
        """This process's number in the group."""
        return self._rank

    def size(self) -> int:
        """How many processes there are."""
        return self._size

    def name(self) -> str:
        """The library that carries messages."""
        return str(Backend.GLOO)

    def get_group_store(self) -> Store:
        """The table by which the members find each other."""
        return self._store

    def barrier(self) -> Work:
        """Wait for all members."""
        return Work()

    def broadcast(self, tensor: Tensor, root: int) -> Work:
        """``tensor`` of ``root``, for all."""
        self._check_root("broadcast", root)
        _check_carried(tensor)
        return Work([tensor])

    def allreduce(self, tensors: list[Tensor], op: Any) -> Work:
        """The reduction over all members, for all."""
        for tensor in tensors:
            _check_reduction(tensor, op)
        return Work(tensors)

    def reduce(self, tensor: Tensor, root: int, op: Any) -> Work:
        """The reduction over all members, for ``root``."""
        self._check_root("reduce", root)
        _check_reduction(tensor, op)
        return Work([tensor])

    def allgather(self, outputs: list[Tensor], tensor: Tensor) -> Work:
        """The tensors of all members, for all."""
        if len(outputs) != self._size:
            raise RuntimeError(
                "ProcessGroupGloo::allgather: invalid output tensor list at index 0 "
                f"(expected length {self._size}, got {len(outputs)})"
            )
        return self._copied("allgather", outputs, [tensor], like=tensor)

    def gather(self, outputs: list[Tensor], tensor: Tensor, root: int) -> Work:
        """The tensors of all members, for ``root``."""
        self._check_root("gather", root)
        self._check_length("gather", "output", outputs)
        return self._copied("gather", outputs, [tensor], like=tensor)

    def scatter(self, output: Tensor, inputs: list[Tensor], root: int) -> Work:
        """One of the ``inputs`` of ``root`` for each member."""
        self._check_root("scatter", root)
        self._check_length("scatter", "input", inputs)
        return self._copied("scatter", [output], inputs, like=output)

    def reduce_scatter(self, output: Tensor, inputs: list[Tensor], op: Any) -> Work:
        """Of the reductions over all members' ``inputs``, one for each member."""
        if len(inputs) != self._size:
            raise RuntimeError("invalid input tensor list size, must be world size")
        _check_reduction(output, op)
        return self._copied("reduce_scatter", [output], inputs, like=output)

    def alltoall(self, outputs: list[Tensor], inputs: list[Tensor]) -> Work:
        """One of the ``inputs`` of each member for each member."""
        if len(inputs) != self._size:
            raise RuntimeError(
                f"ProcessGroupGloo::alltoall: input tensor list size {len(inputs)} does not match world size {self._size}"
            )
        if [tensor.numel() for tensor in outputs] != [tensor.numel() for tensor in inputs]:
            raise RuntimeError("ProcessGroupGloo::alltoall: input and output tensors must have the same size")
        for output, tensor in zip(outputs, inputs, strict=True):
            _check_carried(tensor)
            write(output, tensor)
        return Work(outputs)

    def alltoall_base(self, output: Tensor, tensor: Tensor, output_sizes: list[int], input_sizes: list[int]) -> Work:
        """Rows of ``tensor`` for each member, in one tensor."""
        for sizes, whole in ((input_sizes, tensor), (output_sizes, output)):
            if sizes and len(sizes) != self._size:
                raise RuntimeError("Number of tensor splits not equal to group size")
            if sizes and sum(sizes) != whole.size(0):
                raise RuntimeError("Split sizes doesn't match total dim 0 size")
        if not (output.is_contiguous() and tensor.is_contiguous()):
            raise ValueError("Tensors must be contiguous")
        _check_carried(tensor)
        if output.numel() != tensor.numel():
            raise RuntimeError(f"all_to_all_single: an input of {tensor.numel()} elements for an output of {output.numel()}")
        write(output, tensor)
        return Work([output])

    def _copied(self, name: str, outputs: list[Tensor], inputs: list[Tensor], like: Tensor) -> Work:
        """Write each input into its output; all must be as ``like``."""
        for tensor in (*outputs, *inputs):
            if tensor.dtype != like.dtype:
                raise RuntimeError(
                    f"ProcessGroupGloo::{name}: invalid tensor type at index 0 (expected {like.dtype}, got {tensor.dtype})"
                )
            if tensor.size() != like.size():
                raise RuntimeError(
                    f"ProcessGroupGloo::{name}: invalid tensor size at index 0 "
                    f"(expected {_sizes(like)}, got {_sizes(tensor)})"
                )
        _check_carried(like)
        for output, tensor in zip(outputs, inputs, strict=True):
            write(output, tensor)
        return Work(outputs)

    def _check_root(self, name: str, root: int) -> None:
        if not isinstance(root, int):
            raise TypeError(f"{name}(): a rank must be an int, not {type(root).__name__}")
        if not 0 <= root < self._size:
            raise RuntimeError(f"ProcessGroupGloo::{name}: invalid root rank: {root}")

    def _check_length(self, name: str, which: str, tensors: list[Tensor]) -> None:
        if len(tensors) != self._size:
            raise RuntimeError(
                f"ProcessGroupGloo::{name}: Incorrect {which} list size {len(tensors)}. "
                f"{which.capitalize()} list size should be {self._size}, same as size of the process group."
            )


def write(output: Tensor, tensor: Tensor) -> None:
    """Put the values of ``tensor`` into ``output``, of which the history is none of its business."""
    with no_grad():
        target = output.detach()
        target.copy_(tensor.detach().reshape(target.shape))


def _sizes(tensor: Tensor) -> str:
    return f"({', '.join(map(str, tensor.size()))})"


def _check_carried(tensor: Tensor) -> None:
    if tensor.dtype not in CARRIED:
        raise RuntimeError(f"Invalid scalar type: {tensor.dtype} is none that Gloo carries")


def _check_reduction(tensor: Tensor, op: Any) -> None:
    kind = kind_of(op)
    if not isinstance(kind, ReduceOp.RedOpType) or kind in (ReduceOp.PREMUL_SUM, ReduceOp.UNUSED):
        raise TypeError(f"a reduction must be one of torch.distributed.ReduceOp that Gloo has, not {op!r}")
    _check_carried(tensor)
    exact = not tensor.dtype.is_floating_point and not tensor.dtype.is_complex
    if kind is ReduceOp.AVG and exact:
        raise RuntimeError(f"result type Float can't be cast to the desired output type {tensor.dtype}")
    if kind in BITWISE and not exact:
        raise RuntimeError(f"Cannot use ReduceOp.{kind.name} with non-integral dtype")
