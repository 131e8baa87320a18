"""Process groups, stores and reductions: what ``torch.distributed.distributed_c10d`` has of them."""

from ..distributed.distributed_c10d import *  # noqa: F403
