"""Means and sums over batches."""

from __future__ import annotations

from typing import Any

import flambeau

from .metric import Metric

__all__ = ["MeanMetric", "SumMetric"]


class SumMetric(Metric):
    """The sum of all values."""

    sum_value: Any

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("sum_value", flambeau.zeros(()), dist_reduce_fx="sum")

    def update(self, value: Any) -> None:
        """Gather numbers."""
        self.sum_value = self.sum_value + flambeau.as_tensor(value, dtype=flambeau.float32).sum()

    def compute(self) -> Any:
        """The sum."""
        return self.sum_value


class MeanMetric(Metric):
    """The mean of all values, each with a weight."""

    mean_value: Any
    weight: Any

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("mean_value", flambeau.zeros(()), dist_reduce_fx="sum")
        self.add_state("weight", flambeau.zeros(()), dist_reduce_fx="sum")

    def update(self, value: Any, weight: Any = 1.0) -> None:
        """Gather numbers; weights are broadcast to them."""
        values = flambeau.as_tensor(value, dtype=flambeau.float32)
        weights = flambeau.as_tensor(weight, dtype=flambeau.float32).expand(values.shape)
        self.mean_value = self.mean_value + (values * weights).sum()
        self.weight = self.weight + weights.sum()

    def compute(self) -> Any:
        """The mean; NaN of nothing."""
        return self.mean_value / self.weight
