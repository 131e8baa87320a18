"""An optimiser whose state several processes share out: with one process, that process has all of it."""

from __future__ import annotations

import copy
from typing import Any

from ...core.tensor import Tensor
from ...optim.optimizer import Optimizer
from .._c10d.world import resolve
from ..algorithms.join import Joinable, JoinHook

__all__ = ["ZeroRedundancyOptimizer"]


class ZeroRedundancyOptimizer(Optimizer, Joinable):
    """``optimizer_class(params, **defaults)``, to which every step is left; it is :attr:`optim`."""

    def __init__(
        self,
        params: Any,
        optimizer_class: type[Optimizer],
        process_group: Any = None,
        parameters_as_bucket_view: bool = False,
        overlap_with_ddp: bool = False,
        **defaults: Any,
    ) -> None:
        self.process_group = resolve(process_group)
        self.world_size, self.rank = self.process_group.size(), self.process_group.rank()
        if overlap_with_ddp:
            raise NotImplementedError("ZeroRedundancyOptimizer(overlap_with_ddp=True): there is no communication to overlap with")
        given = [params] if isinstance(params, Tensor) else list(params)
        if not given:
            raise ValueError("ZeroRedundancyOptimizer got an empty parameter list")
        self.optim: Optimizer | None = None
        super().__init__(given, defaults)
        Joinable.__init__(self)
        self.optim = optimizer_class(self.param_groups, **defaults)
        self.param_groups = self.optim.param_groups
        self._consolidated: dict[str, Any] | None = None

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with options of its own."""
        if self.optim is None:
            super().add_param_group(param_group)
        else:
            self.optim.add_param_group(param_group)

    def step(self, closure: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """A step of the optimiser inside."""
        assert self.optim is not None
        return self.optim.step(closure=closure, **kwargs)

    def consolidate_state_dict(self, to: int = 0) -> None:
        """Gather the state in process ``to``, where :meth:`state_dict` gives it then."""
        assert self.optim is not None
        self._consolidated = copy.deepcopy(self.optim.state_dict())

    def state_dict(self) -> dict[str, Any]:
        """The state as it was last gathered. ``RuntimeError`` if it was not."""
        if self._consolidated is None:
            raise RuntimeError(
                "Optimizer state has not been consolidated on this rank. Please call `consolidate_state_dict(to="
                f"{self.rank})` on all ranks beforehand if you meant to save the global state."
            )
        return self._consolidated

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state of one that had as many parameters."""
        assert self.optim is not None
        self.optim.load_state_dict(state_dict)
        self.param_groups = self.optim.param_groups

    def join_hook(self, **kwargs: Any) -> JoinHook:
        """What is done for processes that have batches left: there are no others."""
        return JoinHook()

    @property
    def join_device(self) -> Any:
        """Where messages about the end of batches lie."""
        return self.param_groups[0]["params"][0].device

    @property
    def join_process_group(self) -> Any:
        """Whose batches may end at different times."""
        return self.process_group
