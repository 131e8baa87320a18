"""Layers that several processes share out: with one process, each layer is whole and stays as it is."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from ....nn.modules.linear import Linear
from ....nn.modules.module import Module
from ....nn.modules.sparse import Embedding
from ..._c10d.errors import more_than_one
from ...device_mesh import DeviceMesh

__all__ = [
    "ColwiseParallel", "ParallelStyle", "PrepareModuleInput", "PrepareModuleInputOutput", "PrepareModuleOutput",
    "RowwiseParallel", "SequenceParallel", "loss_parallel", "parallelize_module",
]  # fmt: skip


class ParallelStyle:
    """How a layer is shared out."""

    src_data_rank: int | None = 0

    def _apply(self, module: Module) -> None:
        """Share ``module`` out over one process: nothing changes."""


class _OfWeights(ParallelStyle):
    """One that knows what the weights of a layer mean."""

    def _apply(self, module: Module) -> None:
        if not isinstance(module, (Linear, Embedding)):
            raise NotImplementedError(f"{type(self).__name__} currently only support nn.Linear and nn.Embedding!")


@dataclasses.dataclass(kw_only=True, eq=False)
class ColwiseParallel(_OfWeights):
    """Each process has some of the outputs."""

    input_layouts: Any = None
    output_layouts: Any = None
    use_local_output: bool = True


@dataclasses.dataclass(kw_only=True, eq=False)
class RowwiseParallel(_OfWeights):
    """Each process has the weights of some of the inputs."""

    input_layouts: Any = None
    output_layouts: Any = None
    use_local_output: bool = True


@dataclasses.dataclass(kw_only=True, eq=False)
class SequenceParallel(ParallelStyle):
    """Each process has some of the positions."""

    sequence_dim: int = 1
    use_local_output: bool = False


@dataclasses.dataclass(kw_only=True, eq=False)
class PrepareModuleInput(ParallelStyle):
    """The inputs are shared out otherwise before the layer."""

    input_layouts: Any = None
    desired_input_layouts: Any = None
    input_kwarg_layouts: Any = None
    desired_input_kwarg_layouts: Any = None
    use_local_output: bool = False


@dataclasses.dataclass(kw_only=True, eq=False)
class PrepareModuleOutput(ParallelStyle):
    """The outputs are shared out otherwise behind the layer."""

    output_layouts: Any
    desired_output_layouts: Any
    use_local_output: bool = True


@dataclasses.dataclass(kw_only=True, eq=False)
class PrepareModuleInputOutput(ParallelStyle):
    """Both."""

    input_layouts: Any = None
    desired_input_layouts: Any = None
    input_kwarg_layouts: Any = None
    desired_input_kwarg_layouts: Any = None
    use_local_input: bool = False
    output_layouts: Any
    desired_output_layouts: Any
    use_local_output: bool = True


def parallelize_module(
    module: Module, device_mesh: DeviceMesh | None = None, parallelize_plan: Any = None, *, src_data_rank: int | None = 0
) -> Module:
    """Share the layers of ``module`` out as the plan says: over one process, which leaves it as it is.

    The plan is a :class:`ParallelStyle`, or has one for each of several names of modules inside, which may have ``*``.
    PyTorch's parameters become ``DTensor``; here they stay parameters.
    """
    if device_mesh is None or device_mesh.size() != 1:
        raise more_than_one("torch.distributed.tensor.parallel.parallelize_module")
    if not isinstance(parallelize_plan, (ParallelStyle, dict)):
        raise TypeError(
            "Expect Union[ParallelStyle, Dict[str, ParallelStyle]] for parallelize_plan, "
            f"{type(parallelize_plan)} found!"
        )
    plan = {"": parallelize_plan} if isinstance(parallelize_plan, ParallelStyle) else parallelize_plan
    for pattern, style in plan.items():
        inside = [each for name, each in module.named_modules() if fnmatchcase(name, pattern)]
        if not inside:
            warnings.warn(f"Parallelize plan key '{pattern}' could not be resolved: no submodule matching it", stacklevel=2)
        for each in inside:
            style._apply(each)
    return module


@contextlib.contextmanager
def loss_parallel() -> Iterator[None]:
    """A context in which losses are computed where their inputs lie: as always."""
    yield
