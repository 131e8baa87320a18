"""Datasets, samplers and the loader that turns them into batches."""

# ruff: noqa: F403
from . import dataloader, dataset, sampler
from .dataloader import *
from .dataset import *
from .distributed import DistributedSampler
from .sampler import *

__all__ = [*dataloader.__all__, *dataset.__all__, *sampler.__all__, "DistributedSampler"]
