"""How good a model is, gathered over batches. PyTorch's name for it is torchmetrics."""

from ..version import torchmetrics_version as __version__
from . import functional
from .aggregation import MeanMetric, SumMetric
from .classification import (
    Accuracy,
    BinaryAccuracy,
    F1Score,
    MulticlassAccuracy,
    MultilabelAccuracy,
    Precision,
    Recall,
)
from .collections import MetricCollection
from .metric import Metric

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "F1Score",
    "MeanMetric",
    "Metric",
    "MetricCollection",
    "MulticlassAccuracy",
    "MultilabelAccuracy",
    "Precision",
    "Recall",
    "SumMetric",
    "__version__",
    "functional",
]
