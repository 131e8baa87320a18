"""A module of which each of several processes has a copy, and whose gradients are averaged over them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ...distributed._c10d.world import default_group, resolve
from ...distributed.algorithms.join import Join, Joinable, JoinHook
from ..modules.module import Module
from ..parameter import UninitializedParameter
from ._communication import Reduction, check_hook

__all__ = ["DistributedDataParallel"]


@dataclasses.dataclass
class _MixedPrecision:
    """Dtypes in which parameters and buffers are used and gradients reduced."""

    param_dtype: Any = None
    reduce_dtype: Any = None
    buffer_dtype: Any = None


class _Reducer:
    """How gradients are averaged, as far as programs ask."""

    def __init__(self, parallel: DistributedDataParallel) -> None:
        self._parallel = parallel

    def prepare_for_backward(self, outputs: Any) -> None:
        """The gradients of the next backward pass are to be averaged, whatever was said before the forward pass."""
        reduction = self._parallel._reduction
        if reduction is not None:
            reduction.begin(True)

    def _rebuild_buckets(self) -> bool:
        """Gradients are sent one by one: there are no buckets to be laid out again."""
        return False


class DistributedDataParallel(Module, Joinable):
    """``module`` in a process group; the keys in ``state_dict`` begin with ``module.``.

    In a group of one process the average of the gradients over processes is the gradient, and buffers are everybody's, so
    ``forward`` is the module's, and how gradients would be sent (buckets, static graphs, unused parameters) is of no account.
    """

    def __init__(
        self,
        module: Module,
        device_ids: Any = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool | None = None,
        init_sync: bool = True,
        process_group: Any = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
        delay_all_reduce_named_params: Any = None,
        param_to_hook_all_reduce: Any = None,
        mixed_precision: _MixedPrecision | None = None,
        device_mesh: Any = None,
        skip_all_reduce_unused_params: bool = False,
        bucket_cap_mb_list: list[int] | None = None,
        batched_grad_copy: bool = False,
        forward_sync_buffers: bool | None = None,
    ) -> None:
        super().__init__()
        Joinable.__init__(self)
        if process_group is not None and device_mesh is not None:
            raise RuntimeError("Cannot specify both process_group and device_mesh arguments.")
        group = device_mesh.get_group(mesh_dim=0) if device_mesh is not None else process_group
        self.process_group = resolve(group, TypeError)
        if mixed_precision is not None:
            raise NotImplementedError("DistributedDataParallel(mixed_precision=…): use torch.autocast, or module.to(dtype)")
        ignored = getattr(module, "_ddp_params_and_buffers_to_ignore", ())
        self.parameters_to_ignore = set(ignored)
        parameters = [parameter for name, parameter in module.named_parameters() if name not in self.parameters_to_ignore]
        if not any(parameter.requires_grad for parameter in parameters):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter that requires a gradient."
            )
        if any(isinstance(parameter, UninitializedParameter) for parameter in parameters):
            raise RuntimeError(
                "Modules with uninitialized parameters can't be used with `DistributedDataParallel`. Run a dummy forward pass to "
                "correctly initialize the modules"
            )
        if device_ids is not None and len(device_ids) > 1:
            raise ValueError("device_ids can only be None or contain a single element.")
        if device_ids:
            devices = {parameter.device for parameter in parameters}
            raise ValueError(
                "DistributedDataParallel device_ids and output_device arguments only work with single-device/multiple-device GPU "
                f"modules or CPU modules, but got device_ids {device_ids}, output_device {output_device}, and module parameters "
                f"{devices}."
            )
        self.module = module
        self.device_ids = self.output_device = None
        self.device = parameters[0].device
        self.device_type = self.device.type
        self.is_multi_device_module = False
        self.dim = dim
        self.broadcast_buffers = True if broadcast_buffers is None else broadcast_buffers
        self.find_unused_parameters = find_unused_parameters
        self.gradient_as_bucket_view = gradient_as_bucket_view
        self.static_graph = static_graph
        self.mixed_precision = mixed_precision
        self.bucket_bytes_cap = int((25 if bucket_cap_mb is None else bucket_cap_mb) * 1024 * 1024)
        self.require_backward_grad_sync = True
        self.require_forward_param_sync = True
        self._reduction: Reduction | None = None

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """What the module gives."""
        if self._reduction is not None:
            self._reduction.begin(self.require_backward_grad_sync)
        return self.module(*inputs, **kwargs)

    @property
    def reducer(self) -> _Reducer:
        """What programs tell that a backward pass begins, if they call the module themselves."""
        return _Reducer(self)

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """A context in which gradients are added up and not averaged over processes."""
        before = self.require_backward_grad_sync
        self.require_backward_grad_sync = False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def join(
        self, divide_by_initial_world_size: bool = True, enable: bool = True, throw_on_early_termination: bool = False
    ) -> Join:
        """A context in which processes may have different numbers of batches."""
        return Join([self], enable, throw_on_early_termination, divide_by_initial_world_size=divide_by_initial_world_size)

    def join_hook(self, **kwargs: Any) -> JoinHook:
        """What is done for processes that have batches left: there are no others."""
        return JoinHook()

    @property
    def join_device(self) -> Any:
        """Where messages about the end of batches lie."""
        return self.device

    @property
    def join_process_group(self) -> Any:
        """Whose batches may end at different times."""
        return self.process_group

    def register_comm_hook(self, state: object, hook: Callable[..., Any]) -> None:
        """Have ``hook(state, bucket)`` reduce the gradients: it gives a ``torch.futures.Future`` of the vector that it was given.

        Each parameter's gradient is a bucket of its own. A hook can be given once.
        """
        check_hook(hook)
        if self._reduction is not None:
            raise RuntimeError("register_comm_hook or register_builtin_comm_hook can only be called once.")
        trained = [parameter for name, parameter in self.module.named_parameters() if name not in self.parameters_to_ignore]
        self._reduction = Reduction([parameter for parameter in trained if parameter.requires_grad], state, hook)

    def will_sync_module_buffers(self) -> bool:
        """Whether the next forward pass takes the buffers of process 0."""
        return self.require_forward_param_sync and self.broadcast_buffers and any(True for _ in self.module.buffers())

    def gather(self, outputs: Any, output_device: Any) -> Any:
        """What several devices gave, joined."""
        from .scatter_gather import gather

        return gather(outputs, output_device, self.dim)

    def scatter(self, inputs: Any, kwargs: Any, device_ids: Any) -> Any:
        """The arguments cut for several devices."""
        from .scatter_gather import scatter_kwargs

        return scatter_kwargs(inputs, kwargs, device_ids, self.dim)

    def _set_static_graph(self) -> None:
        """Promise that each pass uses the same parameters."""
        self.static_graph = True

    def _get_ddp_logging_data(self) -> dict[str, Any]:
        """How the module is shared, for logs."""
        return {
            "world_size": self.process_group.size(), "rank": self.process_group.rank(),
            "backend_name": self.process_group.name(), "module_name": type(self.module).__name__,
            "broadcast_buffers": int(self.broadcast_buffers), "bucket_cap_bytes": self.bucket_bytes_cap,
            "find_unused_parameters": int(self.find_unused_parameters), "static_graph": int(self.static_graph),
            "gradient_as_bucket_view": int(self.gradient_as_bucket_view),
        }  # fmt: skip

    @staticmethod
    def _set_params_and_buffers_to_ignore_for_model(module: Module, params_and_buffers_to_ignore: Iterable[str]) -> None:
        """Leave parameters and buffers with these names to each process."""
        module._ddp_params_and_buffers_to_ignore = params_and_buffers_to_ignore

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: not the group, of which the reader has its own."""
        if self.process_group is not default_group():
            raise RuntimeError("DDP Pickling/Unpickling are only supported when using DDP with the default process group.")
        return {name: value for name, value in self.__dict__.items() if name != "process_group"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.process_group = default_group()
