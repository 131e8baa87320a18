"""Messages from one process to another. In a group of one there is nobody else, so each is an error, as under PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.tensor import Tensor
from .collectives import check_tensor, resolve_member
from .group import ProcessGroup
from .work import Work
from .world import get_global_rank, resolve, root_of

__all__ = ["P2POp", "batch_isend_irecv", "irecv", "isend", "recv", "send"]


def isend(
    tensor: Tensor,
    dst: int | None = None,
    group: ProcessGroup | None = None,
    tag: int = 0,
    group_dst: int | None = None,
) -> Work | None:
    """Send ``tensor`` to process ``dst``, without waiting."""
    check_tensor(tensor, "tensor")
    chosen = resolve_member(group, "isend")
    return None if chosen is None else _nobody(chosen, root_of(chosen, dst, group_dst), "sending to")


def send(
    tensor: Tensor, dst: int | None = None, group: ProcessGroup | None = None, tag: int = 0, group_dst: int | None = None
) -> None:
    """Send ``tensor`` to process ``dst``. ``ValueError`` for this one."""
    check_tensor(tensor, "tensor")
    chosen = resolve_member(group, "send")
    if chosen is not None:
        peer = root_of(chosen, dst, group_dst)
        if peer == chosen.rank():
            raise ValueError(
                "Invalid destination rank: destination rank should not be the same as the rank of the current process."
            )
        _nobody(chosen, peer, "sending to")


def irecv(
    tensor: Tensor,
    src: int | None = None,
    group: ProcessGroup | None = None,
    tag: int = 0,
    group_src: int | None = None,
) -> Work | None:
    """Receive into ``tensor`` what process ``src`` sends (anyone by default), without waiting."""
    check_tensor(tensor, "tensor")
    chosen = resolve_member(group, "irecv")
    return None if chosen is None else _nobody(chosen, _sender(chosen, src, group_src), "receiving from")


def recv(
    tensor: Tensor, src: int | None = None, group: ProcessGroup | None = None, tag: int = 0, group_src: int | None = None
) -> int:
    """Receive into ``tensor`` what process ``src`` sends (anyone by default); returns who did."""
    check_tensor(tensor, "tensor")
    chosen = resolve_member(group, "recv")
    if chosen is not None:
        _nobody(chosen, _sender(chosen, src, group_src), "receiving from")
    return -1


def _sender(group: ProcessGroup, src: int | None, group_src: int | None) -> int | None:
    return None if src is None and group_src is None else root_of(group, src, group_src)


def _nobody(group: ProcessGroup, peer: int | None, what: str) -> Work:
    which = "any process" if peer is None else f"rank {peer}"
    raise RuntimeError(f"{what} {which}: rank {group.rank()} is alone in its group of {group.size()}, so no other is connected")


class P2POp:
    """One message of several, for :func:`batch_isend_irecv`: ``op`` is :func:`isend` or :func:`irecv`."""

    def __init__(
        self,
        op: Callable[..., Any],
        tensor: Tensor,
        peer: int | None = None,
        group: ProcessGroup | None = None,
        tag: int = 0,
        group_peer: int | None = None,
    ) -> None:
        if op not in (isend, irecv):
            raise ValueError(
                "Invalid ``op``. Expected ``op`` to be of type ``torch.distributed.isend`` or ``torch.distributed.irecv``."
            )
        check_tensor(tensor, "tensor")
        self.op = op
        self.tensor = tensor
        self.group = resolve(group)
        self.group_peer = root_of(self.group, peer, group_peer)
        self.peer = get_global_rank(self.group, self.group_peer)
        self.tag = tag

    def __repr__(self) -> str:
        return f"P2POp({self.op.__name__} peer={self.peer}, {self.tensor.shape}, {self.tensor.dtype})"


def batch_isend_irecv(p2p_op_list: list[P2POp]) -> list[Work]:
    """Begin several messages."""
    if not all(isinstance(each, P2POp) for each in p2p_op_list):
        raise ValueError("Invalid ``p2p_op_list``. Each op is expected to to be of type ``torch.distributed.P2POp``.")
    p2p_op_list[0]  # PyTorch's error for none
    works = [each.op(each.tensor, each.peer, each.group, each.tag) for each in p2p_op_list]
    return [work for work in works if work is not None]
