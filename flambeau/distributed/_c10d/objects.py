"""Collectives on anything that can be pickled: what comes from a process is a copy."""

from __future__ import annotations

import pickle
from typing import Any

import flambeau

from ...core.tensor import Tensor
from .collectives import check_given, resolve_member
from .group import ProcessGroup
from .point_to_point import recv, send
from .world import root_of

__all__ = [
    "all_gather_object", "broadcast_object_list", "gather_object", "recv_object_list", "scatter_object_list", "send_object_list",
]  # fmt: skip


def all_gather_object(object_list: list[Any], obj: Any, group: ProcessGroup | None = None) -> None:
    """Put the ``obj`` of each process into ``object_list``, everywhere."""
    if resolve_member(group, "all_gather_object") is not None:
        object_list[0] = _copy(obj)


def gather_object(
    obj: Any,
    object_gather_list: list[Any] | None = None,
    dst: int | None = None,
    group: ProcessGroup | None = None,
    group_dst: int | None = None,
) -> None:
    """Put the ``obj`` of each process into ``object_gather_list`` of process ``dst``, 0 by default."""
    chosen = resolve_member(group, "gather_object")
    if chosen is None:
        return
    root = root_of(chosen, dst, group_dst, 0)
    check_given("gather_list", bool(object_gather_list), root == chosen.rank(), "destination")
    chosen._check_root("gather", root)
    if object_gather_list is not None:
        object_gather_list[0] = _copy(obj)


def broadcast_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: ProcessGroup | None = None,
    device: Any | None = None,
    group_src: int | None = None,
) -> None:
    """Give all what stands in ``object_list`` of process ``src``."""
    chosen = resolve_member(group, "broadcast_object_list")
    if chosen is None:
        return
    chosen._check_root("broadcast", root_of(chosen, src, group_src, 0))
    for each in object_list:
        pickle.dumps(each)  # who sends keeps what it has, if it can be sent


def scatter_object_list(
    scatter_object_output_list: list[Any],
    scatter_object_input_list: list[Any] | None = None,
    src: int | None = None,
    group: ProcessGroup | None = None,
    group_src: int | None = None,
) -> None:
    """Put first into the list of process ``i`` what stands there in the input list of process ``src``, 0 by default."""
    chosen = resolve_member(group, "scatter_object_list")
    if chosen is None:
        return
    if not isinstance(scatter_object_output_list, list) or not scatter_object_output_list:
        raise ValueError("Expected argument scatter_object_output_list to be a list of size at least 1.")
    root = root_of(chosen, src, group_src, 0)
    if root == chosen.rank() and scatter_object_input_list is None:
        raise ValueError("source rank must provide non-None scatter_object_input_list")
    chosen._check_root("broadcast", root)
    inputs = scatter_object_input_list or []
    chosen._check_length("scatter", "input", inputs)
    scatter_object_output_list[0] = _copy(inputs[0])


def send_object_list(
    object_list: list[Any],
    dst: int | None = None,
    group: ProcessGroup | None = None,
    device: Any | None = None,
    group_dst: int | None = None,
    use_batch: bool = False,
) -> None:
    """Send what stands in ``object_list`` to process ``dst``."""
    send(_object_to_tensor(object_list)[0], dst, group, group_dst=group_dst)


def recv_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: ProcessGroup | None = None,
    device: Any | None = None,
    group_src: int | None = None,
    use_batch: bool = False,
) -> int:
    """Receive into ``object_list`` what process ``src`` sends; returns who did."""
    return recv(_object_to_tensor(object_list)[0], src, group, group_src=group_src)


def _copy(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def _object_to_tensor(obj: Any, device: Any = None, group: ProcessGroup | None = None) -> tuple[Tensor, Tensor]:
    """The bytes of a pickle, and how many there are."""
    content = flambeau.frombuffer(bytearray(pickle.dumps(obj)), dtype=flambeau.uint8)
    return content, flambeau.tensor([content.numel()])


def _tensor_to_object(tensor: Tensor, tensor_size: Any, group: ProcessGroup | None = None) -> Any:
    """What was pickled into the first bytes of a tensor."""
    return pickle.loads(bytes(tensor[: int(tensor_size)].tolist()))
