"""Several copies of a module at work at once: on one device, and as one process of one, each is the module itself."""

from __future__ import annotations

from typing import Any

from .data_parallel import DataParallel, data_parallel
from .distributed import DistributedDataParallel
from .parallel_apply import parallel_apply
from .replicate import replicate
from .scatter_gather import gather, scatter

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "gather", "parallel_apply", "replicate", "scatter"]


def DistributedDataParallelCPU(*args: Any, **kwargs: Any) -> DistributedDataParallel:
    """:class:`DistributedDataParallel` by an old name."""
    import warnings

    words = "torch.nn.parallel.DistributedDataParallelCPU is deprecated, please use `torch.nn.parallel.DistributedDataParallel`"
    warnings.warn(words, FutureWarning, stacklevel=2)
    return DistributedDataParallel(*args, **kwargs)
