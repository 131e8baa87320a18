"""How good a model is, gathered over batches. PyTorch's name for it is torchmetrics."""

# ruff: noqa: F403
from ..version import torchmetrics_version as __version__
from . import aggregation, classification, functional
from .aggregation import *
from .classification import *
from .collections import MetricCollection
from .metric import Metric

__all__ = [*aggregation.__all__, *classification.__all__, "Metric", "MetricCollection", "__version__", "functional"]
