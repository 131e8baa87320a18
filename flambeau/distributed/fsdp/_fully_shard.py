"""The newer way to share parameters out, which marks a module: with one process its parameters stay as they are."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from ...nn.modules.module import Module
from .._c10d.world import default_group, init_process_group, is_initialized

__all__ = [
    "CPUOffloadPolicy", "DataParallelMeshDims", "FSDPModule", "MixedPrecisionPolicy", "OffloadPolicy", "UnshardHandle",
    "fully_shard", "register_fsdp_forward_method", "share_comm_ctx",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class MixedPrecisionPolicy:
    """The dtypes in which parameters are used, gradients reduced and results given."""

    param_dtype: Any = None
    reduce_dtype: Any = None
    output_dtype: Any = None
    cast_forward_inputs: bool = True


@dataclasses.dataclass
class OffloadPolicy:
    """Where parameters lie while they are not used: where they are."""


@dataclasses.dataclass
class CPUOffloadPolicy(OffloadPolicy):
    """In the processor's memory."""

    pin_memory: bool = True


@dataclasses.dataclass(frozen=True)
class DataParallelMeshDims:
    """The sides of a mesh over which parameters are shared out, and repeated."""

    shard: str | tuple[str, ...] | None = None
    replicate: str | tuple[str, ...] | None = None


_AS_IT_IS, _WHERE_IT_IS = MixedPrecisionPolicy(), OffloadPolicy()


class UnshardHandle:
    """Parameters that are being gathered."""

    def wait(self) -> None:
        """Wait until they are there: they always are."""


class FSDPModule:
    """What :func:`fully_shard` makes of a module's class besides: how and when parameters are sent, which none is."""

    def reshard(self) -> None:
        """Keep this process's part alone: that is all."""

    def unshard(self, async_op: bool = False) -> UnshardHandle | None:
        """Gather the parameters: they are there."""
        return UnshardHandle() if async_op else None

    def set_is_last_backward(self, is_last_backward: bool) -> None:
        """Whether gradients are complete after the next backward pass."""

    def set_requires_gradient_sync(self, requires_gradient_sync: bool, *, recurse: bool = True) -> None:
        """Whether gradients are reduced over processes."""

    def set_requires_all_reduce(self, requires_all_reduce: bool, *, recurse: bool = True) -> None:
        """Whether they are reduced over those who repeat the same parameters."""

    def set_reshard_after_forward(self, reshard_after_forward: bool, recurse: bool = True) -> None:
        """Whether to keep a part alone after a forward pass."""

    def set_reshard_after_backward(self, reshard_after_backward: bool, *, recurse: bool = True) -> None:
        """Whether to keep a part alone after a backward pass."""

    def set_modules_to_forward_prefetch(self, modules: list[FSDPModule]) -> None:
        """Whose parameters to gather ahead in a forward pass."""

    def set_modules_to_backward_prefetch(self, modules: list[FSDPModule]) -> None:
        """Whose parameters to gather ahead in a backward pass."""

    def set_unshard_in_backward(self, unshard_in_backward: bool) -> None:
        """Whether to gather parameters in a backward pass."""


def fully_shard(
    module: Any,
    *,
    mesh: Any = None,
    reshard_after_forward: bool | int | None = None,
    shard_placement_fn: Any = None,
    mp_policy: MixedPrecisionPolicy = _AS_IT_IS,
    offload_policy: OffloadPolicy = _WHERE_IT_IS,
    ignored_params: set[Any] | None = None,
    dp_mesh_dims: DataParallelMeshDims | None = None,
) -> Any:
    """Mark ``module`` (or several) as an :class:`FSDPModule` and return it.

    PyTorch's parameters become ``DTensor``; here they stay parameters. ``NotImplementedError`` for another dtype.
    """
    if not is_initialized() and mesh is None:
        init_process_group()
    default_group()
    if mp_policy.param_dtype is not None or mp_policy.reduce_dtype is not None or mp_policy.output_dtype is not None:
        raise NotImplementedError("fully_shard(mp_policy=…): use torch.autocast, or module.to(dtype)")
    for each in module if isinstance(module, (list, tuple)) else [module]:
        if not isinstance(each, Module):
            raise ValueError(f"fully_shard: expected a module, got {type(each).__name__}")
        if isinstance(each, FSDPModule):
            raise AssertionError("Each distinct composable distributed API can only be applied to a module once.")
        kind = type(each)
        each.__class__ = type(f"FSDP{kind.__name__}", (FSDPModule, kind), {"__module__": kind.__module__})
    return module


def register_fsdp_forward_method(module: Module, method_name: str) -> None:
    """Let a method count as a forward pass: parameters are there for any."""
    if not inspect.isroutine(getattr(module, method_name, None)):
        raise ValueError(f"{type(module)} does not have a method {method_name}")


def share_comm_ctx(modules: list[FSDPModule]) -> None:
    """Let several modules send in turn: none does."""
