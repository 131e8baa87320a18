"""Metrics of classification over batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import flambeau

from .functional.classification import (
    Counts,
    accuracy_of,
    check_average,
    check_multidim_average,
    check_task,
    count,
    f1_score_of,
    infer_task,
    precision_of,
    recall_of,
)
from .metric import Metric

__all__ = [
    "Accuracy", "BinaryAccuracy", "F1Score", "MulticlassAccuracy", "MultilabelAccuracy", "Precision", "Recall",
]  # fmt: skip


_ARGUMENTS = """

    ``task``: ``binary``, ``multiclass`` (with ``num_classes``) or ``multilabel`` (with ``num_labels``); by default it
    is taken from the first batch. ``preds`` are classes, probabilities or logits; ``average`` is ``micro``, ``macro``,
    ``weighted`` or ``none``. With ``top_k``, an answer is right if it is among the ``top_k`` greatest scores.
    """


class _FromCounts(Metric):
    """A ratio of right and wrong answers; subclasses say which, and are described by it."""

    is_differentiable = False
    higher_is_better = True
    #: The function of counts, task, average and ``top_k``.
    _ratio: ClassVar[Callable[..., Any]]

    def __init_subclass__(cls, ratio: Callable[..., Any] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if ratio is not None:
            cls._ratio = staticmethod(ratio)
            cls.__doc__ = f"{ratio.__doc__}{_ARGUMENTS}"

    def __init__(
        self,
        task: str | None = None,
        threshold: float = 0.5,
        num_classes: int | None = None,
        num_labels: int | None = None,
        average: str | None = "micro",
        multidim_average: str = "global",
        top_k: int | None = 1,
        ignore_index: int | None = None,
        validate_args: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if task is not None:
            check_task(task, num_labels if task == "multilabel" else num_classes)
        check_multidim_average(multidim_average)
        check_average(average)
        self.task = task
        self.threshold = threshold
        self.num_classes = num_classes
        self.num_labels = num_labels
        self.average = average
        self.top_k = top_k or 1
        self.ignore_index = ignore_index
        self._fixed_task = task
        for name in Counts._fields:
            self.add_state(name, flambeau.zeros(self._size() or 1, dtype=flambeau.int64), dist_reduce_fx="sum")

    def _size(self) -> int | None:
        return self.num_labels if self.task == "multilabel" else self.num_classes

    def update(self, preds: Any, target: Any) -> None:
        """Gather a batch of answers and what they should have been."""
        size = self._size()
        if self._fixed_task is None:
            task, found = infer_task(preds, target)
            # Classes may turn up that were not seen before.
            size = max(found, size or 0)
            self.task = task
            if task == "multilabel":
                self.num_labels = size
            elif task == "multiclass":
                self.num_classes = size
        assert self.task is not None
        counts = count(self.task, preds, target, size, self.threshold, self.top_k, self.ignore_index)
        for name, new in zip(Counts._fields, counts):
            old = getattr(self, name)
            missing = new.shape[0] - old.shape[0]
            if missing > 0:
                old = flambeau.cat([old, flambeau.zeros(missing, dtype=flambeau.int64)])
            setattr(self, name, old + new)

    def compute(self) -> Any:
        """The ratio over all batches."""
        counts = Counts(*(getattr(self, name) for name in Counts._fields))
        return self._ratio(counts, self.task or "multiclass", self.average, self.top_k)


class Accuracy(_FromCounts, ratio=accuracy_of):
    pass


class Precision(_FromCounts, ratio=precision_of):
    pass


class Recall(_FromCounts, ratio=recall_of):
    pass


class F1Score(_FromCounts, ratio=f1_score_of):
    pass


class BinaryAccuracy(Accuracy):
    """:class:`Accuracy` of yes-or-no answers."""

    def __init__(self, threshold: float = 0.5, ignore_index: int | None = None, **kwargs: Any) -> None:
        super().__init__("binary", threshold, ignore_index=ignore_index, **kwargs)


class MulticlassAccuracy(Accuracy):
    """:class:`Accuracy` of one class out of several; by default the mean over classes."""

    def __init__(
        self,
        num_classes: int,
        top_k: int = 1,
        average: str | None = "macro",
        ignore_index: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            "multiclass", num_classes=num_classes, top_k=top_k, average=average, ignore_index=ignore_index, **kwargs
        )


class MultilabelAccuracy(Accuracy):
    """:class:`Accuracy` of several yes-or-no answers; by default the mean over labels."""

    def __init__(
        self,
        num_labels: int,
        threshold: float = 0.5,
        average: str | None = "macro",
        ignore_index: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            "multilabel", threshold, num_labels=num_labels, average=average, ignore_index=ignore_index, **kwargs
        )
