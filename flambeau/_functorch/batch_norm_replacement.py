"""Batch normalisation without running statistics, which ``vmap`` cannot update for each sample."""

from __future__ import annotations

from ..nn.modules.batchnorm import _BatchNorm
from ..nn.modules.module import Module


def batch_norm_without_running_stats(module: Module) -> None:
    """Have a layer of batch normalisation use the statistics of each batch."""
    if isinstance(module, _BatchNorm) and module.track_running_stats:
        module.running_mean = None
        module.running_var = None
        module.num_batches_tracked = None
        module.track_running_stats = False


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """:func:`batch_norm_without_running_stats` of a module and all within it; gives the module."""
    for module in root.modules():
        batch_norm_without_running_stats(module)
    return root
