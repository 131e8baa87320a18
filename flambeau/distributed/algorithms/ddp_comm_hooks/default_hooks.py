"""The average of gradients over processes, as they are or in a half type."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import flambeau

from ....core.tensor import Tensor
from ....futures import Future
from ....graph.dtypes import dtype
from ..._c10d.collectives import all_reduce
from ..._c10d.grad_bucket import GradBucket
from ..._c10d.group import ProcessGroup
from ..._c10d.world import resolve

__all__ = ["allreduce_hook", "bf16_compress_hook", "bf16_compress_wrapper", "fp16_compress_hook", "fp16_compress_wrapper"]


def _average(process_group: ProcessGroup | None, tensor: Tensor) -> Future[Tensor]:
    group = resolve(process_group)
    work = all_reduce(tensor.div_(group.size()), group=group, async_op=True)
    assert work is not None
    return work.get_future().then(lambda future: future.value()[0])


def _compressed(half: dtype, process_group: ProcessGroup | None, bucket: GradBucket) -> Future[Tensor]:
    """The average of the gradients rounded to ``half``."""
    buffer = bucket.buffer()
    averaged = _average(process_group, buffer.to(half))
    return averaged.then(lambda future: buffer.copy_(future.value()))


def allreduce_hook(process_group: ProcessGroup | None, bucket: GradBucket) -> Future[Tensor]:
    """The average of the gradients, as without a hook."""
    return _average(process_group, bucket.buffer())


def fp16_compress_hook(process_group: ProcessGroup | None, bucket: GradBucket) -> Future[Tensor]:
    """The average of the gradients in float16."""
    return _compressed(flambeau.float16, process_group, bucket)


def bf16_compress_hook(process_group: ProcessGroup | None, bucket: GradBucket) -> Future[Tensor]:
    """The average of the gradients in bfloat16."""
    return _compressed(flambeau.bfloat16, process_group, bucket)


def _around(hook: Callable[[Any, GradBucket], Future[Tensor]], half: dtype) -> Callable[[Any, GradBucket], Future[Tensor]]:
    @functools.wraps(hook)
    def compressing(hook_state: Any, bucket: GradBucket) -> Future[Tensor]:
        buffer = bucket.buffer()
        bucket.set_buffer(buffer.to(half))
        return hook(hook_state, bucket).then(lambda future: buffer.copy_(future.value()))

    return compressing


def fp16_compress_wrapper(hook: Callable[[Any, GradBucket], Future[Tensor]]) -> Callable[[Any, GradBucket], Future[Tensor]]:
    """``hook`` with gradients in float16."""
    return _around(hook, flambeau.float16)


def bf16_compress_wrapper(hook: Callable[[Any, GradBucket], Future[Tensor]]) -> Callable[[Any, GradBucket], Future[Tensor]]:
    """``hook`` with gradients in bfloat16."""
    return _around(hook, flambeau.bfloat16)
