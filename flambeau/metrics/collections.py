"""Several metrics of the same batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flambeau import nn

from .metric import Metric


class MetricCollection(nn.ModuleDict):
    """Metrics by name (by class name, if given as a list); results come as a dict.

    ``prefix`` and ``postfix`` are put around the names of results.
    """

    def __init__(
        self,
        metrics: Metric | Sequence[Metric] | Mapping[str, Metric],
        *additional_metrics: Metric,
        prefix: str | None = None,
        postfix: str | None = None,
    ) -> None:
        super().__init__()
        self.prefix = prefix or ""
        self.postfix = postfix or ""
        if isinstance(metrics, Mapping):
            if additional_metrics:
                raise ValueError("You have passes extra arguments which are not compatible with a dict of metrics.")
            named = dict(metrics)
        else:
            listed = [*([metrics] if isinstance(metrics, Metric) else metrics), *additional_metrics]
            named = {}
            for metric in listed:
                name = type(metric).__name__
                if name in named:
                    raise ValueError(f"Encountered two metrics both named {name}")
                named[name] = metric
        for name, metric in named.items():
            if not isinstance(metric, Metric):
                raise ValueError(f"Value {metric} belonging to key {name} is not an instance of `torchmetrics.Metric`")
            self[name] = metric

    def _results(self, values: dict[str, Any]) -> dict[str, Any]:
        return {f"{self.prefix}{name}{self.postfix}": value for name, value in values.items()}

    def forward(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Gather a batch and return the results for it alone."""
        return self._results({name: metric(*args, **kwargs) for name, metric in self.items()})

    def update(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Gather a batch."""
        for metric in self.values():
            metric.update(*args, **kwargs)

    def compute(self) -> dict[str, Any]:
        """The results over all batches since the last reset."""
        return self._results({name: metric.compute() for name, metric in self.items()})

    def reset(self) -> None:
        """Forget all batches."""
        for metric in self.values():
            metric.reset()

    def clone(self, prefix: str | None = None, postfix: str | None = None) -> MetricCollection:
        """An independent copy, perhaps with other names."""
        made = MetricCollection({name: metric.clone() for name, metric in self.items()})
        made.prefix = self.prefix if prefix is None else prefix
        made.postfix = self.postfix if postfix is None else postfix
        return made
